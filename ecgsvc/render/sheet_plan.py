"""Which piece of which lead stands where on which page of a sheet."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ecgsvc.domain.analysis import Analysis
from ecgsvc.domain.beats import BeatClass
from ecgsvc.domain.rhythm import EpisodeKind
from ecgsvc.domain.sheet import Layout
from ecgsvc.domain.waveform import STANDARD_LEADS, Lead, Waveform
from ecgsvc.render.ecg_paper import MM_PER_S

LINE_S = 10.0
"""What a line holds: 250 mm."""
MAX_PAGES = 6
LEAST_STANDARD_LEADS = 6
"""Of recordings with fewer of the twelve, leads are drawn below one another."""

_COLUMNS = {Layout.THREE_BY_FOUR: 4, Layout.SIX_BY_TWO: 2, Layout.TWELVE_BY_ONE: 1}
_RHYTHM_LEADS: tuple[Lead, ...] = ("II", "MLII", "V1", "I", "V5", "aVF")


@dataclass(frozen=True, slots=True)
class Piece:
    """Samples `start` to `stop` of a lead in a row.

    `x` is where they begin, in millimetres after the row's calibration pulse. `recorded`
    is false for a lead that has no samples at all. A `strip` is a whole line of rhythm:
    beats are marked there.
    """

    lead: Lead
    start: int
    stop: int
    row: int
    x: float = 0.0
    recorded: bool = True
    strip: bool = False


@dataclass(frozen=True, slots=True)
class PagePlan:
    """The rows of one page."""

    n_rows: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class SheetPlan:
    """All pages, and what a reader must know of what is not on them."""

    pages: tuple[PagePlan, ...]
    note: str = ""


def plan_sheet(analysis: Analysis, layout: Layout, rows: tuple[int, int]) -> SheetPlan:
    """Lay a recording out.

    Twelve leads (or six and more of them) share the first page as `layout` says; what
    follows in time is drawn on further pages as strips of one lead, other leads on strips
    of their own. Fewer leads are strips from the beginning. Of a recording that needs more
    than `MAX_PAGES`, strips with episodes and ectopic beats come first.

    Parameters
    ----------
    rows
        Most rows of strips on the first page, and on the others.
    """
    waveform = analysis.waveform
    if len(set(waveform.leads) & set(STANDARD_LEADS)) < LEAST_STANDARD_LEADS:
        return _strips(analysis, waveform.leads, 0, rows, MAX_PAGES)
    first = _twelve_leads(analysis, layout)
    others = tuple(lead for lead in waveform.leads if lead not in STANDARD_LEADS)
    more = [
        _strips(analysis, others, 0, (rows[1], rows[1]), 1),
        _strips(analysis, (rhythm_lead(analysis),), 1, (rows[1], rows[1]), MAX_PAGES - 2),
    ]
    return SheetPlan(
        (first, *(page for plan in more for page in plan.pages)),
        "; ".join(plan.note for plan in more if plan.note),
    )


def rhythm_lead(analysis: Analysis) -> Lead:
    """The lead of the rhythm strip: II, or the next best that can be relied upon.

    When none can, the best that has samples.
    """
    waveform, usable = analysis.waveform, analysis.quality.usable_leads
    wanted = [lead for lead in (*_RHYTHM_LEADS, *waveform.leads) if lead in waveform.leads]
    with_samples = [lead for lead in wanted if not _is_empty(waveform, lead)]
    return next(
        (lead for lead in with_samples if lead in usable), (*with_samples, *wanted)[0]
    )


def _twelve_leads(analysis: Analysis, layout: Layout) -> PagePlan:
    waveform, strip_lead = analysis.waveform, rhythm_lead(analysis)
    n_columns = _COLUMNS[layout]
    n_rows = len(STANDARD_LEADS) // n_columns
    column_s = LINE_S / n_columns
    rate_hz = waveform.sampling_rate_hz
    latest = max(0.0, waveform.duration_s - column_s)
    pieces = []
    for i, lead in enumerate(STANDARD_LEADS):
        column, row = divmod(i, n_rows)
        start = round(min(column * column_s, latest) * rate_hz)
        stop = min(start + round(column_s * rate_hz), waveform.n_samples)
        pieces.append(
            Piece(
                lead, start, stop, row, column * column_s * MM_PER_S,
                recorded=lead in waveform.leads and not _is_empty(waveform, lead),
                strip=n_columns == 1 and lead == strip_lead,
            )
        )  # fmt: skip
    if n_columns > 1:
        stop = min(round(LINE_S * rate_hz), waveform.n_samples)
        pieces.append(Piece(strip_lead, 0, stop, n_rows, strip=True))
    return PagePlan(n_rows + (n_columns > 1), tuple(pieces))


def _strips(
    analysis: Analysis,
    leads: tuple[Lead, ...],
    first_line: int,
    rows: tuple[int, int],
    max_pages: int,
) -> SheetPlan:
    """Lines of 10 s from one on, all leads of one time below one another."""
    waveform = analysis.waveform
    length = round(LINE_S * waveform.sampling_rate_hz)
    n_lines = max(1, math.ceil(waveform.n_samples / length))
    if not leads or n_lines <= first_line:
        return SheetPlan(())
    a_page = [max(1, n_rows // len(leads)) for n_rows in rows]
    room = a_page[0] + a_page[1] * (max_pages - 1)
    lines: Sequence[int] = range(first_line, n_lines)
    note = ""
    if len(lines) > room:
        note = (
            f"{room} of {len(lines)} strips of {LINE_S:.0f} s are shown, "
            "those with episodes and ectopic beats first"
        )
        lines = sorted(_most_telling(analysis, length, lines)[:room])
    pages, taken = [], 0
    while taken < len(lines):
        here = lines[taken : taken + a_page[bool(taken)]]
        taken += len(here)
        pages.append(_strip_page(waveform, leads, here, length))
    return SheetPlan(tuple(pages), note)


def _strip_page(
    waveform: Waveform, leads: tuple[Lead, ...], lines: Sequence[int], length: int
) -> PagePlan:
    pieces = tuple(
        Piece(
            lead, line * length, min((line + 1) * length, waveform.n_samples),
            row=i * len(leads) + j,
            recorded=not _is_empty(waveform, lead),
            strip=j == 0,
        )
        for i, line in enumerate(lines)
        for j, lead in enumerate(leads)
    )  # fmt: skip
    return PagePlan(len(lines) * len(leads), pieces)


def _most_telling(analysis: Analysis, length: int, lines: Sequence[int]) -> list[int]:
    """Lines in the order in which a reader should see them."""
    spread = sorted(lines, key=lambda line: (_level(line - lines[0]), line))
    telling = (
        lines[0],
        *_episode_lines(analysis, length),
        *_ectopic_lines(analysis, length),
    )
    return [line for line in dict.fromkeys((*telling, *spread)) if line in lines]


def _level(line: int) -> int:
    """Lines that are multiples of a high power of two first: always evenly spread."""
    return -((line & -line).bit_length() if line else 64)


def _episode_lines(analysis: Analysis, length: int) -> Iterator[int]:
    episodes = analysis.rhythm.episodes if analysis.rhythm is not None else ()
    gravest_first = list(EpisodeKind)
    for episode in sorted(
        episodes, key=lambda e: (gravest_first.index(e.kind), e.onset_index)
    ):
        yield episode.onset_index // length


def _ectopic_lines(analysis: Analysis, length: int) -> Iterator[int]:
    beats = analysis.beats
    pairs = list(zip(beats.r_peak_indices.tolist(), beats.classes, strict=True))
    for wanted in (BeatClass.V, BeatClass.F, BeatClass.S):
        yield from (index // length for index, found in pairs if found is wanted)


def _is_empty(waveform: Waveform, lead: Lead) -> bool:
    samples = waveform.lead_mv(lead)
    return bool((samples != samples).all())
