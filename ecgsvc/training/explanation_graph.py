"""From ``model.onnx`` to ``explain.onnx``: the same network, open where Grad-CAM looks.

Grad-CAM (Selvaraju et al. 2017, doi 10.1109/ICCV.2017.74) weighs each channel of the last
convolution by the mean over time of the logit's derivative. That mean is, exactly, the
derivative along a shift added to all steps of the channel, over the number of steps. So the
graph written here takes such shifts, and serving takes differences of logits
(`inference.grad_cam`) instead of differentiating automatically.

The graph is made from the exported file alone, so that any model folder can have one.
"""

import hashlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from ecgsvc.inference.grad_cam import FEATURE_MAPS, SHIFT, FeatureMap, feature_maps_text
from ecgsvc.inference.model_card import EXPLANATION_FILE, MODEL_FILE, load_model_card
from ecgsvc.inference.sessions import open_session
from ecgsvc.training.cards import write_card
from ecgsvc.training.onnx_graph import Graph, attribute, needed

MAX_DIFFERENCE = 5e-3
"""Between changes of the model's logits and of the sum of its networks', relative."""
WINDOWS = "windows"

_POINTWISE = {"Add", "BatchNormalization", "Cast", "Clip", "Relu"}
_ADDING = {"Add", "Sum", "Unsqueeze"}
_N_SHIFTS = "n_shifts"
_OUTPUTS = ("activation_", "logits_", "attention_")
_EXAMPLE_LENGTH = {"batch": 1, "chunks": 1, "beats": 7, "leads": 2}  # of free dimensions
_DRAWS = 6


class NoExplanation(ValueError):
    """The model is not built so that its networks' last convolutions can be explained."""


@dataclass(frozen=True, slots=True)
class _Network:
    """One network of the model: names of its tensors, and what its feature map is like."""

    activation: str
    logits: str
    attention: NodeProto | None
    map: FeatureMap


