"""The part of a sheet that a signature replaces: who stands for it, and what it says."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from ecgsvc.domain.analysis import NOT_REVIEWED
from ecgsvc.domain.findings import Finding, Urgency
from ecgsvc.domain.sheet import Review
from ecgsvc.render.bidi import printable
from ecgsvc.render.drawing import Item, Rect, Text
from ecgsvc.render.ecg_paper import INK
from ecgsvc.render.typeface import fitted, measured_words, shortened, width, wrapped

UNREVIEWED = "AI-GENERATED, NOT REVIEWED"
_UNREVIEWED_WHY = "for a clinician to read"
_SIGNED = {
    "final": "Signed",
    "amended": "Amended and signed",
    "corrected": "Corrected and signed",
    "appended": "Added to and signed",
    "entered-in-error": "Retracted as entered in error",
    "cancelled": "Cancelled",
}
_ALARM, _QUIET = "#a11212", "#555555"
_URGENT = {Urgency.EMERGENCY: "EMERGENCY", Urgency.PROMPT: "PROMPT"}
_STATUS_MM = 6.4
_SIZES = (3.4, 3.1, 2.9, 2.7, 2.5, 2.3)
_OTHER_FONTS = 0.9
"""Of the width that lines take: viewers of SVG that ignore its fonts use wider ones."""
_LINE = 1.28
"""Of the size, from line to line."""
_MORE = "… (all of it in the report)"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of an ECG; `urgent` are lines that stand before all else."""

    conclusion: str
    urgent: tuple[str, ...] = ()
    review: Review | None = None


def verdict_of(
    conclusion: str, findings: Sequence[Finding], review: Review | None = None
) -> Verdict:
    """Put the conclusion and the urgent findings together."""
    graded = [(finding.urgency, finding.text) for finding in findings]
    return Verdict(conclusion, urgent_lines(graded), review)


def urgent_lines(graded: Sequence[tuple[Urgency | None, str]]) -> tuple[str, ...]:
    """Write what is urgent of some findings, emergencies first."""
    return tuple(
        f"{word}: {text}"
        for urgency, word in _URGENT.items()
        for grade, text in graded
        if grade is urgency
    )


def verdict_items(verdict: Verdict, box: Rect) -> Iterator[Item]:
    """Draw a verdict into a box, whose top left is the origin."""
    yield from _status(verdict.review, box.width)
    y = _STATUS_MM + 1.0
    for line in verdict.urgent[:3]:
        y += 4.0
        size = fitted(line, 3.1, box.width, least=2.3, bold=True)
        text = shortened(line, size, box.width, bold=True)
        yield Text(0, y, text, size, bold=True, color=_ALARM)
    y += 0.6 if verdict.urgent else 0.0
    text = printable(verdict.conclusion)
    if verdict.review is not None:
        text = text.removesuffix(NOT_REVIEWED).rstrip()
    size, lines = _fitting(text, _OTHER_FONTS * box.width, box.height - y)
    for line in lines:
        y += size * _LINE
        yield Text(0, y, line, size, color=INK)


def _fitting(text: str, room: float, height: float) -> tuple[float, list[str]]:
    """The largest size at which all lines fit; what does not fit at the least is cut."""
    words = measured_words(text)
    for size in _SIZES:
        lines = wrapped(words, size, room)
        n_lines = int(height / (size * _LINE))
        if len(lines) <= n_lines:
            return size, lines
    kept = lines[:n_lines]
    last = shortened(kept[-1], size, room - width(_MORE, size)).removesuffix("…")
    return size, [*kept[:-1], last.rstrip() + _MORE]


def _status(review: Review | None, room: float) -> Iterator[Item]:
    if review is None:
        yield Rect(0.15, 0.15, room - 0.3, _STATUS_MM, "#fdf1f0", _ALARM, 0.3, "status")
        yield Text(2.5, 4.5, UNREVIEWED, 3.6, bold=True, color=_ALARM)
        yield Text(room - 2.5, 4.4, _UNREVIEWED_WHY, 2.7, color=_ALARM, anchor="end")
        return
    yield Rect(0.15, 0.15, room - 0.3, _STATUS_MM, "#f4f7f4", INK, 0.3, "status")
    done = _SIGNED.get(review.status, "Signed")
    when = shown_time(review.signed_at)
    left = f"{done} by {printable(review.signed_by)}"
    space = room - 9 - width(when, 2.9)
    size = fitted(left, 3.6, space, least=2.5, bold=True)
    yield Text(2.5, 4.5, shortened(left, size, space, bold=True), size, bold=True)
    yield Text(room - 2.5, 4.4, when, 2.9, color=_QUIET, anchor="end")


def shown_time(moment: datetime) -> str:
    """A moment with its zone, as a person reads it."""
    zone = moment.strftime("%z")
    shown = "UTC" if zone == "+0000" else f"{zone[:3]}:{zone[3:5]}"
    return f"{moment:%Y-%m-%d %H:%M:%S} {shown}"
