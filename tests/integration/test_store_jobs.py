"""Requests that wait for their answer, on real databases."""

import threading
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from factories import CALLER

from ecgsvc.domain.audit import AuditQuery
from ecgsvc.domain.errors import JobNotFound, Overloaded
from ecgsvc.domain.jobs import ClaimedJob, NewJob
from ecgsvc.store import ReportStore
from ecgsvc.store.jobs import MAX_WAITING

MINUTE = timedelta(minutes=1)


def take(store: ReportStore, body: bytes | None = b"an ECG") -> str:
    job_id = str(uuid.uuid4())
    details = {"headers": {"content-type": "json"}}
    store.add_job(CALLER, NewJob(job_id, "POST /Observation", details, body))
    return job_id


def claimed(store: ReportStore, lease_for: timedelta = MINUTE) -> ClaimedJob:
    found = store.claim_job(lease_for)
    assert found is not None
    return found


def test_a_job_is_done_in_the_name_of_who_asked(store: ReportStore) -> None:
    job_id = take(store)
    assert not store.job(CALLER, job_id).is_running
    work = claimed(store)
    assert (work.job_id, work.caller, work.body, work.attempt) == (
        job_id, CALLER, b"an ECG", 1
    )  # fmt: skip
    assert work.details["headers"]["content-type"] == "json"
    assert store.job(CALLER, job_id).is_running
    assert store.claim_job(MINUTE) is None
    assert store.settle_job(work, b"the answer")
    job = store.job(CALLER, job_id)
    assert (job.is_running, job.result) == (False, b"the answer")
    assert job.finished_at is not None
    assert store.claim_job(MINUTE) is None
    events = store.audit_events(CALLER, AuditQuery()).events
    assert [event.operation for event in events] == ["accept"]


def test_nobody_elses_job_is_seen_or_given_up(store: ReportStore) -> None:
    job_id = take(store)
    for other in (replace(CALLER, tenant="south"), replace(CALLER, subject="colleague")):
        with pytest.raises(JobNotFound):
            store.job(other, job_id)
        with pytest.raises(JobNotFound):
            store.cancel_job(other, job_id)
    for name in ("none", "\0", "\ud800"):
        with pytest.raises(JobNotFound):
            store.job(CALLER, name)


def test_who_dies_leaves_a_lease_that_runs_out(store: ReportStore) -> None:
    take(store)
    dead = claimed(store, lease_for=timedelta(0))
    alive = claimed(store)
    assert (alive.job_id, alive.attempt) == (dead.job_id, 2)
    assert not store.renew_job(dead, MINUTE)
    assert not store.settle_job(dead, b"late")
    assert store.renew_job(alive, MINUTE)
    assert store.settle_job(alive, b"in time")


def test_a_job_given_up_is_taken_from_its_worker(store: ReportStore) -> None:
    job_id = take(store)
    work = claimed(store)
    store.cancel_job(CALLER, job_id)
    assert not store.renew_job(work, MINUTE)
    assert not store.settle_job(work, b"")
    with pytest.raises(JobNotFound):
        store.job(CALLER, job_id)


def test_what_was_done_long_ago_is_forgotten(store: ReportStore) -> None:
    waiting, done = take(store), take(store, body=None)
    assert store.forget_jobs(datetime.now(UTC) - MINUTE) == 0
    assert store.forget_jobs(datetime.now(UTC) + MINUTE) == 1
    store.job(CALLER, waiting)
    with pytest.raises(JobNotFound):
        store.job(CALLER, done)


def test_too_many_are_refused(store: ReportStore, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_WAITING >= 100
    monkeypatch.setattr("ecgsvc.store.jobs.MAX_WAITING", 2)
    take(store)
    take(store)
    with pytest.raises(Overloaded):
        take(store)


def test_workers_never_hold_the_same_job(store: ReportStore) -> None:
    n_jobs = 12
    for _ in range(n_jobs):
        take(store)
    seen: list[str] = []

    def work() -> None:
        while (found := store.claim_job(MINUTE)) is not None:
            seen.append(found.job_id)
            store.settle_job(found, b"")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(seen) == len(set(seen)) == n_jobs
