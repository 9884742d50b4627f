"""Dates and times as files write them."""

import re
from datetime import date, datetime, timedelta, timezone, tzinfo

_COMPACT = re.compile(
    r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(?:(\d\d)(?:\.(\d{1,6})\d*)?)?)?"
    r"(?:([+-])(\d\d)(\d\d))?",
    re.ASCII,
)
_DAYS_A_YEAR = 365.25
MAX_AGE_YEARS = 130.0


def compact_time(text: str | None) -> datetime | None:
    """Read ``YYYYMMDDHHMM[SS[.f]][+HHMM]`` of HL7 and DICOM; None when it is no such time.

    A date alone says no time of day, so it is no time either.
    """
    found = _COMPACT.fullmatch((text or "").strip())
    if found is None or found[4] is None:
        return None
    zone: tzinfo | None = None
    if found[8]:
        minutes = int(found[9]) * 60 + int(found[10])
        try:
            zone = timezone(timedelta(minutes=-minutes if found[8] == "-" else minutes))
        except ValueError:
            return None
    micros = int((found[7] or "0").ljust(6, "0"))
    try:
        return datetime(
            int(found[1]), int(found[2]), int(found[3]), int(found[4]), int(found[5]),
            int(found[6] or 0), micros, zone,
        )  # fmt: skip
    except ValueError:
        return None


def compact_date(text: str | None) -> date | None:
    """Read the date of ``YYYYMMDD…``; None when it is none."""
    digits = (text or "").strip()[:8]
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


def first_date(text: str | None, *formats: str) -> date | None:
    """Read a date in the first of `formats` (strptime) that fits."""
    found = first_time(text, *formats)
    return None if found is None else found.date()


def first_time(text: str | None, *formats: str) -> datetime | None:
    """Read a time in the first of `formats` (strptime) that fits; None when none does."""
    for each in formats:
        try:
            return datetime.strptime((text or "").strip(), each)  # noqa: DTZ007 (as stated)
        except ValueError:
            continue
    return None


def age_at(born: date | None, at: datetime | None) -> float | None:
    """Return the age in years at a time; None when unknown or impossible."""
    if born is None or at is None:
        return None
    return plausible_age((at.date() - born).days / _DAYS_A_YEAR)


def plausible_age(years: float | None) -> float | None:
    """Return an age between 0 and 130 years, else None."""
    return years if years is not None and 0 <= years <= MAX_AGE_YEARS else None
