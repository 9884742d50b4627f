"""What the network for twelve leads says: superclasses and statements of PTB-XL."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ecgsvc.domain.model_identity import ModelIdentity


class Superclass(StrEnum):
    """Diagnostic superclasses of PTB-XL, in the model's order of labels.

    Wagner et al. 2020, doi 10.1038/s41597-020-0495-6, table 5. An ECG may have several.
    """

    NORM = "NORM"
    """Normal ECG."""
    MI = "MI"
    """Myocardial infarction."""
    STTC = "STTC"
    """Change of ST segment or T wave."""
    CD = "CD"
    """Conduction disturbance."""
    HYP = "HYP"
    """Hypertrophy."""


SUPERCLASSES: tuple[Superclass, ...] = tuple(Superclass)

SUPERCLASS_WORDS: Mapping[Superclass, str] = {
    Superclass.NORM: "normal ECG",
    Superclass.MI: "myocardial infarction",
    Superclass.STTC: "change of ST segment or T wave",
    Superclass.CD: "conduction disturbance",
    Superclass.HYP: "hypertrophy",
}
"""As a person reads them."""


@dataclass(frozen=True, slots=True)
class LabelCall:
    """What the network says of one superclass or statement.

    Parameters
    ----------
    probability
        Calibrated, 0 to 1. Labels do not exclude each other: they do not sum to 1.
    threshold
        From which probability on the network calls it (card).
    may_be_present, may_be_absent
        The conformal set at 90 %: what cannot be ruled out. Both: undetermined. Neither:
        no ECG of the calibration set was so unlike either.
    """

    probability: float
    threshold: float
    may_be_present: bool
    may_be_absent: bool

    @property
    def called(self) -> bool:
        """Whether the network calls it, sure or not."""
        return self.probability >= self.threshold

    @property
    def answer(self) -> bool | None:
        """Present (True), absent (False), or undetermined (None)."""
        if self.may_be_present == self.may_be_absent:
            return None
        return self.may_be_present


@dataclass(frozen=True, slots=True)
class DiagnosisCall:
    """What the network says of a recording.

    Parameters
    ----------
    model
        Which network.
    superclasses
        Of every `Superclass`; empty where the network did not answer.
    statements
        By SCP-ECG code as PTB-XL spells it (``AFIB``, ``CLBBB``), of those with enough
        examples in training; empty where the network did not answer.
    reason
        Why there is no answer at all, or why none can be relied upon; else empty.
    reservations
        What lowers certainty although there is an answer, a sentence each: outside the
        population the network knows, leads missing, age unknown …
    """

    model: ModelIdentity
    superclasses: Mapping[Superclass, LabelCall] = field(default_factory=dict, hash=False)
    statements: Mapping[str, LabelCall] = field(default_factory=dict, hash=False)
    reason: str = ""
    reservations: tuple[str, ...] = ()

    @property
    def reliable(self) -> bool:
        """Whether any of the answers can be relied upon."""
        return not self.reason
