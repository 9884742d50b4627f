"""Which swaps of limb electrodes are suspected, and of whom none is."""

import numpy as np
import pytest

from ecgsvc import dsp
from ecgsvc.domain.quality import QualityProblem
from ecgsvc.domain.waveform import Waveform
from ecgsvc.evaluation.electrode_swaps import swap_electrodes
from ecgsvc.simulation import SimulationSettings, simulate

ARMS = QualityProblem.ARM_ELECTRODES_SWAPPED
ARM_AND_LEG = QualityProblem.RIGHT_ARM_AND_LEG_SWAPPED


def suspected(waveform: Waveform) -> QualityProblem | None:
    r_peaks = dsp.detect_r_peaks(waveform.samples_mv, waveform.sampling_rate_hz)
    waves = dsp.delineate_leads(waveform, r_peaks)
    return dsp.swapped_limb_electrodes(waveform, waves)


def an_ecg(seed: int = 0) -> Waveform:
    return simulate(SimulationSettings(seed=seed)).recording.waveform


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("swap", "said"), [("none", None), ("RA-LA", ARMS), ("RA-LL", ARM_AND_LEG)]
)
def test_swaps_of_the_right_arm_are_named(
    seed: int, swap: str, said: QualityProblem | None
) -> None:
    swapped = swap_electrodes(an_ecg(seed), swap)
    assert suspected(swapped) is said
    assert dsp.contradicting_limb_leads(swapped) == ()


@pytest.mark.parametrize("swap", ["RA-LA", "RA-LL", "LA-LL"])
def test_swapping_twice_is_not_swapping(swap: str) -> None:
    ecg = an_ecg()
    twice = swap_electrodes(swap_electrodes(ecg, swap), swap)
    np.testing.assert_array_equal(twice.samples_mv, ecg.samples_mv)


def test_what_inverts_the_chest_leads_too_is_no_swap() -> None:
    """Dextrocardia: what swapped arms show in the limb leads, and V6 points down."""
    swapped = swap_electrodes(an_ecg(), "RA-LA")
    samples_mv = swapped.samples_mv.copy()
    samples_mv[6:] *= -1
    assert suspected(Waveform(samples_mv, 500.0, swapped.leads)) is None


@pytest.mark.parametrize("scale", [0.2, 5.0])
def test_neither_offsets_nor_the_gain_hide_a_swap(scale: float) -> None:
    swapped = swap_electrodes(an_ecg(), "RA-LA")
    samples_mv = scale * swapped.samples_mv + np.arange(12.0)[:, np.newaxis]
    assert suspected(Waveform(samples_mv, 500.0, swapped.leads)) is ARMS


def test_without_waves_or_the_leads_needed_nothing_is_suspected() -> None:
    ecg = swap_electrodes(an_ecg(), "RA-LA")
    assert dsp.swapped_limb_electrodes(ecg, ()) is None
    assert suspected(ecg.select(ecg.leads[:6])) is None
    assert suspected(ecg.select(("II", "V6"))) is None
    assert suspected(ecg.select(("I", "II", "V6"))) is not None
