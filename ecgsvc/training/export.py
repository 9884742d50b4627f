"""From a fitted network to the folder that ships: the ONNX file, checked."""

import hashlib
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ecgsvc.inference.beat_features import FEATURE_NAMES, WINDOW_SAMPLES
from ecgsvc.inference.model_card import MODEL_FILE
from ecgsvc.inference.sessions import open_session
from ecgsvc.training.networks import CnnLstmAttention

OPSET = 17
MAX_DIFFERENCE = 1e-4
_PARITY_SHAPES = ((1, 1), (1, 9), (3, 64))  # chunks, beats


class ExportMismatch(Exception):
    """The exported file does not compute what the network computes."""


def export_onnx(network: CnnLstmAttention, folder: Path) -> str:
    """Write ``model.onnx`` with free numbers of chunks and beats; return its SHA-256.

    Raises
    ------
    ExportMismatch
        ONNX Runtime and PyTorch differ by 1e-4 or more on some logit.
    """
    path = folder / MODEL_FILE
    free = {0: "chunks", 1: "beats"}
    with warnings.catch_warnings():
        # The newer exporter would need onnxscript. What this one warns of, an LSTM with a
        # free batch, is answered by the parity check.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            _random_input(1, 7),
            str(path),
            input_names=["windows", "features"],
            output_names=["logits"],
            dynamic_axes={"windows": free, "features": free, "logits": free},
            opset_version=OPSET,
            dynamo=False,
        )
    difference = parity(network, path)
    if not difference < MAX_DIFFERENCE:
        msg = f"ONNX and PyTorch differ by {difference:.1e} in a logit"
        raise ExportMismatch(msg)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@torch.no_grad()
def parity(network: CnnLstmAttention, path: Path) -> float:
    """Largest difference of a logit between PyTorch and ONNX Runtime on random input."""
    session = open_session(path, "cpu")
    worst = 0.0
    for chunks, beats in _PARITY_SHAPES:
        windows, features = _random_input(chunks, beats)
        expected = network(windows, features).numpy()
        feed = {"windows": windows.numpy(), "features": features.numpy()}
        (logits,) = session.run(["logits"], feed)
        worst = max(worst, float(np.abs(logits - expected).max()))
    return worst


def _random_input(chunks: int, beats: int) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(chunks * beats)
    return (
        torch.randn(chunks, beats, 2, WINDOW_SAMPLES, generator=rng),
        torch.randn(chunks, beats, len(FEATURE_NAMES), generator=rng),
    )
