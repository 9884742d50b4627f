"""Reads the file, and says every mistake with its place in it."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from ecgsvc.tenancy.destinations import FhirDestination
from ecgsvc.tenancy.tenant import Tenant, Tenants


class BadTenants(OSError):
    """The file cannot be used; `mistakes` says why, one place a line."""

    def __init__(self, path: Path, mistakes: list[str]) -> None:
        super().__init__("\n".join(f"{path}: {each}" for each in mistakes))
        self.mistakes = mistakes


def read_tenants(path: Path | None) -> Tenants:
    """Read and check the file; None is no file, and no tenant wants anything.

    Raises
    ------
    BadTenants
        It cannot be read, is no TOML, or says something that is not understood.
    """
    if path is None:
        return Tenants()
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadTenants(path, [error.strerror or "cannot be read"]) from None
    except UnicodeDecodeError:
        raise BadTenants(path, ["expected UTF-8"]) from None
    except tomllib.TOMLDecodeError as error:
        raise BadTenants(path, [f"no TOML: {error}"]) from None
    try:
        tenants = Tenants.model_validate(content)
    except ValidationError as error:
        raise BadTenants(path, _mistakes(error)) from None
    if missing := [*_missing_files(tenants)]:
        raise BadTenants(path, missing)
    return tenants


def _mistakes(error: ValidationError) -> list[str]:
    """Say where each mistake is, as the file has it: ``tenant[0].destination[1].url``."""
    lines = []
    for each in error.errors():
        place = ""
        for step in each["loc"]:
            if isinstance(step, int):
                place += f"[{step}]"
            elif step not in ("fhir", "mllp") or not place.endswith("]"):
                place += f".{step}" if place else step
        text = {
            "extra_forbidden": "there is no such key",
            "missing": "expected this key, which is missing",
        }.get(each["type"], each["msg"].removeprefix("Value error, "))
        lines.append(f"{place or 'file'}: {text}")
    return lines


def _missing_files(tenants: Tenants) -> Iterator[str]:
    for at, tenant in enumerate(tenants.tenant):
        for place, file in _files(tenant):
            if not file.is_file():
                yield f"tenant[{at}].{place}: there is no file {file}"


def _files(tenant: Tenant) -> Iterator[tuple[str, Path]]:
    named: list[tuple[str, Path | None]] = []
    for at, destination in enumerate(tenant.destination):
        place = f"destination[{at}]"
        named.append((f"{place}.ca", destination.ca))
        if isinstance(destination, FhirDestination):
            key = destination.oauth.key if destination.oauth else None
            named.append((f"{place}.oauth.key", key))
        else:
            named.append((f"{place}.certificate", destination.certificate))
            named.append((f"{place}.key", destination.key))
    for at, listener in enumerate(tenant.listener):
        named += [
            (f"listener[{at}].{name}", getattr(listener, name))
            for name in ("certificate", "key", "client_ca")
        ]
    return ((place, file) for place, file in named if file is not None)
