"""Other detectors to compare with, by name, where they are installed."""

import contextlib
import importlib
import importlib.util
import io
import warnings
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from ecgsvc.domain.waveform import SampleIndices, Waveform
from ecgsvc.evaluation.references import Detect

PEERS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "sleepecg": ("sleepecg", "detect_heartbeats"),
        "XQRS": ("wfdb.processing", "xqrs_detect"),
    }
)
"""Module and function of detectors of one lead, called with its samples and rate."""


def installed_peers() -> dict[str, Detect]:
    """The peers that can be imported, each hearing the first lead of a waveform."""
    return {
        name: _peer(module, function)
        for name, (module, function) in PEERS.items()
        if importlib.util.find_spec(module.partition(".")[0])
    }


def _peer(module: str, function: str) -> Detect:
    def detect(waveform: Waveform) -> SampleIndices:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")  # the peers' own, not ours to act on
            found = getattr(importlib.import_module(module), function)(
                np.nan_to_num(waveform.samples_mv[0]), waveform.sampling_rate_hz
            )
        return np.sort(np.asarray(found, dtype=np.int64))

    return detect
