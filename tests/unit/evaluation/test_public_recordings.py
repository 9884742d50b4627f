"""The readers and the scoring rules on the public recordings themselves."""

import warnings
from collections import Counter

import numpy as np
import pytest

from ecgsvc.convert import read_wfdb
from ecgsvc.evaluation import DS1, DS2
from ecgsvc.evaluation.beat_matching import match_beats, match_window_samples
from ecgsvc.evaluation.references import find_records, read_reference_beats

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # pandas deprecations inside the library
    import wfdb
    from wfdb.processing import Comparitor

pytestmark = pytest.mark.recordings


def test_mit_bih_has_its_109494_beats(recordings):
    paths = find_records(recordings / "mitdb", "atr")
    assert len(paths) == 48
    assert sum(len(read_reference_beats(p, "atr").classes) for p in paths) == 109_494


@pytest.mark.parametrize(
    ("records", "counts"),
    [
        (DS1, {"N": 45866, "S": 944, "V": 3788, "F": 415, "Q": 8}),
        (DS2, {"N": 44259, "S": 1837, "V": 3221, "F": 388, "Q": 7}),
    ],
)
def test_beats_of_each_class_are_those_of_the_literature(recordings, records, counts):
    """As de Chazal et al. 2004 and later work with the same split print them."""
    paths = find_records(recordings / "mitdb", "atr", records)
    found = Counter(c for p in paths for c in read_reference_beats(p, "atr").classes)
    assert found == counts


@pytest.mark.parametrize("name", ["mitdb/100", "mitdb/207", "mitdb/114"])
def test_samples_are_those_the_library_gives(recordings, name):
    theirs, _ = wfdb.rdsamp(str(recordings / name))
    np.testing.assert_array_equal(
        read_wfdb(recordings / name).waveform.samples_mv.T, theirs
    )


@pytest.mark.parametrize("name", ["105", "203", "207", "232"])
def test_a_poor_detector_is_scored_as_the_library_scores_it(recordings, name):
    record = recordings / "mitdb" / name
    waveform = read_wfdb(record).waveform
    steep = np.abs(np.gradient(waveform.samples_mv[0])) > 0.08
    detected = np.flatnonzero(np.diff(steep.astype(int)) == 1)
    detected = detected[np.diff(detected, prepend=-1000) > 30]
    reference = read_reference_beats(record, "atr").sample_indices
    window = match_window_samples(waveform.sampling_rate_hz)
    ours = match_beats(reference, detected, window)
    theirs = Comparitor(reference, detected, window + 1)  # it excludes the window's edge
    theirs.compare()
    assert (len(ours.reference), len(ours.missed), len(ours.false)) == (
        theirs.tp,
        theirs.fn,
        theirs.fp,
    )
    assert theirs.fp + theirs.fn > 20


def test_ages_and_sexes_of_mit_bih_and_ludb_are_read(recordings):
    people = [read_wfdb(path) for path in sorted((recordings / "mitdb").glob("1*.hea"))]
    assert sum(person.age_years is None for person in people) == 1  # stated as -1
    assert {person.sex for person in people} == {"female", "male"}
    if (recordings / "ludb").is_dir():
        first = read_wfdb(recordings / "ludb" / "data" / "1")
        assert (first.age_years, first.sex) == (51.0, "female")
        assert first.waveform.leads[3:6] == ("aVR", "aVL", "aVF")
