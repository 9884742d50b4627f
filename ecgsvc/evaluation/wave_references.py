"""Recordings whose waves are annotated: which there are, and where the waves lie."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ecgsvc.convert import WfdbAnnotations, read_wfdb_annotations
from ecgsvc.domain.errors import UnreadableRecording
from ecgsvc.domain.waveform import STANDARD_LEADS, Lead, SampleIndices
from ecgsvc.domain.waves import ABSENT
from ecgsvc.evaluation.references import BEAT_SYMBOLS

WaveName: TypeAlias = Literal["P", "QRS", "T"]
WAVES: tuple[WaveName, ...] = ("P", "QRS", "T")
POINTS = ("onset", "peak", "offset")

# annot(5) of the WFDB Applications Guide. U waves are read to leave them their brackets.
_WAVE_OF_SYMBOL: Mapping[str, str] = MappingProxyType(
    {**dict.fromkeys(BEAT_SYMBOLS, "QRS"), "p": "P", "t": "T", "u": "U"}
)
_ONSET, _OFFSET = "(", ")"
_WITHOUT_P = re.compile(r"#.*rhythm.*(fibrillation|flutter)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceWaves:
    """The annotated waves of one lead.

    Parameters
    ----------
    points
        Of each kind of wave, shape (n_waves, 3): onset, peak, offset as sample indices in
        order of the peaks; -1 for an onset or offset that is not annotated.
    first, last
        First and last annotated point of the lead. LUDB's cardiologists left out waves at
        both ends of every recording, so that only between these a wave too many is wrong.
    """

    points: Mapping[WaveName, NDArray[np.int64]]
    first: int
    last: int


def reference_waves(annotations: WfdbAnnotations) -> ReferenceWaves:
    """Put brackets and peaks together: "(" belongs to the next peak, ")" to the last one.

    Equal annotations count once; of two peaks within one pair of brackets (biphasic T
    waves) the first is the peak.
    """
    found: dict[str, list[list[int]]] = {"P": [], "QRS": [], "T": [], "U": []}
    open_wave, open_kind = None, None
    onset = ABSENT
    for index, symbol in _in_order(annotations):
        if symbol == _ONSET:
            onset = index
        elif symbol == _OFFSET:
            if open_wave is not None:
                open_wave[2] = index
            open_wave = open_kind = None
        elif (kind := _WAVE_OF_SYMBOL.get(symbol)) is not None and kind != open_kind:
            open_wave, open_kind = [onset, index, ABSENT], kind
            found[kind].append(open_wave)
            onset = ABSENT
    points = {wave: np.array(found[wave], dtype=np.int64).reshape(-1, 3) for wave in WAVES}
    annotated = np.concatenate([waves.ravel() for waves in points.values()])
    annotated = annotated[annotated != ABSENT]
    if not annotated.size:
        return ReferenceWaves(points, 0, -1)
    return ReferenceWaves(points, int(annotated.min()), int(annotated.max()))


def _in_order(annotations: WfdbAnnotations) -> list[tuple[int, str]]:
    """Sort by time; at one sample the onset stands before the peak, the offset after it."""
    rank = {_ONSET: 0, _OFFSET: 2}
    pairs = zip(annotations.sample_indices.tolist(), annotations.symbols, strict=True)
    return sorted(dict.fromkeys(pairs), key=lambda pair: (pair[0], rank.get(pair[1], 1)))


@dataclass(frozen=True, slots=True)
class WaveRecord:
    """A record whose waves are annotated.

    Parameters
    ----------
    path
        The record, without suffix.
    extension
        The annotator of all leads, or None where each standard lead has its own (LUDB).
    """

    path: Path
    extension: str | None

    def read(self, leads: Sequence[Lead]) -> dict[Lead, ReferenceWaves]:
        """Waves of those of the leads that are annotated."""
        if self.extension is not None:
            waves = reference_waves(read_wfdb_annotations(self.path, self.extension))
            return dict.fromkeys(leads, waves)
        annotators = {lead: _annotator(self.path, lead) for lead in leads}
        return {
            lead: reference_waves(read_wfdb_annotations(self.path, annotator))
            for lead, annotator in annotators.items()
            if annotator is not None
        }

    @property
    def has_no_p(self) -> bool:
        """Whether the header names atrial fibrillation or flutter as the rhythm."""
        header = self.path.with_name(f"{self.path.name}.hea")
        lines = header.read_text(encoding="utf-8", errors="replace").splitlines()
        return any(_WITHOUT_P.match(line) for line in lines)


def find_wave_records(records_dir: Path, extension: str | None) -> tuple[WaveRecord, ...]:
    """List the annotated records of a folder, or of its ``data`` folder, sorted by name.

    Parameters
    ----------
    records_dir
        Folder with ``.hea`` files, or one with such a folder named ``data``, as LUDB has.
    extension
        The annotator of all leads; None: each lead has its own (``.i`` … ``.v6``).

    Raises
    ------
    UnreadableRecording
        There is no such record.
    """
    inner = records_dir / "data"
    headers = (inner if inner.is_dir() else records_dir).glob("*.hea")
    paths = [header.with_suffix("") for header in sorted(headers, key=_by_number)]
    if extension is None:
        kept = [p for p in paths if any(_annotator(p, lead) for lead in STANDARD_LEADS)]
    else:
        kept = [p for p in paths if p.with_name(f"{p.name}.{extension}").is_file()]
    if not kept:
        msg = "The folder holds no record with annotated waves."
        raise UnreadableRecording(msg)
    return tuple(WaveRecord(path, extension) for path in kept)


def _by_number(header: Path) -> tuple[int, str]:
    return (int(header.stem) if header.stem.isdecimal() else 0, header.stem)


def _annotator(path: Path, lead: Lead) -> str | None:
    annotator = lead.lower()
    present = path.with_name(f"{path.name}.{annotator}").is_file()
    return annotator if lead in STANDARD_LEADS and present else None


def present_waves(points: Sequence[SampleIndices]) -> NDArray[np.int64]:
    """Onsets, peaks and offsets of a delineation as rows, without the absent waves."""
    rows: NDArray[np.int64] = np.stack(points, axis=1)
    rows = rows[(rows != ABSENT).all(axis=1)]
    in_order: NDArray[np.int64] = rows[np.argsort(rows[:, 1], kind="stable")]
    return in_order
