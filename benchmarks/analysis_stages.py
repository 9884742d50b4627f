"""Where the time of one analysis goes, stage by stage, in processor time of one thread."""

import statistics
import time
from collections import defaultdict
from types import ModuleType
from typing import Any, Literal

import ecgsvc.signal_path.flow
from ecgsvc.app import (
    beat_classifier,
    diagnosis_reader,
    interval_estimator,
    malignant_detector,
    rhythm_classifier,
    wave_reader,
)
from ecgsvc.config import Settings
from ecgsvc.domain.waveform import Recording
from ecgsvc.signal_path import SignalPath

GOALS_MS = {"accurate": 40, "fast": 15}
CORE = {
    "assess_quality": "quality", "beat_quality": "quality",
    "detect_r_peaks": "R peaks",
    "delineate_leads": "waves", "global_waves": "waves",
    "swapped_limb_electrodes": "electrodes and pacing",
    "paced_share": "electrodes and pacing",
    "measure": "measurements", "measure_morphology": "measurements",
    "rhythm_statistics": "rhythm statistics",
}  # fmt: skip
RULES = dict.fromkeys(("TwelveLeads", "read_rhythm", "find", "conclude"), "rules and text")
WARM_UP = 3


class Timed:
    """Passes calls on and adds their time to a stage; everything else is passed on too."""

    def __init__(self, stage: Any, seconds: dict[str, float], names: dict[str, str]):
        self._stage, self._seconds, self._names = stage, seconds, names

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._stage, name)
        if name not in self._names:
            return found

        def call(*given: Any, **named: Any) -> Any:
            start_s = time.process_time()
            result = found(*given, **named)
            self._seconds[self._names[name]] += time.process_time() - start_s
            return result

        return call


def print_analysis(recordings: list[Recording], profile: Literal["accurate", "fast"]):
    """Print the medians of the stages and of the whole, the goal beside it."""
    settings = Settings(profile=profile, provider="cpu")
    seconds: dict[str, float] = defaultdict(float)

    def timed(stage: Any, method: str, label: str) -> Any:
        return None if stage is None else Timed(stage, seconds, {method: label})

    path = SignalPath(
        timed(beat_classifier(settings), "classify", "beat classes, model"),
        timed(rhythm_classifier(settings), "classify", "rhythm, model"),
        timed(malignant_detector(settings), "detect", "malignant rhythm, model"),
        wave_reader=timed(wave_reader(settings), "read", "waves, model"),
        diagnosis_reader=timed(diagnosis_reader(settings), "read", "diagnosis, model"),
        interval_estimator=timed(
            interval_estimator(settings), "check", "intervals again, model"
        ),
    )
    flow: ModuleType = ecgsvc.signal_path.flow
    core, rules = flow.dsp, flow.interpretation
    rows = []
    try:
        flow.dsp = Timed(core, seconds, CORE)
        flow.interpretation = Timed(rules, seconds, RULES)
        for recording in [*recordings[:WARM_UP], *recordings]:
            seconds.clear()
            start_s = time.process_time()
            path.analyse(recording)
            whole_s = time.process_time() - start_s
            seconds["what is between"] = whole_s - sum(seconds.values())
            rows.append({"analysis": whole_s, **seconds})
    finally:
        flow.dsp, flow.interpretation = core, rules
    print(f"one analysis, profile {profile} (goal {GOALS_MS[profile]} ms)")
    for name in rows[-1]:
        ms = 1000 * statistics.median(row[name] for row in rows[WARM_UP:])
        print(f"  {name:<24}{ms:6.2f} ms")
