"""What tables of the file have in common: their strictness, and kinds of values."""

import re
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
HERE = frozenset({"127.0.0.1", "localhost", "::1"})
"""Hosts that need no TLS."""


class Table(BaseModel):
    """A table; what it does not name is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        msg = "expected 1 to 64 of a-z 0-9 . _ -, beginning with a letter or digit"
        raise ValueError(msg)
    return value


def _host_and_port(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or not 0 <= int(port) <= 65535:
        msg = "expected HOST:PORT"
        raise ValueError(msg)
    return value


def _token(value: str) -> str:
    system, bar, code = value.partition("|")
    if not bar or not system or not code:
        msg = "expected SYSTEM|CODE, such as http://snomed.info/sct|49436004"
        raise ValueError(msg)
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        msg = "expected the name of a time zone, such as Europe/Berlin"
        raise ValueError(msg) from None
    return value


Name = Annotated[str, AfterValidator(_name)]
HostAndPort = Annotated[str, AfterValidator(_host_and_port)]
Token = Annotated[str, AfterValidator(_token)]
ZoneName = Annotated[str, AfterValidator(_zone)]
