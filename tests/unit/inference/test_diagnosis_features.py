"""What is measured on twelve leads at 100 Hz for the trees of the diagnosis model."""

import numpy as np
import pytest

from ecgsvc import dsp
from ecgsvc.domain.waveform import STANDARD_LEADS
from ecgsvc.inference import SignalTools
from ecgsvc.inference.diagnosis_features import (
    DIAGNOSIS_FEATURES,
    UNKNOWN,
    diagnosis_features,
    limb_sizes,
)
from ecgsvc.inference.diagnosis_inputs import (
    build_diagnosis_inputs,
    filter_leads,
    person_features,
    standardise,
)
from ecgsvc.inference.usual_beat import AFTER, BEFORE, usual_beat
from ecgsvc.simulation import SimulationSettings, simulate

TOOLS = SignalTools(band_pass=dsp.band_pass, resample=dsp.resample)
PERSON = person_features(60, "female")[np.newaxis]


def leads_mv(**settings: object) -> np.ndarray:
    simulated = simulate(SimulationSettings(**settings))  # type: ignore[arg-type]
    return filter_leads(simulated.recording.waveform, TOOLS)


def described(samples_mv: np.ndarray, *, known: bool = True) -> dict[str, float]:
    signal, leads = standardise(samples_mv[np.newaxis], np.array([known]))
    (row,) = diagnosis_features(signal, leads, PERSON)
    return dict(zip(DIAGNOSIS_FEATURES, row.tolist(), strict=True))


def test_every_feature_has_a_name_of_its_own():
    assert len(set(DIAGNOSIS_FEATURES)) == len(DIAGNOSIS_FEATURES)


@pytest.mark.parametrize("heart_rate_bpm", [45, 70, 140])
def test_the_rate_is_found(heart_rate_bpm: int):
    numbers = described(leads_mv(heart_rate_bpm=heart_rate_bpm))
    assert numbers["rr_median_s"] == pytest.approx(60 / heart_rate_bpm, rel=0.06)


def test_beats_lie_on_each_other():
    signal, _ = standardise(leads_mv()[np.newaxis], np.ones(1, bool))
    found = usual_beat(signal[0])
    assert found is not None
    assert found.beat.shape == (12, BEFORE + AFTER)
    assert found.alike.all()
    assert (found.likeness > 0.9).all()


def test_a_gain_moves_millivolts_and_nothing_else():
    once = leads_mv()
    plain, doubled = described(once), described(2 * once)
    for name, value in plain.items():
        in_mv = name.endswith("_mv") or "_mv_" in name or name == "cornell_product_mvs"
        expected = 2 * value if in_mv else value
        assert doubled[name] == pytest.approx(expected, rel=1e-3, abs=1e-3), name


def test_sizes_that_are_not_known_leave_only_millivolts_open():
    known, unknown = described(leads_mv()), described(leads_mv(), known=False)
    for name in DIAGNOSIS_FEATURES:
        if "_mv" in name:
            assert unknown[name] == UNKNOWN
        else:
            assert unknown[name] == pytest.approx(known[name], abs=0.02), name


def test_proportions_of_limb_leads_follow_from_einthoven():
    both = [
        limb_sizes(
            *(part[0] for part in standardise(leads_mv()[np.newaxis], np.array([k])))
        )
        for k in (True, False)
    ]
    shares = [sizes / sizes.sum() for sizes in both]
    np.testing.assert_allclose(shares[0], shares[1], atol=0.02)


def test_a_lead_that_is_missing_is_not_measured():
    samples_mv = leads_mv()
    samples_mv[STANDARD_LEADS.index("V3")] = np.nan
    numbers = described(samples_mv)
    assert all(numbers[name] == UNKNOWN for name in numbers if name.endswith("_V3"))
    assert numbers["r_V2"] != UNKNOWN
    assert numbers["cornell_mv"] == UNKNOWN
    assert numbers["sokolow_mv"] != UNKNOWN


@pytest.mark.parametrize("lead", STANDARD_LEADS)
def test_one_lead_is_enough(lead: str):
    samples_mv = leads_mv()
    samples_mv[[each != lead for each in STANDARD_LEADS]] = np.nan
    numbers = described(samples_mv)
    assert numbers[f"r_{lead}"] != UNKNOWN
    assert numbers["rr_median_s"] != UNKNOWN


def test_where_nothing_beats_only_the_person_is_known():
    numbers = described(np.zeros((12, 1000)))
    assert numbers.pop("age_centuries") == pytest.approx(0.6)
    assert numbers.pop("female") == 1
    assert set(numbers.values()) == {UNKNOWN}


@pytest.mark.parametrize("seed", range(5))
def test_any_signal_gives_finite_numbers(seed: int):
    rng = np.random.default_rng(seed)
    samples_mv = rng.standard_normal((12, int(rng.integers(250, 1001)))).cumsum(axis=1)
    samples_mv[rng.random(12) < 0.3] = np.nan
    assert np.isfinite(list(described(samples_mv).values())).all()


def test_the_builder_gives_a_row_a_window():
    inputs = build_diagnosis_inputs(leads_mv(duration_s=25.0), None, None)
    assert inputs is not None
    assert inputs.features.shape == (3, len(DIAGNOSIS_FEATURES))
    assert (inputs.features[:, :2] == UNKNOWN).all()
