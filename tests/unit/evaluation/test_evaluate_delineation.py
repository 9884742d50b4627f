import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from ecgsvc.domain.analysis import Analysis
from ecgsvc.domain.beats import ClassifiedBeats
from ecgsvc.domain.measurements import Measurements
from ecgsvc.domain.quality import SignalQuality
from ecgsvc.domain.waves import LeadWaves, WavePoints
from ecgsvc.evaluation import (
    delineation_record_table,
    delineation_tables,
    evaluate_delineation,
    to_markdown,
)
from ecgsvc.evaluation.delineation import (
    count_invented_p,
    count_points,
    point_figures,
)
from ecgsvc.evaluation.wave_references import WAVES, ReferenceWaves

RATE = 500.0
P, QRS, T = range(3)
ONSET, PEAK, OFFSET = range(3)


def points(rows) -> WavePoints:
    array = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return WavePoints(array[:, 0], array[:, 1], array[:, 2])


def lead_waves(p=(), qrs=(), t=(), lead="II") -> LeadWaves:
    return LeadWaves(lead, points(p), points(qrs), points(t))


def reference(p=(), qrs=(), t=(), first=0, last=10_000) -> ReferenceWaves:
    rows = (np.array(w, dtype=np.int64).reshape(-1, 3) for w in (p, qrs, t))
    return ReferenceWaves(dict(zip(WAVES, rows, strict=True)), first, last)


BEATS = np.array([[1000, 1020, 1050], [1500, 1520, 1550], [2000, 2020, 2050]])


def test_known_errors_give_their_mean_and_standard_deviation():
    shifted = BEATS + np.array([[-2, 0, 1], [0, 0, 3], [5, 0, 5]])
    counts = count_points(reference(qrs=BEATS), lead_waves(qrs=shifted), RATE)
    figures = point_figures(counts)
    assert counts[QRS, :, 0].tolist() == [3, 3, 3]
    assert figures.f1[QRS].tolist() == [1, 1, 1]
    onsets_ms = np.array([-4.0, 0.0, 10.0])
    assert figures.mean_error_ms[QRS, ONSET] == pytest.approx(onsets_ms.mean())
    assert figures.sd_ms[QRS, ONSET] == pytest.approx(onsets_ms.std(ddof=1))
    assert figures.mean_error_ms[QRS, OFFSET] == pytest.approx(6.0)
    assert figures.sd_ms[QRS, OFFSET] == pytest.approx(4.0)
    assert figures.sd_ms[QRS, PEAK] == 0.0


def test_missed_and_false_waves_lower_sensitivity_and_precision():
    own = np.array([BEATS[0], BEATS[1], [2600, 2620, 2650], [3000, 3020, 3050]])
    counts = count_points(reference(t=BEATS), lead_waves(t=own), RATE)
    assert counts[T, PEAK, :3].tolist() == [2, 1, 2]
    figures = point_figures(counts)
    assert figures.sensitivity[T, PEAK] == pytest.approx(2 / 3)
    assert figures.positive_predictivity[T, PEAK] == pytest.approx(1 / 2)


def test_the_window_is_150_ms_and_inclusive():
    for shift, found in ((75, 1), (76, 0)):
        own = BEATS[:1] + shift
        counts = count_points(reference(p=BEATS[:1]), lead_waves(p=own), RATE)
        assert counts[P, PEAK, :3].tolist() == [found, 1 - found, 1 - found]


def test_a_boundary_too_far_off_is_missed_and_false_though_the_wave_is_found():
    own = BEATS[:1] + np.array([[-80, 0, 4]])
    counts = count_points(reference(t=BEATS[:1]), lead_waves(t=own), RATE)
    assert counts[T, :, :3].tolist() == [[0, 1, 1], [1, 0, 0], [1, 0, 0]]
    assert counts[T, ONSET, 3] == 0.0


def test_a_boundary_that_is_not_annotated_is_neither_right_nor_wrong():
    annotated = BEATS[:1].copy()
    annotated[0, ONSET] = -1
    counts = count_points(reference(qrs=annotated), lead_waves(qrs=BEATS[:1]), RATE)
    assert counts[QRS, :, :3].tolist() == [[0, 0, 0], [1, 0, 0], [1, 0, 0]]


def test_waves_beyond_the_annotated_part_of_the_record_do_not_count():
    own = np.array([[400, 420, 450], *BEATS, [2500, 2520, 2550]])
    counts = count_points(
        reference(qrs=BEATS, first=1000, last=2050), lead_waves(qrs=own), RATE
    )
    assert counts[QRS, PEAK, :3].tolist() == [3, 0, 0]
    within = count_points(reference(qrs=BEATS, first=420), lead_waves(qrs=own), RATE)
    assert within[QRS, PEAK, :3].tolist() == [3, 0, 2]


def test_all_waves_of_a_lead_that_was_not_delineated_are_missed():
    counts = count_points(reference(p=BEATS, qrs=BEATS), None, RATE)
    assert counts[:, PEAK, 1].tolist() == [3, 3, 0]
    assert counts[..., 2].sum() == 0


