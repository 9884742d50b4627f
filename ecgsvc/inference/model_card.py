"""The card that ships with every model: what it is, what it takes, how it was measured."""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ecgsvc.domain.analysis import ModelIdentity
from ecgsvc.domain.errors import ModelUnavailable

MODEL_FILE = "model.onnx"
CARD_FILE = "card.toml"
EXPLANATION_FILE = "explain.onnx"
"""The graph that answers are explained by (`grad_cam`); not every model has one."""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a program needs to know of a model before it runs it.

    Parameters
    ----------
    identity
        Name, version and SHA-256 of the ONNX file, as reports cite them.
    task
        What it answers (``beats``, ``rhythm`` …).
    labels
        Meaning of the output's last axis, in order.
    leads
        Leads it takes, in order; ``any`` stands for one lead chosen by rule.
    sampling_rate_hz, window_samples
        Rate of the input and samples of one window.
    features
        Names of the scalar features, in order; empty when it takes none.
    temperature, logit_offsets
        Probabilities are the softmax of ``logits / temperature + logit_offsets``.
    thresholds
        Further constants of the decision, by name.
    explanation_sha256
        SHA-256 of the explanation graph beside the model; None: it has none.
    document
        The whole card as parsed: data, licence, protocol, metrics, known failures.
    """

    identity: ModelIdentity
    task: str
    labels: tuple[str, ...]
    leads: tuple[str, ...]
    sampling_rate_hz: float
    window_samples: int
    features: tuple[str, ...]
    temperature: float
    logit_offsets: tuple[float, ...]
    thresholds: Mapping[str, float]
    explanation_sha256: str | None
    document: Mapping[str, Any]


def load_model_card(folder: Path) -> ModelCard:
    """Read the card of a model folder and check that the ONNX files are those it names.

    Raises
    ------
    ModelUnavailable
        Card or model is missing or incomplete, or a file's SHA-256 is another.
    """
    try:
        document = tomllib.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
        card = _parse(document)
        named = {MODEL_FILE: card.identity.sha256}
        if card.explanation_sha256 is not None:
            named[EXPLANATION_FILE] = card.explanation_sha256
        found = {name: hashlib.sha256((folder / name).read_bytes()) for name in named}
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = f"the model in {folder.name} has no readable card or no ONNX file"
        raise ModelUnavailable(msg) from error
    for name, sha256 in named.items():
        if found[name].hexdigest() != sha256:
            msg = f"{name} in {folder.name} is not the one its card names (SHA-256)"
            raise ModelUnavailable(msg)
    return card


def _parse(document: dict[str, Any]) -> ModelCard:
    model, takes, decision = document["model"], document["input"], document["decision"]
    card = ModelCard(
        identity=ModelIdentity(model["name"], model["version"], model["sha256"]),
        task=str(model["task"]),
        labels=tuple(model["labels"]),
        leads=tuple(takes["leads"]),
        sampling_rate_hz=float(takes["sampling_rate_hz"]),
        window_samples=int(takes["window_samples"]),
        features=tuple(takes.get("features", ())),
        temperature=float(decision["temperature"]),
        logit_offsets=tuple(float(offset) for offset in decision["logit_offsets"]),
        thresholds=MappingProxyType(decision.get("thresholds", {})),
        explanation_sha256=document.get("explanation", {}).get("sha256"),
        document=MappingProxyType(document),
    )
    if len(card.logit_offsets) != len(card.labels) or card.temperature <= 0:
        msg = "the card's decision does not fit its labels"
        raise ValueError(msg)
    return card
