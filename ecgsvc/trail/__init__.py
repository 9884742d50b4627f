"""Hash chain, Merkle tree and signed checkpoints: what makes the trail tamper-evident.

Knows neither databases nor FHIR, so that an auditor's machine can verify without them.
"""

from ecgsvc.trail.chain import GENESIS, ChainedEvent, link
from ecgsvc.trail.checkpoints import Checkpoint, InvalidCheckpoint
from ecgsvc.trail.digests import digest_of_rows, sha256_hex
from ecgsvc.trail.keys import InvalidKey, SigningKey, VerifyingKey
from ecgsvc.trail.merkle import Frontier

__all__ = [
    "GENESIS",
    "ChainedEvent",
    "Checkpoint",
    "Frontier",
    "InvalidCheckpoint",
    "InvalidKey",
    "SigningKey",
    "VerifyingKey",
    "digest_of_rows",
    "link",
    "sha256_hex",
]
