"""The filter of ListReports: comparisons joined by AND, a subset of AIP-160.

Tokens are read one after the other with patterns that cannot backtrack, so that the time
is linear in the length, which is bounded as well. Messages name positions, never values.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import inf, nextafter
from typing import Any, Literal, NoReturn

from ecgsvc.domain.delivery import DeliveryState
from ecgsvc.domain.errors import InvalidRequest
from ecgsvc.domain.measurements import MEASURED_NAMES
from ecgsvc.domain.report import (
    DIAGNOSTIC_REPORT_STATUSES,
    MeasuredRange,
    Reanalysed,
    ReportOrder,
    ReportQuery,
)

MAX_FILTER_LENGTH = 2048

_MEASURED_ALIASES = {"qtc_ms": "qtc_fridericia_ms"}
"""QTc by Fridericia unless another formula is named, as the reports state it first."""

_SPACE = re.compile(r"\s*")
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_OPERATOR = re.compile(r"<=|>=|!=|[<>=:]")
_BARE = re.compile(r"""[^\s"'()=<>!,]+""")
_QUOTED = {
    '"': re.compile(r'"((?:[^"\\]|\\.)*)"'),
    "'": re.compile(r"'((?:[^'\\]|\\.)*)'"),
}
_NUMBER = re.compile(r"[+-]?\d{1,9}(\.\d{1,9})?", re.ASCII)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,6})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)


@dataclass(frozen=True, slots=True)
class _Comparison:
    name: str
    name_at: int
    operator: str
    operator_at: int
    value: str
    value_at: int


def parse_filter(text: str) -> ReportQuery:
    """Read a filter.

    Parameters
    ----------
    text
        Empty, or terms joined by AND. Texts (patient, code, model …), ``disagrees`` and
        ``reanalysed`` are compared by ``=``, each once; times and measured values by ``=``,
        ``<``, ``<=``, ``>``, ``>=``. A time is RFC 3339 with zone, or a date, which stands
        for that whole day in UTC.

    Raises
    ------
    InvalidRequest
        With the position (counted from 1) and what was expected there.
    """
    if len(text) > MAX_FILTER_LENGTH:
        _refuse(f"at most {MAX_FILTER_LENGTH} characters are accepted")
    query = ReportQuery()
    position = _skip(text, 0)
    while position < len(text):
        comparison, position = _comparison(text, position)
        query = _FIELDS[comparison.name](query, comparison)
        position = _skip(text, position)
        if position < len(text):
            position = _after_and(text, position)
    return query


def parse_order(text: str) -> ReportOrder:
    """Read an order (AIP-132): ``effective_time`` or ``issued_time``, perhaps ``desc``.

    Empty is the newest ECG first; `InvalidRequest` says what is accepted.
    """
    words = text.split()
    asked = " ".join(words[:1] if words[1:] == ["asc"] else words)
    if not asked:
        return ReportOrder.NEWEST_ECG
    if asked not in set(ReportOrder):
        msg = "order_by must be effective_time or issued_time, followed by desc or nothing"
        raise InvalidRequest(msg, expression="order_by")
    return ReportOrder(asked)


def _comparison(text: str, start: int) -> tuple[_Comparison, int]:
    name = _FIELD.match(text, start)
    if name is None or name[0] not in _FIELDS:
        _refuse(f"expected one of {', '.join(_FIELDS)}", start)
    operator_at = _skip(text, name.end())
    operator = _OPERATOR.match(text, operator_at)
    if operator is None:
        _refuse("expected a comparison (=, <, <=, >, >=)", operator_at)
    value_at = _skip(text, operator.end())
    value, end = _value(text, value_at)
    return _Comparison(name[0], start, operator[0], operator_at, value, value_at), end


def _value(text: str, start: int) -> tuple[str, int]:
    pattern = _QUOTED.get(text[start : start + 1])
    if pattern is not None:
        quoted = pattern.match(text, start)
        if quoted is None:
            _refuse("the quotation begun here has no end", start)
        value, end = _ESCAPE.sub(r"\1", quoted[1]), quoted.end()
    else:
        bare = _BARE.match(text, start)
        if bare is None:
            _refuse("expected a value", start)
        value, end = bare[0], bare.end()
    if not value or not value.isprintable():
        _refuse("expected a value of printable characters", start)
    return value, end


def _after_and(text: str, start: int) -> int:
    """Step over the AND between two terms; return where the next term begins."""
    if _FIELD.match(text, start) is None or not text.startswith("AND", start):
        _refuse("expected AND (OR, NOT and parentheses are not supported)", start)
    word_end = start + len("AND")
    end = _skip(text, word_end)
    if end == len(text):
        _refuse("expected a term after AND", end)
    if end == word_end:
        _refuse("expected a space after AND", end)
    return end


def _text(field: str) -> Callable[[ReportQuery, _Comparison], ReportQuery]:
    """Make the reader of a field that is compared by `=`, once, with a text."""

    def read(query: ReportQuery, comparison: _Comparison) -> ReportQuery:
        changes: dict[str, Any] = {field: _only(getattr(query, field), comparison)}
        return replace(query, **changes)

    return read


