"""Generated S, V and F beats: what they are made of, and what they stand in for."""

from xml.etree import ElementTree

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs ecgsvc[train]")

from ecgsvc.inference.beat_features import (  # noqa: E402
    LEAD_FEATURES,
    WINDOW_SAMPLES,
    BeatInputs,
)
from ecgsvc.inference.beat_rhythm import RHYTHM_FEATURES  # noqa: E402
from ecgsvc.inference.beat_shapes import SHAPE_FEATURES  # noqa: E402
from ecgsvc.training.beat_gan import (  # noqa: E402
    RARE,
    Critic,
    Generator,
    fit_generator,
    generate,
    load_or_fit_generator,
    rare_beats,
)
from ecgsvc.training.beat_gan_figure import (  # noqa: E402
    Pair,
    compare_generated,
    gan_figure,
    told_apart,
)
from ecgsvc.training.datasets import BeatSequence, prepare_simulated  # noqa: E402
from ecgsvc.training.generated_beats import (  # noqa: E402
    generated_sequences,
    measure_shapes,
)

N, S, V, F, Q = range(5)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def record(name, labels, seed=0):
    """Beats that lie about one dominant beat a lead, the last of them not readable."""
    rng = np.random.default_rng(seed)
    n_beats = len(labels)
    dominant = rng.standard_normal((2, WINDOW_SAMPLES)).astype(np.float32)
    difference = rng.standard_normal((n_beats, 2, WINDOW_SAMPLES)).astype(np.float32)
    inputs = BeatInputs(
        np.stack([dominant + difference, difference], axis=2),
        rng.standard_normal((n_beats, 2, len(LEAD_FEATURES))).astype(np.float32),
        rng.standard_normal((n_beats, len(RHYTHM_FEATURES))).astype(np.float32),
        np.arange(n_beats),
        np.arange(n_beats) < n_beats - 1,
    )
    return BeatSequence(name, "record", inputs, np.asarray(labels))


@pytest.fixture(scope="module")
def sequences():
    rng = np.random.default_rng(1)
    often = rng.choice([N, S, V, F, Q], 200, p=[0.5, 0.1, 0.2, 0.1, 0.1])
    rarely = rng.choice([N, V], 100, p=[0.9, 0.1])
    return [record("a", often), record("b", rarely, seed=1)]


def test_real_beats_are_the_readable_ones_of_the_rare_classes(sequences):
    real = rare_beats(sequences)
    wanted = [np.isin(s.labels, RARE) & s.inputs.readable for s in sequences]
    assert len(real.kinds) == sum(w.sum() for w in wanted)
    first = sequences[0].inputs.windows[wanted[0]]
    np.testing.assert_array_equal(real.beats[: len(first)], first[:, :, 0])
    one_record = real.dominant[: len(first)]
    np.testing.assert_allclose(one_record, one_record[:1].repeat(len(first), 0), atol=1e-5)


def test_classes_are_drawn_alike_and_patients_by_the_root_of_their_beats(sequences):
    real = rare_beats(sequences)
    for kind in RARE:
        assert real.odds[real.kinds == kind].sum() == pytest.approx(1 / 3)
    n_a, n_b = (int(((s.labels == V) & s.inputs.readable).sum()) for s in sequences)
    of_v = real.odds[real.kinds == V]
    assert of_v[:n_a].sum() / of_v[n_a:].sum() == pytest.approx(np.sqrt(n_a / n_b))


def test_a_generator_makes_beats_on_both_leads_that_depend_on_class_and_noise(sequences):
    real = rare_beats(sequences)
    generator = fit_generator(real, seed=0, steps=4)
    dominant = real.dominant[:1].repeat(2, 0)
    rng = np.random.default_rng(0)
    beats = generate(generator, np.array([V, V]), dominant, rng)
    assert beats.shape == (2, 2, WINDOW_SAMPLES)
    assert np.isfinite(beats).all()
    assert not np.allclose(beats[0], beats[1])
    same_noise = [
        generate(generator, np.array([kind]), dominant[:1], np.random.default_rng(0))
        for kind in (S, V)
    ]
    assert not np.allclose(*same_noise)


def test_the_critic_gives_one_score_a_beat(sequences):
    real = rare_beats(sequences)
    beats, kinds, dominant = (
        torch.from_numpy(part[:3]) for part in (real.beats, real.kinds, real.dominant)
    )
    assert Critic()(beats, kinds, dominant).shape == (3,)


