"""What stands around the tracing: patient, time, measurements, and how to read it."""

from collections.abc import Iterator, Sequence

from ecgsvc.domain.analysis import Analysis
from ecgsvc.domain.measurements import Measurements
from ecgsvc.domain.sheet import PatientShown, Person, SheetHeader
from ecgsvc.render.bidi import printable
from ecgsvc.render.drawing import Item, Text
from ecgsvc.render.ecg_paper import INK, MM_PER_MV, MM_PER_S
from ecgsvc.render.typeface import fitted, has_all_letters, shortened, width

GREY = "#5f5f5f"
NO_NAME = "Name not stated"
NOT_A_DEVICE = "Not a cleared medical device"

_GAP = 3.2
_LEAST = 2.2
_ABSENT = "\N{EN DASH}"


def patient_lines(
    header: SheetHeader, shown: PatientShown, *, x: float, room: float
) -> Iterator[Item]:
    """Name, identity, time and place, in four lines from the top of the page."""
    person = header.person
    if shown is PatientShown.FULL:
        name = printable(person.name) or NO_NAME
        size = fitted(name, 4.6, room, least=2.6, bold=True)
        yield Text(x, 10.4, shortened(name, size, room, bold=True), size, bold=True)
    yield from _row(x, 15.0, 3.0, room, identity_words(person, shown))
    recorded = [f"Recorded {printable(header.recorded)}", header.recorded_note]
    yield from _row(x, 19.0, 3.0, room, recorded)
    place = [printable(header.device), printable(header.organization)]
    yield from _row(x, 22.6, 2.6, room, place, color=GREY)


def short_lines(
    header: SheetHeader, shown: PatientShown, *, x: float, room: float
) -> Iterator[Item]:
    """Who and when in one line, for the pages after the first."""
    name = printable(header.person.name) if shown is PatientShown.FULL else ""
    words = [name, *identity_words(header.person, shown)]
    yield from _row(x, 9.5, 3.0, room, [*words, f"Recorded {printable(header.recorded)}"])


def identity_words(person: Person, shown: PatientShown) -> list[str]:
    """What identifies a patient beside the name, as far as it is to be shown."""
    words = []
    if shown is not PatientShown.NOTHING and person.identifier:
        words.append(f"ID {printable(person.identifier)}")
    if shown is PatientShown.FULL and person.birth_date:
        words.append(f"born {printable(person.birth_date)}")
    if person.sex:
        words.append(person.sex)
    if person.age_years is not None:
        words.append(_age(person.age_years))
    return words


def _age(years: float) -> str:
    if years < 2:
        months = int(years * 12)
        return f"{months} month{'' if months == 1 else 's'}"
    return f"{int(years)} years"


def measurement_table(
    measurements: Measurements, *, x: float, y: float, room: float
) -> Iterator[Item]:
    """Three columns of four values; a dash where nothing could be measured."""
    m = measurements
    rows = (
        ("Heart rate", m.heart_rate_bpm, "/min"), ("RR", m.rr_ms, "ms"),
        ("P", m.p_ms, "ms"), ("PR", m.pr_ms, "ms"),
        ("QRS", m.qrs_ms, "ms"), ("QT", m.qt_ms, "ms"),
        ("QTc Fridericia", m.qtc_fridericia_ms, "ms"),
        ("QTc Bazett", m.qtc_bazett_ms, "ms"),
        ("P axis", m.p_axis_deg, "°"), ("QRS axis", m.qrs_axis_deg, "°"),
        ("T axis", m.t_axis_deg, "°"),
    )  # fmt: skip
    starts = (0.0, 0.33 * room, 0.71 * room)
    values = (0.25 * room, 0.63 * room, 0.95 * room)
    for i, (name, value, unit) in enumerate(rows):
        column, row = divmod(i, 4)
        at = y + 3.9 * row
        yield Text(x + starts[column], at, name, 2.8, color=GREY)
        known = value is not None
        number = f"{value:.0f}".replace("-", "\N{MINUS SIGN}") if known else _ABSENT
        right = x + values[column]
        yield Text(right, at, number, 3.1, bold=known, anchor="end")
        yield Text(right + (0.2 if unit == "°" else 0.9), at, unit if known else "", 2.6)


def scale_words(gain_mm_per_mv: float, sampling_rate_hz: float) -> list[str]:
    """How to read the paper."""
    part = {2.0: "half", 4.0: "a quarter"}.get(MM_PER_MV / gain_mm_per_mv)
    reduced = f" ({part} of the standard, so that leads have room)" if part else ""
    return [
        f"{MM_PER_S:g} mm/s",
        f"{gain_mm_per_mv:g} mm/mV{reduced}",
        "no filter added",
        f"{sampling_rate_hz:g} samples/s",
    ]


def footer(
    header: SheetHeader,
    scale: Sequence[str],
    notes: Sequence[str],
    page: str,
    *,
    left: float,
    right: float,
    y: float,
) -> Iterator[Item]:
    """Two lines below the paper."""
    used = 0.0
    for word in scale:
        yield Text(left + used, y, word, 2.9, bold=True)
        used += width(word, 2.9, bold=True) + 4.5
    note = " · ".join(note for note in notes if note)
    if note:
        size = fitted(note, 2.6, right - left - used, least=_LEAST)
        text = shortened(note, size, right - left - used)
        yield Text(right, y, text, size, color=INK, anchor="end")
    made = [header.software, NOT_A_DEVICE]
    yield Text(left, y + 3.6, " · ".join(word for word in made if word), 2.3, color=GREY)
    name = " · ".join(word for word in (header.report, page) if word)
    yield Text(right, y + 3.6, name, 2.3, color=GREY, anchor="end")


def general_notes(
    analysis: Analysis, header: SheetHeader, shown: PatientShown
) -> list[str]:
    """What a reader must know of the leads and of the letters."""
    notes = []
    unusable = [q.lead for q in analysis.quality.leads if not q.usable]
    if unusable:
        notes.append(f"Not relied upon: {', '.join(map(printable, unusable))}")
    words = [header.device, header.organization, *identity_words(header.person, shown)]
    if shown is PatientShown.FULL:
        words.append(header.person.name)
    if not all(has_all_letters(printable(word)) for word in words):
        notes.append("Boxes are letters that this sheet has no font for")
    return notes


def _row(
    x: float, y: float, size: float, room: float, words: Sequence[str], *, color: str = INK
) -> Iterator[Item]:
    """Words beside one another, each with its own direction of writing."""
    shown = [word for word in words if word]
    wide = [width(word, 1.0) for word in shown]
    space = room - _GAP * (len(shown) - 1)
    size = max(_LEAST, min(size, space / max(sum(wide), 1e-6)))
    end = x + room
    for word, own in zip(shown, wide, strict=True):
        if end - x > size:
            yield Text(x, y, shortened(word, size, end - x), size, color=color)
        x += own * size + _GAP