def write_explanation_graph(folder: Path) -> str:
    """Write ``explain.onnx`` beside the ``model.onnx`` of a folder; return its SHA-256.

    Inputs are the model's, for one chunk or window, and ``shift`` (shifts, rows, channels),
    added to the feature maps, whose rows are the windows in the model's order. Outputs are,
    for each network i of an ensemble, ``activation_i`` (rows, channels, steps) without a
    shift; ``logits_i`` (shifts, …, classes), which sum to the model's logits but for what
    no feature map has a part in; and, where it has attention, ``attention_i`` (shifts,
    queries, places), mean over the heads. What no feature map reaches, as trees beside the
    networks, is left out.

    Raises
    ------
    NoExplanation
        There is no convolution, or the model's logits are no weighted sum of its networks'.
    """
    model = onnx.load(folder / MODEL_FILE)
    graph = Graph(model.graph)
    networks = _networks(graph)
    path = folder / EXPLANATION_FILE
    with tempfile.TemporaryDirectory() as trial_folder:
        trial = Path(trial_folder) / EXPLANATION_FILE
        _save(model, graph, networks, np.ones(len(networks)), trial)
        weights = _weights_in_sum(folder / MODEL_FILE, trial, model, networks)
    _save(model, graph, networks, weights, path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def add_explanation(folder: Path) -> None:
    """Write the graph of a finished model folder, and its SHA-256 into the card.

    Raises
    ------
    NoExplanation
        As `write_explanation_graph`.
    ModelUnavailable
        The folder is incomplete or altered.
    """
    document = load_model_card(folder).document
    write_card(folder, {**document, "explanation": _table(folder)})


def explained(folder: Path, card: Mapping[str, Any]) -> dict[str, Any]:
    """Write the graph of a folder that is being made, if it can have one.

    Returns
    -------
    dict
        The card, with what it has to say of the graph.
    """
    try:
        return {**card, "explanation": _table(folder)}
    except NoExplanation:
        return dict(card)


def _table(folder: Path) -> dict[str, str]:
    return {
        "method": "logits under shifts of the last convolution of each network, for "
        "integrated Grad-CAM by central differences (Sattarzadeh et al. 2021, doi "
        "10.1109/ICASSP39728.2021.9415064), and of altered windows, for occlusion (Zeiler "
        "& Fergus 2014); attention",
        "sha256": write_explanation_graph(folder),
    }


def _networks(graph: Graph) -> list[_Network]:
    """Find the networks of the model by their last convolutions."""
    convolutions = [node for node in graph.nodes if node.op_type == "Conv"]
    made = [node.output[0] for node in convolutions]
    last = [name for name in made if len(graph.ahead([name]).intersection(made)) == 1]
    activations = dict.fromkeys(_rectified(graph, name) for name in last)
    if not activations:
        msg = "the model has no convolution"
        raise NoExplanation(msg)
    return [
        _Network(
            activation,
            _own_logits(graph, activation, set(activations) - {activation}),
            _last_attention(graph, activation),
            _feature_map(graph, activation),
        )
        for activation in activations
    ]


def _rectified(graph: Graph, tensor: str) -> str:
    """Follow a convolution's output through what acts on each value by itself."""
    while len(takers := graph.takers(tensor)) == 1 and takers[0].op_type in _POINTWISE:
        tensor = takers[0].output[0]
    return tensor


def _own_logits(graph: Graph, activation: str, others: set[str]) -> str:
    """What one network makes alone, before others or trees are added to it."""
    mine, theirs = graph.ahead([activation]), graph.ahead(others)
    tensor = "logits"
    while (node := graph.maker(tensor)) is not None and tensor != activation:
        through = [name for name in node.input if name in mine]
        if tensor not in theirs and (node.op_type not in _ADDING or len(through) != 1):
            return tensor
        if len(through) != 1:
            break
        tensor = through[0]
    msg = "a network has no logits of its own"
    raise NoExplanation(msg)


def _last_attention(graph: Graph, activation: str) -> NodeProto | None:
    """What makes the attention weights from which no others are computed."""
    ahead = graph.ahead([activation])
    made = {
        node.output[0]: node
        for node in graph.nodes
        if node.op_type == "Softmax" and node.output[0] in ahead
    }
    for name, node in made.items():
        if len(graph.ahead([name]).intersection(made)) == 1:
            return node
    return None


def _feature_map(graph: Graph, activation: str) -> FeatureMap:
    """Number of channels, and where steps lie: the centres of their receptive fields."""
    way: list[NodeProto] = []
    tensor = activation
    while (node := graph.maker(tensor)) is not None and tensor != WINDOWS:
        way.append(node)
        tensor = node.input[0]
    every, first, channels = 1.0, 0.0, 0
    for node in reversed(way):
        if node.op_type in {"Conv", "MaxPool"}:
            kernel = attribute(node, "kernel_shape", 1)
            first += every * ((kernel - 1) / 2 - attribute(node, "pads", 0))
            every *= attribute(node, "strides", 1)
        if node.op_type == "Conv":
            channels = graph.initializers[node.input[1]].dims[0]
    return FeatureMap(channels, every, first)


def _save(
    model: ModelProto,
    graph: Graph,
    networks: Sequence[_Network],
    weights: NDArray[np.float64],
    path: Path,
) -> None:
    """Rewire the model around its feature maps; write what the new outputs need of it."""
    activations = [network.activation for network in networks]
    renamed = {name: f"{name}_each" for name in (*graph.inputs, *activations)}
    nodes = [helper.make_node("Shape", [SHIFT], [_N_SHIFTS], start=0, end=1)]
    for tensor in model.graph.input:
        nodes += _repeat(tensor, renamed[tensor.name])
    for node in _after(graph, activations, renamed):
        nodes.append(node)
        for name in set(activations).intersection(node.output):
            nodes += _shift(name, renamed[name])
    for i, network in enumerate(networks):
        nodes += _ends(network, float(weights[i]), i)
    outputs = [name for node in nodes for name in node.output if name.startswith(_OUTPUTS)]
    (logits,) = (each for each in model.graph.output if each.name == "logits")
    shapes = {
        "activation": ["rows", "channels", "steps"],
        "logits": ["shifts", *["places"] * (_rank(logits) - 2), "classes"],
        "attention": ["shifts", "queries", "places"],
    }
    kept = needed(nodes, outputs)
    taken = {name for node in kept for name in node.input}
    opened = helper.make_model(
        helper.make_graph(
            kept,
            "explanation",
            [*model.graph.input, _floats(SHIFT, ["shifts", "rows", "channels"])],
            [_floats(name, shapes[name.partition("_")[0]]) for name in outputs],
            [each for each in model.graph.initializer if each.name in taken],
        ),
        opset_imports=model.opset_import,
        ir_version=model.ir_version,
    )
    maps = feature_maps_text([network.map for network in networks])
    helper.set_model_props(opened, {FEATURE_MAPS: maps})
    onnx.checker.check_model(opened)
    onnx.save(opened, path)


def _after(
    graph: Graph, activations: Sequence[str], renamed: Mapping[str, str]
) -> Iterator[NodeProto]:
    """All nodes; those behind no feature map take the repeated, shifted tensors."""
    before = graph.behind(activations)
    computed = graph.ahead(graph.inputs)
    for node in graph.nodes:
        copy = NodeProto()
        copy.CopyFrom(node)
        if before.isdisjoint(node.output):
            if lost := before.intersection(node.input, computed) - renamed.keys():
                msg = f"{lost} are used before and after the last convolution"
                raise NoExplanation(msg)
            copy.ClearField("input")
            copy.input.extend(renamed.get(name, name) for name in node.input)
        yield copy


def _repeat(tensor: ValueInfoProto, name: str) -> list[NodeProto]:
    """The input once for each shift."""
    same = [1] * (_rank(tensor) - 1)
    return [
        _constant(f"{name}_same", same),
        helper.make_node("Concat", [_N_SHIFTS, f"{name}_same"], [f"{name}_shape"], axis=0),
        helper.make_node("Expand", [tensor.name, f"{name}_shape"], [name]),
    ]


def _shift(activation: str, name: str) -> list[NodeProto]:
    """The feature map (rows, channels, steps) as (shifts * rows, channels, steps)."""
    make = helper.make_node
    return [
        _constant(f"{name}_first", [0]),
        _constant(f"{name}_third", [2]),
        _constant(f"{name}_last", [-1]),
        make("Shape", [activation], [f"{name}_channels"], start=1, end=2),
        make(
            "Slice",
            [SHIFT, f"{name}_first", f"{name}_channels", f"{name}_third"],
            [f"{name}_shift"],
        ),
        make("Unsqueeze", [f"{name}_shift", f"{name}_last"], [f"{name}_constant"]),
        make("Unsqueeze", [activation, f"{name}_first"], [f"{name}_once"]),
        make("Add", [f"{name}_once", f"{name}_constant"], [f"{name}_sum"]),
        make("Shape", [activation], [f"{name}_row"], start=1, end=3),
        make("Concat", [f"{name}_last", f"{name}_row"], [f"{name}_shape"], axis=0),
        make("Reshape", [f"{name}_sum", f"{name}_shape"], [name]),
    ]


def _ends(network: _Network, weight: float, i: int) -> list[NodeProto]:
    """What is read of one network."""
    make = helper.make_node
    nodes = [
        make("Identity", [network.activation], [f"activation_{i}"]),
        _constant(f"weight_{i}", weight),
        make("Mul", [network.logits, f"weight_{i}"], [f"logits_{i}"]),
    ]
    if network.attention is None:
        return nodes
    weights = network.attention.output[0]
    if attribute(network.attention, "axis", -1) == 1:  # (batch, places, heads): pooling
        nodes.append(make("Transpose", [weights], [f"pooled_{i}"], perm=[0, 2, 1]))
        mean = make("ReduceMean", [f"pooled_{i}"], [f"attention_{i}"], axes=[1])
    else:  # (batch, heads, queries, places)
        mean = make("ReduceMean", [weights], [f"attention_{i}"], axes=[1], keepdims=0)
    return [*nodes, mean]


def _constant(name: str, value: list[int] | float) -> NodeProto:
    array = np.array(value, np.float32 if isinstance(value, float) else np.int64)
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(array))


