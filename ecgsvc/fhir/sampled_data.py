"""SampledData to millivolts.

value = ``origin.value`` + ``factor`` x sample, in the unit of ``origin``. The numbers are
divided by the unit's size as the last step, so that 1234 uV is the double nearest to 1.234.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np

from ecgsvc.domain.errors import (
    InvalidElement,
    MissingElement,
    UnanalysableSignal,
    UnsupportedContent,
)
from ecgsvc.domain.report import FhirVersion
from ecgsvc.domain.waveform import Millivolts
from ecgsvc.fhir.codes import UCUM
from ecgsvc.fhir.json_body import Element
from ecgsvc.fhir.primitives import MAX_STRING
from ecgsvc.fhir.problems import Problems

_Unit: TypeAlias = tuple[float, float]
UNITS: Mapping[str, _Unit] = {
    "nV": (1.0, 1e6), "uV": (1.0, 1e3), "mV": (1.0, 1.0), "V": (1e3, 1.0),
}  # fmt: skip
"""Millivolts are number x first / second; both exact, so only one operation rounds."""
_UNIT_SPELLINGS: Mapping[str, str] = {
    "nV": "nV", "uV": "uV", "\u00b5V": "uV", "\u03bcV": "uV", "mV": "mV", "V": "V",
}  # fmt: skip
MILLISECONDS: Mapping[str, float] = {"us": 1e-3, "ms": 1.0, "s": 1e3}

MIN_PERIOD_MS = 0.5
MAX_PERIOD_MS = 10.0
MAX_MILLIVOLTS = 20.0
STANDARD_12 = 12


class SampleParser(Protocol):
    """Turns ``SampledData.data`` into numbers: `ecgsvc.dsp.parse_sampled_data`."""

    def __call__(
        self,
        data: str,
        *,
        origin: float,
        factor: float,
    ) -> Millivolts:
        """Return a new array of origin + factor x sample, NaN for E, L and U.

        Raises
        ------
        ValueError
            That is also a `BadSample`.
        """
        ...


@runtime_checkable
class BadSample(Protocol):
    """What a `SampleParser`'s ValueError says: which sample, where, what was expected."""

    sample_index: int
    byte_offset: int
    reason: str


@dataclass(frozen=True, slots=True)
class SampledDataForm:
    """How SampledData is read.

    Parameters
    ----------
    version
        Of FHIR: R5 has an interval in place of the period.
    parse
        `ecgsvc.dsp.parse_sampled_data`.
    unitless_origin
        Unit of origins that state none; such an origin is the zero of the sender's
        converter, so that a value is factor x (sample - origin). None: refused.
    """

    version: FhirVersion
    parse: SampleParser
    unitless_origin: str | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """The samples of one lead and the sampling period; where they stand in the body.

    `step_uv` is what a digital step is worth; None where the samples are no whole numbers.
    """

    samples_mv: Millivolts
    period_ms: float
    path: str
    step_uv: float | None


def read_series(
    element: Element, form: SampledDataForm, problems: Problems, *, n_components: int
) -> Series | None:
    """Read one SampledData, or return None after noting what is wrong."""
    is_converter_zero = form.unitless_origin is not None and _is_unitless(element)
    unit = (
        UNITS[form.unitless_origin or ""] if is_converter_zero else _unit(element, problems)
    )
    period_ms = _period_ms(element, form.version, problems)
    factor = _factor(element, problems)
    _check_limits(element, problems)
    _check_dimensions(element, n_components, problems)
    origin = element.object("origin")
    zero = origin.number("value") if origin is not None else None
    data = element.text("data")
    if not element.has("data"):
        msg = "the samples are required"
        problems.add(MissingElement(msg, expression=f"{element.path}.data"))
    if data is None or unit is None or zero is None or factor is None:
        return None
    if is_converter_zero:
        msg = f"the origin has no unit: read as converter zero, {form.unitless_origin}"
        problems.warn(msg, f"{element.path}.origin")
        zero = -factor * zero
    samples_mv = _parse(element, data, zero, factor, form.parse, problems)
    if samples_mv is None:
        return None
    with np.errstate(over="ignore"):  # infinity is beyond the range checked next
        samples_mv *= unit[0]
        samples_mv /= unit[1]
    if not _within_range(samples_mv, element, problems) or period_ms is None:
        return None
    step_uv = None if "." in data else abs(factor) * unit[0] / unit[1] * 1e3
    return Series(samples_mv, period_ms, element.path, step_uv)


def _is_unitless(element: Element) -> bool:
    origin = element.object("origin")
    return (
        origin is not None
        and origin.has("value")
        and not any(origin.has(name) for name in ("code", "unit", "comparator"))
    )


