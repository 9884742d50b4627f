"""Beat networks of the literature on one input: what they are, not how they are trained."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from ecgsvc.domain.beats import BEAT_CLASSES
from ecgsvc.inference.beat_rhythm import RHYTHM_FEATURES
from ecgsvc.inference.beat_shapes import SHAPE_FEATURES
from ecgsvc.training.precision import half_precision

DROPOUT = 0.4

_N_SHAPES = len(SHAPE_FEATURES)
"""Of the features of a lead, those a network sees. Shown what a beat's kind has in common,
it took the most frequent kind for normal, also where most beats were ectopic."""


class SqueezeExcite(nn.Module):
    """Weighs channels by what they hold on average (Hu et al. 2018, arXiv 1709.01507)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weigh = nn.Sequential(
            nn.Linear(channels, channels // 4),
            nn.ReLU(),
            nn.Linear(channels // 4, channels),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Scale the channels of (batch, channels, samples), or as `Convolution` takes."""
        over = tuple(range(2, x.ndim))
        weights: Tensor = self.weigh(x.mean(dim=over))
        return x * weights[(..., *[None] * len(over))]


class SelfAttention(nn.Module):
    """Multi-head attention among the beats of a chunk, with a residual connection."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.query_key_value = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, present: Tensor | None = None) -> Tensor:
        """Attend in (batch, beats, width) to the beats that are `present` (None: all)."""
        parts = self.query_key_value(x).chunk(3, dim=-1)
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        mask = None if present is None else present[:, None, None, :]
        attended = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        attended = self.out(attended.transpose(1, 2).flatten(2))
        normed: Tensor = self.norm(x + self.dropout(attended))
        return normed


class Standardise(nn.Module):
    """Features in deviations from the mean of the training beats; blurred in training.

    The features of some dozens of patients are easily learnt by heart: noise, and hiding
    some features from a whole chunk, keep the network from resting on the exact value of
    any of them.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, n_features: int, noise: float = 0.25, hidden: float = 0.1) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_features))
        self.register_buffer("deviation", torch.ones(n_features))
        self.noise, self.hidden = noise, hidden

    def forward(self, x: Tensor) -> Tensor:
        """Scale (batch, beats, …, features)."""
        scaled: Tensor = ((x - self.mean) / self.deviation).clamp(-6, 6)
        if not self.training:
            return scaled
        one_chunk = (x.shape[0], *[1] * (x.ndim - 2), x.shape[-1])
        shown = torch.rand(one_chunk) >= self.hidden
        return (scaled + self.noise * torch.randn_like(scaled)) * shown


class Convolution(nn.Conv1d):
    """Over (batch, channels, samples), or the same as (batch, channels, 1, samples).

    Training takes the second way, with the channels last in memory: convolution and
    normalisation together take two thirds of the time there. The weights are the same.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Convolve over the samples."""
        if x.ndim == 3:
            return super().forward(x)
        kernel, stride = self.weight.unsqueeze(2), (1, self.stride[0])
        return functional.conv2d(x, kernel, self.bias, stride, (0, int(self.padding[0])))


class Normalisation(nn.BatchNorm1d):
    """As its base class, over whatever `Convolution` gives."""

    def _check_input_dim(self, input: Tensor) -> None:  # noqa: A002  # PyTorch's name
        """Take three dimensions or four."""


