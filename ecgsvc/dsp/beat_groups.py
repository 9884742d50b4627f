"""Beats cut out of the filtered recording, put together by shape, and averaged."""

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.waveform import Millivolts, SampleIndices
from ecgsvc.dsp import _core


def cut_beats(
    samples_mv: Millivolts,
    sampling_rate_hz: float,
    r_peak_indices: SampleIndices,
    *,
    before: int,
    after: int,
    low_hz: float,
    high_hz: float,
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float64]]:
    """Cut beats out of all leads, filtered without phase shift, at 250 Hz.

    As `delineate` sees them: gaps are bridged by straight lines, pacing spikes too; a
    second-order Butterworth band-pass runs forward and backward; values between samples
    are interpolated linearly.

    Parameters
    ----------
    samples_mv
        Shape (n_leads, n) or (n,), C-contiguous float64, millivolts, NaN where missing.
    sampling_rate_hz
        Samples per second.
    r_peak_indices
        Shape (n_beats,), int64, strictly increasing, each in [0, n).
    before, after
        Columns of 4 ms ahead of and behind the one nearest to the R peak, 0 to 192 each.
    low_hz, high_hz
        Edges of the band; the upper one gives way below about 2.2 times its rate.

    Returns
    -------
    cuts_mv
        Shape (n_beats, n_leads, before + 1 + after) float32; columns beyond the ends of
        the recording repeat them, a lead without samples is zero.
    inside
        Shape (n_beats, 2), the first column that lies in the recording and the one after
        the last.
    anchors
        Shape (n_beats,), the sample index, with fractions, of column `before`.

    Raises
    ------
    ValueError
        For R peaks that are not strictly increasing or outside the recording, columns,
        edges or a rate outside the stated ranges, or another shape.
    TypeError
        When an array is not C-contiguous or of another type.
    """
    return _core.cut_beats(
        samples_mv,
        sampling_rate_hz,
        r_peak_indices,
        before=before,
        after=after,
        low_hz=low_hz,
        high_hz=high_hz,
    )


def group_beats(
    cuts_mv: NDArray[np.float32],
    *,
    r_column: int,
    least_similarity: float,
    most_groups: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Put beats together whose QRS complexes are alike.

    Compared are 60 ms before to 80 ms after the R peak in all leads that show the beats
    (most of them by more than 0.1 µV), each relative to its typical amplitude. The beat
    that most others are like leads a group; those like it, read up to 16 ms earlier or
    later, are in it; so on with the rest.

    Parameters
    ----------
    cuts_mv
        Shape (n_beats, n_leads, n_columns) as of `cut_beats`.
    r_column
        The column of the R peaks, with 19 before and 27 after it.
    least_similarity
        Correlation that beats of one group have with their leader.
    most_groups
        Beats beyond are in none.

    Returns
    -------
    leads
        Positions of the leads that show the beats.
    groups
        Shape (n_beats,), the group of each beat, -1 for none.
    shifts
        Shape (n_beats,), columns (-4 to 4) by which to read it later.

    Raises
    ------
    ValueError
        For a column without room around it, or another shape.
    TypeError
        When the array is not C-contiguous float32.
    """
    return _core.group_beats(
        cuts_mv,
        r_column=r_column,
        least_similarity=least_similarity,
        most_groups=most_groups,
    )


def average_beats(
    cuts_mv: NDArray[np.float32],
    inside: NDArray[np.int64],
    leads: NDArray[np.int64],
    beats: NDArray[np.int64],
    starts: NDArray[np.int64],
    *,
    width: int,
    qrs_from: int,
    qrs_to: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Average some beats in some leads, relative to their QRS complexes.

    Parameters
    ----------
    cuts_mv, inside
        As of `cut_beats`; what lies outside the recording does not count.
    leads, beats
        Positions in `cuts_mv`.
    starts
        As many as `beats`: the column from which on each is read.
    width
        Columns to read.
    qrs_from, qrs_to
        Which of these hold the QRS complex: the first and the one after the last.

    Returns
    -------
    mean, spread
        Shape (len(leads), width) float32: mean and standard deviation over the beats, in
        units of the range of the mean's QRS complex (0.1 µV at least); each lead's mean
        about its median.

    Raises
    ------
    ValueError
        For leads, beats or columns that are not there, or another shape.
    TypeError
        When an array is not C-contiguous or of another type.
    """
    return _core.average_beats(
        cuts_mv, inside, leads, beats, starts,
        width=width, qrs_from=qrs_from, qrs_to=qrs_to,
    )  # fmt: skip
