"""Annotated rhythms, and which 10 s windows are of malignant ones."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ecgsvc.convert import WfdbAnnotations, read_wfdb_annotations
from ecgsvc.domain.waveform import SampleIndices
from ecgsvc.evaluation.references import (
    BEAT_SYMBOLS,
    FLUTTER_END,
    FLUTTER_ONSET,
)


class AnnotatedRhythm(StrEnum):
    """What annotators say of a stretch, as far as an alarm is concerned."""

    VF = "VF"
    """Ventricular fibrillation or flutter."""
    VT = "VT"
    """Ventricular tachycardia, or three ventricular beats or more in a row."""
    NOISE = "noise"
    """The annotators could not tell the rhythm."""
    ASYSTOLE = "asystole"
    ECTOPY = "ectopy"
    """High-grade ventricular ectopic activity: salvoes are likely."""
    OTHER = "other"


RHYTHMS: tuple[AnnotatedRhythm, ...] = tuple(AnnotatedRhythm)
MALIGNANT = (AnnotatedRhythm.VF, AnnotatedRhythm.VT)
RUN_BEATS = 3
"""AHA/ACC/HRS 2017: three ventricular beats in a row are a tachycardia."""

# The marks of vfdb and mitdb (PhysioNet, annot(5)); all others are OTHER.
_RHYTHM_OF_MARK = MappingProxyType(
    {
        "(VF": AnnotatedRhythm.VF,
        "(VFIB": AnnotatedRhythm.VF,
        "(VFL": AnnotatedRhythm.VF,
        "(VT": AnnotatedRhythm.VT,
        "(NOISE": AnnotatedRhythm.NOISE,
        "(ASYS": AnnotatedRhythm.ASYSTOLE,
        "(HGEA": AnnotatedRhythm.ECTOPY,
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class RhythmReference:
    """The rhythm of every sample of a record.

    Parameters
    ----------
    onsets
        Shape (n_stretches,), first sample of each stretch; the first one is 0.
    rhythms
        Index into `RHYTHMS` of each stretch, shape (n_stretches,).
    n_samples
        Length of the record.
    """

    onsets: SampleIndices
    rhythms: NDArray[np.int64]
    n_samples: int

    def shares(self, bounds: SampleIndices) -> NDArray[np.float64]:
        """Share of each window, shape (n, 2), that each of `RHYTHMS` takes: (n, 6)."""
        ends = np.append(self.onsets[1:], self.n_samples)
        low = np.maximum(bounds[:, :1], self.onsets)
        covered = np.clip(np.minimum(bounds[:, 1:], ends) - low, 0, None)
        of_rhythm = self.rhythms[:, None] == np.arange(len(RHYTHMS))
        shares: NDArray[np.float64] = covered @ of_rhythm / np.diff(bounds, axis=1)
        return shares

    def episodes(self, rhythms: tuple[AnnotatedRhythm, ...]) -> SampleIndices:
        """First sample and the one after the last of stretches of these, shape (n, 2).

        Neighbouring stretches of any of them are one episode.
        """
        inside = np.isin(self.rhythms, [RHYTHMS.index(rhythm) for rhythm in rhythms])
        change = np.diff(inside.astype(np.int8), prepend=0, append=0)
        edges = np.append(self.onsets, self.n_samples)
        return np.stack([edges[change == 1], edges[change == -1]], axis=1)


def read_rhythm_reference(record: Path, extension: str, n_samples: int) -> RhythmReference:
    """Read the rhythms of a record; `UnreadableRecording` as `read_wfdb`."""
    return rhythm_reference(read_wfdb_annotations(record, extension), n_samples)


def rhythm_reference(annotations: WfdbAnnotations, n_samples: int) -> RhythmReference:
    """Put the rhythm of every sample together.

    A rhythm lasts from its mark to the next, the first also before its mark. Ventricular
    flutter between "[" and "]" and runs of three ventricular beats or more count as well
    where no mark says so.
    """
    rhythm = np.full(n_samples, RHYTHMS.index(AnnotatedRhythm.OTHER))
    marks = [
        (index, note)
        for index, note in zip(
            annotations.sample_indices.tolist(), annotations.aux_notes, strict=True
        )
        if note.startswith("(")
    ]
    for number, (index, note) in enumerate(marks):
        kind = _RHYTHM_OF_MARK.get(note, AnnotatedRhythm.OTHER)
        rhythm[index if number else 0 :] = RHYTHMS.index(kind)
    for start, stop in _runs(annotations):
        untold = ~np.isin(rhythm[start:stop], [RHYTHMS.index(m) for m in MALIGNANT])
        rhythm[start:stop][untold] = RHYTHMS.index(AnnotatedRhythm.VT)
    for start, stop in _flutter(annotations):
        rhythm[start:stop] = RHYTHMS.index(AnnotatedRhythm.VF)
    onsets = np.flatnonzero(np.diff(rhythm, prepend=-1))
    return RhythmReference(onsets, rhythm[onsets], n_samples)


def window_labels(
    reference: RhythmReference, bounds: SampleIndices
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Rhythm of each window and whether it holds no other.

    A window is malignant when VF and VT take half of it or more, and then of the longer of
    the two; otherwise it is of the longest among the other rhythms.

    Returns
    -------
    labels
        Index into `RHYTHMS`, shape (n_windows,).
    pure
        Shape (n_windows,).
    """
    shares = reference.shares(bounds)
    is_malignant = np.array([rhythm in MALIGNANT for rhythm in RHYTHMS])
    malignant = shares[:, is_malignant].sum(axis=1) >= 0.5
    eligible = np.where(malignant[:, None] == is_malignant, shares, -1.0)
    return eligible.argmax(axis=1), shares.max(axis=1) > 1 - 1e-9


def _runs(annotations: WfdbAnnotations) -> list[tuple[int, int]]:
    """Runs of ventricular beats: from the first beat to the one after the last."""
    beats = np.array([symbol in BEAT_SYMBOLS for symbol in annotations.symbols], dtype=bool)
    symbols = np.array(annotations.symbols)[beats]
    at = annotations.sample_indices[beats]
    ventricular = np.isin(symbols, ("V", "E")).astype(np.int8)
    change = np.diff(ventricular, prepend=0, append=0)
    first, behind = np.flatnonzero(change == 1), np.flatnonzero(change == -1)
    long = behind - first >= RUN_BEATS
    ends = np.append(at, at[-1:])[behind[long]]
    return list(zip(at[first[long]].tolist(), ends.tolist(), strict=True))


def _flutter(annotations: WfdbAnnotations) -> list[tuple[int, int]]:
    """Stretches from "[" to the next "]", or to the end."""
    stretches: list[tuple[int, int]] = []
    onset: int | None = None
    for index, symbol in zip(
        annotations.sample_indices.tolist(), annotations.symbols, strict=True
    ):
        if symbol == FLUTTER_ONSET and onset is None:
            onset = index
        elif symbol == FLUTTER_END and onset is not None:
            stretches.append((onset, index))
            onset = None
    if onset is not None:
        stretches.append((onset, np.iinfo(np.int64).max))
    return stretches
