"""`ecgsvc train rhythm`: from PhysioNet/CinC 2017 to the folder that ships."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import Progress

from ecgsvc.config import BEAT_MODEL, MODELS_DIR
from ecgsvc.evaluation.held_out import save_held_out
from ecgsvc.evaluation.rhythm import SCORED
from ecgsvc.evaluation.rhythm_references import read_reference_rhythms
from ecgsvc.inference.beats import BeatClassifier
from ecgsvc.inference.rhythm_features import FEATURE_NAMES
from ecgsvc.training.boosted_trees import BoostedTrees, fit_trees, load_trees
from ecgsvc.training.cards import write_card
from ecgsvc.training.datasets import SIGNAL_TOOLS
from ecgsvc.training.explanation_graph import explained
from ecgsvc.training.rhythm_cards import rhythm_card
from ecgsvc.training.rhythm_decision import (
    RhythmLogits,
    choose_decision,
    cross_decided,
    joined,
)
from ecgsvc.training.rhythm_ensemble import (
    OutlierScore,
    RhythmEnsemble,
    RhythmMember,
)
from ecgsvc.training.rhythm_outliers import outlier_figures
from ecgsvc.training.rhythm_recipes import RECIPES, rhythm_network
from ecgsvc.training.rhythm_recordings import (
    N_FOLDS,
    ClassifyBeats,
    RhythmRecordings,
    load_recordings,
    prepare_recordings,
    save_recordings,
    stratified_folds,
)
from ecgsvc.training.window_export import export_module
from ecgsvc.training.window_fit import WindowFitPlan, WindowSet, fit_windows, window_outputs
from ecgsvc.training.window_networks import WindowNetwork

VERSION = "2.2.0"

_SHORT_SHARE = 0.3  # of the pieces of an epoch
_SHORT_WEIGHT = 0.5  # in the trees' loss
_OUTLIER_PIECES = 1250  # about as many are plenty for means and a covariance


@dataclass(frozen=True, slots=True)
class TrainedRhythm:
    """The folder written and the card in it."""

    folder: Path
    card: Mapping[str, Any]


def train_rhythm(
    data_dir: Path,
    output_dir: Path,
    *,
    model: str = "canet",
    seed: int = 0,
    epochs: int | None = None,
    folds: Sequence[int] = tuple(range(N_FOLDS)),
    threads: int = 1,
    beat_model: Path = MODELS_DIR / BEAT_MODEL,
    resume: bool = False,
    progress: Progress | None = None,
) -> TrainedRhythm:
    """Fit a network without each fold in turn, measure it there, export all as one.

    The exported model is the mean of the networks: each recording's figures come of the one
    that did not see it, so that they are those of a single network. Checkpoints (``.pt``)
    and curves (``.json``) go to ``output_dir/checkpoints``, the model to
    ``output_dir/rhythm-MODEL-VERSION``, or ``rhythm-MODEL-single-VERSION`` where it is one
    network.

    Parameters
    ----------
    data_dir
        Folder of the challenge's training recordings, with its reference.
    output_dir
        Made when it is not there.
    model
        A name in `rhythm_recipes.RECIPES`.
    seed, epochs
        The same seed, epochs, threads and versions make the same weights. Without
        `epochs`, those of the recipe.
    folds
        Of the five, which to leave out in turn; figures are of these.
    threads
        Of PyTorch.
    beat_model
        Folder of the model whose beat classes the trees learn from.
    resume
        Go on from what is in ``output_dir/checkpoints``.
    progress
        Where to show how far it is.

    Raises
    ------
    ValueError
        There is no network of that name, or a checkpoint is of another run.
    UnreadableRecording
        There is no reference, or a recording is damaged.
    """
    if model not in RECIPES:
        msg = f"there is no rhythm network {model}; there are: {', '.join(RECIPES)}"
        raise ValueError(msg)
    epochs = RECIPES[model].epochs if epochs is None else epochs
    torch.set_num_threads(threads)
    name = f"rhythm-{model}" if len(folds) > 1 else f"rhythm-{model}-single"
    folder, checkpoints = output_dir / f"{name}-{VERSION}", output_dir / "checkpoints"
    for made in (folder, checkpoints):
        made.mkdir(parents=True, exist_ok=True)
    shown = progress or Progress(disable=True)
    beats = BeatClassifier.load(beat_model, SIGNAL_TOOLS, provider="cpu")
    kept = checkpoints / f"recordings-{beat_model.name}.npz"
    recordings = _prepare(data_dir, beats.classify, kept, resume, shown)
    fold_of = stratified_folds(recordings.labels, recordings.contents, seed)
    members, answers = [], []
    for fold in folds:
        plan = _plan(model, checkpoints / f"{model}-{fold}.pt", seed, epochs, resume)
        member = _fit(
            model, recordings, np.flatnonzero(fold_of != fold), plan, beat_model.name, shown
        )
        members.append(member)
        answers.append(
            recording_logits(member, recordings, np.flatnonzero(fold_of == fold))
        )
    held_out = joined(answers)
    network = members[0].network
    decision = choose_decision(held_out)
    results = cross_decided(held_out, seed)
    order = [row for fold in folds for row in np.flatnonzero(fold_of == fold)]
    save_held_out(
        output_dir / f"{name}-held-out.npz",
        [recordings.names[row] for row in order],
        results.labels,
        results.probabilities,
    )
    sha256 = export_module(
        RhythmEnsemble(members, decision.weights[1]),
        folder,
        lambda n: _example_inputs(recordings, n),
        ("logits", "outlier"),
    )
    card = rhythm_card(
        name=name,
        version=VERSION,
        sha256=sha256,
        decision=decision,
        beat_model=beats.identity,
        training={"seed": seed, "epochs": epochs, "threads": threads, "folds": list(folds)},
        results=results,
        alone={
            name: cross_decided(held_out.part(number), seed)
            for number, name in enumerate(("network", "trees"))
        },
        outliers=outlier_figures(members, held_out, decision.outlier, beats.classify, seed),
        n_parameters=sum(p.numel() for p in network.parameters()),
    )
    card = explained(folder, card)
    write_card(folder, card)
    return TrainedRhythm(folder, card)


@torch.no_grad()
def recording_logits(
    member: RhythmMember, recordings: RhythmRecordings, chosen: NDArray[np.int64]
) -> RhythmLogits:
    """Means over the pieces that serving reads, of network and trees."""
    rows = recordings.pieces_in(chosen)
    rows = rows[~recordings.short[rows]]
    answers = [
        member(
            torch.from_numpy(batch.windows.astype(np.float32)).unsqueeze(1),
            torch.from_numpy(batch.features),
        )
        for batch in map(recordings.pieces.take, np.array_split(rows, len(rows) // 64 + 1))
    ]
    network, trees, outlier = (
        torch.cat(part).numpy().astype(np.float64) for part in zip(*answers, strict=True)
    )
    of = np.searchsorted(chosen, recordings.recording[rows])
    mean_of = np.zeros((len(chosen), len(rows)))
    mean_of[of, np.arange(len(rows))] = 1 / np.bincount(of, minlength=len(chosen))[of]
    return RhythmLogits(
        recordings.labels[chosen],
        np.stack([mean_of @ network, mean_of @ trees]),
        mean_of @ outlier,
    )


def _prepare(
    data_dir: Path,
    classify_beats: ClassifyBeats,
    kept: Path,
    resume: bool,
    shown: Progress,
) -> RhythmRecordings:
    if resume and kept.exists():
        return load_recordings(kept)
    total = len(read_reference_rhythms(data_dir))
    task = shown.add_task("preparing recordings", total=total)
    recordings = prepare_recordings(
        data_dir, classify_beats, lambda n_done: shown.update(task, completed=n_done)
    )
    save_recordings(recordings, kept)
    return recordings


def _example_inputs(recordings: RhythmRecordings, n: int) -> dict[str, torch.Tensor]:
    """Some pieces, to try the exported model on."""
    chosen = np.random.default_rng(n).integers(len(recordings.pieces.labels), size=n)
    pieces = recordings.pieces.take(chosen)
    return {
        "windows": torch.from_numpy(pieces.windows.astype(np.float32)).unsqueeze(1),
        "features": torch.from_numpy(pieces.features),
    }


def _plan(
    model: str, checkpoint: Path, seed: int, epochs: int, resume: bool
) -> WindowFitPlan:
    recipe = RECIPES[model]
    return WindowFitPlan(
        epochs,
        seed,
        checkpoint,
        augmentation=recipe.augmentation,
        batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        label_smoothing=0.05,
        ema_decay=0.998,
        half_precision=model != "features",
        resume=resume,
    )


def _fit(
    model: str,
    recordings: RhythmRecordings,
    seen: NDArray[np.int64],
    plan: WindowFitPlan,
    beat_model: str,
    shown: Progress,
) -> RhythmMember:
    """Fit a network and its outlier score on some recordings."""
    rows = recordings.pieces_in(seen)
    all_features = recordings.pieces.take(rows)
    training = replace(
        all_features, features=all_features.features[:, : len(FEATURE_NAMES)]
    )
    draw = EpochOfRecordings(recordings.recording[rows], recordings.short[rows])
    task = shown.add_task(f"training {plan.checkpoint.stem}", total=plan.epochs)
    torch.manual_seed(plan.seed)
    network = fit_windows(
        rhythm_network(model),
        training,
        plan,
        draw=draw,
        on_epoch=lambda n_done: shown.update(task, completed=n_done),
    )
    trees = _trees(all_features, draw.short, beat_model, plan)
    score = fit_outlier_score(network, training, draw.whole)
    return RhythmMember(network, score, trees).eval()


def _trees(
    training: WindowSet, short: NDArray[np.bool_], beat_model: str, plan: WindowFitPlan
) -> BoostedTrees:
    """Fit trees, or take those fitted on the same fold and beat classes before."""
    fold = plan.checkpoint.stem.rpartition("-")[2]
    kept = plan.checkpoint.with_name(f"trees-{fold}-{beat_model}.pt")
    if plan.resume and kept.exists():
        return load_trees(kept)
    weights = np.where(short, _SHORT_WEIGHT, 1.0)
    trees = fit_trees(training.features, training.labels, weights, plan.seed)
    torch.save(trees.state_dict(), kept)
    return trees


def fit_outlier_score(
    network: WindowNetwork, training: WindowSet, whole: NDArray[np.int64]
) -> OutlierScore:
    """Where readable whole pieces lie: noise is no class to be near to."""
    readable = whole[np.isin(training.labels[whole], SCORED)]
    pieces = training.take(readable[:: max(1, len(readable) // _OUTLIER_PIECES)])
    _, embeddings = window_outputs(network, pieces)
    score = OutlierScore(len(SCORED), embeddings.shape[1])
    return score.fit(embeddings, pieces.labels)


class EpochOfRecordings:
    """Draws one piece of every recording, a short one now and then."""

    def __init__(self, recording: NDArray[np.int64], short: NDArray[np.bool_]) -> None:
        self.short = short
        self.whole = np.flatnonzero(~short)
        self._whole_of = _by_recording(recording, self.whole)
        self._short_of = _by_recording(recording, np.flatnonzero(short))

    def __call__(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """Indices of pieces, in random order of their recordings."""
        drawn = []
        for number in rng.permutation(list(self._whole_of)).tolist():
            among = self._whole_of[number]
            if rng.random() < _SHORT_SHARE:
                among = self._short_of.get(number, among)
            drawn.append(int(rng.choice(among)))
        return np.array(drawn, dtype=np.int64)


def _by_recording(
    recording: NDArray[np.int64], rows: NDArray[np.int64]
) -> dict[int, NDArray[np.int64]]:
    return {int(n): rows[recording[rows] == n] for n in np.unique(recording[rows])}
