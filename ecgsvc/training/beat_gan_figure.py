"""How real generated beats look: a picture, and how well a classifier tells them apart."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict

from ecgsvc.domain.beats import BEAT_CLASSES
from ecgsvc.inference.beat_features import MODEL_RATE_HZ, SAMPLES_BEFORE_R, WINDOW_SAMPLES
from ecgsvc.training.beat_gan import RARE, Generator, RareBeats, generate

Beats = NDArray[np.float32]

N_COMPARED = 800
"""Real beats of each class, and as many generated ones beside the same dominant beats."""

_N_DRAWN = 5  # generated beats drawn one by one
_PANEL = (330, 150)  # width and height, pixels
_MARGIN = (60, 40)
_RANGE = (-1.2, 1.8)  # of a dominant QRS complex, bottom and top of a panel


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Real and generated beats of a class, each (n, 2, 100), beside the same dominants."""

    kind: int
    real: Beats
    generated: Beats

    @property
    def name(self) -> str:
        """S, V or F."""
        return str(BEAT_CLASSES[self.kind].value)


def compare_generated(generator: Generator, real: RareBeats, seed: int) -> list[Pair]:
    """Draw real beats of each class and generate as many beside their dominant beats."""
    rng = np.random.default_rng(seed)
    pairs = []
    for kind in RARE:
        odds = np.where(real.kinds == kind, real.odds, 0.0)
        at = rng.choice(len(odds), N_COMPARED, p=odds / odds.sum())
        made = generate(generator, real.kinds[at], real.dominant[at], rng)
        pairs.append(Pair(kind, real.beats[at], made))
    return pairs


def told_apart(pair: Pair) -> float:
    """Area under the ROC of boosted trees that look for generated beats, 5-fold.

    0.5: they cannot be told apart; 1: always. The trees see the samples of both leads.
    """
    beats = np.concatenate([pair.real, pair.generated]).reshape(2 * len(pair.real), -1)
    is_generated = np.arange(len(beats)) >= len(pair.real)
    trees = HistGradientBoostingClassifier(max_iter=60, random_state=0)
    scores = cross_val_predict(trees, beats, is_generated, cv=5, method="predict_proba")
    return float(roc_auc_score(is_generated, scores[:, 1]))


def gan_figure(pairs: list[Pair]) -> str:
    """Draw an SVG: mean ± SD of real and generated beats, and single generated ones.

    Real beats are not drawn one by one: those would be pieces of recordings.
    """
    width = 3 * _MARGIN[0] + 2 * _PANEL[0]
    height = (len(pairs) + 1) * _MARGIN[1] + len(pairs) * _PANEL[1]
    about = "Real and generated beats of classes S, V and F, first lead: mean and spread"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'font-family="system-ui, sans-serif" font-size="13" role="img" '
        f'aria-label="{about}">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for row, pair in enumerate(pairs):
        parts += _panel(0, row, f"{pair.name}, real: mean ± SD", pair.real, 0)
        title = f"{pair.name}, generated: mean ± SD and {_N_DRAWN} beats"
        parts += _panel(1, row, title, pair.generated, _N_DRAWN)
    return "\n".join([*parts, "</svg>", ""])


def _panel(column: int, row: int, title: str, beats: Beats, n_drawn: int) -> Iterator[str]:
    left = _MARGIN[0] + column * (_MARGIN[0] + _PANEL[0])
    top = _MARGIN[1] + row * (_MARGIN[1] + _PANEL[1])
    first = beats[:, 0]
    mean, spread = first.mean(axis=0), first.std(axis=0)
    yield f'<g transform="translate({left} {top})" fill="none">'
    yield f'<text x="0" y="-8" fill="#0f172a">{title}</text>'
    yield f'<rect width="{_PANEL[0]}" height="{_PANEL[1]}" stroke="#94a3b8"/>'
    for ms in (-400, -200, 0, 200, 400):
        x = _x(SAMPLES_BEFORE_R + ms * MODEL_RATE_HZ / 1000)
        yield f'<path d="M{x:.1f} 0V{_PANEL[1]}" stroke="#e2e8f0"/>'
        label = f"{ms} ms" if ms == 400 else str(ms)
        yield (
            f'<text x="{x:.1f}" y="{_PANEL[1] + 14}" font-size="10" fill="#475569" '
            f'text-anchor="middle">{label}</text>'
        )
    band = np.concatenate([mean + spread, (mean - spread)[::-1]])
    at = np.concatenate([np.arange(WINDOW_SAMPLES), np.arange(WINDOW_SAMPLES)[::-1]])
    yield f'<path d="{_line(at, band)}Z" fill="#bfdbfe"/>'
    for beat in first[:n_drawn]:
        line = _line(np.arange(WINDOW_SAMPLES), beat)
        yield f'<path d="{line}" stroke="#64748b" stroke-width="0.8"/>'
    line = _line(np.arange(WINDOW_SAMPLES), mean)
    yield f'<path d="{line}" stroke="#1d4ed8" stroke-width="2"/>'
    yield "</g>"


def _x(sample: float) -> float:
    return sample / WINDOW_SAMPLES * _PANEL[0]


def _line(samples: NDArray[np.int64], values: NDArray[np.floating]) -> str:
    low, high = _RANGE
    y = (high - np.clip(values, low, high)) / (high - low) * _PANEL[1]
    points = (f"{_x(at):.1f} {value:.1f}" for at, value in zip(samples, y, strict=True))
    return "M" + "L".join(points)
