"""Whatever a store is asked leaves its events, chained, in the same transaction."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from factories import CALLER, KEY, a_report, a_source, an_identifier, open_store, submit

from ecgsvc.domain.audit import AuditDraft, Operation, RefusedCall
from ecgsvc.domain.caller import NOBODY, Caller
from ecgsvc.domain.errors import ReportNotFound, SlotTaken
from ecgsvc.domain.report import ReportQuery
from ecgsvc.store import ReportStore
from ecgsvc.store.engine import make_engine
from ecgsvc.store.schema import audit_events, audit_heads
from ecgsvc.trail import GENESIS, ChainedEvent, Checkpoint, Frontier, link
from tests.validators import assert_valid_for_independent_validators

NORTH = Caller("north", "n", request_id="call-1")


def rows(url: str, table: sa.Table) -> Sequence[sa.RowMapping]:
    engine = make_engine(url, timeout_s=5.0)
    with engine.connect() as connection:
        order = table.primary_key.columns
        found = connection.execute(sa.select(table).order_by(*order)).mappings().all()
    engine.dispose()
    return found


def operations(url: str, tenant: str = "default") -> list[str]:
    return [r["operation"] for r in rows(url, audit_events) if r["tenant"] == tenant]


def test_every_call_leaves_one_event(store: ReportStore, database_url: str) -> None:
    stored = submit(store, a_source(an_identifier()), request_id="r")
    assert operations(database_url) == ["create"]
    store.get(CALLER, stored.report_id)
    store.get(CALLER, stored.report_id, 1)
    store.get_with_source(CALLER, stored.report_id, 1)[1]
    store.record(CALLER, AuditDraft(Operation.VALIDATE, details={"valid": "true"}))
    assert operations(database_url)[1:] == ["read", "vread", "vread", "validate"]


def test_a_replay_is_entered_once_and_its_request_recorded(
    store: ReportStore, database_url: str
) -> None:
    source = a_source(an_identifier())
    submit(store, source)
    for request_id in ("", "r", "r"):
        submit(store, source, request_id=request_id)
    assert operations(database_url) == ["create", "replay", "replay", "replay"]


def test_a_search_leaves_one_event_and_one_for_each_patient_it_names(
    store: ReportStore, database_url: str
) -> None:
    for patient in ("Patient/1", "Patient/2", "Patient/1"):
        submit(store, a_source(subject_reference=patient))
    store.list(CALLER, ReportQuery(patient="Patient/1"))
    store.list(CALLER, ReportQuery())
    assert operations(database_url)[3:] == (
        ["search-type", "disclose", "search-type", "disclose", "disclose"]
    )


def test_the_trail_names_no_patient(store: ReportStore, database_url: str) -> None:
    stored = submit(store, a_source(subject_reference="Patient/secret-4711"))
    store.get(CALLER, stored.report_id)
    store.list(CALLER, ReportQuery(patient="Patient/secret-4711"))
    store.list(CALLER, ReportQuery(patient="Patient/secret-unknown"))
    found = rows(database_url, audit_events)
    assert "secret" not in str([dict(row) for row in found])
    assert len({row["patient"] for row in found[:2]}) == 1
    assert found[0]["patient"]


def test_what_is_not_stored_leaves_no_event(store: ReportStore, database_url: str) -> None:
    source = a_source(an_identifier())
    slot = store.lookup(CALLER, "", source.sha256, source)
    store.add(CALLER, a_report(slot, source))
    with pytest.raises(SlotTaken):
        store.add(CALLER, a_report(slot, source))
    with pytest.raises(ReportNotFound):
        store.get(CALLER, "none")
    assert operations(database_url) == ["create"]


def test_refusals_are_entered_with_whoever_called(
    store: ReportStore, database_url: str
) -> None:
    moment = datetime(2026, 11, 28, 9, 30, tzinfo=UTC)
    for number, caller in enumerate((NORTH, NOBODY)):
        method = "/ecgsvc.v1.ReportService/GetReport"
        refused = RefusedCall(f"e{number}", moment, caller, method, "FORBIDDEN")
        store.record_refusals([refused])
    north, nobody = rows(database_url, audit_events)
    assert (north["tenant"], north["subject"], north["outcome"]) == ("north", "n", "4")
    assert (nobody["tenant"], nobody["subject"]) == ("~nobody", "")
    assert north["recorded_at"] == moment
    assert north["request_id"] == "call-1"
    assert json.loads(north["event"])["outcomeDesc"] == "FORBIDDEN"


def test_each_tenant_has_a_chain_a_tree_and_a_signed_head(
    store: ReportStore, database_url: str
) -> None:
    for number in range(12):
        submit(store, a_source(), caller=NORTH if number % 3 else CALLER)
    heads = {row["tenant"]: row for row in rows(database_url, audit_heads)}
    assert {tenant: head["size"] for tenant, head in heads.items()} == (
        {"default": 4, "north": 8}
    )
    for tenant, head in heads.items():
        frontier, previous = Frontier(), GENESIS
        found = [r for r in rows(database_url, audit_events) if r["tenant"] == tenant]
        for sequence, row in enumerate(found, 1):
            event = ChainedEvent(**{k: v for k, v in row.items() if k != "hash"})
            assert (event.sequence, event.previous_hash) == (sequence, previous)
            previous = link(event)
            assert row["hash"] == previous
            frontier.add(bytes.fromhex(previous))
        checkpoint = Checkpoint.read(head["checkpoint"], [KEY.public])
        assert (checkpoint.size, checkpoint.root) == (frontier.size, frontier.root)
        assert checkpoint.chain == previous == head["hash"]
        assert checkpoint.tenant == tenant


def test_the_database_refuses_to_change_or_cut_the_trail(
    store: ReportStore, database_url: str
) -> None:
    submit(store, a_source(an_identifier()))
    engine = make_engine(database_url, timeout_s=5.0)
    statements = [
        "UPDATE audit_events SET subject = 'x'",
        "DELETE FROM audit_events",
        "UPDATE reports SET conclusion = 'x'",
        "UPDATE sources SET status = 'x'",
    ]
    if engine.dialect.name == "postgresql":
        statements += ["TRUNCATE audit_events", "TRUNCATE documents"]
    for statement in statements:
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), engine.begin() as c:
            c.execute(sa.text(statement))
    engine.dispose()


def test_tenants_have_their_own_identifiers_requests_and_reports(
    store: ReportStore,
) -> None:
    source = a_source(an_identifier())
    ours = submit(store, source, request_id="r")
    theirs = submit(store, source, request_id="r", caller=NORTH)
    assert ours.report_id != theirs.report_id
    assert store.list(NORTH, ReportQuery()).reports == (theirs,)
    for attempt in (
        store.get,
        lambda caller, name: store.get_with_source(caller, name, 1)[1],
    ):
        with pytest.raises(ReportNotFound):
            attempt(NORTH, ours.report_id)


def test_events_are_valid_for_independent_validators(
    store: ReportStore, database_url: str
) -> None:
    stored = submit(store, a_source(an_identifier()), request_id="r", caller=NORTH)
    submit(store, a_source(an_identifier()), request_id="s", caller=NORTH)
    store.get(NORTH, stored.report_id)
    store.get(NORTH, stored.report_id, 1)
    store.list(NORTH, ReportQuery(status="final"))
    store.list(NORTH, ReportQuery())
    for operation in Operation:
        store.record(NORTH, AuditDraft(operation, details={"detail": "some"}))
    refused = RefusedCall("e", datetime.now(UTC), NOBODY, "/m", "UNAUTHENTICATED")
    store.record_refusals([refused])
    events = [row["event"] for row in rows(database_url, audit_events)]
    assert_valid_for_independent_validators(events)


def test_an_event_survives_the_store_that_wrote_it(database_url: str) -> None:
    first = open_store(database_url)
    submit(first, a_source())
    first.close()
    second = open_store(database_url)
    submit(second, a_source())
    second.close()
    assert [row["sequence"] for row in rows(database_url, audit_events)] == [1, 2]
