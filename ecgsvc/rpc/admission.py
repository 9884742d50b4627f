"""The door: says who is asking, before a message is read, and whether they may."""

from collections.abc import Callable
from typing import TypeAlias

import grpc

from ecgsvc.domain.caller import Caller
from ecgsvc.identity import Credentials
from ecgsvc.rpc.caller import remember_caller
from ecgsvc.rpc.permissions import check_permission, is_open

Authenticate: TypeAlias = Callable[[Credentials], Caller]
"""Returns the caller behind credentials; raises `Unauthenticated`."""


def admit(
    method: str, context: grpc.ServicerContext, authenticate: Authenticate
) -> Caller | None:
    """Return who makes a call that may be made; None for a method open to anyone.

    Raises
    ------
    Unauthenticated, Forbidden
        Neither depends on what is stored.
    """
    if is_open(method):
        return None
    caller = authenticate(credentials_of(context))
    remember_caller(context, caller)
    check_permission(method, caller)
    return caller


def credentials_of(context: grpc.ServicerContext) -> Credentials:
    """Collect what a call brings along; of repeated headers the first counts."""
    headers: dict[str, str | bytes] = {}
    for key, value in context.invocation_metadata() or ():
        headers.setdefault(key, value)
    chain = context.auth_context().get("x509_pem_cert", ())
    certificates = [bytes(each) for each in chain]
    return Credentials(
        authorization=_text(headers.get("authorization", "")),
        certificate_pem=certificates[0] if certificates else b"",
        request_id=_text(headers.get("x-request-id", "")),
    )


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else ""
