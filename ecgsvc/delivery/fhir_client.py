"""Sends transaction Bundles to a FHIR server."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import orjson
import urllib3

from ecgsvc.delivery.oauth import NoToken, TokenSource
from ecgsvc.domain.delivery import Answer, Verdict

_MOST_BYTES = 4 * 1024 * 1024
_BUSY = frozenset({408, 425, 429})
_NOT_LET_IN = frozenset({401, 403, 404, 405, 407})
"""Mistakes in the configuration, or a server half up: the report is not at fault."""
_PLACE = re.compile(
    r"(DiagnosticReport|DocumentReference)/[A-Za-z0-9\-.]{1,64}(/_history/[A-Za-z0-9\-.]{1,64})?"
)


def http_pool(ca: Path | None, size: int) -> urllib3.PoolManager:
    """Keep connections open; `ca` are the authorities to trust, None the system's."""
    return urllib3.PoolManager(maxsize=size, ca_certs=str(ca) if ca else None)


class FhirClient:
    """Writes to one FHIR server. Safe to share between threads.

    Parameters
    ----------
    base_url
        ``https://ehr.example.org/fhir``.
    tokens
        None where the server asks for none.
    timeout_s
        For connecting, and for each wait for bytes of the answer.
    """

    def __init__(
        self,
        pool: urllib3.PoolManager,
        base_url: str,
        *,
        tokens: TokenSource | None = None,
        timeout_s: float = 30.0,
    ) -> None:
        self._pool = pool
        self._url = base_url.rstrip("/")
        self._tokens = tokens
        self._timeout_s = timeout_s

    def transact(self, bundle: bytes) -> Answer:
        """POST a transaction; a token that is not taken is renewed once."""
        answer = self._post(bundle)
        if answer is None:
            answer = self._post(bundle)
        return answer or Answer(Verdict.UNREACHABLE, "401, with a new token too")

    def _post(self, bundle: bytes) -> Answer | None:
        """Send it; None: the token is not taken any more."""
        headers = {
            "content-type": "application/fhir+json; fhirVersion=4.0",
            "accept": "application/fhir+json",
            "prefer": "return=minimal",
        }
        token = ""
        try:
            if self._tokens is not None:
                token = self._tokens.token()
                headers["authorization"] = f"Bearer {token}"
            response = self._pool.request(
                "POST",
                self._url,
                body=bundle,
                headers=headers,
                timeout=self._timeout_s,
                redirect=False,
                retries=False,
                preload_content=False,
            )
            try:
                body = response.read(_MOST_BYTES)
            finally:
                response.release_conn()
        except NoToken as error:
            return Answer(Verdict.UNREACHABLE, f"no access token ({error.reason})")
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return Answer(Verdict.UNREACHABLE, f"no answer ({type(error).__name__})")
        if response.status == 401 and self._tokens is not None:
            self._tokens.forget(token)
            return None
        return _judged(response.status, body, response.headers.get("retry-after"))


def _judged(status: int, body: bytes, retry_after: str | None) -> Answer:
    if 200 <= status < 300:
        return _accepted(status, body)
    text = f"HTTP {status}"
    if status >= 500 or status in _BUSY or status in _NOT_LET_IN:
        return Answer(Verdict.UNREACHABLE, text, _seconds(retry_after))
    if status == 409:
        return Answer(Verdict.LATER, text)
    return Answer(Verdict.REFUSED, f"{text}{_issue_codes(body)}")


def _accepted(status: int, body: bytes) -> Answer:
    """Read what the server made of the entries: each must have been taken."""
    try:
        entries = orjson.loads(body).get("entry", [])
        responses = [entry["response"] for entry in entries]
        stated = [str(response["status"])[:3] for response in responses]
        places = [str(response.get("location", "")) for response in responses]
    except (ValueError, AttributeError, KeyError, TypeError):
        return Answer(Verdict.LATER, f"HTTP {status}, but no transaction-response")
    if refused := [each for each in stated if not each.startswith("2")]:
        return Answer(Verdict.REFUSED, f"HTTP {status}, an entry {refused[0]}"[:40])
    place = next(
        (found[0] for each in places if (found := _PLACE.search(each)) is not None), ""
    )
    return Answer(Verdict.ACCEPTED, f"HTTP {status} {place}".rstrip())


def _issue_codes(body: bytes) -> str:
    """Return the codes of an OperationOutcome, never its texts."""
    try:
        codes = [str(issue["code"]) for issue in orjson.loads(body)["issue"]]
    except (ValueError, KeyError, TypeError):
        return ""
    words = [code for code in codes[:3] if re.fullmatch(r"[a-z-]{1,30}", code)]
    return f" ({', '.join(words)})" if words else ""


def _seconds(retry_after: str | None) -> float | None:
    """Read Retry-After, seconds or a date; None: not there, or not readable."""
    if not retry_after:
        return None
    if retry_after.isdecimal():
        return min(float(retry_after), 3600.0)
    try:
        at = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    left_s = (at - datetime.now(UTC)).total_seconds() if at.tzinfo else 0.0
    return min(max(left_s, 0.0), 3600.0)
