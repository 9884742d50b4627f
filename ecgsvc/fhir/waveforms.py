"""The components of an ECG Observation to one waveform."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ecgsvc.domain.errors import (
    InvalidElement,
    MissingElement,
    TooLarge,
    UnsupportedContent,
)
from ecgsvc.domain.waveform import Lead, Waveform
from ecgsvc.fhir.json_body import Element
from ecgsvc.fhir.leads import LeadName, distinct_leads, read_lead
from ecgsvc.fhir.problems import Problems
from ecgsvc.fhir.sampled_data import (
    SampledDataForm,
    Series,
    check_signal,
    read_series,
    sampling_rate_hz,
)

_SAMPLED = "value.ofType(SampledData)"


@dataclass(frozen=True, slots=True)
class _NamedSeries:
    """A lead; without samples when its component gives only a dataAbsentReason."""

    name: LeadName
    series: Series | None
    path: str


def read_waveform(
    observation: Element,
    form: SampledDataForm,
    problems: Problems,
    *,
    max_leads: int,
    min_duration_s: float,
) -> tuple[Waveform | None, Mapping[Lead, str], float | None]:
    """Read the leads; None after noting what is wrong.

    Returns
    -------
    waveform
        A lead without samples is a row of missing values.
    paths
        FHIRPath of each lead's samples.
    step_uv
        The smallest digital step of the leads; None where it is not known.

    Raises
    ------
    RefusedContent
        Lengths or periods differ, so that no waveform can be made.
    """
    leads = _read_leads(observation, form, max_leads, problems)
    return _assemble(leads, observation.path, min_duration_s, problems)


def _read_leads(
    observation: Element, form: SampledDataForm, max_leads: int, problems: Problems
) -> list[_NamedSeries]:
    components = observation.objects("component")
    if len(components) > max_leads:
        msg = f"expected at most {max_leads} components, one a lead"
        problems.add(TooLarge(msg, expression=f"{observation.path}.component"))
        return []
    single = observation.object("valueSampledData", _SAMPLED)
    if single is None:
        if not components:
            msg = "expected samples: a component with valueSampledData for each lead"
            problems.add(MissingElement(msg, expression=f"{observation.path}.component"))
        found = [_component(c, form, len(components), problems) for c in components]
        return [lead for lead in found if lead is not None]
    if components:
        msg = "expected samples in the components or in the Observation, not in both"
        problems.add(UnsupportedContent(msg, expression=single.path))
        return []
    code = observation.object("code")
    name = read_lead(code, problems, default="ECG") if code is not None else None
    series = read_series(single, form, problems, n_components=1)
    return [_NamedSeries(name, series, single.path)] if name and series else []


def _component(
    component: Element, form: SampledDataForm, count: int, problems: Problems
) -> _NamedSeries | None:
    code = component.object("code")
    name = read_lead(code, problems) if code is not None else None
    sampled = component.object("valueSampledData", _SAMPLED)
    if sampled is None:
        if component.has("valueSampledData"):
            return None  # of a wrong type, reported
        if any(key.startswith("value") for key in component.json):
            msg = "expected valueSampledData: one component a lead"
            where = f"{component.path}.value"
            problems.add(UnsupportedContent(msg, expression=where))
            return None
        if not component.has("dataAbsentReason"):
            msg = "expected valueSampledData, or a dataAbsentReason"
            problems.add(MissingElement(msg, expression=f"{component.path}.value"))
            return None
        problems.warn("the lead has no samples", component.path)
        return _NamedSeries(name, None, component.path) if name else None
    series = read_series(sampled, form, problems, n_components=count)
    return _NamedSeries(name, series, sampled.path) if name and series else None


def _assemble(
    leads: Sequence[_NamedSeries], path: str, min_duration_s: float, problems: Problems
) -> tuple[Waveform | None, Mapping[Lead, str], float | None]:
    """Stack the leads; those without samples become rows of missing values."""
    names = distinct_leads([lead.name for lead in leads], problems)
    with_samples = [lead.series for lead in leads if lead.series is not None]
    if not with_samples:
        if leads:
            msg = "expected samples in at least one lead"
            problems.add(MissingElement(msg, expression=f"{path}.component"))
        return None, {}, None
    first = with_samples[0]
    rate_hz = sampling_rate_hz(first.period_ms)
    n_samples = len(first.samples_mv)
    for series in with_samples[1:]:
        if len(series.samples_mv) != n_samples:
            msg = f"expected {n_samples} samples as in the first lead, found "
            msg += str(len(series.samples_mv))
            problems.add(InvalidElement(msg, expression=f"{series.path}.data"))
        elif sampling_rate_hz(series.period_ms) != rate_hz:
            msg = "expected the sampling period of the first lead"
            problems.add(InvalidElement(msg, expression=series.path))
    problems.raise_if_any()
    missing = np.full(n_samples, np.nan)
    samples_mv = np.stack(
        [lead.series.samples_mv if lead.series is not None else missing for lead in leads]
    )
    check_signal(samples_mv, rate_hz, min_duration_s, f"{first.path}.data", problems)
    paths = {name: lead.path for name, lead in zip(names, leads, strict=True)}
    steps = [s.step_uv for s in with_samples if s.step_uv is not None]
    step_uv = min(steps) if len(steps) == len(with_samples) else None
    return Waveform(samples_mv, rate_hz, names), paths, step_uv
