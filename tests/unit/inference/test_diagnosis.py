"""The shipped diagnosis model, whatever of its input is missing."""

import numpy as np
import pytest

from ecgsvc import dsp
from ecgsvc.config import DIAGNOSIS_MODEL, MODELS_DIR
from ecgsvc.domain.diagnosis import SUPERCLASSES
from ecgsvc.domain.errors import ModelUnavailable
from ecgsvc.domain.waveform import Waveform
from ecgsvc.inference import DiagnosisReader, SignalTools
from ecgsvc.simulation import SimulationSettings, simulate

TOOLS = SignalTools(band_pass=dsp.band_pass, resample=dsp.resample)


@pytest.fixture(scope="module")
def reader() -> DiagnosisReader:
    return DiagnosisReader.load(MODELS_DIR / DIAGNOSIS_MODEL, TOOLS, provider="cpu")


def an_ecg(**settings: object) -> Waveform:
    return simulate(SimulationSettings(**settings)).recording.waveform  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "leads", [("I", "II", "V1", "V2", "V3", "V4", "V5", "V6"), ("I", "II", "III"), ("V1",)]
)
def test_fewer_leads_are_answered_with_a_reservation(reader, leads):
    call = reader.read(an_ecg().select(leads), 60, "male")
    assert set(call.superclasses) == set(SUPERCLASSES)
    assert any("of 12 leads" in said for said in call.reservations) == (len(leads) < 8)


@pytest.mark.parametrize("duration_s", [2.5, 5, 10, 12, 60])
def test_any_length_is_answered(reader, duration_s):
    call = reader.read(an_ecg(duration_s=duration_s), 60, "female")
    given = [said.probability for said in call.superclasses.values()]
    assert all(0 <= probability <= 1 for probability in given)
    assert len(call.statements) > 20


def test_what_is_not_known_of_the_person_is_said(reader):
    call = reader.read(an_ecg(), None, None)
    assert "the age is not known" in call.reservations
    assert "the sex is not known" in call.reservations
    assert reader.read(an_ecg(), 60, "female").reservations == ()


def test_children_are_outside_the_population(reader):
    assert (
        "the network learned from adults" in reader.read(an_ecg(), 9, "male").reservations
    )


@pytest.mark.parametrize(
    ("waveform", "reason"),
    [
        (Waveform(np.zeros((1, 5000)), 500.0, ("II",)), "flat"),
        (Waveform(np.zeros((0, 5000)), 500.0, ()), "no standard lead"),
        (Waveform(np.full((1, 5000), np.nan), 500.0, ("II",)), "shorter"),
        (Waveform(np.zeros((1, 900)), 500.0, ("II",)), "shorter"),
        (Waveform(np.zeros((1, 5000)), 500.0, ("ECG",)), "no standard lead"),
    ],
)
def test_what_cannot_be_read_has_a_reason(reader, waveform, reason):
    call = reader.read(waveform, None, None)
    assert reason in call.reason
    assert not call.reliable
    assert not call.superclasses


def test_noise_is_unlike_what_was_learned(reader):
    rng = np.random.default_rng(0)
    ecg = an_ecg()
    noise = Waveform(rng.standard_normal((12, 5000)), 500.0, ecg.leads)
    assert "unlike" in reader.read(noise, 60, "male").reason


def test_the_sampling_rate_hardly_matters(reader):
    ecg = an_ecg(baseline_wander_mv=0.0, muscle_mv=0.0, mains_mv=0.0)
    halved = Waveform(
        np.stack([dsp.resample(row, 500.0, 250.0) for row in ecg.samples_mv]),
        250.0,
        ecg.leads,
    )
    calls = [reader.read(each, 60, "male") for each in (ecg, halved)]
    for label in SUPERCLASSES:
        first, second = (call.superclasses[label].probability for call in calls)
        assert first == pytest.approx(second, abs=0.05)


def test_another_task_s_model_is_refused():
    with pytest.raises(ModelUnavailable, match="another input"):
        DiagnosisReader.load(MODELS_DIR / "waves-unet-1.1.0", TOOLS, provider="cpu")
