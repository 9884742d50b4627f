"""The wave network: a small U-Net over each lead's beat that hears of the other leads."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from ecgsvc.inference.wave_groups import CHANNELS, CONTEXT_NAMES, WINDOW_SAMPLES

N_POINTS = 9
"""Onset, peak, offset of P, QRS, T."""
N_GLOBAL = 6
"""Onset and offset of P, QRS, T over all leads."""
COLUMNS = WINDOW_SAMPLES // 2
_N_BUMPS = 16


def _conv(
    n_in: int, n_out: int, width: int, stride: int = 1, dilation: int = 1
) -> nn.Sequential:
    """Convolve along time, each lead by itself."""
    return nn.Sequential(
        along_time(n_in, n_out, width, stride, dilation, bias=False),
        nn.BatchNorm2d(n_out),
        nn.ReLU(),
    )


def along_time(
    n_in: int,
    n_out: int,
    width: int,
    stride: int = 1,
    dilation: int = 1,
    *,
    bias: bool = True,
) -> nn.Conv2d:
    """Convolve (beats, channels, leads, columns) over columns.

    As two dimensions, of which one is 1 wide: ONNX Runtime has its fast convolutions
    (channels in blocks) for images alone.
    """
    return nn.Conv2d(
        n_in,
        n_out,
        (1, width),
        (1, stride),
        (0, dilation * (width // 2)),
        (1, dilation),
        bias=bias,
    )


class Residual(nn.Module):
    """Two convolutions beside a straight path."""

    def __init__(self, channels: int, width: int, dilation: int = 1) -> None:
        super().__init__()
        self.convolve = nn.Sequential(
            _conv(channels, channels, width),
            _conv(channels, channels, width, dilation=dilation),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Transform (beats, channels, leads, columns)."""
        out: Tensor = x + self.convolve(x)
        return out


class Hear(nn.Module):
    """Adds to each lead what the mean and the greatest of all leads say."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Transform (beats, channels, leads, columns)."""
        return x + functional.relu(self.mix(pooled(x)))


def pooled(x: Tensor) -> Tensor:
    """Mean and maximum over the leads, joined along the channels."""
    return torch.cat([x.mean(dim=2, keepdim=True), x.amax(dim=2, keepdim=True)], dim=1)


def _twice(x: Tensor) -> Tensor:
    """Twice as many columns."""
    return functional.interpolate(x, scale_factor=(1.0, 2.0))


class WaveNetwork(nn.Module):
    """Heat maps over time for every point of every lead and for the global limits.

    Leads are a set: any number in any order, one set of weights for all.
    """

    bumps: Tensor
    columns: Tensor

    def __init__(self, dropout: float = 0.1) -> None:
        super().__init__()
        at = torch.arange(COLUMNS, dtype=torch.float32)
        centres = torch.linspace(0, COLUMNS - 1, _N_BUMPS)
        spacing = float(centres[1])
        self.register_buffer(
            "bumps", torch.exp(-0.5 * ((at - centres[:, None]) / spacing) ** 2)
        )
        self.register_buffer("columns", 2 * at + 0.5)
        self.stem = along_time(len(CHANNELS), 16, 9, stride=2)
        self.place = nn.Linear(_N_BUMPS, 16)
        self.context = nn.Linear(len(CONTEXT_NAMES), 16)
        self.fine = Residual(16, 5)
        self.hear_fine = Hear(16)
        self.down_middle = _conv(16, 32, 3, stride=2)
        self.middle = Residual(32, 3, dilation=2)
        self.hear_middle = Hear(32)
        self.down_coarse = _conv(32, 32, 3, stride=2)
        self.coarse = nn.Sequential(Residual(32, 3), Residual(32, 3, dilation=2))
        self.hear_coarse = Hear(32)
        self.dropout = dropout
        self.up_middle = _conv(32, 32, 3)
        self.join_middle = Residual(32, 3)
        self.hear_joined = Hear(32)
        self.up_fine = _conv(32, 16, 3)
        self.join_fine = Residual(16, 5)
        self.heat = along_time(16, N_POINTS, 5)
        self.presence = nn.Linear(64, 3)
        self.global_heat = nn.Sequential(
            along_time(32, 32, 5),
            nn.ReLU(),
            along_time(32, N_GLOBAL, 5),
        )

    def maps(self, windows: Tensor, context: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Heat maps as logits.

        Parameters
        ----------
        windows
            Shape (beats, leads, 3, 304).
        context
            Shape (beats, 4).

        Returns
        -------
        tuple of Tensor
            Of the points (beats, leads, 9, 152), the presence of P, QRS, T as logits
            (beats, leads, 3), and of the global limits (beats, 6, 152).
        """
        said = self.context(context)[:, :, None, None]
        place = self.place(self.bumps.t()).t()[:, None, :]
        x = functional.relu(self.stem(windows.transpose(1, 2)) + (said + place))
        fine = self.hear_fine(self.fine(x))
        middle = self.hear_middle(self.middle(self.down_middle(fine)))
        coarse = self.hear_coarse(self.coarse(self.down_coarse(middle)))
        coarse = self._dropped(coarse)
        over_time = torch.cat([coarse.mean(dim=-1), coarse.amax(dim=-1)], dim=1)
        x = self.hear_joined(self.join_middle(middle + _twice(self.up_middle(coarse))))
        x = self.join_fine(fine + _twice(self.up_fine(x)))
        return (
            self.heat(x).transpose(1, 2),
            self.presence(over_time.transpose(1, 2)),
            self.global_heat(pooled(x)).squeeze(2),
        )

    def forward(self, windows: Tensor, context: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Give `maps` with the expected column in place of each heat map."""
        heat, presence, global_heat = self.maps(windows, context)
        return self.expected(heat), presence, self.expected(global_heat)

    def _dropped(self, x: Tensor) -> Tensor:
        """In training lose some channels of some leads, all columns of them."""
        if not self.training:
            return x
        return x * functional.dropout(torch.ones_like(x[..., :1]), self.dropout)

    def expected(self, heat: Tensor) -> Tensor:
        """Mean place of each heat map, in columns of the window."""
        return (heat.softmax(dim=-1) * self.columns).sum(dim=-1)
