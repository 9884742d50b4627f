"""Servers on 127.0.0.1 with fakes behind them."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest

from ecgsvc.domain.audit import RefusedCall
from ecgsvc.rpc.admission import Authenticate
from ecgsvc.rpc.server import ServerSettings, build_server

sys.path.insert(0, str(Path(__file__).parent))  # `rpc_fakes`, for tests and their processes

from rpc_fakes import FakeAnalyzer, FakeReader, Served, anyone, operation_outcome


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """Start servers; keyword arguments are fields of ServerSettings, `outcome`
    or `authenticate`."""
    with ExitStack() as stack:

        def start(
            *,
            outcome: Callable[..., bytes] = operation_outcome,
            authenticate: Authenticate = anyone,
            **changes: Any,
        ):
            analyzer, reader = FakeAnalyzer(), FakeReader()
            refused: list[RefusedCall] = []
            settings = ServerSettings(**({"address": "127.0.0.1:0"} | changes))
            server = build_server(
                settings,
                analyzer=analyzer,
                reports=reader,
                signer=reader,
                authenticate=authenticate,
                operation_outcome=outcome,
                record_refusal=refused.append,
            )
            stack.callback(server.stop, 2.0)
            channel = grpc.insecure_channel(
                f"127.0.0.1:{server.port}",
                options=[("grpc.max_send_message_length", -1)],
            )
            stack.callback(channel.close)
            return Served(server, analyzer, reader, channel, refused)

        yield start


@pytest.fixture
def served(serve: Callable[..., Served]) -> Served:
    return serve()
