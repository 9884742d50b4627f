"""A refusal is never lost: what the database cannot take waits on the disk."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from factories import KEY, open_store
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import PoolProxiedConnection

from ecgsvc.domain.audit import AuditQuery, RefusedCall
from ecgsvc.domain.caller import NOBODY, Caller, Role
from ecgsvc.domain.errors import StoreUnavailable, perhaps_entered
from ecgsvc.domain.report import ReportQuery
from ecgsvc.store import RefusalLog, RefusalSpool, Repeated, ReportStore, TrailAuditor

CALLER = Caller("default", "x", "Dr X", frozenset({Role.READER, Role.SIGNER}), "call-1")
MOMENT = datetime(2026, 11, 28, 9, 30, 0, 5, UTC)


def a_refusal(
    number: int, caller: Caller = CALLER, reason: str = "FORBIDDEN"
) -> RefusedCall:
    return RefusedCall(f"e{number}", MOMENT, caller, "/m", reason, by_us=bool(number % 2))


class Down:
    """A store that cannot be reached."""

    def record_refusals(self, refused: Sequence[RefusedCall]) -> None:
        raise StoreUnavailable("down")


def events(store: ReportStore, tenant: str = "default") -> list[tuple[str, datetime]]:
    page = store.audit_events(Caller(tenant, "auditor"), AuditQuery(subject=CALLER.subject))
    return [(event.outcome, event.recorded_at) for event in page.events]


def test_refusals_wait_for_the_database_and_are_entered_once(
    store: ReportStore, database_url: str, tmp_path: Path
) -> None:
    spool = RefusalSpool(tmp_path / "spool")
    assert spool.is_empty
    down = RefusalLog(Down(), spool)
    for number in range(3):
        down.record(a_refusal(number))
    down.record(a_refusal(3, NOBODY))
    down.enter_spooled()
    assert not spool.is_empty
    store.record_refusals([a_refusal(1)])  # entered, and the power failed
    up = RefusalLog(store, RefusalSpool(tmp_path / "spool"))
    up.enter_spooled()
    up.enter_spooled()
    assert sorted(events(store)) == [("4", MOMENT), ("4", MOMENT), ("8", MOMENT)]
    assert spool.is_empty
    with TrailAuditor.opened(database_url, [KEY.public]) as auditor:
        assert all(not auditor.verify(t).problems for t in ("default", "~nobody"))


def test_refusals_because_the_store_is_down_are_spooled_at_once(
    store: ReportStore, tmp_path: Path
) -> None:
    spool = RefusalSpool(tmp_path / "spool")
    log = RefusalLog(store, spool)
    log.record(a_refusal(0))
    assert spool.is_empty
    log.record(a_refusal(1, reason="STORE_UNAVAILABLE"))
    assert not spool.is_empty


def test_a_line_cut_by_a_crash_is_left_out(store: ReportStore, tmp_path: Path) -> None:
    file = tmp_path / "spool"
    spool = RefusalSpool(file)
    spool.add(a_refusal(0))
    file.write_bytes(file.read_bytes() + file.read_bytes()[:40])
    with spool.emptied() as refused:
        assert refused == [a_refusal(0)]
    assert file.read_bytes() == b""


def test_what_is_not_entered_stays_in_the_spool(tmp_path: Path) -> None:
    spool = RefusalSpool(tmp_path / "spool")
    spool.add(a_refusal(0))
    with pytest.raises(KeyError), spool.emptied():
        raise KeyError
    with spool.emptied() as refused:
        assert refused == [a_refusal(0)]


def test_checkpoints_are_kept_once_each(database_url: str, tmp_path: Path) -> None:
    store = open_store(database_url)
    store.record_refusals([a_refusal(0), a_refusal(1, NOBODY)])
    names = [path.name for path in store.keep_checkpoints(tmp_path)]
    assert names == ["default-000000000001.checkpoint", "~nobody-000000000001.checkpoint"]
    assert store.keep_checkpoints(tmp_path) == []
    store.close()


def test_repeated_work_survives_errors_and_is_done_once_more_at_the_end() -> None:
    done, twice = [], threading.Event()

    def work() -> None:
        done.append(len(done))
        if len(done) > 1:
            twice.set()
        raise ValueError

    repeated = Repeated(work, 0.01)
    repeated.start()
    assert twice.wait(10)
    n_before = len(done)
    repeated.stop()
    assert len(done) > n_before


@pytest.mark.parametrize("stored", [True, False])
def test_a_call_whose_work_was_stored_unconfirmed_has_the_event_of_its_work_alone(
    store: ReportStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored: bool
) -> None:
    dialect = store._engine.dialect

    def broken(connection: PoolProxiedConnection) -> None:
        if stored:
            connection.commit()
        raise OperationalError("COMMIT", {}, ConnectionError("gone"))

    with monkeypatch.context() as patch:
        patch.setattr(dialect, "do_commit", broken)
        with pytest.raises(StoreUnavailable) as refused:
            store.list(CALLER, ReportQuery())
    error = refused.value
    assert len(error.entered) == 1
    log = RefusalLog(store, RefusalSpool(tmp_path / "spool"))
    in_vain = replace(
        a_refusal(0, reason="STORE_UNAVAILABLE"), entered=perhaps_entered(error)
    )
    log.record(in_vain)
    log.enter_spooled()
    [(outcome, _)] = events(store)
    assert outcome == ("0" if stored else "4")
