"""One REST interaction as handlers see it: plain values in, plain values out."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from ecgsvc.domain.caller import Caller
from ecgsvc.domain.report import FhirVersion


@dataclass(frozen=True, slots=True)
class Call:
    """What was asked, by whom.

    Parameters
    ----------
    base_url
        The server's FHIR base as the client reached it, without a slash at the end.
    path
        The parts of the path that vary (``id``, ``version``).
    query
        Parameters in order; a name may occur more than once.
    headers
        By lower-case name.
    cancelled
        Whether the client is gone.
    version
        FHIR version that the client wants; None: it states none.
    """

    caller: Caller
    base_url: str
    path: Mapping[str, str]
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes
    cancelled: Callable[[], bool]
    version: FhirVersion | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered.

    Parameters
    ----------
    media_type
        Empty: JSON of the version that the client wants.
    stream
        What is sent in place of `body`, piece by piece.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = ""
    stream: Iterator[bytes] | None = None


Handle: TypeAlias = Callable[[Call], Reply]
"""Answers a call; raises errors of `ecgsvc.domain.errors`."""
