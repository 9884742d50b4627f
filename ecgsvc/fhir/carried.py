"""What a report carries over from the ECG it is about."""

from ecgsvc.domain.errors import InvalidElement
from ecgsvc.fhir.codes import REFERENCE_TARGETS
from ecgsvc.fhir.json_body import Element, JsonObject
from ecgsvc.fhir.patient import LITERAL_REFERENCE, Subject
from ecgsvc.fhir.problems import Problems

_AS_THEY_COME = (
    "id", "identifier", "issued",
    "effectiveDateTime", "effectiveInstant", "effectivePeriod",
)  # fmt: skip


def carried_elements(
    observation: Element, subject: Subject | None, problems: Problems
) -> JsonObject:
    """Return the elements a report repeats, plain JSON values.

    References into the body (``#id``) would point nowhere from the report: only their
    identifier and display are kept. References to a wrong type are refused.
    """
    carried: JsonObject = {
        name: observation.json[name] for name in _AS_THEY_COME if observation.has(name)
    }
    if subject is not None:
        carried["subject"] = subject.carried
    for name in ("encounter", "device"):
        reference = observation.object(name)
        if reference is not None and (kept := _kept(reference, name, problems)):
            carried[name] = kept
    orders = [_kept(order, "basedOn", problems) for order in observation.objects("basedOn")]
    if any(orders):
        carried["basedOn"] = [order for order in orders if order]
    meta = observation.object("meta")
    version = meta.text("versionId") if meta is not None else None
    if version is not None:
        carried["meta"] = {"versionId": version}
    return carried


def carried_references(resource: Element, problems: Problems) -> JsonObject:
    """Return encounter and orders of a DocumentReference or Media."""
    context = resource.object("context")
    encounters = [
        *([one] if (one := resource.object("encounter")) is not None else []),
        *(context.objects("encounter") if context is not None else []),
        *(c for c in resource.objects("context") if _points_to(c, "Encounter")),
    ]
    kept: JsonObject = {}
    if encounters and (encounter := _kept(encounters[0], "encounter", problems)):
        kept["encounter"] = encounter
    orders = [_kept(order, "basedOn", problems) for order in resource.objects("basedOn")]
    if any(orders):
        kept["basedOn"] = [order for order in orders if order]
    return kept


def _points_to(reference: Element, kind: str) -> bool:
    literal = LITERAL_REFERENCE.fullmatch(reference.text("reference") or "")
    return (literal["type"] if literal else reference.text("type")) == kind


def _kept(reference: Element, name: str, problems: Problems) -> JsonObject | None:
    target = reference.text("reference")
    literal = LITERAL_REFERENCE.fullmatch(target or "")
    stated = literal["type"] if literal else reference.text("type")
    if stated is not None and stated not in REFERENCE_TARGETS[name]:
        msg = f"expected a reference to {' or '.join(sorted(REFERENCE_TARGETS[name]))}"
        problems.add(InvalidElement(msg, expression=f"{reference.path}.reference"))
        return None
    kept = {key: reference.json[key] for key in ("type", "identifier", "display")
            if reference.has(key)}  # fmt: skip
    if target is not None and not target.startswith("#"):
        kept["reference"] = target
    return kept if kept.keys() - {"type"} else None
