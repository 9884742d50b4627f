"""Who is asking: bearer tokens and client certificates become callers."""

from ecgsvc.identity.authenticator import Authenticator, Credentials, request_id
from ecgsvc.identity.certificates import ClientCertificates, UnusableCertificateMap
from ecgsvc.identity.client_assertion import UnusableKey, client_assertions
from ecgsvc.identity.keys import UnusableKeys, VerificationKeys
from ecgsvc.identity.own_key import OWN_AUDIENCE, OWN_ISSUER, OwnKey
from ecgsvc.identity.tokens import TokenRules, TokenVerifier, is_tenant

__all__ = [
    "OWN_AUDIENCE",
    "OWN_ISSUER",
    "Authenticator",
    "ClientCertificates",
    "Credentials",
    "OwnKey",
    "TokenRules",
    "TokenVerifier",
    "UnusableCertificateMap",
    "UnusableKey",
    "UnusableKeys",
    "VerificationKeys",
    "client_assertions",
    "is_tenant",
    "request_id",
]
