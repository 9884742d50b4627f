"""Scores of beat detection and beat classification against annotated recordings."""

from ecgsvc.evaluation.beats import BeatResults, evaluate_beats
from ecgsvc.evaluation.r_peaks import RPeakResults, evaluate_r_peaks
from ecgsvc.evaluation.references import DS1, DS2, PACED_RECORDS
from ecgsvc.evaluation.tables import beat_tables, r_peak_table

__all__ = [
    "DS1",
    "DS2",
    "PACED_RECORDS",
    "BeatResults",
    "RPeakResults",
    "beat_tables",
    "evaluate_beats",
    "evaluate_r_peaks",
    "r_peak_table",
]
