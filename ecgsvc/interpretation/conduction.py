"""Axis, AV conduction, ventricular conduction, pre-excitation and pacing.

Cut-offs of the AHA/ACCF/HRS recommendations of 2009, part III (adults). What they need and
the recording does not give supports no finding.
"""

from collections.abc import Iterator

from ecgsvc.domain.findings import Evidence, Finding, Urgency
from ecgsvc.domain.morphology import LeadMorphology
from ecgsvc.domain.rhythm import RhythmClass
from ecgsvc.domain.waveform import Lead
from ecgsvc.interpretation import codes
from ecgsvc.interpretation.twelve_leads import (
    ONSET_EARLIER_BY_MS,
    PR_ERROR_MS,
    QRS_ERROR_MS,
    WIDE_QRS_FROM_MS,
    Criterion,
    TwelveLeads,
    borderline,
    end_wave_ms,
    shape_fact,
    value_fact,
)

CONDUCTION_SOURCE = "2009 AHA/ACCF/HRS part III, doi 10.1161/CIRCULATIONAHA.108.191095"
BLOCK_SOURCE = "2018 ACC/AHA/HRS guideline on bradycardia, doi 10.1161/CIR.0000000000000628"
SVT_SOURCE = "2015 ACC/AHA/HRS guideline on SVT, doi 10.1161/CIR.0000000000000311"
LEFT_AXIS_BELOW_DEG = -30.0
RIGHT_AXIS_ABOVE_DEG = 90.0
LONG_PR_ABOVE_MS = 200.0
SHORT_PR_BELOW_MS = 120.0
INCOMPLETE_QRS_FROM_MS = 110.0
R_PEAK_TIME_ABOVE_MS = 60.0
"""In V5 or V6, of left bundle branch block."""
DOMINANT_R_PEAK_ABOVE_MS = 50.0
"""In V1, of right bundle branch block without an S wave there."""
WIDE_S_ABOVE_MS = 40.0
AVL_R_PEAK_FROM_MS = 45.0
SLUR_FROM_MS = 20.0
"""Our reading of "slurring of the initial QRS": later than this the fastest lead still
moves less than half as fast as it will. The recommendations give no number."""
MOST_PACED = 0.5

_LEFT = Criterion("left-axis", codes.LEFT_AXIS, CONDUCTION_SOURCE)
_RIGHT = Criterion("right-axis", codes.RIGHT_AXIS, CONDUCTION_SOURCE)
_EXTREME = Criterion("extreme-axis", codes.ABNORMAL_ECG, CONDUCTION_SOURCE)
_AV_BLOCK = Criterion(
    "first-degree-av-block", codes.FIRST_DEGREE_AV_BLOCK, CONDUCTION_SOURCE,
    Urgency.ROUTINE, BLOCK_SOURCE,
)  # fmt: skip
_LONG_PR = Criterion(
    "prolonged-pr", codes.PROLONGED_PR, CONDUCTION_SOURCE, Urgency.ROUTINE, BLOCK_SOURCE
)
_PREEXCITATION = Criterion(
    "preexcitation", codes.PREEXCITATION, CONDUCTION_SOURCE, Urgency.ROUTINE, SVT_SOURCE
)
_LBBB = Criterion("lbbb", codes.LBBB, CONDUCTION_SOURCE, Urgency.ROUTINE, BLOCK_SOURCE)
_RBBB = Criterion("rbbb", codes.RBBB, CONDUCTION_SOURCE, Urgency.ROUTINE, BLOCK_SOURCE)
_IRBBB = Criterion("incomplete-rbbb", codes.INCOMPLETE_RBBB, CONDUCTION_SOURCE)
_ILBBB = Criterion("incomplete-lbbb", codes.INCOMPLETE_LBBB, CONDUCTION_SOURCE)
_IVCD = Criterion("ivcd", codes.IVCD, CONDUCTION_SOURCE)
_LAFB = Criterion("lafb", codes.LEFT_ANTERIOR, CONDUCTION_SOURCE)
_LPFB = Criterion("lpfb", codes.LEFT_POSTERIOR, CONDUCTION_SOURCE)
_PACING = Criterion("pacing", codes.PACING, "pacing spikes in the signal")


