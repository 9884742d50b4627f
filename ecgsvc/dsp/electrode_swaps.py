"""Whether the right arm's electrode was swapped with the left arm's or the left leg's.

A swap of limb electrodes exchanges or inverts limb leads and leaves the chest leads as they
are (Batchvarov, Malik & Camm 2007, doi 10.1093/europace/eum198; Rosen et al. 2014,
doi 10.5195/ijms.2014.95). Each arrangement of the electrodes says what leads I and II would
be if it were undone; the one that makes an ordinary heart of them is believed: its waves
point left and down, and those of lead I go with those of V6. How much each of these counts
was fitted (`ecgsvc.evaluation.electrode_swaps`), by maximum conditional likelihood of the
leads as recorded among the four arrangements (McFadden 1974).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.quality import QualityProblem
from ecgsvc.domain.waveform import Millivolts, Waveform
from ecgsvc.domain.waves import LeadWaves
from ecgsvc.dsp.amplitudes import BASELINE_S, medians, over_spans

CHEST_LEADS = ("V1", "V2", "V3", "V4", "V5", "V6")
NEEDED_LEADS = ("I", "II", "V6")
LEAST_MV = np.array([0.02, 0.05, 0.03])
"""Mean heights of P, QRS and T below which their direction counts for little."""

ARRANGEMENTS = np.array(
    [
        [[1, 0], [0, 1]],  # as labelled
        [[-1, 0], [-1, 1]],  # arms swapped: -I, III
        [[1, -1], [0, -1]],  # right arm and left leg: -III, -II
        [[0, 1], [1, 0]],  # left arm and left leg: II, I
    ],
    dtype=np.float64,
)
"""Leads I and II of each arrangement, from those recorded; each undoes itself."""
WEIGHTS = np.array([[0.7, 1.0, 1.0, 3.8], [1.4, 0.0, 1.3, 1.2], [0.8, 1.1, 1.4, 1.5]])
"""Of P, QRS and T: pointing left, pointing down, and these two times V6; rounded."""
SURE = 1.2
"""Log odds of a swap over none, above which one is suspected: 1 % of the recordings that
the weights were fitted on have more."""

SWAPS = {
    1: QualityProblem.ARM_ELECTRODES_SWAPPED,
    2: QualityProblem.RIGHT_ARM_AND_LEG_SWAPPED,
}
"""What is said of each arrangement; left arm and leg look too much alike for an alarm."""


def swapped_limb_electrodes(
    waveform: Waveform, waves: Sequence[LeadWaves]
) -> QualityProblem | None:
    """Name the swap of the right arm's electrode that the leads speak for, if any.

    Parameters
    ----------
    waveform
        Needs leads I, II and V6: without a chest lead dextrocardia looks the same.
    waves
        Delineation of the leads that may be relied upon, these three among them.
    """
    heights_mv = wave_heights_mv(waveform, waves)
    if heights_mv is None:
        return None
    log_odds = (arrangement_evidence(heights_mv[np.newaxis]) * WEIGHTS).sum(axis=(2, 3))[0]
    return SWAPS[1 + int(log_odds[1:3].argmax())] if is_swap(log_odds) else None


def is_swap(log_odds: NDArray[np.float64]) -> bool:
    """Whether a swap of the right arm is surely likelier than none, or than the left two's.

    `log_odds` has shape (4,), in the order of `ARRANGEMENTS`.
    """
    return bool(log_odds[1:3].max() - log_odds[[0, 3]].max() > SURE)


def wave_heights_mv(
    waveform: Waveform, waves: Sequence[LeadWaves]
) -> NDArray[np.float64] | None:
    """Mean heights of P, QRS and T in leads I, II, V1-V6, shape (3, 8); None without these.

    Each wave is averaged between onset and offset, medians over the leads, so that heights
    of all leads are those of the same moments. NaN where a wave or chest lead is absent.
    """
    relied_upon = {w.lead for w in waves}
    if not relied_upon.issuperset(NEEDED_LEADS):
        return None
    columns, rows = zip(
        *(
            (column, waveform.leads.index(lead))
            for column, lead in enumerate(("I", "II", *CHEST_LEADS))
            if lead in relied_upon
        ),
        strict=True,
    )
    leads_mv = waveform.samples_mv[list(rows)]
    onsets, offsets = _common_points(waves)
    width = max(1, round(BASELINE_S * waveform.sampling_rate_hz))
    first = np.concatenate([onsets[1] - width, *onsets])
    last = np.concatenate([onsets[1], *offsets])
    means_mv = _means(leads_mv, first, last).reshape(len(rows), 1 + len(onsets), -1)
    heights_mv = np.full((3, 2 + len(CHEST_LEADS)), np.nan)
    heights_mv[:, columns] = medians(means_mv[:, 1:] - means_mv[:, :1]).T
    return None if np.isnan(heights_mv[1, [0, 1, -1]]).any() else heights_mv


def arrangement_evidence(heights_mv: NDArray[np.float64]) -> NDArray[np.float64]:
    """What speaks for each arrangement, to be multiplied by `WEIGHTS` and added.

    From heights of shape (n, 3, 8) as of `wave_heights_mv`: shape (n, 4, 3, 4).
    """
    n_chest = np.isfinite(heights_mv[..., 2:]).sum(axis=-1).clip(min=1)
    heights_mv = np.nan_to_num(heights_mv)
    one, two = np.einsum("aij,nwj->inaw", ARRANGEMENTS, heights_mv[..., :2])
    down = (two - one / 2) * 2 / np.sqrt(3)  # aVF counts 2/sqrt(3) (Goldberger 1942)
    length = np.hypot(one, down) + LEAST_MV
    chest = heights_mv[..., 2:]
    chest_rms_mv = np.sqrt(np.square(chest).sum(axis=-1) / n_chest)
    v6 = chest[..., -1] / (chest_rms_mv + LEAST_MV)
    towards = np.stack([one / length, down / length], axis=-1)
    return np.concatenate([towards, towards * v6[:, np.newaxis, :, np.newaxis]], axis=-1)


def _common_points(
    leads: Sequence[LeadWaves],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Median onsets and offsets of P, QRS and T over the leads, each (3, n_beats).

    NaN where fewer than a quarter of the leads have the wave.
    """
    waves = [(lead.p, lead.qrs, lead.t) for lead in leads]
    points = np.array(
        [
            [[(w.onset, w.offset)[end] for w in of_lead] for of_lead in waves]
            for end in (0, 1)
        ]
    )
    by_beat = np.moveaxis(np.where(points < 0, np.nan, points), 1, -1)
    onsets, offsets = np.floor(medians(by_beat, 1 / 4))
    return onsets, offsets


def _means(
    leads_mv: Millivolts, first: NDArray[np.float64], last: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Mean of each lead between two samples a beat, both included; (n_leads, n_beats)."""
    means_mv: NDArray[np.float64] = over_spans(np.add, leads_mv, first, last)
    return means_mv / (last - first + 1)
