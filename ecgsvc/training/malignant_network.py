"""The network of malignant rhythm: small, because 22 patients are few."""

import torch
from torch import Tensor, nn

from ecgsvc.inference.malignant_decision import LABELS
from ecgsvc.inference.malignant_features import FEATURE_NAMES
from ecgsvc.training.window_networks import WindowNetwork

_LAYERS = ((16, 25, 5), (32, 9, 2), (48, 7, 2), (64, 7, 2))  # channels, kernel, stride


class WaveTrunk(nn.Module):
    """Four convolutions, then means and largest values over time.

    Without memory of order: fibrillation and tachycardia look the same everywhere in a
    window. The first kernel is 200 ms long, about one wave of fibrillation.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        n_in = 1
        for n_out, kernel, stride in _LAYERS:
            layers += [
                nn.Conv1d(n_in, n_out, kernel, stride, kernel // 2, bias=False),
                nn.BatchNorm1d(n_out),
                nn.ReLU(),
            ]
            n_in = n_out
        self.see = nn.Sequential(*layers)
        self.width = 2 * n_in

    def forward(self, windows: Tensor) -> Tensor:
        """Embed (batch, 1, samples) as (batch, width)."""
        seen = self.see(windows)
        return torch.cat([seen.mean(dim=-1), seen.amax(dim=-1)], dim=-1)


def malignant_network() -> WindowNetwork:
    """Make an untrained network, from window and features to logits of `LABELS`."""
    trunk = WaveTrunk()
    return WindowNetwork(trunk, trunk.width, len(LABELS), len(FEATURE_NAMES))
