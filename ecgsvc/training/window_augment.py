"""What must not matter to a network that reads windows: drawn anew for every batch."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How strongly windows are varied; 0 switches a kind off.

    Parameters
    ----------
    sampling_rate_hz
        Of the windows.
    gain
        Windows are scaled by up to this factor, or its inverse.
    stretch
        Time is stretched or pressed by up to this share. Not for tasks whose answer is a
        duration.
    flip
        Share of the windows whose polarity is turned.
    wander, hum, muscle
        Greatest size of a slow sine (0.05-0.5 Hz), of 50 or 60 Hz, and of white noise, as a
        share of the window's standard deviation. Most windows get little of it.
    dropout_s
        Longest stretch that is set to zero.
    hidden_features
        Share of the windows that must do without features (all at their mean).
    feature_noise
        Deviation of the noise on features, in the training windows' own.
    crop_s
        Length of the random part of each window that is shown, None for all of it.
    """

    sampling_rate_hz: float
    gain: float = 1.25
    stretch: float = 0.1
    flip: float = 0.5
    wander: float = 0.5
    hum: float = 0.2
    muscle: float = 0.4
    dropout_s: float = 1.0
    hidden_features: float = 0.0
    feature_noise: float = 0.0
    crop_s: float | None = None


def augment_windows(windows: Tensor, how: Augmentation, rng: torch.Generator) -> Tensor:
    """Vary windows, shape (batch, 1, samples); exact zeros, which pad, stay zero.

    With `crop_s` the answer has fewer samples.
    """
    if how.crop_s is not None:
        windows = _crop(windows, round(how.crop_s * how.sampling_rate_hz), rng)
    windows = _stretch(windows, how.stretch, rng)
    present = windows != 0
    size = windows.std(dim=-1, keepdim=True)
    noise = _noise(windows.shape, how, rng) * size
    gain = how.gain ** _between(windows, -1, 1, rng)
    flip = torch.where(_between(windows, 0, 1, rng) < how.flip, -1.0, 1.0)
    return (windows * gain * flip + noise) * present * _kept(windows.shape, how, rng)


def _between(windows: Tensor, low: float, high: float, rng: torch.Generator) -> Tensor:
    """One number a window, shape (batch, 1, 1)."""
    return torch.empty(windows.shape[0], 1, 1).uniform_(low, high, generator=rng)


def _crop(windows: Tensor, n_samples: int, rng: torch.Generator) -> Tensor:
    """Part of each window, drawn from what lies before its padding."""
    at = torch.arange(windows.shape[-1])
    length = (windows != 0).long().mul(at + 1).amax(dim=-1, keepdim=True)
    room = (length - n_samples).clamp_min(0)
    start = (_between(windows, 0, 1, rng) * (room + 1)).long().minimum(room)
    return windows.gather(-1, start + torch.arange(n_samples))


def _stretch(windows: Tensor, share: float, rng: torch.Generator) -> Tensor:
    """Read each window at another pace; its end is cut or padded with zeros."""
    if not share:
        return windows
    n_samples = windows.shape[-1]
    pace = 1 + _between(windows, -share, share, rng)
    at = torch.arange(n_samples).view(1, 1, -1) * pace
    before = at.floor().long()
    part = at - before
    inside = before + 1 < n_samples
    first = windows.gather(-1, before.clamp(max=n_samples - 1))
    second = windows.gather(-1, (before + 1).clamp(max=n_samples - 1))
    return torch.where(inside, first + (second - first) * part, 0.0)


def _noise(shape: torch.Size, how: Augmentation, rng: torch.Generator) -> Tensor:
    time_s = torch.arange(shape[-1]).view(1, 1, -1) / how.sampling_rate_hz
    one = torch.empty(shape[0], 1, 1)

    def loud(most: float) -> Tensor:
        return most * torch.rand(one.shape, generator=rng).pow(3)

    def sine(frequency_hz: Tensor) -> Tensor:
        phase = 2 * math.pi * torch.rand(one.shape, generator=rng)
        return torch.sin(2 * math.pi * frequency_hz * time_s + phase)

    slow_hz = torch.empty(one.shape).uniform_(0.05, 0.5, generator=rng)
    mains_hz = torch.where(torch.rand(one.shape, generator=rng) < 0.5, 50.0, 60.0)
    noise = loud(how.wander) * sine(slow_hz)
    if how.hum and how.sampling_rate_hz > 120:  # below, the signal path has removed it
        noise = noise + loud(how.hum) * sine(mains_hz)
    return noise + loud(how.muscle) * torch.randn(shape, generator=rng)


def _kept(shape: torch.Size, how: Augmentation, rng: torch.Generator) -> Tensor:
    """Zero in one stretch of each window, one elsewhere."""
    longest = how.dropout_s * how.sampling_rate_hz
    length = longest * torch.rand(shape[0], 1, 1, generator=rng)
    start = torch.rand(shape[0], 1, 1, generator=rng) * shape[-1]
    at = torch.arange(shape[-1]).view(1, 1, -1)
    return ((at < start) | (at >= start + length)).float()
