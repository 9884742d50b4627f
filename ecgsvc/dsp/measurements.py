"""Global measurements: a recording's value is the median over its dominant beats."""

from collections.abc import Sequence
from math import isnan, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.beats import ClassifiedBeats
from ecgsvc.domain.measurements import Measurements, Undetermined
from ecgsvc.domain.waveform import Lead, SampleIndices, Waveform
from ecgsvc.domain.waves import GlobalPoints, GlobalWaves, LeadWaves
from ecgsvc.dsp.amplitudes import (
    frontal_axis_deg,
    isoelectric_mv,
    median_of_most,
    peak_amplitudes_mv,
    r_amplitudes_mv,
    st_levels_mv,
)
from ecgsvc.dsp.dominant_beats import dominant_beats
from ecgsvc.dsp.global_waves import waves_apart
from ecgsvc.dsp.lost_samples import lost_samples

CORRECTED_QT = (
    "qtc_fridericia_ms",
    "qtc_bazett_ms",
    "qtc_framingham_ms",
    "qtc_hodges_ms",
)
INTERVALS = ("p_ms", "pr_ms", "qrs_ms", "qt_ms", *CORRECTED_QT)
MOST_OVERLAP_S = 0.04
"""2.5 SD of the distance between the two: 13.5 ms of QT, 7.8 ms of PR on new patients."""
AXES = ("p_axis_deg", "qrs_axis_deg", "t_axis_deg")
AMPLITUDES = ("r_amplitude_mv", "t_amplitude_mv", "st_j60_mv")


def measure(
    waveform: Waveform,
    beats: ClassifiedBeats,
    waves: Sequence[LeadWaves],
    global_waves: GlobalWaves,
) -> tuple[Measurements, tuple[Undetermined, ...]]:
    """Measure rate, intervals, axes and amplitudes; say of each missing one why.

    Parameters
    ----------
    waveform
        The recording as received (unfiltered amplitudes).
    beats
        Positions and classes; intervals come from the beats of class N, or from all beats
        when none is N, and of these from the commonest QRS shape (`dominant_beats`).
    waves
        Delineation of the leads that may be relied upon, rows as in `beats`.
    global_waves
        Limits of the waves over all leads, which intervals and axes are made of.

    Notes
    -----
    Where a T wave runs into the next P wave by more than 40 ms, which errors of both marks
    do not explain, neither is measured (`waves_apart`).
    """
    rr_ms = _mean_rr_ms(waveform, beats.r_peak_indices)
    values: dict[str, float | str] = {
        "rr_ms": rr_ms if rr_ms is not None else "fewer than two beats in a row",
        "heart_rate_bpm": 60_000.0 / rr_ms if rr_ms else "fewer than two beats in a row",
    }
    if not beats.n_beats or not waves:
        reason = "no beat was found" if not beats.n_beats else "no lead can be relied upon"
        values |= dict.fromkeys((*INTERVALS, *AXES, *AMPLITUDES), reason)
        return _separate(values, {})
    dominant = dominant_beats(beats, global_waves.shapes)
    apart = waves_apart(global_waves, MOST_OVERLAP_S * waveform.sampling_rate_hz)
    p, qrs, t = (kind.select(dominant) for kind in (apart.p, apart.qrs, apart.t))
    values |= _intervals(p, qrs, t, rr_ms, 1000.0 / waveform.sampling_rate_hz)
    rate_hz, leads_mv = waveform.sampling_rate_hz, waveform.samples_mv
    levels_mv = isoelectric_mv(leads_mv, rate_hz, qrs.onset)
    for name, wave in (("p", p), ("qrs", qrs), ("t", t)):
        values[f"{name}_axis_deg"] = frontal_axis_deg(waveform, levels_mv, wave)
    rows = [waveform.leads.index(each.lead) for each in waves]
    t_peaks = np.stack([each.t.peak[dominant] for each in waves])
    leads_mv, levels_mv = leads_mv[rows], levels_mv[rows]
    amplitudes = {
        "r_amplitude_mv": r_amplitudes_mv(leads_mv, levels_mv, qrs),
        "st_j60_mv": st_levels_mv(leads_mv, rate_hz, levels_mv, qrs),
        "t_amplitude_mv": peak_amplitudes_mv(leads_mv, levels_mv, t_peaks),
    }
    return _separate(
        values, {name: _by_lead(waveform, rows, mv) for name, mv in amplitudes.items()}
    )


