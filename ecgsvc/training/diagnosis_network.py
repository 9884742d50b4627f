"""EfficientECG: an EfficientNet of one dimension that asks its feature map about a person.

Inverted residuals with squeeze-and-excitation after Tan & Le 2019 (arXiv 1905.11946); age,
sex and what is missing make the query of a cross-attention over the feature map.
"""

import math
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from ecgsvc.inference.diagnosis_inputs import DIAGNOSIS_LEADS, PERSON_FEATURES

Fusion: TypeAlias = Literal["attention", "concatenation", "none"]

_N_LEADS = len(DIAGNOSIS_LEADS)
_STAGES = (
    # expansion, channels, blocks, stride, kernel
    (1, 24, 1, 2, 7),
    (2, 40, 2, 2, 7),
    (3, 64, 2, 2, 5),
    (4, 96, 2, 2, 5),
)
_STEM = 24
_MV_SCALE = 2.0  # makes a usual lead about as large in mV as in its own units
_MV_CLIP = 10.0


class SqueezeExcite(nn.Module):
    """Weigh channels by what the whole window holds (Hu et al. 2018, arXiv 1709.01507)."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.weigh = nn.Sequential(
            nn.Linear(channels, squeezed), nn.SiLU(), nn.Linear(squeezed, channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Scale (batch, channels, steps)."""
        weights: Tensor = self.weigh(x.mean(dim=-1)).sigmoid()
        return x * weights.unsqueeze(-1)


class MBConv(nn.Module):
    """Widen, filter each channel, weigh, narrow; whole blocks are dropped at random."""

    def __init__(
        self,
        n_in: int,
        n_out: int,
        *,
        stride: int,
        kernel: int,
        expansion: int,
        drop: float,
    ) -> None:
        super().__init__()
        hidden = n_in * expansion
        self.residual = stride == 1 and n_in == n_out
        self.drop = drop
        widen = (
            [] if expansion == 1 else [*_normalised(nn.Conv1d(n_in, hidden, 1, bias=False))]
        )
        self.body = nn.Sequential(
            *widen,
            *_normalised(
                nn.Conv1d(
                    hidden, hidden, kernel, stride, kernel // 2, groups=hidden, bias=False
                )
            ),
            SqueezeExcite(hidden, max(8, n_in // 4)),
            nn.Conv1d(hidden, n_out, 1, bias=False),
            nn.BatchNorm1d(n_out),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Filter (batch, channels, steps)."""
        filtered: Tensor = self.body(x)
        if not self.residual:
            return filtered
        if self.training and self.drop:
            kept = torch.rand(len(x), 1, 1) >= self.drop
            filtered = filtered * kept / (1 - self.drop)
        return x + filtered


class CrossAttention(nn.Module):
    """One query over all steps of a feature map, several heads."""

    def __init__(self, n_query: int, channels: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(n_query, channels)
        self.key = nn.Linear(channels, channels)
        self.value = nn.Linear(channels, channels)

    def forward(self, asked: Tensor, steps: Tensor) -> Tensor:
        """From (batch, n_query) and (batch, steps, channels) to (batch, channels)."""
        batch, _, channels = steps.shape
        width = channels // self.heads
        query = self.query(asked).view(batch, self.heads, 1, width)
        key = self.key(steps).view(batch, -1, self.heads, width).permute(0, 2, 3, 1)
        value = self.value(steps).view(batch, -1, self.heads, width).permute(0, 2, 1, 3)
        weights = (query @ key / math.sqrt(width)).softmax(dim=-1)
        attended: Tensor = (weights @ value).reshape(batch, channels)
        return attended


class DiagnosisNetwork(nn.Module):
    """Windows of twelve leads and what is known of the person to logits.

    Parameters
    ----------
    n_labels
        Superclasses and statements; they do not exclude each other.
    fusion
        ``attention``: the person asks the feature map; ``concatenation``: the person's
        features join its mean; ``none``: they are not seen.
    sizes
        Whether the leads' millivolts are seen beside their shapes.
    """

    def __init__(
        self,
        n_labels: int,
        *,
        fusion: Fusion = "attention",
        sizes: bool = True,
        dropout: float = 0.3,
        drop_blocks: float = 0.15,
        embedding_width: int = 128,
    ) -> None:
        super().__init__()
        self.fusion, self.sizes = fusion, sizes
        n_views = 2 if sizes else 1
        layers: list[nn.Module] = [
            *_normalised(nn.Conv1d(n_views * _N_LEADS, _STEM, 15, 2, padding=7, bias=False))
        ]
        n_in = _STEM
        for expansion, channels, n_blocks, stride, kernel in _STAGES:
            for block in range(n_blocks):
                layers.append(
                    MBConv(
                        n_in,
                        channels,
                        stride=stride if block == 0 else 1,
                        kernel=kernel,
                        expansion=expansion,
                        drop=drop_blocks,
                    )
                )
                n_in = channels
        self.see = nn.Sequential(*layers)
        n_person = len(PERSON_FEATURES) + 3 * _N_LEADS
        width = 2 * n_in
        if fusion == "attention":
            self.ask = CrossAttention(n_person, n_in)
            width += n_in
        elif fusion == "concatenation":
            width += n_person
        self.join = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(width, embedding_width), nn.SiLU()
        )
        self.classify = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(embedding_width, n_labels)
        )

    def embed(self, signal: Tensor, leads: Tensor, person: Tensor) -> Tensor:
        """Last hidden layer, (batch, width)."""
        present, known, log_mv = leads.unbind(dim=-1)
        if self.sizes:
            size = (log_mv.exp() * known * _MV_SCALE).unsqueeze(-1)
            signal = torch.cat([signal, (signal * size).clamp(-_MV_CLIP, _MV_CLIP)], dim=1)
        seen = self.see(signal)
        parts = [seen.mean(dim=-1), seen.amax(dim=-1)]
        missing = torch.stack([present, known, (log_mv + _TYPICAL_LOG_MV) * known], dim=-1)
        if not self.sizes:
            missing = missing * torch.tensor([1.0, 0.0, 0.0])
        asked = torch.cat([person, missing.flatten(1)], dim=-1)
        if self.fusion == "attention":
            parts.append(self.ask(asked, seen.transpose(1, 2)))
        elif self.fusion == "concatenation":
            parts.append(asked)
        embedding: Tensor = self.join(torch.cat(parts, dim=-1))
        return embedding

    def forward(self, signal: Tensor, leads: Tensor, person: Tensor) -> Tensor:
        """Logits (batch, labels) of the inputs that `DiagnosisInputs` describes."""
        logits: Tensor = self.classify(self.embed(signal, leads, person))
        return logits


_TYPICAL_LOG_MV = 1.7  # minus the logarithm of 0.18 mV, what most leads deviate by


def _normalised(convolution: nn.Conv1d) -> tuple[nn.Module, nn.Module, nn.Module]:
    return convolution, nn.BatchNorm1d(convolution.out_channels), nn.SiLU()
