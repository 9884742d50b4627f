"""`ecgsvc train intervals`: from LUDB, PTB-XL and simulation to the folder that ships."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import Progress

from ecgsvc.config import BEAT_MODEL, MODELS_DIR, WAVE_MODEL
from ecgsvc.domain.model_identity import ModelIdentity
from ecgsvc.evaluation.figures import Figures, Row
from ecgsvc.evaluation.interval_check import (
    CheckedInterval,
    check_figures,
    check_intervals,
    regression_row,
)
from ecgsvc.inference import BeatClassifier, WaveReader
from ecgsvc.inference.interval_inputs import (
    INTERVAL_FEATURES,
    LAGS_S,
    TARGETS,
    IntervalInputs,
)
from ecgsvc.inference.intervals import BOUNDS, OUTPUTS, IntervalEstimator, scale_name
from ecgsvc.inference.wave_groups import WINDOW_SAMPLES
from ecgsvc.signal_path import SignalPath
from ecgsvc.training.cards import write_card
from ecgsvc.training.datasets import BEAT_TOOLS, SIGNAL_TOOLS
from ecgsvc.training.interval_card import interval_card
from ecgsvc.training.interval_data import (
    MeasuredBeat,
    annotated_beats,
    delineated_beats,
    simulated_beats,
)
from ecgsvc.training.interval_fit import (
    IntervalPlan,
    fit_intervals,
    interval_answers,
    shown_in_epoch,
)
from ecgsvc.training.interval_networks import IntervalNetwork, interval_network
from ecgsvc.training.waves_dataset import folds_of
from ecgsvc.training.window_export import export_module

INTERVALS_VERSION = "1.2.0"
INTERVALS_EPOCHS = 40
N_FOLDS = 5
_N_SIMULATED, _N_SIMULATED_TEST = 500, 200
_SIMULATED_SEEDS = (1000, 90_000)
_KEPT_SCALES = 0.95  # quantile of the scales of held-out recordings that still counts
_DIGITS = dict.fromkeys(("r_mv", "t_mv"), 3)
_PARITY = 0.05  # ms, bpm: of values some hundreds large


@dataclass(frozen=True, slots=True, eq=False)
class TrainedIntervals:
    """The folder written, the card in it, and the tables of held-out recordings."""

    folder: Path
    card: Mapping[str, Any]
    tables: tuple[Figures, ...]


@dataclass(frozen=True, slots=True, eq=False)
class IntervalData:
    """All mean beats, by what they are used for."""

    annotated: Sequence[MeasuredBeat]
    delineated: Sequence[MeasuredBeat]
    simulated: Sequence[MeasuredBeat]
    delineated_test: Sequence[MeasuredBeat]
    simulated_test: Sequence[MeasuredBeat]

    def training(self, without: Sequence[str]) -> list[MeasuredBeat]:
        """What a network is fitted to that must not see some records of LUDB."""
        kept = [beat for beat in self.annotated if beat.record not in without]
        return [*kept, *self.delineated, *self.simulated]


def read_interval_data(data_dir: Path) -> IntervalData:
    """Prepare LUDB (``ludb``), PTB-XL (``ptbxl``) and simulated ECGs."""
    delineated = list(delineated_beats(data_dir / "ptbxl"))
    first, other = _SIMULATED_SEEDS
    return IntervalData(
        list(annotated_beats(data_dir / "ludb")),
        [beat for beat in delineated if beat.split == "train"],
        list(simulated_beats(_N_SIMULATED, first)),
        [beat for beat in delineated if beat.split == "test"],
        list(simulated_beats(_N_SIMULATED_TEST, other)),
    )


def train_intervals(
    data_dir: Path,
    output_dir: Path,
    *,
    model: str = "aicrn",
    seed: int = 0,
    epochs: int = INTERVALS_EPOCHS,
    folds: int = N_FOLDS,
    threads: int = 1,
    resume: bool = False,
    progress: Progress | None = None,
) -> TrainedIntervals:
    """Cross-validate over the patients of LUDB, fit on all of them, export.

    Checkpoints (``.pt``) and curves (``.json``) go to ``output_dir/checkpoints``, the model
    to ``output_dir/intervals-MODEL-VERSION``.

    Parameters
    ----------
    data_dir
        Holds the folders ``ludb`` and ``ptbxl``.
    output_dir
        Made when it is not there.
    model
        Name of `TRUNKS`; others than ``aicrn`` are baselines.
    seed, epochs
        The same seed, epochs, threads, processor and versions make the same weights.
    folds
        How many of the five folds to leave out in turn.
    threads
        Of PyTorch.
    resume
        Take the networks that are already fitted from the checkpoints in `output_dir`.
    progress
        Where to show how far it is.

    Raises
    ------
    KeyError
        There is no such model.
    ValueError
        A checkpoint is of another run.
    UnreadableRecording
        Records are missing in `data_dir`.
    """
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    # Filling takes a tenth of the time; torch's stub does not know the module's property.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    folder = output_dir / f"intervals-{model}-{INTERVALS_VERSION}"
    checkpoints = output_dir / "checkpoints"
    for made in (folder, checkpoints):
        made.mkdir(parents=True, exist_ok=True)
    shown = progress or Progress(disable=True)

    def fitted(name: str, beats: Sequence[MeasuredBeat]) -> IntervalNetwork:
        torch.manual_seed(seed)
        task = shown.add_task(f"training {model}, {name}", total=epochs)
        plan = IntervalPlan(
            epochs, seed, checkpoints / f"intervals-{model}-{name}.pt", resume
        )
        return fit_intervals(
            interval_network(model), beats, plan, lambda n: shown.update(task, completed=n)
        )

    shown.add_task("preparing LUDB, PTB-XL and simulated ECGs", total=None)
    data = read_interval_data(data_dir)
    parts = folds_of([beat.record for beat in data.annotated], N_FOLDS)[:folds]
    networks = [
        fitted(f"fold-{number}", data.training(part))
        for number, part in enumerate(parts, start=1)
    ]
    held_out = [
        (network, [beat for beat in data.annotated if beat.record in part])
        for network, part in zip(networks, parts, strict=True)
    ]
    most_scale = _most_scales(held_out)
    checked = [
        check_intervals(
            data_dir / "ludb",
            checking_path(network, most_scale, wave_model=wave_model).analyse,
            records=part,
        )
        for wave_model in (True, False)
        for network, part in zip(networks, parts, strict=True)
    ]
    tables = (
        _regression(held_out, data, networks[0]),
        *_checks(checked),
    )
    final = fitted("final", data.training(()))
    sha256 = export_module(final, folder, random_interval_inputs, OUTPUTS, most=_PARITY)
    card = interval_card(
        name=f"intervals-{model}",
        version=INTERVALS_VERSION,
        sha256=sha256,
        thresholds={scale_name(n): round(s, 3) for n, s in most_scale.items()},
        training={
            "seed": seed, "epochs": epochs, "threads": threads, "folds": parts,
            "shown_in_an_epoch": shown_in_epoch(data.training(())),
        },
        tables=tables,
    )  # fmt: skip
    write_card(folder, card)
    return TrainedIntervals(folder, card, tables)


def checking_path(
    network: IntervalNetwork, most_scale: Mapping[str, float], *, wave_model: bool
) -> SignalPath:
    """Put a network that is not exported into the serving path."""
    classifier = BeatClassifier.load(MODELS_DIR / BEAT_MODEL, SIGNAL_TOOLS, provider="cpu")
    reader = WaveReader.load(MODELS_DIR / WAVE_MODEL, BEAT_TOOLS, provider="cpu")
    estimator = IntervalEstimator(
        partial(network_estimate, network),
        ModelIdentity("intervals", "in training", ""),
        most_scale,
        SIGNAL_TOOLS,
        BEAT_TOOLS,
    )
    return SignalPath(
        classifier,
        wave_reader=reader if wave_model else None,
        interval_estimator=estimator,
    )


@torch.no_grad()
def network_estimate(
    network: IntervalNetwork, inputs: IntervalInputs
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Ask a network that is not exported."""
    beat, repeated, features = (
        torch.from_numpy(x[np.newaxis])
        for x in (inputs.beat, inputs.repetition, inputs.features)
    )
    values, scales = network(beat, repeated, features)
    return values[0].numpy().astype(np.float64), scales[0].numpy().astype(np.float64)


