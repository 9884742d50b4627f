"""The REST face for newcomers: OpenAPI 3.1 and a page that needs nothing else."""

import re
from collections.abc import Iterable, Iterator
from html import escape

from ecgsvc.domain.caller import Role
from ecgsvc.http.exporting import PARAMETERS as EXPORT_PARAMETERS
from ecgsvc.http.formats import NDJSON
from ecgsvc.http.interactions import ANYONE, Interaction, search_parameters

_FHIR = "application/fhir+json"
_REFUSALS = {
    "400": "The request is wrong; the OperationOutcome says where",
    "401": "Nobody is known to have sent this",
    "403": "The caller may not do this",
    "404": "There is nothing of that name",
    "406": "Answers are JSON, of FHIR 4.0, 4.3 or 5.0",
    "429": "Too much work at once; try again after Retry-After seconds",
    "500": "A mistake of ours, with the number of the incident",
    "503": "Database or model is not there; try again after Retry-After seconds",
    "504": "The client left, nothing was stored",
}
_BODY_REFUSALS = {
    "409": "The same identifier was used with other content",
    "413": "More than 16 MiB",
    "415": "The body is no application/fhir+json of FHIR 4.0, 4.3 or 5.0",
    "422": "The ECG cannot be read; each issue names an element",
}


def openapi(
    table: Iterable[Interaction], *, base_path: str, software_version: str
) -> dict[str, object]:
    """Return the OpenAPI description of what the table offers."""
    paths: dict[str, dict[str, object]] = {}
    for each in table:
        path = paths.setdefault(base_path + each.path, {})
        path[each.method.lower()] = _operation(each)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ecgsvc",
            "version": software_version,
            "description": "ECGs in, reports out: FHIR R4, R4B and R5 over HTTP. "
            "Not a cleared medical device.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            },
            "schemas": {
                "Resource": {
                    "type": "object",
                    "required": ["resourceType"],
                    "properties": {"resourceType": {"type": "string"}},
                }
            },
        },
    }


def page(table: Iterable[Interaction], *, base_path: str) -> str:
    """Return an HTML page that lists the table."""
    rows = "\n".join(
        f"<tr><td><code>{each.method}</code></td>"
        f"<td><code>{escape(base_path + each.path)}</code></td>"
        f"<td>{escape(each.summary)}</td><td>{escape(_roles(each.roles))}</td></tr>"
        for each in table
    )
    return _PAGE.replace("ROWS", rows).replace("BASE", escape(base_path))


def _operation(interaction: Interaction) -> dict[str, object]:
    answers = {"200": "As asked"} | _REFUSALS
    if interaction.code == "create":
        answers |= {"201": "Stored; Location names it, Link its report"}
    if interaction.takes_body:
        answers |= _BODY_REFUSALS
    if interaction.may_wait:
        answers |= {"202": "Taken; Content-Location says where the answer will be"}
    if interaction.code == "job-status":
        answers |= {"202": "Not done yet"}
    if interaction.code == "job-cancel":
        answers = {"202": "Given up"} | _REFUSALS
    if interaction.code == "$export":
        answers = {"202": "Content-Location says where the manifest is"} | _REFUSALS
    if interaction.code == "$sign":
        answers |= {"412": "If-Match is missing, or there is a newer version"}
    if interaction.code in {"read", "vread"}:
        answers |= {"304": "If-None-Match names the present version"}
    written: dict[str, object] = {
        "summary": interaction.summary,
        "description": f"Roles: {_roles(interaction.roles)}",
        "operationId": re.sub(r"\W+", "-", f"{interaction.method}{interaction.path}"),
        "tags": [interaction.resource or "System"],
        "parameters": list(_parameters(interaction)),
        "responses": {
            status: _response(status, text) for status, text in sorted(answers.items())
        }
        | _lines(interaction),
    }
    if interaction.roles is not ANYONE:
        written["security"] = [{"token": []}]
    if interaction.takes_body:
        written["requestBody"] = {"required": True, "content": _content()}
    return written


def _parameters(interaction: Interaction) -> Iterator[dict[str, object]]:
    for name in re.findall(r"{(\w+)}", interaction.path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
    if interaction.may_wait:
        yield _header("Prefer", "respond-async, return=minimal or return=OperationOutcome")
        yield _header("Idempotency-Key", "The same key and body: the same answer")
    if interaction.code == "create":
        yield _header(
            "If-None-Exist", "identifier=SYSTEM|VALUE of an ECG that may be known"
        )
    if interaction.code == "$sign":
        yield _header("If-Match", "ETag of the version that was read") | {"required": True}
    if interaction.code == "$export":
        for name in EXPORT_PARAMETERS:
            yield {"name": name, "in": "query", "schema": {"type": "string"}}
    if interaction.code == "search-type":
        for name, kind in {
            **search_parameters(interaction.resource),
            "_count": "number",
            "_page": "string",
        }.items():
            yield {
                "name": name,
                "in": "query",
                "description": f"FHIR search parameter ({kind})",
                "schema": {"type": "string"},
            }


def _header(name: str, description: str) -> dict[str, object]:
    schema = {"type": "string"}
    return {"name": name, "in": "header", "description": description, "schema": schema}


def _response(status: str, text: str) -> dict[str, object]:
    bodiless = {"202", "304"}
    return {"description": text} | ({} if status in bodiless else {"content": _content()})


def _lines(interaction: Interaction) -> dict[str, object]:
    if not interaction.is_ndjson:
        return {}
    line = {"schema": {"type": "string"}}
    return {"200": {"description": "A resource a line", "content": {NDJSON: line}}}


def _content() -> dict[str, object]:
    return {_FHIR: {"schema": {"$ref": "#/components/schemas/Resource"}}}


def _roles(roles: frozenset[Role] | None) -> str:
    return "anyone" if roles is ANYONE else " or ".join(sorted(roles))


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>ecgsvc</title>
<style>
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%}
td,th{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #ccc}
pre{background:#f4f4f4;padding:.8rem;overflow:auto}
</style></head><body>
<h1>ecgsvc</h1>
<p>ECGs in, reports out: FHIR R4 (JSON) at <code>BASE</code>. Reports are preliminary until
a clinician signs. Not a cleared medical device.</p>
<pre>curl -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/fhir+json" \\
     --data-binary @ecg.json BASE/Observation</pre>
<table><tr><th>Method</th><th>Path</th><th></th><th>Role</th></tr>
ROWS
</table>
<p>Machine-readable: <a href="openapi.json">openapi.json</a>,
<a href="fhir/metadata">CapabilityStatement</a>.</p>
</body></html>
"""