def convolution(n_in: int, n_out: int, width: int, stride: int = 1) -> nn.Sequential:
    """Convolve, normalise, rectify."""
    return nn.Sequential(
        Convolution(n_in, n_out, width, stride, padding=width // 2, bias=False),
        Normalisation(n_out),
        nn.ReLU(),
    )


class Residual(nn.Module):
    """Two convolutions and a way around them (He et al. 2016, arXiv 1512.03385)."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.through = nn.Sequential(
            convolution(n_in, n_out, 5, stride=2),
            Convolution(n_out, n_out, 5, padding=2, bias=False),
            Normalisation(n_out),
        )
        self.around = Convolution(n_in, n_out, 1, 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """From (batch, n_in, samples) to (batch, n_out, samples / 2)."""
        return functional.relu(self.through(x) + self.around(x))


def _classifier(width: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(width, 64),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(64, len(BEAT_CLASSES)),
    )


class Cnn(nn.Module):
    """Convolutions see each beat; its features stand for the beats around it.

    Every lead goes through the same convolutions; mean and maximum over the leads go on, so
    that any number of leads will do and their order does not matter. Features are
    standardised inside, so that the exported network takes them as they are built.
    """

    sees_neighbours: ClassVar[bool] = False

    def __init__(self, dropout: float = DROPOUT) -> None:
        super().__init__()
        self.scale_shapes = Standardise(len(SHAPE_FEATURES))
        self.scale_rhythm = Standardise(len(RHYTHM_FEATURES))
        self.see = self._convolutions()
        self.embed_window = nn.Sequential(
            nn.Linear(128, 64), nn.ReLU(), nn.Dropout(dropout)
        )
        self.embed_shape = nn.Sequential(
            nn.Linear(len(SHAPE_FEATURES), 32), nn.ReLU(), nn.Dropout(dropout / 3)
        )
        self.embed_rhythm = nn.Sequential(
            nn.Linear(len(RHYTHM_FEATURES), 48), nn.ReLU(), nn.Dropout(dropout / 3)
        )
        self.join_leads = nn.Sequential(nn.Linear(192, 80), nn.ReLU(), nn.Dropout(dropout))
        self._add_context(dropout)

    def _convolutions(self) -> nn.Sequential:
        """From (windows, 2, 100) to (windows, 64, samples)."""
        return nn.Sequential(
            convolution(2, 32, 9, stride=4),
            convolution(32, 64, 5, stride=2),
            SqueezeExcite(64),
            convolution(64, 64, 3),
        )

    def _add_context(self, dropout: float) -> None:
        self.classify = _classifier(128, dropout)

    def forward(self, windows: Tensor, shapes: Tensor, rhythm: Tensor) -> Tensor:
        """Logits per beat, shape (batch, beats, 5).

        Parameters
        ----------
        windows, shapes, rhythm
            Shape (batch, beats, leads, 2, 100), (batch, beats, leads, 30), of which the
            first 17, `SHAPE_FEATURES`, are looked at, and (batch, beats, 20).
        """
        return self._answer(self._embed(windows, shapes, rhythm))

    def _answer(self, beat: Tensor) -> Tensor:
        logits: Tensor = self.classify(beat)
        return logits

    def _embed(self, windows: Tensor, shapes: Tensor, rhythm: Tensor) -> Tensor:
        """What each beat is, seen alone, shape (batch, beats, 128)."""
        seen = self._see_fast(windows) if self.training else self.see(windows.flatten(0, 2))
        pooled = torch.cat([seen.mean(dim=-1), seen.amax(dim=-1)], dim=-1)
        pooled = pooled.reshape(windows.shape[0], windows.shape[1], windows.shape[2], 128)
        leads = torch.cat(
            [
                self.embed_window(pooled),
                self.embed_shape(self.scale_shapes(shapes[..., :_N_SHAPES])),
            ],
            dim=-1,
        )
        looks = self.join_leads(torch.cat([leads.mean(dim=2), leads.amax(dim=2)], dim=-1))
        return torch.cat([looks, self.embed_rhythm(self.scale_rhythm(rhythm))], dim=-1)

    def _see_fast(self, windows: Tensor) -> Tensor:
        """`see` with channels last, in bfloat16; the LSTM would gain nothing by it."""
        flat = windows.flatten(0, 2).unsqueeze(2)
        with half_precision():
            seen: Tensor = self.see(flat.contiguous(memory_format=torch.channels_last))
        return seen.squeeze(2).float()


class ResNet(Cnn):
    """As `Cnn`, with residual blocks (ResNet-1D)."""

    def _convolutions(self) -> nn.Sequential:
        return nn.Sequential(
            convolution(2, 32, 9, stride=4),
            Residual(32, 64),
            Residual(64, 64),
        )


class CnnLstm(Cnn):
    """Convolutions see each beat, a BiLSTM sees it among its neighbours."""

    sees_neighbours = True

    def _add_context(self, dropout: float) -> None:
        self.context = nn.LSTM(128, 48, batch_first=True, bidirectional=True)
        self.classify = _classifier(224, dropout)

    def _answer(self, beat: Tensor) -> Tensor:
        context, _ = self.context(beat)
        logits: Tensor = self.classify(torch.cat([beat, context], dim=-1))
        return logits


class CnnLstmAttention(Cnn):
    """Convolutions see each beat, a BiLSTM and attention see it among its neighbours."""

    sees_neighbours = True

    def _add_context(self, dropout: float) -> None:
        self.context = nn.LSTM(128, 48, batch_first=True, bidirectional=True)
        self.attention = SelfAttention(96, heads=4, dropout=dropout)
        self.classify = _classifier(224, dropout)

    def _answer(self, beat: Tensor) -> Tensor:
        context, _ = self.context(beat)
        context = self.attention(context)
        logits: Tensor = self.classify(torch.cat([beat, context], dim=-1))
        return logits


class Mean(nn.Module):
    """Several networks as one: the mean of their logits."""

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, windows: Tensor, shapes: Tensor, rhythm: Tensor) -> Tensor:
        """Logits per beat, from what each member takes."""
        logits = [member(windows, shapes, rhythm) for member in self.members]
        return torch.stack(logits).mean(dim=0)


BEAT_NETWORKS: Mapping[str, type[Cnn]] = MappingProxyType(
    {
        "cnn": Cnn,
        "cnn-lstm": CnnLstm,
        "cnn-lstm-attention": CnnLstmAttention,
        "resnet": ResNet,
    }
)
"""Beat networks by the name `ecgsvc train beats --model` takes."""
