"""Channels to the service."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

MAX_MESSAGE_BYTES = 20 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ClientTls:
    """PEM files of a client.

    Parameters
    ----------
    ca
        Certificates that may have signed the server's; None takes the system's.
    certificate, key
        The client's own, when the server asks for one (mutual TLS).
    server_name
        The name in the server's certificate, where it differs from the target's.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    server_name: str = ""


def open_channel(target: str, tls: ClientTls | None) -> grpc.Channel:
    """Open a channel; None speaks clear text."""
    options: list[tuple[str, Any]] = [
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
    ]
    if tls is None:
        return grpc.insecure_channel(target, options=options)
    if tls.server_name:
        options.append(("grpc.ssl_target_name_override", tls.server_name))
    credentials = grpc.ssl_channel_credentials(
        root_certificates=_bytes(tls.ca),
        private_key=_bytes(tls.key),
        certificate_chain=_bytes(tls.certificate),
    )
    return grpc.secure_channel(target, credentials, options=options)


def _bytes(path: Path | None) -> bytes | None:
    return None if path is None else path.read_bytes()
