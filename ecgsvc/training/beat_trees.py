"""Boosted trees on the features of a beat and its neighbours, beside a network.

The network sees the waveform and learns from few patients by heart; trees on the features
alone err differently. A member of the ensemble is one of each, fitted to the same records.
"""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits
from torch import Tensor, nn
from torch.nn import functional

from ecgsvc.domain.beats import BEAT_CLASSES, BeatClass
from ecgsvc.inference.beat_features import LEAD_FEATURES
from ecgsvc.inference.beat_rhythm import RHYTHM_FEATURES
from ecgsvc.training.boosted_trees import BoostedTrees, convert
from ecgsvc.training.datasets import BeatSequence
from ecgsvc.training.losses import beat_weights

TREES_WEIGHTS: Mapping[BeatClass, float] = MappingProxyType(
    {BeatClass.S: 0.25, BeatClass.V: 1.0, BeatClass.F: 1.0, BeatClass.Q: 1.0}
)
"""Of the trees' log-odds against N, beside the network's. A quarter of those of S: whether
a beat is one rests on a rhythm over many beats, of which the trees see two on either side;
on held-out training beats a half scores alike (docs/models.md)."""

N_ROUNDS = 150
_NEIGHBOURS = (-2, -1, 1, 2)
_CONTEXT_RHYTHM = [
    RHYTHM_FEATURES.index(name)
    for name in (
        "rr_before_to_local", "rr_after_to_local", "rr_before_to_after",
        "rr_before_to_local_long",
    )
]  # fmt: skip
_CONTEXT_SHAPE = [
    LEAD_FEATURES.index(name)
    for name in (
        "qrs_correlation", "beat_correlation", "p_correlation", "late_qrs_correlation",
        "qrs_width", "qrs_width_to_dominant",
    )
]  # fmt: skip
_N_SHARE = 0.25  # of the normal beats: there are plenty
_SHORT_SHARE = 0.1  # of the short recordings
_Q = BEAT_CLASSES.index(BeatClass.Q)
_UNLEARNT = -10.0  # raw score of Q, which has too few beats to be learnt


class BeatTrees(nn.Module):
    """Raw class scores from features alone."""

    def __init__(self, trees: BoostedTrees) -> None:
        super().__init__()
        self.trees = trees

    def forward(self, shapes: Tensor, rhythm: Tensor) -> Tensor:
        """Scores (batch, beats, 5) of what the networks take."""
        features = tree_features(shapes, rhythm)
        scores = self.trees(features.flatten(0, 1))
        scores = functional.pad(scores, (0, 1), value=_UNLEARNT)
        return scores.reshape(shapes.shape[0], shapes.shape[1], len(BEAT_CLASSES))


class BeatMember(nn.Module):
    """A network and trees: the sum of their log-odds against N, the trees' weighed."""

    weights: Tensor

    def __init__(self, network: nn.Module, trees: BeatTrees) -> None:
        super().__init__()
        self.network, self.trees = network, trees
        weights = [TREES_WEIGHTS.get(beat_class, 0.0) for beat_class in BEAT_CLASSES]
        self.register_buffer("weights", torch.tensor(weights), persistent=False)

    def forward(self, windows: Tensor, shapes: Tensor, rhythm: Tensor) -> Tensor:
        """Logits per beat, shape (batch, beats, 5)."""
        seen = self.network(windows, shapes, rhythm).log_softmax(dim=-1)
        judged = self.trees(shapes, rhythm)
        logits: Tensor = seen + self.weights * (judged - judged[..., :1])
        return logits


def tree_features(shapes: Tensor, rhythm: Tensor) -> Tensor:
    """Features of each beat, of its leads together, and some of the two beats around.

    Takes (batch, beats, leads, features) and (batch, beats, features); the first and last
    beats are their own neighbours.
    """
    least = shapes.amin(dim=2)
    own = torch.cat([rhythm, shapes.mean(dim=2), shapes.amax(dim=2), least], dim=-1)
    shared = torch.cat([rhythm[..., _CONTEXT_RHYTHM], least[..., _CONTEXT_SHAPE]], dim=-1)
    return torch.cat([own, *(_shifted(shared, n) for n in _NEIGHBOURS)], dim=-1)


def _shifted(x: Tensor, n: int) -> Tensor:
    """Show each beat what the beat `n` later has."""
    first, last = x[:, :1], x[:, -1:]
    if n > 0:
        return torch.cat([x, *[last] * n], dim=1)[:, n:]
    return torch.cat([*[first] * -n, x], dim=1)[:, :n]


def fit_beat_trees(
    sequences: Sequence[BeatSequence], seed: int, n_rounds: int = N_ROUNDS
) -> BeatTrees:
    """Fit trees to beats of whole and of some short recordings, on two leads and on one."""
    weights = beat_weights(sequences)
    rng = np.random.default_rng(seed)
    rows = [row for s in sequences for row in _rows(s, weights[s.record], rng)]
    features, labels, weight = (np.concatenate(part) for part in zip(*rows, strict=True))
    unfitted = HistGradientBoostingClassifier(
        max_iter=n_rounds,
        learning_rate=0.08,
        max_leaf_nodes=16,
        l2_regularization=20.0,
        max_features=0.3,
        early_stopping=False,
        random_state=seed,
    )
    with threadpool_limits(1, user_api="openmp"):  # the same trees on any machine
        fitted = unfitted.fit(features, labels, sample_weight=weight)
    return BeatTrees(convert(fitted)).eval()


def _rows(
    sequence: BeatSequence, weights: NDArray[np.float32], rng: np.random.Generator
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]]]:
    """Features, labels and weights of beats of a sequence: all leads, and a single one."""
    if sequence.kind != "record" and rng.random() >= _SHORT_SHARE:
        return
    inputs, labels = sequence.inputs, sequence.labels
    n_leads = inputs.shapes.shape[1]
    for leads in (slice(None), slice(n := int(rng.integers(n_leads)), n + 1)):
        drawn = (labels != 0) | (rng.random(len(labels)) < _N_SHARE)
        chosen = np.flatnonzero(inputs.readable & (labels != _Q) & drawn)
        features = tree_features(
            torch.from_numpy(inputs.shapes[np.newaxis, :, leads]),
            torch.from_numpy(inputs.rhythm[np.newaxis]),
        )[0].numpy()
        of_class = labels[chosen]
        weight = weights[of_class] * np.where(of_class == 0, 1 / _N_SHARE, 1.0)
        yield features[chosen], of_class, weight.astype(np.float32)
