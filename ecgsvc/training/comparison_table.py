"""The comparison of beat networks as a person reads it."""

from collections.abc import Callable, Sequence

import numpy as np
from rich.table import Table

from ecgsvc.evaluation.confusion import BeatFigures, Counts, beat_figures
from ecgsvc.training.comparison import Cell, CellResult, top2_weighted
from ecgsvc.training.comparison_splits import Split

_FIGURES: dict[str, Callable[[BeatFigures], float]] = {
    "Accuracy %": lambda f: float(f.accuracy),
    "Macro Se %": lambda f: float(np.nan_to_num(f.sensitivity[:4]).mean()),
    "Macro +P %": lambda f: float(np.nan_to_num(f.positive_predictivity[:4]).mean()),
    "Macro F1 %": lambda f: float(np.nan_to_num(f.f1[:4]).mean()),
    "S F1 %": lambda f: float(f.f1[1]),
    "V F1 %": lambda f: float(f.f1[2]),
    "F F1 %": lambda f: float(f.f1[3]),
}
_TITLES: dict[Split, str] = {
    "random": "random beats: inflated",
    "inter-patient": "DS1 / DS2: other patients",
}


def comparison_table(results: Sequence[CellResult]) -> Table:
    """One row a network, loss, augmentation and split: mean ± SD over the seeds made.

    Under each split the Top2-Weighted ensemble, of networks of one seed, mean over seeds.
    """
    table = Table(title="Beat networks, N S V F of MIT-BIH")
    for heading in ("Split", "Network", "Loss", "Augmentation"):
        table.add_column(heading)
    for heading in ("Seeds", "Epochs", "Validation macro F1 %", *_FIGURES):
        table.add_column(heading, justify="right")
    for split in dict.fromkeys(result.cell.split for result in results):
        of_split = [result for result in results if result.cell.split == split]
        for row in dict.fromkeys(_row(result.cell) for result in of_split):
            alike = [result for result in of_split if _row(result.cell) == row]
            epochs = f"{np.mean([result.epochs for result in alike]):.0f}"
            held_out = _spread([100 * result.validation_macro_f1 for result in alike])
            cells = _cells([result.confusion for result in alike])
            table.add_row(_TITLES[split], *row, str(len(alike)), epochs, held_out, *cells)
        ensembles = [
            top2_weighted(of_seed)
            for seed in dict.fromkeys(result.cell.seed for result in of_split)
            if len(of_seed := [r for r in of_split if r.cell.seed == seed]) > 1
        ]
        if ensembles:
            cells = _cells(ensembles)
            about = ("Top2-Weighted", "", "", str(len(ensembles)), "", "")
            table.add_row(_TITLES[split], *about, *cells)
    return table


def _row(cell: Cell) -> tuple[str, str, str]:
    return cell.model, cell.loss, cell.augmentation


def _cells(confusions: Sequence[Counts]) -> list[str]:
    """Every figure over the confusion matrices."""
    figures = [beat_figures(confusion) for confusion in confusions]
    return [_spread([100 * of(f) for f in figures]) for of in _FIGURES.values()]


def _spread(values: Sequence[float]) -> str:
    """Mean, with SD where there are several."""
    spread = f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
    return f"{np.mean(values):.2f}{spread}"
