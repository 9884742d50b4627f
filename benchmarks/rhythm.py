"""What naming the rhythm costs, and how big the models are.

    python benchmarks/rhythm.py [--rounds 20] [FOLDER…]

For each model folder (both profiles' when none is given), in turns: a window of 30 s by
the ONNX file alone, and half an hour of one lead from samples and beats to windows
(`RhythmClassifier.classify`). Processor time of one thread, median with range.
"""

import sys

sys.path.append(sys.path.pop(0))  # signal.py beside this is not the standard library's

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ecgsvc import dsp
from ecgsvc.app import beat_classifier, rhythm_classifier
from ecgsvc.config import FAST_RHYTHM_MODEL, MODELS_DIR, RHYTHM_MODEL, Settings
from ecgsvc.inference.rhythm_inputs import MODEL_FEATURES, PIECE_SAMPLES, RhythmInputs
from ecgsvc.simulation import SimulationSettings, simulate


def main() -> None:
    """Measure, print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=20)
    options.add_argument("folders", nargs="*", type=Path)
    chosen = options.parse_args()
    folders = chosen.folders or [MODELS_DIR / RHYTHM_MODEL, MODELS_DIR / FAST_RHYTHM_MODEL]
    settings = SimulationSettings(duration_s=1800.0, leads=("II",))
    ecg = simulate(settings).recording.waveform
    r_peaks = dsp.detect_r_peaks(ecg.samples_mv, ecg.sampling_rate_hz)
    beats = beat_classifier(Settings(provider="cpu")).classify(ecg, r_peaks)
    noise = np.random.default_rng(0).standard_normal((1, 1, PIECE_SAMPLES))
    window = RhythmInputs(
        noise.astype(np.float32), np.zeros((1, len(MODEL_FEATURES)), np.float32)
    )
    models = {
        folder: rhythm_classifier(Settings(provider="cpu", rhythm_model=folder))
        for folder in folders
    }
    alone_ms: dict[Path, list[float]] = {folder: [] for folder in folders}
    whole_ms: dict[Path, list[float]] = {folder: [] for folder in folders}
    for number in range(chosen.rounds + 1):
        for folder, model in models.items():
            alone = _milliseconds(lambda: model.outputs(window))
            whole = _milliseconds(lambda: model.classify(ecg, beats))
            if number:  # the first warms up
                alone_ms[folder].append(alone)
                whole_ms[folder].append(whole)
    for folder in folders:
        megabytes = (folder / "model.onnx").stat().st_size / 1e6
        print(f"{folder.name}: {megabytes:.2f} MB")
        print(f"  a window of 30 s, model alone  {_spread(alone_ms[folder])} ms")
        print(f"  half an hour, all of it        {_spread(whole_ms[folder])} ms")


def _milliseconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return 1000 * (time.process_time() - started)


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    main()
