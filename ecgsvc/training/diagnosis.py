"""`ecgsvc train diagnosis`: from PTB-XL to the folder that ships, in one command."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import Progress

from ecgsvc.domain.waveform import Lead
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
from ecgsvc.training.boosted_trees import BoostedTrees, load_trees
from ecgsvc.training.cards import write_card
from ecgsvc.training.diagnosis_card import diagnosis_card, figures_of_card
from ecgsvc.training.diagnosis_decision import DiagnosisDecision, choose_decision
from ecgsvc.training.diagnosis_ensemble import (
    DiagnosisEnsemble,
    ecg_scores,
    ensemble_logits,
    foreign_scores,
    form_score,
    outlier_figures,
    parts_logits,
    random_diagnosis_inputs,
    whole_inputs,
)
from ecgsvc.training.diagnosis_fit import (
    DiagnosisPlan,
    fit_diagnosis,
)
from ecgsvc.training.diagnosis_network import DiagnosisNetwork, Fusion
from ecgsvc.training.diagnosis_trees import fit_label_trees
from ecgsvc.training.export import ExportMismatch
from ecgsvc.training.signal_form_score import FormScore
from ecgsvc.training.waves_dataset import folds_of
from ecgsvc.training.window_export import export_module, window_parity

DIAGNOSIS_VERSION = "1.1.1"
DIAGNOSIS_EPOCHS = 28
DIAGNOSIS_SEEDS = 1
N_FOLDS = 5
"""Of the training recordings, whose answers out of fold the decision is chosen on."""
TREES_WEIGHT = 0.75
"""Of the trees' logits beside the mean of the networks'; by cross-validation."""
LEAD_SUBSETS: Mapping[str, tuple[Lead, ...]] = {
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
_NAME = "diagnosis-efficientecg"


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
    folds: int = N_FOLDS,
    fusion: Fusion = "attention",
    sizes: bool = True,
    threads: int = 1,
    resume: bool = False,
    progress: Progress | None = None,
) -> TrainedDiagnosis:
    """Fit a network a seed and trees, decide, open the test fold.

    The decision is chosen on answers to recordings that had no part in the fit: those of
    the validation fold, and the training recordings as answered out of fold by networks
    and trees fitted without them. Checkpoints (``.pt``) and curves (``.json``) go to
    ``output_dir/checkpoints``, the model to ``output_dir/diagnosis-efficientecg-VERSION``.

    Parameters
    ----------
    data_dir
        Folder of PTB-XL, as `read_diagnosis_set` takes it.
    output_dir
        Made when it is not there.
    seeds, epochs
        Networks of the ensemble (seeds 0, 1, …), and how long each is fitted.
    folds
        Parts of the training recordings, each left out in turn.
    fusion, sizes
        As of `DiagnosisNetwork`; others than the defaults are ablations.
    threads
        Of PyTorch.
    resume
        Take what is already fitted from the checkpoints in `output_dir`.
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
    folder = output_dir / f"{_NAME}-{DIAGNOSIS_VERSION}"
    checkpoints = output_dir / "checkpoints"
    for made in (folder, checkpoints):
        made.mkdir(parents=True, exist_ok=True)
    shown = progress or Progress(disable=True)
    task = shown.add_task("reading PTB-XL", total=None)
    everything = read_diagnosis_set(
        data_dir, lambda done, total: shown.update(task, completed=done, total=total)
    )
    training, validation, test = (everything.of_split(s) for s in ("train", "val", "test"))

    def fitted(seed: int, recordings: DiagnosisSet, name: str) -> DiagnosisNetwork:
        torch.manual_seed(seed)
        network = DiagnosisNetwork(len(everything.label_names), fusion=fusion, sizes=sizes)
        file = f"diagnosis-{fusion}{'' if sizes else '-shapes'}-{seed}{name}.pt"
        bar = shown.add_task(f"training seed {seed}{name}", total=epochs)
        plan = DiagnosisPlan(epochs, seed, checkpoints / file, resume)
        return fit_diagnosis(
            network, recordings, plan,
            validation=validation, on_epoch=lambda n: shown.update(bar, completed=n),
        )  # fmt: skip

    def joined(
        recordings: DiagnosisSet, score: FormScore, name: str = ""
    ) -> DiagnosisEnsemble:
        networks = [fitted(seed, recordings, name) for seed in range(seeds)]
        shown.update(task, description=f"training trees{name}", completed=0, total=None)
        trees = _trees(recordings, checkpoints / f"diagnosis-trees{name}.pt", resume)
        return DiagnosisEnsemble(networks, trees, score, TREES_WEIGHT)

    score = form_score(training, validation)
    ensemble = joined(training, score)
    unseen = [(ensemble_logits(ensemble, validation), validation.labels)]
    for number, part in enumerate(folds_of(training.patients, folds), start=1):
        apart = np.isin(training.patients, part)
        rest, left_out = (training.take(np.flatnonzero(rows)) for rows in (~apart, apart))
        others = joined(rest, score, f"-fold-{number}")
        unseen.append((ensemble_logits(others, left_out), left_out.labels))
    decision = choose_decision(*map(np.concatenate, zip(*unseen, strict=True)))
    sha256 = _export(ensemble, folder)
    results = held_out_results(test, ensemble_logits(ensemble, test), decision)
    tables = (
        *diagnosis_figures(results),
        _parts(ensemble, test),
        _folds(ensemble, validation, test),
        _hidden(ensemble, test),
    )
    card = diagnosis_card(
        name=_NAME,
        version=DIAGNOSIS_VERSION,
        sha256=sha256,
        labels=everything.label_names,
        decision=decision,
        training={
            "seeds": list(range(seeds)), "epochs": epochs, "fusion": fusion,
            "sizes": sizes, "threads": threads, "trees": ensemble.trees.way.shape[0],
            "trees_weight": TREES_WEIGHT, "folds": folds,
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


def _trees(training: DiagnosisSet, checkpoint: Path, resume: bool) -> BoostedTrees:
    if resume and checkpoint.exists():
        return load_trees(checkpoint)
    trees = fit_label_trees(training)
    torch.save(trees.state_dict(), checkpoint)
    return trees


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


def _parts(ensemble: DiagnosisEnsemble, test: DiagnosisSet) -> Figures:
    networks, trees = parts_logits(ensemble, whole_inputs(test))
    named = [(f"network, seed {seed}", logits) for seed, logits in enumerate(networks)]
    if len(networks) > 1:
        named.append(("networks", np.mean(networks, axis=0)))
    named += [("trees", trees), ("networks and trees", ensemble_logits(ensemble, test))]
    return Figures(
        "Parts", tuple(_macro_row("Part", n, test, logits) for n, logits in named)
    )


def _folds(
    ensemble: DiagnosisEnsemble, validation: DiagnosisSet, test: DiagnosisSet
) -> Figures:
    """The fold that decided, whose ranking no decision changes, beside the one held out."""
    rows = [
        _macro_row("Fold", name, recordings, ensemble_logits(ensemble, recordings))
        for name, recordings in (("9, decides", validation), ("10, held out", test))
    ]
    return Figures("Folds", tuple(rows))


def _hidden(ensemble: DiagnosisEnsemble, test: DiagnosisSet) -> Figures:
    rows = [
        _macro_row(
            "What is shown", name, test, ensemble_logits(ensemble, test, leads=leads)
        )
        for name, leads in LEAD_SUBSETS.items()
    ]
    for name, logits in (
        ("12 leads, no age, no sex", ensemble_logits(ensemble, test, person=False)),
        ("12 leads, no amplitudes", ensemble_logits(ensemble, test, sizes=False)),
    ):
        rows.append(_macro_row("What is shown", name, test, logits))
    return Figures("What the model is shown", tuple(rows))


def _macro_row(
    heading: str, name: str, test: DiagnosisSet, logits: NDArray[np.float32]
) -> dict[str, Any]:
    auc = macro_auc(test.labels.astype(np.float64), logits.astype(np.float64))
    return {heading: name, "macro AUC": auc}
