"""The diagnosis networks of several seeds as one, with what lies far from training."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ecgsvc.domain.waveform import Waveform
from ecgsvc.evaluation.foreign_signals import FOREIGN_SIGNALS, auroc, foreign_signals
from ecgsvc.inference.diagnosis_inputs import (
    DIAGNOSIS_LEADS,
    LEAD_FEATURES,
    PERSON_FEATURES,
    build_diagnosis_inputs,
    filter_leads,
)
from ecgsvc.training.datasets import SIGNAL_TOOLS
from ecgsvc.training.diagnosis_network import DiagnosisNetwork
from ecgsvc.training.rhythm_ensemble import OutlierScore

N_EACH = 30
_LEAST_DEVIATION = 1e-2  # of the size of an embedding


class DiagnosisMember(nn.Module):
    """A network, and how far what it makes of an input lies from the training recordings.

    The score is the logarithm of a distance about the mean of all training embeddings:
    labels overlap, so that there are no classes to be near to.
    """

    centre: Tensor

    def __init__(self, network: DiagnosisNetwork, embeddings: NDArray[np.float32]) -> None:
        super().__init__()
        self.network = network
        centre = embeddings.mean(axis=0)
        one_class = np.zeros(len(embeddings), dtype=np.int64)
        self.outlier = OutlierScore(1, embeddings.shape[1])
        size = float(np.sqrt(np.square(embeddings).mean()))
        self.outlier.fit(
            embeddings - centre, one_class, least_deviation=_LEAST_DEVIATION * size
        )
        self.register_buffer("centre", torch.from_numpy(centre))

    def forward(
        self, signal: Tensor, leads: Tensor, person: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Logits (batch, labels) and scores (batch,)."""
        embedding = self.network.embed(signal, leads, person)
        return self.network.classify(embedding), self.score(embedding)

    def score(self, embedding: Tensor) -> Tensor:
        """Scores (batch,) of (batch, width); they are exact to a part of themselves."""
        distance: Tensor = self.outlier(embedding - self.centre)
        return distance.log1p()


class DiagnosisEnsemble(nn.Module):
    """Mean logits and mean outlier scores of some networks."""

    def __init__(self, members: Sequence[DiagnosisMember]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(
        self, signal: Tensor, leads: Tensor, person: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Logits (batch, labels) and scores (batch,)."""
        answers = [member(signal, leads, person) for member in self.members]
        logits = torch.stack([logits for logits, _ in answers])
        scores = torch.stack([scores for _, scores in answers])
        return logits.mean(dim=0), scores.mean(dim=0)


def random_diagnosis_inputs(n: int, n_samples: int = 1000) -> dict[str, Tensor]:
    """Inputs for a parity check: noise, some leads and sizes missing."""
    rng = torch.Generator().manual_seed(n)
    n_leads = len(DIAGNOSIS_LEADS)
    leads = torch.randn(n, n_leads, len(LEAD_FEATURES), generator=rng)
    present = (leads[..., 0] > -1).float()
    known = present * (leads[..., 1] > -1)
    signal = torch.randn(n, n_leads, n_samples, generator=rng) * present.unsqueeze(-1)
    return {
        "signal": signal,
        "leads": torch.stack([present, known, (leads[..., 2] - 1.7) * known], dim=-1),
        "person": torch.rand(n, len(PERSON_FEATURES), generator=rng),
    }


@torch.no_grad()
def foreign_scores(
    ensemble: DiagnosisEnsemble, seed: int
) -> dict[str, NDArray[np.float64]]:
    """Outlier scores of signals that are no ECG, twelve leads of 10 s, by kind."""
    scores = {}
    for kind in FOREIGN_SIGNALS:
        answers = []
        single = foreign_signals(kind, N_EACH * len(DIAGNOSIS_LEADS), seed)
        for number in range(N_EACH):
            rows = single[
                number * len(DIAGNOSIS_LEADS) : (number + 1) * len(DIAGNOSIS_LEADS)
            ]
            rate_hz = rows[0].sampling_rate_hz
            samples_mv = np.concatenate([row.samples_mv for row in rows])
            piece = np.ascontiguousarray(samples_mv[:, : round(10 * rate_hz)])
            waveform = Waveform(piece, rate_hz, DIAGNOSIS_LEADS)
            inputs = build_diagnosis_inputs(
                filter_leads(waveform, SIGNAL_TOOLS), None, None
            )
            if inputs is None:
                continue
            tensors = (inputs.signal, inputs.leads, inputs.person)
            _, score = ensemble(*(torch.from_numpy(x) for x in tensors))
            answers.append(float(score.mean()))
        scores[kind] = np.array(answers)
    return scores


def outlier_figures(
    inside: NDArray[np.float64], outside: Mapping[str, NDArray[np.float64]], limit: float
) -> dict[str, list[float]]:
    """AUROC, and share above the limit, of each kind; ``held_out`` is the false alarms."""
    figures = {
        kind.replace(" ", "_"): [
            round(auroc(inside, scores), 4),
            round(float((scores > limit).mean()), 4),
        ]
        for kind, scores in outside.items()
    }
    everything = np.concatenate(list(outside.values()))
    return {
        "all_kinds": [
            round(auroc(inside, everything), 4),
            round(float((everything > limit).mean()), 4),
        ],
        **figures,
        "held_out_above_the_limit": [round(float((inside > limit).mean()), 4)],
    }
