"""A conditional generator of S, V and F beats, to augment the rare classes.

After Goodfellow et al. 2014 (arXiv 1406.2661) with the class as condition (Mirza &
Osindero 2014, arXiv 1411.1784), hinge loss (Lim & Ye 2017, arXiv 1705.02894) and spectral
normalisation (Miyato et al. 2018, arXiv 1802.05957). The second condition is the dominant
beat of the recording: what is learnt is how an ectopic beat *differs* from the beats
around it, which is what the beat networks are shown.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from ecgsvc.domain.beats import BEAT_CLASSES, BeatClass
from ecgsvc.inference.beat_features import MAX_LEADS, WINDOW_SAMPLES
from ecgsvc.training.datasets import BeatSequence

RARE = tuple(BEAT_CLASSES.index(BeatClass(name)) for name in "SVF")
"""The classes generated, as indices into `BEAT_CLASSES`."""

GAN_STEPS = 1200

_NOISE = 32
_CLASS = 16
_BATCH = 64
_GENERATOR_RATE, _CRITIC_RATE = 5e-4, 1e-3
_MOMENTA = (0.0, 0.9)
_EMA_DECAY = 0.995
_QUARTER = WINDOW_SAMPLES // 4


class Generator(nn.Module):
    """From noise, class and dominant beat to a beat on both leads."""

    smooth: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.kind = nn.Embedding(len(BEAT_CLASSES), _CLASS)
        self.start = nn.Linear(_NOISE + _CLASS, 32 * _QUARTER)
        self.look = nn.Sequential(
            nn.Conv1d(MAX_LEADS, 24, 9, stride=2, padding=4),
            nn.LeakyReLU(0.2),
            nn.Conv1d(24, 32, 5, stride=2, padding=2),
            nn.LeakyReLU(0.2),
        )
        self.to_half = _upwards(64, 32)
        self.to_whole = _upwards(32, 16)
        self.difference = nn.Conv1d(16 + MAX_LEADS, MAX_LEADS, 7, padding=3)
        # Windows hold nothing above 40 Hz (`beat_features.BAND_HZ`), of 62.5 Hz.
        self.register_buffer("smooth", torch.tensor([[[0.25, 0.5, 0.25]]]))

    def forward(self, noise: Tensor, kinds: Tensor, dominant: Tensor) -> Tensor:
        """Beats, shape (n, 2, 100), in units of the dominant QRS complex.

        Parameters
        ----------
        noise, kinds, dominant
            Shape (n, 32) standard normal; (n,) class indices; (n, 2, 100) the dominant
            beat of the recording on both leads.
        """
        start = self.start(torch.cat([noise, self.kind(kinds)], dim=1))
        start = start.unflatten(1, (32, _QUARTER))
        seen = self.to_half(torch.cat([start, self.look(dominant)], dim=1))
        seen = self.to_whole(seen)
        difference = self.difference(torch.cat([seen, dominant], dim=1))
        padded = functional.pad(difference.flatten(0, 1).unsqueeze(1), (1, 1), "replicate")
        beats: Tensor = dominant + functional.conv1d(padded, self.smooth).view_as(dominant)
        return beats


class Critic(nn.Module):
    """How much a beat, beside its dominant beat, looks like a real one of its class."""

    def __init__(self) -> None:
        super().__init__()
        self.see = nn.Sequential(
            spectral_norm(nn.Conv1d(2 * MAX_LEADS, 32, 9, stride=2, padding=4)),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv1d(32, 48, 7, stride=2, padding=3)),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv1d(48, 64, 5, stride=2, padding=2)),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            spectral_norm(nn.Linear(64 * -(-WINDOW_SAMPLES // 8), 64)),
            nn.LeakyReLU(0.2),
        )
        self.real = spectral_norm(nn.Linear(64, 1))
        self.kind = spectral_norm(nn.Embedding(len(BEAT_CLASSES), 64))

    def forward(self, beats: Tensor, kinds: Tensor, dominant: Tensor) -> Tensor:
        """Logit per beat, shape (n,); projection as Miyato & Koyama 2018."""
        seen = self.see(torch.cat([beats, beats - dominant], dim=1))
        logits: Tensor = self.real(seen).squeeze(1) + (self.kind(kinds) * seen).sum(dim=1)
        return logits


def _upwards(n_in: int, n_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Upsample(scale_factor=2),
        nn.Conv1d(n_in, n_out, 5, padding=2, bias=False),
        nn.BatchNorm1d(n_out),
        nn.LeakyReLU(0.2),
    )


@dataclass(frozen=True, slots=True, eq=False)
class RareBeats:
    """Real S, V and F beats.

    Parameters
    ----------
    beats, dominant
        Shape (n, 2, 100) float32: each beat and the dominant beat of its recording.
    kinds
        Shape (n,), indices into `BEAT_CLASSES`.
    odds
        Shape (n,): how often each is drawn. Classes are drawn alike, and a patient as the
        square root of the number of beats of the class.
    """

    beats: NDArray[np.float32]
    dominant: NDArray[np.float32]
    kinds: NDArray[np.int64]
    odds: NDArray[np.float64]


def rare_beats(sequences: Sequence[BeatSequence]) -> RareBeats:
    """Gather the readable S, V and F beats of whole two-lead recordings."""
    chosen = [(s, np.isin(s.labels, RARE) & s.inputs.readable) for s in sequences]
    windows = np.concatenate([s.inputs.windows[rare] for s, rare in chosen])
    kinds = np.concatenate([s.labels[rare] for s, rare in chosen])
    odds = np.concatenate([1 / np.sqrt(_as_many(s.labels[rare])) for s, rare in chosen])
    odds = odds / np.bincount(kinds, odds)[kinds]
    beats, difference = windows[:, :, 0], windows[:, :, 1]
    return RareBeats(beats, beats - difference, kinds, odds / odds.sum())


def _as_many(kinds: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many beats there are of the class of each."""
    return np.bincount(kinds, minlength=len(BEAT_CLASSES))[kinds]


