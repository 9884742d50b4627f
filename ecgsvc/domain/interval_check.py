"""A second, independent measurement of the intervals, held against the first."""

from dataclasses import dataclass

from ecgsvc.domain.model_identity import ModelIdentity


@dataclass(frozen=True, slots=True)
class IntervalCheck:
    """One value measured twice.

    Parameters
    ----------
    name
        As in `Measurements` (``pr_ms``, ``qrs_ms``, ``qt_ms``, ``heart_rate_bpm``).
    measured
        On the waves; this is what the report states. None: could not be measured.
    estimate, scale
        The network's value and the scale of its Laplace distribution, same unit: half of
        its errors are below 0.69 scales where it knows itself well.
    bound
        Farthest that the two may be apart.
    """

    name: str
    measured: float | None
    estimate: float
    scale: float
    bound: float

    @property
    def disagrees(self) -> bool:
        """Whether the two are too far apart for both to be right."""
        return self.measured is not None and abs(self.measured - self.estimate) > self.bound


@dataclass(frozen=True, slots=True)
class IntervalCrossCheck:
    """What the second measurement says.

    `reason` tells why there is none; empty when there is one. Values are never averaged.
    """

    model: ModelIdentity
    checks: tuple[IntervalCheck, ...] = ()
    reason: str = ""

    @property
    def disagreements(self) -> tuple[IntervalCheck, ...]:
        """Those that are too far apart."""
        return tuple(check for check in self.checks if check.disagrees)
