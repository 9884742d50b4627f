"""The beat and the rhythm model in 32, 16 and 8 bits: agreement, size, speed.

    python benchmarks/models.py [--rounds 5] [--every 60]

Needs `pip install 'ecgsvc[train]'` and the public recordings in $ECGSVC_DATA. Variants are
made here from the shipped ``model.onnx``; none ships:

int8 dynamic   weights of MatMul, Gemm and LSTM in 8 bits, activations as they come
int8 static    QDQ, also convolutions, ranges of activations from a dozen of the inputs
fp16           weights and activations in half precision

Agreement is with the answers of single precision, on records the models learned from (DS1
and svdb; each n-th of CinC 2017): it says how far a variant moves, not how right it is.
Beats at once are those of one chunk, of which the network sees 64; rhythm windows are a
batch. Times are of one thread, processor time, in turns; ratios are what to quote.
"""

import sys

sys.path.append(sys.path.pop(0))  # signal.py beside this is not the standard library's

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process
from onnxruntime.transformers.float16 import convert_float_to_float16
from timing import spread, timed

from ecgsvc import dsp
from ecgsvc.app import beat_classifier
from ecgsvc.config import Settings
from ecgsvc.convert import read_wfdb
from ecgsvc.domain.errors import ModelUnavailable
from ecgsvc.inference import SignalTools, load_model_card, open_session
from ecgsvc.inference.beat_chunks import CHUNK_BEATS
from ecgsvc.inference.beat_features import build_beat_inputs
from ecgsvc.inference.rhythm_inputs import build_rhythm_inputs, filter_lead, pieces_of

DATA = Path(os.environ.get("ECGSVC_DATA", Path.home() / ".cache" / "ecgsvc"))
BEAT_RECORDS = ("mitdb/119", "mitdb/208", "mitdb/223", "svdb/804", "svdb/867")
BATCHES = (1, 4, 16, 64)
TOOLS = SignalTools(band_pass=dsp.band_pass, resample=dsp.resample)

Feeds = dict[str, np.ndarray]