def _rank(tensor: ValueInfoProto) -> int:
    return len(tensor.type.tensor_type.shape.dim)


def _floats(name: str, shape: list[str]) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _weights_in_sum(
    model_path: Path, opened_path: Path, model: ModelProto, networks: Sequence[_Network]
) -> NDArray[np.float64]:
    """Weight of each network's own logits in the model's, by least squares.

    Windows are drawn at random, all else is kept: then differences of the model's logits
    are the weighted sum of those of its networks'.
    """
    session, opened = open_session(model_path, "cpu"), open_session(opened_path, "cpu")
    rng = np.random.default_rng(0)
    feed = {each.name: _example(each, rng) for each in model.graph.input}
    names = [f"logits_{i}" for i in range(len(networks))]
    no_shift = {SHIFT: np.zeros((1, 1, max(n.map.channels for n in networks)), np.float32)}
    whole, parts = [], []
    for _ in range(_DRAWS):
        feed[WINDOWS] = rng.standard_normal(feed[WINDOWS].shape).astype(np.float32)
        whole.append(np.ravel(session.run(["logits"], feed)[0]))
        parts.append([np.ravel(part) for part in opened.run(names, feed | no_shift)])
    changes = np.diff(whole, axis=0).ravel().astype(np.float64)
    of_parts = np.swapaxes(np.diff(np.array(parts, np.float64), axis=0), 0, 1)
    changes_of = of_parts.reshape(len(networks), -1)
    weights = np.linalg.lstsq(changes_of.T, changes)[0]
    difference = np.abs(weights @ changes_of - changes).max() / np.abs(changes).max()
    if not difference < MAX_DIFFERENCE:
        msg = f"logits are no sum of the networks' ({difference:.1e} apart)"
        raise NoExplanation(msg)
    return np.asarray(weights, np.float64)


def _example(tensor: ValueInfoProto, rng: np.random.Generator) -> NDArray[np.float32]:
    shape = [
        each.dim_value or _EXAMPLE_LENGTH[each.dim_param]
        for each in tensor.type.tensor_type.shape.dim
    ]
    return rng.standard_normal(shape).astype(np.float32)
