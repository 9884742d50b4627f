"""Confusion, ROC and risk-coverage as SVG; matplotlib is the extra ``figures``."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from ecgsvc.evaluation.held_out import (
    HeldOutAnswers,
    area_under,
    risk_coverage,
    roc_curve,
)

_POINTS = 300  # of a curve: more cannot be seen
_LEAST_EXAMPLES = 30  # of a class, for a curve
_STYLE: Any = {  # matplotlib's own type of it names every setting there is
    "svg.fonttype": "none",
    "svg.hashsalt": "ecgsvc",
    "font.family": "sans-serif",
    "font.size": 9,
}


def draw_pictures(answers: HeldOutAnswers, name: str, folder: Path) -> list[Path]:
    """Write ``NAME-confusion.svg``, ``-roc.svg`` and ``-risk-coverage.svg``."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {
        "confusion": _confusion(answers),
        "roc": _roc(answers),
        "risk-coverage": _risk_coverage(answers),
    }
    written = []
    for kind, figure in drawn.items():
        path = folder / f"{name}-{kind}.svg"
        with mpl.rc_context(_STYLE):
            figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
        written.append(path)
    return written


def _confusion(answers: HeldOutAnswers) -> Figure:
    """Counts; the shade is the share of the right class."""
    counts, classes = answers.confusion, answers.classes
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(4, 3.6))
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        dark = shares[row, column] > 0.5
        axes.text(
            column, row, f"{count:,}\n{shares[row, column]:.1%}",
            ha="center", va="center", fontsize=7, color="white" if dark else "black",
        )  # fmt: skip
    axes.set_xticks(range(len(classes)), classes)
    axes.set_yticks(range(len(classes)), classes)
    axes.set_xlabel("answer")
    axes.set_ylabel("reference")
    return figure


def _roc(answers: HeldOutAnswers) -> Figure:
    """Each class against all others, with its area."""
    figure = Figure(figsize=(4, 3.6))
    axes = figure.subplots()
    for column, name in enumerate(answers.classes):
        positive = answers.labels == column
        if positive.sum() < _LEAST_EXAMPLES:
            continue
        false, true = roc_curve(answers.probabilities[:, column], positive)
        at = np.unique(
            np.concatenate(
                [
                    np.searchsorted(false, np.geomspace(1e-4, 1, _POINTS)),
                    np.searchsorted(true, np.linspace(0, 1, _POINTS)),
                ]
            ).clip(max=len(false) - 1)
        )
        area = area_under(false, true)
        axes.plot(false[at], true[at], label=f"{name} ({area:.3f})", linewidth=1.2)
    axes.plot([0, 1], [0, 1], color="0.8", linewidth=0.8)
    axes.set_xlabel("1 - specificity")
    axes.set_ylabel("sensitivity")
    axes.legend(title="class (area)", loc="lower right")
    return figure


def _risk_coverage(answers: HeldOutAnswers) -> Figure:
    """Error of the answers that are left when the least sure are set aside."""
    figure = Figure(figsize=(4, 3))
    axes = figure.subplots()
    share, error = risk_coverage(answers)
    at = np.unique(np.searchsorted(share, np.linspace(0.05, 1, _POINTS)))
    at = at.clip(max=len(share) - 1)
    axes.plot(100 * share[at], 100 * error[at], linewidth=1.2)
    for kept in (80, 100):
        place = np.searchsorted(share, kept / 100).clip(max=len(share) - 1)
        axes.annotate(
            f"{100 * error[place]:.1f} %", (kept, 100 * error[place]),
            textcoords="offset points", xytext=(-4, 6), ha="right",
        )  # fmt: skip
    axes.set_xlabel("surest answers, %")
    axes.set_ylabel("error among them, %")
    axes.set_ylim(0, 1.1 * max(100 * float(error.max()), 1))
    return figure
