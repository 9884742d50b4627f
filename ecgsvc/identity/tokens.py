"""A bearer token becomes a caller: JWT (RFC 7519), checked as RFC 8725 asks.

Messages say which check failed and quote nothing of the token.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import jwt

from ecgsvc.domain.caller import Caller, Role
from ecgsvc.domain.errors import Unauthenticated
from ecgsvc.identity.keys import VerificationKeys

LEEWAY_S = 30
"""How far the clocks of issuer and service may be apart."""

MAX_TOKEN_CHARACTERS = 8192
_MAX_SUBJECT = 255
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_REQUIRED = ("exp", "iss", "aud", "sub")
_WRONG: Mapping[type[jwt.PyJWTError], str] = {
    jwt.ExpiredSignatureError: "has expired",
    jwt.ImmatureSignatureError: "is not valid yet",
    jwt.InvalidIssuedAtError: "is not valid yet",
    jwt.InvalidAudienceError: "is for another audience",
    jwt.InvalidIssuerError: "is of another issuer",
    jwt.MissingRequiredClaimError: f"lacks one of the claims {', '.join(_REQUIRED)}",
}


@dataclass(frozen=True, slots=True)
class TokenRules:
    """Whose tokens are taken, and which claims say what.

    Parameters
    ----------
    issuer, audience
        ``iss`` must equal the issuer, ``aud`` be or hold the audience.
    tenant_claim, roles_claim, name_claim
        Names of claims; ``a.b`` is a member of an object. Roles are a list, or words in
        one string; words that are none of ours are left out.
    """

    issuer: str
    audience: str
    tenant_claim: str = "tenant"
    roles_claim: str = "roles"
    name_claim: str = "name"


class TokenVerifier:
    """Verifies tokens of one issuer."""

    def __init__(self, keys: VerificationKeys, rules: TokenRules) -> None:
        self._keys = keys
        self._rules = rules

    def caller(self, token: str) -> Caller:
        """Return whom a token speaks of.

        Raises
        ------
        Unauthenticated
            The token is malformed, expired or not yet valid, not signed by a known key with
            that key's algorithm, of another issuer, for another audience, or says no tenant
            or subject.
        """
        claims = self._verified(token)
        tenant = _claim(claims, self._rules.tenant_claim)
        if not is_tenant(tenant):
            _refuse(f"names no tenant in its claim {self._rules.tenant_claim}")
        subject, name = claims["sub"], _claim(claims, self._rules.name_claim)
        if not 1 <= len(subject) <= _MAX_SUBJECT or not subject.isprintable():
            _refuse(f"has no subject of 1 to {_MAX_SUBJECT} printable characters")
        is_name = isinstance(name, str) and name.isprintable()
        return Caller(
            tenant=str(tenant),
            subject=subject,
            name=str(name)[:_MAX_SUBJECT] if is_name else "",
            roles=known_roles(_claim(claims, self._rules.roles_claim)),
        )

    def _verified(self, token: str) -> dict[str, Any]:
        if len(token) > MAX_TOKEN_CHARACTERS:
            _refuse(f"has more than {MAX_TOKEN_CHARACTERS} characters")
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            _refuse("is no signed JSON Web Token")
        for each in self._keys.candidates(header.get("alg"), header.get("kid")):
            try:
                return jwt.decode(
                    token,
                    each.key,
                    algorithms=[each.algorithm],
                    audience=self._rules.audience,
                    issuer=self._rules.issuer,
                    leeway=LEEWAY_S,
                    options={"require": list(_REQUIRED)},
                )
            except jwt.InvalidSignatureError:
                continue
            except jwt.PyJWTError as error:
                _refuse(_what_is_wrong(error))
        msg = "the bearer token is not signed by a key known here, with its algorithm"
        raise Unauthenticated(msg)


def is_tenant(value: object) -> bool:
    """Whether a value can name a tenant: 1 to 64 of ``A-Z a-z 0-9 . _ -``."""
    return isinstance(value, str) and _TENANT.fullmatch(value) is not None


def known_roles(value: object) -> frozenset[Role]:
    """Read roles from a list of words or from one string of them."""
    words = value.split() if isinstance(value, str) else value
    known = {role.value: role for role in Role}
    if not isinstance(words, list):
        return frozenset()
    return frozenset(known[w] for w in words if isinstance(w, str) and w in known)


def _claim(claims: Mapping[str, Any], name: str) -> object:
    """Return a claim by its name, or by a path of names; None when it is not there."""
    if name in claims:
        return claims[name]
    found: object = claims
    for part in name.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(part)
    return found


def _what_is_wrong(error: jwt.PyJWTError) -> str:
    return next(
        (what for kind, what in _WRONG.items() if isinstance(error, kind)), "is malformed"
    )


def _refuse(what: str) -> NoReturn:
    msg = f"the bearer token {what}"
    raise Unauthenticated(msg)
