"""Problems made on one lead of clean recordings: named there, and not on clean leads."""

import csv
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ecgsvc import dsp
from ecgsvc.convert import read_wfdb
from ecgsvc.domain.errors import UnreadableRecording
from ecgsvc.domain.quality import QualityProblem
from ecgsvc.domain.waveform import Lead, Waveform
from ecgsvc.evaluation.figures import Figures, Row, pooled_share
from ecgsvc.evaluation.references import OnRecord, find_records

Samples = NDArray[np.float64]
Make = Callable[[Samples, float, np.random.Generator], Samples]
"""Spoils a lead in mV at a rate in Hz."""

NOISE_COLUMNS = ("baseline_drift", "static_noise", "burst_noise", "electrodes_problems")
"""Of PTB-XL's table: what its readers saw."""


def _flat(lead_mv: Samples, _rate_hz: float, _rng: np.random.Generator) -> Samples:
    return np.full_like(lead_mv, lead_mv[0])


def _clipped(lead_mv: Samples, _rate_hz: float, _rng: np.random.Generator) -> Samples:
    middle_mv = np.median(lead_mv)
    half_mv = 0.5 * np.abs(lead_mv - middle_mv).max()
    return np.asarray(lead_mv.clip(middle_mv - half_mv, middle_mv + half_mv))


def _hum(mains_hz: float) -> Make:
    def add(lead_mv: Samples, rate_hz: float, rng: np.random.Generator) -> Samples:
        turns = np.arange(len(lead_mv)) * mains_hz / rate_hz + rng.random()
        return np.asarray(lead_mv + 0.1 * np.sin(2 * np.pi * turns))

    return add


def _wander(lead_mv: Samples, rate_hz: float, rng: np.random.Generator) -> Samples:
    turns = np.arange(len(lead_mv)) * 0.3 / rate_hz + rng.random()
    return np.asarray(lead_mv + 0.8 * np.sin(2 * np.pi * turns))


def _muscle(lead_mv: Samples, _rate_hz: float, rng: np.random.Generator) -> Samples:
    return lead_mv + rng.normal(0, 0.2, len(lead_mv))


def _noise_alone(lead_mv: Samples, _rate_hz: float, rng: np.random.Generator) -> Samples:
    return rng.normal(0, 0.3, len(lead_mv))


def _pop(lead_mv: Samples, rate_hz: float, rng: np.random.Generator) -> Samples:
    """A step of 2 mV that decays as an amplifier with a corner of 0.05 Hz lets it."""
    first = int(rng.uniform(0.2, 0.8) * len(lead_mv))
    since_s = (np.arange(len(lead_mv)) - first) / rate_hz
    step = np.where(since_s >= 0, np.exp(-2 * np.pi * 0.05 * np.maximum(since_s, 0)), 0.0)
    return np.asarray(lead_mv + rng.choice([-2.0, 2.0]) * step)


MADE: Mapping[str, tuple[QualityProblem, Make]] = MappingProxyType(
    {
        "flat": (QualityProblem.FLAT, _flat),
        "clipped at half its height": (QualityProblem.SATURATED, _clipped),
        "hum 50 Hz, 0.1 mV": (QualityProblem.MAINS_HUM, _hum(50.0)),
        "hum 60 Hz, 0.1 mV": (QualityProblem.MAINS_HUM, _hum(60.0)),
        "wander 0.3 Hz, 0.8 mV": (QualityProblem.BASELINE_WANDER, _wander),
        "white noise, 0.2 mV RMS": (QualityProblem.MUSCLE_NOISE, _muscle),
        "step of 2 mV": (QualityProblem.ELECTRODE_POPS, _pop),
        "nothing but noise, 0.3 mV RMS": (QualityProblem.NOT_AN_ECG, _noise_alone),
    }
)


def lead_problems(
    directory: Path,
    *,
    database: str,
    names: tuple[str, ...] | None = None,
    units_per_mv: float | None = None,
    on_record: OnRecord,
) -> Figures:
    """Spoil a lead drawn for each record in each way; judge it and the untouched record.

    Parameters
    ----------
    directory, database
        Folder of WFDB records, and what to call it.
    names
        The records that are clean, all by default.
    units_per_mv
        As in `read_wfdb`.
    on_record
        Called after each record.
    """
    paths = find_records(directory, "dat", names)
    found: dict[str, list[int]] = {name: [] for name in MADE}
    false: dict[str, list[int]] = {name: [] for name in MADE}
    n_leads = []
    for n_done, path in enumerate(paths, start=1):
        waveform = read_wfdb(path, units_per_mv=units_per_mv).waveform
        clean = problems_by_lead(waveform)
        n_leads.append(len(clean))
        for name, (problem, make) in MADE.items():
            rng = np.random.default_rng(zlib.crc32(f"{path.name} {name}".encode()))
            row = int(rng.integers(waveform.n_leads))
            samples_mv = waveform.samples_mv.copy()
            samples_mv[row] = make(samples_mv[row], waveform.sampling_rate_hz, rng)
            spoilt = Waveform(samples_mv, waveform.sampling_rate_hz, waveform.leads)
            found[name].append(problem in problems_by_lead(spoilt)[waveform.leads[row]])
            false[name].append(sum(problem in problems for problems in clean.values()))
        on_record(path.name, n_done, len(paths))
    rows: tuple[Row, ...] = tuple(
        {
            "Database": database,
            "Made on a lead": name,
            "Records": len(paths),
            "named": pooled_share(found[name], [1] * len(paths)),
            "named on untouched leads": pooled_share(false[name], n_leads),
        }
        for name in MADE
    )
    return Figures("Problems of leads", rows)


def problems_by_lead(waveform: Waveform) -> dict[Lead, tuple[QualityProblem, ...]]:
    """What the quality stage says of each lead."""
    return {q.lead: q.problems for q in dsp.assess_quality(waveform).leads}


def clean_ptbxl_records(database_csv: Path) -> tuple[str, ...]:
    """Names of the 500 Hz records in which PTB-XL's readers saw no noise."""
    try:
        with database_csv.open(newline="") as file:
            return tuple(
                Path(row["filename_hr"]).name
                for row in csv.DictReader(file)
                if not any(row[column].strip() for column in NOISE_COLUMNS)
            )
    except (OSError, KeyError) as error:
        msg = "The folder has no readable ptbxl_database.csv."
        raise UnreadableRecording(msg) from error
