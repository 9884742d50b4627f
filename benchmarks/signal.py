"""The signal core beside sleepecg and NeuroKit2, the wave model, and a record of 24 h.

    python benchmarks/signal.py [--rounds 5] [--records 48]

R peaks: one lead of each MIT-BIH record where these are in $ECGSVC_DATA, otherwise
sleepecg's toy ECG six times over (half an hour, no F1). Waves: the chain as it serves
(quality, R peaks, waves, wave model; all filter inside) and NeuroKit2's clean, peaks and
dwt delineation, 12 leads of 10 s at 500 Hz. Ours and theirs take turns, ours first and
theirs first; medians with ranges over the rounds. The steps of ours by themselves, one
after the other. One thread, processor time, so that what else the machine does counts
little. Quote the ratios. The record of 24 h once more with two threads, by the clock, which
says something on an idle machine only.
"""

import sys
from pathlib import Path

# Last instead of first: signal.py here would hide the standard library's.
sys.path.append(sys.path.pop(0))

import argparse
import os
import resource
import statistics
import subprocess
import time
import warnings
from collections.abc import Callable
from typing import Any

import neurokit2
import numpy as np
import sleepecg
from timing import spread, timed

from ecgsvc import dsp
from ecgsvc.config import MODELS_DIR, WAVE_MODEL
from ecgsvc.convert import read_wfdb
from ecgsvc.domain.waveform import Waveform
from ecgsvc.evaluation.r_peaks import LEARNING_PERIOD_S, count_detections
from ecgsvc.evaluation.references import (
    ReferenceBeats,
    find_records,
    read_reference_beats,
)
from ecgsvc.evaluation.scores import DetectionCounts, total
from ecgsvc.inference import BeatTools, WaveReader
from ecgsvc.signal_path import find_r_peaks
from ecgsvc.simulation import SimulationSettings, simulate

HOLTER_RATE_HZ, HOLTER_HOURS, HOLTER_LEADS = 250, 24, 3
REPEATS = 20
_PROC = Path("/proc/self")  # Linux


