"""Networks that estimate intervals: AICRN, and others of the literature beside it.

All read the same two inputs by two trunks of their kind, the mean beat of twelve leads and
its repetition, and answer with the place and scale of a Laplace distribution a target.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import torch
from torch import Tensor, nn

from ecgsvc.inference.interval_inputs import INTERVAL_LEADS, LAGS_S, TARGETS
from ecgsvc.inference.wave_groups import WINDOW_SAMPLES

MakeTrunk = Callable[[int, bool], nn.Sequential]
"""From the number of channels and whether it is the large trunk, of the beat."""

_BEAT_MODULES = (
    (32, 4), (32, 1), (48, 2), (48, 1), (64, 1), (64, 2), (64, 1), (64, 1),
)  # fmt: skip
_REPETITION_MODULES = ((24, 4), (32, 2), (48, 2), (64, 1))
_LEAST_SCALE = 0.01  # of a target's standard deviation
_SLOPE = 0.1


class ChannelAttention(nn.Module):
    """Weigh channels by their means and largest values (Woo et al. 2018, 1807.06521)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weigh = nn.Sequential(
            nn.Linear(channels, channels // 4),
            nn.LeakyReLU(_SLOPE),
            nn.Linear(channels // 4, channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Scale (batch, channels, columns)."""
        largest = nn.functional.max_pool1d(x, x.shape[-1]).squeeze(-1)  # amax trains slower
        weights = self.weigh(x.mean(dim=-1)) + self.weigh(largest)
        return x * weights.sigmoid().unsqueeze(-1)


class SpatialAttention(nn.Module):
    """Weigh columns by the mean and the largest value of their channels (the same)."""

    def __init__(self, kernel: int = 7) -> None:
        super().__init__()
        self.weigh = nn.Conv1d(2, 1, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        """Scale (batch, channels, columns)."""
        seen = torch.stack([x.mean(dim=1), x.amax(dim=1)], dim=1)
        return x * self.weigh(seen).sigmoid()


class ResidualModule(nn.Module):
    """Two convolutions, attention to channels and columns, and what came in."""

    def __init__(self, n_in: int, n_out: int, stride: int, *, attention: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(n_in, n_out, 7, stride, padding=3, bias=False),
            nn.BatchNorm1d(n_out),
            nn.LeakyReLU(_SLOPE),
            nn.Conv1d(n_out, n_out, 7, padding=3, bias=False),
            nn.BatchNorm1d(n_out),
            *([ChannelAttention(n_out), SpatialAttention()] if attention else []),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or n_in != n_out:
            self.shortcut = nn.Sequential(
                nn.AvgPool1d(stride, ceil_mode=True) if stride > 1 else nn.Identity(),
                nn.Conv1d(n_in, n_out, 1, bias=False),
                nn.BatchNorm1d(n_out),
            )
        self.activate = nn.LeakyReLU(_SLOPE)

    def forward(self, x: Tensor) -> Tensor:
        """Filter (batch, channels, columns)."""
        activated: Tensor = self.activate(self.body(x) + self.shortcut(x))
        return activated


def aicrn_trunk(n_in: int, large: bool, *, attention: bool = True) -> nn.Sequential:
    """Eight attention-integrated residual modules; four for the repetition."""
    layers: list[nn.Module] = []
    for channels, stride in _BEAT_MODULES if large else _REPETITION_MODULES:
        layers.append(ResidualModule(n_in, channels, stride, attention=attention))
        n_in = channels
    return nn.Sequential(*layers)


def plain_trunk(n_in: int, large: bool) -> nn.Sequential:
    """The same without attention."""
    return aicrn_trunk(n_in, large, attention=False)


def lenet_trunk(n_in: int, large: bool) -> nn.Sequential:
    """LeNet-5 with kernels of one dimension (LeCun et al. 1998)."""
    first, second = (16, 32) if large else (6, 16)
    return nn.Sequential(
        nn.Conv1d(n_in, first, 5, padding=2), nn.Tanh(), nn.AvgPool1d(4),
        nn.Conv1d(first, second, 5, padding=2), nn.Tanh(), nn.AvgPool1d(4),
    )  # fmt: skip


def xresnet_trunk(n_in: int, large: bool) -> nn.Sequential:
    """XResNet with kernels of one dimension: a stem of three, pooled shortcuts.

    He et al. 2019, arXiv 1812.01187; for ECGs Strodthoff et al. 2021.
    """
    layers: list[nn.Module] = []
    for channels, stride in ((24, 2), (24, 1), (32, 1)):
        layers += [*_convolution(n_in, channels, 5, stride), nn.ReLU()]
        n_in = channels
    layers.append(nn.MaxPool1d(3, 2, padding=1))
    for channels, stride in ((32, 1), (48, 2), (64, 2)) if large else ((48, 2),):
        layers.append(_PlainBlock(n_in, channels, stride))
        n_in = channels
    return nn.Sequential(*layers)


def qtnet_trunk(n_in: int, large: bool) -> nn.Sequential:
    """Convolutions and max pooling in a row, as QTNet-like regressors have them.

    After Alam et al. 2023 (QTNet): no shortcuts, no attention.
    """
    layers: list[nn.Module] = []
    for channels in (24, 32, 48, 64) if large else (24, 48):
        layers += [*_convolution(n_in, channels, 9), nn.ReLU(), nn.MaxPool1d(2)]
        n_in = channels
    return nn.Sequential(*layers)


TRUNKS: Mapping[str, MakeTrunk] = MappingProxyType(
    {
        "aicrn": aicrn_trunk,
        "aicrn-without-attention": plain_trunk,
        "lenet": lenet_trunk,
        "xresnet": xresnet_trunk,
        "qtnet": qtnet_trunk,
    }
)
"""Trunks by the name the command line takes."""


class IntervalNetwork(nn.Module):
    """Mean beat and repetition to values and scales, in the targets' own units.

    Parameters
    ----------
    trunk
        Makes both trunks; a channel that tells the column is added to what they see.
    width
        Of the last hidden layer.
    """

    centre: Tensor
    spread: Tensor
    beat_place: Tensor
    lag_place: Tensor

    def __init__(self, trunk: MakeTrunk, width: int = 96, dropout: float = 0.1) -> None:
        super().__init__()
        self.see_beat = trunk(len(INTERVAL_LEADS) + 1, True)
        self.see_repetition = trunk(3, False)
        n_features = 0
        for see, n_in, columns in (
            (self.see_beat, len(INTERVAL_LEADS) + 1, WINDOW_SAMPLES),
            (self.see_repetition, 3, len(LAGS_S)),
        ):
            with torch.no_grad():
                n_features += see(torch.zeros(2, n_in, columns)).flatten(1).shape[1]
        self.join = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(n_features, width), nn.LeakyReLU(_SLOPE)
        )
        self.answer = nn.Linear(width, 2 * len(TARGETS))
        self.register_buffer("centre", torch.zeros(len(TARGETS)))
        self.register_buffer("spread", torch.ones(len(TARGETS)))
        self.register_buffer("beat_place", torch.linspace(-1, 1, WINDOW_SAMPLES))
        self.register_buffer("lag_place", torch.linspace(-1, 1, len(LAGS_S)))

    def standardise(self, known: Tensor) -> None:
        """Set the scaler from training targets, shape (n, targets), NaN: not known."""
        self.centre.copy_(known.nanmean(dim=0))
        self.spread.copy_((known - self.centre).pow(2).nanmean(dim=0).sqrt())

    def forward(self, beat: Tensor, repetition: Tensor) -> tuple[Tensor, Tensor]:
        """From (batch, 12, 304) and (batch, 2, 224) to two of (batch, targets)."""
        features = torch.cat(
            [
                self.see_beat(_with_place(beat, self.beat_place)).flatten(1),
                self.see_repetition(_with_place(repetition, self.lag_place)).flatten(1),
            ],
            dim=-1,
        )
        place, log_scale = self.answer(self.join(features)).float().chunk(2, dim=-1)
        scale = nn.functional.softplus(log_scale) + _LEAST_SCALE
        return self.centre + self.spread * place, self.spread * scale


def interval_network(name: str) -> IntervalNetwork:
    """Make an untrained network; `KeyError` when there is none of that name."""
    return IntervalNetwork(TRUNKS[name])


class _PlainBlock(nn.Module):
    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_convolution(n_in, n_out, 5, stride), nn.ReLU(), *_convolution(n_out, n_out, 5)
        )
        pooled = [nn.AvgPool1d(stride, ceil_mode=True)] if stride > 1 else []
        self.shortcut = nn.Sequential(*pooled, *_convolution(n_in, n_out, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.shortcut(x))


def _convolution(
    n_in: int, n_out: int, kernel: int, stride: int = 1
) -> Sequence[nn.Module]:
    return (
        nn.Conv1d(n_in, n_out, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm1d(n_out),
    )


def _with_place(x: Tensor, place: Tensor) -> Tensor:
    rows = place.expand(x.shape[0], 1, -1)
    return torch.cat([x, rows], dim=1)
