"""The FHIR resources of a report as they leave, with or without names."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from ecgsvc.domain.export import ExportedReport
from ecgsvc.domain.report import ReportDocuments
from ecgsvc.export.deidentify import Deidentifier


@dataclass(frozen=True, slots=True)
class ExportedResources:
    """Resources on one line each; `source` is the ECG, when it was asked for."""

    documents: ReportDocuments
    source: bytes | None

    def by_type(self) -> Iterator[tuple[str, bytes]]:
        """Yield type and resource of all but the ECG, in the order they are written in."""
        documents = self.documents
        yield "DiagnosticReport", documents.diagnostic_report
        for body in documents.observations:
            yield "Observation", body
        yield "Provenance", documents.provenance
        yield "Device", documents.device
        for body in documents.further:
            yield str(orjson.loads(body)["resourceType"]), body


def resources_of(exported: ExportedReport, names: Deidentifier | None) -> ExportedResources:
    """Give a report's resources; with `names`, they name nobody.

    Otherwise they are the stored bytes, but for line breaks between the tokens of JSON,
    which become spaces.
    """

    def leaving(body: bytes) -> bytes:
        if names is None:
            return body.strip().replace(b"\n", b" ").replace(b"\r", b" ")
        return orjson.dumps(names.resource(json.loads(body), exported.patient))

    documents, source = exported.report.documents, exported.source
    return ExportedResources(
        ReportDocuments(
            diagnostic_report=leaving(documents.diagnostic_report),
            observations=tuple(map(leaving, documents.observations)),
            provenance=leaving(documents.provenance),
            device=leaving(documents.device),
            further=tuple(map(leaving, documents.further)),
        ),
        None if source is None else leaving(source),
    )
