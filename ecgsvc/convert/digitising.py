"""Millivolts back to whole numbers, for formats that store those."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.errors import UnsupportedContent
from ecgsvc.domain.waveform import Lead, Recording

DEFAULT_STEP_UV = 1.0
INT16_MAX = 32767


@dataclass(frozen=True, slots=True, eq=False)
class DigitalSamples:
    """Whole numbers of `step_uv`, shape (n_leads, n_samples); 0 where `missing`."""

    steps: NDArray[np.int64]
    missing: NDArray[np.bool_]
    step_uv: float

    @property
    def fits_16_bits(self) -> bool:
        """Whether every sample is within -32767 … 32767."""
        return bool(np.abs(self.steps).max(initial=0) <= INT16_MAX)


def digitise(recording: Recording) -> DigitalSamples:
    """Round to the recording's own digital step, 1 uV when that is not known."""
    step_uv = recording.header.step_uv or DEFAULT_STEP_UV
    scaled = recording.waveform.samples_mv * (1e3 / step_uv)
    missing = np.isnan(scaled)
    steps = np.rint(np.where(missing, 0.0, scaled)).astype(np.int64)
    return DigitalSamples(steps, missing, step_uv)


def refuse_missing(digital: DigitalSamples, leads: tuple[Lead, ...], form: str) -> None:
    """Refuse to write missing samples where a format knows none.

    Raises
    ------
    UnsupportedContent
        A sample is missing; filling it in would invent signal.
    """
    if digital.missing.any():
        row, column = divmod(int(digital.missing.argmax()), digital.missing.shape[1])
        msg = (
            f"sample {column} of lead {leads[row]} is missing, and {form} has no way to "
            "say so: cut the recording before or after it"
        )
        raise UnsupportedContent(msg)
