"""R peaks under recorded noise: sensitivity and precision at each signal-to-noise ratio."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ecgsvc.convert import read_wfdb
from ecgsvc.domain.waveform import Waveform
from ecgsvc.evaluation.noise import Noise, add_noise
from ecgsvc.evaluation.r_peaks import LEARNING_PERIOD_S, count_detections
from ecgsvc.evaluation.references import (
    Detect,
    OnRecord,
    ReferenceBeats,
    find_records,
    read_reference_beats,
)
from ecgsvc.evaluation.scores import DetectionCounts, total

SNR_LEVELS_DB = (24.0, 18.0, 12.0, 6.0, 0.0, -6.0)
CLEAN_DB = math.inf
EM_RECORDS = ("118", "119")
"""The records that the database itself mixes with electrode motion."""


@dataclass(frozen=True, slots=True)
class NoisyRecord:
    """Counts of one detector on one record with one noise at one level."""

    noise: str
    snr_db: float
    detector: str
    record: str
    counts: DetectionCounts


@dataclass(frozen=True, slots=True)
class NoiseStressResults:
    """Counts of all runs; those without noise have an SNR of infinity.

    `seed` drew where in the noise recordings each record begins.
    """

    runs: tuple[NoisyRecord, ...]
    seed: int

    @property
    def gross(self) -> dict[tuple[str, float, str], DetectionCounts]:
        """Counts over records by noise, level and detector, cleanest first."""
        groups: dict[tuple[str, float, str], list[DetectionCounts]] = {}
        for run in self.runs:
            key = (run.noise, run.snr_db, run.detector)
            groups.setdefault(key, []).append(run.counts)
        ordered = sorted(groups.items(), key=lambda item: (item[0][0], -item[0][1]))
        return {key: total(counts) for key, counts in ordered}

    def n_records(self, noise: str) -> int:
        """Number of records that were mixed with a noise."""
        return len({run.record for run in self.runs if run.noise == noise})

    def to_json(self) -> dict[str, object]:
        """Everything, with the protocol, as plain JSON values; null is the SNR of none."""
        return {
            "task": "noise-stress",
            "protocol": {
                "mixing": "WFDB nst: from 300 s on, 120 s with noise, 120 s without",
                "rule": "ANSI/AAMI EC57 beat by beat, as WFDB bxb",
                "start_s": LEARNING_PERIOD_S,
                "seed": self.seed,
            },
            "gross": [
                {
                    "noise": noise,
                    "snr_db": snr_db if math.isfinite(snr_db) else None,
                    "detector": detector,
                    "records": self.n_records(noise),
                    **counts.to_json(),
                }
                for (noise, snr_db, detector), counts in self.gross.items()
            ],
            "records": [
                {
                    "noise": run.noise,
                    "snr_db": run.snr_db if math.isfinite(run.snr_db) else None,
                    "detector": run.detector,
                    "record": run.record,
                    **run.counts.to_json(),
                }
                for run in self.runs
            ],
        }


def evaluate_noise_stress(
    records_dir: Path,
    noises: Mapping[str, Noise],
    detectors: Mapping[str, Detect],
    *,
    records: Sequence[str] | None = None,
    levels_db: Sequence[float] = SNR_LEVELS_DB,
    extension: str = "atr",
    seed: int = 0,
    on_record: OnRecord | None = None,
) -> NoiseStressResults:
    """Add noise to clean annotated records and count what each detector finds.

    ``bw`` and ``ma`` are added to all records, ``em`` to 118 and 119 as in the database;
    for each noise the clean records are run too. All detectors see the same samples.

    Parameters
    ----------
    records_dir
        Folder of clean WFDB records.
    noises
        What `read_noises` read.
    detectors
        By the name they have in the results.
    records
        Names of the records; all annotated ones by default.
    levels_db
        Signal-to-noise ratios.
    extension
        The reference annotator.
    seed
        Seed of where each record begins in the noise recordings.
    on_record
        Called after each record.

    Raises
    ------
    UnreadableRecording
        Records are missing or damaged.
    """
    paths = find_records(records_dir, extension, records)
    runs: list[NoisyRecord] = []
    for n_done, path in enumerate(paths, start=1):
        waveform = read_wfdb(path).waveform
        reference = read_reference_beats(path, extension)
        chosen = [n for n in noises.values() if n.name != "em" or path.name in EM_RECORDS]
        clean = _count(waveform, reference, detectors)
        for noise in chosen:
            found = {CLEAN_DB: clean} | {
                snr_db: _count(
                    add_noise(
                        waveform, reference, noise, snr_db, record=path.name, seed=seed
                    ),
                    reference,
                    detectors,
                )
                for snr_db in levels_db
            }
            runs += [
                NoisyRecord(noise.name, snr_db, detector, path.name, counts)
                for snr_db, by_detector in found.items()
                for detector, counts in by_detector.items()
            ]
        if on_record is not None:
            on_record(path.name, n_done, len(paths))
    return NoiseStressResults(tuple(runs), seed)


def _count(
    waveform: Waveform, reference: ReferenceBeats, detectors: Mapping[str, Detect]
) -> dict[str, DetectionCounts]:
    return {
        name: count_detections(
            reference, detect(waveform), waveform.sampling_rate_hz, LEARNING_PERIOD_S
        )
        for name, detect in detectors.items()
    }
