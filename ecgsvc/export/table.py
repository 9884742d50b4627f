"""Reports as rows of a table for statistics, with or without names."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Literal, TypeAlias

from ecgsvc.domain.export import ExportedReport
from ecgsvc.domain.measurements import Measurements
from ecgsvc.export.deidentify import Deidentifier, told_age

Kind: TypeAlias = Literal["text", "integer", "number", "time", "texts", "numbers"]
Cell: TypeAlias = (
    str | int | float | datetime | tuple[str, ...] | Mapping[str, float] | None
)

_MEASURED = tuple(
    each.name
    for each in fields(Measurements)
    if each.name.endswith(("_bpm", "_ms", "_deg"))
)

COLUMNS: Mapping[str, Kind] = {
    "report_id": "text",
    "version": "integer",
    "status": "text",
    "patient": "text",
    "effective_at": "time",
    "issued_at": "time",
    "sex": "text",
    "age_years": "number",
    **dict.fromkeys(_MEASURED, "number"),
    "finding_codes": "texts",
    "urgency": "text",
    "undetermined": "texts",
    "models": "texts",
    "scores": "numbers",
    "signer": "text",
    "signed_codes": "texts",
}
"""Names and kinds, in order. `finding_codes` are SNOMED CT; `models` are ``name version``;
`scores` are by ``model/label``; `signed_codes` is missing where nobody signed another
conclusion. Times are UTC, units are in the names."""


def row_of(exported: ExportedReport, names: Deidentifier | None) -> dict[str, Cell]:
    """Make the row of a report; with `names`, it names nobody."""
    report, patient = exported.report, exported.patient
    row: dict[str, Cell] = {
        "report_id": report.report_id,
        "version": report.version,
        "status": report.status,
        "patient": patient,
        "effective_at": report.effective_at,
        "issued_at": report.issued_at,
        "sex": exported.sex,
        "age_years": exported.age_years,
        **{name: exported.measurements.get(name) for name in _MEASURED},
        "finding_codes": tuple(finding.code for finding in exported.findings),
        "urgency": exported.urgency,
        "undetermined": exported.undetermined,
        "models": tuple(f"{model.name} {model.version}" for model in exported.models),
        "scores": exported.scores,
        "signer": exported.signer,
        "signed_codes": exported.signed_codes,
    }
    if names is None:
        return row
    return row | {
        "report_id": names.pseudonym(report.report_id),
        "patient": names.pseudonym(patient),
        "effective_at": names.shifted(report.effective_at, patient),
        "issued_at": names.shifted(report.issued_at, patient),
        "age_years": told_age(exported.age_years),
        "signer": exported.signer and names.pseudonym(exported.signer),
    }
