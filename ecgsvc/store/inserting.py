"""How a report version becomes rows."""

import math
import secrets
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from sqlalchemy import Connection, Table, func, insert, select

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
from ecgsvc.store.contents import Contents, Row
from ecgsvc.store.places import identifier_keys, known_identifiers


def insert_report(connection: Connection, tenant: str, new: NewReport) -> Contents:
    """Insert a report version with all that belongs to it but the request.

    Returns
    -------
    Contents
        Digests of the rows, for the audit event.

    Raises
    ------
    SlotTaken
        When one of its identifiers has meanwhile become another ECG's. All other races
        are decided by the database's keys.
    """
    salt = secrets.token_hex(16)
    contents = Contents(salt)

    def put(table: Table, rows: Iterable[Row], **key: object) -> None:
        if keyed := [{"tenant": tenant, **key, **row} for row in rows]:
            connection.execute(insert(table), keyed)
            contents.add(table, keyed)

    report_id, version = new.slot.report_id, new.slot.version
    if version == 1:
        put(schema.ecgs, [{"report_id": report_id, "created_at": new.issued_at}])
    unknown = _unknown_identifiers(connection, tenant, new)
    put(schema.identifiers, unknown, report_id=report_id, version=version)
    source_version = _source_version(connection, tenant, new)
    if new.again is None or new.might_supersede:
        put(schema.sources, [_source_row(new, source_version)])
    contents.note(source_version=source_version, source_sha256=new.source.sha256)
    for table, rows in (
        (schema.reports, [_report_row(new, source_version, salt)]),
        (schema.documents, document_rows(new.documents)),
        (schema.measurements, [_measurement_row(new.analysis)]),
        (schema.lead_amplitudes, _amplitude_rows(new.analysis)),
        (schema.findings, _finding_rows(new.analysis)),
        (schema.report_codes, _code_rows(new)),
        (schema.report_models, _model_rows(new.analysis)),
        (schema.undetermined, _undetermined_rows(new)),
        (schema.scores, _score_rows(new.analysis)),
        (schema.demographics, _demographic_rows(new)),
    ):
        put(table, rows, report_id=report_id, version=version)
    return contents


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
        might_supersede=new.might_supersede,
        source_fhir_version=new.source.fhir_version,
    )


def _unknown_identifiers(connection: Connection, tenant: str, new: NewReport) -> list[Row]:
    if new.might_supersede:  # they name the report that was signed
        return []
    keys = identifier_keys(new.source)
    known = known_identifiers(connection, tenant, keys)
    if set(known.values()) - {new.slot.report_id}:
        raise SlotTaken
    return [
        {"system": system, "value": value}
        for system, value in keys
        if (system, value) not in known
    ]


def _source_version(connection: Connection, tenant: str, new: NewReport) -> int:
    """Number the source: the next, or the one that was analysed again."""
    if new.again is not None and new.might_supersede is None:
        return new.again.source_version
    columns = schema.sources.c
    newest = select(func.max(columns.version)).where(
        columns.tenant == tenant, columns.report_id == new.slot.report_id
    )
    return (connection.scalar(newest) or 0) + 1


def _source_row(new: NewReport, version: int) -> Row:
    return {
        "report_id": new.slot.report_id,
        "version": version,
        "sha256": new.source.sha256,
        "fhir_version": new.source.fhir_version,
        "status": new.source.status,
        "received_at": datetime.now(UTC),
        "body": new.source.body,
    }


def _report_row(new: NewReport, source_version: int, salt: str) -> Row:
    subject = new.source.subject_identifier
    return {
        "source_version": source_version,
        "status": new.status,
        "subject_reference": new.source.subject_reference,
        "subject_system": (subject.system or "") if subject else None,
        "subject_value": subject.value if subject else None,
        "effective_at": new.source.effective_at,
        "issued_at": new.issued_at,
        "conclusion": new.analysis.conclusion,
        "software_version": __version__,
        "salt": salt,
        "might_supersede": new.might_supersede,
    }


def document_rows(documents: ReportDocuments) -> Iterator[Row]:
    """Write the resources of a version, in their order."""
    yield {
        "kind": "diagnostic_report",
        "position": 0,
        "body": documents.diagnostic_report,
    }
    for position, body in enumerate(documents.observations):
        yield {"kind": "observation", "position": position, "body": body}
    yield {"kind": "provenance", "position": 0, "body": documents.provenance}
    yield {"kind": "device", "position": 0, "body": documents.device}
    for position, body in enumerate(documents.further):
        yield {"kind": "further", "position": position, "body": body}


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
    own = (each.model for each in analysis.plug_ins)
    for position, model in enumerate((*analysis.models, *own)):
        yield {
            "position": position,
            "name": model.name,
            "model_version": model.version,
            "sha256": model.sha256,
        }


def _undetermined_rows(new: NewReport) -> Iterator[Row]:
    """Name what is open, each once; of single leads the documents tell."""
    paths = dict.fromkeys(each.path for each in new.analysis.undetermined)
    for path in paths:
        if path.count(".") <= 1 and not path.startswith("waves."):
            yield {"path": path, "effective_at": new.source.effective_at}


def _score_rows(analysis: Analysis) -> Iterator[Row]:
    windows = analysis.rhythm.windows if analysis.rhythm else ()
    for label in dict.fromkeys(label for each in windows for label in each.probabilities):
        said = [
            each.probabilities[label] for each in windows if label in each.probabilities
        ]
        score = float(sum(said) / len(said))
        yield {"model": "rhythm", "label": label.name.lower(), "score": score}
    superclasses = analysis.diagnosis.superclasses if analysis.diagnosis else {}
    for superclass, call in superclasses.items():
        score = float(call.probability)
        yield {"model": "diagnosis", "label": superclass.value, "score": score}


def _demographic_rows(new: NewReport) -> Iterator[Row]:
    if new.sex is not None or new.age_years is not None:
        yield {"sex": new.sex, "age_years": _plain(new.age_years)}


def _plain(value: float | None) -> float | None:
    """Return a Python float, as drivers do not know numpy's; None for what is no number."""
    return None if value is None or not math.isfinite(value) else float(value)
