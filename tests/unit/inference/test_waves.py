"""The wave reader as the pipeline uses it, with the model that ships."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ecgsvc import dsp
from ecgsvc.config import MODELS_DIR, WAVE_MODEL
from ecgsvc.domain.errors import ModelUnavailable
from ecgsvc.domain.waveform import Waveform
from ecgsvc.domain.waves import ABSENT
from ecgsvc.inference import BeatTools, WaveReader
from ecgsvc.inference.wave_groups import STRETCH_BEATS
from ecgsvc.simulation import SimulationSettings, simulate

TOOLS = BeatTools(dsp.cut_beats, dsp.group_beats, dsp.average_beats)


@pytest.fixture(scope="module")
def reader():
    return WaveReader.load(MODELS_DIR / WAVE_MODEL, TOOLS, provider="cpu")


@pytest.fixture(scope="module")
def sinus():
    return simulate(SimulationSettings(seed=3)).recording.waveform


def read(reader, waveform, r_peaks=None):
    if r_peaks is None:
        r_peaks = dsp.detect_r_peaks(waveform.samples_mv, waveform.sampling_rate_hz)
    waves = dsp.delineate_leads(waveform, r_peaks)
    return reader.read(waveform, r_peaks, waves, dsp.global_waves(waves)), r_peaks


def intervals_ms(limits, rate_hz):
    spans = {
        "pr": limits.qrs.onset - limits.p.onset,
        "qrs": limits.qrs.offset - limits.qrs.onset,
        "qt": limits.t.offset - limits.qrs.onset,
    }
    return {
        name: float(np.nanmedian(span)) * 1000 / rate_hz
        for name, span in spans.items()
        if np.isfinite(span).any()
    }


def all_points(waves, limits):
    of_leads = [
        [(wave.onset, wave.peak, wave.offset) for wave in (lead.p, lead.qrs, lead.t)]
        for lead in waves
    ]
    of_all = [(wave.onset, wave.offset) for wave in (limits.p, limits.qrs, limits.t)]
    return np.concatenate([np.ravel(of_leads), np.ravel(of_all)])


def check_order(waves, n_samples):
    for lead in waves:
        for wave in (lead.p, lead.qrs, lead.t):
            there = wave.peak != ABSENT
            assert ((wave.onset == ABSENT) == ~there).all()
            assert (wave.onset[there] >= 0).all()
            assert (wave.onset <= wave.peak).all()
            assert (wave.peak <= wave.offset).all()
            assert (wave.offset < n_samples).all()


def test_sinus_rhythm_has_all_its_waves_in_order(reader, sinus):
    (waves, limits), r_peaks = read(reader, sinus)
    check_order(waves, sinus.n_samples)
    for lead in waves:
        assert (lead.qrs.peak != ABSENT).all()
        assert (lead.p.peak != ABSENT).mean() > 0.8
        assert (np.abs(lead.qrs.peak - r_peaks) < 0.08 * sinus.sampling_rate_hz).all()
    found = intervals_ms(limits, sinus.sampling_rate_hz)
    assert 60 < found["qrs"] < 130
    assert 100 < found["pr"] < 240
    assert 280 < found["qt"] < 480


def test_gain_offset_and_order_of_leads_change_nothing(reader, sinus):
    (_, expected), r_peaks = read(reader, sinus)
    rows = slice(None, None, -1)
    turned = Waveform(
        np.ascontiguousarray(3.0 * sinus.samples_mv[rows] + 0.4),
        sinus.sampling_rate_hz,
        sinus.leads[rows],
    )
    (_, limits), _ = read(reader, turned, r_peaks)
    np.testing.assert_allclose(limits.qrs.onset, expected.qrs.onset, atol=1.0)
    np.testing.assert_allclose(limits.t.offset, expected.t.offset, atol=2.0)


@pytest.mark.parametrize("rate_hz", [128.0, 250.0, 1000.0, 2000.0])
def test_the_rate_changes_little(reader, sinus, rate_hz):
    samples = dsp.resample(sinus.samples_mv, sinus.sampling_rate_hz, rate_hz)
    (_, expected), _ = read(reader, sinus)
    (_, limits), _ = read(reader, Waveform(samples, rate_hz, sinus.leads))
    expected_ms = intervals_ms(expected, sinus.sampling_rate_hz)
    for name, value in intervals_ms(limits, rate_hz).items():
        assert value == pytest.approx(expected_ms[name], abs=12)


@pytest.mark.parametrize("lead", ["I", "II", "aVR", "V1", "V5"])
def test_one_lead_is_enough(reader, sinus, lead):
    (_, expected), r_peaks = read(reader, sinus)
    alone = sinus.select((lead,))
    (waves, limits), _ = read(reader, alone, r_peaks)
    assert [w.lead for w in waves] == [lead]
    expected_ms = intervals_ms(expected, sinus.sampling_rate_hz)
    for name, value in intervals_ms(limits, sinus.sampling_rate_hz).items():
        assert value == pytest.approx(expected_ms[name], abs=50)


def test_lost_and_flat_leads_disturb_no_other(reader, sinus):
    (_, expected), r_peaks = read(reader, sinus)
    samples = sinus.samples_mv.copy()
    samples[3], samples[7] = np.nan, 0.2
    broken = Waveform(samples, sinus.sampling_rate_hz, sinus.leads)
    (waves, limits), _ = read(reader, broken, r_peaks)
    assert (waves[3].qrs.peak == ABSENT).all()
    assert (waves[7].qrs.peak == ABSENT).all()
    np.testing.assert_allclose(limits.qrs.onset, expected.qrs.onset, atol=6.0)


@pytest.mark.parametrize("seed", range(4))
def test_noise_gives_ordered_marks_or_none(reader, seed):
    rng = np.random.default_rng(seed)
    waveform = Waveform(rng.standard_normal((3, 5000)), 500.0, ("I", "II", "V1"))
    r_peaks = np.sort(rng.choice(np.arange(5000), 12, replace=False))
    (waves, limits), _ = read(reader, waveform, r_peaks)
    check_order(waves, 5000)
    assert len(limits.qrs.onset) == 12


@pytest.mark.parametrize("n_samples", [1, 2, 50, 400])
def test_very_short_recordings_end(reader, n_samples):
    rng = np.random.default_rng(n_samples)
    waveform = Waveform(rng.standard_normal((2, n_samples)), 500.0, ("I", "II"))
    (waves, _), _ = read(reader, waveform, np.array([n_samples // 2]))
    check_order(waves, n_samples)


def test_no_beats_and_no_leads_give_nothing(reader, sinus):
    (waves, limits), _ = read(reader, sinus, np.empty(0, dtype=np.int64))
    assert len(limits.qrs.onset) == 0
    assert all(len(lead.p.peak) == 0 for lead in waves)
    (waves, _), _ = read(reader, sinus.select(()), np.array([500]))
    assert waves == ()


def test_threads_share_one_reader(reader, sinus):
    (_, expected), r_peaks = read(reader, sinus)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: read(reader, sinus, r_peaks), range(8)))
    for (_, limits), _ in results:
        np.testing.assert_array_equal(limits.t.offset, expected.t.offset)


def test_several_threads_read_a_long_recording_as_one_does(reader, sinus):
    samples_mv = np.tile(sinus.select(sinus.leads[:3]).samples_mv, 40)
    noise_mv = np.random.default_rng(5).normal(0, 0.05, samples_mv.shape)
    long = Waveform(samples_mv + noise_mv, sinus.sampling_rate_hz, sinus.leads[:3])
    r_peaks = dsp.detect_r_peaks(long.samples_mv, long.sampling_rate_hz)
    assert len(r_peaks) > 3 * STRETCH_BEATS
    marks = dsp.delineate_leads(long, r_peaks)
    limits = dsp.global_waves(marks)
    alone = reader.read(long, r_peaks, marks, limits)
    together = reader.read(long, r_peaks, marks, limits, threads=3)
    np.testing.assert_array_equal(all_points(*together), all_points(*alone))


def test_a_folder_that_was_altered_is_refused(tmp_path):
    folder = tmp_path / WAVE_MODEL
    shutil.copytree(MODELS_DIR / WAVE_MODEL, folder)
    with (folder / "model.onnx").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ModelUnavailable, match="SHA-256"):
        WaveReader.load(folder, TOOLS, provider="cpu")


def test_a_model_of_another_task_is_refused():
    with pytest.raises(ModelUnavailable, match="another input"):
        WaveReader.load(
            MODELS_DIR / "beats-cnn-lstm-attention-3.1.0", TOOLS, provider="cpu"
        )


def test_marks_stay_plausible_at_180_beats_a_minute(reader):
    waveform = simulate(SimulationSettings(seed=5, heart_rate_bpm=180)).recording.waveform
    (waves, _), r_peaks = read(reader, waveform)
    for lead in waves:
        there = lead.t.peak[:-1] != ABSENT
        assert (lead.t.offset[:-1] <= r_peaks[1:])[there].all()
        assert (np.abs(lead.qrs.onset - r_peaks) < 0.12 * waveform.sampling_rate_hz).all()
        assert (
            (lead.qrs.offset - lead.qrs.onset) >= 0.04 * waveform.sampling_rate_hz
        ).all()
