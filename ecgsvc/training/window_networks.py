"""Networks that read one window of one lead, with or without features of that window.

Every one is a trunk (samples to an embedding) under the same head, so that tasks differ in
their classes and features only and architectures compare like with like.
"""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn

from ecgsvc.training.networks import SelfAttention


class WindowNetwork(nn.Module):
    """A trunk and features, joined in an embedding, and classes read off it.

    Features are standardised inside, by buffers set from the training windows, so that the
    exported network takes them as they are built.

    Parameters
    ----------
    trunk
        From (batch, 1, samples) to (batch, trunk_width).
    trunk_width, n_classes
        Widths of what comes in and goes out.
    n_features
        Width of the feature vector; 0 for none.
    embedding_width
        Width of the last hidden layer, on which distances from the training set are taken.
    dropout
        Share of the hidden layers that is left out in training.
    """

    feature_mean: Tensor
    feature_std: Tensor

    def __init__(
        self,
        trunk: nn.Module,
        trunk_width: int,
        n_classes: int,
        n_features: int = 0,
        *,
        embedding_width: int = 64,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.n_features = n_features
        self.register_buffer("feature_mean", torch.zeros(n_features))
        self.register_buffer("feature_std", torch.ones(n_features))
        self.trunk = trunk
        width = trunk_width
        if n_features:
            self.see_features = nn.Sequential(
                nn.Linear(n_features, embedding_width), nn.ReLU()
            )
            width += embedding_width
        self.join = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(width, embedding_width), nn.ReLU()
        )
        self.classify = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(embedding_width, n_classes)
        )

    def embed(self, windows: Tensor, features: Tensor | None = None) -> Tensor:
        """Last hidden layer, (batch, width), of (batch, 1, samples), (batch, features)."""
        seen = self.trunk(windows).float()
        if features is not None and self.n_features:
            scaled = ((features - self.feature_mean) / self.feature_std).clamp(-5, 5)
            seen = torch.cat([seen, self.see_features(scaled)], dim=-1)
        embedding: Tensor = self.join(seen)
        return embedding

    def forward(self, windows: Tensor, features: Tensor | None = None) -> Tensor:
        """Logits, shape (batch, n_classes)."""
        logits: Tensor = self.classify(self.embed(windows, features))
        return logits

    def standardise(self, features: Tensor) -> None:
        """Set the feature scaler from training windows, shape (n, features)."""
        self.feature_mean.copy_(features.mean(dim=0))
        self.feature_std.copy_(features.std(dim=0).clamp_min(1e-3))


class AttentionPool(nn.Module):
    """Means over time, each head with its own learnt weights, beside the largest values."""

    def __init__(self, width: int, heads: int = 4) -> None:
        super().__init__()
        self.score = nn.Linear(width, heads)
        self.width = (heads + 1) * width

    def forward(self, x: Tensor) -> Tensor:
        """From (batch, steps, channels) to (batch, width)."""
        weights = self.score(x).softmax(dim=1)
        pooled = (weights.transpose(1, 2) @ x).flatten(1)
        return torch.cat([pooled, x.amax(dim=1)], dim=-1)


