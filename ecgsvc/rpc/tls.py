"""TLS of the server; certificates renewed on disk are taken without a restart."""

import logging
import ssl
from dataclasses import dataclass
from pathlib import Path

import grpc

_LOG = logging.getLogger("ecgsvc.rpc")


class UnusableTlsFiles(OSError):
    """The files are not PEM, or the key is not the certificate's."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files of a server.

    Parameters
    ----------
    certificate, key
        The server's certificate chain and private key.
    client_ca
        When given, clients must show a certificate signed by one of these (mutual TLS).
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None


def server_credentials(files: TlsFiles) -> grpc.ServerCredentials:
    """Make credentials that read the files again at a handshake after they changed.

    Raises
    ------
    UnusableTlsFiles
        The files are not PEM, or the key is not the certificate's.
    OSError
        A file cannot be read.
    """
    reloader = _Reloader(files)
    return grpc.dynamic_ssl_server_credentials(
        reloader.configuration,
        reloader.newer,  # type: ignore[arg-type]  # None means no change; the stubs forgot
        require_client_authentication=files.client_ca is not None,
    )


class _Reloader:
    """Knows the configuration in use and how its files looked when it was read."""

    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        self._seen = self._look()
        self.configuration = self._read()

    def newer(self) -> grpc.ServerCertificateConfiguration | None:
        """Return a configuration when the files changed; runs at every handshake."""
        try:
            look = self._look()
            if look == self._seen:
                return None
            configuration = self._read()
        except OSError as error:
            _LOG.error("the old certificate stays: %s", type(error).__name__)
            return None
        self._seen = look
        self.configuration = configuration
        return configuration

    def _paths(self) -> tuple[Path, ...]:
        files = self._files
        optional = () if files.client_ca is None else (files.client_ca,)
        return (files.certificate, files.key, *optional)

    def _look(self) -> tuple[tuple[int, int], ...]:
        stats = [path.stat() for path in self._paths()]
        return tuple((stat.st_mtime_ns, stat.st_size) for stat in stats)

    def _read(self) -> grpc.ServerCertificateConfiguration:
        """Read the files; a renewal seen half-way does not pass the check."""
        _check(self._files)
        certificate, key, *client_ca = (path.read_bytes() for path in self._paths())
        return grpc.ssl_server_certificate_configuration(
            [(key, certificate)], client_ca[0] if client_ca else None
        )


def _check(files: TlsFiles) -> None:
    """Load the files once with Python's own TLS, which says what is wrong with them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(files.certificate, files.key, password="")
        if files.client_ca is not None:
            context.load_verify_locations(files.client_ca)
    except ssl.SSLError as error:
        msg = (
            "the TLS files cannot be used: not PEM, protected by a password, "
            f"or not belonging together ({error.reason})"
        )
        raise UnusableTlsFiles(msg) from error
