"""What the networks for twelve leads say, as JSON."""

from collections.abc import Mapping

from ecgsvc.domain.diagnosis import DiagnosisCall, LabelCall, Superclass
from ecgsvc.domain.interval_check import IntervalCrossCheck

_ANSWERS = {True: "present", False: "absent", None: "undetermined"}


def diagnosis_document(call: DiagnosisCall) -> dict[str, object]:
    """Each label's probability, threshold, and what its conformal set says."""
    return {
        "model": call.model.name,
        "reason": call.reason,
        "reservations": list(call.reservations),
        "superclasses": _calls(call.superclasses),
        "statements": _calls(call.statements),
    }


def _calls(
    calls: Mapping[Superclass, LabelCall] | Mapping[str, LabelCall],
) -> dict[str, object]:
    return {
        str(label): {
            "probability": round(call.probability, 4),
            "threshold": round(call.threshold, 4),
            "called": call.called,
            "answer": _ANSWERS[call.answer],
        }
        for label, call in calls.items()
    }


def interval_check_document(check: IntervalCrossCheck) -> dict[str, object]:
    """Each interval's second value, with the scale of its distribution."""
    return {
        "model": check.model.name,
        "reason": check.reason,
        "values": {
            each.name: {
                "estimate": round(each.estimate, 2),
                "scale": round(each.scale, 2),
                "bound": each.bound,
                "disagrees": each.disagrees,
            }
            for each in check.checks
        },
    }
