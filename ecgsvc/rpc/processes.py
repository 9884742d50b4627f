"""Several server processes on one port (SO_REUSEPORT): Python runs on one core a process.

The kernel shares connections out, so a client with one connection is served by one process.
A process lives as long as the pipe its parent holds: when the parent closes it, or dies,
the process drains and ends. Signals to the group therefore reach the parent alone.
"""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import TypeAlias

from ecgsvc.rpc.server import CannotListen
from ecgsvc.rpc.stop_signals import stop_signals


class ServerProcessDied(OSError):
    """A server process ended by itself; the others were drained."""


Serve: TypeAlias = Callable[[str, Callable[[], None], Callable[[], None]], None]
"""Takes the address, what to call when it listens, and what waits until it shall stop."""


def run_processes(
    n_processes: int,
    address: str,
    serve: Serve,
    when_ready: Callable[[str], object],
) -> None:
    """Run server processes until SIGTERM or SIGINT, then drain them.

    Parameters
    ----------
    n_processes
        How many.
    address
        ``HOST:PORT``; port 0 takes a free one, the same for all.
    serve
        Runs in each process; must be picklable.
    when_ready
        Called with the address when all of them listen.

    Raises
    ------
    CannotListen
        The address cannot be bound.
    ServerProcessDied
        One of them ended before it was told to, or could not start.
    """
    context = get_context("spawn")
    children: list[tuple[BaseProcess, Connection]] = []

    def end_at_once(number: int) -> None:
        for process, _ in children:
            process.kill()
        os._exit(128 + number)

    with _reserved(address) as bound, stop_signals(end_at_once) as signalled:
        for number in range(n_processes):
            ours, theirs = context.Pipe()
            process: BaseProcess = context.Process(
                target=_child, args=(serve, bound, theirs), name=f"server-{number + 1}"
            )
            process.start()
            theirs.close()
            children.append((process, ours))
        died = not all(_is_ready(pipe) for _, pipe in children)
        if not died:
            when_ready(bound)
            sentinels = [process.sentinel for process, _ in children]
            died = signalled not in wait([signalled, *sentinels])
        for _, pipe in children:
            pipe.close()
        for process, _ in children:
            process.join()
    if died:
        msg = "a server process ended by itself; its log says why"
        raise ServerProcessDied(msg)


def _child(serve: Serve, address: str, pipe: Connection) -> None:
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_IGN)
    serve(address, lambda: pipe.send_bytes(b"ready"), lambda: _wait_for_end(pipe))


def _is_ready(pipe: Connection) -> bool:
    """Wait until the process at the other end listens; False when it ended before."""
    try:
        pipe.recv_bytes()
    except EOFError:
        return False
    return True


def _wait_for_end(pipe: Connection) -> None:
    """Return when the parent closes the pipe or is gone."""
    with suppress(EOFError, OSError):
        pipe.recv_bytes()


@contextmanager
def _reserved(address: str) -> Iterator[str]:
    """Hold the port without listening: one port for all, and nobody else takes it."""
    host, _, port = address.rpartition(":")
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            host.strip("[]"), int(port), type=socket.SOCK_STREAM
        )[0]
        holder = socket.socket(family, kind, protocol)
        try:
            # without the option first, so that another server's port is refused
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(where)
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            holder.bind(where)
        except OSError:
            holder.close()
            raise
    except (OSError, ValueError) as error:
        msg = f"cannot listen on {address}: it is in use, or not of this machine"
        raise CannotListen(msg) from error
    with holder:
        yield f"{host}:{holder.getsockname()[1]}"
