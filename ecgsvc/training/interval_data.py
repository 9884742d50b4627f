"""Mean beats with known intervals: annotated (LUDB), delineated (PTB-XL), simulated."""

import csv
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ecgsvc import dsp
from ecgsvc.config import MODELS_DIR, WAVE_MODEL
from ecgsvc.convert import read_wfdb
from ecgsvc.domain.beats import ClassifiedBeats
from ecgsvc.domain.waveform import SampleIndices, Waveform
from ecgsvc.domain.waves import GlobalWaves, LeadWaves
from ecgsvc.evaluation.electrode_swaps import LUDB_UNITS_PER_MV
from ecgsvc.evaluation.global_intervals import annotated_rate_bpm, reference_intervals
from ecgsvc.evaluation.ludb_labels import ludb_labels
from ecgsvc.evaluation.wave_references import find_wave_records
from ecgsvc.inference.interval_inputs import (
    TARGETS,
    counted_rate_bpm,
    leading_group,
    mean_beat_mv,
    slope_size,
)
from ecgsvc.inference.wave_groups import SAMPLES_BEFORE_R, BeatGroup, Stretch
from ecgsvc.inference.waves import WaveReader
from ecgsvc.signal_path import find_r_peaks
from ecgsvc.simulation import SimulatedEcg, SimulationSettings, simulate
from ecgsvc.training.datasets import BEAT_TOOLS, SIGNAL_TOOLS
from ecgsvc.training.waves_dataset import annotated_groups

Source: TypeAlias = Literal["ludb", "ptbxl", "simulated"]
MARKS = ("p_onset", "qrs_onset", "qrs_offset", "t_offset")
_LEAST_QUALITY = 0.8
_LEAST_BEATS = 4


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredBeat:
    """The mean beat of one recording and what is known of it.

    Parameters
    ----------
    source, record
        Where it is from; one record of LUDB is one patient.
    split
        Of PTB-XL the publisher's (``train``, ``val``, ``test``), else empty.
    beat
        Shape (12, 304) float32, mV, as the network is shown it.
    slopes
        Shape (n,) float32 at 100 Hz, of which the repetition is made.
    counted_bpm
        Rate of all R peaks that were found, 0 with fewer than two.
    marks
        Shape (4,), columns of `MARKS` in the mean beat, NaN where there is no wave.
    reference
        Shape (6,), `TARGETS` of the recording, NaN where not known.
    normal
        Whether its readers found nothing wrong; None: they were not asked.
    """

    source: Source
    record: str
    split: str
    beat: NDArray[np.float32]
    slopes: NDArray[np.float32]
    counted_bpm: float
    marks: NDArray[np.float64]
    reference: NDArray[np.float64]
    normal: bool | None


@dataclass(frozen=True, slots=True, eq=False)
class _Measured:
    """What the signal path makes of a recording, up to the leading group of beats."""

    waveform: Waveform
    r_peaks: SampleIndices
    stretch: Stretch
    group: BeatGroup
    waves: tuple[LeadWaves, ...]
    global_waves: GlobalWaves
    mean_quality: float


def annotated_beats(
    directory: Path, on_record: Callable[[str], None] = lambda _: None
) -> Iterator[MeasuredBeat]:
    """LUDB: marks, intervals and rate of the cardiologists, amplitudes of ours."""
    labels = ludb_labels(directory)
    reader = _wave_reader()
    for record in find_wave_records(directory, None):
        waveform = read_wfdb(record.path, units_per_mv=LUDB_UNITS_PER_MV).waveform
        on_record(record.path.name)
        seen = _measure(waveform, reader)
        if seen is None:
            continue
        references = record.read(seen.waveform.leads)
        groups = annotated_groups(record.path.name, seen.waveform, seen.r_peaks, references)
        own = [g for g in groups if np.array_equal(g.group.beats, seen.group.beats)]
        if not own:
            continue
        ends = own[0].global_points
        marks = np.array([ends[0, 0], ends[1, 0], ends[1, 1], ends[2, 1]])
        rate_hz = waveform.sampling_rate_hz
        intervals = reference_intervals(tuple(references.values()), rate_hz)
        known = {
            **_own_values(seen),
            **{name: intervals[name] for name in ("pr_ms", "qrs_ms", "qt_ms")},
            "heart_rate_bpm": annotated_rate_bpm(tuple(references.values()), rate_hz),
        }
        yield _beat(
            seen,
            "ludb",
            record.path.name,
            "",
            marks,
            known,
            labels[record.path.name].normal,
        )


