"""What the cardiologists of LUDB wrote of each record, in their own words."""

import csv
from dataclasses import dataclass
from pathlib import Path

TABLE_FILE = "ludb.csv"
_ASIDE = ("ID", "Sex", "Age")
_AXIS = "Electric axis of the heart"
_ABNORMAL = (
    "Conduction abnormalities", "Extrasystolies", "Hypertrophies", "Cardiac pacing",
    "Ischemia", "Non-specific repolarization abnormalities",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LudbLabels:
    """A record's row of the table.

    Parameters
    ----------
    said
        Lines of all columns in lower case, the axis without its heading.
    normal
        Sinus rhythm, and nothing abnormal said.
    """

    said: tuple[str, ...]
    normal: bool

    def says(self, words: str) -> bool:
        """Whether a line begins so: "incomplete …" does not say "complete …"."""
        return any(line.startswith(words) for line in self.said)


def ludb_labels(directory: Path) -> dict[str, LudbLabels]:
    """Read ``ludb.csv``, by name of the record."""
    with (directory / TABLE_FILE).open(encoding="utf-8", newline="") as file:
        rows = [
            {name.strip(): cell.strip() for name, cell in row.items()}
            for row in csv.DictReader(file)
        ]
    return {
        row["ID"]: LudbLabels(
            _lines(row),
            row.get("Rhythms", "").startswith("Sinus rhythm")
            and not any(row.get(name) for name in _ABNORMAL),
        )
        for row in rows
    }


def _lines(row: dict[str, str]) -> tuple[str, ...]:
    lines = (
        line.strip().removeprefix(f"{_AXIS}: ").lower()
        for name, cell in row.items()
        if name not in _ASIDE
        for line in cell.split("\n")
    )
    return tuple(line for line in lines if line)
