"""Properties of the builder that training and service share."""

import numpy as np
import pytest

from ecgsvc import dsp
from ecgsvc.inference.beat_features import (
    LEAD_FEATURES,
    SAMPLES_BEFORE_R,
    WINDOW_SAMPLES,
    SignalTools,
)
from ecgsvc.inference.beat_features import build_beat_inputs as build_of_leads
from ecgsvc.inference.beat_rhythm import RHYTHM_FEATURES, rhythm_features, rr_intervals

TOOLS = SignalTools(band_pass=dsp.band_pass, resample=dsp.resample)
RATE_HZ = 360.0


def sinus_rhythm(n_beats=20, rate_hz=RATE_HZ, rr_s=0.8, early=(), wide=()):
    """A lead of P, QRS and T bumps, its R peaks; some beats come early or are wide."""
    rr = np.full(n_beats, rr_s)
    for beat in (*early, *wide):
        rr[beat] *= 0.65
    r_s = 1 + np.cumsum(rr)
    t = np.arange(int((r_s[-1] + 1.5) * rate_hz)) / rate_hz
    lead = np.zeros_like(t)
    for i, r in enumerate(r_s):
        if i in wide:
            bumps = [(-1.2, 0, 0.05), (0.5, 0.3, 0.06)]
        else:
            bumps = [
                (0.12, -0.16, 0.025),
                (1.0, 0, 0.012),
                (-0.2, 0.03, 0.01),
                (0.25, 0.28, 0.05),
            ]
        for height, at, width in bumps:
            lead += height * np.exp(-0.5 * ((t - r - at) / width) ** 2)
    return lead, np.rint(r_s * rate_hz).astype(np.int64)


def build_beat_inputs(lead, rate_hz, r_peaks, tools):
    """Inputs of a recording of one lead."""
    return build_of_leads(lead[np.newaxis], rate_hz, r_peaks, tools)


def feature(inputs, name, lead=0):
    if name in RHYTHM_FEATURES:
        return inputs.rhythm[:, RHYTHM_FEATURES.index(name)]
    return inputs.shapes[:, lead, LEAD_FEATURES.index(name)]


def assert_same(a, b, tolerance=1e-3):
    np.testing.assert_allclose(a.windows, b.windows, atol=tolerance)
    np.testing.assert_allclose(a.shapes, b.shapes, atol=tolerance)
    np.testing.assert_allclose(a.rhythm, b.rhythm, atol=tolerance)
    np.testing.assert_array_equal(a.kinds, b.kinds)
    np.testing.assert_array_equal(a.readable, b.readable)


def assert_finite(inputs):
    for part in (inputs.windows, inputs.shapes, inputs.rhythm):
        assert np.isfinite(part).all()


@pytest.mark.parametrize("gain", [0.001, 0.5, 20.0, -1.0, -3.0])
def test_gain_and_polarity_change_nothing(gain):
    lead, r_peaks = sinus_rhythm(early=(7,), wide=(12,))
    base = build_beat_inputs(lead * 1.0, RATE_HZ, r_peaks, TOOLS)
    assert_same(base, build_beat_inputs(lead * gain, RATE_HZ, r_peaks, TOOLS))


def test_an_offset_changes_nothing_away_from_the_ends():
    lead, r_peaks = sinus_rhythm()
    base = build_beat_inputs(lead, RATE_HZ, r_peaks, TOOLS)
    moved = build_beat_inputs(lead + 5.0, RATE_HZ, r_peaks, TOOLS)
    np.testing.assert_allclose(base.windows[3:-3], moved.windows[3:-3], atol=0.02)


def test_beats_before_the_recording_begins_do_not_move_the_others():
    lead, r_peaks = sinus_rhythm(n_beats=40)
    cut = int(9.0 * RATE_HZ)
    late = r_peaks >= cut + RATE_HZ
    whole = build_beat_inputs(lead, RATE_HZ, r_peaks, TOOLS)
    shifted = build_beat_inputs(lead[cut:].copy(), RATE_HZ, r_peaks[late] - cut, TOOLS)
    np.testing.assert_allclose(whole.windows[late][3:-3], shifted.windows[3:-3], atol=0.05)


@pytest.mark.parametrize("rate_hz", [128.0, 250.0, 500.0, 1000.0, 2000.0])
def test_the_sampling_rate_hardly_matters(rate_hz):
    at_360 = build_beat_inputs(*_with_rate(360.0), TOOLS)
    other = build_beat_inputs(*_with_rate(rate_hz), TOOLS)
    tolerance = 0.35 if rate_hz < 200 else 0.2  # an R peak falls between samples
    np.testing.assert_allclose(at_360.windows, other.windows, atol=tolerance)


def _with_rate(rate_hz):
    lead, r_peaks = sinus_rhythm(rate_hz=rate_hz)
    return lead, rate_hz, r_peaks


