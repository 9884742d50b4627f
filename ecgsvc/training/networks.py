"""Networks: what they are, not how they are trained."""

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from ecgsvc.domain.beats import BEAT_CLASSES
from ecgsvc.inference.beat_features import FEATURE_NAMES


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
        """Scale the channels of (batch, channels, samples)."""
        weights: Tensor = self.weigh(x.mean(dim=-1))
        return x * weights.unsqueeze(-1)


class SelfAttention(nn.Module):
    """Multi-head attention among the beats of a chunk, with a residual connection."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.query_key_value = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, present: Tensor | None) -> Tensor:
        """Attend in (batch, beats, width) to the beats that are `present` (None: all)."""
        parts = self.query_key_value(x).chunk(3, dim=-1)
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        mask = None if present is None else present[:, None, None, :]
        attended = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        attended = self.out(attended.transpose(1, 2).flatten(2))
        normed: Tensor = self.norm(x + self.dropout(attended))
        return normed


class Blur(nn.Module):
    """In training, make standardised features noisy, and hide some from a whole chunk.

    The features of 22 patients are easily learnt by heart; this keeps the network from
    resting on the exact value of any of them.
    """

    def __init__(self, noise: float = 0.25, hidden: float = 0.1) -> None:
        super().__init__()
        self.noise, self.hidden = noise, hidden

    def forward(self, x: Tensor) -> Tensor:
        """Blur (batch, beats, features)."""
        if not self.training:
            return x
        shown = torch.rand(x.shape[0], 1, x.shape[2]) >= self.hidden
        return (x + self.noise * torch.randn_like(x)) * shown


def _conv(n_in: int, n_out: int, width: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(n_in, n_out, width, stride, padding=width // 2, bias=False),
        nn.BatchNorm1d(n_out),
        nn.ReLU(),
    )


class CnnLstmAttention(nn.Module):
    """Convolutions see each beat, a BiLSTM and attention see it among its neighbours.

    Features are standardised inside, by the mean and deviation of the training beats, so
    that the exported network takes them as they are built.
    """

    feature_mean: Tensor
    feature_std: Tensor

    def __init__(self, dropout: float = 0.5) -> None:
        super().__init__()
        n_features = len(FEATURE_NAMES)
        self.register_buffer("feature_mean", torch.zeros(n_features))
        self.register_buffer("feature_std", torch.ones(n_features))
        self.shape = nn.Sequential(
            _conv(2, 32, 7, stride=2),
            nn.MaxPool1d(2),
            _conv(32, 48, 5),
            nn.MaxPool1d(2),
            _conv(48, 64, 5),
            SqueezeExcite(64),
            nn.MaxPool1d(2),
            _conv(64, 64, 3),
        )
        self.embed_shape = nn.Sequential(nn.Linear(128, 64), nn.ReLU(), nn.Dropout(dropout))
        self.embed_features = nn.Sequential(
            nn.Linear(n_features, 32), nn.ReLU(), nn.Dropout(dropout / 3)
        )
        self.blur = Blur()
        self.rhythm = nn.LSTM(96, 48, batch_first=True, bidirectional=True)
        self.attention = SelfAttention(96, heads=4, dropout=dropout)
        self.classify = nn.Sequential(
            nn.Linear(192, 64),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(64, len(BEAT_CLASSES)),
        )

    def forward(
        self, windows: Tensor, features: Tensor, lengths: Tensor | None = None
    ) -> Tensor:
        """Logits per beat.

        Parameters
        ----------
        windows, features
            Shape (batch, beats, 2, 200) and (batch, beats, 20).
        lengths
            Beats of each chunk when some are padded at the end; the padding changes nothing
            for the beats before it.
        """
        scaled = ((features - self.feature_mean) / self.feature_std).clamp(-6, 6)
        scaled = self.blur(scaled)
        if lengths is None:
            shapes = self._see(windows.flatten(0, 1))
            shapes = shapes.reshape(windows.shape[0], windows.shape[1], -1)
            beat = torch.cat([shapes, self.embed_features(scaled)], dim=-1)
            context, _ = self.rhythm(beat)
            present = None
        else:
            present = torch.arange(windows.shape[1]) < lengths[:, None]
            shapes = windows.new_zeros(*present.shape, 64)
            shapes[present] = self._see(windows[present])
            beat = torch.cat([shapes, self.embed_features(scaled)], dim=-1)
            packed = pack_padded_sequence(
                beat, lengths, batch_first=True, enforce_sorted=False
            )
            packed, _ = self.rhythm(packed)
            context, _ = pad_packed_sequence(
                packed, batch_first=True, total_length=windows.shape[1]
            )
        context = self.attention(context, present)
        logits: Tensor = self.classify(torch.cat([beat, context], dim=-1))
        return logits

    def _see(self, windows: Tensor) -> Tensor:
        """Embed the shapes of (beats, 2, 200), giving (beats, 64)."""
        seen = self.shape(windows)
        pooled = torch.cat([seen.mean(dim=-1), seen.amax(dim=-1)], dim=-1)
        embedded: Tensor = self.embed_shape(pooled)
        return embedded


BEAT_NETWORKS: dict[str, type[CnnLstmAttention]] = {"cnn-lstm-attention": CnnLstmAttention}
"""Beat networks by the name `ecgsvc train beats --model` takes."""
