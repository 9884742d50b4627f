"""What every function of the core keeps: no silent copies, keywords, a free GIL."""

import sys
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from ecgsvc import dsp
from ecgsvc.domain.waveform import Waveform
from ecgsvc.simulation import SimulationSettings, simulate

R_PEAKS = np.array([5], dtype=np.int64)

CALLS: dict[str, Callable[[object], object]] = {
    "band_pass": lambda x: dsp.band_pass(x, 500.0, 0.5, 40.0),  # type: ignore[arg-type]  # wrong on purpose
    "notch": lambda x: dsp.notch(x, 500.0, 50.0),  # type: ignore[arg-type]  # wrong on purpose
    "resample": lambda x: dsp.resample(x, 500.0, 360.0),  # type: ignore[arg-type]  # wrong on purpose
    "beat_windows": lambda x: dsp.beat_windows(
        x,  # type: ignore[arg-type]  # wrong on purpose
        500.0,
        R_PEAKS,
        before_s=0.1,
        after_s=0.1,
    ),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(10, dtype=np.float32),
        np.zeros(10, dtype=np.int64),
        np.zeros(20)[::2],
        np.zeros((10, 2)).T,
        np.zeros(10, dtype=">f8"),
        [0.0] * 10,
        None,
    ],
    ids=["float32", "int64", "strided", "Fortran order", "big endian", "list", "None"],
)
def test_anything_but_contiguous_float64_is_a_type_error(
    call: Callable[[object], object], samples: object
) -> None:
    with pytest.raises(TypeError):
        call(samples)


def test_r_peaks_of_another_type_are_a_type_error() -> None:
    with pytest.raises(TypeError):
        dsp.beat_windows(
            np.zeros(10),
            500.0,
            R_PEAKS.astype(np.int32),  # type: ignore[arg-type]  # wrong on purpose
            before_s=0.1,
            after_s=0.1,
        )


def test_every_parameter_can_be_named() -> None:
    samples = np.zeros(100)
    dsp.band_pass(
        samples=samples, sampling_rate_hz=500.0, low_hz=0.5, high_hz=40.0, order=2
    )
    dsp.notch(samples=samples, sampling_rate_hz=500.0, mains_hz=50.0, q=30.0)
    dsp.resample(samples=samples, sampling_rate_hz=500.0, new_rate_hz=360.0)
    dsp.rate_ratio(sampling_rate_hz=500.0, new_rate_hz=360.0)
    dsp.beat_windows(
        lead_mv=samples,
        sampling_rate_hz=500.0,
        r_peak_indices=R_PEAKS,
        before_s=0.1,
        after_s=0.1,
    )
    dsp.parse_sampled_data(data="1", origin=0.0, factor=1.0)


def test_what_is_found_does_not_depend_on_how_many_threads_work() -> None:
    piece = simulate(SimulationSettings(seed=2)).recording.waveform
    leads = ("I", "II", "V1")
    samples = np.tile(piece.select(leads).samples_mv, 95)
    samples += np.random.default_rng(2).normal(0, 0.05, samples.shape)
    waveform = Waveform(samples, 500.0, leads)
    r_peaks = dsp.detect_r_peaks(samples, 500.0)
    assert len(r_peaks) > 1024

    def found(threads: int) -> list[NDArray[np.generic]]:
        quality = dsp.assess_quality(waveform, threads=threads)
        assert quality.windows is not None
        return [
            quality.windows.index,
            quality.windows.unreadable,
            dsp.beat_quality(waveform, r_peaks, quality, threads=threads),
            dsp.delineate(samples, 500.0, r_peaks, threads=threads),
            dsp.band_pass(samples, 500.0, 0.5, 40.0, threads=threads),
            dsp.notch(samples, 500.0, 50.0, threads=threads),
            dsp.resample(samples, 500.0, 360.0, threads=threads),
        ]

    alone = found(1)
    for threads in (2, 7):
        for own, other in zip(found(threads), alone, strict=True):
            np.testing.assert_array_equal(own, other)


@pytest.mark.parametrize("threads", [-1, 0, 65])
def test_no_threads_and_too_many_are_refused(threads: int) -> None:
    with pytest.raises(ValueError, match="1 to 64"):
        dsp.band_pass(np.zeros((2, 100)), 500.0, 0.5, 40.0, threads=threads)
    with pytest.raises(ValueError, match="1 to 64"):
        dsp.delineate(np.zeros((2, 100)), 500.0, R_PEAKS, threads=threads)


def test_other_threads_run_while_the_core_computes() -> None:
    samples = np.zeros(4_000_000)
    started, finished = threading.Event(), threading.Event()

    def compute() -> None:
        started.set()
        dsp.band_pass(samples, 500.0, 0.5, 40.0, order=4)
        finished.set()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(60.0)  # nobody is made to give the GIL up
    try:
        thread = threading.Thread(target=compute)
        thread.start()
        started.wait()
        turns = 0
        while not finished.is_set():
            turns += 1
            time.sleep(0.001)
    finally:
        sys.setswitchinterval(interval)
        thread.join()
    assert turns >= 5
