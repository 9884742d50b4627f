"""When the heart beats, and from where."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ecgsvc.domain.beats import BeatClass
from ecgsvc.simulation.settings import SimulationSettings

LEAD_IN_S = 2.0
"""Beats begin this long before the recording and go on as long after it."""

PVC_COUPLING = (0.58, 0.72)
"""A PVC comes after this part of an RR interval; the next sinus beat is on time."""
PAC_COUPLING = (0.65, 0.78)
RUN_COUPLING = (0.42, 0.7)
"""RR intervals of an atrial run, as part of a sinus one."""
RUN_VARIATION = 0.012
RUN_PAUSE = (1.0, 2.2)
"""The sinus node wakes this many RR intervals after a run."""
AF_VARIATION = 0.22
"""Standard deviation of log RR in atrial fibrillation; successive intervals independent."""
SHORTEST_RR_S = 0.22
RESPIRATORY_SHARE = 0.8
"""Share of the RR intervals' variance that follows breathing (sinus arrhythmia)."""


@dataclass(frozen=True, slots=True)
class PlannedBeat:
    """A beat: time of its R wave, the RR interval that preceded, and its class.

    An `aberrant` beat is conducted with a right bundle branch block.
    """

    r_time_s: float
    rr_s: float
    beat_class: BeatClass
    aberrant: bool = False


def plan_beats(
    settings: SimulationSettings, random: np.random.Generator
) -> tuple[PlannedBeat, ...]:
    """Plan the beats from `LEAD_IN_S` before the recording to as long after it."""
    return tuple(_beats(settings, random))


def _beats(
    settings: SimulationSettings, random: np.random.Generator
) -> Iterator[PlannedBeat]:
    now = -LEAD_IN_S + random.uniform(0, settings.mean_rr_s)
    end = settings.duration_s + LEAD_IN_S
    after_ectopic = True
    while now < end:
        rr = _basic_rr(settings, now, random)
        if not after_ectopic and _begins_run(settings, random):
            for beat in _atrial_run(settings, now, rr, random):
                now = beat.r_time_s
                yield beat
            after_ectopic = True
            continue
        kind = BeatClass.N if after_ectopic else _kind(settings, random)
        coupling = _coupling(kind, random)
        early = max(coupling * rr, SHORTEST_RR_S)
        now += early
        aberrant = kind is BeatClass.S and _is_aberrant(settings, random)
        yield PlannedBeat(now, early, kind, aberrant)
        after_ectopic = kind is not BeatClass.N
        if kind is BeatClass.V and settings.rhythm == "sinus":
            # The sinus node did not notice: its own next beat finds the ventricles
            # refractory, the one after is on time (compensatory pause).
            now += _pause(settings, rr, early, random)
            yield PlannedBeat(now, 2 * rr - early, BeatClass.N)
            after_ectopic = False


def _begins_run(settings: SimulationSettings, random: np.random.Generator) -> bool:
    """Tell whether a run begins; without runs nothing is drawn."""
    chance = settings.atrial_run_probability
    return settings.rhythm == "sinus" and chance > 0 and random.random() < chance


def _is_aberrant(settings: SimulationSettings, random: np.random.Generator) -> bool:
    return settings.aberrancy > 0 and random.random() < settings.aberrancy


def _atrial_run(
    settings: SimulationSettings, now: float, rr: float, random: np.random.Generator
) -> Iterator[PlannedBeat]:
    """A run of atrial beats at one pace, and the sinus beat after it."""
    pace = random.uniform(*RUN_COUPLING) * rr
    aberrant = _is_aberrant(settings, random)
    for _ in range(random.integers(*settings.atrial_run_beats, endpoint=True)):
        early = max(pace * (1 + RUN_VARIATION * random.standard_normal()), SHORTEST_RR_S)
        now += early
        yield PlannedBeat(now, early, BeatClass.S, aberrant)
    pause = random.uniform(*RUN_PAUSE) * rr
    yield PlannedBeat(now + pause, pause, BeatClass.N)


def _pause(
    settings: SimulationSettings, rr: float, early: float, random: np.random.Generator
) -> float:
    jitter = settings.rr_variability * rr * random.standard_normal() / 4
    return max(2 * rr - early + jitter, SHORTEST_RR_S)


def _basic_rr(
    settings: SimulationSettings, now: float, random: np.random.Generator
) -> float:
    mean = settings.mean_rr_s
    if settings.rhythm == "af":
        factor = math.exp(AF_VARIATION * random.standard_normal() - AF_VARIATION**2 / 2)
        return max(mean * factor, SHORTEST_RR_S)
    breath = math.sqrt(2 * RESPIRATORY_SHARE) * math.sin(
        2 * math.pi * settings.respiration_hz * now
    )
    rest = math.sqrt(1 - RESPIRATORY_SHARE) * random.standard_normal()
    return max(mean * (1 + settings.rr_variability * (breath + rest)), SHORTEST_RR_S)


def _kind(settings: SimulationSettings, random: np.random.Generator) -> BeatClass:
    drawn = random.random()
    if drawn < settings.pvc_probability:
        return BeatClass.V
    if drawn < settings.pvc_probability + settings.pac_probability and (
        settings.rhythm == "sinus"
    ):
        return BeatClass.S
    return BeatClass.N


def _coupling(kind: BeatClass, random: np.random.Generator) -> float:
    if kind is BeatClass.V:
        return random.uniform(*PVC_COUPLING)
    if kind is BeatClass.S:
        return random.uniform(*PAC_COUPLING)
    return 1.0
