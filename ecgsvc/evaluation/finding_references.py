"""What the readers of PTB-XL and LUDB said, in the words of our rules.

PTB-XL: SCP-ECG statements of `labels.csv`, whatever likelihood is given (form and rhythm
statements have none); recordings without statements are left out. LUDB: its table's columns
in the cardiologists' words.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ecgsvc.convert import read_wfdb
from ecgsvc.domain.errors import UnreadableRecording
from ecgsvc.domain.waveform import Recording, Sex
from ecgsvc.evaluation.electrode_swaps import LUDB_UNITS_PER_MV
from ecgsvc.evaluation.ludb_labels import TABLE_FILE, LudbLabels, ludb_labels

HELD_OUT = "test"
"""PTB-XL's fold 10, every patient in one fold: a tenth in which no constant was chosen."""
OLDEST_YEARS = 90.0
"""PTB-XL gives ages above 89 as 300."""
_SEXES: Mapping[str, Sex] = {"0": "male", "1": "female"}
_ISCHAEMIA = ("ISC_", "ISCAL", "ISCIL", "ISCIN", "ISCLA", "ISCAS", "ISCAN")


@dataclass(frozen=True, slots=True)
class FindingName:
    """A row of the table: which rules find it, and what each database calls it.

    Rhythms that no rule names are known by the display of their code.

    `ptbxl` are SCP-ECG statements, `ludb` words of its table; empty: nobody says.
    """

    name: str
    rules: tuple[str, ...]
    ptbxl: tuple[str, ...] = ()
    ludb: tuple[str, ...] = ()


NAMES: tuple[FindingName, ...] = (
    FindingName("normal ECG", ("Electrocardiogram normal",), ("NORM",)),
    FindingName(
        "sinus rhythm",
        ("Sinus rhythm",),
        ("SR", "STACH", "SBRAD", "SARRH"),
        ("sinus rhythm", "sinus tachycardia", "sinus bradycardia", "sinus arrhythmia"),
    ),
    FindingName(
        "atrial fibrillation",
        ("atrial fibrillation",),
        ("AFIB",),
        ("atrial fibrillation",),
    ),
    FindingName("left axis deviation", ("left-axis",), (), ("left axis deviation",)),
    FindingName("right axis deviation", ("right-axis",), (), ("right axis deviation",)),
    FindingName(
        "first-degree AV block, long PR",
        ("first-degree-av-block", "prolonged-pr"),
        ("1AVB", "LPR"),
        ("i degree av block",),
    ),
    FindingName(
        "complete LBBB", ("lbbb",), ("CLBBB",), ("complete left bundle branch block",)
    ),
    FindingName(
        "complete RBBB", ("rbbb",), ("CRBBB",), ("complete right bundle branch block",)
    ),
    FindingName(
        "incomplete RBBB",
        ("incomplete-rbbb",),
        ("IRBBB",),
        ("incomplete right bundle branch block",),
    ),
    FindingName(
        "left anterior fascicular block", ("lafb",), ("LAFB",), ("left anterior hemiblock",)
    ),
    FindingName("left posterior fascicular block", ("lpfb",), ("LPFB",)),
    FindingName(
        "nonspecific ventricular delay",
        ("ivcd",),
        ("IVCD",),
        ("non-specific intravintricular conduction delay",),
    ),
    FindingName("paced rhythm", ("pacing",), ("PACE",), ("pacemaker", "pacing")),
    FindingName("long QT", ("long-qt",), ("LNGQT",)),
    FindingName(
        "left ventricular hypertrophy",
        ("lvh-voltage",),
        ("LVH", "VCLVH"),
        ("left ventricular hypertrophy",),
    ),
    FindingName("low voltage", ("low-voltage",), ("LVOLT",)),
    FindingName(
        "Q waves, old infarction",
        ("q-wave",),
        ("QWAVE", "IMI", "ASMI", "AMI", "ALMI", "LMI", "ILMI", "IPMI", "IPLMI", "PMI"),
        ("scar formation",),
    ),
    FindingName(
        "ST elevation", ("st-elevation",), ("STE_", "INJAS", "INJAL", "ANEUR"), ("stemi",)
    ),
    FindingName("ST depression", ("st-depression",), ("STD_", *_ISCHAEMIA), ("ischemia:",)),
    FindingName(
        "T wave inversion", ("t-inversion",), ("INVT", *_ISCHAEMIA), ("ischemia:",)
    ),
    FindingName("poor R progression", ("poor-r-progression",), ("ASMI", "AMI")),
)