def test_the_dominant_beat_differs_from_itself_by_nothing():
    lead, r_peaks = sinus_rhythm(wide=(10,))
    inputs = build_beat_inputs(lead, RATE_HZ, r_peaks, TOOLS)
    residual = np.abs(
        inputs.windows[:, 0, 1, SAMPLES_BEFORE_R - 12 : SAMPLES_BEFORE_R + 12]
    )
    assert residual[10].max() > 5 * np.delete(residual.max(axis=1), 10).max()


def test_an_early_beat_shows_in_the_rhythm_a_wide_one_in_the_shape():
    lead, r_peaks = sinus_rhythm(early=(7,), wide=(12,))
    inputs = build_beat_inputs(lead, RATE_HZ, r_peaks, TOOLS)
    assert set(np.argsort(feature(inputs, "rr_before_to_local"))[:2]) == {7, 12}
    assert feature(inputs, "qrs_correlation").argmin() == 12
    assert feature(inputs, "qrs_width_to_dominant").argmax() == 12
    assert feature(inputs, "qrs_correlation")[7] > 0.95


def test_bigeminy_does_not_make_the_ectopic_beat_dominant():
    ectopic = tuple(range(1, 30, 2))
    lead, r_peaks = sinus_rhythm(n_beats=30, wide=ectopic)
    inputs = build_beat_inputs(lead, RATE_HZ, r_peaks, TOOLS)
    correlation = feature(inputs, "qrs_correlation")
    assert correlation[::2].min() > 0.95
    assert correlation[1::2].max() < 0.5


def test_a_sustained_tachycardia_shows_by_how_it_began_and_against_the_longest():
    rr_s = np.concatenate([np.full(40, 0.8), np.full(120, 0.5), [1.1], np.full(40, 0.8)])
    features = rhythm_features(rr_intervals(np.cumsum(rr_s)))
    steps = features[:, RHYTHM_FEATURES.index("pace_step")]
    longest = features[:, RHYTHM_FEATURES.index("rr_before_to_longest")]
    local = features[:, RHYTHM_FEATURES.index("rr_before_to_local")]
    fast = slice(45, 155)
    assert steps[:36] == pytest.approx(0)
    assert steps[fast] == pytest.approx(np.log(0.5 / 0.8))
    assert steps[168:] == pytest.approx(np.log(0.8 / 0.5))
    assert longest[fast] == pytest.approx(np.log(0.5 / 0.8))
    assert local[fast] == pytest.approx(0)


@pytest.mark.parametrize("rate_hz", [0.02, 0.07])
def test_a_rate_that_wanders_is_no_sudden_change_of_pace(rate_hz):
    beats_s = np.cumsum(0.8 + 0.12 * np.sin(2 * np.pi * rate_hz * 0.8 * np.arange(200)))
    features = rhythm_features(rr_intervals(beats_s))
    assert not features[:, RHYTHM_FEATURES.index("pace_step")].any()


@pytest.mark.parametrize("n_beats", [0, 1, 2, 3])
def test_few_beats_give_finite_inputs(n_beats):
    lead, r_peaks = sinus_rhythm()
    inputs = build_beat_inputs(lead, RATE_HZ, r_peaks[:n_beats], TOOLS)
    assert inputs.windows.shape == (n_beats, 1, 2, WINDOW_SAMPLES)
    assert inputs.shapes.shape == (n_beats, 1, len(LEAD_FEATURES))
    assert inputs.rhythm.shape == (n_beats, len(RHYTHM_FEATURES))
    assert_finite(inputs)
    assert inputs.readable.all()


def test_a_gap_makes_its_beats_unreadable_and_leaves_the_others_alone():
    lead, r_peaks = sinus_rhythm()
    gap = lead.copy()
    gap[r_peaks[9] - 150 : r_peaks[10] + 150] = np.nan
    whole = build_beat_inputs(lead, RATE_HZ, r_peaks, TOOLS)
    inputs = build_beat_inputs(gap, RATE_HZ, r_peaks, TOOLS)
    assert np.flatnonzero(~inputs.readable).tolist() == [9, 10]
    assert_finite(inputs)
    np.testing.assert_allclose(inputs.windows[:7], whole.windows[:7], atol=0.05)


@pytest.mark.parametrize("level", [np.nan, 0.0, 1.5])
def test_a_lead_without_signal_has_no_readable_beat(level):
    lead, r_peaks = sinus_rhythm()
    inputs = build_beat_inputs(np.full_like(lead, level), RATE_HZ, r_peaks, TOOLS)
    assert not inputs.readable.any()
    assert not inputs.windows.any()


def test_beats_at_the_very_ends_are_kept():
    lead, r_peaks = sinus_rhythm()
    ends = np.array([0, *r_peaks, len(lead) - 1])
    inputs = build_beat_inputs(lead, RATE_HZ, ends, TOOLS)
    assert len(inputs.windows) == len(ends)
    assert np.isfinite(inputs.windows).all()


