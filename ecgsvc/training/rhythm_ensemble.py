"""The networks of all folds as one: their mean, and how far an input lies from training."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ecgsvc.training.boosted_trees import BoostedTrees
from ecgsvc.training.window_networks import WindowNetwork

_SHRINKAGE = 0.1  # of the covariance towards its mean variance


class OutlierScore(nn.Module):
    """Mahalanobis distance of an embedding to the nearest class.

    One Gaussian a class with a shared covariance (Lee et al. 2018, arXiv 1807.03888).
    """

    centres: Tensor
    whitening: Tensor

    def __init__(self, n_classes: int, width: int) -> None:
        super().__init__()
        self.register_buffer("centres", torch.zeros(n_classes, width))
        self.register_buffer("whitening", torch.eye(width))

    def fit(
        self, embeddings: NDArray[np.float32], labels: NDArray[np.int64]
    ) -> "OutlierScore":
        """Take the means and the covariance of the training embeddings (n, width)."""
        means = np.stack([embeddings[labels == i].mean(axis=0) for i in np.unique(labels)])
        within = embeddings - means[np.searchsorted(np.unique(labels), labels)]
        covariance = within.T.astype(np.float64) @ within / len(within)
        spread = np.trace(covariance) / len(covariance)
        shrunk = (1 - _SHRINKAGE) * covariance + _SHRINKAGE * spread * np.eye(
            len(covariance)
        )
        values, vectors = np.linalg.eigh(shrunk)
        whitening = (vectors / np.sqrt(values)).astype(np.float32)
        self.whitening.copy_(torch.from_numpy(whitening))
        self.centres.copy_(torch.from_numpy(means.astype(np.float32) @ whitening))
        return self

    def forward(self, embeddings: Tensor) -> Tensor:
        """Distance of each of (batch, width), shape (batch,)."""
        apart = (embeddings @ self.whitening).unsqueeze(1) - self.centres
        distances: Tensor = apart.pow(2).sum(dim=-1).sqrt().amin(dim=1)
        return distances


class RhythmMember(nn.Module):
    """A network with its outlier score, and trees that see the features alone.

    The network sees the features of the signal, the first columns; the trees see all.
    """

    def __init__(
        self, network: WindowNetwork, outlier: OutlierScore, trees: BoostedTrees
    ) -> None:
        super().__init__()
        self.network, self.outlier, self.trees = network, outlier, trees

    def forward(self, windows: Tensor, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Log-probabilities (batch, classes) of network and trees; outlier scores."""
        embedding = self.network.embed(windows, features[:, : self.network.n_features])
        return (
            self.network.classify(embedding).log_softmax(dim=-1),
            self.trees(features).log_softmax(dim=-1),
            self.outlier(embedding),
        )


class RhythmEnsemble(nn.Module):
    """Means over the members; the trees count by their weight, the network once."""

    def __init__(self, members: Sequence[RhythmMember], trees_weight: float) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.trees_weight = trees_weight

    def forward(self, windows: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """Mean logits (batch, classes) and mean outlier scores (batch,)."""
        answers = [member(windows, features) for member in self.members]
        logits = [network + self.trees_weight * trees for network, trees, _ in answers]
        outlier = [score for _, _, score in answers]
        return torch.stack(logits).mean(dim=0), torch.stack(outlier).mean(dim=0)
