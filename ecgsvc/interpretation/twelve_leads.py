"""What the criteria of a resting ECG are read from, and how their findings are made."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ecgsvc.domain.findings import BORDERLINE, Coding, Evidence, Finding, Urgency
from ecgsvc.domain.measurements import Measurements
from ecgsvc.domain.morphology import Deflection, LeadMorphology
from ecgsvc.domain.rhythm import RhythmClass
from ecgsvc.domain.waveform import Lead, Sex

MEASURED = "measurements"
SHAPE = "morphology"
QRS_WIDER_BY_MS = 18.0
"""Our QRS complex begins and ends where LUDB's cardiologists put it, over all leads, and is
wider than that of the programs which cut-offs were made with. PTB-XL's normal ECGs in folds
1-8 have medians of 113 ms (men) and 107 ms (women), at 500 as at 100 Hz: 21 ms above those
of 11,094 adults without heart disease by the Glasgow program (92 and 86 ms; ELSA-Brasil,
Arq Bras Cardiol 2017); their 95th percentile lies 16 ms above the upper limit of normal,
110 ms (AHA/ACCF/HRS 2009, part III). Between the two, by what readers found in these folds:
of 17 nonspecific delays it finds 8 among 45; 15 ms finds 7 among 64, 21 ms 5 among 32."""
ONSET_EARLIER_BY_MS = QRS_WIDER_BY_MS / 2
"""Half of it lies before the complex, where R peak times and QT begin, half behind."""
WIDE_QRS_FROM_MS = 120.0
BLOCK_LENGTHENS_QT = 0.485
PR_ERROR_MS, QRS_ERROR_MS, QT_ERROR_MS = 7.8, 9.3, 13.5
"""SD of our measurement's error against LUDB's cardiologists (docs/evaluation.md)."""


@dataclass(frozen=True, slots=True)
class TwelveLeads:
    """A resting ECG as criteria see it; any lead and any value may be missing.

    Parameters
    ----------
    measurements, shapes
        Of the whole recording, and of the median beat by lead.
    rhythm
        What all of it is, by the rhythm model or the P waves, if that is known.
    age_years, sex
        None: unknown.
    paced_share
        Share of the beats that follow a pacing spike; None: too few samples a second.
    """

    measurements: Measurements
    shapes: Mapping[Lead, LeadMorphology] = field(default_factory=dict)
    rhythm: RhythmClass | None = None
    age_years: float | None = None
    sex: Sex | None = None
    paced_share: float | None = None

    @property
    def qrs_ms(self) -> float | None:
        """QRS duration on the scale of published cut-offs."""
        own = self.measurements.qrs_ms
        return None if own is None else own - QRS_WIDER_BY_MS

    @property
    def qtc_ms(self) -> float | None:
        """QTc (Fridericia) on the scale of published cut-offs: from where their QRS begins.

        Of a wide complex, less 48.5 % of its duration, which is what a bundle branch block
        adds to QT (Bogossian et al. 2014, Heart Rhythm 11:2273).
        """
        m = self.measurements
        own, qt_ms, qrs_ms = m.qtc_fridericia_ms, m.qt_ms, self.qrs_ms
        if own is None or not qt_ms:
            return own
        less_ms = ONSET_EARLIER_BY_MS
        if qrs_ms is not None and qrs_ms >= WIDE_QRS_FROM_MS:
            less_ms += BLOCK_LENGTHENS_QT * qrs_ms
        return own * (1 - less_ms / qt_ms)

    def qrs_fact(self, limit: str) -> Evidence:
        """Cite the QRS duration, as measured and on the scale of cut-offs."""
        own, scaled = self.measurements.qrs_ms or 0.0, self.qrs_ms or 0.0
        text = f"QRS {own:.0f} ms, {scaled:.0f} ms on the scale of the cut-off, {limit}"
        return value_fact("qrs_ms", text)

    def shape(self, *leads: Lead) -> tuple[LeadMorphology, ...]:
        """Give the leads that are there, in the order asked for."""
        return tuple(self.shapes[lead] for lead in leads if lead in self.shapes)


def end_wave_ms(wave: Deflection) -> float:
    """Length of a wave that begins or ends the complex, on the scale of cut-offs."""
    return max(0.0, wave.ms - ONSET_EARLIER_BY_MS)


@dataclass(frozen=True, slots=True)
class Criterion:
    """How what a rule finds is named, coded and graded.

    Parameters
    ----------
    rule
        Its name in documents and tables.
    coding
        SNOMED CT.
    source
        Where the cut-offs are published.
    urgency, urgency_source
        How soon it should be seen, and who says so; None: no source.
    """

    rule: str
    coding: Coding
    source: str
    urgency: Urgency | None = None
    urgency_source: str = ""

    def finding(
        self, text: str, facts: Iterable[Evidence], reservations: tuple[str, ...] = ()
    ) -> Finding:
        """Make the finding; every fact without a source of its own gets the criterion's."""
        evidence = [
            fact
            if fact.source
            else Evidence(fact.path, fact.text, fact.samples, self.source)
            for fact in facts
        ]
        if self.urgency is not None and self.urgency_source:
            graded = f"{self.urgency.value}: {self.urgency_source}"
            last = evidence[-1]
            source = f"{last.source}; {graded}"
            evidence[-1] = Evidence(last.path, last.text, last.samples, source)
        return Finding(
            self.coding,
            text,
            tuple(evidence),
            self.urgency,
            rule=self.rule,
            reservations=reservations,
        )


def borderline(excess_ms: float, error_ms: float) -> tuple[str, ...]:
    """Reservation against a value that exceeds its cut-off by less than one SD."""
    return (BORDERLINE,) if excess_ms < error_ms else ()


def value_fact(name: str, text: str) -> Evidence:
    """Cite a global measurement by its field."""
    return Evidence(f"{MEASURED}.{name}", text)


def lead_fact(name: str, lead: Lead, text: str) -> Evidence:
    """Cite an amplitude that `Measurements` has by lead."""
    return Evidence(f"{MEASURED}.{name}.{lead}", text)


def shape_fact(lead: Lead, text: str) -> Evidence:
    """Cite the median beat of one lead."""
    return Evidence(f"{SHAPE}.{lead}", text)
