"""Waves of the QRS complex and the level at the J point on the median beat of each lead.

The usual beats are put upon each other at their R peaks, each less its isoelectric level,
and the median over beats is read at 500 samples a second or more. Within the limits that
the QRS complex has over all leads, a wave is what lies on one side of the isoelectric level
for 6 ms and reaches 20 µV (the smallest wave of IEC 60601-2-25).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from ecgsvc.domain.beats import ClassifiedBeats
from ecgsvc.domain.morphology import Deflection, LeadMorphology
from ecgsvc.domain.waveform import Lead, Millivolts, Waveform
from ecgsvc.domain.waves import GlobalWaves, LeadWaves
from ecgsvc.dsp.amplitudes import BASELINE_S, median_of_most
from ecgsvc.dsp.dominant_beats import dominant_beats
from ecgsvc.dsp.resampling import resample

READ_AT_HZ = 500.0
BEFORE_S, AFTER_S = 0.30, 0.50
"""Around the R peak; the QRS complex lies well inside."""
LEAST_WAVE_MV, LEAST_WAVE_S = 0.020, 0.006
HALF_POINT_S = 0.004
"""A level is the mean over 8 ms, so that one sample's noise is no ST deviation."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where the QRS complex stands in a median beat: samples of it, and their rate.

    `half` samples on either side of the last one make a level.
    """

    first: int
    last: int
    half: int
    rate_hz: float

    def ms(self, n_samples: float) -> float:
        return n_samples * 1000.0 / self.rate_hz


def measure_morphology(
    waveform: Waveform,
    beats: ClassifiedBeats,
    waves: Sequence[LeadWaves],
    global_waves: GlobalWaves,
) -> tuple[LeadMorphology, ...]:
    """Read the median beat of each lead that may be relied upon; none without beats.

    Parameters
    ----------
    waveform
        The recording as received (unfiltered amplitudes).
    beats
        Positions and classes, of which `dominant_beats` are the usual ones.
    waves, global_waves
        Delineation of the leads that may be relied upon and its limits over all leads.

    Notes
    -----
    A lead that misses samples around every usual beat is left out.
    """
    if not beats.n_beats or not waves:
        return ()
    usual = dominant_beats(beats, global_waves.shapes)
    r_peaks = beats.r_peak_indices[usual]
    qrs = global_waves.qrs.select(usual)
    onset = median_of_most(qrs.onset - r_peaks)
    offset = median_of_most(qrs.offset - r_peaks)
    rate_hz = waveform.sampling_rate_hz
    before, after = (round(seconds * rate_hz) for seconds in (BEFORE_S, AFTER_S))
    if onset is None or offset is None or not -before < onset < offset < after:
        return ()
    fine_hz = max(rate_hz, READ_AT_HZ)
    first, last = (round((before + place) * fine_hz / rate_hz) for place in (onset, offset))
    half = max(1, round(HALF_POINT_S * fine_hz))
    read = slice(0, before + after)
    if rate_hz == fine_hz:  # else the whole beat is resampled
        read = slice(min(first, last - half), last + half + 1)
    frame = _Frame(first - read.start, last - read.start, half, fine_hz)
    found = []
    width = max(1, round(BASELINE_S * rate_hz))
    level_to = max(1, before + int(onset))
    inside = r_peaks[(r_peaks >= before) & (r_peaks + after <= waveform.n_samples)]
    at = np.arange(-before, after)[:, None] + inside
    for each in waves:
        cuts = waveform.lead_mv(each.lead)[at]
        there = np.isfinite(cuts)
        if not there.all():
            cuts = cuts[:, there.all(axis=0)]
        if not cuts.shape[1]:
            continue
        before_qrs = cuts[max(0, level_to - width) : level_to]
        levels_mv = np.ascontiguousarray(before_qrs.T).mean(axis=1)
        median_mv = _median_beat(cuts[read] - levels_mv)
        if rate_hz < fine_hz:
            median_mv = resample(median_mv, rate_hz, fine_hz)
        found.append(_lead_morphology(each.lead, median_mv, frame))
    return tuple(found)


def _median_beat(cuts: Millivolts) -> Millivolts:
    """Median over the beats of shape (n_samples, n_beats).

    Sorting a dozen is faster than what `numpy.median` does.
    """
    n_beats = cuts.shape[1]
    ordered = np.sort(cuts, axis=1)
    median_mv: Millivolts = (ordered[:, (n_beats - 1) // 2] + ordered[:, n_beats // 2]) / 2
    return median_mv


def _lead_morphology(lead: Lead, median_mv: Millivolts, frame: _Frame) -> LeadMorphology:
    named, r_peak = _named(list(_deflections(median_mv, frame)))
    around_j = median_mv[frame.last - frame.half : frame.last + frame.half + 1]
    return LeadMorphology(
        lead=lead,
        **named,
        r_peak_ms=None if r_peak is None else frame.ms(r_peak - frame.first),
        slur_ms=_slur_ms(median_mv, frame),
        st_j_mv=float(around_j.mean()),
    )


def _deflections(median_mv: Millivolts, frame: _Frame) -> Iterator[tuple[Deflection, int]]:
    """Waves between the limits, in order, with the places of their peaks.

    Neighbours of the same sign, parted by what is no wave, are one. A raised or lowered ST
    segment, into which the complex runs, is no wave.
    """
    qrs_mv = median_mv[frame.first : frame.last + 1]
    inside, sizes = qrs_mv.tolist(), np.abs(qrs_mv).tolist()
    signs = np.sign(qrs_mv).tolist()
    waves: list[tuple[int, int, int]] = []
    stop = 0
    for sign, run in groupby(signs):
        start, stop = stop, stop + len(list(run))
        too_short = stop - start < LEAST_WAVE_S * frame.rate_hz
        if too_short or max(sizes[start:stop]) < LEAST_WAVE_MV:
            continue
        begin, peak = start, sizes.index(max(sizes[start:stop]), start)
        if waves and signs[waves[-1][2]] == sign:
            begin, _, earlier = waves.pop()
            peak = earlier if sizes[earlier] >= sizes[peak] else peak
        waves.append((begin, stop, peak))
    if waves and waves[-1][1] == len(inside):
        peak = waves[-1][2]
        # Does it stand out of the ST segment into which it runs?
        if sizes[peak] - max(0.0, inside[-1] * signs[peak]) < LEAST_WAVE_MV:
            waves.pop()
    for start, stop, peak in waves:
        wave = Deflection(inside[peak], frame.ms(stop - start))
        yield wave, frame.first + peak


def _named(
    waves: Sequence[tuple[Deflection, int]],
) -> tuple[dict[str, Deflection | None], int | None]:
    """Give the waves their names, and the place of the last R wave's peak.

    Their signs alternate; what comes after S' has no name.
    """
    names = ("q", "r", "s", "r2", "s2")
    named: dict[str, Deflection | None] = dict.fromkeys((*names, "qs"))
    tops = [place for wave, place in waves if wave.mv > 0]
    if not tops:
        named["qs"] = waves[0][0] if waves else None
        return named, None
    begins_up = waves[0][0].mv > 0
    for name, (wave, _) in zip(names[begins_up:], waves, strict=False):
        named[name] = wave
    return named, tops[min(1, len(tops) - 1)]


def _slur_ms(median_mv: Millivolts, frame: _Frame) -> float | None:
    qrs_mv = median_mv[frame.first : frame.last + 1]
    speed = np.abs(qrs_mv[1:] - qrs_mv[:-1])
    if not speed.size or speed.max() <= 0:
        return None
    return frame.ms(int((speed >= speed.max() / 2).argmax()))
