"""Recordings of PhysioNet/CinC 2017, as the serving path sees them."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgsvc import dsp
from ecgsvc.evaluation.rhythm_references import ReferenceRhythm, read_reference_rhythms
from ecgsvc.inference.rhythm_inputs import build_rhythm_inputs, filter_lead, pieces_of
from ecgsvc.training.datasets import SIGNAL_TOOLS
from ecgsvc.training.window_fit import WindowSet, class_weights

N_FOLDS = 5
SHORT_S = 10.0
"""Length of the short pieces trained on beside the whole ones: that of a standard ECG."""


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
    data_dir: Path, on_recording: Callable[[int], None] = lambda _: None
) -> RhythmRecordings:
    """Read and prepare all recordings of a folder.

    `on_recording` hears how many are done.

    Raises
    ------
    UnreadableRecording
        There is no reference, or a recording in it is damaged.
    """
    references = read_reference_rhythms(data_dir)
    windows, features, recording, short = [], [], [], []
    contents = []
    for number, reference in enumerate(references):
        prepared = _prepare(reference)
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


def _prepare(reference: ReferenceRhythm) -> _Prepared:
    waveform = reference.read()
    rate_hz = waveform.sampling_rate_hz
    signal = filter_lead(waveform.samples_mv[0], rate_hz, SIGNAL_TOOLS)
    content = hashlib.sha256(waveform.samples_mv.tobytes()).hexdigest()
    pieces_s = pieces_of(waveform.duration_s)
    short = [False] * len(pieces_s)
    spare_s = waveform.duration_s - SHORT_S
    if spare_s > 0:
        pieces_s += [(at, at + SHORT_S) for at in (0.0, spare_s / 2, spare_s)]
        short += [True] * 3
    if signal is None:
        signal = np.zeros(round(waveform.duration_s * 100))
    r_peaks = dsp.detect_r_peaks(waveform.samples_mv, rate_hz)
    inputs = build_rhythm_inputs(signal, r_peaks, rate_hz, pieces_s)
    return _Prepared(inputs.windows[:, 0], inputs.features, short, content)


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
