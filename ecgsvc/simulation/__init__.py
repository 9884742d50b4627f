"""Electrocardiograms with known truth, for tests and demonstrations."""

from ecgsvc.simulation.ecg import SimulatedEcg, simulate
from ecgsvc.simulation.settings import SimulatedRhythm, SimulationSettings
from ecgsvc.simulation.truth import SimulatedTruth

__all__ = [
    "SimulatedEcg",
    "SimulatedRhythm",
    "SimulatedTruth",
    "SimulationSettings",
    "simulate",
]
