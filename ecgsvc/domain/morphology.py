"""The shape of the usual beat, lead by lead."""

from dataclasses import dataclass

from ecgsvc.domain.waveform import Lead


@dataclass(frozen=True, slots=True)
class Deflection:
    """One wave of a QRS complex: signed height over the isoelectric level, and length."""

    mv: float
    ms: float


@dataclass(frozen=True, slots=True)
class LeadMorphology:
    """QRS waves, ST segment and T wave of the median beat in one lead.

    Parameters
    ----------
    lead
        Its name.
    q, r, s, r2, s2
        Waves of the QRS complex in order; None: there is no such wave. A complex without
        any upward wave has none of the others either: it is `qs`.
    qs
        The whole complex where it only goes down.
    r_peak_ms
        From the onset of the QRS complex over all leads to the top of the last R wave (R',
        where there is one), the "R peak time"; None without an R wave.
    slur_ms
        From that onset until the lead moves half as fast as it ever does in the complex: a
        delta wave makes it long.
    st_j_mv
        Level at the J point, where the complex ends over all leads.
    """

    lead: Lead
    q: Deflection | None
    r: Deflection | None
    s: Deflection | None
    r2: Deflection | None
    s2: Deflection | None
    qs: Deflection | None
    r_peak_ms: float | None
    slur_ms: float | None
    st_j_mv: float

    @property
    def r_mv(self) -> float:
        """Height of the higher R wave; 0 without one."""
        return max((wave.mv for wave in (self.r, self.r2) if wave), default=0.0)

    @property
    def s_mv(self) -> float:
        """Depth of the deeper S wave, of a QS complex too, as a positive number."""
        down = (self.s, self.s2, self.qs)
        return max((-wave.mv for wave in down if wave), default=0.0)

    @property
    def peak_to_peak_mv(self) -> float:
        """Highest less lowest level of the complex."""
        depth = -self.q.mv if self.q else 0.0
        return self.r_mv + max(depth, self.s_mv)
