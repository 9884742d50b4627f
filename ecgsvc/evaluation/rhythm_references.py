"""Reference rhythms in the layout of PhysioNet/CinC 2017: a CSV beside WFDB records."""

import csv
from dataclasses import dataclass
from pathlib import Path

from ecgsvc.convert import read_wfdb
from ecgsvc.domain.errors import UnreadableRecording
from ecgsvc.domain.rhythm import RHYTHM_CLASSES, RhythmClass
from ecgsvc.domain.waveform import Waveform

REFERENCE_FILES = ("REFERENCE-v3.csv", "REFERENCE.csv")
"""In order of preference; v3 is the challenge's last relabelling."""


@dataclass(frozen=True, slots=True)
class ReferenceRhythm:
    """A recording and the index of its class in `RHYTHM_CLASSES`."""

    path: Path
    label: int

    def read(self) -> Waveform:
        """Its samples; `UnreadableRecording` when it is damaged."""
        return read_wfdb(self.path).waveform


def read_reference_rhythms(folder: Path) -> tuple[ReferenceRhythm, ...]:
    """Recordings of a folder that are in its reference, in the reference's order.

    Recordings that the reference names but the folder does not hold are passed over: parts
    of the database are common.

    Raises
    ------
    UnreadableRecording
        There is no reference, or it has lines other than ``NAME,CLASS``, or no recording.
    """
    reference = next((folder / f for f in REFERENCE_FILES if (folder / f).is_file()), None)
    if reference is None:
        msg = f"There is no {REFERENCE_FILES[0]} in the folder."
        raise UnreadableRecording(msg)
    found = []
    with reference.open(encoding="utf-8", newline="") as lines:
        for line in csv.reader(lines):
            try:
                name, label = line
                index = RHYTHM_CLASSES.index(RhythmClass(label.strip()))
            except ValueError as error:
                msg = f"{reference.name} has a line that is not NAME,CLASS."
                raise UnreadableRecording(msg) from error
            if (folder / f"{name}.hea").is_file():
                found.append(ReferenceRhythm(folder / name, index))
    if not found:
        msg = f"The folder holds none of the recordings that {reference.name} names."
        raise UnreadableRecording(msg)
    return tuple(found)