def delineated_beats(
    directory: Path, on_record: Callable[[str], None] = lambda _: None
) -> Iterator[MeasuredBeat]:
    """PTB-XL where signal quality is high: marks and values of our own delineation.

    At 500 Hz where there are such records, else at 100 Hz.
    """
    reader = _wave_reader()
    with (directory / "labels.csv").open(encoding="utf-8", newline="") as file:
        labels = {int(row["ecg_id"]): row for row in csv.DictReader(file)}
    paths = {int(p.stem.split("_")[0]): p for p in directory.glob("records100/**/*.hea")}
    paths |= {int(p.stem.split("_")[0]): p for p in directory.glob("records500/**/*.hea")}
    for ecg_id, path in sorted(paths.items()):
        on_record(path.stem)
        seen = _measure(read_wfdb(path.with_suffix("")).waveform, reader)
        if seen is None or seen.waveform.n_leads < 12 or seen.mean_quality < _LEAST_QUALITY:
            continue
        label = labels[ecg_id]
        normal = [label[name] == "1.0" for name in ("NORM", "MI", "STTC", "CD", "HYP")]
        yield _beat(
            seen, "ptbxl", str(ecg_id), label["split"], _own_marks(seen), _own_values(seen),
            normal == [True, False, False, False, False] if any(normal) else None,
        )  # fmt: skip


def simulated_beats(n: int, seed: int) -> Iterator[MeasuredBeat]:
    """Simulated ECGs over a wide range of rates and intervals, with their truth."""
    rng = np.random.default_rng(seed)
    for number in range(n):
        ecg = simulate(_settings(rng, seed + number))
        seen = _measure(ecg.recording.waveform, None)
        if seen is not None:
            marks = _true_marks(seen, ecg)
            truth = ecg.truth.measurements
            known = {
                **_own_values(seen),
                "pr_ms": truth.pr_ms,
                "qrs_ms": truth.qrs_ms,
                "qt_ms": truth.qt_ms,
                "heart_rate_bpm": truth.heart_rate_bpm,
            }
            name = f"{seed}-{number}"
            yield _beat(seen, "simulated", name, "", marks, known, None)


def _settings(rng: np.random.Generator, seed: int) -> SimulationSettings:
    rate_bpm = float(np.exp(rng.uniform(np.log(38), np.log(170))))
    qt_ms = 410 * (60 / rate_bpm) ** (1 / 3) * rng.uniform(0.85, 1.25)
    return SimulationSettings(
        heart_rate_bpm=rate_bpm,
        rhythm="af" if rng.random() < 0.1 else "sinus",
        pr_ms=float(rng.uniform(100, min(320, 0.4 * 60_000 / rate_bpm + 60))),
        qrs_ms=float(rng.uniform(70, 170)),
        qt_ms=float(min(qt_ms, 680, 0.8 * 60_000 / rate_bpm)),
        rr_variability=float(rng.uniform(0.0, 0.08)),
        baseline_wander_mv=float(0.2 * rng.random() ** 2),
        muscle_mv=float(0.04 * rng.random() ** 2),
        seed=seed,
    )


