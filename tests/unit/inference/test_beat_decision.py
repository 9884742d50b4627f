"""From logits to probabilities: offsets, temperature, and no S in an irregular rhythm."""

import numpy as np
import pytest

from ecgsvc.inference.beat_decision import (
    MIN_SUSTAINED_BEATS,
    beat_probabilities,
    share_ventricular,
)
from ecgsvc.inference.beat_rhythm import RHYTHM_FEATURES

N, S, V = 0, 1, 2


def probabilities(n_beats, irregularity=0.0, favourite=S, **options):
    logits = np.zeros((n_beats, 5), np.float32)
    logits[:, favourite] = 2
    rhythm = np.zeros((n_beats, len(RHYTHM_FEATURES)), np.float32)
    rhythm[:, RHYTHM_FEATURES.index("rr_irregularity_32")] = irregularity
    settings = {"temperature": 1.0, "logit_offsets": [0.0] * 5, "max_irregularity": 0.12}
    settings |= {"kind_weight": 0.0}
    return beat_probabilities(logits, rhythm, np.arange(n_beats), **settings | options)


def test_probabilities_sum_to_one():
    np.testing.assert_allclose(probabilities(3).sum(axis=1), 1, rtol=1e-6)


def test_no_beat_of_a_sustained_irregular_rhythm_is_s():
    got = probabilities(MIN_SUSTAINED_BEATS, irregularity=0.2)
    assert not got[:, S].any()
    assert (got.argmax(axis=1) == N).all()
    np.testing.assert_allclose(got.sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize(("n_beats", "irregularity"), [(7, 0.2), (8, 0.1), (100, 0.1)])
def test_short_or_regular_rhythms_may_hold_s(n_beats, irregularity):
    assert (probabilities(n_beats, irregularity).argmax(axis=1) == S).all()


def test_the_rule_touches_no_other_class():
    irregular = probabilities(50, irregularity=0.3, favourite=V)
    assert (irregular.argmax(axis=1) == V).all()


def test_offsets_and_temperature_move_the_answer():
    assert probabilities(1, logit_offsets=[3.0, 0, 0, 0, 0])[0].argmax() == N
    assert probabilities(1, temperature=10.0)[0, S] < probabilities(1)[0, S]


def test_huge_logits_do_not_overflow():
    got = probabilities(2, logit_offsets=[0.0, 1e4, 0.0, 0.0, 0.0])
    np.testing.assert_allclose(got[:, S], 1)


def test_beats_of_one_shape_are_ventricular_together():
    logits = np.array([[0, 0, 3], [0, 0, 3], [1, 0, 0], [5, 0, 0], [0, 4, 3]], np.float32)
    logits = np.pad(logits, ((0, 0), (0, 2)), constant_values=-9)
    kinds = np.array([7, 7, 7, 2, 2])
    alone = share_ventricular(logits, kinds, 0.0)
    np.testing.assert_array_equal(alone, logits)
    shared = share_ventricular(logits, kinds, 0.9)
    assert shared.argmax(axis=1).tolist() == [V, V, V, N, S]
    np.testing.assert_array_equal(
        np.delete(shared, V, axis=1), np.delete(logits, V, axis=1)
    )
