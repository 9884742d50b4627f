"""Which format and FHIR version a client sends and wants."""

from collections.abc import Mapping
from http import HTTPStatus

from ecgsvc.domain.report import FhirVersion
from ecgsvc.http.errors import NotServed

FHIR_JSON = "application/fhir+json"
NDJSON = "application/fhir+ndjson"
_JSON_KINDS = frozenset({FHIR_JSON, "application/json", "application/json+fhir", "json"})
NDJSON_KINDS = frozenset({NDJSON, "application/ndjson", "ndjson"})
_ANY = frozenset({"*/*", "application/*"})
WRITTEN_VERSION: FhirVersion = "4.0.1"
"""In which reports are kept, and told where no other is asked for."""

VERSIONS: Mapping[str, FhirVersion] = {"4.0": "4.0.1", "4.3": "4.3.0", "5.0": "5.0.0"}
"""By the value of the parameter ``fhirVersion`` of a media type."""


def media_type(version: FhirVersion) -> str:
    """Return the media type of JSON of a version."""
    return f"{FHIR_JSON}; fhirVersion={version.rpartition('.')[0]}"


def wanted_version(
    headers: Mapping[str, str], asked_format: str | None = None, *, is_ndjson: bool = False
) -> FhirVersion | None:
    """Return the version that the client prefers among those served; None: it states none.

    Parameters
    ----------
    asked_format
        Parameter ``_format``, which stands in place of ``Accept``.
    is_ndjson
        Whether lines of JSON are served; JSON will do as well then.

    Raises
    ------
    NotServed
        406: nothing the client accepts is served.
    """
    accepted = asked_format.replace(" ", "+") if asked_format else headers.get("accept")
    kinds = _JSON_KINDS | _ANY | (NDJSON_KINDS if is_ndjson else frozenset())
    ranges = [_parsed(each) for each in (accepted or "*/*").split(",")]
    for kind, parameters in sorted(ranges, key=lambda each: -_quality(each[1])):
        stated = parameters.get("fhirversion")
        if kind in kinds and (stated is None or stated in VERSIONS):
            return None if stated is None else VERSIONS[stated]
    msg = (
        "answers are JSON: ask for application/fhir+json, with fhirVersion "
        f"{', '.join(VERSIONS)} or none"
    )
    raise NotServed(HTTPStatus.NOT_ACCEPTABLE, msg)


def sent_version(headers: Mapping[str, str]) -> str:
    """Return the version that the content type states, empty when it states none.

    Raises
    ------
    NotServed
        415: the body is not JSON, or of another version.
    """
    kind, parameters = _parsed(headers.get("content-type", ""))
    if kind not in _JSON_KINDS:
        msg = "send application/fhir+json"
        raise NotServed(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, msg)
    stated = parameters.get("fhirversion")
    if stated is not None and stated not in VERSIONS:
        msg = f"fhirVersion must be one of {', '.join(VERSIONS)}"
        raise NotServed(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, msg)
    return "" if stated is None else VERSIONS[stated]


def _parsed(media_range: str) -> tuple[str, dict[str, str]]:
    kind, *rest = media_range.split(";")
    parameters = (each.partition("=") for each in rest)
    return kind.strip().lower(), {
        name.strip().lower(): value.strip().strip('"') for name, _, value in parameters
    }


def _quality(parameters: Mapping[str, str]) -> float:
    try:
        return float(parameters.get("q", "1"))
    except ValueError:
        return 0.0