@dataclass(frozen=True, slots=True, eq=False)
class LabelledEcg:
    """A recording on disk, what is known of the patient, and what its readers found."""

    path: Path
    units_per_mv: float | None
    age_years: float | None
    sex: Sex | None
    present: frozenset[str]
    held_out: bool

    def read(self) -> Recording:
        """Read the samples; `UnreadableRecording` as `read_wfdb`."""
        found = read_wfdb(self.path, units_per_mv=self.units_per_mv)
        return replace(
            found,
            age_years=found.age_years if self.age_years is None else self.age_years,
            sex=self.sex or found.sex,
        )


def labelled_ecgs(directory: Path) -> tuple[tuple[LabelledEcg, ...], tuple[str, ...]]:
    """Find the labelled recordings of a folder, and the names the database speaks of.

    Parameters
    ----------
    directory
        PTB-XL's ``records100`` or ``records500`` with ``labels.csv`` and ``metadata.csv``
        beside it, or LUDB's folder with ``ludb.csv``.

    Raises
    ------
    UnreadableRecording
        The folder belongs to neither database.
    """
    if (directory / TABLE_FILE).is_file():
        return _ludb(directory), tuple(each.name for each in NAMES if each.ludb)
    if (directory.parent / "labels.csv").is_file():
        return _ptbxl(directory), tuple(each.name for each in NAMES if each.ptbxl)
    msg = "The folder is neither LUDB (ludb.csv) nor of PTB-XL (labels.csv beside it)."
    raise UnreadableRecording(msg)


def _ptbxl(directory: Path) -> tuple[LabelledEcg, ...]:
    labels = _rows(directory.parent / "labels.csv", "ecg_id")
    persons = _rows(directory.parent / "metadata.csv", "ecg_id")
    ecgs = []
    for header in sorted(directory.rglob("*.hea")):
        row = labels.get(str(int(header.stem.split("_")[0])), {})
        codes = {entry.split(":")[0] for entry in row.get("scp_codes", "").split("|")}
        if codes == {""}:
            continue
        person = persons.get(row["ecg_id"], {})
        age = float(person["age"]) if person.get("age") else None
        fold = person.get("strat_fold", "")
        ecgs.append(
            LabelledEcg(
                header.with_suffix(""),
                None,
                age if age is None else min(age, OLDEST_YEARS),
                _SEXES.get(person.get("sex", "").split(".")[0]),
                frozenset(each.name for each in NAMES if codes & set(each.ptbxl)),
                (row["split"] or {"10": HELD_OUT}.get(fold)) == HELD_OUT,
            )
        )
    return tuple(ecgs)


def _ludb(directory: Path) -> tuple[LabelledEcg, ...]:
    ecgs = []
    for name, labels in ludb_labels(directory).items():
        present = frozenset(
            each.name for each in NAMES if any(_says(labels, words) for words in each.ludb)
        )
        path = directory / "data" / name
        if path.with_suffix(".hea").is_file():
            ecgs.append(LabelledEcg(path, LUDB_UNITS_PER_MV, None, None, present, False))
    return tuple(ecgs)


def _says(labels: LudbLabels, words: str) -> bool:
    """Whether a line begins so; pacing is spoken of anywhere."""
    anywhere = words in ("pacemaker", "pacing")
    return labels.says(words) or (anywhere and any(words in line for line in labels.said))


def _rows(path: Path, key: str) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row[key].removesuffix(".0"): row for row in csv.DictReader(file)}


def rules_of(names: Sequence[str]) -> dict[str, frozenset[str]]:
    """Give the rules of each name."""
    return {each.name: frozenset(each.rules) for each in NAMES if each.name in names}