def conduction(ecg: TwelveLeads) -> tuple[Finding, ...]:
    """Axis, PR, QRS and pacing; a paced complex has no bundle branch block to find."""
    if is_paced(ecg):
        return (*_pacing(ecg), *_axis(ecg))
    preexcited = tuple(_preexcitation(ecg))
    blocks = () if preexcited else tuple(_ventricular(ecg))
    return (*_axis(ecg), *_av(ecg), *preexcited, *blocks)


def is_paced(ecg: TwelveLeads) -> bool:
    """Whether most beats follow a pacing spike."""
    return ecg.paced_share is not None and ecg.paced_share >= MOST_PACED


def _pacing(ecg: TwelveLeads) -> Iterator[Finding]:
    share = ecg.paced_share or 0.0
    fact = Evidence(
        "paced_share", f"spikes before {share:.0%} of the beats, at least {MOST_PACED:.0%}"
    )
    yield _PACING.finding("Paced rhythm", (fact,))


def _axis(ecg: TwelveLeads) -> Iterator[Finding]:
    axis = ecg.measurements.qrs_axis_deg
    if axis is None or LEFT_AXIS_BELOW_DEG <= axis <= RIGHT_AXIS_ABOVE_DEG:
        return
    if axis < -90:
        fact = value_fact("qrs_axis_deg", f"QRS axis {axis:.0f}°, between -180° and -90°")
        yield _EXTREME.finding(f"Extreme QRS axis, {axis:.0f}°", (fact,))
    elif axis < LEFT_AXIS_BELOW_DEG:
        fact = value_fact("qrs_axis_deg", f"QRS axis {axis:.0f}°, below -30°")
        yield _LEFT.finding(f"Left axis deviation, {axis:.0f}°", (fact,))
    else:
        fact = value_fact("qrs_axis_deg", f"QRS axis {axis:.0f}°, above 90°")
        yield _RIGHT.finding(f"Right axis deviation, {axis:.0f}°", (fact,))


def _av(ecg: TwelveLeads) -> Iterator[Finding]:
    """Find a long PR interval; in sinus rhythm, where every P is conducted, a block."""
    pr_ms = ecg.measurements.pr_ms
    if pr_ms is None or pr_ms <= LONG_PR_ABOVE_MS or ecg.rhythm is RhythmClass.AF:
        return
    fact = value_fact("pr_ms", f"PR {pr_ms:.0f} ms, above {LONG_PR_ABOVE_MS:.0f} ms")
    near = borderline(pr_ms - LONG_PR_ABOVE_MS, PR_ERROR_MS)
    if ecg.rhythm is RhythmClass.NORMAL:
        name = "Borderline first-degree AV block" if near else "First-degree AV block"
        yield _AV_BLOCK.finding(f"{name}, PR {pr_ms:.0f} ms", (fact,), near)
    else:
        name = "Borderline PR interval" if near else "Prolonged PR interval"
        yield _LONG_PR.finding(f"{name}, {pr_ms:.0f} ms", (fact,), near)


def _preexcitation(ecg: TwelveLeads) -> Iterator[Finding]:
    pr_ms, qrs_ms = ecg.measurements.pr_ms, ecg.qrs_ms
    if pr_ms is None or qrs_ms is None or ecg.rhythm is RhythmClass.AF:
        return
    slurs = [shape.slur_ms for shape in ecg.shapes.values() if shape.slur_ms is not None]
    if (
        pr_ms >= SHORT_PR_BELOW_MS
        or qrs_ms <= WIDE_QRS_FROM_MS
        or not slurs
        or min(slurs) < SLUR_FROM_MS
    ):
        return
    yield _PREEXCITATION.finding(
        f"Possible pre-excitation, PR {pr_ms:.0f} ms",
        (
            value_fact("pr_ms", f"PR {pr_ms:.0f} ms, below {SHORT_PR_BELOW_MS:.0f} ms"),
            ecg.qrs_fact(f"above {WIDE_QRS_FROM_MS:.0f} ms"),
            Evidence(
                "morphology",
                f"slow beginning of {min(slurs):.0f} ms in all leads, "
                f"at least {SLUR_FROM_MS:.0f} ms",
            ),
        ),
    )


