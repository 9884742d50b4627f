"""Where waves begin and end in the mean beat: a heat map for each mark.

The place of a mark is the column that its heat map expects (the soft-argmax of numerical
coordinate regression, Nibali et al. 2018, arXiv 1801.07372), so that it is finer than a
column and intervals are differences of places.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ecgsvc.inference.wave_groups import WINDOW_SAMPLES
from ecgsvc.training.interval_data import MARKS

HEAT_STEP = 2  # columns of the mean beat for one of the heat map
N_HEAT = WINDOW_SAMPLES // HEAT_STEP
_KERNEL = 9
_SLOPE = 0.1


class MarkHead(nn.Module):
    """Heat maps from the mean beat itself and what a trunk makes of it at each resolution.

    Parameters
    ----------
    trunk
        Whose features are read; those of fewer columns are interpolated up, as in a feature
        pyramid (Lin et al. 2017, arXiv 1612.03144).
    n_in
        Channels of the beat with the one that tells the column.
    width
        Channels in which resolutions are summed.
    """

    def __init__(self, trunk: nn.Sequential, n_in: int, width: int = 32) -> None:
        super().__init__()
        shapes = _shapes(trunk, n_in)
        self.levels = tuple(
            number
            for number, (_, columns) in enumerate(shapes)
            if columns <= N_HEAT
            and (number + 1 == len(shapes) or shapes[number + 1][1] != columns)
        )
        self.near = nn.Conv1d(
            n_in, width, _KERNEL, HEAT_STEP, padding=_KERNEL // 2, bias=False
        )
        self.lateral = nn.ModuleList(
            nn.Conv1d(shapes[number][0], width, 1, bias=False) for number in self.levels
        )
        self.spread: list[str] = []
        for order, number in enumerate(self.levels):
            self.register_buffer(f"spread_{order}", _interpolation(shapes[number][1]))
            self.spread.append(f"spread_{order}")
        self.sharpen = nn.Sequential(
            nn.BatchNorm1d(width),
            nn.LeakyReLU(_SLOPE),
            nn.Conv1d(width, width, _KERNEL, padding=_KERNEL // 2, bias=False),
            nn.BatchNorm1d(width),
            nn.LeakyReLU(_SLOPE),
        )
        self.heat = nn.Conv1d(width, len(MARKS), 1)

    def forward(self, beat: Tensor, seen: Sequence[Tensor]) -> Tensor:
        """Logarithms of heat (batch, marks, 152), from beat and features at `levels`."""
        joined = self.near(beat)
        for lateral, name, features in zip(self.lateral, self.spread, seen, strict=True):
            joined = joined + lateral(features) @ getattr(self, name)
        sharp = self.sharpen(joined)
        with torch.autocast("cpu", enabled=False):  # bfloat16 is too coarse for a place
            logits: Tensor = self.heat(sharp.float())
            return logits.log_softmax(dim=-1)


def expected_places(log_heat: Tensor) -> Tensor:
    """Columns of the mean beat that heat maps (…, 152) expect, without the last axis."""
    columns = heat_columns().to(log_heat)
    return (log_heat.exp() * columns).sum(dim=-1)


def heat_columns() -> Tensor:
    """The column of the mean beat at which each of the heat map's 152 stands."""
    return torch.arange(N_HEAT) * float(HEAT_STEP)


def _shapes(trunk: nn.Sequential, n_in: int) -> list[tuple[int, int]]:
    """Channels and columns after each layer."""
    x = torch.zeros(2, n_in, WINDOW_SAMPLES)
    shapes = []
    with torch.no_grad():
        for layer in trunk:
            x = layer(x)
            shapes.append((x.shape[1], x.shape[2]))
    return shapes


def _interpolation(n_columns: int) -> Tensor:
    """Matrix (n_columns, 152) that interpolates between columns, each at its middle."""
    at = (torch.arange(N_HEAT) + 0.5) * n_columns / N_HEAT - 0.5
    apart = at.clamp(0, n_columns - 1) - torch.arange(n_columns).unsqueeze(-1)
    return (1 - apart.abs()).clamp_min(0)
