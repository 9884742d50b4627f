"""Clinicians' versions stand on the machine's, which stay; two signers never both win."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import sqlalchemy as sa
from factories import CALLER, KEY, a_report, a_signing, a_source, an_identifier, submit

from ecgsvc.domain.caller import Caller
from ecgsvc.domain.errors import ReportNotFound, SlotTaken, VersionConflict
from ecgsvc.domain.findings import SNOMED_CT, Coding
from ecgsvc.domain.report import ReportQuery, ReportSlot, StoredReport
from ecgsvc.domain.signing import ReportStatus
from ecgsvc.store import ReportStore, TrailAuditor
from ecgsvc.store.contents import VERSIONED
from ecgsvc.store.engine import make_engine

ATRIAL_FIBRILLATION = Coding(SNOMED_CT, "164889003", "Atrial fibrillation")


def test_a_signature_makes_a_version_and_leaves_the_one_before(store: ReportStore) -> None:
    first = submit(store, a_source(an_identifier()))
    signed = store.add_signed(
        CALLER, a_signing(first, conclusion="Flutter.", codes=(ATRIAL_FIBRILLATION,))
    )
    assert (signed.version, signed.status) == (2, "final")
    assert signed.conclusion == first.conclusion
    assert signed.signature
    assert signed.signature.conclusion == "Flutter."
    assert store.get(CALLER, first.report_id, 1) == first
    assert store.get(CALLER, first.report_id) == signed
    assert store.versions(CALLER, first.report_id) == (signed, first)
    assert store.list(CALLER, ReportQuery(status="final")).reports == (signed,)
    assert store.list(CALLER, ReportQuery(code="426783006")).reports == (signed,)


def test_what_the_machine_measured_is_carried_over(
    store: ReportStore, database_url: str
) -> None:
    first = submit(store, a_source(an_identifier()))
    store.add_signed(CALLER, a_signing(first))
    engine = make_engine(database_url, timeout_s=5.0)
    anew = {"reports", "identifiers", "documents", "signer_codes"}
    with engine.connect() as connection:
        for table in VERSIONED:
            if table.name in anew:
                continue
            columns = [c for c in table.c if c.name != "version"]
            one, two = (
                connection.execute(
                    sa.select(*columns).where(table.c.version == v).order_by(*columns)
                ).all()
                for v in (1, 2)
            )
            assert one == two, table.name
    engine.dispose()


def test_a_resent_ecg_gets_the_signed_version_and_an_amended_one_a_new(
    store: ReportStore,
) -> None:
    source = a_source(an_identifier())
    signed = store.add_signed(CALLER, a_signing(submit(store, source)))
    assert submit(store, source) == signed
    amended = a_source(source.identifiers[0], status="amended")
    assert submit(store, amended).version == 3
    assert store.get(CALLER, signed.report_id, 2) == signed


def test_the_second_of_many_signers_is_told_and_loses_nothing(store: ReportStore) -> None:
    first = submit(store, a_source(an_identifier()))

    def sign(_number: int) -> StoredReport | None:
        try:
            return store.add_signed(CALLER, a_signing(first))
        except VersionConflict:
            return None

    with ThreadPoolExecutor(8) as pool:
        signed = [each for each in pool.map(sign, range(8)) if each]
    assert len(signed) == 1
    again = a_signing(signed[0], ReportStatus.AMENDED)
    assert store.add_signed(CALLER, again).version == 3


def test_versions_of_other_tenants_are_not_there(store: ReportStore) -> None:
    first = submit(store, a_source())
    north = Caller("north", "n")
    for attempt in (
        lambda: store.versions(north, first.report_id),
        lambda: store.peek(north, first.report_id),
        lambda: store.add_signed(north, a_signing(first)),
    ):
        with pytest.raises(ReportNotFound):
            attempt()


def again(store: ReportStore, report_id: str, slot: ReportSlot) -> StoredReport:
    source = a_source(content=b"the ECG")
    stored = store.stored_ecg(CALLER, report_id)
    assert stored.body == source.body
    return store.add(CALLER, replace(a_report(slot, source), again=stored))


def test_another_analysis_is_a_version_on_the_same_source(
    store: ReportStore, database_url: str
) -> None:
    first = submit(store, a_source(an_identifier(), content=b"the ECG"))
    slot = ReportSlot(first.report_id, 2)
    second = again(store, first.report_id, slot)
    assert store.get(CALLER, first.report_id) == second
    assert store.get_with_source(CALLER, first.report_id, 2)[1] == b"the ECG"
    with pytest.raises(SlotTaken):
        again(store, first.report_id, slot)
    assert problems(database_url) == []


def test_another_analysis_of_a_signed_report_stands_beside_it(
    store: ReportStore, database_url: str
) -> None:
    source = a_source(an_identifier(), content=b"the ECG")
    signed = store.add_signed(CALLER, a_signing(submit(store, source)))
    beside = again(store, signed.report_id, ReportSlot("another", 1))
    assert store.get(CALLER, "another") == beside
    assert beside.might_supersede == signed.report_id
    assert store.get(CALLER, signed.report_id) == signed
    assert submit(store, source) == signed  # the identifiers stay the signed report's
    assert problems(database_url) == []


def problems(url: str) -> list[str]:
    with TrailAuditor.opened(url, [KEY.public]) as auditor:
        return [p.text for p in auditor.verify("default").problems]
