"""Signal quality: what disturbs each lead, second by second, and which leads to rely on.

The thresholds of what is noise, hum, wander … stand with their reasons in the core
(``csrc/ecg/signal_quality.cpp``).
"""

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.quality import (
    LeadQuality,
    QualityProblem,
    SignalQuality,
    WindowQuality,
)
from ecgsvc.domain.waveform import Lead, SampleIndices, Waveform
from ecgsvc.dsp import _core
from ecgsvc.dsp.limb_leads import contradicting_limb_leads

FLAGS: dict[QualityProblem, int] = {
    QualityProblem.MISSING_SAMPLES: 1,
    QualityProblem.FLAT: 2,
    QualityProblem.SATURATED: 4,
    QualityProblem.MAINS_HUM: 8,
    QualityProblem.BASELINE_WANDER: 16,
    QualityProblem.MUSCLE_NOISE: 32,
    QualityProblem.ELECTRODE_POPS: 64,
    QualityProblem.NOT_AN_ECG: 128,
}
"""Bits of the core."""
UNREADABLE = 1 | 4 | 32 | 64 | 128
USABLE_FRACTION = 0.5
"""A lead with less signal than this is not relied upon."""
NOTED_FRACTION = 0.1
"""What disturbs less of a lead, one second of a standard ECG, is counted but not said."""


def assess_quality(waveform: Waveform) -> SignalQuality:
    """Judge each second of each lead by itself and the limb leads together.

    Linear in the number of samples. A lead is usable when at least half of it is there,
    moves and could be an electrocardiogram; noise alone does not make it unusable.
    Ventricular fibrillation may be: none of 261 stretches of 10 s in vfdb is called no
    electrocardiogram.
    """
    flags, index, contrast, missing, mains_hz = _core.judge_quality(
        waveform.samples_mv, waveform.sampling_rate_hz
    )
    leads = tuple(
        _lead_quality(lead, *values)
        for lead, *values in zip(
            waveform.leads, flags, index, missing.tolist(), mains_hz.tolist(), strict=True
        )
    )
    problems = []
    if contradicting_limb_leads(waveform):
        problems.append(QualityProblem.LIMB_LEADS_CONTRADICT)
    judged = [q for q in leads if q.missing_fraction < 1 and q.flat_fraction < 1]
    if judged and all(QualityProblem.NOT_AN_ECG in q.problems for q in judged):
        problems.append(QualityProblem.NOT_AN_ECG)
    return SignalQuality(
        leads=leads,
        problems=tuple(problems),
        windows=WindowQuality(
            n_samples=_core.quality_window_samples(waveform.sampling_rate_hz),
            index=index,
            contrast=contrast,
            unreadable=(flags & UNREADABLE) != 0,
        ),
    )


def beat_quality(
    waveform: Waveform, r_peak_indices: SampleIndices, quality: SignalQuality
) -> NDArray[np.float32]:
    """How sure each beat is, in the lead that shows it best.

    A beat is sure as far as it looks like two of the sixteen beats around it, in shape and
    size. One like no other reaches 0.5 where beats tower over what lies between them: it
    may be ectopic, or an artefact.

    Parameters
    ----------
    waveform, quality
        A recording and what `assess_quality` said of it.
    r_peak_indices
        Shape (n_beats,), int64, strictly increasing.

    Returns
    -------
    numpy.ndarray
        Shape (n_beats,), float32, 0 (noise, perhaps) to 1. Fibrillating ventricles are
        low as well: it says how sure a beat is, never that nothing is the matter.

    Raises
    ------
    ValueError
        For a `quality` without windows or of another recording, or R peaks out of order.
    """
    if quality.windows is None:
        msg = "the quality of the windows is needed"
        raise ValueError(msg)
    return _core.beat_quality(
        waveform.samples_mv,
        waveform.sampling_rate_hz,
        r_peak_indices,
        contrast=quality.windows.contrast,
    )


def _lead_quality(
    lead: Lead,
    flags: NDArray[np.uint8],
    index: NDArray[np.float32],
    missing: float,
    mains_hz: float,
) -> LeadQuality:
    if not flags.size:
        return LeadQuality(lead, False, 1.0, 0.0, (QualityProblem.MISSING_SAMPLES,))
    counts = np.bincount(flags, minlength=256)
    values = np.arange(256)
    fractions = {
        problem: float(n) / flags.size
        for problem, bit in FLAGS.items()
        if (n := counts[(values & bit) != 0].sum())
    }
    n_there = counts[(values & 1) == 0].sum()
    flat = float(counts[(values & 2) != 0].sum() / n_there) if n_there else 0.0
    lost = float(counts[(values & (2 | 128)) != 0].sum() / n_there) if n_there else 0.0
    noted = {p for p, fraction in fractions.items() if fraction >= NOTED_FRACTION}
    if missing > 0:
        noted.add(QualityProblem.MISSING_SAMPLES)
    if flat > 0:
        noted.add(QualityProblem.FLAT)
    if fractions.get(QualityProblem.NOT_AN_ECG, 0.0) < USABLE_FRACTION:
        noted.discard(QualityProblem.NOT_AN_ECG)
    return LeadQuality(
        lead=lead,
        usable=missing + (1 - missing) * lost < 1 - USABLE_FRACTION,
        missing_fraction=missing,
        flat_fraction=flat,
        problems=tuple(p for p in QualityProblem if p in noted),
        fractions=fractions,
        index=float(index.mean(dtype=np.float64)),
        mains_hz=mains_hz if QualityProblem.MAINS_HUM in fractions else None,
    )