def main() -> None:
    """Measure, print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--records", type=int, default=48)
    options.add_argument("--only-24-h", action="store_true", help="the record of 24 h")
    options.add_argument("--threads", type=int, default=2, help="that share these")
    options.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.alone:
        print_24_h(given.threads)
        return
    if not given.only_24_h:
        print_r_peaks(given.rounds, given.records)
        print_chain(given.rounds)
    # processes of their own, so that the peak memory is that of this record alone
    for threads in sorted({1, given.threads}):
        command = [sys.executable, __file__, "--alone", "--threads", str(threads)]
        subprocess.run(command, check=True)


def print_r_peaks(rounds: int, n_records: int) -> None:
    """Time and F1 of R-peak detection on one lead."""
    leads, references = one_lead_recordings(n_records)

    def ours() -> list[Any]:
        return [dsp.detect_r_peaks(w.samples_mv, w.sampling_rate_hz) for w in leads]

    def theirs() -> list[Any]:
        return [
            sleepecg.detect_heartbeats(w.samples_mv[0], w.sampling_rate_hz) for w in leads
        ]

    ours_s, theirs_s, ratios = take_turns(ours, theirs, rounds)
    hours = sum(w.duration_s for w in leads) / 3600
    print(f"R peaks, one lead, {len(leads)} recordings, {hours:.1f} h")
    print(f"  ecgsvc    {spread(ours_s)} s{f1_of(ours(), leads, references)}")
    print(f"  sleepecg  {spread(theirs_s)} s{f1_of(theirs(), leads, references)}")
    print(f"  ratio     {spread(ratios)}")


def one_lead_recordings(n: int) -> tuple[list[Waveform], list[ReferenceBeats]]:
    """First leads of MIT-BIH with their beats, or the toy ECG without."""
    folder = Path(os.environ.get("ECGSVC_DATA", "~/.cache/ecgsvc")).expanduser() / "mitdb"
    if not folder.is_dir():
        ecg, rate_hz = sleepecg.get_toy_ecg()
        return [Waveform(np.tile(ecg, 6)[np.newaxis], float(rate_hz), ("ECG",))], []
    paths = find_records(folder, "atr")[:n]
    waveforms = [read_wfdb(path).waveform for path in paths]
    return (
        [w.select(w.leads[:1]) for w in waveforms],
        [read_reference_beats(path, "atr") for path in paths],
    )


def f1_of(found: list[Any], leads: list[Waveform], references: list[ReferenceBeats]) -> str:
    """Write the gross figures by EC57, or nothing without reference beats."""
    if not references:
        return ""
    counts: DetectionCounts = total(
        count_detections(reference, peaks, w.sampling_rate_hz, LEARNING_PERIOD_S)
        for reference, peaks, w in zip(references, found, leads, strict=True)
    )
    return (
        f"   F1 {100 * counts.f1:.2f} (Se {100 * counts.sensitivity:.2f}, "
        f"+P {100 * counts.positive_predictivity:.2f}, from 5:00)"
    )


def print_chain(rounds: int) -> None:
    """Time of the whole chain on 12 leads of 10 s at 500 Hz."""
    waveforms = [
        simulate(SimulationSettings(seed=seed)).recording.waveform for seed in range(rounds)
    ]
    model = wave_model()
    ours_s, theirs_s, ratios = [], [], []
    for waveform in waveforms:

        def ours(waveform: Waveform = waveform) -> None:
            for _ in range(REPEATS):
                chain(waveform, model)

        def theirs(waveform: Waveform = waveform) -> None:
            with_neurokit(waveform)

        own, other, _ = take_turns(ours, theirs, 2)
        ours_s += [seconds / REPEATS for seconds in own]
        theirs_s += other
        ratios.append(REPEATS * statistics.median(other) / statistics.median(own))
    print(f"detect and delineate, 12 leads, 10 s, 500 Hz, {rounds} simulated ECGs")
    print(f"  ecgsvc    {spread([1000 * s for s in ours_s])} ms")
    print(f"  NeuroKit2 {spread([1000 * s for s in theirs_s])} ms")
    print(f"  ratio     {spread(ratios)}")
    print_steps(waveforms, model)


def print_steps(waveforms: list[Waveform], model: WaveReader) -> None:
    """Time of each step of the chain, while the others run in between."""
    times_ms: dict[str, list[float]] = {}
    for waveform in waveforms:
        for _ in range(REPEATS):
            for name, seconds in chain(waveform, model).items():
                times_ms.setdefault(name, []).append(1000 * seconds)
    for name, values in times_ms.items():
        print(f"    {name:9}{statistics.median(values):6.2f} ms")


def wave_model() -> WaveReader:
    """Load the model that ships, on one thread."""
    tools = BeatTools(dsp.cut_beats, dsp.group_beats, dsp.average_beats)
    return WaveReader.load(MODELS_DIR / WAVE_MODEL, tools, provider="cpu")


def chain(waveform: Waveform, model: WaveReader) -> dict[str, float]:
    """Quality, R peaks and waves, as the service runs them; seconds of each step."""
    started = [time.process_time()]
    quality = dsp.assess_quality(waveform)
    started.append(time.process_time())
    r_peaks = find_r_peaks(waveform, quality)
    started.append(time.process_time())
    usable = waveform.select(quality.usable_leads)
    waves = dsp.delineate_leads(usable, r_peaks)
    limits = dsp.global_waves(waves)
    started.append(time.process_time())
    model.read(usable, r_peaks, waves, limits)
    started.append(time.process_time())
    return dict(
        zip(("quality", "R peaks", "waves", "model"), np.diff(started), strict=True)
    )


def with_neurokit(waveform: Waveform) -> None:
    """Clean all leads, find the R peaks in the second, delineate all."""
    rate_hz = int(waveform.sampling_rate_hz)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cleaned = [
            neurokit2.ecg_clean(row, sampling_rate=rate_hz) for row in waveform.samples_mv
        ]
        _, peaks = neurokit2.ecg_peaks(cleaned[1], sampling_rate=rate_hz)
        for row in cleaned:
            neurokit2.ecg_delineate(
                row, peaks["ECG_R_Peaks"], sampling_rate=rate_hz, method="dwt"
            )


def print_24_h(threads: int) -> None:
    """Time and memory beyond the input of a day in three leads, step by step."""
    leads = ("I", "II", "V1")
    waveform = Waveform(a_day(), float(HOLTER_RATE_HZ), leads[:HOLTER_LEADS])
    model = wave_model()
    forget_peak_memory()
    before_mb = peak_memory_mb()
    found: dict[str, Any] = {}
    steps: dict[str, Callable[[], Any]] = {
        "R peaks": lambda: dsp.detect_r_peaks(waveform.samples_mv, HOLTER_RATE_HZ),
        "quality": lambda: dsp.assess_quality(waveform, threads=threads),
        "of beats": lambda: dsp.beat_quality(
            waveform, found["R peaks"], found["quality"], threads=threads
        ),
        "waves": lambda: dsp.delineate_leads(waveform, found["R peaks"], threads=threads),
        "model": lambda: model.read(
            waveform,
            found["R peaks"],
            found["waves"],
            dsp.global_waves(found["waves"]),
            threads=threads,
        ),
    }
    clock = time.process_time if threads == 1 else time.perf_counter
    rows, total_s = [], 0.0
    for name, step in steps.items():
        step_s = timed(lambda: found.update({name: step()}), clock)
        total_s += step_s
        rows.append((name, step_s, peak_memory_mb() - before_mb))
    rows.append(("all", total_s, rows[-1][2]))
    print(
        f"{HOLTER_HOURS} h, {HOLTER_LEADS} leads, {HOLTER_RATE_HZ} Hz "
        f"({waveform.samples_mv.nbytes / 1e6:.0f} MB), {len(found['R peaks'])} beats; "
        + ("processor time" if threads == 1 else f"{threads} threads, by the clock")
        + ", peak memory so far"
    )
    for name, step_s, more_mb in rows:
        print(f"  {name:9}{step_s:7.2f} s {more_mb:5.0f} MB")


def a_day() -> Any:
    """Sleepecg's toy ECG at 250 Hz, again and again, with another noise in each lead."""
    ecg, rate_hz = sleepecg.get_toy_ecg()
    piece = dsp.resample(
        np.ascontiguousarray(ecg, dtype=np.float64), rate_hz, HOLTER_RATE_HZ
    )
    samples = np.empty((HOLTER_LEADS, HOLTER_HOURS * 3600 * HOLTER_RATE_HZ))
    random = np.random.default_rng(0)
    for lead in samples:
        for start in range(0, samples.shape[1], len(piece)):
            room = lead[start : start + len(piece)]
            room[:] = piece[: len(room)] + random.normal(0, 0.02, len(room))
    return samples


def forget_peak_memory() -> None:
    """Let the peak start from now; where the system cannot, it stays that of the input."""
    if _PROC.exists():
        (_PROC / "clear_refs").write_text("5")


def peak_memory_mb() -> float:
    """Greatest memory this process held since then, 10^6 bytes."""
    if _PROC.exists():
        status = (_PROC / "status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e6


def take_turns(
    ours: Callable[[], Any], theirs: Callable[[], Any], rounds: int
) -> tuple[list[float], list[float], list[float]]:
    """Seconds of ours and of theirs, and how many times as fast ours is, round by round."""
    ours(), theirs()  # warm up
    ours_s, theirs_s = [], []
    for number in range(rounds):
        order = ((ours, ours_s), (theirs, theirs_s))
        for work, seconds in order if number % 2 == 0 else reversed(order):
            seconds.append(timed(work, time.process_time))
    return ours_s, theirs_s, [b / a for a, b in zip(ours_s, theirs_s, strict=True)]


if __name__ == "__main__":
    main()
