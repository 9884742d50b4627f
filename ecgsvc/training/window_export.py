"""From a fitted window network to ``model.onnx``, checked against PyTorch."""

import hashlib
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from ecgsvc.inference.model_card import MODEL_FILE
from ecgsvc.inference.sessions import open_session
from ecgsvc.training.export import MAX_DIFFERENCE, OPSET, ExportMismatch
from ecgsvc.training.tree_ensembles import use_tree_ensembles
from ecgsvc.training.window_networks import WindowNetwork

MakeInputs: TypeAlias = Callable[[int], Mapping[str, Tensor]]
"""Makes named example inputs for a batch of that many."""

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
    """Write a network's ``model.onnx``; return its SHA-256.

    Inputs are ``windows`` (batch, 1, n_samples) and, where the network takes any,
    ``features`` (batch, n_features); outputs ``logits`` and ``embedding``.

    Raises
    ------
    ExportMismatch
        ONNX Runtime and PyTorch differ by 1e-4 or more in some output.
    """
    return export_module(
        _LogitsAndEmbedding(network),
        folder,
        lambda n: random_inputs(network, n, n_samples),
        ("logits", "embedding"),
    )


def export_module(
    module: nn.Module,
    folder: Path,
    inputs: MakeInputs,
    outputs: Sequence[str],
    *,
    free: Mapping[str, Mapping[int, str]] | None = None,
    most: float | None = None,
) -> str:
    """Write any module as ``model.onnx`` with a free batch; return its SHA-256.

    Parameters
    ----------
    inputs
        Makes the module's inputs, in its order.
    outputs
        Names of what it returns: a tuple of tensors, their first axis the batch.
    free
        Further free axes of inputs, by name and number.
    most
        Largest difference that is allowed; `MAX_DIFFERENCE` when not given.

    Raises
    ------
    ExportMismatch
        ONNX Runtime and PyTorch differ by `most` or more in some output.
    """
    allowed = MAX_DIFFERENCE if most is None else most
    path = folder / MODEL_FILE
    example = inputs(2)
    with warnings.catch_warnings():
        # The newer exporter would need onnxscript. What this one warns of, an LSTM with a
        # free batch, is answered by the parity check.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            tuple(example.values()),
            str(path),
            input_names=list(example),
            output_names=list(outputs),
            dynamic_axes={
                name: {0: "batch", **(free or {}).get(name, {})}
                for name in (*example, *outputs)
            },
            opset_version=OPSET,
            dynamo=False,
        )
    use_tree_ensembles(path)
    difference = window_parity(module, path, inputs, outputs)
    if not difference < allowed:
        msg = f"ONNX and PyTorch differ by {difference:.1e}"
        raise ExportMismatch(msg)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@torch.no_grad()
def window_parity(
    module: nn.Module, path: Path, inputs: MakeInputs, outputs: Sequence[str]
) -> float:
    """Largest difference of an output between PyTorch and ONNX Runtime."""
    session = open_session(path, "cpu")
    worst = 0.0
    for n in _PARITY_BATCHES:
        example = inputs(n)
        feed = {name: value.numpy() for name, value in example.items()}
        expected = module(*example.values())
        for answer, value in zip(session.run(list(outputs), feed), expected, strict=True):
            worst = max(worst, float(np.abs(answer - value.numpy()).max()))
    return worst


def random_inputs(network: WindowNetwork, n: int, n_samples: int) -> dict[str, Tensor]:
    """Windows, and features as widely spread as those trained on."""
    rng = torch.Generator().manual_seed(n)
    inputs = {"windows": torch.randn(n, 1, n_samples, generator=rng)}
    if network.n_features:
        features = torch.randn(n, network.n_features, generator=rng)
        inputs["features"] = network.feature_mean + network.feature_std * features
    return inputs
