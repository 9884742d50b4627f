"""The picture of an explanation: right scale, right place, right class."""

import dataclasses

import numpy as np
import pytest

from ecgsvc.domain.beats import BeatClass
from ecgsvc.domain.explanation import (
    BeatExplanation,
    Explanation,
    Highlight,
    RhythmExplanation,
)
from ecgsvc.domain.rhythm import RhythmClass
from ecgsvc.domain.waveform import Waveform
from ecgsvc.render import explanation_svg
from tests.unit.render.drawn import parsed, svg_paths, svg_rects, svg_texts
from tests.unit.render.test_analysis_document import an_analysis

RATE_HZ = 500.0


def picture(explanation, samples_mv=None, leads=("II",), rate_hz=RATE_HZ):
    samples_mv = np.zeros((len(leads), 10_000)) if samples_mv is None else samples_mv
    waveform = Waveform(samples_mv, rate_hz, leads)
    analysis = dataclasses.replace(
        an_analysis(), waveform=waveform, explanation=explanation
    )
    return parsed(explanation_svg(analysis))


def beat(r_peak=5000, lead="II", weights=None, beat_class=BeatClass.V):
    weights = np.ones(400, np.float32) if weights is None else weights
    shown = Highlight(lead, r_peak - len(weights) // 2, weights)
    none = np.zeros(0, np.int64)
    return BeatExplanation(r_peak, beat_class, (shown,), none, np.zeros(0, np.float32))


def shades(root):
    return svg_rects(root, "shade")


def darkness(rect):
    return 255 - int(rect.get("fill")[1:3], 16)


def traces(root):
    return svg_paths(root, "trace")


def test_a_second_is_25_mm_and_a_millivolt_10_mm():
    samples_mv = np.zeros((1, 10_000))
    samples_mv[0, 5500] = 1.0
    ((trace,),) = traces(picture(Explanation((beat(),), ()), samples_mv))
    peak = min(trace, key=lambda point: point[1])
    assert peak[0] - trace[0][0] == pytest.approx(25.0, abs=0.1)  # the strip begins at 10 s
    assert trace[0][1] - peak[1] == pytest.approx(10.0)
    assert trace[-1][0] - trace[0][0] == pytest.approx(250.0, abs=0.2)


def test_shading_stands_where_the_weights_are_and_is_darkest_at_one():
    weights = np.zeros(400, np.float32)
    weights[100:150], weights[150:200] = 0.5, 1.0
    drawn = shades(picture(Explanation((beat(r_peak=6000, weights=weights),), ())))
    first, second = drawn
    left = float(svg_paths(picture(Explanation((beat(),), ())), "large")[0][0][0][0])
    assert float(first.get("x")) - left == pytest.approx(
        (6000 - 200 + 100 - 5000) / 500 * 25
    )
    assert float(first.get("width")) == pytest.approx(50 / 500 * 25)
    assert float(second.get("x")) - left == pytest.approx(
        (6000 - 200 + 150 - 5000) / 500 * 25
    )
    assert darkness(second) == pytest.approx(2 * darkness(first), abs=1)


def test_the_class_stands_above_its_beat_and_the_rhythm_above_its_window():
    window = RhythmExplanation(
        RhythmClass.AF, Highlight("II", 0, np.ones(10_000, np.float32)), None
    )
    root = picture(Explanation((beat(beat_class=BeatClass.S),), (window,)))
    shown = svg_texts(root)
    assert "S" in shown
    assert any("atrial fibrillation" in text for text in shown)
    assert len(traces(root)) == 3  # two strips of 10 s of the window, one of the beat


def test_strips_hold_every_lead_that_was_read_and_no_other():
    leads = ("I", "II", "V1")
    beats = (beat(lead="II"), beat(r_peak=7000, lead="V1"))
    root = picture(Explanation(beats, ()), np.zeros((3, 10_000)), leads)
    named = [text.split()[0] for text in svg_texts(root) if text.endswith(" s")]
    assert named == ["II", "V1"]


def test_gaps_break_the_line_and_huge_artefacts_stay_on_the_paper():
    samples_mv = np.zeros((1, 10_000))
    samples_mv[0, 6000:7000] = np.nan
    samples_mv[0, 8000] = 15.0
    root = picture(Explanation((beat(),), ()), samples_mv)
    ((before, after),) = traces(root)
    (paper,) = svg_paths(root, "large")
    top, bottom = (extreme(line[:, 1].min() for line in paper) for extreme in (min, max))
    assert before[-1][0] + 50.0 == pytest.approx(after[0][0], abs=0.11)
    assert top == pytest.approx(min(after[:, 1]), abs=0.02)
    assert max(after[:, 1]) <= bottom


def test_a_name_of_a_lead_cannot_break_the_picture():
    root = picture(Explanation((beat(lead="<b>&"),), ()), leads=("<b>&",))
    assert any(text.startswith("<b>&") for text in svg_texts(root))


def test_an_explanation_of_nothing_is_an_empty_picture():
    assert traces(picture(Explanation((), ()))) == []
    with pytest.raises(ValueError, match="no explanation"):
        explanation_svg(an_analysis())
