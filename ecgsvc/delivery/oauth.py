"""Access tokens of SMART Backend Services: OAuth 2 client credentials with a signed JWT.

https://hl7.org/fhir/smart-app-launch/backend-services.html, RFC 7523.
"""

import threading
import time
from collections.abc import Callable

import orjson
import urllib3

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_EARLIER_S = 30.0
_DEFAULT_LIFE_S = 300.0


class NoToken(Exception):
    """The authorization server gave no token.

    Parameters
    ----------
    reason
        Status or error code of the server (RFC 6749, section 5.2).
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TokenSource:
    """Gets tokens and keeps the one that is good still. Safe to share between threads.

    Parameters
    ----------
    assertion
        Signs the JWT that says who we are, for the audience it is given.
    """

    def __init__(
        self,
        pool: urllib3.PoolManager,
        token_url: str,
        scope: str,
        assertion: Callable[[str], str],
        *,
        timeout_s: float = 15.0,
    ) -> None:
        self._pool = pool
        self._token_url = token_url
        self._scope = scope
        self._assertion = assertion
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._token = ""
        self._good_until = 0.0

    def token(self) -> str:
        """Return a token that is good for some seconds at least.

        Raises
        ------
        NoToken
        urllib3.exceptions.HTTPError
        """
        with self._lock:
            if time.monotonic() >= self._good_until:
                self._fetch()
            return self._token

    def forget(self, token: str) -> None:
        """Fetch another next time: the server does not take this one."""
        with self._lock:
            if token == self._token:
                self._good_until = 0.0

    def _fetch(self) -> None:
        answer = self._pool.request(
            "POST",
            self._token_url,
            fields={
                "grant_type": "client_credentials",
                "scope": self._scope,
                "client_assertion_type": _ASSERTION,
                "client_assertion": self._assertion(self._token_url),
            },
            encode_multipart=False,
            headers={"accept": "application/json"},
            timeout=self._timeout_s,
            redirect=False,
            retries=False,
        )
        try:
            body = orjson.loads(answer.data)
            body = body if isinstance(body, dict) else {}
        except ValueError:
            body = {}
        token, life = body.get("access_token"), body.get("expires_in", _DEFAULT_LIFE_S)
        if answer.status != 200 or not isinstance(token, str):
            code = body.get("error")
            known = code if isinstance(code, str) and code.isidentifier() else ""
            raise NoToken(f"{answer.status} {known[:40]}".strip())
        life_s = float(life) if isinstance(life, int | float) else _DEFAULT_LIFE_S
        self._token = token
        self._good_until = time.monotonic() + max(life_s - _EARLIER_S, life_s / 2)
