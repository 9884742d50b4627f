"""The outbox on real databases: nothing lost, nothing twice at once, in order."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from factories import CALLER, a_signing, a_source, an_identifier, open_store, submit
from sqlalchemy import Connection, event

from ecgsvc.delivery import Lane
from ecgsvc.delivery.lanes import drain
from ecgsvc.domain.audit import Operation
from ecgsvc.domain.delivery import (
    Answer,
    Attempt,
    ClaimedDelivery,
    DeliveryKey,
    DeliveryQuery,
    DeliveryState,
    Verdict,
)
from ecgsvc.domain.errors import InvalidRequest, ReportNotFound
from ecgsvc.domain.report import ReportQuery
from ecgsvc.store import ReportStore, schema

MINUTE = timedelta(minutes=1)
DELIVERED = Attempt(DeliveryState.DELIVERED, "201")
DEAD = Attempt(DeliveryState.DEAD, "422")


def routes(tenant: str, status: str) -> Sequence[str]:
    return ("ehr", "archive") if tenant == CALLER.tenant else ()


@pytest.fixture
def outbox(database_url: str) -> Iterator[ReportStore]:
    store = open_store(database_url, routes=routes)
    yield store
    store.close()


def claim(
    store: ReportStore, destination: str = "ehr", lease_for: timedelta = MINUTE
) -> ClaimedDelivery | None:
    return store.claim_delivery(CALLER, destination, lease_for)


def claimed(store: ReportStore, destination: str = "ehr") -> ClaimedDelivery:
    found = claim(store, destination)
    assert found is not None
    return found


def test_a_stored_version_is_on_its_way_to_every_destination(outbox: ReportStore) -> None:
    report = submit(outbox, a_source())
    assert sorted(outbox.due_destinations()) == [
        (CALLER.tenant, "archive"),
        (CALLER.tenant, "ehr"),
    ]
    for destination in ("ehr", "archive"):
        delivery = claimed(outbox, destination)
        assert delivery.key == DeliveryKey(
            CALLER.tenant, destination, report.report_id, report.version
        )
        assert delivery.report == report
        assert outbox.settle_delivery(CALLER, delivery, DELIVERED)
    assert outbox.due_destinations() == []
    states = {each.state for each in outbox.list_deliveries(CALLER).deliveries}
    assert states == {DeliveryState.DELIVERED}


def test_a_clinicians_version_follows_the_machines(outbox: ReportStore) -> None:
    first = submit(outbox, a_source())
    signed = outbox.add_signed(CALLER, a_signing(first))
    outbox.settle_delivery(CALLER, claimed(outbox), DELIVERED)
    assert claimed(outbox).report == signed


def test_a_tenant_without_destinations_has_no_deliveries(outbox: ReportStore) -> None:
    submit(outbox, a_source(), caller=replace(CALLER, tenant="south"))
    assert outbox.due_destinations() == []


def test_a_replay_is_not_delivered_again(outbox: ReportStore) -> None:
    source = a_source(an_identifier())
    submit(outbox, source, request_id="one")
    submit(outbox, source, request_id="two")
    assert (
        len(outbox.list_deliveries(CALLER, DeliveryQuery(destination="ehr")).deliveries)
        == 1
    )


def test_a_patients_versions_come_one_after_another(outbox: ReportStore) -> None:
    own = an_identifier()
    first = submit(outbox, a_source(own, subject_reference="Patient/1"))
    second = submit(outbox, a_source(own, status="amended", subject_reference="Patient/1"))
    other = submit(outbox, a_source(subject_reference="Patient/2"))
    a = claimed(outbox)
    b = claimed(outbox)
    assert (a.report, b.report) == (first, other)
    assert claim(outbox) is None
    later = datetime.now(UTC) + MINUTE
    outbox.settle_delivery(CALLER, a, Attempt(DeliveryState.PENDING, "503", later))
    assert claim(outbox) is None  # the first is not due, the second behind it
    again = outbox.delivery(CALLER, a.key)
    assert (again.attempts, again.answer) == (1, "503")
    outbox.settle_delivery(CALLER, b, DELIVERED)
    assert second.version == 2


def test_a_dead_letter_holds_nobody_up(outbox: ReportStore) -> None:
    submit(outbox, a_source())
    second = submit(outbox, a_source())
    outbox.settle_delivery(CALLER, claimed(outbox), DEAD)
    assert claimed(outbox).report == second


def test_who_dies_leaves_a_lease_that_runs_out(outbox: ReportStore) -> None:
    submit(outbox, a_source())
    dead = claim(outbox, lease_for=timedelta(0))
    assert dead is not None
    alive = claimed(outbox)
    assert (alive.key, alive.attempt) == (dead.key, 2)
    assert not outbox.settle_delivery(CALLER, dead, DEAD)
    assert outbox.settle_delivery(CALLER, alive, DELIVERED)
    assert outbox.delivery(CALLER, alive.key).state is DeliveryState.DELIVERED


def test_workers_never_hold_the_same_delivery(outbox: ReportStore) -> None:
    n_reports = 24
    for number in range(n_reports):
        submit(outbox, a_source(subject_reference=f"Patient/{number % 5}"))
    seen: list[tuple[str, int]] = []
    under_way: set[str | None] = set()
    clashes: list[str] = []

    def work() -> None:
        while len(seen) < n_reports:
            if (found := claim(outbox)) is None:
                continue
            patient = found.report.subject_reference
            if patient in under_way:
                clashes.append(str(patient))
            under_way.add(patient)
            seen.append((found.key.report_id, found.attempt))
            under_way.discard(patient)
            outbox.settle_delivery(CALLER, found, DELIVERED)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert clashes == []
    assert len(seen) == len({name for name, _ in seen}) == n_reports
    assert {attempt for _, attempt in seen} == {1}


def test_a_dead_letter_is_replayed_unless_a_newer_version_arrived(
    outbox: ReportStore,
) -> None:
    own = an_identifier()
    submit(outbox, a_source(own))
    dead = claimed(outbox)
    outbox.settle_delivery(CALLER, dead, DEAD)
    outbox.replay_delivery(CALLER, dead.key)
    again = claimed(outbox)
    assert again.key == dead.key
    outbox.settle_delivery(CALLER, again, DEAD)
    submit(outbox, a_source(own, status="corrected"))
    outbox.settle_delivery(CALLER, claimed(outbox), DELIVERED)
    with pytest.raises(InvalidRequest, match="newer version"):
        outbox.replay_delivery(CALLER, dead.key)
    with pytest.raises(InvalidRequest, match="is delivered"):
        outbox.replay_delivery(CALLER, replace(dead.key, version=2))
    with pytest.raises(ReportNotFound):
        outbox.replay_delivery(CALLER, replace(dead.key, version=3))


def test_every_try_is_in_the_trail_before_and_after(outbox: ReportStore) -> None:
    report = submit(outbox, a_source())
    delivery = claimed(outbox)
    assert _delivered(outbox) == [(report.report_id, "0")]
    outbox.settle_delivery(CALLER, delivery, DEAD)
    assert _delivered(outbox) == [(report.report_id, "0"), (report.report_id, "8")]


def _delivered(store: ReportStore) -> list[tuple[str, str]]:
    events = schema.audit_events.c
    query = (
        schema.audit_events.select()
        .where(events.operation == Operation.DELIVER.value)
        .order_by(events.sequence)
    )
    with store._reading() as connection:
        return [(row.report_id, row.outcome) for row in connection.execute(query)]


def test_an_erased_patients_reports_are_not_delivered(outbox: ReportStore) -> None:
    submit(outbox, a_source(subject_reference="Patient/gone"))
    delivery = claimed(outbox)
    outbox.erase_patient(CALLER, "Patient/gone")
    assert outbox.list_deliveries(CALLER).deliveries == ()
    assert not outbox.settle_delivery(CALLER, delivery, DELIVERED)


def test_analyses_are_stored_while_a_receiver_is_talked_to(outbox: ReportStore) -> None:
    """What a try holds is a lease: no transaction, no lock, no turn."""
    submit(outbox, a_source())
    stored = []

    class Receiver:
        def send(self, claimed: ClaimedDelivery) -> Answer:
            if len(stored) < 3:
                stored.append(submit(outbox, a_source(subject_reference="Patient/2")))
            return Answer(Verdict.REFUSED, "422")

        def close(self) -> None:
            pass

    stopping = threading.Event()
    drain(Lane(CALLER.tenant, "ehr", Receiver), outbox, stopping)
    assert len(stored) == 3


def test_looking_for_work_locks_nothing(database_url: str) -> None:
    outbox = open_store(database_url, routes=routes, timeout_s=0.2)
    with _statements_that_write(outbox) as written:
        assert claim(outbox) is None
        assert outbox.due_destinations() == []
    assert written == []
    outbox.close()


def test_no_document_is_read_while_others_cannot_write(outbox: ReportStore) -> None:
    submit(outbox, a_source())
    with _statements_that_write(outbox) as written:
        outbox.settle_delivery(CALLER, claimed(outbox), DELIVERED)
    assert any("audit_events" in each for each in written)
    assert not any("FROM documents" in each or "body" in each for each in written)


@contextmanager
def _statements_that_write(store: ReportStore) -> Iterator[list[str]]:
    """Collect the statements of transactions that were begun in order to write."""
    found: list[str] = []

    def note(connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        if connection.get_execution_options().get("ecgsvc_writes"):
            found.append(statement)

    event.listen(store._engine, "before_cursor_execute", note)
    event.listen(store._writing_engine, "before_cursor_execute", note)
    yield found
    event.remove(store._engine, "before_cursor_execute", note)
    event.remove(store._writing_engine, "before_cursor_execute", note)


def test_deliveries_are_listed_page_after_page(outbox: ReportStore) -> None:
    for _ in range(3):
        submit(outbox, a_source())
    outbox.settle_delivery(CALLER, claimed(outbox), DEAD)
    everything = outbox.list_deliveries(CALLER)
    assert (len(everything.deliveries), everything.next_page_token) == (6, "")
    found, query = [], DeliveryQuery(page_size=1)
    while True:
        page = outbox.list_deliveries(CALLER, query)
        found += page.deliveries
        if not page.next_page_token:
            break
        query = replace(query, page_token=page.next_page_token)
    assert found == list(everything.deliveries)
    (dead,) = outbox.list_deliveries(CALLER, DeliveryQuery(DeliveryState.DEAD)).deliveries
    assert dead.key == everything.deliveries[-1].key
    with pytest.raises(InvalidRequest, match="page token"):
        outbox.list_deliveries(CALLER, DeliveryQuery(page_token="1"))
    south = replace(CALLER, tenant="south")
    assert outbox.list_deliveries(south).deliveries == ()


def test_reports_are_found_by_their_deliveries(outbox: ReportStore) -> None:
    first = submit(outbox, a_source(subject_reference="Patient/1"))
    submit(outbox, a_source(subject_reference="Patient/2"))
    delivery = claimed(outbox)
    outbox.settle_delivery(CALLER, delivery, DEAD)

    def found(state: str) -> int:
        return len(outbox.list(CALLER, ReportQuery(delivery=state)).reports)

    assert [found(state) for state in ("dead", "pending", "delivered")] == [1, 2, 0]
    (dead,) = outbox.list(CALLER, ReportQuery(delivery="dead")).reports
    assert dead.report_id == delivery.key.report_id == first.report_id
