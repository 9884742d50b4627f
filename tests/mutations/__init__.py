"""Broken Observations, each breaking one stated rule in one place.

`mutated_observations` labels each body with the rule it breaks and with the beginning of
the FHIRPath that a refusal must name.
"""

import copy
import json
import random
from collections.abc import Iterator
from typing import TypeAlias

from tests.mutations import breaking_bytes, breaking_resources, breaking_signals
from tests.mutations.base import HEAVY, LEADS, MDC, N_SAMPLES, RULES, valid_observation

__all__ = [
    "LEADS",
    "MDC",
    "N_SAMPLES",
    "RULES",
    "breaking_bytes",
    "breaking_resources",
    "breaking_signals",
    "mutated_observations",
    "valid_observation",
]

Mutation: TypeAlias = tuple[str, bytes, str | None]
"""Rule, body, beginning of an expression that must be among those of the errors."""


def mutated_observations(seed: int, minimum: int = 1000) -> Iterator[Mutation]:
    """Yield at least `minimum` distinct broken bodies over all rules."""
    rng = random.Random(seed)
    base = valid_observation()
    seen: set[bytes] = set()
    for number in range(100):
        for rule in RULES:
            if rule in HEAVY and number % 10:
                continue
            mutated, expression = rule(rng, copy.deepcopy(base))
            body = mutated if isinstance(mutated, bytes) else json.dumps(mutated).encode()
            if body not in seen:
                seen.add(body)
                yield rule.__name__, body, expression
        if len(seen) >= minimum:
            return