def test_the_seed_makes_the_generator(sequences):
    real = rare_beats(sequences)
    weights = [
        torch.cat([p.detach().flatten() for p in fit_generator(real, seed, 4).parameters()])
        for seed in (0, 0, 1)
    ]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_a_generator_learns_where_the_beats_of_a_class_lie(sequences):
    real = rare_beats(sequences)
    beats = real.dominant + np.where(real.kinds == V, 1.0, -1.0)[:, None, None]
    shifted = type(real)(beats.astype(np.float32), real.dominant, real.kinds, real.odds)
    generator = fit_generator(shifted, seed=0, steps=50)
    rng = np.random.default_rng(0)
    above, below = (
        (generate(generator, np.full(50, kind), real.dominant[:50], rng)).mean()
        for kind in (V, S)
    )
    assert above > below + 1.0


def test_a_fitted_generator_is_read(sequences, tmp_path, monkeypatch):
    real = rare_beats(sequences)
    kept = Generator()
    torch.save(kept.state_dict(), tmp_path / "gan.pt")
    read = load_or_fit_generator(tmp_path / "gan.pt", real, seed=0)
    for name, value in read.state_dict().items():
        assert torch.equal(value, kept.state_dict()[name])
    assert not read.training


def test_generated_beats_stand_in_for_rare_readable_ones_alone(sequences):
    made = generated_sequences(Generator().eval(), sequences, n_stretches=6, seed=0)
    assert len(made) == 6
    seen = dict.fromkeys(RARE, 0)
    for number, stretch in enumerate(made):
        source = next(s for s in sequences if s.record == stretch.record)
        starts = np.flatnonzero(
            (source.inputs.rhythm == stretch.inputs.rhythm[0]).all(axis=1)
        )
        beats = slice(int(starts[0]), int(starts[0]) + len(stretch.labels))
        assert stretch.kind == "piece"
        np.testing.assert_array_equal(stretch.labels, source.labels[beats])
        np.testing.assert_array_equal(stretch.inputs.rhythm, source.inputs.rhythm[beats])
        rare = np.isin(stretch.labels, RARE) & stretch.inputs.readable
        for part in ("windows", "shapes"):
            new, old = getattr(stretch.inputs, part), getattr(source.inputs, part)[beats]
            np.testing.assert_array_equal(new[~rare], old[~rare])
            assert (new[rare] != old[rare]).any(axis=-1).all()
        assert RARE[number % 3] in stretch.labels[rare]
        seen[RARE[number % 3]] += 1
    assert set(seen.values()) == {2}


def test_a_generated_beat_differs_from_the_dominant_beat_by_its_second_channel(sequences):
    (stretch,) = generated_sequences(Generator().eval(), sequences, n_stretches=1, seed=0)
    windows = stretch.inputs.windows
    dominant = windows[:, :, 0] - windows[:, :, 1]
    np.testing.assert_allclose(dominant, dominant[:1].repeat(len(dominant), 0), atol=1e-5)


def test_shapes_measured_on_windows_are_those_of_the_signal():
    (sequence,) = prepare_simulated(1, seed=3)
    for lead in range(2):
        measured = measure_shapes(sequence.inputs.windows[:, lead])
        expected = sequence.inputs.shapes[:, lead]
        for column, name in enumerate(SHAPE_FEATURES):
            if not name.startswith("late"):  # the beats after long intervals are not there
                error = np.abs(measured[:, column] - expected[:, column])
                assert np.median(error) < 0.1, name


def test_real_beats_are_shown_as_means_and_generated_ones_as_lines(sequences):
    pairs = compare_generated(Generator().eval(), rare_beats(sequences), seed=0)
    figure = ElementTree.fromstring(gan_figure(pairs))
    panels = figure.findall("{*}g")
    thin = [
        sum(path.get("stroke-width") == "0.8" for path in panel.findall("{*}path"))
        for panel in panels
    ]
    titles = [panel.findtext("{*}text") for panel in panels]
    assert thin == [0, 5] * 3
    assert ["real" in title for title in titles] == [True, False] * 3


def test_beats_from_one_source_are_not_told_apart_and_shifted_ones_are():
    rng = np.random.default_rng(0)
    real, alike = rng.standard_normal((2, 300, 2, 20)).astype(np.float32)
    assert told_apart(Pair(V, real, alike)) == pytest.approx(0.5, abs=0.12)
    assert told_apart(Pair(V, real, alike + 1)) > 0.95
