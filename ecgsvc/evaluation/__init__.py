"""Scores of the signal core and the models against annotated recordings."""

from ecgsvc.evaluation.beats import BeatResults, evaluate_beats
from ecgsvc.evaluation.delineation import DelineationResults, evaluate_delineation
from ecgsvc.evaluation.delineation_tables import (
    delineation_record_table,
    delineation_tables,
)
from ecgsvc.evaluation.diagnosis import diagnosis_figures
from ecgsvc.evaluation.diagnosis_answers import evaluate_diagnosis
from ecgsvc.evaluation.episode_table import episode_table
from ecgsvc.evaluation.episodes import EpisodeResults, evaluate_episodes
from ecgsvc.evaluation.explanation_table import explanation_table
from ecgsvc.evaluation.explanations import evaluate_explanations
from ecgsvc.evaluation.figures import Figures, figures_table
from ecgsvc.evaluation.findings import FindingResults, evaluate_findings, finding_table
from ecgsvc.evaluation.foreign_diagnoses import evaluate_foreign_diagnoses
from ecgsvc.evaluation.interval_check import check_figures, check_intervals
from ecgsvc.evaluation.interval_floor import interval_floor
from ecgsvc.evaluation.malignant import MalignantResults, evaluate_malignant
from ecgsvc.evaluation.malignant_tables import malignant_tables
from ecgsvc.evaluation.markdown import to_markdown
from ecgsvc.evaluation.noise import read_noises
from ecgsvc.evaluation.noise_stress import NoiseStressResults, evaluate_noise_stress
from ecgsvc.evaluation.noise_table import noise_table
from ecgsvc.evaluation.peers import installed_peers
from ecgsvc.evaluation.quality import PARTS as QUALITY_PARTS
from ecgsvc.evaluation.quality import evaluate_quality
from ecgsvc.evaluation.r_peaks import RPeakResults, evaluate_r_peaks
from ecgsvc.evaluation.references import DS1, DS2, PACED_RECORDS
from ecgsvc.evaluation.rhythm import RhythmResults, evaluate_rhythm
from ecgsvc.evaluation.rhythm_tables import rhythm_tables
from ecgsvc.evaluation.tables import beat_tables, r_peak_summary, r_peak_table

__all__ = [
    "DS1",
    "DS2",
    "PACED_RECORDS",
    "QUALITY_PARTS",
    "BeatResults",
    "DelineationResults",
    "EpisodeResults",
    "Figures",
    "FindingResults",
    "MalignantResults",
    "NoiseStressResults",
    "RPeakResults",
    "RhythmResults",
    "beat_tables",
    "check_figures",
    "check_intervals",
    "delineation_record_table",
    "delineation_tables",
    "diagnosis_figures",
    "episode_table",
    "evaluate_beats",
    "evaluate_delineation",
    "evaluate_diagnosis",
    "evaluate_episodes",
    "evaluate_explanations",
    "evaluate_findings",
    "evaluate_foreign_diagnoses",
    "evaluate_malignant",
    "evaluate_noise_stress",
    "evaluate_quality",
    "evaluate_r_peaks",
    "evaluate_rhythm",
    "explanation_table",
    "figures_table",
    "finding_table",
    "installed_peers",
    "interval_floor",
    "malignant_tables",
    "noise_table",
    "r_peak_summary",
    "r_peak_table",
    "read_noises",
    "rhythm_tables",
    "to_markdown",
]
