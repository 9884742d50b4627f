"""Pieces of a lead around its beats."""

from ecgsvc.domain.waveform import Millivolts, SampleIndices
from ecgsvc.dsp import _core


def beat_windows(
    lead_mv: Millivolts,
    sampling_rate_hz: float,
    r_peak_indices: SampleIndices,
    *,
    before_s: float,
    after_s: float,
) -> Millivolts:
    """Cut one window a beat, aligned at the R peaks.

    Parameters
    ----------
    lead_mv
        Shape (n,), C-contiguous float64; NaN stays NaN.
    sampling_rate_hz
        Samples per second.
    r_peak_indices
        Shape (n_beats,), int64, each in [0, n), in any order.
    before_s, after_s
        Seconds ahead of and from the R peak on, rounded to samples each; together at least
        one sample and at most 60 s.

    Returns
    -------
    numpy.ndarray
        Shape (n_beats, before + after) in millivolts; the R peak stands in column
        ``before``. Beyond the ends of the lead the nearest sample is repeated.

    Raises
    ------
    ValueError
        For an R peak outside the lead, durations or a rate outside the stated ranges, or
        another shape.
    TypeError
        When an array is not C-contiguous or of another type.
    """
    return _core.beat_windows(
        lead_mv, sampling_rate_hz, r_peak_indices, before_s=before_s, after_s=after_s
    )