def _ventricular(ecg: TwelveLeads) -> Iterator[Finding]:
    """Bundle branch and fascicular blocks; what is wide and neither is nonspecific."""
    qrs_ms, own_ms = ecg.qrs_ms, ecg.measurements.qrs_ms
    if qrs_ms is None:
        return
    wide = qrs_ms >= WIDE_QRS_FROM_MS
    limit = WIDE_QRS_FROM_MS if wide else INCOMPLETE_QRS_FROM_MS
    width = ecg.qrs_fact(f"at least {limit:.0f} ms")
    right, left = right_bundle_facts(ecg), left_bundle_facts(ecg)
    if qrs_ms >= INCOMPLETE_QRS_FROM_MS and right:
        kind = _RBBB if wide else _IRBBB
        name = f"{'R' if wide else 'Incomplete r'}ight bundle branch block"
        yield kind.finding(f"{name}, QRS {own_ms:.0f} ms", (width, *right))
        yield from _fascicles(ecg, check_width=False)
    elif qrs_ms >= INCOMPLETE_QRS_FROM_MS and left:
        kind = _LBBB if wide else _ILBBB
        name = f"{'L' if wide else 'Incomplete l'}eft bundle branch block"
        yield kind.finding(f"{name}, QRS {own_ms:.0f} ms", (width, *left))
    elif qrs_ms > INCOMPLETE_QRS_FROM_MS and has_leads(ecg, "V1", "V6", "I"):
        fact = ecg.qrs_fact(f"above {INCOMPLETE_QRS_FROM_MS:.0f} ms")
        near = borderline(qrs_ms - INCOMPLETE_QRS_FROM_MS, QRS_ERROR_MS)
        fascicles = tuple(_fascicles(ecg, check_width=True))
        if not fascicles:  # which widens QRS by itself, to less than 120 ms
            name = f"{'Borderline n' if near else 'N'}onspecific intraventricular"
            text = f"{name} conduction delay, QRS {own_ms:.0f} ms"
            yield _IVCD.finding(text, (fact, _neither(ecg)), near)
        yield from fascicles
    else:
        yield from _fascicles(ecg, check_width=True)


def has_leads(ecg: TwelveLeads, *leads: Lead) -> bool:
    """Whether all of them are there to be read."""
    return all(lead in ecg.shapes for lead in leads)


def _neither(ecg: TwelveLeads) -> Evidence:
    v1 = ecg.shapes["V1"]
    return shape_fact("V1", f"neither bundle's shape: V1 {letters(v1)}")


def right_bundle_facts(ecg: TwelveLeads) -> tuple[Evidence, ...]:
    """Facts of the right bundle's shape; none when it is not there.

    A second R wave in V1 or V2, higher or wider than the first, or a pure R wave in V1
    that peaks late; and in I and V6 an S wave longer than the R wave or than 40 ms.
    """
    late = [
        shape_fact(
            v.lead, f"{v.lead} {letters(v)}, R' of {v.r2.mv:.2f} mV, {v.r2.ms:.0f} ms"
        )
        for v in ecg.shape("V1", "V2")
        if v.r and v.r2 and (v.r2.mv > v.r.mv or v.r2.ms > v.r.ms)
    ]
    for v1 in ecg.shape("V1"):
        pure = v1.r is not None and v1.s is None and v1.q is None
        if pure and peak_ms(v1) > DOMINANT_R_PEAK_ABOVE_MS:
            text = f"V1 R alone, peak after {peak_ms(v1):.0f} ms, above 50 ms"
            late.append(shape_fact("V1", text))
    wide_s = [fact for lead in ("I", "V6") for fact in _wide_s(ecg, lead)]
    return (late[0], *wide_s) if late and len(wide_s) == 2 else ()


