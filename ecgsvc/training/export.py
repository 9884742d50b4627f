"""From a fitted network to the folder that ships: the ONNX file, checked."""

import hashlib
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ecgsvc.inference.beat_features import LEAD_FEATURES, WINDOW_SAMPLES
from ecgsvc.inference.beat_rhythm import RHYTHM_FEATURES
from ecgsvc.inference.model_card import MODEL_FILE
from ecgsvc.inference.sessions import open_session
from ecgsvc.training.tree_ensembles import use_tree_ensembles

OPSET = 17
MAX_DIFFERENCE = 1e-4
_PARITY_SHAPES = ((1, 1, 1), (1, 9, 2), (3, 64, 2), (2, 30, 1))  # chunks, beats, leads
_INPUTS = ("windows", "shapes", "rhythm")


class ExportMismatch(Exception):
    """The exported file does not compute what the network computes."""


def export_onnx(network: nn.Module, folder: Path) -> str:
    """Write ``model.onnx``, free numbers of chunks, beats and leads; return its SHA-256.

    Raises
    ------
    ExportMismatch
        ONNX Runtime and PyTorch differ by 1e-4 or more on some logit.
    """
    path = folder / MODEL_FILE
    free = {0: "chunks", 1: "beats"}
    free_leads = free | {2: "leads"}
    with warnings.catch_warnings():
        # The newer exporter would need onnxscript. What this one warns of, an LSTM with a
        # free batch, is answered by the parity check.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            _random_input(2, 7, 2),
            str(path),
            input_names=list(_INPUTS),
            output_names=["logits"],
            dynamic_axes={
                "windows": free_leads,
                "shapes": free_leads,
                "rhythm": free,
                "logits": free,
            },
            opset_version=OPSET,
            dynamo=False,
        )
    use_tree_ensembles(path)
    difference = parity(network, path)
    if not difference < MAX_DIFFERENCE:
        msg = f"ONNX and PyTorch differ by {difference:.1e} in a logit"
        raise ExportMismatch(msg)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@torch.no_grad()
def parity(network: nn.Module, path: Path) -> float:
    """Largest difference of a logit between PyTorch and ONNX Runtime on random input."""
    session = open_session(path, "cpu")
    worst = 0.0
    for shape in _PARITY_SHAPES:
        inputs = _random_input(*shape)
        expected = network(*inputs).numpy()
        feed = {n: part.numpy() for n, part in zip(_INPUTS, inputs, strict=True)}
        (logits,) = session.run(["logits"], feed)
        worst = max(worst, float(np.abs(logits - expected).max()))
    return worst


def _random_input(chunks: int, beats: int, leads: int) -> tuple[Tensor, Tensor, Tensor]:
    rng = torch.Generator().manual_seed(chunks * beats)
    return (
        torch.randn(chunks, beats, leads, 2, WINDOW_SAMPLES, generator=rng),
        torch.randn(chunks, beats, leads, len(LEAD_FEATURES), generator=rng),
        torch.randn(chunks, beats, len(RHYTHM_FEATURES), generator=rng),
    )
