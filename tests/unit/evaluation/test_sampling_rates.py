"""Intervals of one recording at two sampling rates."""

import numpy as np
import pytest

from ecgsvc.app import beat_classifier, wave_reader
from ecgsvc.config import Settings
from ecgsvc.convert import read_wfdb
from ecgsvc.signal_path import SignalPath

pytestmark = pytest.mark.recordings


def test_a_fifth_of_the_samples_bias_no_interval(recordings):
    """PTB-XL gives the same ECGs at 500 and 100 Hz; every tenth of the 500 at hand."""
    settings = Settings()
    path = SignalPath(beat_classifier(settings), wave_reader=wave_reader(settings))
    folder = recordings / "ptbxl" / "records500"
    names = sorted(header.stem[:5] for header in folder.rglob("*_hr.hea"))[::10]
    assert len(names) == 50

    def intervals(file):
        measured = path.analyse(read_wfdb(recordings / "ptbxl" / file)).measurements
        return [measured.p_ms, measured.pr_ms, measured.qrs_ms, measured.qt_ms]

    many = [intervals(f"records500/{n}_hr") for n in names]
    few = [intervals(f"records100/{n}_lr") for n in names]
    apart_ms = np.array(few, dtype=float) - np.array(many, dtype=float)
    np.testing.assert_allclose(np.nanmean(apart_ms, axis=0), 0.0, atol=1.0)
    assert (np.nanstd(apart_ms, axis=0) < 2.5).all()
