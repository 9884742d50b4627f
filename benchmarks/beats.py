"""What beat classes cost: half an hour of two leads on one core.

    python benchmarks/beats.py [--rounds 5]

Record 208 of MIT-BIH where it is in $ECGSVC_DATA, otherwise a simulated ECG of the same
length. R peaks are given; what is timed is all that
`BeatClassifier.classify` does. Processor time of one thread, median with range.
"""

import argparse
import os
import statistics
import time
from pathlib import Path

from ecgsvc import dsp
from ecgsvc.app import beat_classifier
from ecgsvc.config import Settings
from ecgsvc.convert import read_wfdb
from ecgsvc.domain.waveform import Waveform
from ecgsvc.pipeline import find_r_peaks
from ecgsvc.simulation import SimulationSettings, simulate


def main() -> None:
    """Measure, print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    rounds = options.parse_args().rounds
    waveform = half_an_hour()
    r_peaks = find_r_peaks(waveform, dsp.assess_quality(waveform))
    classifier = beat_classifier(Settings(provider="cpu"))
    classifier.classify(waveform, r_peaks)
    seconds = []
    for _ in range(rounds):
        started = time.process_time()
        classifier.classify(waveform, r_peaks)
        seconds.append(time.process_time() - started)
    print(
        f"{len(r_peaks)} beats, {waveform.duration_s / 60:.0f} min: "
        f"{statistics.median(seconds):.2f} ({min(seconds):.2f} to {max(seconds):.2f}) s"
    )


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
