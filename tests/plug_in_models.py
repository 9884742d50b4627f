"""A hospital's own model, small enough to be trained in a test.

Logistic regression by gradient descent in NumPy, on heart rate and age of simulated people,
written as an ONNX graph. `onnx` is of the extra `train`; without it tests are skipped.
"""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

Floats = NDArray[np.float64]
SCALE = np.array([100.0, 100.0])
CARD = """
[model]
name = "{name}"
version = "1.0.0"
task = "plug-in"
title = "Risk of a fast heart within a year"
sha256 = "{sha256}"

[[input]]
name = "values"
kind = "measurements"
fields = ["heart_rate_bpm"]

[[input]]
name = "age"
kind = "age"
{missing}

[output]
name = "probability"
kind = "probabilities"
labels = ["fast heart"]
thresholds = [0.5]

[report]
as = "{reported_as}"
"""


def train_risk(seed: int = 0) -> tuple[Floats, float, Floats, Floats]:
    """Fit on 400 simulated people; return weights, bias, and a test set of 100 others."""
    rng = np.random.default_rng(seed)
    people = np.stack([rng.uniform(50, 130, 500), rng.uniform(20, 90, 500)], axis=1)
    risk = (people[:, 0] - 90) / 8 + (people[:, 1] - 55) / 15
    ill = (rng.uniform(size=500) < 1 / (1 + np.exp(-risk))).astype(np.float64)
    x, weights, bias = people[:400] / SCALE, np.zeros(2), 0.0
    for _ in range(4000):
        error = 1 / (1 + np.exp(-(x @ weights + bias))) - ill[:400]
        weights -= 2.0 * x.T @ error / len(x)
        bias -= 2.0 * float(error.mean())
    return weights / SCALE, bias, people[400:], ill[400:]


def write_model(folder: Path, **card: str) -> Path:
    """Train the model and write its folder; `card` changes the texts of its card."""
    weights, bias, _, _ = train_risk()
    graph = risk_graph(weights, bias)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(graph)
    texts = {"name": "fast-heart", "missing": "", "reported_as": "RiskAssessment"} | card
    sha256 = hashlib.sha256(graph).hexdigest()
    (folder / "card.toml").write_text(CARD.format(sha256=sha256, **texts))
    return folder


def risk_graph(weights: Floats, bias: float) -> bytes:
    """Concatenate the inputs, weigh, add, squash."""
    onnx = pytest.importorskip("onnx", reason="the extra 'train' is not installed")
    from onnx import TensorProto, helper, numpy_helper

    def tensor(name: str, value: Floats) -> object:
        return numpy_helper.from_array(value.astype(np.float32), name)

    def port(name: str, n: int) -> object:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", n])

    nodes = [
        helper.make_node("Concat", ["values", "age"], ["joined"], axis=1),
        helper.make_node("Gemm", ["joined", "weights", "bias"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["probability"]),
    ]
    graph = helper.make_graph(
        nodes,
        "risk",
        [port("values", 1), port("age", 1)],
        [port("probability", 1)],
        [tensor("weights", weights[:, None]), tensor("bias", np.array([bias]))],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
