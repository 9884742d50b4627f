"""Annotated beats of the MIT-BIH Arrhythmia Database, as the serving path sees them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgsvc import dsp
from ecgsvc.convert import read_wfdb
from ecgsvc.domain.beats import BEAT_CLASSES
from ecgsvc.domain.waveform import Millivolts, SampleIndices, Waveform
from ecgsvc.evaluation.references import find_records, read_reference_beats
from ecgsvc.inference.beat_features import BeatInputs, SignalTools, build_beat_inputs

SIGNAL_TOOLS = SignalTools(band_pass=dsp.band_pass, resample=dsp.resample)

PIECES_S = (10.0, 60.0)
"""Lengths of the short recordings that are cut from each record, seconds."""
_JITTER_S = 0.02  # how far a detector's R peaks lie from the annotators'


@dataclass(frozen=True, slots=True, eq=False)
class AnnotatedRecord:
    """A record with the place and class of each beat (index into `BEAT_CLASSES`)."""

    name: str
    waveform: Waveform
    r_peak_indices: SampleIndices
    labels: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class BeatSequence:
    """Consecutive beats of one lead of one record, ready for the network.

    `piece_s` is the length of the recording they were prepared from, None for the whole
    record; `lead_index` is the lead's place in the record.
    """

    record: str
    lead_index: int
    piece_s: float | None
    inputs: BeatInputs
    labels: NDArray[np.int64]


def read_annotated_record(record: Path) -> AnnotatedRecord:
    """Read one record of MIT-BIH with its reference beats."""
    beats = read_reference_beats(record, "atr")
    labels = [BEAT_CLASSES.index(beat_class) for beat_class in beats.classes]
    return AnnotatedRecord(
        record.name,
        read_wfdb(record).waveform,
        beats.sample_indices,
        np.array(labels, dtype=np.int64),
    )


def prepare_sequences(
    data_dir: Path,
    records: Sequence[str],
    seed: int,
    on_record: Callable[[str], None] = lambda _: None,
) -> list[BeatSequence]:
    """Prepare every lead of every record: whole, and cut into short recordings.

    The pieces go through the builder on their own, as a short recording would, with R peaks
    moved by up to 20 ms, as a detector would give them. `on_record` hears of each record
    when it is done.
    """
    sequences: list[BeatSequence] = []
    for path in find_records(data_dir, "atr", records):
        record = read_annotated_record(path)
        rng = np.random.default_rng([seed, *path.name.encode()])
        for lead_index, lead_mv in enumerate(record.waveform.samples_mv):
            sequences += _sequences_of(record, lead_index, lead_mv, rng)
        on_record(record.name)
    return sequences


def _sequences_of(
    record: AnnotatedRecord, lead_index: int, lead_mv: Millivolts, rng: np.random.Generator
) -> Iterator[BeatSequence]:
    rate_hz = record.waveform.sampling_rate_hz
    r_peaks = record.r_peak_indices
    inputs = build_beat_inputs(lead_mv, rate_hz, r_peaks, SIGNAL_TOOLS)
    yield BeatSequence(record.name, lead_index, None, inputs, record.labels)
    reach = int(_JITTER_S * rate_hz)
    jittered = r_peaks + rng.integers(-reach, reach, len(r_peaks), endpoint=True)
    for piece_s in PIECES_S:
        width = int(piece_s * rate_hz)
        for start in range(0, len(lead_mv) - width + 1, width):
            beats = np.flatnonzero((jittered >= start) & (jittered < start + width))
            if not len(beats):
                continue
            piece_mv = np.ascontiguousarray(lead_mv[start : start + width])
            inside = jittered[beats] - start
            inputs = build_beat_inputs(piece_mv, rate_hz, inside, SIGNAL_TOOLS)
            yield BeatSequence(
                record.name, lead_index, piece_s, inputs, record.labels[beats]
            )
