"""Which leads may be relied upon."""

import numpy as np
import pytest

from ecgsvc.domain.quality import QualityProblem
from ecgsvc.domain.waveform import Waveform
from ecgsvc.dsp.quality import assess_quality, contradicting_limb_leads

RATE_HZ = 250.0
N = 2500


def noise(seed: int, scale_mv: float = 0.3) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, scale_mv, N)


def test_a_moving_lead_is_usable_at_any_scale_of_a_real_ecg() -> None:
    for scale_mv in (0.05, 1.0, 10.0):
        quality = assess_quality(Waveform(noise(1, scale_mv)[np.newaxis], RATE_HZ, ("I",)))
        assert quality.usable_leads == ("I",)
        assert quality.leads[0].problems == ()


def test_flat_and_missing_leads_are_not_relied_upon() -> None:
    missing = np.full(N, np.nan)
    rows = np.stack([noise(1), np.full(N, 0.7), missing])
    quality = assess_quality(Waveform(rows, RATE_HZ, ("I", "II", "V1")))
    assert quality.usable_leads == ("I",)
    assert quality.leads[1].problems == (QualityProblem.FLAT,)
    assert quality.leads[2].missing_fraction == 1


def test_a_lead_lost_half_way_tells_how_much_is_left() -> None:
    row = noise(1)
    row[1000:] = 0.25
    lead = assess_quality(Waveform(row[np.newaxis], RATE_HZ, ("II",))).leads[0]
    assert lead.flat_fraction == pytest.approx(0.6)
    assert not lead.usable


def test_no_samples_at_all_are_not_usable() -> None:
    quality = assess_quality(Waveform(np.empty((1, 0)), RATE_HZ, ("II",)))
    assert quality.usable_leads == ()


def limb_leads(one: np.ndarray, two: np.ndarray) -> Waveform:
    rows = np.stack([one, two, two - one, -(one + two) / 2])
    return Waveform(
        rows + np.array([[0.3], [-0.2], [0.1], [0]]), RATE_HZ, ("I", "II", "III", "aVR")
    )


def test_true_limb_leads_agree_whatever_their_offsets() -> None:
    assert contradicting_limb_leads(limb_leads(noise(1), noise(2))) == ()


def test_a_foreign_lead_contradicts() -> None:
    waveform = limb_leads(noise(1), noise(2))
    rows = waveform.samples_mv.copy()
    rows[2] = noise(3)
    swapped = Waveform(rows, RATE_HZ, waveform.leads)
    assert contradicting_limb_leads(swapped) == ("I", "III", "II")
    assert QualityProblem.LIMB_LEADS_CONTRADICT in assess_quality(swapped).problems


def test_an_inverted_avr_contradicts() -> None:
    waveform = limb_leads(noise(1), noise(2))
    rows = waveform.samples_mv.copy()
    rows[3] *= -1
    assert contradicting_limb_leads(Waveform(rows, RATE_HZ, waveform.leads)) == (
        "aVR",
        "I",
        "II",
    )
