"""From a fitted window network to ``model.onnx``, checked against PyTorch."""

import hashlib
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ecgsvc.inference.model_card import MODEL_FILE
from ecgsvc.inference.sessions import open_session
from ecgsvc.training.export import MAX_DIFFERENCE, OPSET, ExportMismatch
from ecgsvc.training.window_networks import WindowNetwork

OUTPUTS = ("logits", "embedding")
_PARITY_BATCHES = (1, 5)


class _LogitsAndEmbedding(nn.Module):
    def __init__(self, network: WindowNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, windows: Tensor, features: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        embedding = self.network.embed(windows, features)
        return self.network.classify(embedding), embedding


def export_window_network(network: WindowNetwork, folder: Path, n_samples: int) -> str:
    """Write ``model.onnx`` with a free batch; return its SHA-256.

    Inputs are ``windows`` (batch, 1, n_samples) and, where the network takes any,
    ``features`` (batch, n_features); outputs ``logits`` and ``embedding``.

    Raises
    ------
    ExportMismatch
        ONNX Runtime and PyTorch differ by 1e-4 or more in some output.
    """
    path = folder / MODEL_FILE
    wrapped = _LogitsAndEmbedding(network).eval()
    inputs = _random_inputs(network, 2, n_samples)
    free = {name: {0: "batch"} for name in (*inputs, *OUTPUTS)}
    with warnings.catch_warnings():
        # The newer exporter would need onnxscript. What this one warns of, an LSTM with a
        # free batch, is answered by the parity check.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            wrapped,
            tuple(inputs.values()),
            str(path),
            input_names=list(inputs),
            output_names=list(OUTPUTS),
            dynamic_axes=free,
            opset_version=OPSET,
            dynamo=False,
        )
    difference = window_parity(network, path, n_samples)
    if not difference < MAX_DIFFERENCE:
        msg = f"ONNX and PyTorch differ by {difference:.1e}"
        raise ExportMismatch(msg)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@torch.no_grad()
def window_parity(network: WindowNetwork, path: Path, n_samples: int) -> float:
    """Largest difference between PyTorch and ONNX Runtime on random input."""
    session = open_session(path, "cpu")
    wrapped = _LogitsAndEmbedding(network).eval()
    worst = 0.0
    for n in _PARITY_BATCHES:
        inputs = _random_inputs(network, n, n_samples)
        expected = wrapped(*inputs.values())
        feed = {name: value.numpy() for name, value in inputs.items()}
        for answer, value in zip(session.run(OUTPUTS, feed), expected, strict=True):
            worst = max(worst, float(np.abs(answer - value.numpy()).max()))
    return worst


def _random_inputs(network: WindowNetwork, n: int, n_samples: int) -> dict[str, Tensor]:
    rng = torch.Generator().manual_seed(n)
    inputs = {"windows": torch.randn(n, 1, n_samples, generator=rng)}
    if network.n_features:
        features = torch.randn(n, network.n_features, generator=rng)
        inputs["features"] = network.feature_mean + network.feature_std * features
    return inputs
