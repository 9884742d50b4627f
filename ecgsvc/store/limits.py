"""What text the databases can hold, so that a caller hears of it before they do."""

from ecgsvc.domain.errors import InvalidElement, InvalidRequest
from ecgsvc.domain.report import EcgSource
from ecgsvc.store.schema import (
    MAX_IDENTIFIER,
    MAX_IDENTIFIERS,
    MAX_REFERENCE,
    MAX_REQUEST_ID,
)


def is_storable(text: str) -> bool:
    """Whether both databases can hold a text: UTF-8 without NUL."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def storable(text: str, longest: int = MAX_IDENTIFIER) -> str:
    """Cut a text to what both databases can hold; what they cannot becomes ``?``."""
    return text[:longest].replace("\0", "?").encode(errors="replace").decode()


def check_request_id(request_id: str) -> None:
    """Raise `InvalidRequest` when a request id is too long or not storable."""
    if len(request_id) > MAX_REQUEST_ID or not is_storable(request_id):
        msg = f"request_id must be at most {MAX_REQUEST_ID} characters, without NUL"
        raise InvalidRequest(msg)


def check_source(source: EcgSource) -> None:
    """Raise `InvalidElement` when there are too many identifiers, or one too long."""
    if len(source.identifiers) > MAX_IDENTIFIERS:
        msg = f"expected at most {MAX_IDENTIFIERS} identifiers"
        raise InvalidElement(msg, expression="Observation.identifier")
    for identifier in source.identifiers:
        _check("Observation.identifier.system", identifier.system, MAX_IDENTIFIER)
        _check("Observation.identifier.value", identifier.value, MAX_IDENTIFIER)
    _check("Observation.subject.reference", source.subject_reference, MAX_REFERENCE)
    if subject := source.subject_identifier:
        _check("Observation.subject.identifier.system", subject.system, MAX_IDENTIFIER)
        _check("Observation.subject.identifier.value", subject.value, MAX_IDENTIFIER)


def _check(expression: str, text: str | None, longest: int) -> None:
    if text is not None and (len(text) > longest or not is_storable(text)):
        msg = f"expected at most {longest} characters, without NUL"
        raise InvalidElement(msg, expression=expression)
