"""From a fitted wave network to ``model.onnx``, checked against PyTorch."""

import hashlib
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ecgsvc.inference.model_card import MODEL_FILE
from ecgsvc.inference.sessions import open_session
from ecgsvc.inference.wave_groups import CHANNELS, CONTEXT_NAMES, WINDOW_SAMPLES
from ecgsvc.inference.waves import OUTPUTS
from ecgsvc.training.export import OPSET, ExportMismatch
from ecgsvc.training.waves_network import WaveNetwork

MAX_DIFFERENCE = 1e-2
"""Columns of 4 ms, and logits of presence."""
_INPUTS = ("windows", "context")
_PARITY_SHAPES = ((1, 1), (2, 3), (1, 12))  # beats, leads


def export_wave_network(network: WaveNetwork, folder: Path) -> str:
    """Write ``model.onnx`` with free numbers of beats and leads; return its SHA-256.

    Raises
    ------
    ExportMismatch
        ONNX Runtime and PyTorch differ by `MAX_DIFFERENCE` or more in some output.
    """
    path = folder / MODEL_FILE
    free = {"windows": {0: "beats", 1: "leads"}, "context": {0: "beats"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the newer exporter would need onnxscript
        torch.onnx.export(
            network.eval(),
            _random_inputs(2, 5),
            str(path),
            input_names=list(_INPUTS),
            output_names=list(OUTPUTS),
            dynamic_axes=free,
            opset_version=OPSET,
            dynamo=False,
        )
    difference = wave_parity(network, path)
    if not difference < MAX_DIFFERENCE:
        msg = f"ONNX and PyTorch differ by {difference:.1e}"
        raise ExportMismatch(msg)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@torch.no_grad()
def wave_parity(network: WaveNetwork, path: Path) -> float:
    """Largest difference between PyTorch and ONNX Runtime on random input."""
    session = open_session(path, "cpu")
    worst = 0.0
    for beats, leads in _PARITY_SHAPES:
        inputs = _random_inputs(beats, leads)
        expected = network(*inputs)
        feed = {name: x.numpy() for name, x in zip(_INPUTS, inputs, strict=True)}
        for answer, value in zip(session.run(OUTPUTS, feed), expected, strict=True):
            worst = max(worst, float(np.abs(answer - value.numpy()).max()))
    return worst


def _random_inputs(beats: int, leads: int) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(beats * leads)
    return (
        torch.randn(beats, leads, len(CHANNELS), WINDOW_SAMPLES, generator=rng),
        torch.randn(beats, len(CONTEXT_NAMES), generator=rng),
    )
