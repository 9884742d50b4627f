"""Who is behind a call, once it was let in."""

from weakref import WeakKeyDictionary

import grpc

from ecgsvc.domain.caller import Caller
from ecgsvc.domain.errors import Unauthenticated

_CALLERS: WeakKeyDictionary[grpc.ServicerContext, Caller] = WeakKeyDictionary()


def known_caller(context: grpc.ServicerContext) -> Caller | None:
    """Return the caller of a call, if it said who it is, also when it was not let in."""
    return _CALLERS.get(context)


def caller_of(context: grpc.ServicerContext) -> Caller:
    """Return the caller of a call; `Unauthenticated` when nobody said who it is."""
    caller = _CALLERS.get(context)
    if caller is None:
        msg = "the call says not who is asking"
        raise Unauthenticated(msg)
    return caller


def remember_caller(context: grpc.ServicerContext, caller: Caller) -> None:
    """Note whom a call was let in as, until it ends."""
    _CALLERS[context] = caller
