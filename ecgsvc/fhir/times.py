"""FHIR dates and times: partial, with or without a zone."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from ecgsvc.domain.errors import InvalidElement, MissingElement, UnsupportedContent
from ecgsvc.fhir.json_body import Element
from ecgsvc.fhir.problems import Problems

_WITHOUT_ZONE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?", re.ASCII)
_HAS_TIME = re.compile(r"T\d\d:\d\d")
ZONE_ASSUMED = "the time has no zone, the configured one is used"
"""The warning of `state_zones`."""
_CHOICES = ("effectiveDateTime", "effectiveInstant", "effectivePeriod", "effectiveTiming")


def state_zones(observation: Element, zone: tzinfo, problems: Problems) -> None:
    """Write `zone` into effective times that state none, and warn.

    FHIR forbids a time without a zone, but carts send them; what the report carries over
    must be valid, so the zone is added before anything else reads the resource.
    """
    holders = [(observation, "effectiveDateTime", "effective.ofType(dateTime)")]
    period = observation.object("effectivePeriod", "effective.ofType(Period)")
    if period is not None:
        holders += [(period, "start", "start"), (period, "end", "end")]
    for holder, name, step in holders:
        text = holder.text(name)
        if text is None or not _WITHOUT_ZONE.fullmatch(text):
            continue
        try:
            stated = datetime.fromisoformat(text).replace(tzinfo=zone).isoformat()
        except (ValueError, OverflowError):
            continue  # no such time: the check of primitives says so
        holder.json[name] = stated
        problems.warn(ZONE_ASSUMED, f"{holder.path}.{step}")


def effective_start(
    observation: Element, zone: tzinfo, problems: Problems
) -> datetime | None:
    """Return the start of ``effective[x]`` in UTC, or None after noting what is wrong.

    Dates and partial dates stand for their first moment in `zone`, with a warning.
    """
    path = f"{observation.path}.effective"
    given = [name for name in _CHOICES if observation.has(name)]
    if not given:
        problems.add(MissingElement("the time of the ECG is required", expression=path))
        return None
    if given[0] == "effectiveTiming":
        msg = "expected a dateTime, an instant or a Period"
        where = f"{path}.ofType(Timing)"
        problems.add(UnsupportedContent(msg, expression=where))
        return None
    if given[0] == "effectivePeriod":
        period = observation.object("effectivePeriod", "effective.ofType(Period)")
        return None if period is None else _period_start(period, zone, problems)
    kind = "instant" if given[0] == "effectiveInstant" else "dateTime"
    return _moment(observation, given[0], f"effective.ofType({kind})", zone, problems)


def _period_start(period: Element, zone: tzinfo, problems: Problems) -> datetime | None:
    if not period.has("start"):
        msg = "the start of the ECG is required"
        problems.add(MissingElement(msg, expression=f"{period.path}.start"))
        return None
    start = _moment(period, "start", "start", zone, problems)
    if start is not None and period.text("end"):
        end = _moment(period, "end", "end", zone, problems)
        if end is not None and end < start and _HAS_TIME.search(period.text("end") or ""):
            problems.add(
                InvalidElement(
                    "expected an end after the start (per-1)", expression=period.path
                )
            )
    return start


def _moment(
    holder: Element, name: str, step: str, zone: tzinfo, problems: Problems
) -> datetime | None:
    text = holder.text(name)
    if text is None:
        if holder.json.get(name) is None:
            msg = "the time of the ECG is required"
            problems.add(MissingElement(msg, expression=f"{holder.path}.{step}"))
        return None
    moment = first_moment(text, zone)
    if moment is None:
        problems.add(
            InvalidElement(
                "expected a time between the years 1 and 9999",
                expression=f"{holder.path}.{step}",
            )
        )
    elif not _HAS_TIME.search(text):
        problems.warn(
            "a date without a time: its first moment in the configured zone is used",
            f"{holder.path}.{step}",
        )
    return moment


def first_moment(text: str, zone: tzinfo) -> datetime | None:
    """Return the first moment of a FHIR dateTime in UTC, or None when there is none.

    A leap second counts as the first second after it.
    """
    leap = ":60" in text[16:20]
    if leap:
        text = text[:17] + "59" + text[19:]
    full = (
        text
        if "T" in text
        else f"{text}-01-01"[:10]
        if len(text) < 7
        else f"{text}-01"[:10]
    )
    try:
        moment = datetime.fromisoformat(full)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        return moment.astimezone(UTC) + timedelta(seconds=leap)
    except (ValueError, OverflowError):
        return None


@dataclass(frozen=True, slots=True)
class BirthDate:
    """The middle of what a birth date leaves open, and whether it left anything open."""

    day: date
    is_partial: bool


def birth_date(text: str) -> BirthDate | None:
    """Read a FHIR date; a year stands for its middle, a month for its 15th."""
    try:
        if len(text) == 4:
            return BirthDate(date(int(text), 7, 2), is_partial=True)
        if len(text) == 7:
            return BirthDate(date(int(text[:4]), int(text[5:]), 15), is_partial=True)
        return BirthDate(date.fromisoformat(text), is_partial=False)
    except ValueError:
        return None