def _unit(element: Element, problems: Problems) -> _Unit | None:
    origin = element.object("origin")
    if origin is None:
        return None  # reported as required, or as no object
    if not origin.has("value"):
        msg = "the value that a sample of 0 stands for is required"
        problems.add(MissingElement(msg, expression=f"{origin.path}.value"))
    if origin.has("comparator"):
        msg = "an origin is exact: expected no comparator"
        problems.add(InvalidElement(msg, expression=f"{origin.path}.comparator"))
    code, unit = origin.text("code"), origin.text("unit")
    if code is None and unit is None:
        msg = (
            "the origin has no unit, so the samples have none: an ADC zero given as origin "
            "does not say how many microvolts a step is; state uV, mV, nV or V"
        )
        problems.add(MissingElement(msg, expression=f"{origin.path}.code"))
        return None
    if code is not None and origin.text("system") not in (None, UCUM):
        msg = f"expected a unit of {UCUM}"
        problems.add(UnsupportedContent(msg, expression=f"{origin.path}.system"))
        return None
    name = code if code is not None else _UNIT_SPELLINGS.get(unit or "", "")
    found = UNITS.get(name)
    if found is None:
        where = "unit" if code is None else "code"
        msg = "expected a voltage in uV, mV, nV or V"
        problems.add(UnsupportedContent(msg, expression=f"{origin.path}.{where}"))
    elif _UNIT_SPELLINGS.get(unit or "", name) != name:
        msg = "the unit and its code contradict each other"
        problems.add(InvalidElement(msg, expression=f"{origin.path}.unit"))
    return found


def _period_ms(element: Element, version: FhirVersion, problems: Problems) -> float | None:
    name = "interval" if version == "5.0.0" else "period"
    period_ms = element.number(name)
    path = f"{element.path}.{name}"
    if version == "5.0.0" and period_ms is not None:
        unit = element.text("intervalUnit")
        if unit is not None and unit not in MILLISECONDS:
            msg = "expected an interval in us, ms or s"
            where = f"{element.path}.intervalUnit"
            problems.add(UnsupportedContent(msg, expression=where))
            return None
        period_ms *= MILLISECONDS[unit or "ms"]
    if not element.has(name):
        if version == "5.0.0":  # 0..1 in R5, so the structure does not demand it
            problems.add(
                MissingElement("the sampling interval is required", expression=path)
            )
        return None
    if period_ms is None:
        return None
    if not MIN_PERIOD_MS <= period_ms <= MAX_PERIOD_MS:
        msg = f"expected {MIN_PERIOD_MS} to {MAX_PERIOD_MS:.0f} ms between samples"
        problems.add(InvalidElement(msg, expression=path))
        return None
    return period_ms


def _factor(element: Element, problems: Problems) -> float | None:
    if not element.has("factor"):
        return 1.0
    factor = element.number("factor")
    if factor == 0:
        msg = "a factor of 0 would make every sample the same"
        problems.add(InvalidElement(msg, expression=f"{element.path}.factor"))
        return None
    return factor if factor is not None and np.isfinite(factor) else None


def _check_limits(element: Element, problems: Problems) -> None:
    """Limits take part in no value: a sample beyond them is missing, whatever they are."""
    lower, upper = element.number("lowerLimit"), element.number("upperLimit")
    if lower is not None and upper is not None and not lower < upper:
        msg = "expected a lower limit below the upper one"
        problems.add(InvalidElement(msg, expression=f"{element.path}.lowerLimit"))


def _check_dimensions(element: Element, n_components: int, problems: Problems) -> None:
    dimensions = element.json.get("dimensions")
    if not isinstance(dimensions, int) or dimensions == 1:
        return
    path = f"{element.path}.dimensions"
    if dimensions == STANDARD_12 and n_components > 1:
        problems.warn("12 dimensions stated for one lead: read as 1", path)
    else:
        msg = "expected 1 dimension: one component a lead, not interleaved"
        problems.add(UnsupportedContent(msg, expression=path))


def _parse(
    element: Element,
    data: str,
    zero: float,
    factor: float,
    parse: SampleParser,
    problems: Problems,
) -> Millivolts | None:
    if len(data) > MAX_STRING or not np.isfinite(zero):
        return None  # reported by the check of primitives
    path = f"{element.path}.data"
    try:
        return parse(data, origin=zero, factor=factor)
    except ValueError as error:
        if not isinstance(error, BadSample):
            raise
        msg = f"sample {error.sample_index}: {error.reason}"
        problems.add(InvalidElement(msg, expression=path))
        return None


def _within_range(samples_mv: Millivolts, element: Element, problems: Problems) -> bool:
    highest, lowest = np.fmax.reduce(samples_mv), np.fmin.reduce(samples_mv)
    if not (highest > MAX_MILLIVOLTS or lowest < -MAX_MILLIVOLTS):  # NaN: all are missing
        return True
    index = int((np.abs(samples_mv) > MAX_MILLIVOLTS).argmax())
    msg = f"sample {index} is beyond {MAX_MILLIVOLTS:.0f} mV: check origin, factor and unit"
    problems.add(InvalidElement(msg, expression=f"{element.path}.data"))
    return False


def sampling_rate_hz(period_ms: float) -> float:
    """Return the rate of a period.

    A period is a rounded decimal (2.7777777777777777 ms at 360 Hz): a rate within one
    millionth of a whole number is that number.
    """
    rate = 1000.0 / period_ms
    return float(round(rate)) if abs(rate - round(rate)) <= 1e-6 * rate else rate


def check_signal(
    samples_mv: Millivolts,
    rate_hz: float,
    min_duration_s: float,
    path: str,
    problems: Problems,
) -> None:
    """Refuse what no analysis can rest on: too short, or no sample at all."""
    n_samples = samples_mv.shape[1]
    if n_samples < min_duration_s * rate_hz:
        msg = f"expected at least {min_duration_s:g} s of signal"
        problems.add(UnanalysableSignal(msg, expression=path))
    elif np.isnan(samples_mv).all():
        msg = "every sample of every lead is missing"
        problems.add(UnanalysableSignal(msg, expression=path))
