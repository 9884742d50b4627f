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
) -> nn.Module:
    return nn.Sequential(
        nn.Conv1d(
            n_in, n_out, width, stride, dilation * (width // 2), dilation, bias=False
        ),
        nn.BatchNorm1d(n_out),
        nn.ReLU(),
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
        """Transform (windows, channels, columns)."""
        out: Tensor = x + self.convolve(x)
        return out


class Hear(nn.Module):
    """Adds to each lead what the mean and the greatest of all leads say."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix = nn.Conv1d(2 * channels, channels, 1)

    def forward(self, x: Tensor, n_leads: int) -> Tensor:
        """Transform (beats * leads, channels, columns)."""
        leads = x.unflatten(0, (-1, n_leads))  # type: ignore[no-untyped-call]
        heard = self.mix(pooled(leads)).unsqueeze(1)
        out: Tensor = (leads + functional.relu(heard)).flatten(0, 1)
        return out


def pooled(leads: Tensor) -> Tensor:
    """Mean and maximum over axis 1, joined along the channels."""
    return torch.cat([leads.mean(dim=1), leads.amax(dim=1)], dim=1)


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
        self.stem = nn.Conv1d(len(CHANNELS), 16, 9, 2, 4)
        self.place = nn.Linear(_N_BUMPS, 16)
        self.context = nn.Linear(len(CONTEXT_NAMES), 16)
        self.fine = Residual(16, 7)
        self.hear_fine = Hear(16)
        self.down_middle = _conv(16, 32, 5, stride=2)
        self.middle = Residual(32, 5, dilation=2)
        self.hear_middle = Hear(32)
        self.down_coarse = _conv(32, 48, 5, stride=2)
        self.coarse = nn.Sequential(Residual(48, 3), Residual(48, 3, dilation=2))
        self.hear_coarse = Hear(48)
        self.dropout = nn.Dropout1d(dropout)
        self.up_middle = _conv(48, 32, 3)
        self.join_middle = Residual(32, 5)
        self.hear_joined = Hear(32)
        self.up_fine = _conv(32, 16, 3)
        self.join_fine = Residual(16, 7)
        self.heat = nn.Conv1d(16, N_POINTS, 5, padding=2)
        self.presence = nn.Linear(96, 3)
        self.global_heat = nn.Sequential(
            nn.Conv1d(32, 32, 5, padding=2),
            nn.ReLU(),
            nn.Conv1d(32, N_GLOBAL, 5, padding=2),
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
        n_leads = windows.shape[1]
        said = self.context(context).unsqueeze(1).unsqueeze(-1)
        x = self.stem(windows.flatten(0, 1)) + self.place(self.bumps.t()).t()
        x = functional.relu((x.unflatten(0, (-1, n_leads)) + said).flatten(0, 1))
        fine = self.hear_fine(self.fine(x), n_leads)
        middle = self.hear_middle(self.middle(self.down_middle(fine)), n_leads)
        coarse = self.hear_coarse(self.coarse(self.down_coarse(middle)), n_leads)
        coarse = self.dropout(coarse)
        presence = self.presence(torch.cat([coarse.mean(dim=-1), coarse.amax(dim=-1)], -1))
        x = middle + self.up_middle(functional.interpolate(coarse, scale_factor=2.0))
        x = self.hear_joined(self.join_middle(x), n_leads)
        x = self.join_fine(fine + self.up_fine(functional.interpolate(x, scale_factor=2.0)))
        all_leads = pooled(x.unflatten(0, (-1, n_leads)))
        return (
            self.heat(x).unflatten(0, (-1, n_leads)),
            presence.unflatten(0, (-1, n_leads)),
            self.global_heat(all_leads),
        )

    def forward(self, windows: Tensor, context: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Give `maps` with the expected column in place of each heat map."""
        heat, presence, global_heat = self.maps(windows, context)
        return self.expected(heat), presence, self.expected(global_heat)

    def expected(self, heat: Tensor) -> Tensor:
        """Mean place of each heat map, in columns of the window."""
        return (heat.softmax(dim=-1) * self.columns).sum(dim=-1)
