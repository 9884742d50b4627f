"""From samples to findings: the order of the stages, and what models must be able to do."""

from ecgsvc.signal_path.flow import SignalPath, find_r_peaks

__all__ = ["SignalPath", "find_r_peaks"]