class CanetTrunk(nn.Module):
    """Depthwise-separable convolutions, BiLSTM, multi-head attention, after CANet.

    32 times fewer steps than samples, so that a step is about half a beat at 100 Hz and
    an eighth of a second at 250 Hz.

    Parameters
    ----------
    channels
        Of the convolutions: the first makes a quarter as many steps, the others half.
    lstm_width
        Of each direction.
    """

    def __init__(
        self, channels: tuple[int, ...] = (32, 64, 96, 128), lstm_width: int = 64
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [_convolution(1, channels[0], 15, stride=4)]
        for n_in, n_out in pairwise(channels):
            layers.append(_separable(n_in, n_out, 9, stride=2))
        self.see = nn.Sequential(*layers)
        width = 2 * lstm_width
        self.rhythm = nn.LSTM(
            channels[-1], lstm_width, batch_first=True, bidirectional=True
        )
        self.attention = SelfAttention(width, heads=4, dropout=0.0)
        self.pool = AttentionPool(width)
        self.width = self.pool.width

    def forward(self, windows: Tensor) -> Tensor:
        """Embed (batch, 1, samples) as (batch, width)."""
        steps = self.see(windows).float().transpose(1, 2)
        with torch.autocast(steps.device.type, enabled=False):  # slow in half precision
            context, _ = self.rhythm(steps)
            pooled: Tensor = self.pool(self.attention(context, None))
        return pooled


class InvertedResidual(nn.Module):
    """Widen, filter each channel, narrow (Sandler et al. 2018, arXiv 1801.04381)."""

    def __init__(self, n_in: int, n_out: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = n_in * expansion
        self.residual = stride == 1 and n_in == n_out
        self.body = nn.Sequential(
            _convolution(n_in, hidden, 1, nonlinear=nn.ReLU6),
            _convolution(hidden, hidden, 5, stride, groups=hidden, nonlinear=nn.ReLU6),
            nn.Conv1d(hidden, n_out, 1, bias=False),
            nn.BatchNorm1d(n_out),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Filter (batch, channels, samples)."""
        filtered: Tensor = self.body(x)
        return x + filtered if self.residual else filtered


class MobileNetV2Trunk(nn.Module):
    """MobileNetV2 with kernels of one dimension (Sandler et al. 2018, arXiv 1801.04381).

    The first convolution takes every fourth sample, not every second pixel.

    Parameters
    ----------
    width_multiplier
        Of all channels, as the paper has it; 1 is the network as printed.
    """

    _STAGES = (
        # expansion, channels, blocks, stride: table 2 of the paper
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
        (6, 160, 3, 2), (6, 320, 1, 1),
    )  # fmt: skip

    def __init__(self, width_multiplier: float = 0.25) -> None:
        super().__init__()

        def scaled(channels: int) -> int:
            return max(8, round(channels * width_multiplier / 8) * 8)

        n_in = scaled(32)
        layers: list[nn.Module] = [_convolution(1, n_in, 15, 4, nonlinear=nn.ReLU6)]
        for expansion, channels, n_blocks, stride in self._STAGES:
            for block in range(n_blocks):
                step = stride if block == 0 else 1
                layers.append(InvertedResidual(n_in, scaled(channels), step, expansion))
                n_in = scaled(channels)
        self.width = scaled(1280)
        layers.append(_convolution(n_in, self.width, 1, nonlinear=nn.ReLU6))
        self.see = nn.Sequential(*layers)

    def forward(self, windows: Tensor) -> Tensor:
        """Embed (batch, 1, samples) as (batch, width)."""
        embedded: Tensor = self.see(windows).mean(dim=-1)
        return embedded


class Vgg16Trunk(nn.Module):
    """VGG16 with kernels of one dimension (Simonyan & Zisserman 2015, arXiv 1409.1556).

    Thirteen convolutions in five stages, batch normalisation after each; the fully
    connected layers over 7 x 7 places become mean and maximum over time, so that windows
    may have any length.

    Parameters
    ----------
    width_multiplier
        Of all channels; 1 is the network as printed.
    """

    _STAGES = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))

    def __init__(self, width_multiplier: float = 0.25) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        n_in = 1
        for channels, n_convolutions in self._STAGES:
            n_out = max(8, round(channels * width_multiplier))
            for _ in range(n_convolutions):
                layers.append(_convolution(n_in, n_out, 3))
                n_in = n_out
            layers.append(nn.MaxPool1d(2))
        self.see = nn.Sequential(*layers)
        self.width = 2 * n_in

    def forward(self, windows: Tensor) -> Tensor:
        """Embed (batch, 1, samples) as (batch, width)."""
        seen = self.see(windows)
        return torch.cat([seen.mean(dim=-1), seen.amax(dim=-1)], dim=-1)


TRUNKS: dict[str, Callable[[], CanetTrunk | MobileNetV2Trunk | Vgg16Trunk]] = {
    "canet": CanetTrunk,
    "mobilenet": MobileNetV2Trunk,
    "vgg": Vgg16Trunk,
}
"""Trunks by the name the command line takes, in their usual size."""


def window_network(name: str, n_classes: int, n_features: int = 0) -> WindowNetwork:
    """Make an untrained network of that trunk; `KeyError` when there is none."""
    trunk = TRUNKS[name]()
    return WindowNetwork(trunk, trunk.width, n_classes, n_features)


def _convolution(
    n_in: int,
    n_out: int,
    kernel: int,
    stride: int = 1,
    *,
    groups: int = 1,
    nonlinear: type[nn.Module] = nn.ReLU,
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(n_in, n_out, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm1d(n_out),
        nonlinear(),
    )


def _separable(n_in: int, n_out: int, kernel: int, stride: int) -> nn.Sequential:
    """Filter each channel, then mix them (Chollet 2017, arXiv 1610.02357)."""
    return nn.Sequential(
        nn.Conv1d(n_in, n_in, kernel, stride, kernel // 2, groups=n_in, bias=False),
        _convolution(n_in, n_out, 1),
    )
