"""Sinus rhythm by its P waves: one before each normal beat, upright in I, II and aVF.

A network that learned from one lead calls much "neither normal sinus rhythm nor atrial
fibrillation" that is sinus rhythm of a diseased heart. Where limb leads show the P waves of
the sinus node, they name the rhythm.
"""

from collections.abc import Sequence
from statistics import median

import numpy as np

from ecgsvc.domain.beats import BEAT_CLASSES, BeatClass, ClassifiedBeats
from ecgsvc.domain.findings import Evidence
from ecgsvc.domain.measurements import Measurements
from ecgsvc.domain.waves import ABSENT, LeadWaves

LEAST_P_SHARE = 0.8
"""Of the normal beats, in the usual lead; our choice, since P waves within T are missed."""
LEAST_BEATS = 3
P_AXIS_FROM_DEG, P_AXIS_TO_DEG = 0.0, 90.0
"""Upright in I and aVF, and so in II."""
SINUS_SOURCE = "2015 ACC/AHA/HRS guideline on SVT, doi 10.1161/CIR.0000000000000311"
"""Its definition of sinus tachycardia says how sinus P waves point."""


def sinus_p_waves(
    beats: ClassifiedBeats, waves: Sequence[LeadWaves], measured: Measurements
) -> tuple[Evidence, ...]:
    """Cite the P waves of the sinus node; nothing where they are not seen.

    Parameters
    ----------
    beats
        Of the recording; only those of class N are asked.
    waves
        Of these beats, lead by lead.
    measured
        With the axis of the P wave, which needs limb leads.
    """
    axis = measured.p_axis_deg
    normal = beats.probabilities.argmax(axis=1) == BEAT_CLASSES.index(BeatClass.N)
    if axis is None or np.count_nonzero(normal) < LEAST_BEATS:
        return ()
    if not P_AXIS_FROM_DEG <= axis <= P_AXIS_TO_DEG:
        return ()
    shares = [float((lead.p.peak[normal] != ABSENT).mean()) for lead in waves]
    share = median(shares)
    if share < LEAST_P_SHARE:
        return ()
    return (
        Evidence("waves", f"a P wave before {share:.0%} of the normal beats"),
        Evidence(
            "measurements.p_axis_deg",
            f"P axis {axis:.0f}°, between {P_AXIS_FROM_DEG:.0f}° and {P_AXIS_TO_DEG:.0f}°",
            source=SINUS_SOURCE,
        ),
    )
