"""`ecgsvc train rhythm`: from PhysioNet/CinC 2017 to the folder that ships."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import Progress

from ecgsvc.evaluation.rhythm import SCORED
from ecgsvc.evaluation.rhythm_references import read_reference_rhythms
from ecgsvc.inference.rhythm_inputs import PIECE_SAMPLES
from ecgsvc.training.boosted_trees import BoostedTrees, fit_trees, load_trees
from ecgsvc.training.cards import write_card
from ecgsvc.training.explanation_graph import explained
from ecgsvc.training.rhythm_cards import rhythm_card
from ecgsvc.training.rhythm_decision import (
    RhythmLogits,
    choose_decision,
    cross_decided,
    joined,
)
from ecgsvc.training.rhythm_ensemble import (
    TREES_WEIGHT,
    OutlierScore,
    RhythmEnsemble,
    RhythmMember,
)
from ecgsvc.training.rhythm_outliers import outlier_figures
from ecgsvc.training.rhythm_recipes import RECIPES, rhythm_network
from ecgsvc.training.rhythm_recordings import (
    N_FOLDS,
    RhythmRecordings,
    load_recordings,
    prepare_recordings,
    save_recordings,
    stratified_folds,
)
from ecgsvc.training.window_export import export_module, random_inputs
from ecgsvc.training.window_fit import WindowFitPlan, WindowSet, fit_windows, window_outputs
from ecgsvc.training.window_networks import WindowNetwork

VERSION = "1.0.0"

_SHORT_SHARE = 0.3  # of the pieces of an epoch; of the short pieces that trees see
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
    resume: bool = False,
    progress: Progress | None = None,
) -> TrainedRhythm:
    """Fit a network without each fold in turn, measure it there, export all as one.

    The exported model is the mean of the networks: each recording's figures come of the one
    that did not see it, so that they are those of a single network. Checkpoints (``.pt``)
    and curves (``.json``) go to ``output_dir/checkpoints``, the model to
    ``output_dir/rhythm-MODEL-VERSION``.

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
    folder, checkpoints = (
        output_dir / f"rhythm-{model}-{VERSION}",
        output_dir / "checkpoints",
    )
    for made in (folder, checkpoints):
        made.mkdir(parents=True, exist_ok=True)
    shown = progress or Progress(disable=True)
    recordings = _prepare(data_dir, checkpoints / "recordings.npz", resume, shown)
    fold_of = stratified_folds(recordings.labels, recordings.contents, seed)
    members, parts = [], []
    for fold in folds:
        plan = _plan(model, checkpoints / f"{model}-{fold}.pt", seed, epochs, resume)
        member = _fit(model, recordings, np.flatnonzero(fold_of != fold), plan, shown)
        members.append(member)
        parts.append(recording_logits(member, recordings, np.flatnonzero(fold_of == fold)))
    alone = {name: joined([part[name] for part in parts]) for name in parts[0]}
    held_out = alone.pop("stack")
    network = members[0].network
    sha256 = export_module(
        RhythmEnsemble(members),
        folder,
        lambda n: random_inputs(network, n, PIECE_SAMPLES),
        ("logits", "outlier"),
    )
    decision = choose_decision(held_out)
    card = rhythm_card(
        name=f"rhythm-{model}",
        version=VERSION,
        sha256=sha256,
        decision=decision,
        training={"seed": seed, "epochs": epochs, "threads": threads, "folds": list(folds)},
        results=cross_decided(held_out, seed),
        alone={name: cross_decided(logits, seed) for name, logits in alone.items()},
        outliers=outlier_figures(members, held_out, decision.outlier, seed),
        n_parameters=sum(p.numel() for p in network.parameters()),
    )
    card = explained(folder, card)
    write_card(folder, card)
    return TrainedRhythm(folder, card)


@torch.no_grad()
def recording_logits(
    member: RhythmMember, recordings: RhythmRecordings, chosen: NDArray[np.int64]
) -> dict[str, RhythmLogits]:
    """Means over the pieces that serving reads: of the stack and of each part alone."""
    rows = recordings.pieces_in(chosen)
    rows = rows[~recordings.short[rows]]
    answers = [
        member.parts(
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
    return {
        name: RhythmLogits(recordings.labels[chosen], mean_of @ logits, mean_of @ outlier)
        for name, logits in (
            ("stack", network + TREES_WEIGHT * trees),
            ("network", network),
            ("trees", trees),
        )
    }  # fmt: skip


def _prepare(data_dir: Path, kept: Path, resume: bool, shown: Progress) -> RhythmRecordings:
    if resume and kept.exists():
        return load_recordings(kept)
    total = len(read_reference_rhythms(data_dir))
    task = shown.add_task("preparing recordings", total=total)
    recordings = prepare_recordings(
        data_dir, lambda n_done: shown.update(task, completed=n_done)
    )
    save_recordings(recordings, kept)
    return recordings


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
    shown: Progress,
) -> RhythmMember:
    """Fit a network and its outlier score on some recordings."""
    rows = recordings.pieces_in(seen)
    training = recordings.pieces.take(rows)
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
    trees = _trees(training, draw.short, plan)
    score = fit_outlier_score(network, training, draw.whole)
    return RhythmMember(network, score, trees).eval()


def _trees(
    training: WindowSet, short: NDArray[np.bool_], plan: WindowFitPlan
) -> BoostedTrees:
    """Fit trees, or take those fitted beside any network on the same fold before."""
    fold = plan.checkpoint.stem.rpartition("-")[2]
    kept = plan.checkpoint.with_name(f"trees-{fold}.pt")
    if plan.resume and kept.exists():
        return load_trees(kept)
    rng = np.random.default_rng(plan.seed)
    rows = np.flatnonzero(~short | (rng.random(len(short)) < _SHORT_SHARE))
    weights = np.where(short[rows], _SHORT_WEIGHT, 1.0)
    trees = fit_trees(training.features[rows], training.labels[rows], weights, plan.seed)
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
