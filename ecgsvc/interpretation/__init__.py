"""Rules with sources: from beats and measurements to findings and sentences."""

from ecgsvc.interpretation.rhythm import read_rhythm
from ecgsvc.interpretation.rules import Reading, find
from ecgsvc.interpretation.sentences import conclude, conclusion_of
from ecgsvc.interpretation.serial import compare, serial_sentences
from ecgsvc.interpretation.sinus import sinus_p_waves
from ecgsvc.interpretation.twelve_leads import TwelveLeads

__all__ = [
    "Reading",
    "TwelveLeads",
    "compare",
    "conclude",
    "conclusion_of",
    "find",
    "read_rhythm",
    "serial_sentences",
    "sinus_p_waves",
]
