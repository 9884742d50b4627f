"""How a report version becomes rows."""

from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import Connection, func, insert, select

from ecgsvc import __version__
from ecgsvc.domain.analysis import Analysis
from ecgsvc.domain.errors import SlotTaken
from ecgsvc.domain.report import (
    Identifier,
    NewReport,
    ReportDocuments,
    StoredReport,
)
from ecgsvc.store import schema
from ecgsvc.store.places import identifier_keys, known_identifiers

Row = dict[str, object]


def insert_report(connection: Connection, new: NewReport) -> None:
    """Insert a report version with all that belongs to it.

    Raises
    ------
    SlotTaken
        When one of its identifiers has meanwhile become another ECG's. All other races
        are decided by the database's keys.
    """
    key: Row = {"report_id": new.slot.report_id, "version": new.slot.version}
    _insert_ecg(connection, new)
    source_version = _insert_source(connection, new)
    connection.execute(
        insert(schema.reports), key | _report_row(new) | {"source_version": source_version}
    )
    for table, rows in (
        (schema.documents, _document_rows(new.documents)),
        (schema.measurements, [_measurement_row(new.analysis)]),
        (schema.lead_amplitudes, _amplitude_rows(new.analysis)),
        (schema.findings, _finding_rows(new.analysis)),
        (schema.report_codes, _code_rows(new)),
        (schema.report_models, _model_rows(new.analysis)),
        (schema.requests, _request_rows(new)),
    ):
        if keyed := [key | row for row in rows]:
            connection.execute(insert(table), keyed)


def as_stored(new: NewReport) -> StoredReport:
    """Return a report as reading it back would give it."""
    subject = new.source.subject_identifier
    return StoredReport(
        report_id=new.slot.report_id,
        version=new.slot.version,
        status=new.status,
        subject_reference=new.source.subject_reference,
        subject_identifier=subject and Identifier(subject.system or None, subject.value),
        effective_at=new.source.effective_at.astimezone(UTC),
        issued_at=new.issued_at.astimezone(UTC),
        source_sha256=new.source.sha256,
        conclusion=new.analysis.conclusion,
        documents=new.documents,
    )


def _insert_ecg(connection: Connection, new: NewReport) -> None:
    report_id = new.slot.report_id
    if new.slot.version == 1:
        connection.execute(
            insert(schema.ecgs), {"report_id": report_id, "created_at": new.issued_at}
        )
    keys = identifier_keys(new.source)
    known = known_identifiers(connection, keys)
    if set(known.values()) - {report_id}:
        raise SlotTaken
    if unknown := [key for key in keys if key not in known]:
        connection.execute(
            insert(schema.identifiers),
            [
                {"system": system, "value": value, "report_id": report_id}
                for system, value in unknown
            ],
        )


def _insert_source(connection: Connection, new: NewReport) -> int:
    columns = schema.sources.c
    newest = select(func.max(columns.version)).where(
        columns.report_id == new.slot.report_id
    )
    version = (connection.scalar(newest) or 0) + 1
    row = {
        "report_id": new.slot.report_id,
        "version": version,
        "sha256": new.source.sha256,
        "fhir_version": new.source.fhir_version,
        "status": new.source.status,
        "received_at": datetime.now(UTC),
        "body": new.source.body,
    }
    connection.execute(insert(schema.sources), row)
    return version


def _report_row(new: NewReport) -> Row:
    subject = new.source.subject_identifier
    return {
        "status": new.status,
        "subject_reference": new.source.subject_reference,
        "subject_system": (subject.system or "") if subject else None,
        "subject_value": subject.value if subject else None,
        "effective_at": new.source.effective_at,
        "issued_at": new.issued_at,
        "conclusion": new.analysis.conclusion,
        "software_version": __version__,
    }


def _document_rows(documents: ReportDocuments) -> Iterator[Row]:
    yield {
        "kind": "diagnostic_report",
        "position": 0,
        "body": documents.diagnostic_report,
    }
    for position, body in enumerate(documents.observations):
        yield {"kind": "observation", "position": position, "body": body}
    yield {"kind": "provenance", "position": 0, "body": documents.provenance}
    yield {"kind": "device", "position": 0, "body": documents.device}


def _measurement_row(analysis: Analysis) -> Row:
    return {
        column.name: _plain(getattr(analysis.measurements, column.name))
        for column in schema.measurements.c
        if column.name not in schema.REPORT_KEY
    }


def _amplitude_rows(analysis: Analysis) -> Iterator[Row]:
    r_mv = analysis.measurements.r_amplitude_mv
    t_mv = analysis.measurements.t_amplitude_mv
    st_mv = analysis.measurements.st_j60_mv
    for position, lead in enumerate(dict.fromkeys((*r_mv, *t_mv, *st_mv))):
        yield {
            "position": position,
            "lead": lead,
            "r_amplitude_mv": _plain(r_mv.get(lead)),
            "t_amplitude_mv": _plain(t_mv.get(lead)),
            "st_j60_mv": _plain(st_mv.get(lead)),
        }


def _finding_rows(analysis: Analysis) -> Iterator[Row]:
    for position, finding in enumerate(analysis.findings):
        yield {
            "position": position,
            "system": finding.coding.system,
            "code": finding.coding.code,
            "text": finding.text,
            "urgency": finding.urgency and finding.urgency.value,
        }


def _code_rows(new: NewReport) -> Iterator[Row]:
    for code in dict.fromkeys(each.code for each in new.codes):
        yield {"code": code, "effective_at": new.source.effective_at}


def _model_rows(analysis: Analysis) -> Iterator[Row]:
    for position, model in enumerate(analysis.models):
        yield {
            "position": position,
            "name": model.name,
            "model_version": model.version,
            "sha256": model.sha256,
        }


def _request_rows(new: NewReport) -> Iterator[Row]:
    if new.request_id:
        yield {"request_id": new.request_id, "request_sha256": new.request_sha256}


def _plain(value: float | None) -> float | None:
    """Return a Python float: drivers do not know numpy's."""
    return None if value is None else float(value)
