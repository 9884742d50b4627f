"""The diagnosis networks and trees as one, with what lies far from training."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ecgsvc.domain.waveform import Lead, Waveform
from ecgsvc.evaluation.diagnosis_references import DiagnosisSet
from ecgsvc.evaluation.foreign_signals import FOREIGN_SIGNALS, auroc, foreign_signals
from ecgsvc.inference.diagnosis_features import DIAGNOSIS_FEATURES
from ecgsvc.inference.diagnosis_inputs import (
    DIAGNOSIS_LEADS,
    LEAD_FEATURES,
    PERSON_FEATURES,
    DiagnosisInputs,
    build_diagnosis_inputs,
    filter_leads,
    standardise,
)
from ecgsvc.inference.signal_form import FORM_FEATURES, signal_form
from ecgsvc.training.boosted_trees import BoostedTrees
from ecgsvc.training.datasets import SIGNAL_TOOLS
from ecgsvc.training.diagnosis_network import DiagnosisNetwork
from ecgsvc.training.signal_form_score import FormScore

N_EACH = 30
_BATCH = 64
_FEW_LEADS: tuple[tuple[Lead, ...], ...] = (
    ("I",), ("II",), ("V1",), ("V5",), ("I", "II"), ("II", "V2"),
)  # fmt: skip


class DiagnosisEnsemble(nn.Module):
    """Some networks and trees, and how far a signal's form is from an ECG's.

    Logits are the mean of the networks' and the trees', these with `trees_weight`.
    """

    def __init__(
        self,
        members: Sequence[DiagnosisNetwork],
        trees: BoostedTrees,
        score: FormScore,
        trees_weight: float,
    ) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.trees, self.score, self.trees_weight = trees, score, trees_weight

    def forward(
        self, signal: Tensor, leads: Tensor, person: Tensor, form: Tensor, features: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Logits (batch, labels) and scores (batch,)."""
        logits = torch.stack([member(signal, leads, person) for member in self.members])
        trees = self.trees(features)
        joined = torch.lerp(logits.mean(dim=0), trees, self.trees_weight)
        return joined, self.score(form, leads)


def whole_inputs(
    recordings: DiagnosisSet,
    *,
    leads: Sequence[Lead] = DIAGNOSIS_LEADS,
    person: bool = True,
    sizes: bool = True,
) -> DiagnosisInputs:
    """Inputs of whole recordings: of some leads, with age and sex or sizes hidden."""
    windows = recordings.samples.astype(np.float32)
    windows[:, ~np.isin(DIAGNOSIS_LEADS, leads)] = np.nan
    signal, shown = standardise(windows, recordings.size_known & sizes)
    return DiagnosisInputs.of(signal, shown, recordings.person * np.float32(person))


@torch.no_grad()
def parts_logits(
    ensemble: DiagnosisEnsemble, inputs: DiagnosisInputs
) -> tuple[list[NDArray[np.float32]], NDArray[np.float32]]:
    """Logits (n, labels) of each network, and of the trees."""
    parts = [
        [
            torch.from_numpy(part[start : start + _BATCH])
            for part in (inputs.signal, inputs.leads, inputs.person, inputs.features)
        ]
        for start in range(0, len(inputs.signal), _BATCH)
    ]
    networks = [
        torch.cat([member(*given[:3]) for given in parts]).numpy()
        for member in ensemble.eval().members
    ]
    trees = torch.cat([ensemble.trees(given[3]) for given in parts]).numpy()
    return networks, trees


def ensemble_logits(
    ensemble: DiagnosisEnsemble,
    recordings: DiagnosisSet,
    *,
    leads: Sequence[Lead] = DIAGNOSIS_LEADS,
    person: bool = True,
    sizes: bool = True,
) -> NDArray[np.float32]:
    """Logits (n, labels) of `whole_inputs`."""
    inputs = whole_inputs(recordings, leads=leads, person=person, sizes=sizes)
    networks, trees = parts_logits(ensemble, inputs)
    weight = np.float32(ensemble.trees_weight)
    logits: NDArray[np.float32] = (1 - weight) * np.mean(networks, axis=0) + weight * trees
    return logits


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
        "form": torch.randn(n, len(FORM_FEATURES), generator=rng),
        "features": torch.randn(n, len(DIAGNOSIS_FEATURES), generator=rng),
    }


def form_score(training: DiagnosisSet, limiting: DiagnosisSet) -> FormScore:
    """Fit the score to whole recordings, and to a lead or two of each."""
    many, few = (
        [_forms(recordings, shown) for recordings in (training, limiting)]
        for shown in ((DIAGNOSIS_LEADS,), _FEW_LEADS)
    )
    return FormScore().fit((many[0], few[0]), (many[1], few[1]))


def _forms(
    recordings: DiagnosisSet, lead_sets: Sequence[tuple[Lead, ...]]
) -> NDArray[np.float32]:
    """Forms of recordings, each with the next of the sets of leads shown."""
    forms = []
    for row in range(len(recordings.labels)):
        leads = lead_sets[row % len(lead_sets)]
        window = recordings.samples[row : row + 1].astype(np.float32)
        window[:, ~np.isin(DIAGNOSIS_LEADS, leads)] = np.nan
        signal, shown = standardise(window, recordings.size_known[row : row + 1])
        forms.append(signal_form(signal, shown))
    return np.concatenate(forms)


@torch.no_grad()
def ecg_scores(score: FormScore, recordings: DiagnosisSet) -> NDArray[np.float64]:
    """Scores of whole recordings."""
    forms = torch.from_numpy(_forms(recordings, (DIAGNOSIS_LEADS,)))
    leads = torch.ones(len(forms), len(DIAGNOSIS_LEADS), len(LEAD_FEATURES))
    return score(forms, leads).numpy().astype(np.float64)


@torch.no_grad()
def foreign_scores(score: FormScore, seed: int) -> dict[str, NDArray[np.float64]]:
    """Scores of signals that are no ECG, by kind: other or the same in each lead."""
    scores = {}
    n_leads = len(DIAGNOSIS_LEADS)
    for kind in FOREIGN_SIGNALS:
        answers = []
        single = foreign_signals(kind, N_EACH * n_leads, seed)
        for number in range(N_EACH):
            rows = single[number * n_leads : (number + 1) * n_leads]
            chosen = rows if number % 2 else [rows[0]] * n_leads
            samples_mv = np.concatenate([row.samples_mv for row in chosen])
            rate_hz = rows[0].sampling_rate_hz
            piece = np.ascontiguousarray(samples_mv[:, : round(10 * rate_hz)])
            waveform = Waveform(piece, rate_hz, DIAGNOSIS_LEADS)
            inputs = build_diagnosis_inputs(
                filter_leads(waveform, SIGNAL_TOOLS), None, None
            )
            if inputs is not None and inputs.leads[..., 0].any():
                form, leads = (torch.from_numpy(x) for x in (inputs.form, inputs.leads))
                answers.append(float(score(form, leads).mean()))
        scores[kind] = np.array(answers)
    return scores


def outlier_figures(
    inside: NDArray[np.float64], outside: Mapping[str, NDArray[np.float64]]
) -> dict[str, list[float]]:
    """AUROC, and share above 1, of each kind; ``held_out`` is the false alarms."""
    everything = {"all_kinds": np.concatenate(list(outside.values())), **outside}
    figures = {
        kind.replace(" ", "_"): [
            round(auroc(inside, scores), 4),
            round(float((scores > 1).mean()), 4),
        ]
        for kind, scores in everything.items()
    }
    return figures | {"held_out_above_the_limit": [round(float((inside > 1).mean()), 4)]}
