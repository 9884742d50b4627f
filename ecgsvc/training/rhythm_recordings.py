"""Recordings of PhysioNet/CinC 2017, as the serving path sees them."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ecgsvc import dsp
from ecgsvc.domain.beats import ClassifiedBeats
from ecgsvc.domain.waveform import Millivolts, SampleIndices, Waveform
from ecgsvc.evaluation.rhythm_references import ReferenceRhythm, read_reference_rhythms
from ecgsvc.inference.rhythm_inputs import (
    MODEL_RATE_HZ,
    RhythmInputs,
    build_rhythm_inputs,
    filter_lead,
    pieces_of,
)
from ecgsvc.training.datasets import SIGNAL_TOOLS
from ecgsvc.training.window_fit import WindowSet, class_weights

ClassifyBeats: TypeAlias = Callable[[Waveform, SampleIndices], ClassifiedBeats]
"""Names the beats of a recording at its R peaks."""

N_FOLDS = 5
SHORT_S = 10.0
"""Length of the short piece, the middle of each recording, that is trained on beside the
whole ones: that of a standard ECG."""


@dataclass(frozen=True, slots=True, eq=False)
class RhythmRecordings:
    """Recordings in pieces.

    Parameters
    ----------
    names
        Of the recordings.
    labels
        Shape (n_recordings,), indices into `RHYTHM_CLASSES`.
    contents
        SHA-256 of each recording's samples: some are in the database twice.
    pieces
        All pieces of all recordings.
    recording
        Shape (n_pieces,), which recording each is of.
    short
        Shape (n_pieces,), pieces of ten seconds, only trained on; the others are what
        serving reads.
    """

    names: tuple[str, ...]
    labels: NDArray[np.int64]
    contents: tuple[str, ...]
    pieces: WindowSet
    recording: NDArray[np.int64]
    short: NDArray[np.bool_]

    def pieces_in(self, recordings: NDArray[np.int64]) -> NDArray[np.int64]:
        """Indices of the pieces of some recordings."""
        return np.flatnonzero(np.isin(self.recording, recordings))


def prepare_recordings(
    data_dir: Path,
    classify_beats: ClassifyBeats,
    on_recording: Callable[[int], None] = lambda _: None,
) -> RhythmRecordings:
    """Read and prepare all recordings of a folder.

    `on_recording` hears how many are done. A short piece has the beat classes that a
    recording of its length would have.

    Raises
    ------
    UnreadableRecording
        There is no reference, or a recording in it is damaged.
    """
    references = read_reference_rhythms(data_dir)
    windows, features, recording, short = [], [], [], []
    contents = []
    for number, reference in enumerate(references):
        prepared = _prepare(reference, classify_beats)
        contents.append(prepared.content)
        windows.append(prepared.windows.astype(np.float16))
        features.append(prepared.features)
        recording += [number] * len(prepared.short)
        short += prepared.short
        on_recording(number + 1)
    labels = np.array([reference.label for reference in references], dtype=np.int64)
    of = np.array(recording, dtype=np.int64)
    weights = class_weights(labels, 4)
    pieces = WindowSet(
        np.concatenate(windows), np.concatenate(features), labels[of], weights[of]
    )
    names = tuple(reference.path.name for reference in references)
    is_short = np.array(short, dtype=np.bool_)
    return RhythmRecordings(names, labels, tuple(contents), pieces, of, is_short)


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    windows: NDArray[np.float32]
    features: NDArray[np.float32]
    short: list[bool]
    content: str


def _prepare(reference: ReferenceRhythm, classify_beats: ClassifyBeats) -> _Prepared:
    waveform = reference.read()
    rate_hz = waveform.sampling_rate_hz
    signal = filter_lead(waveform.samples_mv[0], rate_hz, SIGNAL_TOOLS)
    if signal is None:
        signal = np.zeros(round(waveform.duration_s * MODEL_RATE_HZ))
    r_peaks = dsp.detect_r_peaks(waveform.samples_mv, rate_hz)
    beats = classify_beats(waveform, r_peaks)
    whole = build_rhythm_inputs(signal, beats, rate_hz, pieces_of(waveform.duration_s))
    spare_s = waveform.duration_s - SHORT_S
    short = []
    if spare_s > 0:
        short.append(_short_piece(waveform, signal, r_peaks, spare_s / 2, classify_beats))
    return _Prepared(
        np.concatenate([part.windows[:, 0] for part in (whole, *short)]),
        np.concatenate([part.features for part in (whole, *short)]),
        [False] * len(whole.windows) + [True] * len(short),
        hashlib.sha256(waveform.samples_mv.tobytes()).hexdigest(),
    )


def _short_piece(
    waveform: Waveform,
    signal: Millivolts,
    r_peaks: SampleIndices,
    start_s: float,
    classify_beats: ClassifyBeats,
) -> RhythmInputs:
    rate_hz = waveform.sampling_rate_hz
    start, stop = round(start_s * rate_hz), round((start_s + SHORT_S) * rate_hz)
    piece = Waveform(
        np.ascontiguousarray(waveform.samples_mv[:, start:stop]), rate_hz, waveform.leads
    )
    inside = r_peaks[(r_peaks >= start) & (r_peaks < stop)]
    beats = classify_beats(piece, inside - start)
    moved = ClassifiedBeats(inside, beats.probabilities)
    return build_rhythm_inputs(signal, moved, rate_hz, [(start_s, start_s + SHORT_S)])


def stratified_folds(
    labels: NDArray[np.int64],
    contents: Sequence[str],
    seed: int,
    n_folds: int = N_FOLDS,
) -> NDArray[np.int64]:
    """Fold of each recording: each has its share of every class, equals lie together."""
    rng = np.random.default_rng(seed)
    folds = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        folds[members] = np.arange(len(members)) % n_folds
    first: dict[str, int] = {}
    for number, content in enumerate(contents):
        folds[number] = folds[first.setdefault(content, number)]
    return folds


def save_recordings(recordings: RhythmRecordings, path: Path) -> None:
    """Keep what was prepared, so that a resumed run need not read it again."""
    np.savez(
        path,
        names=np.array(recordings.names),
        labels=recordings.labels,
        contents=np.array(recordings.contents),
        windows=recordings.pieces.windows,
        features=recordings.pieces.features,
        recording=recordings.recording,
        short=recordings.short,
    )


def load_recordings(path: Path) -> RhythmRecordings:
    """What `save_recordings` kept."""
    with np.load(path) as kept:
        labels, recording = kept["labels"], kept["recording"]
        weights = class_weights(labels, 4)
        pieces = WindowSet(
            kept["windows"], kept["features"], labels[recording], weights[recording]
        )
        return RhythmRecordings(
            tuple(kept["names"].tolist()),
            labels,
            tuple(kept["contents"].tolist()),
            pieces,
            recording,
            kept["short"],
        )
