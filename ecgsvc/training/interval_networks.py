"""Networks that estimate intervals: AICRN, and others of the literature beside it.

All read the mean beat of twelve leads and its repetition by two trunks of their kind, and
the rate that was counted, and answer with the place and scale of a Laplace distribution a
target. Intervals are read off heat maps of where waves begin and end.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import torch
from torch import Tensor, nn

from ecgsvc.inference.interval_inputs import (
    INTERVAL_FEATURES,
    INTERVAL_LEADS,
    INTERVAL_RATE_HZ,
    LAGS_S,
    TARGETS,
)
from ecgsvc.inference.wave_groups import WINDOW_SAMPLES
from ecgsvc.training.interval_marks import MarkHead, expected_places

MakeTrunk = Callable[[int, bool], nn.Sequential]
"""From the number of channels and whether it is the large trunk, of the beat."""

_BEAT_MODULES = (
    (32, 4), (32, 1), (48, 2), (48, 1), (64, 1), (64, 2), (64, 1), (64, 1),
)  # fmt: skip
_REPETITION_MODULES = ((24, 4), (32, 2), (48, 2), (64, 1))
_LEAST_SCALE = 0.01  # of a target's standard deviation
_SLOPE = 0.1
_MS_PER_COLUMN = 1000.0 / INTERVAL_RATE_HZ
_COUNTED_WIDTH = 0.03  # of the counted interval: two to three lags
_BPM_UNIT = 100.0
_CORRECTED = ("pr_ms", "qrs_ms", "qt_ms", "heart_rate_bpm")  # read before features join


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
        largest = x.max(dim=1).values  # amax trains slower
        seen = torch.stack([x.mean(dim=1), largest], dim=1)
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
    """Mean beat, repetition and count to values and scales, in the targets' own units.

    Intervals are differences of the places that heat maps of the marks expect, the rate is
    the one counted and what is learnt to be wrong with it; amplitudes and all scales come
    from the features of both trunks together.

    Parameters
    ----------
    trunk
        Makes both trunks. To what they see channels are added: one that tells the column or
        lag, and for the repetition one that marks the counted interval among the lags.
    width
        Of the last hidden layer.
    """

    centre: Tensor
    spread: Tensor
    beat_place: Tensor
    lag_place: Tensor
    log_lags: Tensor

    def __init__(self, trunk: MakeTrunk, width: int = 96, dropout: float = 0.3) -> None:
        super().__init__()
        n_beat, n_repetition = len(INTERVAL_LEADS) + 1, 4
        self.see_beat = trunk(n_beat, True)
        self.see_repetition = trunk(n_repetition, False)
        self.find_marks = MarkHead(self.see_beat, n_beat)
        n_features = len(INTERVAL_FEATURES)
        for see, n_in, columns in (
            (self.see_beat, n_beat, WINDOW_SAMPLES),
            (self.see_repetition, n_repetition, len(LAGS_S)),
        ):
            with torch.no_grad():
                n_features += see(torch.zeros(2, n_in, columns)).flatten(1).shape[1]
        self.join = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(n_features, width), nn.LeakyReLU(_SLOPE)
        )
        self.answer = nn.Linear(width, 2 * len(TARGETS))
        # Heat maps and count are to be learnt from before they are corrected.
        for parameter in (self.answer.weight, self.answer.bias):
            for name in _CORRECTED:
                nn.init.zeros_(parameter[TARGETS.index(name)])
        self.register_buffer("centre", torch.zeros(len(TARGETS)))
        self.register_buffer("spread", torch.ones(len(TARGETS)))
        self.register_buffer("beat_place", torch.linspace(-1, 1, WINDOW_SAMPLES))
        self.register_buffer("lag_place", torch.linspace(-1, 1, len(LAGS_S)))
        log_lags = torch.from_numpy(LAGS_S).log().float()
        self.register_buffer("log_lags", log_lags)

    def standardise(self, known: Tensor) -> None:
        """Set the scaler from training targets, shape (n, targets), NaN: not known."""
        self.centre.copy_(known.nanmean(dim=0))
        self.spread.copy_((known - self.centre).pow(2).nanmean(dim=0).sqrt())

    def forward(
        self, beat: Tensor, repetition: Tensor, features: Tensor
    ) -> tuple[Tensor, Tensor]:
        """From (batch, 12, 304), (batch, 2, 224), (batch, 1) to two of (batch, targets)."""
        values, scales, _ = self.with_heat(beat, repetition, features)
        return values, scales

    def with_heat(
        self, beat: Tensor, repetition: Tensor, features: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Values, scales, and the logarithms of the marks' heat (batch, marks, 152)."""
        placed = _with_rows(beat, self.beat_place.expand(beat.shape[0], -1))
        levels, x = [], placed
        for number, layer in enumerate(self.see_beat):
            x = layer(x)
            if number in self.find_marks.levels:
                levels.append(x)
        lags = _with_rows(
            repetition, self.lag_place.expand(beat.shape[0], -1), self._counted(features)
        )
        log_heat = self.find_marks(placed, levels)
        joined = [
            x.flatten(1), self.see_repetition(lags).flatten(1), features / _BPM_UNIT
        ]  # fmt: skip
        answered = self.answer(self.join(torch.cat(joined, dim=-1))).float()
        place, log_scale = answered.chunk(2, dim=-1)
        scale = nn.functional.softplus(log_scale) + _LEAST_SCALE
        values = self._known_before(log_heat, features) + self.spread * place
        return values, self.spread * scale, log_heat

    def _counted(self, features: Tensor) -> Tensor:
        """A bump among the lags at the counted interval; none where none is counted."""
        counted = features[:, :1]
        log_interval = math.log(60.0) - counted.clamp_min(1.0).log()
        away = (self.log_lags - log_interval) / _COUNTED_WIDTH
        return (-0.5 * away * away).exp() * (counted > 0)

    def _known_before(self, log_heat: Tensor, features: Tensor) -> Tensor:
        """Values (batch, targets) to which the learnt correction is added."""
        p_onset, qrs_onset, qrs_offset, t_offset = expected_places(log_heat).unbind(-1)
        counted = features[:, 0]
        usual = dict(zip(TARGETS, self.centre, strict=True))
        known = {
            "pr_ms": _MS_PER_COLUMN * (qrs_onset - p_onset),
            "qrs_ms": _MS_PER_COLUMN * (qrs_offset - qrs_onset),
            "qt_ms": _MS_PER_COLUMN * (t_offset - qrs_onset),
            "heart_rate_bpm": torch.where(counted > 0, counted, usual["heart_rate_bpm"]),
        }
        usual_values = {name: value.expand_as(counted) for name, value in usual.items()}
        return torch.stack([(usual_values | known)[name] for name in TARGETS], dim=-1)


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


def _with_rows(x: Tensor, *rows: Tensor) -> Tensor:
    return torch.cat([x, *(row.unsqueeze(1) for row in rows)], dim=1)
