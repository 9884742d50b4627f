"""Annotated recordings: which there are, where their beats lie, what class they are of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ecgsvc.convert import WfdbAnnotations, read_wfdb_annotations
from ecgsvc.domain.beats import BeatClass, ClassifiedBeats
from ecgsvc.domain.errors import UnreadableRecording
from ecgsvc.domain.waveform import SampleIndices, Waveform

Detect: TypeAlias = Callable[[Waveform], SampleIndices]
Classify: TypeAlias = Callable[[Waveform, SampleIndices], ClassifiedBeats]
OnRecord: TypeAlias = Callable[[str, int, int], None]
"""Told the record's name, how many are done with it, and of how many."""

# Inter-patient split of MIT-BIH: de Chazal, O'Dwyer & Reilly 2004,
# doi 10.1109/TBME.2004.827359. 201 (DS1) and 202 (DS2) are one person.
DS1: tuple[str, ...] = (
    "101", "106", "108", "109", "112", "114", "115", "116", "118", "119", "122",
    "124", "201", "203", "205", "207", "208", "209", "215", "220", "223", "230",
)  # fmt: skip
DS2: tuple[str, ...] = (
    "100", "103", "105", "111", "113", "117", "121", "123", "200", "202", "210",
    "212", "213", "214", "219", "221", "222", "228", "231", "232", "233", "234",
)  # fmt: skip
PACED_RECORDS: tuple[str, ...] = ("102", "104", "107", "217")
"""MIT-BIH records with paced beats; EC57 leaves them out of beat classes."""

# ANSI/AAMI EC57, table of beat classes, for the codes of MIT-BIH and svdb (annot(5)).
# Escape beats (e, j, n) are N, as in de Chazal et al.; svdb codes its S beats as "S".
BEAT_CLASS_OF_SYMBOL = MappingProxyType(
    {
        **dict.fromkeys("NLRBejn", BeatClass.N),
        **dict.fromkeys("AaJS", BeatClass.S),
        **dict.fromkeys("VEr", BeatClass.V),
        "F": BeatClass.F,
        **dict.fromkeys("/fQ?", BeatClass.Q),
    }
)
BEAT_SYMBOLS = frozenset(BEAT_CLASS_OF_SYMBOL)
FLUTTER_ONSET, FLUTTER_END = "[", "]"


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceBeats:
    """The annotated beats of a record.

    Parameters
    ----------
    sample_indices, classes
        Shape (n,), in order of time; beats within ventricular flutter are left out.
    flutter
        Shape (n_segments, 2), first and last sample of ventricular flutter or
        fibrillation ("[" to "]"), where no beat can be right or wrong.
    """

    sample_indices: SampleIndices
    classes: tuple[BeatClass, ...]
    flutter: SampleIndices

    def in_flutter(self, sample_indices: SampleIndices) -> NDArray[np.bool_]:
        """Tell which of the samples, shape (n,), lie within ventricular flutter."""
        start, end = self.flutter[:, 0], self.flutter[:, 1]
        inside = (sample_indices[:, None] >= start) & (sample_indices[:, None] <= end)
        return np.asarray(inside.any(axis=1))


def find_records(
    records_dir: Path, extension: str, names: Sequence[str] | None = None
) -> tuple[Path, ...]:
    """List the records of a folder that are annotated, sorted by name.

    Parameters
    ----------
    records_dir
        Folder with ``.hea`` files.
    extension
        The annotator whose files must be there.
    names
        Only these, all of which must be there.

    Raises
    ------
    UnreadableRecording
        A record asked for is not there, or none at all.
    """
    found = {
        header.stem: header.with_suffix("")
        for header in sorted(records_dir.glob("*.hea"))
        if header.with_suffix(f".{extension}").is_file()
    }
    missing = [name for name in names or () if name not in found]
    if missing:
        msg = f"Records with .{extension} annotations are missing: {', '.join(missing)}."
        raise UnreadableRecording(msg)
    if not found:
        msg = f"The folder holds no record with .{extension} annotations."
        raise UnreadableRecording(msg)
    return tuple(found.values()) if names is None else tuple(found[n] for n in names)


def read_reference_beats(record: Path, extension: str) -> ReferenceBeats:
    """Read the annotated beats of a record; `UnreadableRecording` as `read_wfdb`."""
    return reference_beats(read_wfdb_annotations(record, extension))


def reference_beats(annotations: WfdbAnnotations) -> ReferenceBeats:
    """Pick the beats and the ventricular flutter out of all annotations."""
    flutter: list[tuple[int, int]] = []
    onset: int | None = None
    for index, symbol in zip(
        annotations.sample_indices.tolist(), annotations.symbols, strict=True
    ):
        if symbol == FLUTTER_ONSET and onset is None:
            onset = index
        elif symbol == FLUTTER_END and onset is not None:
            flutter.append((onset, index))
            onset = None
    if onset is not None:
        flutter.append((onset, np.iinfo(np.int64).max))
    is_beat = np.array([s in BEAT_SYMBOLS for s in annotations.symbols], dtype=bool)
    segments = np.array(flutter, dtype=np.int64).reshape(-1, 2)
    everything = ReferenceBeats(annotations.sample_indices, (), segments)
    kept = np.flatnonzero(is_beat & ~everything.in_flutter(annotations.sample_indices))
    return ReferenceBeats(
        annotations.sample_indices[kept],
        tuple(BEAT_CLASS_OF_SYMBOL[annotations.symbols[i]] for i in kept),
        segments,
    )
