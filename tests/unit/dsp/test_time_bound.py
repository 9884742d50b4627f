"""The whole core on hostile signals and real noise: it ends, in time, with sane results."""

import faulthandler
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest

from ecgsvc import dsp
from ecgsvc.convert import read_wfdb
from ecgsvc.domain.quality import SignalQuality
from ecgsvc.domain.waveform import SampleIndices, Waveform
from ecgsvc.domain.waves import ABSENT, LeadWaves
from tests.hostile_signals import KINDS, hostile_signal

MOST_CPU_MS_PER_LEAD_SECOND = 2.0
"""For each second of each lead, at any rate up to 2000 Hz."""
MOST_CPU_MS_AT_ONCE = 50.0
"""What a recording may cost beyond that; room for a loaded machine's clock too."""
SHORT_S = 5.0
"""Below this the clock says too little to quote a figure."""
HANG_S = 60.0
NEAR_S = 0.25
"""A beat lies this near to something that moves."""


def check(waveform: Waveform) -> float:
    """Run all stages; CPU time in ms for a second of one lead."""
    faulthandler.dump_traceback_later(HANG_S, exit=True)
    start_s = time.thread_time()
    quality = dsp.assess_quality(waveform)
    r_peaks = dsp.detect_r_peaks(waveform.samples_mv, waveform.sampling_rate_hz)
    waves = dsp.delineate_leads(waveform, r_peaks)
    sure = dsp.beat_quality(waveform, r_peaks, quality)
    spent_ms = 1000.0 * (time.thread_time() - start_s)
    faulthandler.cancel_dump_traceback_later()

    lead_seconds = waveform.samples_mv.size / waveform.sampling_rate_hz
    assert spent_ms <= MOST_CPU_MS_AT_ONCE + MOST_CPU_MS_PER_LEAD_SECOND * lead_seconds
    check_quality(quality)
    assert sure.shape == r_peaks.shape
    assert ((sure >= 0) & (sure <= 1)).all()
    check_beats(waveform, r_peaks)
    check_waves(waves, waveform.n_samples)
    return spent_ms / lead_seconds if lead_seconds >= SHORT_S else 0.0


def check_quality(quality: SignalQuality) -> None:
    assert quality.windows is not None
    for values in (quality.windows.index, quality.windows.contrast):
        assert ((values >= 0) & (values <= 1)).all()


def check_beats(waveform: Waveform, r_peaks: SampleIndices) -> None:
    """Inside, in order, and never on a flat line."""
    assert (np.diff(r_peaks) > 0).all()
    assert ((r_peaks >= 0) & (r_peaks < waveform.n_samples)).all()
    samples_mv = waveform.samples_mv
    with np.errstate(invalid="ignore", over="ignore"):
        moves = (samples_mv[:, 1:] != samples_mv[:, :-1]) & np.isfinite(samples_mv[:, 1:])
    n_moves = np.concatenate([[0], np.cumsum(moves.any(axis=0))])
    near = int(NEAR_S * waveform.sampling_rate_hz)
    first = np.maximum(r_peaks - near, 0)
    last = np.minimum(r_peaks + near, waveform.n_samples - 1)
    assert (n_moves[last] > n_moves[first]).all(), "beats on a flat line"


def check_waves(waves: tuple[LeadWaves, ...], n_samples: int) -> None:
    for lead in waves:
        for wave in (lead.p, lead.qrs, lead.t):
            absent = wave.onset == ABSENT
            assert (absent == (wave.peak == ABSENT)).all()
            assert (absent == (wave.offset == ABSENT)).all()
            there = ~absent
            assert (wave.onset[there] >= 0).all()
            assert (wave.onset <= wave.peak).all()
            assert (wave.peak <= wave.offset).all()
            assert (wave.offset < n_samples).all()


def worst(recordings: Iterable[tuple[str, Waveform]]) -> tuple[float, str]:
    """Check all recordings; the most CPU time in ms a lead and second, and of which."""
    spent: list[tuple[float, str]] = []
    for name, waveform in recordings:
        try:
            spent.append((check(waveform), name))
        except AssertionError as error:
            error.add_note(f"recording {name}")
            raise
    return max(spent)


def hostile(n: int) -> Iterator[tuple[str, Waveform]]:
    for seed in range(n):
        kind, waveform = hostile_signal(seed)
        yield f"{seed} ({kind})", waveform


def test_hostile_signals_end_in_time_with_sane_results() -> None:
    worst(hostile(10 * len(KINDS)))


@pytest.mark.verify
def test_ten_thousand_hostile_signals_end_in_time_with_sane_results(
    record_testsuite_property: Callable[[str, object], None],
) -> None:
    record_testsuite_property("hostile signals: worst CPU ms", worst(hostile(10_000)))


@pytest.mark.verify
@pytest.mark.recordings
def test_every_recording_of_the_2017_challenge_ends_in_time(
    recordings: Path, record_testsuite_property: Callable[[str, object], None]
) -> None:
    paths = sorted((recordings / "cinc2017").glob("*.hea"))
    if not paths:
        pytest.skip("the recordings of the 2017 challenge are not there (make data)")
    waveforms = ((path.stem, read_wfdb(path).waveform) for path in paths)
    record_testsuite_property("CinC 2017: worst CPU ms", worst(waveforms))
