"""`ecgsvc train beats`: from annotated recordings to the folder that ships."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from rich.progress import Progress
from torch import nn

from ecgsvc.evaluation.references import find_records
from ecgsvc.training.beat_trees import BeatMember, BeatTrees, fit_beat_trees
from ecgsvc.training.boosted_trees import load_trees
from ecgsvc.training.cards import beat_card, evaluated, write_card
from ecgsvc.training.datasets import (
    BeatSequence,
    prepare_sequences,
    prepare_simulated,
    prepare_tachycardias,
)
from ecgsvc.training.decision import (
    HELD_OUT_FILE,
    HeldOut,
    choose_decision,
    held_out_results,
    save_held_out,
)
from ecgsvc.training.explanation_graph import explained
from ecgsvc.training.export import export_onnx
from ecgsvc.training.fit import FitPlan, fit, network_logits
from ecgsvc.training.networks import BEAT_NETWORKS, Mean
from ecgsvc.training.splits import Track, folds
from ecgsvc.training.test_sets import measure_test_sets
from ecgsvc.training.uncertainty import (
    conformal_limits,
    least_probability,
    uncertainty_figures,
)

VERSION = "3.1.0"
EPOCHS = 12
N_SIMULATED = 300
N_TACHYCARDIAS = 96

_CV = (
    "training records, {n}-fold cross-validation grouped by record, both leads; decision "
    "chosen on the same beats; each network with its trees, the model is their mean"
)


@dataclass(frozen=True, slots=True)
class BeatData:
    """Folders of the MIT-BIH Arrhythmia and Supraventricular Arrhythmia Databases.

    With `mitdb` alone the track is A, with `svdb` it is B.
    """

    mitdb: Path
    svdb: Path | None = None

    @property
    def track(self) -> Track:
        """Which records train."""
        return "a" if self.svdb is None else "b"

    def svdb_records(self) -> tuple[str, ...]:
        """Names of the records of svdb; none in track A."""
        if self.svdb is None:
            return ()
        return tuple(path.name for path in find_records(self.svdb, "atr"))


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """The folder written and the card in it."""

    folder: Path
    card: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Run:
    """What the stages of one training share."""

    model: str
    plan: FitPlan
    folds: tuple[tuple[str, ...], ...]
    shown: Progress
    sequences: list[BeatSequence] = field(default_factory=list)


def train_beats(
    data: BeatData,
    output_dir: Path,
    plan: FitPlan,
    *,
    model: str = "cnn-lstm-attention",
    threads: int = 1,
    open_test_sets: bool = True,
    progress: Progress | None = None,
) -> TrainedModel:
    """Cross-validate, export the mean of the folds' networks, and measure it.

    Every fold's network, and the trees beside it, have seen the records of the other
    folds; the model is the mean of their logits. Checkpoints (``.pt``) and curves
    (``.json``) go to ``plan.checkpoints``, the model to ``output_dir/beats-MODEL-VERSION``,
    and the answers to held-out beats to ``output_dir/beats-held-out.npz``.

    Parameters
    ----------
    data
        Where the recordings are; decides the track.
    output_dir
        Made when it is not there.
    plan
        How a network is fitted. The same plan, threads and versions make the same weights.
    model
        A name in `networks.BEAT_NETWORKS`.
    threads
        Of PyTorch.
    open_test_sets
        Without it DS2 and the records of svdb kept apart are not read, and the card has no
        figures of them.
    progress
        Where to show how far it is.

    Raises
    ------
    ValueError
        There is no network of that name, or a checkpoint is of another run.
    UnreadableRecording
        Records are missing.
    """
    if model not in BEAT_NETWORKS:
        msg = f"there is no beat network {model}; there are: {', '.join(BEAT_NETWORKS)}"
        raise ValueError(msg)
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    name = f"beats-{model}"
    folder = output_dir / f"{name}-{VERSION}"
    folder.mkdir(parents=True, exist_ok=True)
    plan.checkpoints.mkdir(parents=True, exist_ok=True)
    shown = progress or Progress(disable=True)
    parts = folds(data.track, data.svdb_records())
    run = _Run(model, plan, parts, shown, _prepare(data, parts, plan.seed, shown))

    members, held_out = _cross_validate(run)
    decision = choose_decision(held_out)
    save_held_out(held_out, decision, output_dir / HELD_OUT_FILE)
    card = beat_card(
        name=name,
        version=VERSION,
        sha256=export_onnx(Mean(members), folder),
        decision=decision,
        conformal=conformal_limits(held_out, decision),
        least_probability=least_probability(held_out, decision),
        track=data.track,
        training={
            "seed": plan.seed,
            "epochs": plan.epochs,
            "threads": threads,
            "loss": plan.loss,
            "augmentation": plan.augmentation,
            "simulated_recordings": N_SIMULATED,
            "simulated_tachycardias": N_TACHYCARDIAS,
            "folds": parts,
        },
        metrics={
            "cross_validation": evaluated(
                held_out_results(held_out, decision), _CV.format(n=len(parts))
            ),
            "uncertainty": uncertainty_figures(held_out, decision),
        },
    )
    card = explained(folder, card)
    write_card(folder, card)
    if open_test_sets:
        card["metrics"] |= measure_test_sets(folder, data.mitdb, data.svdb, shown)
        write_card(folder, card)
    return TrainedModel(folder, card)


def _prepare(
    data: BeatData, parts: Sequence[Sequence[str]], seed: int, shown: Progress
) -> list[BeatSequence]:
    wanted = {record for part in parts for record in part}
    task = shown.add_task("preparing beats", total=len(wanted))
    sequences = prepare_simulated(N_SIMULATED, seed)
    sequences += prepare_tachycardias(N_TACHYCARDIAS, seed)
    for folder in (data.mitdb, data.svdb):
        if folder is not None:
            names = [p.name for p in find_records(folder, "atr") if p.name in wanted]
            sequences += prepare_sequences(
                folder, names, seed, lambda _: shown.advance(task)
            )
    return sequences


def _cross_validate(run: _Run) -> tuple[list[BeatMember], list[HeldOut]]:
    """Fit one member without each fold; give them, and the logits of what they missed."""
    members: list[BeatMember] = []
    held_out: list[HeldOut] = []
    for number, fold in enumerate(run.folds, start=1):
        seen = [s for s in run.sequences if s.record not in fold]
        trees = _fit_trees(run, seen, run.plan.checkpoints / f"trees-{number}.pt")
        member = BeatMember(_fit(run, seen, f"fold-{number}"), trees).eval()
        members.append(member)
        held_out += [
            HeldOut(
                s.record,
                s.labels,
                network_logits(member, s.inputs),
                s.inputs.rhythm,
                s.inputs.kinds,
            )
            for s in run.sequences
            if s.record in fold and s.kind == "record"
        ]
    return members, held_out


def _fit_trees(run: _Run, sequences: Sequence[BeatSequence], kept: Path) -> BeatTrees:
    if run.plan.resume and kept.exists():
        return BeatTrees(load_trees(kept)).eval()
    trees = fit_beat_trees(sequences, run.plan.seed)
    torch.save(trees.trees.state_dict(), kept)
    return trees


def _fit(run: _Run, sequences: Sequence[BeatSequence], name: str) -> nn.Module:
    task = run.shown.add_task(f"training {name}", total=run.plan.epochs)
    torch.manual_seed(run.plan.seed)
    network = BEAT_NETWORKS[run.model]()
    return fit(
        network, sequences, run.plan, name, lambda n: run.shown.update(task, completed=n)
    )
