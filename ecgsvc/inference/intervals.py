"""Intervals a second time, by a network that knows no delineation."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from ecgsvc.domain.interval_check import IntervalCheck, IntervalCrossCheck
from ecgsvc.domain.measurements import Measurements
from ecgsvc.domain.model_identity import ModelIdentity
from ecgsvc.domain.waveform import SampleIndices, Waveform
from ecgsvc.inference.beat_features import SignalTools
from ecgsvc.inference.interval_inputs import (
    INTERVAL_FEATURES,
    INTERVAL_LEADS,
    INTERVAL_RATE_HZ,
    TARGETS,
    IntervalInputs,
    build_interval_inputs,
)
from ecgsvc.inference.model_card import ModelCard
from ecgsvc.inference.sessions import Provider, open_model, run_model
from ecgsvc.inference.wave_groups import WINDOW_SAMPLES, BeatTools

OUTPUTS = ("values", "scales")
BOUNDS: Mapping[str, float] = MappingProxyType(
    {"pr_ms": 20.0, "qrs_ms": 20.0, "qt_ms": 30.0, "heart_rate_bpm": 10.0}
)
"""How far the two measurements may be apart."""
LEAST_LEADS = 6
"""With fewer the network was hardly trained."""

Estimate: TypeAlias = Callable[
    [IntervalInputs], tuple[NDArray[np.float64], NDArray[np.float64]]
]
"""Values and scales, each of shape (6,), as `TARGETS`."""


class IntervalEstimator:
    """Checks measured intervals; one instance serves any number of threads.

    Parameters
    ----------
    most_scale
        By name of `BOUNDS`: an estimate of larger scale is no evidence and not compared.
    """

    def __init__(
        self,
        estimate: Estimate,
        identity: ModelIdentity,
        most_scale: Mapping[str, float],
        tools: SignalTools,
        beat_tools: BeatTools,
    ) -> None:
        self._estimate = estimate
        self._identity = identity
        self._most_scale = most_scale
        self._tools = tools
        self._beat_tools = beat_tools

    @classmethod
    def load(
        cls,
        folder: Path,
        tools: SignalTools,
        beat_tools: BeatTools,
        *,
        provider: Provider = "auto",
        intra_op_threads: int = 1,
    ) -> "IntervalEstimator":
        """Load a model folder; errors as those of `open_model`."""
        session, card = open_model(folder, _fits, provider, intra_op_threads)
        most_scale = {name: card.thresholds[scale_name(name)] for name in BOUNDS}
        estimate = partial(_run, session, card.identity.name)
        return cls(estimate, card.identity, most_scale, tools, beat_tools)

    @property
    def identity(self) -> ModelIdentity:
        """Name, version and SHA-256 of the model."""
        return self._identity

    def check(
        self, waveform: Waveform, r_peak_indices: SampleIndices, measured: Measurements
    ) -> IntervalCrossCheck:
        """Estimate the intervals and hold them against those measured.

        Parameters
        ----------
        waveform
            The leads that may be relied upon, unfiltered.
        r_peak_indices
            Of all beats, at the recording's own rate.
        measured
            What stands in the report; it is not changed.
        """
        known = [lead for lead in waveform.leads if lead in INTERVAL_LEADS]
        if len(known) < LEAST_LEADS:
            reason = f"fewer than {LEAST_LEADS} standard leads can be relied upon"
            return IntervalCrossCheck(self._identity, reason=reason)
        inputs = build_interval_inputs(
            waveform.select(known), r_peak_indices, self._tools, self._beat_tools
        )
        if inputs is None:
            return IntervalCrossCheck(self._identity, reason="no two beats are alike")
        values, scales = self._estimate(inputs)
        checks = (
            IntervalCheck(name, getattr(measured, name), value, scale, BOUNDS[name])
            for name, value, scale in zip(
                TARGETS, values.tolist(), scales.tolist(), strict=True
            )
            if name in BOUNDS and scale <= self._most_scale[name]
        )
        return IntervalCrossCheck(self._identity, tuple(checks))


def scale_name(target: str) -> str:
    """Name of the largest scale in the card."""
    return f"most_scale_{target}"


def _run(
    session: ort.InferenceSession, name: str, inputs: IntervalInputs
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    feed = {
        "beat": inputs.beat[np.newaxis],
        "repetition": inputs.repetition[np.newaxis],
        "features": inputs.features[np.newaxis],
    }
    values, scales = run_model(session, name, OUTPUTS, feed)
    return values[0].astype(np.float64), scales[0].astype(np.float64)


def _fits(card: ModelCard) -> bool:
    """Tell whether the model takes what `build_interval_inputs` makes."""
    return (
        card.task == "intervals"
        and card.labels == TARGETS
        and card.leads == INTERVAL_LEADS
        and card.features == INTERVAL_FEATURES
        and card.sampling_rate_hz == INTERVAL_RATE_HZ
        and card.window_samples == WINDOW_SAMPLES
        and {scale_name(name) for name in BOUNDS} <= card.thresholds.keys()
    )
