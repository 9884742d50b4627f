"""Signal quality: what disturbs each lead, second by second, and which leads to rely on.

The thresholds of what is noise, hum, wander … stand with their reasons in the core
(``csrc/ecg/signal_quality.cpp``).
"""

from itertools import starmap

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

FLAGS = (
    QualityProblem.MISSING_SAMPLES,
    QualityProblem.FLAT,
    QualityProblem.SATURATED,
    QualityProblem.MAINS_HUM,
    QualityProblem.BASELINE_WANDER,
    QualityProblem.MUSCLE_NOISE,
    QualityProblem.ELECTRODE_POPS,
    QualityProblem.NOT_AN_ECG,
)
"""The core's bits, from the lowest."""
_IN_ORDER = tuple(QualityProblem)
WORTHLESS = 2 | 128
"""Flat, or no electrocardiogram."""
UNREADABLE = 1 | 4 | 32 | 64 | 128
"""A beat could hide: all but flat, hum and wander."""
USABLE_FRACTION = 0.5
"""A lead with less signal than this is not relied upon."""
NOTED_FRACTION = 0.1
"""What disturbs less of a lead, one second of a standard ECG, is counted but not said."""


def assess_quality(waveform: Waveform, *, threads: int = 1) -> SignalQuality:
    """Judge each second of each lead by itself and the limb leads together.

    Linear in the number of samples. A lead is usable when at least half of it is there,
    moves and could be an electrocardiogram; noise alone does not make it unusable.
    Ventricular fibrillation may be: none of 261 stretches of 10 s in vfdb is called no
    electrocardiogram. Up to `threads` threads (1 to 64) work at it, without changing what
    is found.
    """
    flags, index, contrast, missing, mains_hz = _core.judge_quality(
        waveform.samples_mv, waveform.sampling_rate_hz, threads=threads
    )
    n_windows = max(1, flags.shape[1])
    shares = np.unpackbits(flags[..., np.newaxis], axis=2, bitorder="little")
    lead_values = zip(
        waveform.leads,
        (shares.sum(axis=1, dtype=np.int64) / n_windows).tolist(),
        (((flags & WORTHLESS) != 0).sum(axis=1) / n_windows).tolist(),
        (index.sum(axis=1, dtype=np.float64) / n_windows).tolist(),
        missing.tolist(),
        mains_hz.tolist(),
        strict=True,
    )
    leads = tuple(starmap(_lead_quality, lead_values))
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
    waveform: Waveform,
    r_peak_indices: SampleIndices,
    quality: SignalQuality,
    *,
    threads: int = 1,
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
    threads
        How many may work at the leads, 1 to 64; the index does not depend on it.

    Returns
    -------
    numpy.ndarray
        Shape (n_beats,), float32, 0 (noise, perhaps) to 1. Fibrillating ventricles are
        low as well: it says how sure a beat is, never that nothing is the matter.

    Raises
    ------
    ValueError
        For a `quality` without windows or of another recording, R peaks out of order, or
        threads outside their range.
    """
    if quality.windows is None:
        msg = "the quality of the windows is needed"
        raise ValueError(msg)
    return _core.beat_quality(
        waveform.samples_mv,
        waveform.sampling_rate_hz,
        r_peak_indices,
        contrast=quality.windows.contrast,
        threads=threads,
    )


def _lead_quality(
    lead: Lead,
    shares: list[float],
    worthless: float,
    index: float,
    missing: float,
    mains_hz: float,
) -> LeadQuality:
    """Say what the shares of all seconds, by problem in the order of `FLAGS`, amount to."""
    fractions = {p: share for p, share in zip(FLAGS, shares, strict=True) if share}
    there = 1 - fractions.get(QualityProblem.MISSING_SAMPLES, 0.0)
    flat = fractions.get(QualityProblem.FLAT, 0.0) / there if there else 0.0
    lost = worthless / there if there else 0.0
    noted = {p for p, share in fractions.items() if share >= NOTED_FRACTION}
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
        problems=tuple(p for p in _IN_ORDER if p in noted),
        fractions=fractions,
        index=index,
        mains_hz=mains_hz if QualityProblem.MAINS_HUM in fractions else None,
    )
