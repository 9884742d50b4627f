"""The REST face in a thread beside the gRPC server."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

_KEEP_ALIVE_S = 20


class CannotListenHttp(OSError):
    """The HTTP address cannot be bound."""


@dataclass(frozen=True, slots=True)
class HttpTls:
    """PEM files; with `client_ca` a client must show a certificate signed by it."""

    certificate: Path
    key: Path
    client_ca: Path | None = None


@contextmanager
def serving(
    app: Starlette,
    address: str,
    *,
    tls: HttpTls | None = None,
    reuse_port: bool = False,
    grace_s: float = 30.0,
) -> Iterator[str]:
    """Serve until left; yields the base address (``http://HOST:PORT``).

    On leaving, accepted calls get `grace_s` to finish.

    Raises
    ------
    CannotListenHttp
        The address is in use or is not this machine's.
    OSError
        A TLS file cannot be read.
    """
    host = address.rpartition(":")[0]
    with _bound(address, reuse_port=reuse_port) as listener:
        port = listener.getsockname()[1]
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=max(1, round(grace_s)),
            ssl_certfile=str(tls.certificate) if tls else None,
            ssl_keyfile=str(tls.key) if tls else None,
            ssl_ca_certs=str(tls.client_ca) if tls and tls.client_ca else None,
            ssl_cert_reqs=ssl.CERT_REQUIRED if tls and tls.client_ca else ssl.CERT_NONE,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listener]}, name="http", daemon=True
        )
        thread.start()
        try:
            yield f"{'https' if tls else 'http'}://{host}:{port}"
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def _bound(address: str, *, reuse_port: bool) -> Iterator[socket.socket]:
    host, _, port = address.rpartition(":")
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            host.strip("[]"), int(port), type=socket.SOCK_STREAM
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if reuse_port:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            listener.bind(where)
            listener.listen(1024)
        except OSError:
            listener.close()
            raise
    except (OSError, ValueError) as error:
        msg = f"cannot listen on {address}: it is in use, or not of this machine"
        raise CannotListenHttp(msg) from error
    with listener:
        yield listener
