"""What the diagnosis network is shown."""

import numpy as np
import pytest

from ecgsvc import dsp
from ecgsvc.domain.waveform import STANDARD_LEADS, Waveform
from ecgsvc.inference import SignalTools
from ecgsvc.inference.diagnosis_inputs import (
    DIAGNOSIS_LEADS,
    build_diagnosis_inputs,
    filter_leads,
    person_features,
    standardise,
    windows_of,
)
from ecgsvc.simulation import SimulationSettings, simulate

TOOLS = SignalTools(band_pass=dsp.band_pass, resample=dsp.resample)
EIGHT_LEADS = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")


def an_ecg(**settings: object) -> Waveform:
    return simulate(SimulationSettings(**settings)).recording.waveform  # type: ignore[arg-type]


def test_eight_leads_hold_what_twelve_show():
    twelve = an_ecg()
    eight = twelve.select(EIGHT_LEADS)
    both = [filter_leads(waveform, TOOLS) for waveform in (twelve, eight)]
    np.testing.assert_allclose(both[0], both[1], atol=2e-3)


def test_the_order_of_the_leads_does_not_matter():
    ecg = an_ecg()
    turned = ecg.select(ecg.leads[::-1])
    np.testing.assert_array_equal(filter_leads(ecg, TOOLS), filter_leads(turned, TOOLS))


def test_a_gain_moves_sizes_and_not_shapes():
    leads_mv = filter_leads(an_ecg(), TOOLS)[np.newaxis]
    known = np.ones(1, dtype=bool)
    signal, leads = standardise(leads_mv, known)
    doubled_signal, doubled_leads = standardise(2 * leads_mv, known)
    np.testing.assert_allclose(signal, doubled_signal, atol=1e-5)
    np.testing.assert_allclose(doubled_leads[..., 2] - leads[..., 2], np.log(2), atol=1e-5)


def test_a_missing_lead_and_a_flat_one_are_absent():
    ecg = an_ecg().select(("I", "V2", "V5"))
    samples = ecg.samples_mv.copy()
    samples[1] = 0.3
    inputs = build_diagnosis_inputs(
        filter_leads(Waveform(samples, ecg.sampling_rate_hz, ecg.leads), TOOLS), 60, None
    )
    assert inputs is not None
    present = dict(zip(DIAGNOSIS_LEADS, inputs.leads[0, :, 0], strict=True))
    assert {lead for lead, there in present.items() if there} == {"I", "V5"}
    assert not inputs.signal[0, DIAGNOSIS_LEADS.index("V2")].any()
    assert np.isfinite(inputs.signal).all()
    assert np.isfinite(inputs.leads).all()


def test_sizes_that_are_not_known_are_not_shown():
    leads_mv = filter_leads(an_ecg(), TOOLS)[np.newaxis]
    _, leads = standardise(leads_mv, np.zeros(1, dtype=bool))
    assert (leads[..., 0] == 1).all()
    assert not leads[..., 1:].any()


@pytest.mark.parametrize(
    ("n_samples", "n_windows"), [(249, 0), (250, 1), (1000, 1), (1001, 2), (6000, 6)]
)
def test_windows_cover_a_recording(n_samples: int, n_windows: int):
    windows = windows_of(n_samples)
    assert len(windows) == n_windows
    covered = np.zeros(n_samples, dtype=bool)
    for window in windows:
        covered[window] = True
    assert covered.all() or not windows


def test_a_day_is_read_in_twelve_pieces():
    windows = windows_of(24 * 3600 * 100)
    assert len(windows) == 12
    assert windows[-1].stop == 24 * 3600 * 100


def test_gaps_are_bridged():
    ecg = an_ecg()
    samples = ecg.samples_mv.copy()
    samples[:, 1000:1100] = np.nan
    broken = filter_leads(Waveform(samples, ecg.sampling_rate_hz, ecg.leads), TOOLS)
    assert np.isfinite(broken).all()


def test_unknown_age_and_sex_are_zeros():
    np.testing.assert_array_equal(person_features(None, None), np.zeros(4))
    np.testing.assert_allclose(person_features(50, "female"), [1, 0.5, 1, 1])
    np.testing.assert_allclose(person_features(0, "male"), [1, 0, 1, 0])


def test_all_leads_are_the_standard_ones():
    assert DIAGNOSIS_LEADS == STANDARD_LEADS