def _with_disagrees(query: ReportQuery, comparison: _Comparison) -> ReportQuery:
    earlier = None if query.disagrees is None else str(query.disagrees)
    value = _only(earlier, comparison)
    if value not in ("true", "false"):
        _refuse("expected true or false", comparison.value_at)
    return replace(query, disagrees=value == "true")


def _with_reanalysed(query: ReportQuery, comparison: _Comparison) -> ReportQuery:
    value = _only(query.reanalysed, comparison)
    if value not in set(Reanalysed):
        _refuse(f"expected {', '.join(Reanalysed)}", comparison.value_at)
    return replace(query, reanalysed=Reanalysed(value))


def _with_measured(query: ReportQuery, comparison: _Comparison) -> ReportQuery:
    name = _MEASURED_ALIASES.get(comparison.name, comparison.name)
    if not _NUMBER.fullmatch(comparison.value):
        _refuse("expected a number", comparison.value_at)
    value = float(comparison.value)
    limits = {
        "=": (value, value),
        ">=": (value, None),
        ">": (nextafter(value, inf), None),
        "<": (None, nextafter(value, -inf)),
        "<=": (None, value),
    }
    if comparison.operator not in limits:
        expected = f"{comparison.name} is compared by {', '.join(limits)}"
        _refuse(expected, comparison.operator_at)
    asked = MeasuredRange(name, *limits[comparison.operator])
    others = tuple(each for each in query.measured if each.name != name)
    earlier = [each for each in query.measured if each.name == name]
    return replace(query, measured=(*others, _both(asked, *earlier)))


def _both(first: MeasuredRange, *others: MeasuredRange) -> MeasuredRange:
    """Return the range of a name that lies within all of these."""
    ranges = (first, *others)
    least = [each.least for each in ranges if each.least is not None]
    most = [each.most for each in ranges if each.most is not None]
    return MeasuredRange(first.name, max(least, default=None), min(most, default=None))


def _with_status(query: ReportQuery, comparison: _Comparison) -> ReportQuery:
    status = _only(query.status, comparison)
    if status not in DIAGNOSTIC_REPORT_STATUSES:
        _refuse("expected a DiagnosticReport status", comparison.value_at)
    return replace(query, status=status)


def _with_delivery(query: ReportQuery, comparison: _Comparison) -> ReportQuery:
    state = _only(query.delivery, comparison)
    if state not in set(DeliveryState):
        _refuse(f"expected {', '.join(DeliveryState)}", comparison.value_at)
    return replace(query, delivery=state)


def _only(earlier: str | None, comparison: _Comparison) -> str:
    """Return the value of a field that is compared by `=`, once."""
    if comparison.operator != "=":
        _refuse(f"{comparison.name} is compared by = only", comparison.operator_at)
    if earlier is not None:
        _refuse(f"{comparison.name} may be given once", comparison.name_at)
    return comparison.value


def _time(
    name: Literal["effective", "issued"],
) -> Callable[[ReportQuery, _Comparison], ReportQuery]:
    """Make the reader of a time, ``effective`` or ``issued``."""

    def read(query: ReportQuery, comparison: _Comparison) -> ReportQuery:
        start, end = _time_range(comparison)
        bounds = {
            "=": (start, end),
            ">=": (start, None),
            ">": (end, None),
            "<": (None, start),
            "<=": (None, end),
        }
        if comparison.operator not in bounds:
            expected = f"{comparison.name} is compared by {', '.join(bounds)}"
            _refuse(expected, comparison.operator_at)
        return query.between(name, *bounds[comparison.operator])

    return read


def _time_range(comparison: _Comparison) -> tuple[datetime, datetime]:
    """Read a time as the half-open range it stands for: a day, or one microsecond."""
    is_date = _DATE.fullmatch(comparison.value) is not None
    if not (is_date or _INSTANT.fullmatch(comparison.value)):
        expected = "expected a date (2026-11-01) or a time with zone (2026-11-01T08:00:00Z)"
        _refuse(expected, comparison.value_at)
    try:
        read = datetime.fromisoformat(comparison.value.upper())
        start = read.replace(tzinfo=UTC) if is_date else read.astimezone(UTC)
        end = start + (timedelta(days=1) if is_date else timedelta(microseconds=1))
    except (ValueError, OverflowError):
        _refuse("expected a day and an hour that exist", comparison.value_at)
    return start, end


_FIELDS: dict[str, Callable[[ReportQuery, _Comparison], ReportQuery]] = {
    "patient": _text("patient"),
    "effective_time": _time("effective"),
    "issued_time": _time("issued"),
    "code": _text("code"),
    "conclusion_code": _text("conclusion_code"),
    "status": _with_status,
    "model": _text("model"),
    "model_version": _text("model_version"),
    "undetermined": _text("undetermined"),
    "signer": _text("signer"),
    "signer_code": _text("signer_code"),
    "disagrees": _with_disagrees,
    "reanalysed": _with_reanalysed,
    "delivery": _with_delivery,
    **dict.fromkeys((*MEASURED_NAMES, *_MEASURED_ALIASES), _with_measured),
}


def _skip(text: str, position: int) -> int:
    space = _SPACE.match(text, position)
    return position if space is None else space.end()


def _refuse(expected: str, position: int | None = None) -> NoReturn:
    where = "" if position is None else f" at position {position + 1}"
    msg = f"filter{where}: {expected}"
    raise InvalidRequest(msg, expression="filter")
