"""Models at work: ONNX sessions, their cards, and one module per task."""

from ecgsvc.inference.beat_features import SignalTools
from ecgsvc.inference.beats import BeatClassifier, choose_lead, choose_leads
from ecgsvc.inference.diagnosis import DiagnosisReader
from ecgsvc.inference.explainer import Explainer
from ecgsvc.inference.intervals import IntervalEstimator
from ecgsvc.inference.malignant import MalignantRhythmDetector
from ecgsvc.inference.model_card import ModelCard, load_model_card
from ecgsvc.inference.plug_in import PlugInModel
from ecgsvc.inference.rhythm import RhythmClassifier
from ecgsvc.inference.sessions import Provider, open_session
from ecgsvc.inference.wave_groups import BeatTools
from ecgsvc.inference.waves import WaveReader

__all__ = [
    "BeatClassifier",
    "BeatTools",
    "DiagnosisReader",
    "Explainer",
    "IntervalEstimator",
    "MalignantRhythmDetector",
    "ModelCard",
    "PlugInModel",
    "Provider",
    "RhythmClassifier",
    "SignalTools",
    "WaveReader",
    "choose_lead",
    "choose_leads",
    "load_model_card",
    "open_session",
]
