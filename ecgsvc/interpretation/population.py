"""For whom the criteria of a resting ECG and the networks were made, and who is not.

Outside, a finding is still shown; its certainty falls, and the report says why.
"""

from collections.abc import Sequence

from ecgsvc.domain.diagnosis import DiagnosisCall
from ecgsvc.domain.interval_check import IntervalCrossCheck
from ecgsvc.domain.quality import QualityProblem, SignalQuality
from ecgsvc.domain.waveform import STANDARD_LEADS
from ecgsvc.interpretation.conduction import is_paced
from ecgsvc.interpretation.twelve_leads import TwelveLeads

ADULT_FROM_YEARS = 18.0
"""The recommendations of AHA/ACCF/HRS and PTB-XL are about adults."""
MOST_NAMED = 6
"""Missing leads are named up to so many."""
UNCERTAIN_PLACES = (
    QualityProblem.ARM_ELECTRODES_SWAPPED,
    QualityProblem.RIGHT_ARM_AND_LEG_SWAPPED,
    QualityProblem.LIMB_LEADS_CONTRADICT,
)
_INTERVAL_NAMES = {
    "pr_ms": "PR",
    "qrs_ms": "QRS",
    "qt_ms": "QT",
    "heart_rate_bpm": "heart rate",
}


def reservations(
    ecg: TwelveLeads,
    quality: SignalQuality,
    check: IntervalCrossCheck | None,
    diagnosis: DiagnosisCall | None,
) -> tuple[str, ...]:
    """Say what speaks against criteria and networks here, a phrase each.

    Filters round pacing spikes off: then only the network may see a paced rhythm.
    """
    said = []
    if ecg.age_years is not None and ecg.age_years < ADULT_FROM_YEARS:
        said.append("criteria and networks are made for adults, the patient is younger")
    missing = _missing(quality.usable_leads)
    if missing:
        named = ": no " + ", ".join(missing) if len(missing) <= MOST_NAMED else ""
        said.append(f"fewer than twelve leads can be read{named}")
    if is_paced(ecg):
        said.append("paced rhythm")
    elif diagnosis is not None and diagnosis.reliable:
        paced = diagnosis.statements.get("PACE")
        if paced is not None and paced.called and paced.answer is True:
            said.append("the network sees a paced rhythm")
    said += [p.value for p in quality.problems if p in UNCERTAIN_PLACES]
    if check is not None and (apart := check.disagreements):
        names = ", ".join(_INTERVAL_NAMES.get(each.name, each.name) for each in apart)
        said.append(f"the second measurement of {names} disagrees")
    return tuple(said)


def _missing(usable: Sequence[str]) -> list[str]:
    return [lead for lead in STANDARD_LEADS if lead not in usable]