def main() -> None:
    """Measure, print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--every", type=int, default=60)
    chosen = options.parse_args()
    settings = Settings()
    print(
        "| Model | Variant | MB | Answers kept % | Probability moved, mean, 99 % | ", end=""
    )
    print(" | ".join(f"ms, {n} at once" for n in BATCHES), "|")
    print("| --- | --- | ---: | ---: | ---: |", " ---: |" * len(BATCHES))
    compare("beats", settings.beat_model, beat_feeds(), chosen.rounds)
    compare(
        "rhythm", settings.rhythm_model_folder, rhythm_feeds(chosen.every), chosen.rounds
    )


def compare(name: str, folder: Path, feeds: Feeds, rounds: int) -> None:
    """Print a row for each variant of a model."""
    card = load_model_card(folder)

    def probabilities(session) -> np.ndarray:
        n = len(feeds["windows"])
        logits = np.concatenate(
            [
                session.run(["logits"], take(feeds, slice(start, start + 4)))[0]
                for start in range(0, n, 4)
            ]
        )
        scaled = logits / card.temperature + np.array(card.logit_offsets)
        odds = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
        return (odds / odds.sum(axis=-1, keepdims=True)).reshape(-1, len(card.labels))

    with tempfile.TemporaryDirectory() as folder_of_variants:
        paths = dict(variants(folder / "model.onnx", Path(folder_of_variants), feeds))
        sessions = {}
        for variant, path in paths.items():
            try:
                sessions[variant] = open_session(path, "cpu")
            except ModelUnavailable as error:
                print(f"| {name} | {variant} | does not run: {error.__cause__} |")
        times = in_turns(sessions, feeds, rounds)
        expected = probabilities(sessions["fp32"])
        for variant, session in sessions.items():
            found = probabilities(session)
            moved = np.abs(found - expected).max(axis=1)
            kept = (found.argmax(axis=1) == expected.argmax(axis=1)).mean()
            cells = [
                spread([1000 * s for s in times[variant, n]])
                + f", x{np.median(np.array(times[variant, n]) / times['fp32', n]):.2f}"
                for n in BATCHES
            ]
            print(
                f"| {name} | {variant} | {paths[variant].stat().st_size / 1e6:.2f} | "
                f"{100 * kept:.2f} | {moved.mean():.4f}, {np.quantile(moved, 0.99):.4f} | "
                f"{' | '.join(cells)} |",
                flush=True,
            )


def in_turns(sessions: dict, feeds: Feeds, rounds: int) -> dict:
    """Seconds of each variant and batch, variants in turns within a round."""
    times: dict = {}
    for _ in range(rounds + 1):
        for n in BATCHES:
            if "shapes" in feeds:  # of beats: so many of one chunk
                batch = {name: values[:1, :n] for name, values in feeds.items()}
            else:
                batch = take(feeds, slice(n))
            for variant, session in sessions.items():
                run: Callable = lambda s=session, b=batch: s.run(["logits"], b)  # noqa: E731
                seconds = timed(run, time.process_time)
                times.setdefault((variant, n), []).append(seconds)
    return {key: seconds[1:] for key, seconds in times.items()}


def take(feeds: Feeds, which) -> Feeds:
    """Some of the inputs."""
    return {name: values[which] for name, values in feeds.items()}


class SomeInputs(CalibrationDataReader):
    """Hands out a dozen of the inputs, for the ranges of activations."""

    def __init__(self, feeds: Feeds) -> None:
        n = len(feeds["windows"])
        chosen = range(0, n, max(1, n // 12))
        self._left = iter([take(feeds, slice(i, i + 1)) for i in chosen])

    def get_next(self) -> Feeds | None:
        """The next input; None at the end."""
        return next(self._left, None)


def variants(model: Path, folder: Path, feeds: Feeds) -> Iterator[tuple[str, Path]]:
    """Make the variants of a model; yields their names and files."""
    yield "fp32", model
    # Trees are exact comparisons, which quantised numbers would turn over.
    trees = [n.name for n in onnx.load(model).graph.node if "trees" in n.name]
    prepared = folder / "prepared.onnx"
    quant_pre_process(model, prepared, skip_symbolic_shape=True)
    dynamic = folder / "dynamic.onnx"
    quantize_dynamic(
        prepared, dynamic, weight_type=QuantType.QInt8,
        op_types_to_quantize=["MatMul", "Gemm", "LSTM"], nodes_to_exclude=trees,
    )  # fmt: skip
    yield "int8 dynamic", dynamic
    static = folder / "static.onnx"
    quantize_static(
        prepared, static, SomeInputs(feeds), quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
        op_types_to_quantize=["Conv", "MatMul", "Gemm"], nodes_to_exclude=trees,
    )  # fmt: skip
    yield "int8 static", static
    half = folder / "half.onnx"
    onnx.save(convert_float_to_float16(onnx.load(model), keep_io_types=True), half)
    yield "fp16", half


def beat_feeds() -> Feeds:
    """Every third chunk of 64 beats of records in both databases."""
    chunks = []
    for name in BEAT_RECORDS:
        waveform = read_wfdb(DATA / name).waveform
        r_peaks = dsp.detect_r_peaks(waveform.samples_mv, waveform.sampling_rate_hz)
        inputs = build_beat_inputs(
            waveform.samples_mv, waveform.sampling_rate_hz, r_peaks, TOOLS
        )
        n = len(r_peaks) // CHUNK_BEATS
        chunks.append(
            {
                part: getattr(inputs, part)[: n * CHUNK_BEATS].reshape(
                    n, CHUNK_BEATS, *getattr(inputs, part).shape[1:]
                )[::3]
                for part in ("windows", "shapes", "rhythm")
            }
        )
    return {part: np.concatenate([c[part] for c in chunks]) for part in chunks[0]}


def rhythm_feeds(every: int) -> Feeds:
    """Pieces of each n-th recording of CinC 2017."""
    pieces = []
    classifier = beat_classifier(Settings(provider="cpu"))
    for header in sorted((DATA / "cinc2017").glob("*.hea"))[::every]:
        waveform = read_wfdb(header.with_suffix("")).waveform
        rate_hz = waveform.sampling_rate_hz
        r_peaks = dsp.detect_r_peaks(waveform.samples_mv, rate_hz)
        beats = classifier.classify(waveform, r_peaks)
        signal = filter_lead(waveform.samples_mv[0], rate_hz, TOOLS)
        pieces.append(
            build_rhythm_inputs(signal, beats, rate_hz, pieces_of(waveform.duration_s))
        )
    return {
        part: np.concatenate([getattr(piece, part) for piece in pieces])
        for part in ("windows", "features")
    }


if __name__ == "__main__":
    main()
