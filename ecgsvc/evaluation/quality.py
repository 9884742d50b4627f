"""All that is measured of signal quality, on the databases that `make data` unpacks."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from ecgsvc.evaluation.electrode_swaps import (
    LUDB_UNITS_PER_MV,
    Delineate,
    swap_figures,
    swapped_records,
)
from ecgsvc.evaluation.figures import Figures
from ecgsvc.evaluation.noise import read_noises
from ecgsvc.evaluation.quality_beats import sure_beats
from ecgsvc.evaluation.quality_labels import fibrillation, noisy_recordings
from ecgsvc.evaluation.quality_problems import clean_ptbxl_records, lead_problems
from ecgsvc.evaluation.references import Detect, OnRecord


def evaluate_quality(
    directory: Path,
    parts: Sequence[str],
    *,
    detect: Detect,
    delineate: Delineate,
    on_record: OnRecord,
) -> tuple[Figures, ...]:
    """Measure some of `PARTS`, in the order asked for.

    Parameters
    ----------
    directory
        Holds a folder for each database.
    parts
        Names of `PARTS`.
    detect, delineate
        Find the R peaks, and mark the waves of the leads that may be relied upon.
    on_record
        Called after each record.

    Raises
    ------
    UnreadableRecording
        A database that a part needs is not there, or damaged.
    """
    return tuple(PARTS[part](directory, detect, delineate, on_record) for part in parts)


def _noisy(directory: Path, _: Detect, __: Delineate, on_record: OnRecord) -> Figures:
    return noisy_recordings(directory / "cinc2017", on_record=on_record)


def _beats(directory: Path, detect: Detect, _: Delineate, on_record: OnRecord) -> Figures:
    noises = read_noises(directory / "nstdb")
    return sure_beats(directory / "mitdb", noises, detect, on_record=on_record)


def _fibrillation(
    directory: Path, _: Detect, __: Delineate, on_record: OnRecord
) -> Figures:
    return fibrillation(directory / "vfdb", on_record=on_record)


def _problems(directory: Path, _: Detect, __: Delineate, on_record: OnRecord) -> Figures:
    ludb = lead_problems(
        directory / "ludb" / "data",
        database="LUDB",
        units_per_mv=LUDB_UNITS_PER_MV,
        on_record=on_record,
    )
    ptbxl = lead_problems(
        directory / "ptbxl" / "records500",
        database="PTB-XL",
        names=clean_ptbxl_records(directory / "ptbxl" / "ptbxl_database.csv"),
        on_record=on_record,
    )
    return Figures(ludb.title, ludb.rows + ptbxl.rows)


def _swaps(
    directory: Path, _: Detect, delineate: Delineate, on_record: OnRecord
) -> Figures:
    folders = (
        ("LUDB", directory / "ludb" / "data", LUDB_UNITS_PER_MV),
        ("PTB-XL, 100 Hz", directory / "ptbxl" / "records100", None),
        ("PTB-XL, 500 Hz", directory / "ptbxl" / "records500", None),
    )
    return swap_figures(
        [
            record
            for database, folder, units_per_mv in folders
            for record in swapped_records(
                folder,
                delineate,
                database=database,
                units_per_mv=units_per_mv,
                on_record=on_record,
            )
        ],
        fitted_databases=("LUDB", "PTB-XL, 100 Hz"),
    )


PARTS: Mapping[str, Callable[[Path, Detect, Delineate, OnRecord], Figures]] = (
    MappingProxyType(
        {
            "noisy": _noisy,
            "beats": _beats,
            "fibrillation": _fibrillation,
            "problems": _problems,
            "swaps": _swaps,
        }
    )
)
"""What is measured, by name."""
