"""Which model said it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """A model as a report names it; `sha256` is that of the ONNX file."""

    name: str
    version: str
    sha256: str
