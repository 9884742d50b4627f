"""The picture of an explanation: right scale, right place, right class."""

import dataclasses
import re
from xml.etree import ElementTree

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
from tests.unit.render.test_analysis_document import an_analysis

RATE_HZ = 500.0
SVG = "{http://www.w3.org/2000/svg}"


def picture(explanation, samples_mv=None, leads=("II",), rate_hz=RATE_HZ):
    samples_mv = np.zeros((len(leads), 10_000)) if samples_mv is None else samples_mv
    waveform = Waveform(samples_mv, rate_hz, leads)
    analysis = dataclasses.replace(
        an_analysis(), waveform=waveform, explanation=explanation
    )
    return ElementTree.fromstring(explanation_svg(analysis))


def beat(r_peak=5000, lead="II", weights=None, beat_class=BeatClass.V):
    weights = np.ones(400, np.float32) if weights is None else weights
    shown = Highlight(lead, r_peak - len(weights) // 2, weights)
    none = np.zeros(0, np.int64)
    return BeatExplanation(r_peak, beat_class, (shown,), none, np.zeros(0, np.float32))


def shades(root):
    return [r for r in root.iter(f"{SVG}rect") if r.get("class") == "shade"]


def traces(root):
    return [
        [(float(x), float(y)) for x, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", p.get("d"))]
        for p in root.iter(f"{SVG}path")
        if p.get("class") == "trace"
    ]


def texts(root):
    return ["".join(t.itertext()) for t in root.iter(f"{SVG}text")]


def test_a_second_is_25_mm_and_a_millivolt_10_mm():
    samples_mv = np.zeros((1, 10_000))
    samples_mv[0, 5500] = 1.0
    (trace,) = traces(picture(Explanation((beat(),), ()), samples_mv))
    peak = min(trace, key=lambda point: point[1])
    assert peak[0] == pytest.approx(25.0, abs=0.1)  # the strip begins at 10 s
    assert trace[0][1] - peak[1] == pytest.approx(10.0)
    assert trace[-1][0] == pytest.approx(250.0, abs=0.2)


def test_shading_stands_where_the_weights_are_and_is_darkest_at_one():
    weights = np.zeros(400, np.float32)
    weights[100:150], weights[150:200] = 0.5, 1.0
    drawn = shades(picture(Explanation((beat(r_peak=6000, weights=weights),), ())))
    first, second = drawn
    assert float(first.get("x")) == pytest.approx((6000 - 200 + 100 - 5000) / 500 * 25)
    assert float(first.get("width")) == pytest.approx(50 / 500 * 25)
    assert float(second.get("x")) == pytest.approx((6000 - 200 + 150 - 5000) / 500 * 25)
    assert float(second.get("fill-opacity")) == 2 * float(first.get("fill-opacity"))


def test_the_class_stands_above_its_beat_and_the_rhythm_above_its_window():
    window = RhythmExplanation(
        RhythmClass.AF, Highlight("II", 0, np.ones(10_000, np.float32)), None
    )
    root = picture(Explanation((beat(beat_class=BeatClass.S),), (window,)))
    shown = texts(root)
    assert "S" in shown
    assert any("atrial fibrillation" in text for text in shown)
    assert len(traces(root)) == 3  # two strips of 10 s of the window, one of the beat


def test_strips_hold_every_lead_that_was_read_and_no_other():
    leads = ("I", "II", "V1")
    beats = (beat(lead="II"), beat(r_peak=7000, lead="V1"))
    root = picture(Explanation(beats, ()), np.zeros((3, 10_000)), leads)
    named = [text.split()[0] for text in texts(root) if text.endswith(" s")]
    assert named == ["II", "V1"]


def test_gaps_break_the_line_and_huge_artefacts_stay_on_the_paper():
    samples_mv = np.zeros((1, 10_000))
    samples_mv[0, 6000:7000] = np.nan
    samples_mv[0, 8000] = 15.0
    root = picture(Explanation((beat(),), ()), samples_mv)
    (path,) = (p.get("d") for p in root.iter(f"{SVG}path") if p.get("class") == "trace")
    assert path.count("M") == 2
    height = max(float(r.get("height")) for r in root.iter(f"{SVG}rect") if r.get("class"))
    assert all(0 <= y <= height for _, y in traces(root)[0])


def test_a_name_of_a_lead_cannot_break_the_picture():
    root = picture(Explanation((beat(lead="<b>&"),), ()), leads=("<b>&",))
    assert any(text.startswith("<b>&") for text in texts(root))


def test_an_explanation_of_nothing_is_an_empty_picture():
    assert traces(picture(Explanation((), ()))) == []
    with pytest.raises(ValueError, match="no explanation"):
        explanation_svg(an_analysis())
