"""What tells an electrocardiogram from other signals."""

import numpy as np
import pytest

from ecgsvc.inference.signal_form import FORM_FEATURES, signal_form


def windows(signal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    leads = np.zeros((len(signal), 12, 3), np.float32)
    leads[..., 0] = 1
    return signal.astype(np.float32), leads


def beats(n_leads: int = 12, period: int = 80) -> np.ndarray:
    at = np.arange(1000)
    wave = np.exp(-0.5 * ((at % period - period / 2) / 1.5) ** 2)
    wave = (wave - wave.mean()) / wave.std()
    return np.tile(wave, (1, n_leads, 1))


def feature(form: np.ndarray, name: str) -> float:
    return float(form[0, FORM_FEATURES.index(name)])


def test_beats_are_peaked_and_repeat_and_noise_is_neither():
    noise = np.random.default_rng(0).standard_normal((1, 12, 1000))
    of_beats, of_noise = (signal_form(*windows(each)) for each in (beats(), noise))
    assert feature(of_beats, "log_kurtosis") > feature(of_noise, "log_kurtosis") + 1
    assert feature(of_beats, "repetition") > 0.9
    assert feature(of_noise, "repetition") < 0.5


def test_independent_leads_are_counted():
    noise = np.random.default_rng(0).standard_normal((1, 12, 1000))
    assert feature(signal_form(*windows(noise)), "log_independent_leads") == pytest.approx(
        np.log(12), abs=0.1
    )
    assert feature(
        signal_form(*windows(beats())), "log_independent_leads"
    ) == pytest.approx(0, abs=0.01)


def test_leads_that_are_missing_say_nothing():
    signal, leads = windows(beats())
    alone = signal_form(signal, leads)
    signal[0, 6:], leads[0, 6:] = 0, 0
    np.testing.assert_allclose(signal_form(signal, leads), alone, atol=1e-5)


def test_a_window_without_leads_and_one_without_change_are_described_too():
    signal, leads = windows(np.zeros((1, 12, 250)))
    assert np.isfinite(signal_form(signal, leads)).all()
    assert not signal_form(signal, np.zeros_like(leads)).any()
