"""Which records train, which choose, and which are kept apart.

Track A is DS1 of the MIT-BIH Arrhythmia Database alone, comparable with the literature;
track B adds the MIT-BIH Supraventricular Arrhythmia Database but for a tenth of its
records. No record of DS2 is in either.
"""

from collections.abc import Sequence
from typing import Literal, TypeAlias

Track: TypeAlias = Literal["a", "b"]

N_FOLDS = 3
_DS1_FOLDS: tuple[tuple[str, ...], ...] = (
    ("209", "106", "205", "112", "109", "115", "203"),
    ("118", "208", "101", "116", "122", "207", "114", "108"),
    ("201", "220", "119", "215", "230", "223", "124"),
)
"""DS1 in three parts, no patient in two of them; S and V beats and fibrillation in each."""


def kept_apart(svdb_records: Sequence[str]) -> tuple[str, ...]:
    """Every tenth record of svdb in order of name, from the fifth on: trains nothing."""
    return tuple(sorted(svdb_records)[4::10])


def training_records(svdb_records: Sequence[str]) -> tuple[str, ...]:
    """Records of svdb that train in track B."""
    apart = kept_apart(svdb_records)
    return tuple(record for record in sorted(svdb_records) if record not in apart)


def folds(track: Track, svdb_records: Sequence[str] = ()) -> tuple[tuple[str, ...], ...]:
    """Training records of a track in parts for cross-validation, grouped by record."""
    if track == "a":
        return _DS1_FOLDS
    more = training_records(svdb_records)
    return tuple((*fold, *more[number::N_FOLDS]) for number, fold in enumerate(_DS1_FOLDS))