def _measure(waveform: Waveform, reader: WaveReader | None) -> _Measured | None:
    quality = dsp.assess_quality(waveform)
    usable = waveform.select(quality.usable_leads)
    r_peaks = find_r_peaks(waveform, quality)
    if len(r_peaks) < _LEAST_BEATS or not usable.n_leads:
        return None
    found = leading_group(usable, r_peaks, BEAT_TOOLS)
    if found is None or len(found[1].beats) < 2:
        return None
    waves = dsp.delineate_leads(usable, r_peaks)
    global_waves = dsp.global_waves(waves)
    if reader is not None:
        waves, global_waves = reader.read(usable, r_peaks, waves, global_waves)
    beat_quality = dsp.beat_quality(waveform, r_peaks, quality)
    return _Measured(
        usable, r_peaks, *found, waves, global_waves, float(np.mean(beat_quality))
    )


def _beat(
    seen: _Measured,
    source: Source,
    record: str,
    split: str,
    marks: NDArray[np.float64],
    known: dict[str, float | None],
    normal: bool | None,
) -> MeasuredBeat:
    values = [known[name] for name in TARGETS]
    return MeasuredBeat(
        source,
        record,
        split,
        mean_beat_mv(seen.waveform, seen.stretch, seen.group),
        slope_size(seen.waveform, SIGNAL_TOOLS).astype(np.float32),
        counted_rate_bpm(seen.r_peaks, seen.waveform.sampling_rate_hz),
        marks,
        np.array([math.nan if value is None else value for value in values]),
        normal,
    )


def _own_values(seen: _Measured) -> dict[str, float | None]:
    """`TARGETS` as `dsp.measure` has them, of the beats of the leading group."""
    n_beats = len(seen.r_peaks)
    probabilities = np.zeros((n_beats, 5), np.float32)
    probabilities[:, 2] = 1
    probabilities[seen.group.beats] = np.array([1, 0, 0, 0, 0], np.float32)
    beats = ClassifiedBeats(seen.r_peaks, probabilities)
    values, _ = dsp.measure(seen.waveform, beats, seen.waves, seen.global_waves)
    return {
        "pr_ms": values.pr_ms,
        "qrs_ms": values.qrs_ms,
        "qt_ms": values.qt_ms,
        "heart_rate_bpm": values.heart_rate_bpm,
        "r_mv": values.r_amplitude_mv.get("II"),
        "t_mv": values.t_amplitude_mv.get("II"),
    }


def _own_marks(seen: _Measured) -> NDArray[np.float64]:
    waves, beats = seen.global_waves, seen.group.beats
    points = (waves.p.onset, waves.qrs.onset, waves.qrs.offset, waves.t.offset)
    return np.array([_column(seen, onset[beats]) for onset in points])


def _true_marks(seen: _Measured, ecg: SimulatedEcg) -> NDArray[np.float64]:
    """Marks of the true beats nearest to the R peaks found; hidden waves are left out."""
    truth = ecg.truth
    if not len(truth.r_peak_indices):
        return np.full(len(MARKS), np.nan)
    own = seen.r_peaks[seen.group.beats]
    nearest = np.abs(truth.r_peak_indices[:, np.newaxis] - own).argmin(axis=0)
    points = (truth.p.onset, truth.qrs.onset, truth.qrs.offset, truth.t.offset)
    return np.array(
        [_column(seen, np.where(p[nearest] < 0, np.nan, p[nearest])) for p in points]
    )


def _column(seen: _Measured, samples: NDArray[np.float64]) -> float:
    """Median column of a mark over the beats of the group; NaN where half have none."""
    columns = (samples - seen.group.anchors) / seen.stretch.samples_per_column
    there = columns[np.isfinite(columns)]
    if 2 * len(there) < len(columns) or not len(there):
        return math.nan
    return float(np.median(there)) + SAMPLES_BEFORE_R


def _wave_reader() -> WaveReader:
    return WaveReader.load(MODELS_DIR / WAVE_MODEL, BEAT_TOOLS, provider="cpu")
