"""The patient as a person reads it: for the sheet, never for logs."""

from ecgsvc.domain.sheet import Person
from ecgsvc.domain.waveform import Sex
from ecgsvc.fhir.json_body import Element
from ecgsvc.fhir.patient import Subject, identifiers_of

_USES = ("official", "usual", None)
"""Names in order of preference; old and maiden names only when there is no other."""


def read_person(
    patient: Element | None,
    subject: Subject | None,
    *,
    age_years: float | None,
    sex: Sex | None,
) -> Person:
    """Read who it is: from the Patient resource, else from the reference to it."""
    display = subject.carried.get("display") if subject is not None else None
    return Person(
        name=_name(patient) or (display if isinstance(display, str) else ""),
        identifier=_identifier(patient, subject),
        birth_date=(patient.text("birthDate") if patient is not None else None) or "",
        sex=sex or "",
        age_years=age_years,
    )


def _identifier(patient: Element | None, subject: Subject | None) -> str:
    own = identifiers_of(patient) if patient is not None else ()
    stated = subject.identifier if subject is not None else None
    reference = subject.reference if subject is not None else None
    found = stated or next(iter(own), None)
    return found.value if found is not None else reference or ""


def _name(patient: Element | None) -> str:
    names = patient.objects("name") if patient is not None else []
    by_use = {use: name for use in _USES for name in names if name.text("use") == use}
    chosen = next((by_use[use] for use in _USES if use in by_use), None)
    if chosen is None:
        chosen = names[0] if names else None
    if chosen is None:
        return ""
    parts = [*_texts(chosen, "given"), chosen.text("family") or ""]
    return chosen.text("text") or " ".join(part for part in parts if part)


def _texts(element: Element, name: str) -> list[str]:
    values = element.json.get(name)
    return [v for v in values if isinstance(v, str)] if isinstance(values, list) else []
