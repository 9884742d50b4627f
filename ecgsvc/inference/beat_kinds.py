"""Kinds of beats on one lead: which beats of a record look alike, and what they share.

One ventricular focus makes one shape, over and over: a beat is judged better with all
beats of its shape than alone. Beats are grouped by their QRS complexes, the record's
dominant shape first, and every beat is told what its kind has in common: how many they
are, how early they come, how long the pause after them, how wide and how unlike the
dominant beat they are.
Grouping a record's beats before classifying them follows Llamedo & Martínez 2012, doi
10.1109/TBME.2012.2202662.
"""

import numpy as np
from numpy.typing import NDArray

from ecgsvc.inference.averages import mean
from ecgsvc.inference.beat_rhythm import Seconds, around
from ecgsvc.inference.beat_shapes import QRS, Beats, correlation, qrs_width
from ecgsvc.inference.order_statistics import median

KIND_FEATURES: tuple[str, ...] = (
    "kind_share", "kind_rr_before", "kind_rr_after", "kind_width_to_dominant",
    "kind_correlation", "kind_likeness", "kind_p_correlation", "kind_size",
)  # fmt: skip

_ALIKE = 0.9
_MOST_KINDS = 8  # of a lead
_MOST_JOINT_KINDS = 15  # of all leads together; a beat in none of them is one of its own
_SEEDS = 150  # beats among which the centre of the next kind is sought
_LEAST_SHARE = 1e-4


def kind_features(
    beats: Beats,
    dominant: NDArray[np.float32],
    rr_s: Seconds,
    qrs_correlation: NDArray[np.float64],
    p_correlation: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Columns as `KIND_FEATURES`, shape (n_beats, 8).

    Parameters
    ----------
    beats
        Shape (n_beats, 200), at least one.
    dominant
        Shape (200,), the record's own beat.
    rr_s
        Shape (n_beats + 1,), RR intervals before each beat and after the last.
    qrs_correlation, p_correlation
        Shape (n_beats,), likeness of each QRS complex and P window to the dominant one.
    """
    kind, likeness, templates = _kinds(beats, dominant, qrs_correlation)
    count = np.bincount(kind, minlength=len(templates)).astype(np.float64)

    def shared(values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean over the beats of each beat's kind."""
        return (np.bincount(kind, values, len(templates)) / np.maximum(count, 1))[kind]

    local = around(rr_s[:-1], 33, "median")
    to_dominant = correlation(templates, dominant, QRS)
    width = np.log(qrs_width(templates) / qrs_width(dominant[np.newaxis]))
    size = np.ptp(templates[:, QRS], axis=1) / max(float(np.ptp(dominant[QRS])), 1e-3)
    columns = (
        np.log(np.maximum(count / len(beats), _LEAST_SHARE))[kind],
        shared(np.log(rr_s[:-1] / local)),
        shared(np.log(rr_s[1:] / local)),
        width[kind],
        to_dominant[kind],
        likeness,
        shared(p_correlation),
        np.log(np.clip(size, 0.05, 20))[kind],
    )
    return np.array(columns).T


def joint_kinds(qrs: NDArray[np.float32]) -> NDArray[np.int64]:
    """Which beats have one QRS complex on all leads together, shape (n_beats,).

    Beats of equal numbers are alike; a beat that is like too few others has a number of its
    own.

    Parameters
    ----------
    qrs
        Shape (n_beats, n_leads, n_samples), each lead on its own scale.
    """
    unit = _unit(qrs)
    kind = np.full(len(unit), -1, dtype=np.int64)
    left = np.arange(len(unit))
    n_kinds = 0
    while len(left) and n_kinds < _MOST_JOINT_KINDS:
        some = unit[left[:: -(-len(left) // _SEEDS)]]
        centre = mean(some[_most_alike(some)], axis=0)
        likeness = unit[left] @ (centre / max(float(np.linalg.norm(centre)), 1e-6))
        taken = likeness >= min(_ALIKE, likeness.max())
        kind[left[taken]] = n_kinds
        left = left[~taken]
        n_kinds += 1
    kind[left] = n_kinds + np.arange(len(left))
    return kind


def _unit(qrs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Every beat's leads without their means, joined and of length one."""
    centred = qrs - mean(qrs, axis=-1, keepdims=True)
    joined = centred.reshape(len(qrs), qrs.shape[1] * qrs.shape[2])
    length = np.linalg.norm(joined, axis=1, keepdims=True)
    unit: NDArray[np.float32] = joined / np.maximum(length, 1e-6)
    return unit


def _kinds(
    beats: Beats, dominant: NDArray[np.float32], alike: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64], Beats]:
    """Each beat's kind, its likeness to it, and the mean beat of every kind.

    `alike` is the beats' likeness to the dominant one. The last kind are all beats that are
    like too few others to make one.
    """
    kind = np.full(len(beats), -1, dtype=np.int64)
    likeness = np.zeros(len(beats))
    templates: list[NDArray[np.float32]] = []
    template = dominant
    left = np.arange(len(beats))
    while len(left) and len(templates) < _MOST_KINDS:
        if templates:
            template = _centre(beats[left])
            alike = correlation(beats[left], template, QRS)
        taken = alike >= _ALIKE
        if not taken.any():
            taken = alike >= alike.max()
        kind[left[taken]] = len(templates)
        likeness[left[taken]] = alike[taken]
        templates.append(template)
        left = left[~taken]
    if len(left):
        template = median(beats[left], axis=0)
        kind[left], likeness[left] = len(templates), correlation(beats[left], template, QRS)
        templates.append(template)
    return kind, likeness, np.stack(templates)


def _centre(beats: Beats) -> NDArray[np.float32]:
    """Median of the beats around the one that most are like."""
    some = beats[:: -(-len(beats) // _SEEDS)]
    unit = _unit(some[:, np.newaxis, QRS])
    centre: NDArray[np.float32] = median(some[_most_alike(unit)], axis=0)
    return centre


def _most_alike(unit: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The beat that most others are like, and those."""
    alike = unit @ unit.T >= _ALIKE
    np.fill_diagonal(alike, val=True)  # also a beat without any signal
    among: NDArray[np.bool_] = alike[alike.sum(axis=1).argmax()]
    return among