@pytest.mark.parametrize("n_samples", [1, 2, 10, 100])
@pytest.mark.parametrize("rate_hz", [100.0, 360.0, 2000.0])
def test_the_shortest_recordings_are_taken(n_samples, rate_hz):
    lead = np.random.default_rng(0).standard_normal(n_samples)
    inputs = build_beat_inputs(lead, rate_hz, np.array([n_samples // 2]), TOOLS)
    assert_finite(inputs)


def test_bigeminy_is_regular_and_fibrillation_is_not():
    lead, r_peaks = sinus_rhythm(n_beats=60, wide=tuple(range(1, 60, 2)))
    bigeminy = build_beat_inputs(lead, RATE_HZ, r_peaks, TOOLS)
    assert feature(bigeminy, "rr_irregularity_32").max() < 0.02
    assert feature(bigeminy, "rr_jumps_32").max() == 1.0
    rr_s = 0.7 * np.random.default_rng(0).uniform(0.6, 1.4, 60)
    fibrillating = np.rint((1 + np.cumsum(rr_s)) * RATE_HZ).astype(np.int64)
    irregular = build_beat_inputs(np.resize(lead, 30000), RATE_HZ, fibrillating, TOOLS)
    assert feature(irregular, "rr_irregularity_32").min() > 0.12


def test_a_second_lead_is_seen_on_its_own():
    lead, r_peaks = sinus_rhythm(wide=(12,))
    both = build_of_leads(np.stack([lead, -3 * lead]), RATE_HZ, r_peaks, TOOLS)
    alone = build_beat_inputs(lead, RATE_HZ, r_peaks, TOOLS)
    for which in (0, 1):
        np.testing.assert_allclose(both.windows[:, which], alone.windows[:, 0], atol=1e-3)
        np.testing.assert_allclose(both.shapes[:, which], alone.shapes[:, 0], atol=1e-3)
    np.testing.assert_array_equal(both.rhythm, alone.rhythm)


def test_where_one_lead_is_lost_the_other_stands_in_for_it():
    lead, r_peaks = sinus_rhythm()
    broken = lead.copy()
    broken[r_peaks[9] - 150 : r_peaks[10] + 150] = np.nan
    inputs = build_of_leads(np.stack([broken, lead]), RATE_HZ, r_peaks, TOOLS)
    assert inputs.readable.all()
    np.testing.assert_array_equal(inputs.windows[9:11, 0], inputs.windows[9:11, 1])
    np.testing.assert_array_equal(inputs.shapes[9:11, 0], inputs.shapes[9:11, 1])


def test_where_most_beats_are_early_the_rare_late_ones_stand_out():
    late = (9, 19, 29)
    rr_s = np.full(40, 0.5)
    rr_s[list(late)] = 1.1
    r_peaks = np.rint((1 + np.cumsum(rr_s)) * RATE_HZ).astype(np.int64)
    lead = np.random.default_rng(0).standard_normal(r_peaks[-1] + 400)
    to_long = feature(
        build_beat_inputs(lead, RATE_HZ, r_peaks, TOOLS), "rr_before_to_record_long"
    )
    assert set(np.argsort(to_long)[-3:]) == set(late)


def test_irregularity_is_told_in_ten_seconds():
    lead, r_peaks = sinus_rhythm(n_beats=12)
    regular = build_beat_inputs(lead, RATE_HZ, r_peaks, TOOLS)
    assert feature(regular, "rr_irregularity_8").max() < 0.02
    rr_s = 0.7 * np.random.default_rng(0).uniform(0.6, 1.4, 14)
    fibrillating = np.rint((0.3 + np.cumsum(rr_s)) * RATE_HZ).astype(np.int64)
    irregular = build_beat_inputs(np.resize(lead, 3600), RATE_HZ, fibrillating, TOOLS)
    assert np.median(feature(irregular, "rr_irregularity_8")) > 0.1


def test_beats_of_one_shape_are_of_one_kind():
    lead, r_peaks = sinus_rhythm(early=(5,), wide=(7, 12, 15))
    kinds = build_beat_inputs(lead, RATE_HZ, r_peaks, TOOLS).kinds
    assert len(set(kinds[[7, 12, 15]])) == 1
    assert kinds[5] == kinds[4] != kinds[7]


def test_a_kind_tells_how_many_and_how_early_its_beats_are():
    lead, r_peaks = sinus_rhythm(wide=(7, 12, 15))
    inputs = build_beat_inputs(lead, RATE_HZ, r_peaks, TOOLS)
    assert feature(inputs, "kind_share")[7] == pytest.approx(np.log(3 / 20), abs=1e-5)
    assert (feature(inputs, "kind_rr_before")[[7, 12, 15]] < -0.3).all()
    assert abs(feature(inputs, "kind_rr_before")[4]) < 0.05
    assert feature(inputs, "kind_width_to_dominant")[12] > 0.3
    assert feature(inputs, "kind_correlation")[12] < 0.9
