"""The criteria of a resting ECG, put together: what is found, what cannot be asked."""

from ecgsvc.domain.findings import Finding
from ecgsvc.domain.measurements import Undetermined
from ecgsvc.interpretation.conduction import conduction, has_leads, is_paced
from ecgsvc.interpretation.ischaemia import CONTIGUOUS, ischaemia
from ecgsvc.interpretation.repolarisation import qt_interval
from ecgsvc.interpretation.twelve_leads import TwelveLeads
from ecgsvc.interpretation.voltage import voltage

OTHER_ACTIVATION = frozenset({"lbbb", "preexcitation", "pacing"})
"""Ventricles activated by another way: their QRS and ST say nothing of muscle and
vessels (fourth universal definition of myocardial infarction; AHA/ACCF/HRS part V)."""
NOT_JUDGED = "findings.ischaemia"


def resting_findings(ecg: TwelveLeads) -> tuple[Finding, ...]:
    """Conduction, QT, then hypertrophy, Q, ST and T where these can be asked."""
    found = (*conduction(ecg), *qt_interval(ecg))
    if _other_activation(found):
        return found
    return (*found, *voltage(ecg), *ischaemia(ecg))


def not_judged(findings: tuple[Finding, ...]) -> tuple[Undetermined, ...]:
    """Say why hypertrophy, Q, ST and T were not looked for, where they were not."""
    others = [each for each in findings if each.rule in OTHER_ACTIVATION]
    return tuple(
        Undetermined(
            NOT_JUDGED,
            "hypertrophy, Q waves, ST segment and T waves are not judged: "
            f"{each.text[0].lower()}{each.text[1:]}",
        )
        for each in others[:1]
    )


def could_be_found(ecg: TwelveLeads, findings: tuple[Finding, ...]) -> frozenset[str]:
    """Name the rules that had all they need, found or not."""
    measured = ecg.measurements
    able: set[str] = set()
    if measured.pr_ms is not None:
        able |= {"first-degree-av-block", "prolonged-pr"}
    if measured.qtc_fridericia_ms is not None:
        able.add("long-qt")
    if measured.qrs_ms is not None and has_leads(ecg, "V1", "V2", "I", "V6"):
        able |= {"lbbb", "rbbb", "incomplete-rbbb", "ivcd"}
    if measured.qrs_axis_deg is not None and has_leads(ecg, "aVL", "I", "III", "aVF"):
        able |= {"lafb", "lpfb"}
    if ecg.paced_share is not None:
        able.add("pacing")
    if is_paced(ecg):
        return frozenset(able & {"pacing", "long-qt"})
    if not _other_activation(findings):
        if has_leads(ecg, "V1", "V3", "aVL", "V5", "V6"):
            able.add("lvh-voltage")
        if has_leads(ecg, *(lead for _, leads in CONTIGUOUS for lead in leads)):
            able |= {"q-wave", "st-depression", "t-inversion", "low-voltage"}
    return frozenset(able)


def _other_activation(findings: tuple[Finding, ...]) -> bool:
    return any(each.rule in OTHER_ACTIVATION for each in findings)
