"""`ecgsvc train waves`: from LUDB to the folder that ships, in one command."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich.progress import Progress

from ecgsvc.config import BEAT_MODEL, MODELS_DIR
from ecgsvc.domain.analysis import ModelIdentity
from ecgsvc.evaluation.delineation import DelineationResults, evaluate_delineation
from ecgsvc.inference import BeatClassifier
from ecgsvc.inference.wave_groups import BeatGroup
from ecgsvc.inference.wave_marks import WaveAnswers
from ecgsvc.inference.waves import WaveReader, network_inputs, wave_answers
from ecgsvc.signal_path import SignalPath
from ecgsvc.training.cards import write_card
from ecgsvc.training.datasets import BEAT_TOOLS, SIGNAL_TOOLS
from ecgsvc.training.waves_card import held_out_figures, wave_card
from ecgsvc.training.waves_dataset import AnnotatedGroup, folds_of, prepare_groups
from ecgsvc.training.waves_export import export_wave_network
from ecgsvc.training.waves_fit import WavePlan, fit_waves
from ecgsvc.training.waves_network import WaveNetwork

WAVES_VERSION = "1.1.0"
WAVES_EPOCHS = 400
N_FOLDS = 5
THRESHOLDS: Mapping[str, float] = {
    "keep_p": 0.5,
    "add_p": 0.98,  # below it P waves are invented in atrial flutter
    "keep_t": 0.5,
    "add_t": 0.5,
}
_PROTOCOL = (
    f"LUDB, 150 records, patient-grouped {N_FOLDS}-fold cross-validation: each record is "
    "read by the network that saw neither it nor anything of its patient, through the "
    "serving path. The signal core's constants, below the network, were searched on the "
    "same 150 records; add_p was chosen on two of the folds, in which rhythms leads add a "
    "P wave, and that intervals are those of the commonest shape, on all"
)


@dataclass(frozen=True, slots=True, eq=False)
class TrainedWaves:
    """The folder written, the card in it, and the figures on held-out records."""

    folder: Path
    card: Mapping[str, Any]
    held_out: DelineationResults


def train_waves(
    data_dir: Path,
    output_dir: Path,
    *,
    seed: int = 0,
    epochs: int = WAVES_EPOCHS,
    threads: int = 1,
    resume: bool = False,
    progress: Progress | None = None,
) -> TrainedWaves:
    """Cross-validate on LUDB through the serving path, fit on all of it, and export.

    Checkpoints (``.pt``) and curves (``.json``) go to ``output_dir/checkpoints``, the model
    to ``output_dir/waves-unet-VERSION``.

    Parameters
    ----------
    data_dir
        Folder of LUDB.
    output_dir
        Made when it is not there.
    seed, epochs
        The same seed, epochs, threads, processor and versions make the same weights.
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
    UnreadableRecording
        Records are missing in `data_dir`.
    """
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    folder = output_dir / f"waves-unet-{WAVES_VERSION}"
    checkpoints = output_dir / "checkpoints"
    for made in (folder, checkpoints):
        made.mkdir(parents=True, exist_ok=True)
    shown = progress or Progress(disable=True)

    def fitted(name: str, groups: Sequence[AnnotatedGroup]) -> WaveNetwork:
        task = shown.add_task(f"training {name}", total=epochs)
        plan = WavePlan(epochs, seed, checkpoints / f"waves-{name}.pt", resume)
        return fit_waves(groups, plan, lambda n_done: shown.update(task, completed=n_done))

    task = shown.add_task("preparing LUDB", total=None)
    groups = prepare_groups(data_dir, lambda _: shown.advance(task))
    folds = folds_of([g.record for g in groups], N_FOLDS)
    parts = []
    for number, fold in enumerate(folds, start=1):
        network = fitted(f"fold-{number}", [g for g in groups if g.record not in fold])
        path = signal_path(network)
        parts.append(evaluate_delineation(data_dir, path.analyse, records=fold))
    held_out = DelineationResults(tuple(r for part in parts for r in part.records))
    card = wave_card(
        version=WAVES_VERSION,
        sha256=export_wave_network(fitted("final", groups), folder),
        thresholds=THRESHOLDS,
        training={"seed": seed, "epochs": epochs, "threads": threads, "folds": folds},
        metrics={"ludb_cross_validation": held_out_figures(held_out, _PROTOCOL)},
    )
    write_card(folder, card)
    return TrainedWaves(folder, card, held_out)


def signal_path(network: WaveNetwork) -> SignalPath:
    """Put a network, not exported, into the serving path."""
    classifier = BeatClassifier.load(MODELS_DIR / BEAT_MODEL, SIGNAL_TOOLS, provider="cpu")
    identity = ModelIdentity("waves-unet", "in training", "")
    answer = partial(network_answers, network)
    reader = WaveReader(answer, identity, THRESHOLDS, BEAT_TOOLS)
    return SignalPath(classifier, wave_reader=reader)


@torch.no_grad()
def network_answers(network: WaveNetwork, groups: Sequence[BeatGroup]) -> list[WaveAnswers]:
    """Ask a network that is not exported."""
    if not groups:
        return []
    windows, context = (torch.from_numpy(x) for x in network_inputs(groups))
    points, presence, limits = network(windows, context)
    return wave_answers(points.numpy(), presence.numpy(), limits.numpy())