def test_p_waves_are_counted_in_single_leads_and_in_any():
    none, one = [[-1] * 3] * 3, [[-1] * 3, [10, 12, 14], [-1] * 3]
    waves = [lead_waves(p=none, lead="I"), lead_waves(p=one, lead="II")]
    invented = count_invented_p(waves)
    assert (invented.beats, invented.beats_with_p) == (3, 1)
    assert (invented.lead_beats, invented.lead_beats_with_p) == (6, 1)
    assert (invented + invented).to_json()["share_of_lead_beats"] == pytest.approx(1 / 6)
    assert count_invented_p([]).beats == 0


def test_figures_without_waves_are_undefined():
    figures = point_figures(np.zeros((3, 3, 5)))
    assert np.isnan(figures.f1).all()
    assert np.isnan(figures.sd_ms).all()


CODES = {"N": 1, "(": 39, ")": 40, "p": 24, "t": 27}


def write_record(directory: Path, name: str, rhythm: str) -> None:
    """Two leads of 10 s with the QRS complexes of `BEATS`; lead II has P waves too."""
    (directory / f"{name}.hea").write_text(
        f"{name} 2 500 5000\n"
        + "".join(f"{name}.dat 16 200/mV 16 0 0 0 0 {lead}\n" for lead in ("i", "ii"))
        + f"#Rhythm: {rhythm}.\n"
    )
    (directory / f"{name}.dat").write_bytes(bytes(2 * 2 * 5000))
    qrs = [pair for row in BEATS for pair in zip(row, "(N)", strict=True)]
    p = [pair for row in BEATS - 80 for pair in zip(row, "(p)", strict=True)]
    for lead, pairs in (("i", qrs), ("ii", sorted(p + qrs))):
        distances = np.diff([index for index, _ in pairs], prepend=0)
        words = [
            CODES[s] << 10 | d for (_, s), d in zip(pairs, distances.tolist(), strict=True)
        ]
        skip = [59 << 10, 0, words[0] & 1023, words[0] & ~1023]  # over 1023 samples
        (directory / f"{name}.{lead}").write_bytes(
            np.array([*skip, *words[1:], 0], dtype="<u2").tobytes()
        )


def analyse(recording) -> Analysis:
    """Mark every QRS complex 4 ms late, P waves in lead I instead of lead II."""
    qrs, none = BEATS + 2, [[-1] * 3] * 3
    waves = (
        lead_waves(p=BEATS - 80, qrs=qrs, t=none, lead="I"),
        lead_waves(p=none, qrs=qrs, t=none, lead="II"),
    )
    return Analysis(
        waveform=recording.waveform,
        quality=SignalQuality(leads=(), problems=()),
        beats=ClassifiedBeats(BEATS[:, 1], np.full((3, 5), 0.2, dtype=np.float32)),
        waves=waves,
        measurements=Measurements(p_ms=100.0, pr_ms=160.0, qrs_ms=104.0),
        findings=(),
        conclusion="",
        undetermined=(),
        models=(),
    )


@pytest.fixture
def results(tmp_path):
    write_record(tmp_path, "1", "Sinus rhythm")
    write_record(tmp_path, "2", "Atrial fibrillation")
    return evaluate_delineation(tmp_path, analyse)


def test_a_folder_of_records_is_scored_lead_by_lead(results):
    assert [r.record for r in results.records] == ["1", "2"]
    assert results.counts[QRS, PEAK, :3].tolist() == [12, 0, 0]
    assert results.figures.mean_error_ms[QRS].tolist() == [4.0, 4.0, 4.0]
    assert results.figures.sd_ms[QRS].tolist() == [0.0, 0.0, 0.0]
    # lead II: three missed in each record; lead I: the first lies before the annotations
    assert results.counts[P, PEAK, :3].tolist() == [0, 6, 4]


def test_only_records_without_p_waves_tell_of_invented_ones(results):
    assert results.records[0].invented_p is None
    assert results.invented_p.to_json() == {
        "beats": 3, "beats_with_p": 3, "share_of_beats": 1.0,
        "lead_beats": 6, "lead_beats_with_p": 3, "share_of_lead_beats": 0.5,
    }  # fmt: skip


def test_results_are_json_with_the_protocol(results):
    document = json.loads(json.dumps(results.to_json()))
    assert document["gross"]["QRS"]["onset"]["mean_error_ms"] == 4.0
    assert document["gross"]["QRS"]["onset"]["f1_interval"] == [1.0, 1.0]
    assert document["gross"]["T"]["onset"]["f1"] is None
    assert document["protocol"]["match_window_s"] == 0.15
    assert document["global_intervals"][2]["mean_error_ms"] == pytest.approx(4.0)


def test_results_are_tables(results):
    console = Console(width=200, record=True)
    for table in (*delineation_tables(results), delineation_record_table(results)):
        console.print(table)
    text = console.export_text()
    assert "(50.00 %)" in text
    assert "4.0 ± 0.0" in text
    assert "| QRS onset | 12 | 0 | 0 |" in to_markdown(delineation_tables(results)[0])


def test_one_annotator_may_speak_for_all_leads(tmp_path):
    write_record(tmp_path, "1", "Sinus rhythm")
    (tmp_path / "1.i").rename(tmp_path / "1.pu")
    results = evaluate_delineation(tmp_path, analyse, extension="pu")
    assert results.records[0].n_leads == 2
    assert results.counts[QRS, PEAK, :3].tolist() == [6, 0, 0]
