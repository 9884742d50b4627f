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
from ecgsvc.domain.report import ReportQuery
from ecgsvc.store import ReportStore, TrailAuditor
from ecgsvc.trail import (
    Checkpoint,
    InvalidCheckpoint,
    SigningKey,
    verified_export,
    verified_proof,
)

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


def test_a_trail_is_exported_and_verified_without_the_database(
    store: ReportStore, database_url: str
) -> None:
    for caller in (CALLER, NORTH, CALLER):
        submit(store, a_source(), caller=caller)
    store.erase_patient(NORTH, "Patient/1")
    with TrailAuditor.opened(database_url, ()) as auditor:
        kept = Checkpoint.read(auditor.checkpoint("north"), [KEY.public])
        store.list(NORTH, ReportQuery())
        exports = {tenant: list(auditor.export(tenant)) for tenant in auditor.tenants()}
    verdicts = [verified_export(each, [KEY.public], [kept]) for each in exports.values()]
    assert [verdict.problems for verdict in verdicts] == [(), ()]
    assert [verdict.n_events for verdict in verdicts] == [2, 3]


def test_a_trail_is_shown_to_go_on_from_an_older_checkpoint(
    store: ReportStore, database_url: str
) -> None:
    submit(store, a_source(), caller=NORTH)
    with TrailAuditor.opened(database_url, [KEY.public]) as auditor:
        notes = []
        for _ in range(7):
            submit(store, a_source())
            notes.append(auditor.checkpoint("default"))
        pairs = [(a, b) for number, b in enumerate(notes) for a in notes[: number + 1]]
        for older, newer in pairs:
            proof = auditor.prove_consistency(older, newer)
            found = verified_proof(proof, [KEY.public])
            assert found.problems == ()
            assert found.checkpoints == tuple(
                Checkpoint.read(note, [KEY.public]) for note in (older, newer)
            )
            swapped = json.loads(proof) | {"older": newer, "newer": older}
            other = verified_proof(json.dumps(swapped).encode(), [KEY.public])
            assert (older == newer) == (not other.problems)
        assert auditor.prove_consistency(notes[0]) == (
            auditor.prove_consistency(notes[0], notes[-1])
        )
        with pytest.raises(InvalidRequest, match="older"):
            auditor.prove_consistency(notes[1], notes[0])
        with pytest.raises(InvalidRequest, match="tenants"):
            auditor.prove_consistency(notes[0], auditor.checkpoint("north"))
        with pytest.raises(InvalidCheckpoint):
            auditor.prove_consistency("none")


def test_a_rewritten_trail_does_not_go_on_from_what_was_kept(
    store: ReportStore, database_url: str
) -> None:
    for _ in range(5):
        submit(store, a_source())
    with TrailAuditor.opened(database_url, [KEY.public]) as auditor:
        newer = auditor.checkpoint("default")
        state = Checkpoint.read(newer, [KEY.public])
        forged = Checkpoint("default", 3, b"x" * 32, "0" * 64, state.signed_at).signed(KEY)
        found = verified_proof(auditor.prove_consistency(forged, newer), [KEY.public])
    assert found.problems == (
        "the trail of 5 events of default does not begin with the 3 events of default",
    )
