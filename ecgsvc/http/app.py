"""The Starlette application: bytes and headers of HTTP around the table of interactions."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from http import HTTPStatus

import anyio
from anyio import to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import (
    Response,
)
from starlette.routing import Route

from ecgsvc.domain.audit import RefusedCall
from ecgsvc.domain.caller import NOBODY, Caller
from ecgsvc.domain.errors import Forbidden, InvalidRequest, Overloaded, TooLarge
from ecgsvc.domain.incidents import describe
from ecgsvc.domain.report import FhirVersion
from ecgsvc.http.call import Call, Reply
from ecgsvc.http.describing import described
from ecgsvc.http.errors import NotServed, refusal, refused_call
from ecgsvc.http.formats import sent_version
from ecgsvc.http.interactions import (
    ANYONE,
    Interaction,
)
from ecgsvc.http.responses import BASE_PATH, base_url, response, wanted
from ecgsvc.identity import Credentials, request_id

_LOG = logging.getLogger("ecgsvc.http")


@dataclass(frozen=True, slots=True)
class AppSettings:
    """Bounds of the REST face.

    Parameters
    ----------
    n_workers, max_pending
        Threads that answer calls; calls running or waiting before the next is refused.
    receive_timeout_s
        Time a body may take to arrive.
    """

    n_workers: int = 4
    max_pending: int = 64
    max_request_bytes: int = 16 * 1024 * 1024
    receive_timeout_s: float = 30.0


class _Face:
    """What all routes share."""

    def __init__(
        self,
        settings: AppSettings,
        authenticate: Callable[[Credentials], Caller],
        record_refusal: Callable[[RefusedCall], None],
        table: Iterable[Interaction],
    ) -> None:
        self._settings = settings
        self._authenticate = authenticate
        self._record_refusal = record_refusal
        self._workers = anyio.CapacityLimiter(settings.n_workers)
        self._pending = 0
        self._table = tuple(table)

    def routes(self) -> list[Route]:
        """One route a path, with the methods it takes."""
        paths: dict[str, dict[str, Interaction]] = {}
        for each in self._table:
            paths.setdefault(each.path, {})[each.method] = each
        made = [
            Route(BASE_PATH + path, self._endpoint(by_method), methods=list(by_method))
            for path, by_method in paths.items()
        ]
        return [*described(self._table), *made]

    def _endpoint(self, by_method: dict[str, Interaction]) -> Callable[[Request], object]:
        async def endpoint(request: Request) -> Response:
            method = "GET" if request.method == "HEAD" else request.method
            interaction = by_method[method]
            started_s, caller, version = time.monotonic(), None, None
            try:
                version = wanted(request, is_ndjson=interaction.is_ndjson)
                caller = self._admit(request, interaction)
                reply = await self._answer(request, interaction, caller, version)
            except ClientDisconnect:
                return Response(status_code=499)
            except Exception as error:
                reply = refusal(error)
                await self._enter(request, interaction, caller, error, reply)
            _LOG.info(
                "%s %s %d %.1f ms tenant=%s request=%s",
                request.method, interaction.path, reply.status,
                (time.monotonic() - started_s) * 1000,
                caller.tenant if caller else "-", (caller and caller.request_id) or "-",
            )  # fmt: skip
            if request.method == "HEAD":
                reply = replace(reply, stream=None)
            return response(reply, version)

        return endpoint

    def _admit(self, request: Request, interaction: Interaction) -> Caller:
        caller = self._authenticate(
            Credentials(
                authorization=request.headers.get("authorization", ""),
                request_id=request.headers.get("x-request-id", ""),
            )
        )
        if interaction.roles is not ANYONE and not interaction.roles & caller.roles:
            msg = f"this needs the role {' or '.join(sorted(interaction.roles))}"
            raise Forbidden(msg)
        return caller

    async def _enter(
        self,
        request: Request,
        interaction: Interaction,
        caller: Caller | None,
        error: Exception,
        reply: Reply,
    ) -> None:
        """Enter a refusal in the trail; if that fails too, the client still hears why."""
        asked_by = request_id(request.headers.get("x-request-id", ""))
        refused = refused_call(
            caller or replace(NOBODY, request_id=asked_by),
            f"{interaction.method} {BASE_PATH}{interaction.path}",
            error,
            reply.status,
        )
        try:
            await to_thread.run_sync(self._record_refusal, refused)
        except Exception as failure:
            _LOG.error("a refusal is not in the trail\n%s", "\n".join(describe(failure)))

    async def _answer(
        self,
        request: Request,
        interaction: Interaction,
        caller: Caller,
        version: FhirVersion | None,
    ) -> Reply:
        if self._pending >= self._settings.max_pending:
            msg = "the service has as much work as it accepts; try again later"
            raise Overloaded(msg)
        self._pending += 1
        try:
            body = await self._body(request) if interaction.takes_body else b""
            gone = threading.Event()
            call = Call(
                caller=caller,
                base_url=base_url(request),
                path=request.path_params,
                query=tuple(request.query_params.multi_items()),
                headers=dict(request.headers),
                body=body,
                cancelled=gone.is_set,
                version=version,
            )
            return await self._in_thread(request, interaction, call, gone)
        finally:
            self._pending -= 1

    async def _in_thread(
        self,
        request: Request,
        interaction: Interaction,
        call: Call,
        gone: threading.Event,
    ) -> Reply:
        """Run a handler in a worker thread, and tell it when the client leaves."""
        outcome: list[Reply | Exception] = []
        async with anyio.create_task_group() as group:

            async def watch() -> None:
                while (await request.receive())["type"] != "http.disconnect":
                    pass
                gone.set()

            group.start_soon(watch)
            try:
                reply = await to_thread.run_sync(
                    interaction.handle, call, limiter=self._workers
                )
                outcome.append(reply)
            except Exception as error:  # raised again outside the group
                outcome.append(error)
            group.cancel_scope.cancel()
        result = outcome[0]
        if isinstance(result, Exception):
            raise result
        return result

    async def _body(self, request: Request) -> bytes:
        sent_version(request.headers)
        limit, received = self._settings.max_request_bytes, bytearray()
        try:
            with anyio.fail_after(self._settings.receive_timeout_s):
                async for piece in request.stream():
                    received += piece
                    if len(received) > limit:
                        msg = f"the body has more than {limit} bytes"
                        raise TooLarge(msg)
        except TimeoutError:
            msg = f"the body did not arrive within {self._settings.receive_timeout_s:g} s"
            raise InvalidRequest(msg) from None
        return bytes(received)


def build_app(
    settings: AppSettings,
    *,
    table: Iterable[Interaction],
    authenticate: Callable[[Credentials], Caller],
    record_refusal: Callable[[RefusedCall], None],
) -> Starlette:
    """Put the application together.

    `authenticate` says who is behind a call, the table what they may do, and
    `record_refusal` enters in the audit trail what was refused.
    """
    face = _Face(settings, authenticate, record_refusal, table)
    return Starlette(routes=face.routes(), exception_handlers={HTTPException: _not_routed})


def _not_routed(_request: Request, error: Exception) -> Response:
    """Answer what no route takes."""
    if isinstance(error, HTTPException) and error.status_code == HTTPStatus.NOT_FOUND:
        return response(refusal(NotServed(404, "there is no such path")))
    return response(refusal(NotServed(405, "the path takes other methods")))
