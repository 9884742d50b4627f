"""What classes cost: half an hour of two leads on one core, beats and rhythm.

    python benchmarks/beats.py [--rounds 5]

Record 208 of MIT-BIH where it is in $ECGSVC_DATA, otherwise a simulated ECG of the same
length. Timed is what beats, rhythm and malignant rhythm need, from samples to classes, as
the service calls it: quality, R peaks, and each model with its input. Processor time of one
thread, median with range.
"""

import sys

sys.path.append(sys.path.pop(0))  # signal.py beside this is not the standard library's

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from timing import spread, timed

from ecgsvc import app, dsp
from ecgsvc.config import Settings
from ecgsvc.convert import read_wfdb
from ecgsvc.domain.waveform import Recording, Waveform
from ecgsvc.signal_path import SignalPath, find_r_peaks
from ecgsvc.simulation import SimulationSettings, simulate


class Stopwatch:
    """A model, and the seconds its calls took."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        asked = getattr(self._model, name)
        if not callable(asked):
            return asked

        def measured(*arguments: Any, **options: Any) -> Any:
            started = time.process_time()
            answer = asked(*arguments, **options)
            self.seconds += time.process_time() - started
            return answer

        return measured


def main() -> None:
    """Measure, print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    rounds = options.parse_args().rounds
    waveform = half_an_hour()
    settings = Settings(provider="cpu")
    loaded = {
        "beats": app.beat_classifier(settings),
        "rhythm": app.rhythm_classifier(settings),
        "malignant": app.malignant_detector(settings),
    }
    seconds: dict[str, list[float]] = {}
    for _ in range(rounds + 1):
        for stage, spent in one_round(waveform, loaded).items():
            seconds.setdefault(stage, []).append(spent)
    print(f"{waveform.duration_s / 60:.0f} min, {waveform.n_leads} leads; seconds")
    for stage, values in seconds.items():
        print(f"  {stage:10}{spread(values[1:])}")


def one_round(waveform: Waveform, loaded: dict[str, Any]) -> dict[str, float]:
    """Seconds of each stage, and together; waves and measurements run but do not count."""
    watched = {stage: Stopwatch(model) for stage, model in loaded.items()}
    clock: Callable[[], float] = time.process_time
    quality = dsp.assess_quality(waveform)
    spent = {
        "quality": timed(lambda: dsp.assess_quality(waveform), clock),
        "R peaks": timed(lambda: find_r_peaks(waveform, quality), clock),
    }
    SignalPath(*watched.values()).analyse(Recording("half an hour", waveform))
    spent |= {stage: watch.seconds for stage, watch in watched.items()}
    return spent | {"together": sum(spent.values())}


def half_an_hour() -> Waveform:
    """Two leads of 30 min."""
    folder = Path(os.environ.get("ECGSVC_DATA", Path.home() / ".cache" / "ecgsvc"))
    record = folder / "mitdb" / "208"
    if record.with_suffix(".hea").exists():
        return read_wfdb(record).waveform
    waveform = simulate(SimulationSettings(duration_s=1800.0)).recording.waveform
    return waveform.select(("II", "V1"))


if __name__ == "__main__":
    main()
