"""Rules with sources: from beats and measurements to findings and sentences."""

from ecgsvc.interpretation.rhythm import read_rhythm
from ecgsvc.interpretation.rules import find
from ecgsvc.interpretation.sentences import conclude

__all__ = ["conclude", "find", "read_rhythm"]
