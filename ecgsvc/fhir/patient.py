"""Who the ECG is of: the subject, and age and sex for the models."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ecgsvc.domain.errors import InvalidElement, MissingElement
from ecgsvc.domain.report import Identifier
from ecgsvc.domain.waveform import Sex
from ecgsvc.fhir.json_body import Element, JsonObject
from ecgsvc.fhir.problems import Problems
from ecgsvc.fhir.times import birth_date

MAX_AGE_YEARS = 130.0
_DAYS_A_YEAR = 365.25

LITERAL_REFERENCE = re.compile(
    r"(?:https?://\S+/)?(?P<type>[A-Z][A-Za-z]*)/(?P<id>[A-Za-z0-9\-.]{1,64})"
    r"(?:/_history/[A-Za-z0-9\-.]{1,64})?"
)
_URN = re.compile(r"urn:(uuid|oid):\S+")


@dataclass(frozen=True, slots=True)
class Subject:
    """The subject as the store asks for it, and as the report carries it over."""

    reference: str | None
    identifier: Identifier | None
    carried: JsonObject
    patient: Element | None


@dataclass(frozen=True, slots=True)
class Companions:
    """Patients that came with the ECG: contained by id, Bundle entries by full URL."""

    contained: tuple[Element, ...] = ()
    entries: tuple[tuple[str, Element], ...] = ()

    def find(self, reference: str) -> Element | None:
        """Return the resource a local reference points to, if it came along."""
        if reference.startswith("#"):
            return next((r for r in self.contained if r.text("id") == reference[1:]), None)
        for full_url, resource in self.entries:
            own = f"{resource.text('resourceType')}/{resource.text('id')}"
            if reference in (full_url, own):
                return resource
        return None


def is_patient_reference(reference: str) -> bool:
    """Tell whether a literal reference, relative or absolute, is to a Patient."""
    literal = LITERAL_REFERENCE.fullmatch(reference)
    return literal is not None and literal["type"] == "Patient"


def identifiers_of(resource: Element) -> tuple[Identifier, ...]:
    """Return the identifiers that have a value, in order."""
    return tuple(
        found
        for item in resource.objects("identifier")
        if (found := read_identifier(item)) is not None
    )


def read_identifier(element: Element | None) -> Identifier | None:
    """Return an identifier with a value, or None."""
    value = element.text("value") if element is not None else None
    if element is None or not value:
        return None
    return Identifier(element.text("system"), value)


def read_subject(
    observation: Element, companions: Companions, problems: Problems
) -> Subject | None:
    """Read ``Observation.subject``: a patient, by reference, by identifier, or both.

    A contained Patient has no identity of its own, so the report names its identifier.
    """
    if not observation.has("subject"):
        msg = "the patient is required"
        problems.add(MissingElement(msg, expression=f"{observation.path}.subject"))
        return None
    subject = observation.object("subject")
    if subject is None:
        return None
    stated_type = subject.text("type")
    if stated_type not in (None, "Patient"):
        _not_a_patient(f"{subject.path}.type", problems)
        return None
    reference = subject.text("reference")
    identifier = read_identifier(subject.object("identifier"))
    if reference is None:
        if identifier is None:
            msg = "the patient is required: a reference, or an identifier with a value"
            problems.add(MissingElement(msg, expression=f"{subject.path}.reference"))
            return None
        return Subject(None, identifier, dict(subject.json), None)
    return _by_reference(subject, reference, identifier, companions, problems)


def _by_reference(
    subject: Element,
    reference: str,
    identifier: Identifier | None,
    companions: Companions,
    problems: Problems,
) -> Subject | None:
    path = f"{subject.path}.reference"
    patient = companions.find(reference)
    if patient is not None and patient.text("resourceType") != "Patient":
        _not_a_patient(path, problems)
        return None
    is_typed_urn = bool(_URN.fullmatch(reference)) and subject.text("type") == "Patient"
    if patient is None and not is_typed_urn and not is_patient_reference(reference):
        _not_a_patient(path, problems)
        return None
    carried = dict(subject.json)
    if patient is not None and identifier is None:
        identifier = next(iter(identifiers_of(patient)), None)
        if identifier is not None:
            carried["identifier"] = patient.objects("identifier")[0].json
    if not reference.startswith("#"):
        return Subject(reference, identifier, carried, patient)
    if identifier is None:
        msg = "a contained Patient needs an identifier, so that the report can name it"
        problems.add(MissingElement(msg, expression=path))
        return None
    del carried["reference"]
    return Subject(None, identifier, {**carried, "type": "Patient"}, patient)


def _not_a_patient(path: str, problems: Problems) -> None:
    msg = "expected a reference to a Patient that exists outside or came along"
    problems.add(InvalidElement(msg, expression=path))


def check_match(patient: Element, subject: Subject, problems: Problems) -> None:
    """Refuse a Patient resource that is not the subject of the ECG."""
    literal = LITERAL_REFERENCE.fullmatch(subject.reference or "")
    own_id = patient.text("id")
    if literal is not None and own_id is not None:
        if literal["id"] != own_id:
            msg = "the Patient is not the subject of the Observation: another id"
            problems.add(InvalidElement(msg, expression=f"{patient.path}.id"))
        return
    own = identifiers_of(patient)
    if subject.identifier is not None and own and not _any_equal(own, subject.identifier):
        msg = "the Patient is not the subject of the Observation: another identifier"
        problems.add(InvalidElement(msg, expression=f"{patient.path}.identifier"))


def _any_equal(own: Sequence[Identifier], wanted: Identifier) -> bool:
    return any(
        found.value == wanted.value
        and (found.system is None or wanted.system is None or found.system == wanted.system)
        for found in own
    )


def check_entries(companions: Companions, subject: Subject, problems: Problems) -> None:
    """Refuse a Bundle of one ECG with another Patient than the subject, or with several.

    Whoever wrote it has mixed up two people, or left open whose age and sex are meant.
    """
    patients = [r for _, r in companions.entries if r.text("resourceType") == "Patient"]
    if len(patients) > 1:
        msg = "two patients: expected one Patient with one ECG"
        problems.add(InvalidElement(msg, expression=patients[1].path))
    elif patients and patients[0] is not subject.patient:
        if _URN.fullmatch(subject.reference or ""):
            msg = "two patients: the subject of the ECG is another"
            problems.add(InvalidElement(msg, expression=patients[0].path))
        check_match(patients[0], subject, problems)


def age_and_sex(
    patient: Element, at: datetime | None, problems: Problems
) -> tuple[float | None, Sex | None]:
    """Return age in years at the time of the ECG and sex; None where unknown."""
    gender = patient.text("gender")
    sex: Sex | None = (
        "female" if gender == "female" else "male" if gender == "male" else None
    )
    born = birth_date(patient.text("birthDate") or "")
    if born is None or at is None:
        return None, sex
    path = f"{patient.path}.birthDate"
    age = (at.date() - born.day).days / _DAYS_A_YEAR
    if born.is_partial:
        problems.warn("a partial birth date: the age is approximate", path)
        age = max(age, 0.0) if age > -1.0 else age
    elif -1.5 < age * _DAYS_A_YEAR < 0:
        age = 0.0  # a newborn's first ECG, dates in different zones
    if not 0 <= age <= MAX_AGE_YEARS:
        msg = f"expected a birth date at most {MAX_AGE_YEARS:.0f} years before the ECG"
        problems.add(InvalidElement(msg, expression=path))
        return None, sex
    return age, sex
