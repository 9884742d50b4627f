"""A proof of one report is believed without the database, as long as no byte is changed."""

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from factories import CALLER, KEY, a_signing, a_source, an_identifier, submit

from ecgsvc.domain.audit import AuditQuery
from ecgsvc.domain.caller import Caller
from ecgsvc.domain.errors import InvalidRequest, ReportNotFound
from ecgsvc.store import ReportStore, TrailAuditor
from ecgsvc.trail import Checkpoint, SigningKey, verified_proof

NORTH = Caller("north", "n")


@pytest.fixture
def proof(store: ReportStore, database_url: str) -> bytes:
    for _ in range(5):
        submit(store, a_source(an_identifier()))
    stored = submit(store, a_source(an_identifier(), content=b"the bytes"))
    store.add_signed(CALLER, a_signing(stored, conclusion="No."))
    store.get(CALLER, stored.report_id)
    submit(store, a_source())
    with TrailAuditor.opened(database_url, [KEY.public]) as auditor:
        return auditor.prove("default", stored.report_id)


def test_a_proof_is_verified_with_the_public_key_alone(proof: bytes) -> None:
    found = verified_proof(proof, [KEY.public])
    assert found.problems == ()
    assert "3 events are in the trail of 9" in found.summary
    other = verified_proof(proof, [SigningKey.generate().public])
    assert other.problems == ("the checkpoint is signed by none of the trusted keys",)


def test_no_value_in_a_proof_can_be_changed(proof: bytes) -> None:
    chance = random.Random(1)
    whole = json.loads(proof)
    places = list(leaves(whole))
    for path in chance.sample(places, min(len(places), 150)):
        changed = json.loads(proof)
        holder = changed
        for step in path[:-1]:
            holder = holder[step]
        value = holder[path[-1]]
        holder[path[-1]] = f"{value}x" if isinstance(value, str) else -1
        found = verified_proof(json.dumps(changed).encode(), [KEY.public])
        assert found.problems, path


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from leaves(each, (*path, key))
    elif isinstance(value, list):
        for key, each in enumerate(value):
            yield from leaves(each, (*path, key))
    else:
        yield path


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"format": 3}', b"\xff"])
def test_what_is_no_proof_is_said_to_be_none(content: bytes) -> None:
    assert verified_proof(content, [KEY.public]).problems


def test_there_is_no_proof_of_what_the_trail_does_not_know(
    store: ReportStore, database_url: str
) -> None:
    stored = submit(store, a_source())
    with TrailAuditor.opened(database_url, [KEY.public]) as auditor:
        for tenant, name in (("default", "none"), ("north", stored.report_id)):
            with pytest.raises(ReportNotFound):
                auditor.prove(tenant, name)


def test_auditors_page_through_the_events_of_their_tenant(store: ReportStore) -> None:
    ours = [submit(store, a_source()) for _ in range(4)]
    submit(store, a_source(), caller=NORTH)
    first = store.audit_events(CALLER, AuditQuery(page_size=3))
    second = store.audit_events(
        CALLER, AuditQuery(page_size=3, page_token=first.next_page_token)
    )
    listed = [event.sequence for event in (*first.events, *second.events)]
    assert listed == [4, 3, 2, 1]
    about = store.audit_events(CALLER, AuditQuery(report_id=ours[1].report_id))
    assert [event.report_id for event in about.events] == [ours[1].report_id]
    assert store.audit_events(NORTH, AuditQuery(subject="tester")).events == ()
    assert store.audit_events(CALLER, AuditQuery(subject="\ud800")).events == ()
    with pytest.raises(InvalidRequest, match="token"):
        store.audit_events(CALLER, AuditQuery(page_token="x"))


def test_a_checkpoint_kept_is_verified_later(store: ReportStore) -> None:
    submit(store, a_source())
    note, pem = store.audit_checkpoint(CALLER)
    assert pem == KEY.public.pem().decode()
    assert Checkpoint.read(note, [KEY.public]).size == 2
    submit(store, a_source())
    verdict = store.verify_trail(CALLER, [note])
    assert (verdict.problems, verdict.n_events) == ((), 3)
    for caller, text in ((NORTH, note), (CALLER, note.replace("2", "3")), (CALLER, "")):
        with pytest.raises(InvalidRequest):
            store.verify_trail(caller, [text])
