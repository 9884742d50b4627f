"""The diagnosis network on LUDB, of which it was shown nothing.

Other devices, another country, other words: what LUDB's cardiologists wrote is held
against the superclasses and statements that mean the same. The records go the way of the
service: leads that cannot be relied upon are not shown.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from ecgsvc import dsp
from ecgsvc.convert import read_wfdb
from ecgsvc.domain.diagnosis import DiagnosisCall, LabelCall
from ecgsvc.evaluation.electrode_swaps import LUDB_UNITS_PER_MV
from ecgsvc.evaluation.figures import Figures, Row, area_under_roc, pooled_share
from ecgsvc.evaluation.ludb_labels import LudbLabels, ludb_labels
from ecgsvc.evaluation.references import OnRecord
from ecgsvc.inference import DiagnosisReader

WORDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "NORM": (),
        "MI": ("scar formation", "stemi"),
        "STTC": ("ischemia:", "non-specific repolarization"),
        "CD": (
            "i degree av block", "iii degree av-block", "complete", "incomplete",
            "left anterior hemiblock", "non-specific intravintricular",
        ),
        "HYP": (
            "left ventricular", "left atrial", "right atrial", "right ventricular",
        ),
        "SR": ("sinus rhythm",),
        "AFIB": ("atrial fibrillation",),
        "SBRAD": ("sinus bradycardia",),
        "STACH": ("sinus tachycardia",),
        "SARRH": ("sinus arrhythmia", "irregular sinus rhythm"),
        "PVC": ("ventricular extrasystole",),
        "PAC": ("atrial extrasystole",),
        "1AVB": ("i degree av block",),
        "CLBBB": ("complete left bundle branch block",),
        "CRBBB": ("complete right bundle branch block",),
        "IRBBB": ("incomplete right bundle branch block",),
        "LAFB": ("left anterior hemiblock",),
        "IVCD": ("non-specific intravintricular",),
        "LVH": ("left ventricular hypertrophy",),
        "LAO/LAE": ("left atrial",),
        "NST_": ("non-specific repolarization",),
    }
)  # fmt: skip
"""Beginnings of LUDB's lines that mean a label; NORM is sinus rhythm and nothing said."""
_EITHER = "undefined ischemia/scar"
_OPEN = ("MI", "STTC")
"""Labels that the words for "either" leave open."""


def evaluate_foreign_diagnoses(
    directory: Path,
    reader: DiagnosisReader,
    *,
    on_record: OnRecord = lambda _name, _done, _total: None,
) -> Figures:
    """Ask about every record of LUDB: area under ROC, sensitivity and precision a label.

    Raises
    ------
    FileNotFoundError, UnreadableRecording
        The folder is not LUDB's.
    """
    said = ludb_labels(directory)
    paths = sorted((directory / "data").glob("*.hea"), key=lambda path: int(path.stem))
    calls = []
    for n_done, path in enumerate(paths, start=1):
        calls.append(_read(path.with_suffix(""), reader))
        on_record(path.stem, n_done, len(paths))
    labels = [said[path.stem] for path in paths]
    rows = [_row(name, labels, calls) for name in WORDS if name in reader.card.labels]
    n_silent = sum(not call.reliable for call in calls)
    return Figures(
        f"The network on LUDB, {len(paths)} records",
        tuple(rows),
        f"{n_silent} of the records were refused as unlike what it learned from, and count "
        "as not called.",
    )


def reference(name: str, labels: LudbLabels) -> float:
    """1 present, 0 absent, NaN where LUDB's words leave it open."""
    if name == "NORM":
        return float(labels.normal)
    if any(labels.says(words) for words in WORDS[name]):
        return 1.0
    return math.nan if name in _OPEN and labels.says(_EITHER) else 0.0


def _read(path: Path, reader: DiagnosisReader) -> DiagnosisCall:
    recording = read_wfdb(path, units_per_mv=LUDB_UNITS_PER_MV)
    usable = dsp.assess_quality(recording.waveform).usable_leads
    return reader.read(
        recording.waveform.select(usable), recording.age_years, recording.sex
    )


def _row(name: str, labels: list[LudbLabels], calls: list[DiagnosisCall]) -> Row:
    truth = np.array([reference(name, each) for each in labels])
    known = np.isfinite(truth)
    present = truth[known] == 1
    said = [_call(name, call) for call in calls]
    scores = np.array([0.0 if each is None else each.probability for each in said])[known]
    called = np.array(
        [
            each is not None and call.reliable and each.probability >= each.threshold
            for each, call in zip(said, calls, strict=True)
        ]
    )[known]
    return {
        "Label": name,
        "LUDB's words": "; ".join(WORDS[name]) or "sinus rhythm, nothing abnormal",
        "Known": int(known.sum()),
        "Positive": int(present.sum()),
        "AUC": area_under_roc(scores, present),
        "Se": pooled_share((called & present).astype(int), present.astype(int)),
        "+P": pooled_share((called & present).astype(int), called.astype(int)),
    }


def _call(name: str, call: DiagnosisCall) -> LabelCall | None:
    by_name = {str(key): each for key, each in call.superclasses.items()}
    return by_name.get(name) or call.statements.get(name)
