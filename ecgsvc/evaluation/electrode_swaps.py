"""Swapped limb electrodes: how many are found, how many are suspected where there are none.

Swaps are made on recordings that are taken to be right: exchanging two electrodes exchanges
or inverts limb leads and leaves the chest leads as they are. Records are parted by hundreds
of their numbers: constants are fitted on the even ones, the odd ones are kept apart.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ecgsvc.convert import read_wfdb
from ecgsvc.domain.waveform import Waveform
from ecgsvc.domain.waves import LeadWaves
from ecgsvc.dsp.electrode_swaps import (
    WEIGHTS,
    arrangement_evidence,
    swapped_limb_electrodes,
    wave_heights_mv,
)
from ecgsvc.evaluation.figures import Cell, Figures, Row, pooled_share
from ecgsvc.evaluation.references import OnRecord, find_records

LIMB_LEADS = ("I", "II", "III", "aVR", "aVL", "aVF")
SWAPS = MappingProxyType(
    {
        "none": (("I", 1), ("II", 1), ("III", 1), ("aVR", 1), ("aVL", 1), ("aVF", 1)),
        "RA-LA": (("I", -1), ("III", 1), ("II", 1), ("aVL", 1), ("aVR", 1), ("aVF", 1)),
        "RA-LL": (("III", -1), ("II", -1), ("I", -1), ("aVF", 1), ("aVL", 1), ("aVR", 1)),
        "LA-LL": (("II", 1), ("I", 1), ("III", -1), ("aVR", 1), ("aVF", 1), ("aVL", 1)),
    }
)
"""What each of `LIMB_LEADS` shows, and with which sign, when two electrodes are swapped."""
LUDB_UNITS_PER_MV = 1000.0
"""Presumed; only with equal gains do LUDB's limb leads agree."""
PENALTY = 1.0
"""On the sum of squared weights: a prior of N(0, 1/2) each."""

Delineate = Callable[[Waveform], Sequence[LeadWaves]]


@dataclass(frozen=True, slots=True, eq=False)
class SwapRecord:
    """What was suspected of one recording, in the order of `SWAPS`."""

    database: str
    record: str
    suspected: tuple[str, ...]
    heights_mv: NDArray[np.float64] | None

    @property
    def is_held_out(self) -> bool:
        """Whether no constant was fitted on it."""
        number = re.search(r"\d+", self.record)
        return number is not None and int(number.group()) // 100 % 2 == 1


def swapped_records(
    directory: Path,
    delineate: Delineate,
    *,
    database: str,
    units_per_mv: float | None = None,
    on_record: OnRecord,
) -> tuple[SwapRecord, ...]:
    """Swap the electrodes of each 12-lead record in turn and note what is suspected.

    Parameters
    ----------
    directory, database
        Folder of WFDB records, and what to call it.
    delineate
        Marks the waves of the leads that may be relied upon.
    units_per_mv
        As in `read_wfdb`.
    on_record
        Called after each record.
    """
    paths = find_records(directory, "dat")
    records = []
    for n_done, path in enumerate(paths, start=1):
        waveform = read_wfdb(path, units_per_mv=units_per_mv).waveform
        if set(LIMB_LEADS) <= set(waveform.leads):
            variants = [swap_electrodes(waveform, swap) for swap in SWAPS]
            waves = [delineate(variant) for variant in variants]
            said = map(swapped_limb_electrodes, variants, waves)
            heights_mv = wave_heights_mv(waveform, waves[0])
            records.append(
                SwapRecord(database, path.name, tuple(s or "" for s in said), heights_mv)
            )
        on_record(path.name, n_done, len(paths))
    return tuple(records)


def swap_figures(records: Sequence[SwapRecord], fitted_databases: Sequence[str]) -> Figures:
    """Shares of recordings in which a swap is suspected, by the swap that was made.

    The caption gives the weights that come out of the databases they are fitted on.
    """
    rows: list[Row] = []
    for database in dict.fromkeys(r.database for r in records):
        for held_out in (False, True):
            part = [
                r for r in records if r.database == database and r.is_held_out is held_out
            ]
            if not part:
                continue
            row: dict[str, Cell] = {
                "Database": database,
                "Records": "held out" if held_out else "fitted on",
                "n": len(part),
            }
            for i, swap in enumerate(SWAPS):
                suspected = [bool(r.suspected[i]) for r in part]
                row[swap] = pooled_share(suspected, [1] * len(part))
            rows.append(row)
    fitted = [r for r in records if r.database in fitted_databases and not r.is_held_out]
    return Figures(
        "A swap of the right arm's electrode is suspected",
        tuple(rows),
        f"Weights fitted: {fit_weights(fitted).round(1).tolist()}.",
    )


def swap_electrodes(waveform: Waveform, swap: str) -> Waveform:
    """Give the waveform that would be recorded with two electrodes swapped (`SWAPS`)."""
    samples_mv = waveform.samples_mv.copy()
    for lead, (shown, sign) in zip(LIMB_LEADS, SWAPS[swap], strict=True):
        samples_mv[waveform.leads.index(lead)] = sign * waveform.lead_mv(shown)
    return Waveform(samples_mv, waveform.sampling_rate_hz, waveform.leads)


def fit_weights(records: Sequence[SwapRecord]) -> NDArray[np.float64]:
    """Weights under which the leads as recorded are the likeliest of the arrangements.

    Maximum of the penalised conditional likelihood by Newton's method; it is concave.
    Shape (3, 4), for `ecgsvc.dsp.electrode_swaps`.
    """
    measured = [r.heights_mv for r in records if r.heights_mv is not None]
    heights_mv = np.stack(measured) if measured else np.empty((0, 3, 8))
    evidence = arrangement_evidence(heights_mv)
    rows = evidence.reshape(*evidence.shape[:2], WEIGHTS.size)
    weights = np.zeros(WEIGHTS.size)
    for _ in range(20):
        odds = np.exp(rows @ weights)
        shares = odds / odds.sum(axis=1, keepdims=True)
        expected = np.einsum("na,nai->ni", shares, rows)
        slope = (rows[:, 0] - expected).sum(axis=0) - 2 * PENALTY * weights
        around = rows - expected[:, np.newaxis]
        curvature = np.einsum("na,nai,naj->ij", shares, around, around)
        weights += np.linalg.solve(curvature + 2 * PENALTY * np.eye(len(weights)), slope)
    return weights.reshape(WEIGHTS.shape)
