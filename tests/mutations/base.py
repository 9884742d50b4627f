"""A valid Observation, and how a rule that breaks it is registered."""

import math
import random
from collections.abc import Callable
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]
Rule: TypeAlias = Callable[[random.Random, Json], "tuple[Json | bytes, str | None]"]
"""Breaks a valid Observation; returns the body and the beginning of the expression that a
refusal must name."""

MDC = "urn:iso:std:iso:11073:10101"
LEADS = {
    "I": "131329", "II": "131330", "III": "131389", "aVR": "131390", "aVL": "131391",
    "aVF": "131392", "V1": "131331", "V2": "131332", "V3": "131333", "V4": "131334",
    "V5": "131335", "V6": "131336",
}  # fmt: skip
N_SAMPLES = 600
N_LEADS = len(LEADS)
LONG = 1024 * 1024 + 1
MAX_BODY = 16 * 1024 * 1024


def valid_observation() -> Json:
    """Return a 12-lead ECG of 1.2 s at 500 Hz that every rule accepts."""
    one = [round(300 * math.sin(i / 20)) * 2 for i in range(N_SAMPLES)]
    two = [round(500 * math.sin(i / 20 + 0.2)) * 2 for i in range(N_SAMPLES)]
    samples = {
        "I": one,
        "II": two,
        "III": [b - a for a, b in zip(one, two, strict=True)],
        "aVR": [-(a + b) // 2 for a, b in zip(one, two, strict=True)],
        "aVL": [a - b // 2 for a, b in zip(one, two, strict=True)],
        "aVF": [b - a // 2 for a, b in zip(one, two, strict=True)],
    } | {f"V{k}": [a // k + k for a in two] for k in range(1, 7)}
    return {
        "resourceType": "Observation",
        "id": "ecg-1",
        "meta": {"versionId": "1"},
        "identifier": [{"system": "urn:oid:1.2.840.99999.7.1", "value": "ECG-1"}],
        "status": "final",
        "code": {"coding": [{"system": MDC, "code": "131328"}]},
        "subject": {"reference": "Patient/example"},
        "encounter": {"reference": "Encounter/enc-1"},
        "effectiveDateTime": "2026-11-21T09:30:00.000Z",
        "issued": "2026-11-21T09:30:12.000Z",
        "device": {"reference": "Device/cart-1"},
        "component": [_component(lead, samples[lead]) for lead in LEADS],
    }


def _component(lead: str, samples: list[int]) -> Json:
    return {
        "code": {
            "coding": [
                {
                    "system": MDC,
                    "code": LEADS[lead],
                    "display": f"MDC_ECG_ELEC_POTL_{lead.upper()}",
                }
            ]
        },
        "valueSampledData": {
            "origin": {
                "value": 0,
                "unit": "uV",
                "system": "http://unitsofmeasure.org",
                "code": "uV",
            },
            "period": 2,
            "factor": 1,
            "dimensions": 1,
            "data": " ".join(map(str, samples)),
        },
    }


RULES: list[Rule] = []
HEAVY: list[Rule] = []
"""Those whose bodies are megabytes: a few of them are enough."""


def rule(function: Rule) -> Rule:
    """Register a rule."""
    RULES.append(function)
    return function


def heavy(function: Rule) -> Rule:
    """Register a rule whose bodies are large."""
    HEAVY.append(function)
    return rule(function)


def sampled(observation: Json, index: int) -> tuple[Json, str]:
    """Return the SampledData of a lead and its FHIRPath."""
    path = f"Observation.component[{index}].value.ofType(SampledData)"
    found: Json = observation["component"][index]["valueSampledData"]
    return found, path


def any_lead(rng: random.Random) -> int:
    """Choose a lead."""
    return rng.randrange(N_LEADS)
