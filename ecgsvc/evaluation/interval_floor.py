"""How far annotated intervals agree with themselves: what no estimate can hope to beat.

The reference of a record, made of six of its leads, is held against the one made of the
other six. What the annotators judge alike in all leads is not seen, so that the true floor
lies higher.
"""

from pathlib import Path

import numpy as np

from ecgsvc.convert import read_wfdb
from ecgsvc.evaluation.electrode_swaps import LUDB_UNITS_PER_MV
from ecgsvc.evaluation.figures import Figures, Row
from ecgsvc.evaluation.global_intervals import reference_intervals
from ecgsvc.evaluation.references import OnRecord
from ecgsvc.evaluation.wave_references import find_wave_records

NAMES = ("pr_ms", "qrs_ms", "qt_ms")
GOAL_R2 = 0.95
_N_HALVES = 20


def interval_floor(
    directory: Path, *, on_record: OnRecord = lambda _name, _done, _total: None
) -> Figures:
    """Compare the references of random halves of the leads, 20 halves a record of LUDB.

    Two halves are apart by twice what a reference of all leads is off, if leads err apart
    from each other.
    """
    rng = np.random.default_rng(0)
    apart: dict[str, list[float]] = {name: [] for name in NAMES}
    known: dict[str, list[float]] = {name: [] for name in NAMES}
    records = find_wave_records(directory, None)
    for n_done, record in enumerate(records, start=1):
        waveform = read_wfdb(record.path, units_per_mv=LUDB_UNITS_PER_MV).waveform
        leads = tuple(record.read(waveform.leads).values())
        rate_hz = waveform.sampling_rate_hz
        whole = reference_intervals(leads, rate_hz)
        differences: dict[str, list[float]] = {name: [] for name in NAMES}
        for _ in range(_N_HALVES):
            order = rng.permutation(len(leads))
            one, other = (
                reference_intervals([leads[i] for i in half], rate_hz)
                for half in np.array_split(order, 2)
            )
            for name in NAMES:
                if (a := one[name]) is not None and (b := other[name]) is not None:
                    differences[name].append(abs(a - b))
        for name in NAMES:
            if (value := whole[name]) is not None:
                known[name].append(value)
            if differences[name]:
                apart[name].append(float(np.mean(differences[name])))
        on_record(record.path.name, n_done, len(records))
    rows: list[Row] = [
        {
            "Value": name,
            "n": len(apart[name]),
            "halves apart": f"{np.mean(apart[name]):.1f}",
            "reference off": f"{np.mean(apart[name]) / 2:.1f}",
            "SD of the reference": f"{np.std(known[name]):.1f}",
            f"RMSE of R2 {GOAL_R2}": f"{np.std(known[name]) * (1 - GOAL_R2) ** 0.5:.1f}",
        }
        for name in NAMES
    ]
    return Figures("How far the annotations agree", tuple(rows), "Mean distances in ms.")
