"""ECG sheets a second, beside a drawing of matplotlib.

    python benchmarks/sheet.py [--rounds 20]

Ours: the sheet of a simulated 12-lead ECG of 10 s at 500 Hz (grid, traces, header,
measurements, conclusion, beats) as PDF and as SVG, in each layout. Theirs: matplotlib's
PDF of the same traces on a grid of the same scale, without header. Processor time of one
thread; medians with ranges over rounds in which both take turns. Quote the ratio.
"""

import sys

# Last instead of first: signal.py here would hide the standard library's.
sys.path.append(sys.path.pop(0))

import argparse
import io
import statistics
import time
from datetime import UTC, datetime

import matplotlib as mpl
import numpy as np
from timing import spread, timed

from ecgsvc.app import signal_path
from ecgsvc.config import Settings
from ecgsvc.domain.analysis import Analysis
from ecgsvc.domain.sheet import Layout, Person, SheetHeader, SheetOptions
from ecgsvc.domain.waveform import Waveform
from ecgsvc.render import render_sheet
from ecgsvc.simulation import SimulationSettings, simulate

mpl.use("pdf")
from matplotlib.figure import Figure

INCH_MM = 25.4
COLUMNS = (
    ("I", "II", "III"),
    ("aVR", "aVL", "aVF"),
    ("V1", "V2", "V3"),
    ("V4", "V5", "V6"),
)


def matplotlib_pdf(waveform: Waveform) -> bytes:
    """Draw 3x4 and a rhythm strip at 25 mm/s and 10 mm/mV."""
    figure = Figure(figsize=(297 / INCH_MM, 210 / INCH_MM))
    axes = figure.add_axes((11 / 297, 12 / 210, 275 / 297, 155 / 210))
    axes.set_xlim(0, 275)
    axes.set_ylim(0, 155)
    axes.set_xticks(np.arange(0, 276, 5))
    axes.set_xticks(np.arange(276), minor=True)
    axes.set_yticks(np.arange(0, 156, 5))
    axes.set_yticks(np.arange(156), minor=True)
    axes.grid(which="major", color="#e9a39b", linewidth=0.6)
    axes.grid(which="minor", color="#f6d3cf", linewidth=0.3)
    axes.tick_params(which="both", length=0, labelbottom=False, labelleft=False)
    quarter = waveform.n_samples // 4
    for column, leads in enumerate(COLUMNS):
        for row, lead in enumerate(leads):
            part = slice(column * quarter, (column + 1) * quarter)
            x = 15 + np.arange(part.start, part.stop) / waveform.sampling_rate_hz * 25
            y = 135 - 39 * row + waveform.lead_mv(lead)[part] * 10
            axes.plot(x, y, "k", linewidth=0.7)
            axes.text(x[0], y[0] + 12, lead)
    x = 15 + np.arange(waveform.n_samples) / waveform.sampling_rate_hz * 25
    axes.plot(x, 18 + waveform.lead_mv("II") * 10, "k", linewidth=0.7)
    target = io.BytesIO()
    figure.savefig(target, format="pdf")
    return target.getvalue()


def header() -> SheetHeader:
    """Return a header with every line of it."""
    return SheetHeader(
        Person("Ada Example", "MRN 4711", "1961-03-02", "female", 65.7),
        "2026-11-21 09:30:00 +01:00",
        datetime(2026, 11, 21, 8, 31, tzinfo=UTC),
        device="Cart 7",
        organization="St Example Hospital",
        report="Report 0b4ff2a8-7d0a-4a3c-9d5e-1c1f0a6f2d11, version 1",
        software="ecgsvc",
    )


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    ecg = simulate(SimulationSettings(seed=1, pvc_probability=0.15))
    analysis = signal_path(Settings(provider="cpu", profile="fast")).analyse(ecg.recording)
    works = {"matplotlib PDF": lambda: matplotlib_pdf(analysis.waveform)}
    for layout in Layout:
        for form in ("pdf", "svg"):
            works[f"ours {layout} {form.upper()}"] = lambda layout=layout, form=form: drawn(
                analysis, layout, form
            )
    sizes = {name: len(work()) for name, work in works.items()}
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            times[name].append(1e3 * timed(work, time.process_time))
    for name, values in times.items():
        print(f"{name:16}  {spread(values)} ms   {sizes[name] / 1e3:6.1f} kB")
    theirs, ours = (statistics.median(times[n]) for n in ("matplotlib PDF", "ours 3x4 PDF"))
    print(f"ratio of PDFs: {theirs / ours:.1f}")


def drawn(analysis: Analysis, layout: Layout, form: str) -> bytes:
    """Draw one sheet."""
    return render_sheet(analysis, header(), SheetOptions(layout=layout), form=form).content


if __name__ == "__main__":
    main()
