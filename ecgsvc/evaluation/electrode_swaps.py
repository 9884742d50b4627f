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
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgsvc.convert import read_wfdb
from ecgsvc.domain.waveform import Waveform
from ecgsvc.domain.waves import LeadWaves
from ecgsvc.dsp.electrode_swaps import (
    arrangement_evidence,
    swapped_limb_electrodes,
    wave_heights_mv,
)
from ecgsvc.evaluation.bootstrap import Interval, interval, resample_totals
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


@dataclass(frozen=True, slots=True, eq=False)
class SwapResults:
    """All recordings with their suspicions."""

    records: tuple[SwapRecord, ...]

    def of(self, database: str, *, held_out: bool) -> tuple[SwapRecord, ...]:
        """Recordings of one database, fitted on or held out."""
        return tuple(
            r for r in self.records if r.database == database and r.is_held_out is held_out
        )

    def to_json(self) -> dict[str, Any]:
        """Shares with a suspicion by database, half and swap, and the fitted weights."""
        fitted = [r for r in self.records if not r.is_held_out]
        return {
            "suspected": [
                {"database": name, "held_out": held_out, "n": len(records)}
                | {s: f for s, (f, _) in suspected_shares(records).items()}
                for name in dict.fromkeys(r.database for r in self.records)
                for held_out in (False, True)
                if (records := self.of(name, held_out=held_out))
            ],
            "weights": fit_weights(fitted).round(2).tolist() if fitted else None,
            "records": [
                {"database": r.database, "record": r.record}
                | dict(zip(SWAPS, r.suspected, strict=True))
                for r in self.records
            ],
        }


def evaluate_electrode_swaps(
    directory: Path,
    delineate: Delineate,
    *,
    database: str,
    units_per_mv: float | None = None,
    on_record: OnRecord | None = None,
) -> SwapResults:
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
        if on_record is not None:
            on_record(path.name, n_done, len(paths))
    return SwapResults(tuple(records))


def swap_electrodes(waveform: Waveform, swap: str) -> Waveform:
    """Give the waveform that would be recorded with two electrodes swapped (`SWAPS`)."""
    samples_mv = waveform.samples_mv.copy()
    for lead, (shown, sign) in zip(LIMB_LEADS, SWAPS[swap], strict=True):
        samples_mv[waveform.leads.index(lead)] = sign * waveform.lead_mv(shown)
    return Waveform(samples_mv, waveform.sampling_rate_hz, waveform.leads)


def suspected_shares(
    records: Sequence[SwapRecord],
) -> dict[str, tuple[float, Interval]]:
    """Share of recordings in which a swap is suspected, by the swap that was made."""
    suspected = np.array(
        [[bool(s) for s in r.suspected] for r in records], dtype=np.float64
    )
    totals = resample_totals(suspected) / len(records)
    shares = suspected.mean(axis=0).tolist()
    return {
        swap: (share, interval(totals[:, i]))
        for i, (swap, share) in enumerate(zip(SWAPS, shares, strict=True))
    }


def fit_weights(records: Sequence[SwapRecord]) -> NDArray[np.float64]:
    """Weights under which the leads as recorded are the likeliest of the arrangements.

    Maximum of the penalised conditional likelihood by Newton's method; it is concave.
    Shape (3, 4), for `ecgsvc.dsp.electrode_swaps`.
    """
    heights_mv = np.stack([r.heights_mv for r in records if r.heights_mv is not None])
    evidence = arrangement_evidence(heights_mv)
    rows = evidence.reshape(*evidence.shape[:2], -1)
    weights = np.zeros(rows.shape[-1])
    for _ in range(20):
        odds = np.exp(rows @ weights)
        shares = odds / odds.sum(axis=1, keepdims=True)
        expected = np.einsum("na,nai->ni", shares, rows)
        slope = (rows[:, 0] - expected).sum(axis=0) - 2 * PENALTY * weights
        around = rows - expected[:, np.newaxis]
        curvature = np.einsum("na,nai,naj->ij", shares, around, around)
        weights += np.linalg.solve(curvature + 2 * PENALTY * np.eye(len(weights)), slope)
    return weights.reshape(evidence.shape[2:])
