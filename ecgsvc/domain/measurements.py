"""What is measured on the waves; None is what could not be measured."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ecgsvc.domain.waveform import Lead


@dataclass(frozen=True, slots=True)
class Undetermined:
    """A value that could not be given, and why.

    `path` names it as the analysis document does (``measurements.pr_ms``); `reason` is a
    sentence without patient data.
    """

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Measurements:
    """Global measurements of a recording, units in the names."""

    heart_rate_bpm: float | None = None
    rr_ms: float | None = None
    p_ms: float | None = None
    pr_ms: float | None = None
    qrs_ms: float | None = None
    qt_ms: float | None = None
    qtc_fridericia_ms: float | None = None
    qtc_bazett_ms: float | None = None
    qtc_framingham_ms: float | None = None
    qtc_hodges_ms: float | None = None
    p_axis_deg: float | None = None
    qrs_axis_deg: float | None = None
    t_axis_deg: float | None = None
    r_amplitude_mv: Mapping[Lead, float | None] = field(default_factory=dict)
    t_amplitude_mv: Mapping[Lead, float | None] = field(default_factory=dict)
    st_j60_mv: Mapping[Lead, float | None] = field(default_factory=dict)


MEASURED_NAMES = (
    "heart_rate_bpm",
    "pr_ms",
    "qrs_ms",
    "qt_ms",
    "qtc_fridericia_ms",
    "qtc_bazett_ms",
    "qrs_axis_deg",
)
"""Values that reports are searched by, each with its index, and watched by."""
