"""The truth about a simulated recording."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.beats import BeatClass
from ecgsvc.domain.measurements import Measurements
from ecgsvc.domain.waveform import Millivolts, SampleIndices
from ecgsvc.domain.waves import ABSENT, WavePoints
from ecgsvc.simulation.morphology import BeatShape, Bump
from ecgsvc.simulation.settings import SimulatedRhythm, SimulationSettings


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedTruth:
    """What the simulated recording holds; row i of everything belongs to beat i.

    Parameters
    ----------
    rhythm
        The basic rhythm.
    r_peak_indices
        Shape (n_beats,): where lead II has its greatest deflection within the QRS complex,
        before noise. Beats whose QRS complex an end of the recording cuts are left out.
    classes
        N, S (atrial) or V (ventricular ectopic).
    p, qrs, t
        Onset, peak and offset: 2.5 sigma, centre and 2.5 sigma of the wave's Gaussian, for
        the QRS complex the outermost edges and the R peak. `ABSENT` where there is no such
        wave, an end of the recording cuts it, or the QRS complex of another beat hides
        part of it.
    measurements
        Rate (60 s over the mean RR interval) and median RR of all beats; median P, PR, QRS
        and QT of the normal ones, hidden waves included.
    """

    rhythm: SimulatedRhythm
    r_peak_indices: SampleIndices
    classes: tuple[BeatClass, ...]
    p: WavePoints
    qrs: WavePoints
    t: WavePoints
    measurements: Measurements

    def to_json(self) -> dict[str, object]:
        """Everything as plain JSON values; waves by beat, those that are there."""
        waves = (("P", self.p), ("QRS", self.qrs), ("T", self.t))
        known = self.measurements
        return {
            "rhythm": self.rhythm,
            "r_peaks": self.r_peak_indices.tolist(),
            "beats": [
                {"sample": int(sample), "class": str(beat_class)}
                for sample, beat_class in zip(
                    self.r_peak_indices, self.classes, strict=True
                )
            ],
            "waves": [
                {
                    "beat": beat,
                    "wave": name,
                    "onset": int(points.onset[beat]),
                    "peak": int(points.peak[beat]),
                    "offset": int(points.offset[beat]),
                }
                for beat in range(len(self.classes))
                for name, points in waves
                if points.peak[beat] != ABSENT
            ],
            "measurements": {
                "heart_rate_bpm": known.heart_rate_bpm,
                "rr_ms": known.rr_ms,
                "p_ms": known.p_ms,
                "pr_ms": known.pr_ms,
                "qrs_ms": known.qrs_ms,
                "qt_ms": known.qt_ms,
            },
        }


def truth_of(
    shapes: Sequence[BeatShape], lead_ii_mv: Millivolts, settings: SimulationSettings
) -> SimulatedTruth:
    """Say where the waves of the planned beats lie, given lead II without noise."""
    rate_hz, n_samples = settings.sampling_rate_hz, len(lead_ii_mv)
    onset = np.array([round(shape.qrs_onset_s * rate_hz) for shape in shapes])
    offset = np.array([round(shape.qrs_offset_s * rate_hz) for shape in shapes])
    # Where a P wave may begin, and before which sample a T wave must end
    free_from = np.concatenate([[0], offset[:-1]]).clip(min=0)
    free_to = np.concatenate([onset[1:], [n_samples]]).clip(max=n_samples)
    whole = np.flatnonzero((onset >= 0) & (offset < n_samples))
    kept = [shapes[i] for i in whole.tolist()]
    r_peaks = np.array(
        [onset[i] + np.argmax(np.abs(lead_ii_mv[onset[i] : offset[i] + 1])) for i in whole],
        dtype=np.int64,
    )
    p = _wave_points([shape.p for shape in kept], rate_hz)
    t = _wave_points([shape.t for shape in kept], rate_hz)
    p[p[:, 0] < free_from[whole]] = ABSENT
    t[t[:, 2] >= free_to[whole]] = ABSENT
    return SimulatedTruth(
        rhythm=settings.rhythm,
        r_peak_indices=r_peaks,
        classes=tuple(shape.beat_class for shape in kept),
        p=WavePoints(*np.ascontiguousarray(p.T)),
        qrs=WavePoints(onset[whole], r_peaks, offset[whole]),
        t=WavePoints(*np.ascontiguousarray(t.T)),
        measurements=_measurements(kept, r_peaks / rate_hz),
    )


def _wave_points(bumps: Sequence[Bump | None], rate_hz: float) -> SampleIndices:
    """Onset, peak and offset of each wave, shape (n, 3)."""
    times_s = [
        (bump.onset_s, bump.centre_s, bump.offset_s) if bump else (-np.inf,) * 3
        for bump in bumps
    ]
    samples = np.rint(np.array(times_s).reshape(-1, 3) * rate_hz)
    return np.maximum(samples, ABSENT).astype(np.int64)


def _measurements(
    shapes: Sequence[BeatShape], r_times_s: NDArray[np.float64]
) -> Measurements:
    normal = [shape for shape in shapes if shape.beat_class is BeatClass.N]
    rr_s = np.diff(r_times_s)
    return Measurements(
        heart_rate_bpm=60 / float(rr_s.mean()) if len(rr_s) else None,
        rr_ms=_median_ms(rr_s.tolist()),
        p_ms=_median_ms([s.p.offset_s - s.p.onset_s for s in normal if s.p]),
        pr_ms=_median_ms([s.qrs_onset_s - s.p.onset_s for s in normal if s.p]),
        qrs_ms=_median_ms([s.qrs_offset_s - s.qrs_onset_s for s in normal]),
        qt_ms=_median_ms([s.t.offset_s - s.qrs_onset_s for s in normal]),
    )


def _median_ms(seconds: Sequence[float]) -> float | None:
    return float(np.median(seconds)) * 1000 if len(seconds) else None