def _by_lead(
    waveform: Waveform, rows: Sequence[int], amplitudes_mv: NDArray[np.float64]
) -> dict[Lead, float | None]:
    """All leads in order; None where nothing was measured."""
    measured = dict(zip(rows, amplitudes_mv.tolist(), strict=True))
    found = ((lead, measured.get(row, nan)) for row, lead in enumerate(waveform.leads))
    return {lead: None if isnan(mv) else mv for lead, mv in found}


def _separate(
    values: dict[str, float | str], amplitudes: dict[str, dict[Lead, float | None]]
) -> tuple[Measurements, tuple[Undetermined, ...]]:
    """Part what was measured from the reasons why the rest was not."""
    undetermined = [
        Undetermined(f"measurements.{name}", reason)
        for name, reason in values.items()
        if isinstance(reason, str)
    ]
    undetermined += [
        Undetermined(f"measurements.{name}.{lead}", "no wave to measure in this lead")
        for name, leads in amplitudes.items()
        for lead, mv in leads.items()
        if mv is None
    ]
    measured: dict[str, Any] = {n: v for n, v in values.items() if not isinstance(v, str)}
    measured |= amplitudes
    return Measurements(**measured), tuple(undetermined)


def _intervals(
    p: GlobalPoints, qrs: GlobalPoints, t: GlobalPoints, rr_ms: float | None, to_ms: float
) -> dict[str, float | str]:
    """Intervals in ms, or the reason why there is none."""
    spans = {
        "p_ms": (p.offset - p.onset, "no P wave after the end of a T wave in most beats"),
        "pr_ms": (qrs.onset - p.onset, "no P wave after the end of a T wave in most beats"),
        "qrs_ms": (qrs.offset - qrs.onset, "no QRS boundary in most beats"),
        "qt_ms": (
            t.offset - qrs.onset,
            "no T wave that ends before the next P wave in most beats",
        ),
    }
    values: dict[str, float | str] = {}
    for name, (samples, reason) in spans.items():
        median = median_of_most(samples)
        values[name] = reason if median is None else median * to_ms
    qt_ms = values["qt_ms"]
    if isinstance(qt_ms, str) or rr_ms is None:
        reason = "no QT interval" if isinstance(qt_ms, str) else "no RR interval"
        return values | dict.fromkeys(CORRECTED_QT, reason)
    rr_s = rr_ms / 1000.0
    values["qtc_fridericia_ms"] = qt_ms / rr_s ** (1 / 3)  # Fridericia 1920
    values["qtc_bazett_ms"] = qt_ms / rr_s**0.5  # Bazett 1920
    values["qtc_framingham_ms"] = qt_ms + 154 * (1 - rr_s)  # Sagie 1992
    values["qtc_hodges_ms"] = qt_ms + 1.75 * (60 / rr_s - 60)  # Hodges 1983
    return values


def _mean_rr_ms(waveform: Waveform, r_peaks: SampleIndices) -> float | None:
    """Mean RR interval, without those that lost samples in all leads."""
    if len(r_peaks) < 2:
        return None
    n_lost = np.searchsorted(lost_samples(waveform), r_peaks)
    rr = np.diff(r_peaks)
    whole = n_lost[1:] == n_lost[:-1]
    if not whole.any():
        return None
    return float(rr[whole].mean() * 1000.0 / waveform.sampling_rate_hz)
