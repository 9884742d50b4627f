"""From trees written as matrix products to trees that are walked.

PyTorch has no operator that walks down a tree, so that boosted trees are exported as the
matrix products of `boosted_trees`, which ask every tree every question. ONNX has one
(TreeEnsembleRegressor of ``ai.onnx.ml``), which asks only the questions on the way to a
leaf. Answers differ by the rounding of a sum.

The graph is changed in the exported file, so that a model folder made before can be, too.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, helper, numpy_helper

from ecgsvc.training.onnx_graph import Graph, needed

DOMAIN, DOMAIN_VERSION = "ai.onnx.ml", 3

_PRODUCTS = (
    "Gather", "LessOrEqual", "Cast", "Mul", "Sub", "Reshape", "Transpose", "MatMul",
    "Equal", "Cast", "Transpose", "Flatten", "MatMul",
)  # fmt: skip
"""What `BoostedTrees` computes, in order, before it adds the baseline.

That stays outside: of a class that no leaf adds to, ONNX Runtime forgets the base value.
"""
_CONSTANTS = {0: "feature", 1: "threshold", 7: "way", 8: "length", 12: "value"}
"""Which of these take a constant of the trees, and which."""

_NODE_COLUMNS = (
    "treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids",
)  # fmt: skip
_LEAF_COLUMNS = ("treeids", "nodeids", "ids", "weights")


def use_tree_ensembles(path: Path) -> int:
    """Replace all trees of an ONNX file; return how many ensembles of them there were."""
    model = onnx.load(path)
    n_replaced = replace_products(model)
    if n_replaced:
        onnx.checker.check_model(model)
        onnx.save(model, path)
    return n_replaced


def replace_products(model: ModelProto) -> int:
    """Replace them in a model; return how many ensembles there were."""
    graph = Graph(model.graph)
    chains = list(_chains(graph))
    if not chains:
        return 0
    by_output = {chain[-1].output[0]: _ensemble(chain, graph) for chain in chains}
    nodes = [by_output.get(node.output[0], node) for node in graph.nodes]
    kept = needed(nodes, [each.name for each in model.graph.output])
    taken = {name for node in kept for name in node.input}
    initializers = [each for name, each in graph.initializers.items() if name in taken]
    del model.graph.node[:], model.graph.initializer[:]
    model.graph.node.extend(kept)
    model.graph.initializer.extend(initializers)
    model.opset_import.append(helper.make_opsetid(DOMAIN, DOMAIN_VERSION))
    return len(chains)


def _chains(graph: Graph) -> Iterator[list[NodeProto]]:
    """The nodes of each ensemble, first to last."""
    for node in graph.nodes:
        chain = [node]
        while (
            chain[-1].op_type == _PRODUCTS[len(chain) - 1]
            and len(chain) < len(_PRODUCTS)
            and len(takers := graph.takers(chain[-1].output[0])) == 1
        ):
            chain += takers
        if tuple(each.op_type for each in chain) == _PRODUCTS:
            yield chain


def _ensemble(chain: Sequence[NodeProto], graph: Graph) -> NodeProto:
    """One operator in the place of a chain."""
    constants = {
        name: numpy_helper.to_array(graph.constant(chain[i].input[1]))
        for i, name in _CONSTANTS.items()
    }
    attributes = _tables(constants) | {"n_targets": constants["value"].shape[1]}
    node = helper.make_node(
        "TreeEnsembleRegressor",
        [chain[0].input[0]],
        [chain[-1].output[0]],
        name=chain[-1].name,
        domain=DOMAIN,
    )
    node.attribute.extend(helper.make_attribute(*each) for each in attributes.items())
    return node


def _tables(constants: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Nodes and leaves of all trees, as the operator takes them."""
    way, length = constants["way"], constants["length"]
    n_trees, n_inner, n_leaves = way.shape
    feature = constants["feature"].reshape(n_trees, n_inner).tolist()
    threshold = constants["threshold"].reshape(n_trees, n_inner).tolist()
    value = constants["value"].reshape(n_trees, n_leaves, -1)
    nodes: list[tuple[int, int, int, float, str, int, int]] = []
    leaves: list[tuple[int, int, int, float]] = []
    for tree in range(n_trees):
        below = [np.flatnonzero(length[tree, 0] >= 0)]  # of each node: its leaves
        for number, reached in enumerate(below):  # which grows
            if len(reached) > 1:
                inner, yes = _question(way[tree][:, reached])
                place = (feature[tree][inner], threshold[tree][inner])
                ways = (len(below), len(below) + 1)
                nodes.append((tree, number, *place, "BRANCH_LEQ", *ways))
                below += [reached[yes], reached[~yes]]
                continue
            nodes.append((tree, number, 0, 0.0, "LEAF", 0, 0))
            values = value[tree, reached[0]]
            for target in np.flatnonzero(values).tolist() or [0]:
                leaves.append((tree, number, target, float(values[target])))
    return _columns("nodes", _NODE_COLUMNS, nodes) | _columns(
        "target", _LEAF_COLUMNS, leaves
    )


def _question(way: NDArray[np.float32]) -> tuple[int, NDArray[np.bool_]]:
    """The inner node that parts some leaves, and which of them lie behind its yes.

    All of them lie behind it, and not on one side as behind the nodes above.
    """
    parts = way.all(axis=1) & (way.min(axis=1) < way.max(axis=1))
    inner = int(parts.argmax())
    return inner, way[inner] > 0


def _columns(
    kind: str, names: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> dict[str, Any]:
    return {
        f"{kind}_{name}": list(column)
        for name, column in zip(names, zip(*rows, strict=True), strict=True)
    }