def fit_generator(
    real: RareBeats,
    seed: int,
    steps: int = GAN_STEPS,
    on_step: Callable[[int], None] = lambda _: None,
) -> Generator:
    """Fit generator and critic by turns; the moving average of the generator is returned.

    The same beats, seed, steps and versions make the same weights.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    generator, average, critic = Generator(), Generator().eval(), Critic()
    average.load_state_dict(generator.state_dict())
    of_generator = torch.optim.Adam(generator.parameters(), _GENERATOR_RATE, _MOMENTA)
    of_critic = torch.optim.Adam(critic.parameters(), _CRITIC_RATE, _MOMENTA)
    for step in range(steps):
        beats, kinds, dominant = _draw(real, rng)
        noise = torch.randn(_BATCH, _NOISE)
        made = generator(noise, kinds, dominant)
        loss = functional.relu(1 - critic(beats, kinds, dominant)).mean()
        loss = loss + functional.relu(1 + critic(made.detach(), kinds, dominant)).mean()
        _descend(of_critic, loss)
        _descend(of_generator, -critic(made, kinds, dominant).mean())
        _move_average(average, generator, step)
        on_step(step + 1)
    return average


def load_or_fit_generator(
    checkpoint: Path,
    real: RareBeats,
    seed: int,
    on_step: Callable[[int], None] = lambda _: None,
) -> Generator:
    """Read a generator that was fitted before, or fit it and keep it."""
    if checkpoint.exists():
        generator = Generator().eval()
        generator.load_state_dict(torch.load(checkpoint, weights_only=True))
        return generator
    generator = fit_generator(real, seed, on_step=on_step)
    partial = checkpoint.with_suffix(".partial")
    torch.save(generator.state_dict(), partial)
    partial.replace(checkpoint)
    return generator


@torch.no_grad()
def generate(
    generator: Generator,
    kinds: NDArray[np.int64],
    dominant: NDArray[np.float32],
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Beats of the classes wanted beside the dominant beats given, shape (n, 2, 100)."""
    noise = rng.standard_normal((len(kinds), _NOISE)).astype(np.float32)
    parts = (torch.from_numpy(part) for part in (noise, kinds, dominant))
    beats: NDArray[np.float32] = generator(*parts).numpy()
    return beats


def _draw(real: RareBeats, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    at = rng.choice(len(real.kinds), _BATCH, p=real.odds)
    beats, kinds, dominant = (
        torch.from_numpy(part[at]) for part in (real.beats, real.kinds, real.dominant)
    )
    return beats, kinds, dominant


def _descend(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]  # torch has no annotation
    optimiser.step()


@torch.no_grad()
def _move_average(average: Generator, generator: Generator, step: int) -> None:
    decay = min(_EMA_DECAY, (1 + step) / (10 + step))
    current = generator.state_dict()
    for name, value in average.state_dict().items():
        if value.is_floating_point():
            value.lerp_(current[name], 1 - decay)
        else:
            value.copy_(current[name])
