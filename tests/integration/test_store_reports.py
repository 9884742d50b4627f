"""What the store keeps comes back as it was, and replays are recognised."""

import dataclasses
import sqlite3
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from factories import (
    CALLER,
    ISSUED_AT,
    SINUS_RHYTHM,
    a_report,
    a_source,
    an_analysis,
    an_identifier,
    open_store,
    submit,
)

from ecgsvc import __version__
from ecgsvc.domain.errors import (
    DuplicateWithOtherContent,
    InvalidElement,
    InvalidRequest,
    ReportNotFound,
    SlotTaken,
    StoreUnavailable,
)
from ecgsvc.domain.report import EcgSource, Identifier, ReportSlot
from ecgsvc.store import ReportStore


def table(url: str, name: str) -> list[sa.RowMapping]:
    """All rows of a table, past the store."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        rows = list(connection.execute(sa.text(f"SELECT * FROM {name}")).mappings())
    engine.dispose()
    return rows


def test_a_report_is_read_back_as_it_was_stored(store: ReportStore) -> None:
    source = a_source(
        an_identifier(),
        content=b"\x00\xff exactly these bytes\r\n",
        subject_identifier=Identifier(None, "4711"),
        effective_at=datetime(2026, 3, 4, 23, 0, tzinfo=timezone(timedelta(hours=-5))),
    )
    slot = store.lookup(CALLER, "", source.sha256, source)
    assert isinstance(slot, ReportSlot)
    assert slot.version == 1
    stored = store.add(CALLER, a_report(slot, source))
    assert store.get(CALLER, slot.report_id) == stored
    assert store.get(CALLER, slot.report_id, 1) == stored
    assert store.get_with_source(CALLER, slot.report_id, 1)[1] == source.body
    assert stored.source_sha256 == source.sha256
    assert stored.subject_identifier == Identifier(None, "4711")
    assert stored.issued_at == ISSUED_AT
    assert stored.effective_at == source.effective_at
    read = store.get(CALLER, slot.report_id)
    assert read.effective_at.utcoffset() == timedelta(0)
    assert [d.decode().split()[0] for d in read.documents.observations] == [
        "measurements", "rhythm",
    ]  # fmt: skip


@pytest.mark.parametrize("year", [1, 1900, 9999])
def test_times_far_away_keep_their_microseconds(store: ReportStore, year: int) -> None:
    moment = datetime(year, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    stored = submit(store, a_source(effective_at=moment))
    assert store.get(CALLER, stored.report_id).effective_at == moment


def test_auditors_find_typed_values_beside_the_documents(database_url: str) -> None:
    store = open_store(database_url)
    source = a_source(an_identifier("E-1"))
    stored = submit(store, source, request_id="r-1")
    store.close()
    [row] = table(database_url, "measurements")
    analysis = an_analysis()
    for field in dataclasses.fields(analysis.measurements):
        if "Mapping" not in str(field.type):
            assert row[field.name] == getattr(analysis.measurements, field.name)
    amplitudes = table(database_url, "lead_amplitudes")
    assert {r["lead"]: (r["r_amplitude_mv"], r["t_amplitude_mv"]) for r in amplitudes} == {
        "I": (0.8, 0.2), "II": (1.25, 0.31), "V1": (None, None),
    }  # fmt: skip
    [finding] = table(database_url, "findings")
    assert (finding["code"], finding["text"]) == (SINUS_RHYTHM.code, SINUS_RHYTHM.display)
    assert finding["urgency"] == "prompt"
    [model] = table(database_url, "report_models")
    assert (model["name"], model["model_version"], model["sha256"]) == (
        "beats", "1.0.0", "ab" * 32,
    )  # fmt: skip
    [report] = table(database_url, "reports")
    assert report["software_version"] == __version__
    [received] = table(database_url, "sources")
    assert (received["sha256"], received["status"], received["fhir_version"]) == (
        source.sha256, "final", "4.0.1",
    )  # fmt: skip
    [request] = table(database_url, "requests")
    assert (request["request_id"], request["report_id"]) == ("r-1", stored.report_id)


def test_the_same_request_gets_the_same_report(store: ReportStore) -> None:
    source = a_source()
    first = submit(store, source, request_id="r")
    assert submit(store, source, request_id="r") == first


def test_a_request_id_with_other_content_is_refused(store: ReportStore) -> None:
    submit(store, a_source(an_identifier()), request_id="r")
    with pytest.raises(DuplicateWithOtherContent, match="request_id"):
        submit(store, a_source(an_identifier()), request_id="r")


def test_without_request_id_and_identifier_every_call_makes_a_report(
    store: ReportStore,
) -> None:
    source = a_source()
    assert submit(store, source).report_id != submit(store, source).report_id


def test_a_resent_ecg_gets_its_report_and_its_request_id_is_kept(
    store: ReportStore,
) -> None:
    source = a_source(an_identifier())
    first = submit(store, source, request_id="a")
    assert submit(store, source) == first
    assert submit(store, source, request_id="b") == first
    with pytest.raises(DuplicateWithOtherContent):
        submit(store, a_source(), request_id="b")


def test_identifiers_without_a_system_are_one_name_space(store: ReportStore) -> None:
    source = a_source(Identifier(None, "17"), Identifier("", "17"))
    first = submit(store, source)
    assert submit(store, source) == first
    with pytest.raises(DuplicateWithOtherContent):
        submit(store, a_source(Identifier(None, "17")))
    submit(store, a_source(Identifier("urn:other", "17")))


@pytest.mark.parametrize("status", ["amended", "corrected"])
def test_a_correction_is_a_new_version_and_the_old_one_stays(
    store: ReportStore, status: str
) -> None:
    identifier = an_identifier()
    original = a_source(identifier)
    correction = a_source(identifier, status=status)
    first = submit(store, original)
    second = submit(store, correction, request_id="r")
    assert (second.report_id, second.version) == (first.report_id, 2)
    assert store.get(CALLER, first.report_id) == second
    assert store.get(CALLER, first.report_id, 1) == first
    assert store.get_with_source(CALLER, first.report_id, 1)[1] == original.body
    assert store.get_with_source(CALLER, first.report_id, 2)[1] == correction.body
    assert submit(store, original) == first
    assert submit(store, correction) == second


@pytest.mark.parametrize("status", ["final", "preliminary"])
def test_other_bytes_without_the_status_of_a_correction_conflict(
    store: ReportStore, status: str
) -> None:
    identifier = an_identifier()
    submit(store, a_source(identifier))
    with pytest.raises(DuplicateWithOtherContent) as caught:
        submit(store, a_source(identifier, status=status))
    assert caught.value.expression == "Observation.identifier"


def test_a_correction_of_an_unknown_ecg_is_its_first_version(store: ReportStore) -> None:
    assert submit(store, a_source(an_identifier(), status="amended")).version == 1


def test_a_correction_may_add_identifiers_that_then_name_the_ecg(
    store: ReportStore,
) -> None:
    old, new = an_identifier(), an_identifier()
    first = submit(store, a_source(old))
    submit(store, a_source(old, new, status="amended"))
    third = submit(store, a_source(new, status="amended"))
    assert (third.report_id, third.version) == (first.report_id, 3)


def test_identifiers_of_different_ecgs_conflict(store: ReportStore) -> None:
    one, other = an_identifier(), an_identifier()
    submit(store, a_source(one))
    submit(store, a_source(other))
    with pytest.raises(DuplicateWithOtherContent, match="different ECGs"):
        submit(store, a_source(one, other, status="amended"))


def test_the_later_of_two_writers_of_a_slot_is_told_and_leaves_nothing(
    store: ReportStore, database_url: str
) -> None:
    identifier = an_identifier()
    early, late = a_source(identifier), a_source(identifier, an_identifier())
    slots = [store.lookup(CALLER, "", each.sha256, each) for each in (early, late)]
    assert isinstance(slots[0], ReportSlot)
    assert isinstance(slots[1], ReportSlot)
    store.add(CALLER, a_report(slots[0], early))
    with pytest.raises(SlotTaken):
        store.add(CALLER, a_report(slots[1], late))
    assert len(table(database_url, "ecgs")) == 1
    assert len(table(database_url, "identifiers")) == 1


def test_an_identifier_taken_meanwhile_by_another_ecg_is_noticed(
    store: ReportStore,
) -> None:
    own, shared = an_identifier(), an_identifier()
    submit(store, a_source(own))
    correction = a_source(own, shared, status="amended")
    slot = store.lookup(CALLER, "", correction.sha256, correction)
    assert isinstance(slot, ReportSlot)
    submit(store, a_source(shared))
    with pytest.raises(SlotTaken):
        store.add(CALLER, a_report(slot, correction))
    with pytest.raises(DuplicateWithOtherContent):
        store.lookup(CALLER, "", correction.sha256, correction)


@pytest.mark.parametrize(
    ("report_id", "version"),
    [
        ("00000000-0000-0000-0000-000000000000", None),
        ("00000000-0000-0000-0000-000000000000", 1),
        ("", None),
        ("nul\0", None),
        ("\ud800", None),
        ("x" * 100_000, None),
    ],
)
def test_what_was_never_stored_is_not_found(
    store: ReportStore, report_id: str, version: int | None
) -> None:
    with pytest.raises(ReportNotFound):
        store.get(CALLER, report_id, version)
    with pytest.raises(ReportNotFound):
        store.get_with_source(CALLER, report_id, version or 1)[1]


@pytest.mark.parametrize("version", [-1, 0, 2, 2**31, 2**63, 10**30])
def test_a_version_that_is_not_there_is_not_found(store: ReportStore, version: int) -> None:
    report_id = submit(store, a_source()).report_id
    with pytest.raises(ReportNotFound):
        store.get(CALLER, report_id, version)
    with pytest.raises(ReportNotFound):
        store.get_with_source(CALLER, report_id, version)[1]


@pytest.mark.parametrize("request_id", ["x" * 129, "nul\0", "\ud800"])
def test_a_request_id_the_database_cannot_hold_is_refused(
    store: ReportStore, request_id: str
) -> None:
    with pytest.raises(InvalidRequest, match="request_id"):
        submit(store, a_source(), request_id=request_id)


@pytest.mark.parametrize(
    ("source", "expression"),
    [
        (a_source(Identifier("s" * 256, "v")), "Observation.identifier.system"),
        (a_source(Identifier("s", "v" * 256)), "Observation.identifier.value"),
        (a_source(Identifier("s", "\0")), "Observation.identifier.value"),
        (a_source(subject_reference="r" * 513), "Observation.subject.reference"),
        (
            a_source(subject_identifier=Identifier(None, "v" * 256)),
            "Observation.subject.identifier.value",
        ),
    ],
)
def test_identifiers_the_database_cannot_hold_are_refused(
    store: ReportStore, source: EcgSource, expression: str
) -> None:
    with pytest.raises(InvalidElement) as caught:
        store.lookup(CALLER, "", "0" * 64, source)
    assert caught.value.expression == expression


def test_the_longest_texts_allowed_are_stored(store: ReportStore) -> None:
    long = Identifier("\N{GRINNING FACE}" * 255, "\N{SNOWMAN}" * 255)
    source = a_source(
        long, subject_reference="\N{GRINNING FACE}" * 512, subject_identifier=long
    )
    stored = submit(store, source, request_id="\N{GRINNING FACE}" * 128)
    assert submit(store, source, request_id="\N{GRINNING FACE}" * 128) == stored


def test_ping_answers(store: ReportStore) -> None:
    store.ping()


def test_an_unmigrated_database_is_refused_by_name_of_the_remedy(tmp_path: Path) -> None:
    for name in ("missing.db", "empty.db"):
        if name == "empty.db":
            sqlite3.connect(tmp_path / name).close()
        with pytest.raises(StoreUnavailable, match="ecgsvc migrate"):
            open_store(f"sqlite:///{tmp_path / name}")
    assert not (tmp_path / "missing.db").exists()


def test_an_ecg_with_too_many_identifiers_is_refused(store: ReportStore) -> None:
    many = [an_identifier() for _ in range(101)]
    with pytest.raises(InvalidElement, match="100 identifiers"):
        submit(store, a_source(*many))
    source = a_source(*many[:100])
    assert submit(store, source) == submit(store, source)