def _wide_s(ecg: TwelveLeads, lead: Lead) -> Iterator[Evidence]:
    for shape in ecg.shape(lead):
        s, r = shape.s, shape.r
        if s and (end_wave_ms(s) > WIDE_S_ABOVE_MS or (r and s.ms > r.ms)):
            text = f"{lead} S of {end_wave_ms(s):.0f} ms, longer than 40 ms or than R"
            yield shape_fact(lead, text)


def left_bundle_facts(ecg: TwelveLeads) -> tuple[Evidence, ...]:
    """Facts of the left bundle's shape; none when it is not there.

    V1 goes down (rS or QS); I, V5 and V6 begin without a Q wave; R peaks late in V5 or V6.
    """
    if not has_leads(ecg, "V1", "I", "V6"):
        return ()
    v1 = ecg.shapes["V1"]
    laterals = ecg.shape("I", "V5", "V6")
    late = [v for v in ecg.shape("V5", "V6") if peak_ms(v) > R_PEAK_TIME_ABOVE_MS]
    down = v1.s_mv > v1.r_mv
    if not down or not late or any(v.q or v.qs for v in laterals):
        return ()
    return (
        shape_fact("V1", f"V1 {letters(v1)}, down to {-v1.s_mv:.2f} mV"),
        shape_fact("I", f"no Q wave in {', '.join(v.lead for v in laterals)}"),
        shape_fact(late[0].lead,
            f"{late[0].lead} R peak after {peak_ms(late[0]):.0f} ms, above 60 ms",
        ),
    )  # fmt: skip


def _fascicles(ecg: TwelveLeads, *, check_width: bool) -> Iterator[Finding]:
    axis, qrs_ms = ecg.measurements.qrs_axis_deg, ecg.qrs_ms
    if axis is None or (check_width and (qrs_ms is None or qrs_ms >= WIDE_QRS_FROM_MS)):
        return
    where = f"QRS axis {axis:.0f}°"
    if -90 <= axis <= -45:
        for avl in ecg.shape("aVL"):
            if avl.q and avl.r and peak_ms(avl) >= AVL_R_PEAK_FROM_MS:
                text = f"aVL {letters(avl)}, R peak after {peak_ms(avl):.0f} ms, from 45 ms"
                facts = (
                    value_fact("qrs_axis_deg", f"{where}, between -90° and -45°"),
                    shape_fact("aVL", text),
                )
                yield _LAFB.finding("Left anterior fascicular block", facts)
    if axis > RIGHT_AXIS_ABOVE_DEG and has_leads(ecg, "I", "aVL", "III", "aVF"):
        sideways, downwards = ecg.shape("I", "aVL"), ecg.shape("III", "aVF")
        rs = all(v.r and not v.q and v.s_mv > v.r_mv for v in sideways)
        qr = all(v.q and v.r and v.r_mv > v.s_mv for v in downwards)
        if rs and qr:
            both = (
                value_fact("qrs_axis_deg", f"{where}, between 90° and 180°"),
                shape_fact("I", "rS in I and aVL"),
                shape_fact("III", "qR in III and aVF"),
            )
            yield _LPFB.finding("Left posterior fascicular block", both)


def peak_ms(shape: LeadMorphology) -> float:
    """R peak time on the scale of published cut-offs; 0 without an R wave."""
    own = shape.r_peak_ms
    return 0.0 if own is None else max(0.0, own - ONSET_EARLIER_BY_MS)


def letters(shape: LeadMorphology) -> str:
    """Spell a complex as electrocardiographers do: qRs, rSr', QS; capitals are large."""
    if shape.qs:
        return "QS"
    named = (("q", shape.q), ("r", shape.r), ("s", shape.s), ("r'", shape.r2))
    waves = [(name, abs(wave.mv)) for name, wave in (*named, ("s'", shape.s2)) if wave]
    largest = max((mv for _, mv in waves), default=0.0)
    return "".join(n.upper() if mv >= largest / 2 else n for n, mv in waves) or "no QRS"
