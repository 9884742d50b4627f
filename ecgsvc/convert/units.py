"""Voltages as files write them."""

from ecgsvc.domain.errors import UnreadableRecording

_MILLIVOLTS = {
    "v": 1e3, "volt": 1e3, "volts": 1e3,
    "mv": 1.0, "millivolt": 1.0, "millivolts": 1.0,
    "uv": 1e-3, "\u00b5v": 1e-3, "\u03bcv": 1e-3, "microvolt": 1e-3, "microvolts": 1e-3,
    "nv": 1e-6, "nanovolt": 1e-6, "nanovolts": 1e-6,
}  # fmt: skip


def millivolts_per(unit: str | None, where: str) -> float:
    """Return how many millivolts a unit is.

    Raises
    ------
    UnreadableRecording
        The file states no unit at `where`, or none of a voltage.
    """
    if unit is None or not unit.strip():
        msg = f"{where} has no unit: expected V, mV, uV or nV"
        raise UnreadableRecording(msg)
    found = voltage_or_none(unit)
    if found is None:
        msg = f"the unit of {where} is no voltage: expected V, mV, uV or nV"
        raise UnreadableRecording(msg)
    return found


def voltage_or_none(unit: str) -> float | None:
    """Return how many millivolts a unit is, or None when it is no voltage."""
    return _MILLIVOLTS.get(unit.strip().casefold())
