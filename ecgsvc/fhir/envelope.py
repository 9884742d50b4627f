"""What a body holds: an Observation, alone or in a Bundle, and the patients with it."""

from dataclasses import dataclass

from ecgsvc.domain.errors import InvalidElement, MissingElement, UnsupportedContent
from ecgsvc.domain.report import FhirVersion
from ecgsvc.fhir.json_body import Element, JsonObject, parse_json_object
from ecgsvc.fhir.patient import Companions
from ecgsvc.fhir.structure import resource_model

BUNDLE_TYPES = frozenset({"collection", "transaction", "batch"})

_VERSIONS: dict[str, FhirVersion] = {
    "4.0.1": "4.0.1", "4.0": "4.0.1", "4.3.0": "4.3.0", "4.3": "4.3.0",
    "5.0.0": "5.0.0", "5.0": "5.0.0",
}  # fmt: skip
_R5_NAMES = ("interval", "intervalUnit")


@dataclass(frozen=True, slots=True)
class Envelope:
    """The parsed body; `root` is what was sent, `observation` the ECG in it."""

    root: JsonObject
    root_type: str
    observation: Element
    companions: Companions
    version: FhirVersion


def open_body(body: bytes, stated_version: str, *, max_bytes: int) -> Envelope:
    """Find the ECG in a body.

    Raises
    ------
    MalformedObservation, TooLarge
        See `parse_json_object`.
    MissingElement, InvalidElement, UnsupportedContent
        Not an Observation and not a Bundle of type collection, transaction or batch with
        exactly one; FHIR version unknown, or not the stated one.
    """
    root = parse_json_object(body, resource="Observation", max_bytes=max_bytes)
    kind = root.get("resourceType")
    if kind == "Bundle":
        observation, entries = _from_bundle(Element("Bundle", root))
    elif kind == "Observation":
        observation, entries = Element("Observation", root), ()
    else:
        raise _other_resource(kind)
    contained = tuple(observation.objects("contained"))
    return Envelope(
        root=root,
        root_type=str(kind),
        observation=observation,
        companions=Companions(contained, entries),
        version=_version(observation, stated_version),
    )


def _other_resource(kind: object) -> MissingElement | InvalidElement | UnsupportedContent:
    msg = (
        "expected resourceType Observation, DocumentReference, Media or Binary, or Bundle "
        "with one of these"
    )
    if kind is None:
        return MissingElement(msg, expression="Observation")
    if isinstance(kind, str) and resource_model("4.0.1", kind) is not None:
        return UnsupportedContent(msg, expression=kind)
    return InvalidElement(msg, expression="Observation")


def _from_bundle(bundle: Element) -> tuple[Element, tuple[tuple[str, Element], ...]]:
    if bundle.text("type") not in BUNDLE_TYPES:
        msg = f"expected a Bundle of type {', '.join(sorted(BUNDLE_TYPES))}"
        raise UnsupportedContent(msg, expression="Bundle.type")
    entries = [
        (entry.text("fullUrl") or "", resource)
        for entry in bundle.objects("entry")
        if (resource := entry.object("resource")) is not None
    ]
    ecgs = [r for _, r in entries if r.text("resourceType") == "Observation"]
    if len(ecgs) != 1:
        msg = f"expected exactly one Observation in the Bundle, found {len(ecgs)}"
        raise UnsupportedContent(msg, expression="Bundle.entry")
    return ecgs[0], tuple((url, r) for url, r in entries if r is not ecgs[0])


def stated_version(stated: str, path: str) -> FhirVersion | None:
    """Return the version that a request states, None when it states none.

    Raises
    ------
    UnsupportedContent
        Another version than R4, R4B and R5.
    """
    if stated and stated not in _VERSIONS:
        msg = "expected fhir_version 4.0.1, 4.3.0 or 5.0.0"
        raise UnsupportedContent(msg, expression=path)
    return _VERSIONS.get(stated)


def _version(observation: Element, stated: str) -> FhirVersion:
    """Recognise R5 by `interval` and `intervalUnit`; a stated version must agree."""
    version = stated_version(stated, observation.path)
    r4 = _first_with(observation, ("period",))
    r5 = _first_with(observation, _R5_NAMES)
    if r4 is not None and r5 is not None:
        msg = "period is R4, interval and intervalUnit are R5: expected only one of them"
        raise InvalidElement(msg, expression=r5)
    seen: FhirVersion | None = "5.0.0" if r5 else "4.0.1" if r4 else None
    if version is None:
        return seen or "4.0.1"
    if seen is not None and (seen == "5.0.0") != (version == "5.0.0"):
        msg = f"the request states FHIR {version}, this element is of {seen}"
        raise InvalidElement(msg, expression=r5 or r4)
    return version


def _first_with(observation: Element, names: tuple[str, ...]) -> str | None:
    step = "value.ofType(SampledData)"
    for holder in (observation, *observation.objects("component")):
        sampled = holder.object("valueSampledData", step)
        for name in names:
            if sampled is not None and sampled.has(name):
                return f"{sampled.path}.{name}"
    return None
