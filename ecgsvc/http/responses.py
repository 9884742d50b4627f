"""Requests and replies in Starlette's form."""

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from ecgsvc.domain.report import FhirVersion
from ecgsvc.http.call import Reply
from ecgsvc.http.formats import WRITTEN_VERSION, media_type, wanted_version

BASE_PATH = "/fhir"
_HEADERS = {"x-content-type-options": "nosniff", "cache-control": "no-store"}


def base_url(request: Request) -> str:
    """Return the FHIR base as the client reached it."""
    return f"{request.url.scheme}://{request.url.netloc}{BASE_PATH}"


def wanted(request: Request, *, is_ndjson: bool = False) -> FhirVersion | None:
    """Return the version that the client wants; as of `wanted_version`."""
    asked = request.query_params.get("_format")
    return wanted_version(request.headers, asked, is_ndjson=is_ndjson)


def response(reply: Reply, version: FhirVersion | None = None) -> Response:
    """Write a reply; its JSON is of a version unless it says what it is."""
    headers = _HEADERS | dict(reply.headers)
    kind = reply.media_type or media_type(version or WRITTEN_VERSION)
    if reply.stream is not None:
        return StreamingResponse(reply.stream, reply.status, headers, kind)
    return Response(reply.body or None, reply.status, headers, kind if reply.body else None)
