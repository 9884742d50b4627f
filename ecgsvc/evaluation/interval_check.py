"""Whether a second measurement finds the errors of the first, on annotated recordings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgsvc.convert import read_wfdb
from ecgsvc.domain.analysis import Analysis
from ecgsvc.domain.interval_check import IntervalCheck
from ecgsvc.domain.waveform import Recording
from ecgsvc.evaluation.electrode_swaps import LUDB_UNITS_PER_MV
from ecgsvc.evaluation.figures import Cell, Figures, Row
from ecgsvc.evaluation.global_intervals import annotated_rate_bpm, reference_intervals
from ecgsvc.evaluation.references import OnRecord
from ecgsvc.evaluation.wave_references import find_wave_records

CHECKED = ("pr_ms", "qrs_ms", "qt_ms", "heart_rate_bpm")

Analyse = Callable[[Recording], Analysis]


@dataclass(frozen=True, slots=True)
class CheckedInterval:
    """One interval of one record: annotated, measured, and estimated a second time."""

    record: str
    name: str
    reference: float | None
    measured: float | None
    check: IntervalCheck | None

    @property
    def error(self) -> float | None:
        """Measured less annotated."""
        if self.reference is None or self.measured is None:
            return None
        return self.measured - self.reference

    @property
    def estimate_error(self) -> float | None:
        """Estimated less annotated."""
        if self.reference is None or self.check is None:
            return None
        return self.check.estimate - self.reference


def check_intervals(
    directory: Path,
    analyse: Analyse,
    *,
    records: Sequence[str] | None = None,
    on_record: OnRecord = lambda _name, _done, _total: None,
) -> tuple[CheckedInterval, ...]:
    """Measure and check the records of LUDB, its samples taken as microvolts.

    Parameters
    ----------
    directory
        Folder of LUDB.
    analyse
        The signal path; its analyses hold the cross-check.
    records
        Only these.
    """
    paths = [
        record
        for record in find_wave_records(directory, None)
        if records is None or record.path.name in records
    ]
    checked: list[CheckedInterval] = []
    for n_done, record in enumerate(paths, start=1):
        recording = read_wfdb(record.path, units_per_mv=LUDB_UNITS_PER_MV)
        analysis = analyse(recording)
        rate_hz = recording.waveform.sampling_rate_hz
        leads = tuple(record.read(recording.waveform.leads).values())
        reference = dict(reference_intervals(leads, rate_hz))
        reference["heart_rate_bpm"] = annotated_rate_bpm(leads, rate_hz)
        said = analysis.interval_check
        by_name = {check.name: check for check in said.checks} if said else {}
        checked += [
            CheckedInterval(
                record.path.name,
                name,
                reference[name],
                getattr(analysis.measurements, name),
                by_name.get(name),
            )
            for name in CHECKED
        ]
        on_record(record.path.name, n_done, len(paths))
    return tuple(checked)


def check_figures(checked: Sequence[CheckedInterval], title: str) -> Figures:
    """Errors of what was measured: all, those not flagged and those flagged."""
    rows: list[Row] = []
    for name in CHECKED:
        own = [c for c in checked if c.name == name and c.error is not None]
        flagged = [c for c in own if c.check is not None and c.check.disagrees]
        agreed = [c for c in own if c.check is not None and not c.check.disagrees]
        for which, part in (("all", own), ("agree", agreed), ("disagree", flagged)):
            rows.append(
                {
                    "Value": name,
                    "Measurements": which,
                    "n": len(part),
                    **_error_cells([c.error for c in part]),
                    "network's error, MAE": _mae([c.estimate_error for c in part]),
                }
            )
    return Figures(title, tuple(rows), "Errors against the annotations, in ms or bpm.")


def _error_cells(errors: Sequence[float | None]) -> dict[str, Cell]:
    known = np.array([e for e in errors if e is not None])
    if not known.size:
        return {"bias": "", "SD": "", "MAE": "", "largest": ""}
    sd = f"{known.std(ddof=1):.1f}" if known.size > 1 else ""
    return {
        "bias": f"{known.mean():.1f}",
        "SD": sd,
        "MAE": f"{np.abs(known).mean():.1f}",
        "largest": f"{np.abs(known).max():.0f}",
    }


def _mae(errors: Sequence[float | None]) -> str:
    known = np.array([e for e in errors if e is not None])
    return f"{np.abs(known).mean():.1f}" if known.size else ""


def regression_row(
    reference: NDArray[np.float64], estimate: NDArray[np.float64], digits: int = 1
) -> dict[str, Cell]:
    """n, bias, SD, MAE, RMSE and R² of estimates; NaN references do not count."""
    known = np.isfinite(reference) & np.isfinite(estimate)
    truth, errors = reference[known], estimate[known] - reference[known]
    if len(errors) < 2:
        return {"n": len(errors), "bias": "", "SD": "", "MAE": "", "RMSE": "", "R2": ""}
    spread = float(np.square(truth - truth.mean()).sum())
    r2 = 1 - float(np.square(errors).sum()) / spread if spread else float("nan")
    return {
        "n": len(errors),
        "bias": f"{errors.mean():.{digits}f}",
        "SD": f"{errors.std(ddof=1):.{digits}f}",
        "MAE": f"{np.abs(errors).mean():.{digits}f}",
        "RMSE": f"{np.sqrt(np.square(errors).mean()):.{digits}f}",
        "R2": f"{r2:.3f}",
    }
