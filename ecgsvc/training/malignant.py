"""`ecgsvc train malignant`: from four databases to the folder that ships."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import Progress

from ecgsvc.evaluation import malignant_tables, to_markdown
from ecgsvc.evaluation.malignant import MalignantResults
from ecgsvc.evaluation.references import DS1
from ecgsvc.inference.malignant_decision import over_leads
from ecgsvc.inference.malignant_features import RATE_HZ, WINDOW_SAMPLES
from ecgsvc.inference.malignant_inputs import MalignantInputs
from ecgsvc.training.cards import write_card
from ecgsvc.training.malignant_card import NAME, VERSION, Figures, malignant_card
from ecgsvc.training.malignant_decision import (
    HeldOutRecord,
    Operation,
    choose_operation,
    score,
)
from ecgsvc.training.malignant_network import malignant_network
from ecgsvc.training.malignant_windows import (
    CINC,
    MITDB,
    SVDB,
    VFDB,
    RecordWindows,
    draw_balanced,
    read_record_windows,
    record_paths,
    training_windows,
)
from ecgsvc.training.train import TrainedModel
from ecgsvc.training.window_augment import Augmentation
from ecgsvc.training.window_export import export_window_network
from ecgsvc.training.window_fit import (
    WindowFitPlan,
    WindowSet,
    fit_windows,
    window_outputs,
)
from ecgsvc.training.window_networks import WindowNetwork

EPOCHS = 6
WINDOWS_PER_EPOCH = 8000

FOLDS: tuple[tuple[str, ...], ...] = (
    ("418", "424", "611", "610"),
    ("426", "427", "615", "428"),
    ("430", "614", "605", "607"),
    ("422", "609", "423", "602", "425"),
    ("419", "429", "612", "421", "420"),
)
"""vfdb in five parts, VF and VT spread over all; other records go by their number."""

_AUGMENTATION = Augmentation(
    sampling_rate_hz=RATE_HZ, gain=1.3, wander=0.3, hum=0.0, muscle=0.3,
    hidden_features=0.15,
)  # fmt: skip


def train_malignant(
    data_dir: Path,
    output_dir: Path,
    *,
    seed: int = 0,
    epochs: int = EPOCHS,
    threads: int = 1,
    resume: bool = False,
    progress: Progress | None = None,
) -> TrainedModel:
    """Cross-validate, choose the operating point, fit on everything, export.

    Figures are of the folds: each record is judged by a network, a temperature and a
    threshold that it had no part in. The records of MIT-BIH outside DS1 train nothing.

    Parameters
    ----------
    data_dir
        Holds the folders ``vfdb``, ``mitdb``, ``svdb`` and ``cinc2017``.
    output_dir
        Made when it is not there; gets the model, ``checkpoints``, and the figures as
        ``malignant-tables.md``.
    seed, epochs
        The same seed, epochs, threads, versions and kind of processor make the same
        weights.
    threads
        Of PyTorch.
    resume
        Go on from the checkpoints in `output_dir`.
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
    folder, checkpoints = output_dir / f"{NAME}-{VERSION}", output_dir / "checkpoints"
    for made in (folder, checkpoints):
        made.mkdir(parents=True, exist_ok=True)
    shown = progress or Progress(disable=True)

    def fitted(records: Sequence[RecordWindows], name: str) -> WindowNetwork:
        plan = WindowFitPlan(
            epochs, seed, checkpoints / f"{name}.pt", _AUGMENTATION,
            label_smoothing=0.02, ema_decay=0.995, half_precision=True, resume=resume,
        )  # fmt: skip
        return _fit(records, plan, shown)

    learned, unseen = _read(data_dir, shown)
    folds = np.array([fold_of(record) for record in learned])
    held_out: list[HeldOutRecord] = []
    for fold in range(len(FOLDS)):
        kept = [r for r, f in zip(learned, folds, strict=True) if f != fold]
        network = fitted(kept, f"malignant-fold-{fold + 1}")
        away = [r for r, f in zip(learned, folds, strict=True) if f == fold]
        held_out += judged(network, (r for r in away if r.database != CINC))
    network = fitted(learned, "malignant-final")
    operation = choose_operation(held_out)
    figures = Figures(
        cross_validated=_nested(held_out, (VFDB,)),
        quiet_databases=_nested(held_out, (MITDB, SVDB)),
        unseen=_scored(judged(network, unseen), operation),
    )
    sha256 = export_window_network(network, folder, WINDOW_SAMPLES)
    card = malignant_card(
        sha256,
        operation,
        figures,
        {"seed": seed, "epochs": epochs, "threads": threads},
    )
    write_card(folder, card)
    _write_tables(output_dir / "malignant-tables.md", figures)
    return TrainedModel(folder, card)


