"""Bundles of ECGs, and clients that leave."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from ecgsvc.domain.audit import RefusedCall
from ecgsvc.domain.caller import Caller
from ecgsvc.domain.errors import DeadlineExceeded, InvalidElement, MissingElement, within
from ecgsvc.domain.report import SentEcg
from ecgsvc.http import Batching
from ecgsvc.http.batches import parse_batch
from ecgsvc.http.call import Call


def an_entry(subject: str) -> dict[str, object]:
    return {
        "resource": {"resourceType": "Observation", "subject": {"reference": subject}},
        "request": {"method": "POST", "url": "Observation"},
    }


def a_bundle(*entries: dict[str, object], kind: str = "batch") -> bytes:
    bundle = {"resourceType": "Bundle", "type": kind, "entry": list(entries)}
    return json.dumps(bundle).encode()


class Nobody:
    """Analyses nothing, because the client leaves with the first ECG."""

    def __init__(self) -> None:
        self.n_asked = 0

    def analyze_together(
        self, caller: Caller, ecgs: Sequence[SentEcg], *, cancelled: Callable[[], bool]
    ) -> Sequence[Any]:
        self.n_asked += 1
        raise DeadlineExceeded("the caller left")

    def validate(self, caller: Caller, **_: Any) -> tuple[bool, bytes]:
        raise NotImplementedError


def test_a_batch_ends_when_nobody_waits_for_it() -> None:
    analyzer, refused = Nobody(), list[RefusedCall]()
    batching = Batching(analyzer, None, refused.append)  # type: ignore[arg-type]
    body = a_bundle(*(an_entry("Patient/1") for _ in range(5)))
    call = Call(Caller("default", "x"), "", {}, (), {"content-type": "json"}, body,
                lambda: analyzer.n_asked > 0)  # fmt: skip
    with pytest.raises(DeadlineExceeded):
        batching.bundle(call)
    assert (analyzer.n_asked, refused) == (1, [])


@pytest.mark.parametrize(
    ("subject", "known"),
    [
        ("Patient/1", True),
        ("https://ehr.example/fhir/Patient/1", False),
        ("urn:uuid:1", False),
    ],
)
def test_age_and_sex_are_those_of_the_patient_referred_to(
    subject: str, known: bool
) -> None:
    patient: dict[str, object] = {"resource": {"resourceType": "Patient", "id": "1"}}
    batch = parse_batch(a_bundle(an_entry(subject), patient))
    assert (batch.patient_of(batch.entries[0]) != b"") == known
    is_refused = bool(batch.entries[1].problem)
    assert is_refused == (subject == "urn:uuid:1")


def test_errors_are_told_where_they_are_in_the_bundle() -> None:
    error = InvalidElement("x", expression="Observation.status").with_others(
        [
            MissingElement("y", expression="Patient.birthDate"),
            InvalidElement("z"),
            InvalidElement("z", expression="Observation"),
        ]
    )
    with pytest.raises(InvalidElement) as raised, within("Bundle.entry[2].resource"):
        raise error
    assert [each.expression for each in raised.value.all] == [
        "Bundle.entry[2].resource.status",
        "Patient.birthDate",
        "Bundle.entry[2].resource",
        "Bundle.entry[2].resource",
    ]
