"""What an auditor asks of a service in use: how much, what, how sure, and how right.

Reports are counted one after the other, week by week of the recording; of a report only
numbers are kept, so that a hundred thousand take some megabytes.
"""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from ecgsvc.domain.export import ExportedReport
from ecgsvc.domain.measurements import MEASURED_NAMES
from ecgsvc.evaluation.population_stability import Stability, finite, stability

REFERENCE_WEEKS = 8
"""Weeks at the beginning that the others are held against."""
OPEN_QUESTIONS = ("rhythm", "beats", "diagnosis")
"""What a report may leave open as a whole; single measurements are not abstentions."""
AGE_BANDS = ((0, 18), (18, 40), (40, 65), (65, 80), (80, 200))
"""Years, from and below."""


@dataclass(frozen=True, slots=True)
class Drift:
    """How far a measurement or score of a week lies from the reference weeks."""

    week: date
    name: str
    n: int
    stability: Stability


@dataclass(slots=True)
class Week:
    """Counts of the ECGs recorded in the week that begins on a Monday (UTC)."""

    monday: date
    n: int = 0
    n_any_open: int = 0


@dataclass(slots=True)
class Agreement:
    """Machine against signer for one finding and one group.

    Of reports whose signer agrees, or has stated findings of their own.
    """

    both: int = 0
    machine_only: int = 0
    signer_only: int = 0
    neither: int = 0

    @property
    def n(self) -> int:
        """Signed reports of the group."""
        return self.both + self.machine_only + self.signer_only + self.neither


@dataclass(frozen=True, slots=True)
class MonitoringSummary:
    """Everything counted.

    Parameters
    ----------
    weeks
        In order; weeks without an ECG are among them.
    findings, undetermined
        Reports by (Monday, code) and by (Monday, open question).
    names
        Texts of codes.
    drifts
        Of weeks after the reference, where both have enough values.
    agreement
        By (code, group); groups are ``all``, ``female``, ``male``, ``sex unknown``, age
        bands such as ``40-64``, and ``age unknown``.
    n_signed
        Reports that can be compared so.
    """

    weeks: tuple[Week, ...]
    findings: Counter[tuple[date, str]]
    undetermined: Counter[tuple[date, str]]
    names: dict[str, str]
    drifts: tuple[Drift, ...]
    agreement: dict[tuple[str, str], Agreement]
    n_signed: int

    @property
    def n_reports(self) -> int:
        """Reports counted."""
        return sum(week.n for week in self.weeks)


def monitor(
    reports: Iterable[ExportedReport], *, reference_weeks: int = REFERENCE_WEEKS
) -> MonitoringSummary:
    """Count reports; in any order.

    Parameters
    ----------
    reference_weeks
        How many of the first weeks with ECGs are the reference of drift.
    """
    counting = _Counting()
    for each in reports:
        counting.add(each)
    return counting.summary(reference_weeks)


class _Counting:
    def __init__(self) -> None:
        self._weeks: dict[date, Week] = {}
        self._findings: Counter[tuple[date, str]] = Counter()
        self._undetermined: Counter[tuple[date, str]] = Counter()
        self._names: dict[str, str] = {}
        self._values: dict[tuple[str, date], array[float]]
        self._values = defaultdict(lambda: array("d"))
        self._signed: Counter[tuple[tuple[str, ...], frozenset[str], frozenset[str]]]
        self._signed = Counter()

    def add(self, exported: ExportedReport) -> None:
        monday = _monday(exported.report.effective_at.date())
        week = self._weeks.setdefault(monday, Week(monday))
        week.n += 1
        left_open = set(exported.undetermined) & set(OPEN_QUESTIONS)
        week.n_any_open += bool(left_open)
        self._undetermined.update((monday, path) for path in left_open)
        codes = frozenset(finding.code for finding in exported.findings)
        self._findings.update((monday, code) for code in codes)
        self._names |= {finding.code: finding.display for finding in exported.findings}
        measured = {name: exported.measurements.get(name) for name in MEASURED_NAMES}
        for name, value in (measured | dict(exported.scores)).items():
            if value is not None:
                self._values[name, monday].append(value)
        if exported.signed_codes is not None:
            said = frozenset(exported.signed_codes)
            self._signed[tuple(groups_of(exported)), codes, said] += 1

    def summary(self, reference_weeks: int) -> MonitoringSummary:
        return MonitoringSummary(
            weeks=tuple(self._all_weeks()),
            findings=self._findings,
            undetermined=self._undetermined,
            names=self._names,
            drifts=tuple(self._drifts(reference_weeks)),
            agreement=self._agreement(),
            n_signed=sum(self._signed.values()),
        )

    def _all_weeks(self) -> Iterator[Week]:
        if not self._weeks:
            return
        monday, last = min(self._weeks), max(self._weeks)
        while monday <= last:
            yield self._weeks.get(monday, Week(monday))
            monday += timedelta(weeks=1)

    def _drifts(self, reference_weeks: int) -> Iterator[Drift]:
        reference = sorted(self._weeks)[:reference_weeks]
        for name in sorted({name for name, _ in self._values}):
            before = finite([v for week in reference for v in self._values[name, week]])
            for week in sorted(self._weeks)[reference_weeks:]:
                now = finite(self._values[name, week])
                if (found := stability(before, now)) is not None:
                    yield Drift(week, name, len(now), found)

    def _agreement(self) -> dict[tuple[str, str], Agreement]:
        every_code = {code for _, ours, theirs in self._signed for code in ours | theirs}
        found: dict[tuple[str, str], Agreement] = defaultdict(Agreement)
        for (groups, ours, theirs), n in self._signed.items():
            for code in every_code:
                for group in groups:
                    counts = found[code, group]
                    match code in ours, code in theirs:
                        case True, True:
                            counts.both += n
                        case True, False:
                            counts.machine_only += n
                        case False, True:
                            counts.signer_only += n
                        case _:
                            counts.neither += n
        return dict(found)


def groups_of(exported: ExportedReport) -> Iterator[str]:
    """Yield the groups a report is counted in."""
    yield "all"
    yield exported.sex or "sex unknown"
    age = exported.age_years
    yield next(
        (band_name(band) for band in AGE_BANDS if age is not None and age < band[1]),
        "age unknown",
    )


def band_name(band: tuple[int, int]) -> str:
    """Name an age band: ``40-64``, or ``80+`` for the last."""
    return f"{band[0]}+" if band == AGE_BANDS[-1] else f"{band[0]}-{band[1] - 1}"


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
