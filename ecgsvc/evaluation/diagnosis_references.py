"""PTB-XL as the diagnosis network sees it: recordings in millivolts and in z-scores."""

import csv
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ecgsvc import dsp
from ecgsvc.convert import read_wfdb
from ecgsvc.domain.diagnosis import SUPERCLASSES
from ecgsvc.domain.waveform import Sex
from ecgsvc.inference import SignalTools
from ecgsvc.inference.diagnosis_inputs import filter_leads, person_features

LEAST_POSITIVES = 20
"""A statement is learned when so many of the recordings at hand have it."""
NORMALISED_FILE = "normalised100.npz"
_TOOLS = SignalTools(band_pass=dsp.band_pass, resample=dsp.resample)
_NORMALISED_UNITS = 128.0  # per standard deviation
_SEXES: Mapping[str, Sex] = MappingProxyType({"0": "male", "1": "female"})
_EMPTY_SPLITS = {"9": "val", "10": "test"}  # the publisher's folds


@dataclass(frozen=True, slots=True, eq=False)
class DiagnosisSet:
    """Recordings of 10 s with what their readers said; row i of everything is one ECG.

    Parameters
    ----------
    ecg_ids
        Shape (n,), of PTB-XL.
    samples
        Shape (n, 12, 1000) float16, filtered, in mV or (where not `size_known`) z-scores.
    size_known
        Shape (n,).
    person
        Shape (n, 4) float32, as `PERSON_FEATURES`.
    labels, label_names
        Shape (n, labels) float32: 1 present, 0 absent, NaN not known. Superclasses first,
        then statements by SCP-ECG code.
    splits
        ``train``, ``val`` or ``test`` each: the publisher's folds 1-8, 9 and 10, which
        keep every patient in one.
    patients
        A name each; recordings whose patient is not known have one of their own.
    """

    ecg_ids: NDArray[np.int64]
    samples: NDArray[np.float16]
    size_known: NDArray[np.bool_]
    person: NDArray[np.float32]
    labels: NDArray[np.float32]
    label_names: tuple[str, ...]
    splits: tuple[str, ...]
    patients: tuple[str, ...]

    @property
    def age_years(self) -> NDArray[np.float64]:
        """Shape (n,), NaN where not known."""
        known, centuries = self.person[:, 0], self.person[:, 1].astype(np.float64)
        return np.where(known == 1, 100 * centuries, np.nan)

    @property
    def sexes(self) -> tuple[str, ...]:
        """``female``, ``male``, or empty where not known."""
        words = np.where(self.person[:, 3] == 1, "female", "male")
        return tuple(np.where(self.person[:, 2] == 1, words, "").tolist())

    def take(self, rows: NDArray[np.int64]) -> "DiagnosisSet":
        """Some of the recordings, in this order."""
        return DiagnosisSet(
            self.ecg_ids[rows],
            self.samples[rows],
            self.size_known[rows],
            self.person[rows],
            self.labels[rows],
            self.label_names,
            tuple(self.splits[i] for i in rows),
            tuple(self.patients[i] for i in rows),
        )

    def of_split(self, *splits: str) -> "DiagnosisSet":
        """Only the recordings of some splits."""
        return self.take(np.flatnonzero(np.isin(self.splits, splits)))


def read_diagnosis_set(
    directory: Path, on_record: Callable[[int, int], None] = lambda _done, _total: None
) -> DiagnosisSet:
    """Read PTB-XL: WFDB records of 100 Hz, the normalised archive, labels and metadata.

    Parameters
    ----------
    directory
        Holds ``records100``, ``labels.csv``, ``metadata.csv`` and perhaps
        ``normalised100.npz``.
    on_record
        Hears how many records are done, and of how many.

    Raises
    ------
    FileNotFoundError, UnreadableRecording
        A file is missing or damaged.
    """
    labels = _by_id(directory / "labels.csv")
    persons = _by_id(directory / "metadata.csv")
    paths = [
        path.with_suffix("") for path in sorted((directory / "records100").rglob("*.hea"))
    ]
    ids = [int(path.name.split("_")[0]) for path in paths]
    samples = np.zeros((len(ids), 12, 1000), np.float16)
    for row, path in enumerate(paths):
        samples[row] = filter_leads(read_wfdb(path).waveform, _TOOLS)
        on_record(row + 1, len(paths))
    size_known = np.ones(len(ids), dtype=bool)
    archive = directory / NORMALISED_FILE
    if archive.is_file():
        with np.load(archive) as held:
            ids += held["ecg_id"].tolist()
            scores = held["first_difference"].cumsum(axis=-1, dtype=np.int64)
        samples = np.concatenate([samples, (scores / _NORMALISED_UNITS).astype(np.float16)])
        size_known = np.concatenate([size_known, np.zeros(len(scores), dtype=bool)])
    rows = [labels[ecg_id] for ecg_id in ids]
    names = (*map(str, SUPERCLASSES), *frequent_statements(rows))
    return DiagnosisSet(
        np.array(ids),
        samples,
        size_known,
        np.stack([_person(persons.get(ecg_id, {})) for ecg_id in ids]),
        np.array([_targets(row, names) for row in rows], dtype=np.float32),
        names,
        tuple(_split(labels[i], persons.get(i, {})) for i in ids),
        tuple(persons.get(i, {}).get("patient_id") or f"r{i}" for i in ids),
    )


def frequent_statements(rows: Sequence[Mapping[str, str]]) -> list[str]:
    """Statements with enough positives, the most frequent first, but for NORM (a class)."""
    counts = Counter(code for row in rows for code in _codes(row))
    frequent = [code for code, n in counts.most_common() if n >= LEAST_POSITIVES]
    return [code for code in frequent if code not in tuple(SUPERCLASSES)]


def _by_id(path: Path) -> dict[int, dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return {int(float(row["ecg_id"])): row for row in csv.DictReader(file)}


def _codes(row: Mapping[str, str]) -> list[str]:
    """SCP codes of a row such as ``LVOLT:0|NORM:100``, whatever likelihood they have.

    PTB-XL gives rhythm and form statements the likelihood 0, which means none was stated.
    """
    return [entry.split(":")[0] for entry in row["scp_codes"].split("|") if entry]


def _targets(row: Mapping[str, str], names: Sequence[str]) -> list[float]:
    codes = _codes(row)
    return [
        (float(row[name]) if row[name] else math.nan)
        if name in tuple(SUPERCLASSES)
        else (float(name in codes) if codes else math.nan)
        for name in names
    ]


def _person(row: Mapping[str, str]) -> NDArray[np.float32]:
    """Age above 89 is given as 300; male is 0, female 1."""
    age = float(row["age"]) if row.get("age") else None
    if age is not None and age > 120:
        age = 90.0
    return person_features(age, _SEXES.get(row.get("sex", "").split(".")[0]))


def _split(row: Mapping[str, str], person: Mapping[str, str]) -> str:
    return row["split"] or _EMPTY_SPLITS.get(person.get("strat_fold", ""), "train")
