"""The samples of an electrocardiogram, in millivolts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.recording_header import RecordingHeader

Lead: TypeAlias = str
"""Name of a lead; the 12 standard ones are spelled as in `STANDARD_LEADS`."""

Millivolts: TypeAlias = NDArray[np.float64]
SampleIndices: TypeAlias = NDArray[np.int64]

STANDARD_LEADS: tuple[Lead, ...] = (
    "I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6",
)  # fmt: skip

Sex: TypeAlias = Literal["female", "male"]


@dataclass(frozen=True, slots=True, eq=False)
class Waveform:
    """Samples of 1 to 16 leads, checked once and then trusted.

    Parameters
    ----------
    samples_mv
        Shape (n_leads, n_samples), millivolts, NaN where the device reported no value.
        Kept C-contiguous; the array given is frozen, which makes it safe to read without
        the GIL.
    sampling_rate_hz
        Samples per second, the same for all leads.
    leads
        One distinct name a row.
    """

    samples_mv: Millivolts
    sampling_rate_hz: float
    leads: tuple[Lead, ...]

    def __post_init__(self) -> None:
        """Check the shape, then freeze the samples."""
        samples = np.ascontiguousarray(self.samples_mv, dtype=np.float64)
        if samples.ndim != 2 or samples.shape[0] != len(self.leads):
            msg = f"expected {len(self.leads)} rows of samples, got shape {samples.shape}"
            raise ValueError(msg)
        if len(set(self.leads)) != len(self.leads):
            msg = "lead names must be distinct"
            raise ValueError(msg)
        if not (np.isfinite(self.sampling_rate_hz) and self.sampling_rate_hz > 0):
            msg = "the sampling rate must be a positive number"
            raise ValueError(msg)
        samples.flags.writeable = False
        object.__setattr__(self, "samples_mv", samples)

    @property
    def n_leads(self) -> int:
        """Number of leads."""
        return len(self.leads)

    @property
    def n_samples(self) -> int:
        """Number of samples a lead."""
        return int(self.samples_mv.shape[1])

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.n_samples / self.sampling_rate_hz

    def lead_mv(self, lead: Lead) -> Millivolts:
        """Samples of one lead, shape (n_samples,); `KeyError` when it is not there."""
        try:
            row: Millivolts = self.samples_mv[self.leads.index(lead)]
        except ValueError:
            raise KeyError(lead) from None
        return row

    def select(self, leads: Sequence[Lead]) -> "Waveform":
        """The same recording with these leads only, in this order."""
        if tuple(leads) == self.leads:
            return self
        rows = [self.leads.index(lead) for lead in leads]
        return Waveform(self.samples_mv[rows], self.sampling_rate_hz, tuple(leads))


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """A waveform, what it is called, and what is known of the patient (None: unknown)."""

    name: str
    waveform: Waveform
    age_years: float | None = None
    sex: Sex | None = None
    header: RecordingHeader = field(default_factory=RecordingHeader)


def distinct_names(names: Sequence[str]) -> tuple[Lead, ...]:
    """Make lead names distinct: the second "ECG" becomes "ECG#2", the third "ECG#3"."""
    seen: dict[str, int] = {}
    out: list[str] = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        out.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return tuple(out)
