"""Several reports in one transaction: all of them, or none."""

import threading

import pytest
from factories import CALLER, a_report, a_source, an_identifier, submit

from ecgsvc.domain.audit import AuditQuery
from ecgsvc.domain.errors import SlotTaken
from ecgsvc.domain.report import EcgSource, NewReport, Replay, ReportQuery, ReportSlot
from ecgsvc.store import ReportStore


def new(store: ReportStore, source: EcgSource, request_id: str = "") -> NewReport:
    slot = store.lookup(CALLER, request_id, source.sha256, source)
    assert isinstance(slot, ReportSlot)
    return a_report(slot, source, request_id=request_id)


def operations(store: ReportStore) -> list[str]:
    page = store.audit_events(CALLER, AuditQuery(page_size=100))
    return [event.operation for event in page.events if event.operation != "read-trail"]


def test_all_are_stored_with_an_event_each(store: ReportStore) -> None:
    known = submit(store, a_source())
    news = [new(store, a_source(an_identifier()), request_id=f"r{i}") for i in range(3)]
    replay = Replay(known, "r3", known.source_sha256)
    stored = store.add_all(CALLER, [*news, replay])
    assert [each.report_id for each in stored] == [
        *(each.slot.report_id for each in news), known.report_id
    ]  # fmt: skip
    assert operations(store) == ["replay", "create", "create", "create", "create"]
    assert store.verify_trail(CALLER, ()).problems == ()


def test_when_one_loses_its_place_none_is_stored(store: ReportStore) -> None:
    own = an_identifier()
    late = new(store, a_source(own))
    submit(store, a_source(own))
    with pytest.raises(SlotTaken):
        store.add_all(CALLER, [new(store, a_source()), late])
    assert len(store.list(CALLER, ReportQuery()).reports) == 1


def test_who_waits_for_each_other_gives_way_and_is_told(store: ReportStore) -> None:
    """Two writers take the same identifiers in opposite orders, again and again."""
    outcomes: list[str] = []

    def write(sources: list[EcgSource], start: threading.Barrier) -> None:
        news = [new(store, source) for source in sources]
        start.wait(10)
        try:
            store.add_all(CALLER, news)
            outcomes.append("stored")
        except SlotTaken:
            outcomes.append("taken")

    for _ in range(2):
        first, second = an_identifier(), an_identifier()
        start = threading.Barrier(2)
        threads = [
            threading.Thread(target=write, args=([a_source(a), a_source(b)], start))
            for a, b in ((first, second), (second, first))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert sorted(outcomes) == ["stored"] * 2 + ["taken"] * 2
