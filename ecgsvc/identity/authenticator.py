"""From what a call brings along to the caller behind it, whatever the transport."""

import re
from dataclasses import dataclass, replace

from ecgsvc.domain.caller import Caller
from ecgsvc.domain.errors import Unauthenticated
from ecgsvc.identity.certificates import ClientCertificates
from ecgsvc.identity.tokens import TokenVerifier

_BEARER = re.compile(r"[Bb]earer +(\S+) *", re.ASCII)
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a call brings along; empty is what it does not have.

    Parameters
    ----------
    authorization
        The header ``authorization``.
    certificate_pem
        The client certificate of the connection, verified by the TLS layer.
    request_id
        The header ``x-request-id``.
    """

    authorization: str = ""
    certificate_pem: bytes = b""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Authenticator:
    """Tokens, certificates, or both; None takes none of the kind.

    A token decides when there is one: a bad token is refused, also on a connection with a
    good certificate.
    """

    tokens: TokenVerifier | None = None
    certificates: ClientCertificates | None = None

    def caller(self, credentials: Credentials) -> Caller:
        """Return who is asking, with the request id of the call.

        Raises
        ------
        Unauthenticated
            Nothing that can be taken came along, or it is not accepted.
        """
        caller = self._caller(credentials)
        return replace(caller, request_id=request_id(credentials.request_id))

    def _caller(self, credentials: Credentials) -> Caller:
        if credentials.authorization and self.tokens is not None:
            bearer = _BEARER.fullmatch(credentials.authorization)
            if bearer is None:
                msg = "the header authorization must be: Bearer TOKEN"
                raise Unauthenticated(msg)
            return self.tokens.caller(bearer[1])
        if credentials.certificate_pem and self.certificates is not None:
            return self.certificates.caller(credentials.certificate_pem)
        wanted = [
            *(["a bearer token (authorization: Bearer TOKEN)"] if self.tokens else []),
            *(["a client certificate"] if self.certificates else []),
        ]
        msg = f"the call says not who is asking: send {' or '.join(wanted)}"
        raise Unauthenticated(msg)


def request_id(header: str) -> str:
    """Return an ``x-request-id`` fit for logs; empty for any other text."""
    return header if _REQUEST_ID.fullmatch(header) else ""