def random_interval_inputs(n: int) -> dict[str, torch.Tensor]:
    """Inputs for a parity check."""
    rng = torch.Generator().manual_seed(n)
    return {
        "beat": torch.randn(n, 12, WINDOW_SAMPLES, generator=rng),
        "repetition": torch.rand(n, 2, len(LAGS_S), generator=rng),
        "features": 40 + 100 * torch.rand(n, len(INTERVAL_FEATURES), generator=rng),
    }


def _most_scales(
    held_out: Sequence[tuple[IntervalNetwork, list[MeasuredBeat]]],
) -> dict[str, float]:
    scales = np.concatenate([interval_answers(n, beats)[1] for n, beats in held_out])
    limits = np.quantile(scales, _KEPT_SCALES, axis=0).tolist()
    return {
        name: limit for name, limit in zip(TARGETS, limits, strict=True) if name in BOUNDS
    }


def _regression(
    held_out: Sequence[tuple[IntervalNetwork, list[MeasuredBeat]]],
    data: IntervalData,
    network: IntervalNetwork,
) -> Figures:
    """Errors on what no network, or this one, has seen."""
    annotated = [beat for _, beats in held_out for beat in beats]
    answers = np.concatenate([interval_answers(n, beats)[0] for n, beats in held_out])
    normal = np.array([beat.normal is True for beat in annotated])
    delineated = data.delineated_test
    sets = (
        ("LUDB, annotated", annotated, answers, np.ones(len(annotated), dtype=bool)),
        ("LUDB, normal", annotated, answers, normal),
        ("LUDB, abnormal", annotated, answers, ~normal),
        *(
            (name, beats, interval_answers(network, beats)[0], np.array(kept))
            for name, beats, kept in (
                ("PTB-XL, delineated", delineated, [True] * len(delineated)),
                (
                    "PTB-XL, normal, delineated", delineated,
                    [beat.normal is True for beat in delineated],
                ),
                (
                    "PTB-XL, abnormal, delineated", delineated,
                    [beat.normal is False for beat in delineated],
                ),
                ("simulated", data.simulated_test, [True] * len(data.simulated_test)),
            )
        ),
    )  # fmt: skip
    rows: list[Row] = []
    for name, beats, values, kept in sets:
        reference = np.stack([beat.reference for beat in beats])
        for column, target in enumerate(TARGETS):
            figures = regression_row(
                reference[kept, column], values[kept, column], _DIGITS.get(target, 1)
            )
            rows.append({"Recordings": name, "Value": target, **figures})
    return Figures("Estimates of the network", tuple(rows))


def _checks(checked: Sequence[tuple[CheckedInterval, ...]]) -> tuple[Figures, Figures]:
    half = len(checked) // 2
    with_model = [each for part in checked[:half] for each in part]
    core_only = [each for part in checked[half:] for each in part]
    return (
        check_figures(
            with_model, "Delineation with the wave model, which has seen these records"
        ),
        check_figures(core_only, "Delineation of the signal core alone"),
    )
