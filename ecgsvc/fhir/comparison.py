"""The Observation that compares an ECG with the patient's one before."""

from collections.abc import Iterator

from ecgsvc.domain.serial import Change, SerialComparison
from ecgsvc.fhir.codes import CHANGED_DOWN, CHANGED_UP, PROCEDURE
from ecgsvc.fhir.concepts import concept, quantity
from ecgsvc.fhir.frame import Frame
from ecgsvc.fhir.json_body import JsonObject

PART = "comparison"
_WORDS = {
    "heart_rate_bpm": "Heart rate",
    "pr_ms": "P-R interval",
    "qrs_ms": "QRS duration",
    "qtc_fridericia_ms": "Q-T interval corrected based on Fridericia formula",
    "qrs_axis_deg": "QRS axis",
}


def comparison_observation(frame: Frame, serial: SerialComparison) -> JsonObject:
    """Return the Observation; no code for it could be verified, so it is named in text.

    Its components are the differences, now less before, with `interpretation` up or down
    where they are more than variability, and the findings that came or went. It is derived
    from the measurements of both reports.
    """
    earlier = {
        "reference": f"Observation/{serial.report_id}-measurements",
        "display": f"measurements of the earlier report, version {serial.version}",
    }
    own = {"reference": f"Observation/{frame.part_id('measurements')}"}
    when = serial.effective_at.date().isoformat()
    return (
        frame.head("Observation", frame.part_id(PART))
        | {
            "status": "preliminary",
            "category": [concept(PROCEDURE)],
            "code": concept(text="Comparison with the previous ECG"),
        }
        | frame.carried("subject", "encounter", "device")
        | frame.effective()
        | frame.issued()
        | {
            "performer": [frame.algorithm()],
            "derivedFrom": [own, earlier],
            "valueString": f"Compared with the ECG of {when}",
            "component": [
                *(_difference(each) for each in serial.changes),
                *_findings(serial),
            ],
        }
    )


def _difference(change: Change) -> JsonObject:
    component: JsonObject = {
        "code": concept(text=f"Change of {_WORDS[change.name]}"),
        "valueQuantity": quantity(change.difference, change.unit, decimals=0),
    }
    if change.exceeds:
        direction = CHANGED_UP if change.difference > 0 else CHANGED_DOWN
        why = f"more than {change.limit:.0f} {change.unit}: {change.source}"
        component["interpretation"] = [concept(direction, text=why)]
    return component


def _findings(serial: SerialComparison) -> Iterator[JsonObject]:
    for name, found in (
        ("New findings", serial.appeared),
        ("Findings no longer present", serial.vanished),
    ):
        if found:
            text = "; ".join(each.text for each in found)
            yield {"code": concept(text=name), "valueString": text}
    if serial.other_models:
        yield {
            "code": concept(text="Other models or versions read the earlier ECG"),
            "valueBoolean": True,
        }
