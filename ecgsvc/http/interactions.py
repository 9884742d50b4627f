"""The one table of what is offered; routes, roles, /metadata and OpenAPI follow it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ecgsvc import fhir
from ecgsvc.domain.caller import Role
from ecgsvc.http.auditing import PARAMETERS as AUDIT_PARAMETERS
from ecgsvc.http.auditing import Auditing
from ecgsvc.http.batching import Batching
from ecgsvc.http.call import Handle
from ecgsvc.http.creating import Creating
from ecgsvc.http.exporting import Exporting
from ecgsvc.http.jobs import Jobs
from ecgsvc.http.reading import Reading
from ecgsvc.http.resources import ECG_TYPES
from ecgsvc.http.searching import PARAMETERS
from ecgsvc.http.signing import Signing

ANYONE: Final = None
"""Open to callers that say not who they are: touches no data."""

_DEFINITIONS = {"$export": "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export"}
_POSTERS = frozenset({Role.POSTER})
_OPERATORS = frozenset({Role.OPERATOR})
_OWNERS = frozenset({Role.POSTER, Role.OPERATOR})
_READERS = frozenset({Role.READER, Role.SIGNER})


@dataclass(frozen=True, slots=True)
class Interaction:
    """One method on one path.

    Parameters
    ----------
    path
        Below the FHIR base, parts in braces vary.
    code
        Code of the interaction in FHIR (``read``, ``create`` …), or ``$`` and an operation.
    roles
        Of which a caller needs one; `ANYONE` for all.
    takes_body
        Whether a resource is sent.
    may_wait
        Whether ``Prefer: respond-async`` is understood.
    is_ndjson
        Whether lines of JSON are answered.
    """

    method: str
    path: str
    code: str
    summary: str
    roles: frozenset[Role] | None
    handle: Handle
    takes_body: bool = False
    may_wait: bool = False
    is_ndjson: bool = False

    @property
    def resource(self) -> str:
        """Resource type of the path, empty where there is none."""
        first = self.path.strip("/").partition("/")[0]
        return first if first[:1].isupper() else ""


def interactions(
    creating: Creating,
    batching: Batching,
    reading: Reading,
    signing: Signing,
    auditing: Auditing,
    exporting: Exporting,
    jobs: Jobs,
) -> tuple[Interaction, ...]:
    """Return everything that is offered on resources."""

    def get(path: str, code: str, summary: str, handle: Handle) -> Interaction:
        return Interaction("GET", path, code, summary, _READERS, handle)

    def create(kind: str) -> Handle:
        return jobs.or_later(f"POST /{kind}", creating.ecg(kind))

    files = (
        each
        for kind in ECG_TYPES[1:]
        for each in (
            Interaction(
                "POST", f"/{kind}", "create",
                "Analyse an ECG in a file (HL7 aECG, DICOM …) and store it with its report",
                _POSTERS, create(kind), takes_body=True, may_wait=True,
            ),
            get(f"/{kind}/{{id}}", "read", "Read an ECG that came as a file",
                reading.file(kind)),
            get(f"/{kind}/{{id}}/_history/{{version}}", "vread",
                "Read a version of such an ECG", reading.file(kind)),
        )
    )  # fmt: skip
    return (
        Interaction(
            "POST", "", "batch",
            "Analyse the ECGs of a Bundle: each for itself (batch), or all or none "
            "(transaction)", _POSTERS,
            jobs.or_later("POST /", batching.bundle), takes_body=True, may_wait=True,
        ),
        Interaction(
            "POST", "/Observation", "create",
            "Analyse an ECG and store it with its report", _POSTERS,
            create("Observation"), takes_body=True, may_wait=True,
        ),
        Interaction(
            "POST", "/Observation/$validate", "$validate",
            "Check an ECG without analysing or storing it", _POSTERS,
            creating.validate, takes_body=True,
        ),
        get("/Observation", "search-type", "Find Observations",
            reading.search_observations),
        get("/Observation/{id}", "read", "Read an Observation", reading.observation),
        get("/Observation/{id}/_history/{version}", "vread",
            "Read a version of an Observation", reading.observation),
        get("/DiagnosticReport", "search-type", "Find reports", reading.search_reports),
        get("/DiagnosticReport/{id}", "read", "Read a report", reading.diagnostic_report),
        get("/DiagnosticReport/{id}/_history/{version}", "vread",
            "Read a version of a report", reading.diagnostic_report),
        get("/DiagnosticReport/{id}/_history", "history-instance",
            "Read all versions of a report", reading.history),
        Interaction(
            "POST", "/DiagnosticReport/{id}/$sign", "$sign",
            "Make a report final, amended, corrected or entered-in-error",
            frozenset({Role.SIGNER}), signing.sign, takes_body=True,
        ),
        Interaction(
            "GET", "/AuditEvent", "search-type", "Find events of the audit trail",
            frozenset({Role.AUDITOR}), auditing.search,
        ),
        get("/Provenance/{id}", "read", "Read which models and bytes are behind a report",
            reading.derived("Provenance")),
        get("/Provenance/{id}/_history/{version}", "vread",
            "Read a version of such a Provenance", reading.derived("Provenance")),
        get("/RiskAssessment", "search-type", "Find answers of the hospital's own models",
            reading.search_risks),
        get("/RiskAssessment/{id}", "read", "Read an answer of a hospital's own model",
            reading.derived("RiskAssessment")),
        get("/RiskAssessment/{id}/_history/{version}", "vread",
            "Read a version of such an answer", reading.derived("RiskAssessment")),
        *files,
        Interaction(
            "GET", "/$export", "$export",
            "Export all reports as lines of JSON, a file a type (Bulk Data)", _OPERATORS,
            exporting.begin,
        ),
        Interaction(
            "GET", "/_jobs/{id}/{type}", "export-file", "Fetch a file of an export",
            _OPERATORS, exporting.file, is_ndjson=True,
        ),
        Interaction(
            "GET", "/_jobs/{id}", "job-status", "Ask for an answer preferred later",
            _OWNERS, jobs.status,
        ),
        Interaction(
            "DELETE", "/_jobs/{id}", "job-cancel", "Give up such an answer", _OWNERS,
            jobs.cancel,
        ),
    )  # fmt: skip


def system_operations(table: tuple[Interaction, ...]) -> dict[str, str]:
    """Return the operations on all resources, with their definitions."""
    return {
        each.code[1:]: _DEFINITIONS[each.code]
        for each in table
        if each.code.startswith("$") and not each.resource
    }


def search_parameters(resource: str) -> Mapping[str, str]:
    """Return the search parameters of a resource type, by their type."""
    return AUDIT_PARAMETERS if resource == "AuditEvent" else PARAMETERS[resource]


def offered_resources(
    table: tuple[Interaction, ...], definitions_url: str
) -> tuple[fhir.OfferedResource, ...]:
    """Sum up the table by resource type, for the CapabilityStatement."""
    offered = []
    for kind in dict.fromkeys(each.resource for each in table if each.resource):
        codes = [each.code for each in table if each.resource == kind]
        searched = "search-type" in codes
        parameters = search_parameters(kind) if searched else {}
        operations = {
            code[1:]: f"{definitions_url}/OperationDefinition/{kind}-{code[1:]}"
            for code in codes
            if code.startswith("$")
        }
        offered.append(
            fhir.OfferedResource(
                type=kind,
                interactions=[code for code in codes if not code.startswith("$")],
                search_parameters=parameters,
                includes=["DiagnosticReport:result"]
                if searched and kind == "DiagnosticReport"
                else [],
                operations=operations,
                conditional_create="create" in codes,
            )
        )
    return tuple(offered)
