"""Findings of rules against what readers found: sensitivity, specificity, precision.

Every recording counts, also one in which a rule could not be asked (a lead or a P wave is
missing): it then finds nothing. What is only borderline
is not found. Intervals are 95 % after Wilson 1927.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from rich.table import Table

from ecgsvc.domain.analysis import Analysis
from ecgsvc.domain.findings import BORDERLINE
from ecgsvc.domain.waveform import Recording
from ecgsvc.evaluation.finding_references import labelled_ecgs, rules_of
from ecgsvc.evaluation.references import OnRecord
from ecgsvc.evaluation.scores import number, ratio

Analyse = Callable[[Recording], Analysis]
_Z95 = 1.959964


@dataclass(frozen=True, slots=True)
class Share:
    """A proportion with its Wilson interval; NaN where nothing is counted."""

    hits: int
    total: int

    @property
    def value(self) -> float:
        """Hits over total."""
        return ratio(self.hits, self.total)

    @property
    def ends(self) -> tuple[float, float]:
        """95 % interval of Wilson 1927, doi 10.1080/01621459.1927.10502953."""
        if not self.total:
            return math.nan, math.nan
        n, p = self.total, self.value
        middle = p + _Z95**2 / (2 * n)
        half = _Z95 * math.sqrt(p * (1 - p) / n + _Z95**2 / (4 * n**2))
        scale = 1 + _Z95**2 / n
        return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)

    def to_json(self) -> dict[str, float | int | None]:
        """Counts, value and ends."""
        low, high = map(number, self.ends)
        return {"hits": self.hits, "total": self.total, "value": number(self.value),
                "low": low, "high": high}  # fmt: skip

    def shown(self) -> str:
        """Percent with the interval; a dash without any."""
        if not self.total:
            return "-"
        low, high = self.ends
        return f"{100 * self.value:.1f} ({100 * low:.1f}-{100 * high:.1f})"


@dataclass(frozen=True, slots=True)
class FindingScore:
    """How a finding was found among some recordings.

    `n_borderline` more are called borderline, of which readers see `borderline_present`.
    """

    name: str
    true_positives: int
    n_present: int
    n_found: int
    n_ecgs: int
    n_borderline: int = 0
    borderline_present: int = 0

    @property
    def sensitivity(self) -> Share:
        """Of those that have it."""
        return Share(self.true_positives, self.n_present)

    @property
    def specificity(self) -> Share:
        """Of those that do not."""
        n_false = self.n_found - self.true_positives
        n_absent = self.n_ecgs - self.n_present
        return Share(n_absent - n_false, n_absent)

    @property
    def precision(self) -> Share:
        """Of those found."""
        return Share(self.true_positives, self.n_found)


@dataclass(frozen=True, slots=True)
class FindingResults:
    """Scores over all recordings and over the held-out tenth, if there is one."""

    database: str
    everything: tuple[FindingScore, ...]
    held_out: tuple[FindingScore, ...]

    def to_json(self) -> dict[str, object]:
        """Counts and shares of both."""
        return {
            "database": self.database,
            "all": [_json(each) for each in self.everything],
            "held_out": [_json(each) for each in self.held_out],
        }


def evaluate_findings(
    directory: Path, analyse: Analyse, *, on_record: OnRecord
) -> FindingResults:
    """Analyse the labelled recordings of a folder and compare the findings of rules.

    Parameters
    ----------
    directory
        As in `labelled_ecgs`.
    analyse
        The serving path.
    on_record
        Called after each recording.
    """
    ecgs, names = labelled_ecgs(directory)
    rules = rules_of(names)
    read: list[_Read] = []
    for n_done, ecg in enumerate(ecgs, start=1):
        analysis = analyse(ecg.read())
        said: dict[bool, set[str]] = {False: set(), True: set()}
        for each in analysis.findings:
            is_borderline = BORDERLINE in each.reservations
            said[is_borderline].add(each.rule or each.coding.display)
        found, near = (
            frozenset(name for name in names if rules[name] & said[is_borderline])
            for is_borderline in (False, True)
        )
        read.append(_Read(ecg.present, found, near - found, ecg.held_out))
        on_record(ecg.path.name, n_done, len(ecgs))
    held_out = [each for each in read if each.held_out]
    return FindingResults(
        directory.name,
        tuple(_score(name, read) for name in names),
        tuple(_score(name, held_out) for name in names if held_out),
    )


def finding_table(results: FindingResults) -> Table:
    """One row a finding; held-out figures beside those of all recordings."""
    n_ecgs = results.everything[0].n_ecgs if results.everything else 0
    table = Table(
        title=f"Findings by rule, {n_ecgs} recordings of {results.database}",
        caption="In brackets 95 % (Wilson); of borderline ones how many readers see. Held "
        "out: recordings in which no constant was chosen."
        if results.held_out
        else "In brackets 95 % (Wilson); of borderline ones how many readers see.",
    )  # fmt: skip
    table.add_column("Finding")
    shares = ("Se %", "Sp %")
    for heading in ("n", "Found", *shares, "+P %", "Borderline", "Held out n", *shares):
        table.add_column(heading, justify="right")
    apart = {each.name: each for each in results.held_out}
    for each in results.everything:
        cells = [str(each.n_present), str(each.n_found)]
        cells += [s.shown() for s in (each.sensitivity, each.specificity, each.precision)]
        near = f"{each.n_borderline} ({each.borderline_present})"
        cells.append(near if each.n_borderline else "-")
        if other := apart.get(each.name):
            cells.append(str(other.n_present))
            cells += [s.shown() for s in (other.sensitivity, other.specificity)]
        else:
            cells += ["-", "-", "-"]
        table.add_row(each.name, *cells)
    return table


class _Read(NamedTuple):
    """Names that readers see in a recording, that rules find, and that are borderline."""

    present: frozenset[str]
    found: frozenset[str]
    borderline: frozenset[str]
    held_out: bool


def _score(name: str, read: Sequence[_Read]) -> FindingScore:
    return FindingScore(
        name,
        sum(name in each.present & each.found for each in read),
        sum(name in each.present for each in read),
        sum(name in each.found for each in read),
        len(read),
        sum(name in each.borderline for each in read),
        sum(name in each.present & each.borderline for each in read),
    )


def _json(score: FindingScore) -> dict[str, object]:
    return {
        "finding": score.name,
        "present": score.n_present,
        "found": score.n_found,
        "recordings": score.n_ecgs,
        "borderline": score.n_borderline,
        "borderline_present": score.borderline_present,
        "sensitivity": score.sensitivity.to_json(),
        "specificity": score.specificity.to_json(),
        "precision": score.precision.to_json(),
    }
