"""`ecgsvc train diagnosis`: from PTB-XL to the folder that ships, in one command."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import Progress

from ecgsvc.evaluation.diagnosis import (
    DiagnosisResults,
    diagnosis_figures,
    macro_auc,
    results_of,
)
from ecgsvc.evaluation.diagnosis_references import DiagnosisSet, read_diagnosis_set
from ecgsvc.evaluation.figures import Figures
from ecgsvc.inference.diagnosis import OUTPUTS
from ecgsvc.inference.diagnosis_inputs import DIAGNOSIS_LEADS, LEAST_SAMPLES
from ecgsvc.training.cards import write_card
from ecgsvc.training.diagnosis_card import diagnosis_card, figures_of_card
from ecgsvc.training.diagnosis_decision import DiagnosisDecision, choose_decision
from ecgsvc.training.diagnosis_ensemble import (
    DiagnosisEnsemble,
    ecg_scores,
    foreign_scores,
    form_score,
    outlier_figures,
    random_diagnosis_inputs,
)
from ecgsvc.training.diagnosis_fit import (
    DiagnosisPlan,
    diagnosis_outputs,
    fit_diagnosis,
)
from ecgsvc.training.diagnosis_network import DiagnosisNetwork, Fusion
from ecgsvc.training.export import ExportMismatch
from ecgsvc.training.window_export import export_module, window_parity

DIAGNOSIS_VERSION = "1.0.0"
DIAGNOSIS_EPOCHS = 28
DIAGNOSIS_SEEDS = 3
LEAD_SUBSETS: Mapping[str, tuple[str, ...]] = {
    "12 leads": DIAGNOSIS_LEADS,
    "limb leads": DIAGNOSIS_LEADS[:6],
    "chest leads": DIAGNOSIS_LEADS[6:],
    "I, II, V2": ("I", "II", "V2"),
    "I, II": ("I", "II"),
    "I": ("I",),
    "II": ("II",),
    "V1": ("V1",),
    "V5": ("V5",),
}
_MAX_DIFFERENCE = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class TrainedDiagnosis:
    """The folder written, the card in it, and the tables of the held-out recordings."""

    folder: Path
    card: Mapping[str, Any]
    tables: tuple[Figures, ...]


def train_diagnosis(
    data_dir: Path,
    output_dir: Path,
    *,
    seeds: int = DIAGNOSIS_SEEDS,
    epochs: int = DIAGNOSIS_EPOCHS,
    fusion: Fusion = "attention",
    sizes: bool = True,
    threads: int = 1,
    resume: bool = False,
    progress: Progress | None = None,
) -> TrainedDiagnosis:
    """Fit a network a seed, decide on the validation fold, open the test fold, export.

    Checkpoints (``.pt``) and curves (``.json``) go to ``output_dir/checkpoints``, the model
    to ``output_dir/diagnosis-efficientecg-VERSION``.

    Parameters
    ----------
    data_dir
        Folder of PTB-XL, as `read_diagnosis_set` takes it.
    output_dir
        Made when it is not there.
    seeds, epochs
        Networks of the ensemble (seeds 0, 1, …), and how long each is fitted.
    fusion, sizes
        As of `DiagnosisNetwork`; others than the defaults are ablations.
    threads
        Of PyTorch.
    resume
        Take the networks that are already fitted from the checkpoints in `output_dir`.
    progress
        Where to show how far it is.

    Raises
    ------
    ValueError
        A checkpoint is of another run.
    FileNotFoundError, UnreadableRecording
        A file is missing or damaged in `data_dir`.
    """
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    folder = output_dir / f"diagnosis-efficientecg-{DIAGNOSIS_VERSION}"
    checkpoints = output_dir / "checkpoints"
    for made in (folder, checkpoints):
        made.mkdir(parents=True, exist_ok=True)
    shown = progress or Progress(disable=True)
    task = shown.add_task("reading PTB-XL", total=None)
    everything = read_diagnosis_set(
        data_dir, lambda done, total: shown.update(task, completed=done, total=total)
    )
    training, validation, test = (everything.of_split(s) for s in ("train", "val", "test"))

    def fitted(seed: int) -> DiagnosisNetwork:
        torch.manual_seed(seed)
        network = DiagnosisNetwork(len(everything.label_names), fusion=fusion, sizes=sizes)
        name = f"diagnosis-{fusion}{'' if sizes else '-shapes'}-{seed}"
        bar = shown.add_task(f"training seed {seed}", total=epochs)
        plan = DiagnosisPlan(epochs, seed, checkpoints / f"{name}.pt", resume)
        return fit_diagnosis(
            network, training, plan,
            validation=validation, on_epoch=lambda n: shown.update(bar, completed=n),
        )  # fmt: skip

    networks = [fitted(seed) for seed in range(seeds)]
    score = form_score(training, validation)
    ensemble = DiagnosisEnsemble(networks, score)
    seen = _Answers(networks)
    decision = choose_decision(seen.logits(validation), validation.labels)
    sha256 = _export(ensemble, folder)
    results = held_out_results(test, seen.logits(test), decision)
    tables = (
        *diagnosis_figures(results),
        _seeds(networks, test),
        _folds(seen, validation, test),
        _hidden(seen, test),
    )
    card = diagnosis_card(
        version=DIAGNOSIS_VERSION,
        sha256=sha256,
        labels=everything.label_names,
        decision=decision,
        training={
            "seeds": list(range(seeds)), "epochs": epochs, "fusion": fusion,
            "sizes": sizes, "threads": threads,
            "recordings": {s: everything.splits.count(s) for s in ("train", "val", "test")},
        },
        metrics={
            "ptbxl_fold_10": figures_of_card(tables),
            "out_of_distribution": outlier_figures(
                ecg_scores(score, test), foreign_scores(score, 0)
            ),
        },
    )  # fmt: skip
    write_card(folder, card)
    return TrainedDiagnosis(folder, card, tables)


def held_out_results(
    recordings: DiagnosisSet, logits: NDArray[np.float32], decision: DiagnosisDecision
) -> DiagnosisResults:
    """Answers beside what the readers said."""
    return results_of(
        recordings.label_names,
        recordings.labels,
        decision.probabilities(logits),
        decision.limits,
        age_years=recordings.age_years,
        sexes=recordings.sexes,
        size_known=recordings.size_known,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Answers:
    """Means over the members, of whole recordings."""

    members: Sequence[DiagnosisNetwork]

    def logits(
        self,
        recordings: DiagnosisSet,
        *,
        leads: tuple[str, ...] = DIAGNOSIS_LEADS,
        person: bool = True,
        sizes: bool = True,
    ) -> NDArray[np.float32]:
        shown = np.isin(DIAGNOSIS_LEADS, leads)
        answers = [
            diagnosis_outputs(member, recordings, shown=shown, person=person, sizes=sizes)[
                0
            ]
            for member in self.members
        ]
        mean: NDArray[np.float32] = np.mean(answers, axis=0)
        return mean


def _export(ensemble: DiagnosisEnsemble, folder: Path) -> str:
    sha256 = export_module(
        ensemble, folder, random_diagnosis_inputs, OUTPUTS,
        free={"signal": {2: "samples"}},
    )  # fmt: skip
    short = window_parity(
        ensemble,
        folder / "model.onnx",
        lambda n: random_diagnosis_inputs(n, LEAST_SAMPLES + 3),
        OUTPUTS,
    )
    if not short < _MAX_DIFFERENCE:
        msg = f"ONNX and PyTorch differ by {short:.1e} on short recordings"
        raise ExportMismatch(msg)
    return sha256


def _seeds(members: Sequence[DiagnosisNetwork], test: DiagnosisSet) -> Figures:
    given = [diagnosis_outputs(member, test)[0] for member in members]
    named = [(f"seed {seed}", logits) for seed, logits in enumerate(given)]
    if len(members) > 1:
        named.append(("ensemble", np.mean(given, axis=0)))
    return Figures(
        "Networks", tuple(_macro_row("Network", n, test, logits) for n, logits in named)
    )


def _folds(seen: _Answers, validation: DiagnosisSet, test: DiagnosisSet) -> Figures:
    """The fold that decided, whose ranking no decision changes, beside the one held out."""
    rows = [
        _macro_row("Fold", name, recordings, seen.logits(recordings))
        for name, recordings in (("9, decides", validation), ("10, held out", test))
    ]
    return Figures("Folds", tuple(rows))


def _hidden(seen: _Answers, test: DiagnosisSet) -> Figures:
    rows = [
        _macro_row("What is shown", name, test, seen.logits(test, leads=leads))
        for name, leads in LEAD_SUBSETS.items()
    ]
    for name, logits in (
        ("12 leads, no age, no sex", seen.logits(test, person=False)),
        ("12 leads, no amplitudes", seen.logits(test, sizes=False)),
    ):
        rows.append(_macro_row("What is shown", name, test, logits))
    return Figures("What the ensemble is shown", tuple(rows))


def _macro_row(
    heading: str, name: str, test: DiagnosisSet, logits: NDArray[np.float32]
) -> dict[str, Any]:
    auc = macro_auc(test.labels.astype(np.float64), logits.astype(np.float64))
    return {heading: name, "macro AUC": auc}
