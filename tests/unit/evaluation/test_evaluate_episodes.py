"""Episodes are counted by overlap, kind by kind, against marks or against beats."""

import dataclasses
import io
import json
import warnings

import numpy as np
import pytest
from rich.console import Console

from ecgsvc import dsp, interpretation
from ecgsvc.app import beat_classifier
from ecgsvc.config import Settings
from ecgsvc.domain.beats import ClassifiedBeats
from ecgsvc.domain.rhythm import EpisodeKind
from ecgsvc.evaluation import episode_table, evaluate_episodes
from ecgsvc.signal_path import SignalPath

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # pandas deprecations inside the library
    import wfdb

VT = EpisodeKind.VENTRICULAR_TACHYCARDIA
BIGEMINY = EpisodeKind.VENTRICULAR_BIGEMINY
COUPLET = EpisodeKind.VENTRICULAR_COUPLET
RATE_HZ = 360


def write_record(directory, name, beats, marks):
    """Write beats half a second apart, and rhythm marks given by number of beat."""
    n_samples = 180 * (len(beats) + 2)
    (directory / f"{name}.hea").write_text(
        f"{name} 1 {RATE_HZ} {n_samples}\n{name}.dat 16 200/mV 16 0 0 0 0 II"
    )
    (directory / f"{name}.dat").write_bytes(bytes(2 * n_samples))
    rows = [(180 * (i + 1), symbol, "") for i, symbol in enumerate(beats)]
    rows += [(180 * (i + 1) - 50, "+", note) for i, note in marks.items()]
    at, symbols, notes = zip(*sorted(rows), strict=True)
    wfdb.wrann(
        name, "atr", np.array(at), list(symbols), aux_note=list(notes),
        fs=RATE_HZ, write_dir=str(directory),
    )  # fmt: skip


def counts(results, kind):
    return results.counts[:, results.kinds.index(kind)].sum(axis=0).tolist()


def test_rules_are_held_against_the_marks(tmp_path):
    beats = "NNNVVVNN" + "NVNVNVNN" + "NNVVVNNN"
    write_record(tmp_path, "a", beats, {0: "(N", 3: "(VT", 6: "(N", 9: "(B", 14: "(N"})
    write_record(tmp_path, "b", "NNNNNN", {0: "(N", 2: "(VT", 4: "(N"})
    results = evaluate_episodes(tmp_path)
    assert results.reference == "marks"
    assert counts(results, VT) == [2, 1, 2, 1]
    assert counts(results, BIGEMINY) == [1, 1, 1, 1]
    figures = results.figures(VT)
    assert figures["sensitivity"] == 0.5
    assert figures["reference_s"] == pytest.approx(1.5 + 1.0)
    assert figures["duration_sensitivity"] == pytest.approx(361 / 360 / 2.5)
    assert figures["duration_positive_predictivity"] == 0.5
    assert json.loads(json.dumps(results.to_json()))["gross"][VT]["reported"] == 2


def test_runs_within_fibrillation_are_not_scored(tmp_path):
    write_record(tmp_path, "a", "NNAAANNAAANN", {0: "(AFIB", 6: "(N"})
    found = counts(evaluate_episodes(tmp_path), EpisodeKind.SUPRAVENTRICULAR_TACHYCARDIA)
    assert found == [0, 0, 1, 0]


def test_own_beats_are_held_against_the_annotated_ones(tmp_path):
    write_record(tmp_path, "a", "NNVVNNVVVNN", {0: "(N"})
    silent = SignalPath(beat_classifier(Settings(provider="cpu")))

    def analyse(recording):
        at = 180 * np.arange(1, 12)
        labels = ["NSV".index(each) for each in "NNVVNNNVVNN"]
        beats = ClassifiedBeats(at, np.eye(5, dtype=np.float32)[labels])
        statistics, _ = dsp.rhythm_statistics(recording.waveform, beats)
        reading = interpretation.read_rhythm(recording.waveform, beats, statistics)
        return dataclasses.replace(silent.analyse(recording), rhythm=reading)

    results = evaluate_episodes(tmp_path, analyse)
    assert results.reference == "beats"
    assert counts(results, COUPLET) == [1, 1, 2, 1]
    assert counts(results, VT) == [1, 0, 0, 0]


def test_a_table_has_a_row_for_every_kind(tmp_path):
    write_record(tmp_path, "a", "NNVVVNN", {0: "(N", 2: "(VT"})
    results = evaluate_episodes(tmp_path)
    output = io.StringIO()
    Console(file=output, width=200).print(episode_table(results))
    assert all(kind.value in output.getvalue() for kind in results.kinds)


@pytest.mark.recordings
@pytest.mark.parametrize(
    ("record", "kind", "least_found", "least_right"),
    [
        ("106", BIGEMINY, 1.0, 0.5),
        ("119", BIGEMINY, 1.0, 1.0),
        ("119", EpisodeKind.VENTRICULAR_TRIGEMINY, 1.0, 0.7),
        ("205", VT, 0.8, 1.0),
        ("203", VT, 1.0, 1.0),
        ("200", VT, 0.5, 1.0),
        ("213", VT, 0.5, 1.0),
        ("209", EpisodeKind.SUPRAVENTRICULAR_TACHYCARDIA, 1.0, 1.0),
    ],
)
def test_episodes_of_mit_bih_are_where_its_annotators_mark_them(
    recordings, record, kind, least_found, least_right
):
    results = evaluate_episodes(recordings / "mitdb", records=[record])
    figures = results.figures(kind)
    assert figures["reference"] > 0
    assert figures["sensitivity"] >= least_found
    assert figures["positive_predictivity"] >= least_right


@pytest.mark.recordings
def test_the_pauses_of_record_232_are_found_end_to_end(recordings):
    path = SignalPath(beat_classifier(Settings(provider="cpu")))
    results = evaluate_episodes(recordings / "mitdb", path.analyse, records=["232"])
    figures = results.figures(EpisodeKind.PAUSE)
    assert figures["reference"] > 10
    assert figures["sensitivity"] >= 0.9
    assert figures["positive_predictivity"] >= 0.9
