"""Python face of the C++ signal core: one typed function per capability.

Arrays are C-contiguous float64, NaN is a missing sample, and the GIL is released while
the core computes.
"""

from ecgsvc.dsp.beat_groups import average_beats, cut_beats, group_beats
from ecgsvc.dsp.beat_windows import beat_windows
from ecgsvc.dsp.delineation import delineate
from ecgsvc.dsp.electrode_swaps import swapped_limb_electrodes
from ecgsvc.dsp.filters import band_pass, notch
from ecgsvc.dsp.global_waves import global_waves
from ecgsvc.dsp.lead_waves import delineate_leads
from ecgsvc.dsp.limb_leads import contradicting_limb_leads
from ecgsvc.dsp.measurements import measure
from ecgsvc.dsp.morphology import measure_morphology
from ecgsvc.dsp.pacing import paced_share
from ecgsvc.dsp.quality import assess_quality, beat_quality
from ecgsvc.dsp.r_peaks import DetectorConstants, RPeakDetector, detect_r_peaks
from ecgsvc.dsp.resampling import rate_ratio, resample
from ecgsvc.dsp.rhythm_statistics import rhythm_statistics
from ecgsvc.dsp.sampled_data import SampledDataError, parse_sampled_data

__all__ = [
    "DetectorConstants",
    "RPeakDetector",
    "SampledDataError",
    "assess_quality",
    "average_beats",
    "band_pass",
    "beat_quality",
    "beat_windows",
    "contradicting_limb_leads",
    "cut_beats",
    "delineate",
    "delineate_leads",
    "detect_r_peaks",
    "global_waves",
    "group_beats",
    "measure",
    "measure_morphology",
    "notch",
    "paced_share",
    "parse_sampled_data",
    "rate_ratio",
    "resample",
    "rhythm_statistics",
    "swapped_limb_electrodes",
]
