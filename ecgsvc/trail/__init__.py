"""Hash chain, Merkle tree and signed checkpoints: what makes the trail tamper-evident.

Knows neither databases nor FHIR, so that an auditor's machine can verify without them.
"""

from ecgsvc.trail.chain import GENESIS, ChainedEvent, link
from ecgsvc.trail.checkpoints import Checkpoint, InvalidCheckpoint
from ecgsvc.trail.digests import digest_of_rows, row_as_json, sha256_hex
from ecgsvc.trail.exported import (
    MAX_PROBLEMS,
    NoTrailExport,
    export_lines,
    verified_export,
)
from ecgsvc.trail.following import ChainFollower
from ecgsvc.trail.keys import (
    InvalidKey,
    SigningKey,
    VerifyingKey,
    names_signer,
    replace_key,
    retired_keys,
)
from ecgsvc.trail.merkle import Frontier, consistency_proof, inclusion_proof, root_of
from ecgsvc.trail.proofs import (
    CONSISTENCY_FORMAT,
    FORMAT,
    VerifiedProof,
    event_as_json,
    verified_proof,
)
from ecgsvc.trail.succession import hand_over

__all__ = [
    "CONSISTENCY_FORMAT",
    "FORMAT",
    "GENESIS",
    "MAX_PROBLEMS",
    "ChainFollower",
    "ChainedEvent",
    "Checkpoint",
    "Frontier",
    "InvalidCheckpoint",
    "InvalidKey",
    "NoTrailExport",
    "SigningKey",
    "VerifiedProof",
    "VerifyingKey",
    "consistency_proof",
    "digest_of_rows",
    "event_as_json",
    "export_lines",
    "hand_over",
    "inclusion_proof",
    "link",
    "names_signer",
    "replace_key",
    "retired_keys",
    "root_of",
    "row_as_json",
    "sha256_hex",
    "verified_export",
    "verified_proof",
]
