from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

def parse_sampled_data(
    text: str | bytes, *, origin: float, factor: float
) -> NDArray[np.float64] | tuple[int, int, str]: ...
def band_pass(
    samples: NDArray[np.float64],
    sampling_rate_hz: float,
    low_hz: float,
    high_hz: float,
    *,
    order: int,
    threads: int,
) -> NDArray[np.float64]: ...
def notch(
    samples: NDArray[np.float64],
    sampling_rate_hz: float,
    mains_hz: float,
    *,
    q: float,
    threads: int,
) -> NDArray[np.float64]: ...
def rate_ratio(sampling_rate_hz: float, new_rate_hz: float) -> tuple[int, int]: ...
def resample(
    samples: NDArray[np.float64],
    sampling_rate_hz: float,
    new_rate_hz: float,
    *,
    threads: int,
) -> NDArray[np.float64]: ...
def beat_windows(
    lead_mv: NDArray[np.float64],
    sampling_rate_hz: float,
    r_peak_indices: NDArray[np.int64],
    *,
    before_s: float,
    after_s: float,
) -> NDArray[np.float64]: ...
def cut_beats(
    samples_mv: NDArray[np.float64],
    sampling_rate_hz: float,
    r_peak_indices: NDArray[np.int64],
    *,
    before: int,
    after: int,
    low_hz: float,
    high_hz: float,
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float64]]: ...
def group_beats(
    cuts_mv: NDArray[np.float32],
    *,
    r_column: int,
    least_similarity: float,
    most_groups: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]: ...
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
) -> tuple[NDArray[np.float32], NDArray[np.float32]]: ...

class DetectorConstants:
    early_share: float
    late_share: float
    surely_no_t_wave: float
    shape_gain: float
    usual_likeness: float
    search_back_rr: float
    search_back_share: float

def detect_r_peaks(
    samples_mv: NDArray[np.float64],
    sampling_rate_hz: float,
    *,
    fiducial_lead: int,
    constants: DetectorConstants,
) -> NDArray[np.int64]: ...

class RPeakDetector:
    def __init__(
        self, n_leads: int, sampling_rate_hz: float, *, fiducial_lead: int
    ) -> None: ...
    def push(self, chunk_mv: NDArray[np.float64]) -> NDArray[np.int64]: ...
    def finish(self) -> NDArray[np.int64]: ...

def delineate(
    samples_mv: NDArray[np.float64],
    sampling_rate_hz: float,
    r_peak_indices: NDArray[np.int64],
    *,
    threads: int,
) -> NDArray[np.int64]: ...
def judge_quality(
    samples_mv: NDArray[np.float64], sampling_rate_hz: float, *, threads: int
) -> tuple[
    NDArray[np.uint8],
    NDArray[np.float32],
    NDArray[np.float32],
    NDArray[np.float32],
    NDArray[np.float32],
]: ...
def beat_quality(
    samples_mv: NDArray[np.float64],
    sampling_rate_hz: float,
    r_peak_indices: NDArray[np.int64],
    *,
    contrast: NDArray[np.float32],
    threads: int,
) -> NDArray[np.float32]: ...
def quality_window_samples(sampling_rate_hz: float) -> int: ...
def sum_of_leads(
    samples_mv: NDArray[np.float64], terms: Sequence[tuple[int, float]]
) -> tuple[float, float, int]: ...