def fold_of(record: RecordWindows) -> int:
    """Which fold judges a record."""
    for fold, names in enumerate(FOLDS):
        if record.database == VFDB and record.name in names:
            return fold
    return int("".join(filter(str.isdigit, record.name))) % len(FOLDS)


def judged(
    network: WindowNetwork, records: Iterable[RecordWindows]
) -> Iterator[HeldOutRecord]:
    """Logits of the windows of each record, over its leads."""
    for record in records:
        logits = np.stack([_logits(network, lead) for lead in record.leads])
        readable = np.stack([lead.readable for lead in record.leads])
        yield HeldOutRecord(record, over_leads(logits, readable))


def _logits(network: WindowNetwork, inputs: MalignantInputs) -> NDArray[np.float32]:
    n = len(inputs.windows)
    unlabelled = WindowSet(
        inputs.windows[:, 0],
        inputs.features,
        np.zeros(n, np.int64),
        np.ones(n, np.float32),
    )
    return window_outputs(network, unlabelled, batch_size=256)[0]


def _read(
    data_dir: Path, shown: Progress
) -> tuple[list[RecordWindows], list[RecordWindows]]:
    """Records to learn from, and those of MIT-BIH that nothing learns from."""
    paths = [
        (path, database)
        for database in (VFDB, MITDB, SVDB, CINC)
        for path in record_paths(data_dir, database)
    ]
    task = shown.add_task("preparing", total=len(paths))
    learned: list[RecordWindows] = []
    unseen: list[RecordWindows] = []
    for path, database in paths:
        record = read_record_windows(path, database)
        away = database == MITDB and record.name not in DS1
        (unseen if away else learned).append(record)
        shown.advance(task)
    return learned, unseen


def _fit(
    records: Sequence[RecordWindows], plan: WindowFitPlan, shown: Progress
) -> WindowNetwork:
    training = training_windows(records)
    torch.manual_seed(plan.seed)
    task = shown.add_task(plan.checkpoint.stem, total=plan.epochs)
    return fit_windows(
        malignant_network(),
        training.windows,
        plan,
        draw=draw_balanced(training, WINDOWS_PER_EPOCH),
        on_epoch=lambda done: shown.update(task, completed=done),
    )


def _nested(
    held_out: Sequence[HeldOutRecord], databases: tuple[str, ...]
) -> MalignantResults:
    """Score each fold at the operating point the other folds choose."""
    scored = []
    for fold in range(len(FOLDS)):
        others = [h for h in held_out if fold_of(h.record) != fold]
        operation = choose_operation(others)
        scored += [
            score(h, operation)
            for h in held_out
            if fold_of(h.record) == fold and h.record.database in databases
        ]
    return MalignantResults(tuple(sorted(scored, key=lambda s: s.record)))


def _write_tables(path: Path, figures: Figures) -> None:
    parts = []
    for heading, results in figures.by_protocol().items():
        tables = malignant_tables(results)
        parts += [f"# {heading}", *map(to_markdown, tables)]
    path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _scored(held_out: Iterable[HeldOutRecord], operation: Operation) -> MalignantResults:
    return MalignantResults(tuple(score(h, operation) for h in held_out))
