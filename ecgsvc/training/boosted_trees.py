"""Gradient-boosted trees as a PyTorch module, so that they ship in one ONNX file.

scikit-learn fits them (histogram gradient boosting after LightGBM, Ke et al. 2017). To run
them without it, every tree is three matrix products: which inner nodes are answered yes,
which leaf agrees with all answers on its way, and that leaf's value (Nakandala et al. 2020,
"A tensor compiler for unified machine learning prediction serving", OSDI). In the file they
are trees again (`tree_ensembles`).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from torch import Tensor, nn

Floats = NDArray[np.float32]


class BoostedTrees(nn.Module):
    """Trees of at most so many leaves, from features to raw class scores.

    Parameters
    ----------
    n_trees, n_leaves, n_classes
        All trees of all classes; the most leaves one has. Smaller trees are padded.
    """

    def __init__(self, n_trees: int, n_leaves: int, n_classes: int) -> None:
        super().__init__()
        n_inner = n_leaves - 1
        self.register_buffer("feature", torch.zeros(n_trees * n_inner, dtype=torch.int64))
        self.register_buffer("threshold", torch.zeros(n_trees * n_inner))
        self.register_buffer("way", torch.zeros(n_trees, n_inner, n_leaves))
        self.register_buffer("length", torch.full((n_trees, 1, n_leaves), -1.0))
        self.register_buffer("value", torch.zeros(n_trees * n_leaves, n_classes))
        self.register_buffer("baseline", torch.zeros(n_classes))

    feature: Tensor
    threshold: Tensor
    way: Tensor
    length: Tensor
    value: Tensor
    baseline: Tensor

    def forward(self, features: Tensor) -> Tensor:
        """Raw scores (batch, classes) of features (batch, width)."""
        n_trees, n_inner, _ = self.way.shape
        yes = features.index_select(1, self.feature) <= self.threshold
        answers = (2 * yes.float() - 1).reshape(-1, n_trees, n_inner).transpose(0, 1)
        reached = (torch.bmm(answers, self.way) == self.length).float()
        scores: Tensor = reached.transpose(0, 1).flatten(1) @ self.value + self.baseline
        return scores

    def place(self, tree: int, class_index: int, nodes: NDArray[Any]) -> None:
        """Take a tree of scikit-learn's: an array of its nodes, the root first."""
        inner: list[int] = np.flatnonzero(~nodes["is_leaf"].astype(bool)).tolist()
        n_inner, n_leaves = self.way.shape[1:]
        column = {node: i for i, node in enumerate(inner)}
        first = tree * n_inner
        for i, node in enumerate(inner):
            self.feature[first + i] = int(nodes["feature_idx"][node])
            self.threshold[first + i] = _at_most(float(nodes["num_threshold"][node]))
        leaf = 0
        open_ways: list[tuple[int, dict[int, float]]] = [(0, {})]
        while open_ways:
            node, answers = open_ways.pop()
            if nodes["is_leaf"][node]:
                for i, answer in answers.items():
                    self.way[tree, i, leaf] = answer
                self.length[tree, 0, leaf] = len(answers)
                row = tree * n_leaves + leaf
                self.value[row, class_index] = float(nodes["value"][node])
                leaf += 1
                continue
            i = column[node]
            open_ways.append((int(nodes["left"][node]), answers | {i: 1.0}))
            open_ways.append((int(nodes["right"][node]), answers | {i: -1.0}))


def fit_trees(
    features: Floats, labels: NDArray[np.int64], weights: NDArray[np.float64], seed: int
) -> BoostedTrees:
    """Fit trees to features (n, width); every class must occur among the labels."""
    fitted = HistGradientBoostingClassifier(
        max_iter=140,
        learning_rate=0.08,
        max_leaf_nodes=16,
        min_samples_leaf=60,
        l2_regularization=20.0,
        max_features=0.1,
        early_stopping=False,
        random_state=seed,
    ).fit(features, labels, sample_weight=weights)
    return convert(fitted)


def load_trees(path: Path) -> BoostedTrees:
    """Trees of which ``state_dict()`` was saved."""
    held = torch.load(path, weights_only=True)
    n_trees, _, n_leaves = held["way"].shape
    trees = BoostedTrees(n_trees, n_leaves, len(held["baseline"]))
    trees.load_state_dict(held)
    return trees


def convert(fitted: HistGradientBoostingClassifier) -> BoostedTrees:
    """The same trees as a module. scikit-learn has no public access to their nodes."""
    rounds = fitted._predictors
    n_classes = len(fitted.classes_)
    n_leaves = max(tree.get_n_leaf_nodes() for trees in rounds for tree in trees)
    module = BoostedTrees(len(rounds) * n_classes, max(n_leaves, 2), n_classes)
    for number, trees in enumerate(rounds):
        for class_index, tree in enumerate(trees):
            module.place(number * n_classes + class_index, class_index, tree.nodes)
    baseline = np.ravel(fitted._baseline_prediction).astype(np.float32)
    module.baseline.copy_(torch.from_numpy(baseline))
    return module


def convert_labels(fitted: Sequence[HistGradientBoostingClassifier]) -> BoostedTrees:
    """Binary ensembles, a label each, as one module whose scores are their log odds."""
    trees = [
        (label, tree) for label, each in enumerate(fitted) for (tree,) in each._predictors
    ]
    n_leaves = max(tree.get_n_leaf_nodes() for _, tree in trees)
    module = BoostedTrees(len(trees), max(n_leaves, 2), len(fitted))
    for number, (label, tree) in enumerate(trees):
        module.place(number, label, tree.nodes)
    baseline = np.concatenate([np.ravel(each._baseline_prediction) for each in fitted])
    module.baseline.copy_(torch.from_numpy(baseline.astype(np.float32)))
    return module


def _at_most(threshold: float) -> float:
    """Largest single-precision number up to the threshold, as features are single."""
    single = np.float32(threshold)
    if float(single) > threshold:
        single = np.nextafter(single, np.float32(-np.inf))
    return float(single)
