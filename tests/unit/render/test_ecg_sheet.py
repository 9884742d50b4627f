"""The ECG sheet: true to scale, whole, the same in both forms, never wrong about who."""

import dataclasses
import io

import numpy as np
import pypdf
import pypdfium2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgsvc.domain.beats import ClassifiedBeats
from ecgsvc.domain.explanation import Explanation, Highlight, RhythmExplanation
from ecgsvc.domain.findings import Coding, Finding, Urgency
from ecgsvc.domain.quality import LeadQuality, QualityProblem, SignalQuality
from ecgsvc.domain.rhythm import EpisodeKind, RhythmClass, RhythmEpisode, RhythmReading
from ecgsvc.domain.sheet import Layout, Paper, PatientShown, Review, SheetOptions
from ecgsvc.domain.waveform import STANDARD_LEADS
from ecgsvc.domain.waves import LeadWaves, WavePoints
from ecgsvc.render import draw_sheet, render_sheet, sign_sheet, verdict_of
from ecgsvc.render.drawing import Lines, Rect, Text
from ecgsvc.render.ecg_paper import TRACE_MM
from tests.unit.render.drawn import PdfPage, parsed, svg_paths, svg_texts
from tests.unit.render.sheets import MADE_AT, analysis, header, peaks

REVIEW = Review("Dr Maria Muster", MADE_AT, "final")
AS_USUAL = SheetOptions()
MAX_BYTES = 300_000


def pdf_page(found, options=AS_USUAL, page=0, **more):
    return PdfPage(render_sheet(found, header(), options, **more).content, page)


def svg_root(found, options=AS_USUAL, **more):
    return parsed(render_sheet(found, header(), options, form="svg", **more).content)


def texts(drawing, page=0):
    shown = (*drawing.pages[page].items, *drawing.pages[page].verdict)
    return [item.text for item in shown if isinstance(item, Text)]


def all_texts(drawing):
    return [text for page in range(len(drawing.pages)) for text in texts(drawing, page)]


def normal():
    samples, r_peaks = peaks()
    return analysis(samples, r_peaks=r_peaks)


@pytest.mark.parametrize("paper", list(Paper))
@pytest.mark.parametrize("layout", [Layout.THREE_BY_FOUR, Layout.SIX_BY_TWO])
def test_a_pulse_of_1_mv_is_10_mm_and_a_second_25_mm(paper, layout):
    options = SheetOptions(paper=paper, layout=layout)
    in_pdf = pdf_page(normal(), options).lines_of_width(TRACE_MM)
    in_svg = [
        line for path in svg_paths(svg_root(normal(), options), "trace") for line in path
    ]
    pulses = [line for line in in_pdf if len(line) == 6 and np.ptp(line[:, 0]) < 9]
    assert len(pulses) == (4 if layout is Layout.THREE_BY_FOUR else 7)
    for pulse in pulses:
        assert np.ptp(pulse[:, 1]) == pytest.approx(10.0, abs=0.1)
        assert pulse[3, 0] - pulse[2, 0] == pytest.approx(5.0, abs=0.1)  # 0.2 s
    for lines in (in_pdf, in_svg):
        rhythm = max(lines, key=lambda line: np.ptp(line[:, 0]))
        tips = rhythm[rhythm[:, 1] < rhythm[:, 1].min() + 0.1]
        assert np.ptp(rhythm[:, 1]) == pytest.approx(10.0, abs=0.1)
        assert np.diff(tips[:, 0]) == pytest.approx(np.full(9, 25.0), abs=0.1)
        assert np.ptp(rhythm[:, 0]) == pytest.approx(250.0, abs=0.1)


def test_another_renderer_sees_the_scale_too():
    page = pypdfium2.PdfDocument(render_sheet(normal(), header()).content)[0]
    per_mm = 10.0
    picture = np.asarray(page.render(scale=per_mm * 25.4 / 72).to_numpy())[:, :, 0]
    dark = picture < 90
    rhythm = dark[round(160 * per_mm) : round(196.5 * per_mm), :]
    columns = np.flatnonzero(rhythm.sum(axis=0) > 8 * per_mm) / per_mm
    rises = columns[np.diff(columns, prepend=0) > 2.0]
    assert np.diff(rises)[-9:] == pytest.approx(np.full(9, 25.0), abs=0.15)
    assert page.get_size()[0] * 25.4 / 72 == pytest.approx(297.0, abs=0.01)


def test_small_squares_are_a_millimetre_and_traces_begin_on_a_large_one():
    page = pdf_page(normal())
    small, large = (page.lines_of_width(width) for width in (0.1, 0.2))
    upright = sorted(
        {round(line[0, 0], 3) for line in [*small, *large] if np.ptp(line[:, 0]) < 1e-6}
    )
    on_grid = [x for x in upright if upright[0] <= x <= upright[0] + 275]
    assert np.diff(on_grid) == pytest.approx(np.full(275, 1.0), abs=1e-3)
    rhythm = max(page.lines_of_width(TRACE_MM), key=lambda line: np.ptp(line[:, 0]))
    squares = (rhythm[0, 0] - upright[0]) / 5.0
    assert squares == pytest.approx(round(squares), abs=0.01)


def test_the_same_input_gives_the_same_bytes():
    for form in ("pdf", "svg"):
        first, again = (render_sheet(normal(), header(), form=form) for _ in range(2))
        assert first.content == again.content


def test_both_forms_say_the_same():
    found = dataclasses.replace(
        normal(), conclusion="Ångström < 1 & «quoted» µV. " * 4, findings=()
    )
    for review in (None, REVIEW):
        in_pdf = pdf_page(found, review=review).texts
        in_svg = svg_texts(svg_root(found, review=review))
        assert in_pdf == in_svg
        assert "Ada Example" in in_svg


@pytest.mark.parametrize(
    ("name", "spoken"),
    [
        ("Иванова Анна", "Иванова Анна"),
        ("Γεώργιος Παπαδόπουλος", "Γεώργιος Παπαδόπουλος"),
        ("محمد علي", "يلع دمحم"),  # from left to right
        ("田中 太郎", "田中 太郎"),
    ],
)
def test_names_of_other_scripts_can_be_read_and_copied(name, spoken):
    found = normal()
    sheet = render_sheet(found, header(name))
    assert spoken in PdfPage(sheet.content).texts
    svg = render_sheet(found, header(name), form="svg").content
    assert name in svg_texts(parsed(svg))
    reader = pypdfium2.PdfDocument(sheet.content)[0].get_textpage()
    assert name in reader.get_text_bounded() or name.startswith("محمد")


def test_letters_without_a_font_are_said_to_be_boxes():
    note = "Boxes are letters that this sheet has no font for"
    assert any(note in text for text in texts(draw_sheet(normal(), header("田中"))))
    assert not any(note in text for text in texts(draw_sheet(normal(), header("علي"))))


def test_controls_in_a_name_do_not_turn_the_line():
    turned = "Ada\u202eelpmaxE\u202c\n\x00Smith"
    assert "AdaelpmaxE Smith" in texts(draw_sheet(normal(), header(turned)))


def test_unsigned_sheets_say_so_and_signed_ones_who_and_when():
    unsigned, signed = (
        draw_sheet(normal(), header()),
        draw_sheet(normal(), header(), review=REVIEW),
    )
    assert "AI-GENERATED, NOT REVIEWED" in texts(unsigned)
    assert "Signed by Dr Maria Muster" in texts(signed)
    assert "2026-11-21 08:31:00 UTC" in texts(signed)
    assert not any("not reviewed" in text.lower() for text in texts(signed))


def test_signing_appends_to_the_sheet_and_replaces_what_is_seen():
    sheet = render_sheet(normal(), header()).content
    once = sign_sheet(sheet, verdict_of("Sinus rhythm.", (), REVIEW))
    twice = sign_sheet(
        once, verdict_of("Not so.", (), dataclasses.replace(REVIEW, status="amended"))
    )
    assert once.startswith(sheet)
    assert twice.startswith(once)
    first, last = PdfPage(once), PdfPage(twice)
    assert "Signed by Dr Maria Muster" in first.texts
    assert "AI-GENERATED, NOT REVIEWED" not in first.texts
    assert "Amended and signed by Dr Maria Muster" in last.texts
    assert "Not so." in last.texts
    assert first.texts[:10] == last.texts[:10] == PdfPage(sheet).texts[:10]
    at_once = render_sheet(
        dataclasses.replace(normal(), conclusion="Sinus rhythm."), header(), review=REVIEW
    )
    assert first.texts == PdfPage(at_once.content).texts


def test_only_sheets_of_ours_are_signed():
    for other in (b"", b"%PDF-1.7\n%%EOF\n", render_sheet(normal(), header()).content[:-9]):
        with pytest.raises(ValueError, match="not a PDF"):
            sign_sheet(other, verdict_of("", (), REVIEW))


def test_urgent_findings_stand_before_the_conclusion():
    coding = Coding("http://snomed.info/sct", "71908006", "VF")
    found = dataclasses.replace(
        normal(),
        findings=(
            Finding(coding, "pause", (), Urgency.PROMPT),
            Finding(coding, "sinus", (), None),
            Finding(coding, "ventricular fibrillation", (), Urgency.EMERGENCY),
        ),
    )
    shown = texts(draw_sheet(found, header()))
    first = shown.index("EMERGENCY: ventricular fibrillation")
    assert shown[first + 1 : first + 3] == ["PROMPT: pause", found.conclusion]
    assert not any("sinus" in text for text in shown)


def test_a_conclusion_that_is_too_long_says_where_the_rest_is():
    found = dataclasses.replace(
        normal(), conclusion="A sentence that says something. " * 90
    )
    drawing = draw_sheet(found, header())
    assert any(text.endswith("(all of it in the report)") for text in texts(drawing))
    box = drawing.pages[0].verdict_box
    lines = [item for item in drawing.pages[0].verdict if isinstance(item, Text)]
    assert max(line.y for line in lines) <= box.height


@pytest.mark.parametrize(
    ("shown", "there", "hidden"),
    [
        (PatientShown.FULL, ["Ada Example", "ID MRN 4711", "born 1961-03-02"], []),
        (PatientShown.IDENTIFIER, ["ID MRN 4711", "65 years"], ["Ada", "1961"]),
        (PatientShown.NOTHING, ["65 years"], ["Ada", "4711", "1961"]),
    ],
)
def test_no_more_of_the_patient_is_shown_than_is_wanted(shown, there, hidden):
    found = analysis(np.zeros((1, 30 * 500)), ("II",))
    sheet = render_sheet(found, header(), SheetOptions(patient=shown), form="svg")
    text = " ".join(svg_texts(parsed(sheet.content)))
    assert all(each in text for each in there)
    assert not any(each in sheet.content.decode() for each in hidden)


def test_missing_samples_leave_a_gap_and_missing_leads_say_so():
    samples, r_peaks = peaks()
    samples[STANDARD_LEADS.index("V3")] = np.nan
    samples[STANDARD_LEADS.index("II"), 1000:1500] = np.nan
    found = analysis(samples, r_peaks=r_peaks)
    drawing = draw_sheet(found, header())
    assert texts(drawing).count("not recorded") == 1
    page = pdf_page(found)
    for _, line in page.lines:
        assert np.isfinite(line).all()
    rhythm = sorted(
        (line for line in page.lines_of_width(TRACE_MM) if line[0, 1] > 160),
        key=lambda line: line[0, 0],
    )[1:]
    assert rhythm[1][0, 0] - rhythm[0][-1, 0] == pytest.approx(25.0, abs=0.1)
    assert b"nan" not in render_sheet(found, header(), form="svg").content.lower()


@pytest.mark.parametrize(("factor", "gain"), [(1.0, "10"), (3.0, "5"), (6.0, "2.5")])
def test_the_gain_falls_when_leads_would_overlap_and_is_stated(factor, gain):
    samples, r_peaks = peaks(height_mv=factor)
    samples[:, ::97] -= factor / 2
    found = analysis(samples, r_peaks=r_peaks)
    assert any(
        text.startswith(f"{gain} mm/mV") for text in texts(draw_sheet(found, header()))
    )
    pulse = next(
        line for line in pdf_page(found).lines_of_width(TRACE_MM)
        if len(line) == 6 and np.ptp(line[:, 0]) < 9
    )  # fmt: skip
    assert np.ptp(pulse[:, 1]) == pytest.approx(float(gain), abs=0.1)


def test_noise_does_not_shrink_the_leads_that_can_be_read():
    samples, r_peaks = peaks()
    samples[5] = np.random.default_rng(1).normal(0, 5, samples.shape[1])
    quality = SignalQuality(
        tuple(
            LeadQuality(lead, lead != "aVF", 0.0, 0.0, (QualityProblem.MUSCLE_NOISE,))
            for lead in STANDARD_LEADS
        )
    )
    drawing = draw_sheet(analysis(samples, r_peaks=r_peaks, quality=quality), header())
    assert "10 mm/mV" in texts(drawing)
    assert any("Not relied upon: aVF" in text for text in texts(drawing))


@pytest.mark.parametrize(("unusable", "strip"), [((), "II"), (("II", "V1"), "I")])
def test_the_rhythm_strip_is_a_lead_that_can_be_relied_upon(unusable, strip):
    samples, r_peaks = peaks()
    quality = SignalQuality(
        tuple(
            LeadQuality(lead, lead not in unusable, 0.0, 0.0, ()) for lead in STANDARD_LEADS
        )
    )
    shown = texts(draw_sheet(analysis(samples, r_peaks=r_peaks, quality=quality), header()))
    assert shown.count(strip) == 2


def test_what_goes_beyond_the_paper_is_cut_off_and_named():
    samples, r_peaks = peaks()
    samples[3, 2000] = 19.0
    page = draw_sheet(analysis(samples, r_peaks=r_peaks), header()).pages[0]
    shown = [item.text for item in page.items if isinstance(item, Text)]
    (paper,) = (i for i in page.items if isinstance(i, Lines) and i.kind == "large")
    top, bottom = np.nanmin(paper.points[:, 1]), np.nanmax(paper.points[:, 1])
    for item in page.items:
        if isinstance(item, Lines) and item.kind == "trace":
            assert np.nanmin(item.points[:, 1]) >= top
            assert np.nanmax(item.points[:, 1]) <= bottom
    assert any("Cut off at the edge of the paper: aVR" in text for text in shown)


def test_beats_bear_their_class_and_a_question_mark_where_that_is_not_sure():
    samples, r_peaks = peaks()
    probabilities = np.zeros((10, 5), np.float32)
    probabilities[:, 0], probabilities[3], probabilities[6] = 1, 0, 0
    probabilities[3, 2], probabilities[6, 1:3] = 1.0, [0.6, 0.4]
    beats = ClassifiedBeats(r_peaks, probabilities, least_probability=0.9)
    found = analysis(samples, beats=beats)
    shown = texts(draw_sheet(found, header()))
    assert shown.count("N") == 8
    assert shown.count("V") == shown.count("S?") == 1
    letter = next(
        item for item in draw_sheet(found, header()).pages[0].items
        if isinstance(item, Text) and item.text == "V"
    )  # fmt: skip
    assert letter.x == pytest.approx(26.0 + 3.5 * 25.0)
    unmarked = draw_sheet(found, header(), SheetOptions(mark_beats=False))
    assert "N" not in texts(unmarked)


def test_wave_boundaries_and_shading_are_drawn_on_request():
    samples, r_peaks = peaks()
    none = WavePoints(*(np.full(10, -1) for _ in range(3)))
    qrs = WavePoints(r_peaks - 20, r_peaks, r_peaks + 25)
    window = RhythmExplanation(
        RhythmClass.AF, Highlight("II", 0, np.ones(1000, np.float32)), None
    )
    found = analysis(
        samples, r_peaks=r_peaks, waves=(LeadWaves("II", none, qrs, none),),
        explanation=Explanation((), (window,)),
    )  # fmt: skip
    plain = draw_sheet(found, header()).pages[0].items
    asked = (
        draw_sheet(found, header(), SheetOptions(mark_waves=True, shade=True))
        .pages[0]
        .items
    )
    kinds = [{i.kind for i in items if not isinstance(i, Text)} for items in (plain, asked)]
    assert not {"wave QRS", "shade"} & kinds[0]
    assert {"wave QRS", "shade"} <= kinds[1]
    (marks,) = (i for i in asked if isinstance(i, Lines) and i.kind == "wave QRS")
    assert marks.points[0, 0] == pytest.approx(26.0 + (0.5 - 0.04) * 25.0)
    shade = next(i for i in asked if isinstance(i, Rect) and i.kind == "shade")
    assert shade.width == pytest.approx(50.0)


def test_twelve_leads_longer_than_a_page_go_on_as_strips():
    samples, r_peaks = peaks(seconds=15.0)
    drawing = draw_sheet(analysis(samples, r_peaks=r_peaks), header())
    assert len(drawing.pages) == 2
    assert all_texts(drawing).count("N") == 15
    assert "0:10" in texts(drawing, 1)


def test_five_minutes_of_one_lead_are_strips_without_a_gap_in_time():
    samples, r_peaks = peaks(1, seconds=300.0)
    drawing = draw_sheet(analysis(samples, ("MLII",), r_peaks=r_peaks), header())
    assert all_texts(drawing).count("N") == 300
    assert all_texts(drawing).count("MLII") == 30


def test_of_hours_the_strips_with_episodes_come_first():
    samples, r_peaks = peaks(1, seconds=3600.0, rate_hz=100.0)
    episode = RhythmEpisode(EpisodeKind.VENTRICULAR_FIBRILLATION, 247_000, 248_000, ())
    found = analysis(
        samples, ("II",), 100.0, r_peaks=r_peaks,
        rhythm=RhythmReading(reason="-", episodes=(episode,)),
    )  # fmt: skip
    drawing = draw_sheet(found, header())
    assert len(drawing.pages) == 6
    assert "41:10" in all_texts(drawing)
    assert any("40 of 360 strips of 10 s are shown" in text for text in texts(drawing))


def test_leads_beside_the_twelve_have_a_page_of_their_own():
    samples, r_peaks = peaks(14)
    leads = (*STANDARD_LEADS, "V7", "V4R")
    drawing = draw_sheet(analysis(samples, leads, r_peaks=r_peaks), header())
    assert {"V7", "V4R"} <= set(texts(drawing, 1))
    assert not {"V7", "V4R"} & set(texts(drawing, 0))


@pytest.mark.parametrize("rate_hz", [100.0, 128.0, 360.0, 1000.0, 2000.0])
def test_a_narrow_peak_keeps_its_height_and_place_at_every_rate(rate_hz):
    samples, r_peaks = peaks(rate_hz=rate_hz)
    found = analysis(samples, rate_hz=rate_hz, r_peaks=r_peaks)
    lines = pdf_page(found).lines_of_width(TRACE_MM)
    rhythm = max(lines, key=lambda line: np.ptp(line[:, 0]))
    tips = rhythm[rhythm[:, 1] < rhythm[:, 1].min() + 0.1]
    assert np.ptp(rhythm[:, 1]) == pytest.approx(10.0, abs=0.05)
    assert tips[:, 0] - rhythm[0, 0] == pytest.approx(r_peaks / rate_hz * 25.0, abs=0.05)


@settings(deadline=None, max_examples=25)
@given(
    n_leads=st.integers(1, 16),
    n_samples=st.integers(0, 900),
    rate_hz=st.sampled_from([20.0, 100.0, 333.3, 1000.0]),
    scale=st.sampled_from([0.0, 1e-6, 1.0, 20.0]),
    missing=st.floats(0, 1),
    seed=st.integers(0, 99),
)
def test_anything_that_is_a_waveform_can_be_drawn(
    n_leads, n_samples, rate_hz, scale, missing, seed
):
    noise = np.random.default_rng(seed)
    samples = noise.normal(0, 1, (n_leads, n_samples)) * scale
    samples[noise.random(samples.shape) < missing] = np.nan
    leads = (*STANDARD_LEADS, "X", "Y", "Z", "ECG#2")[16 - n_leads :]
    found = analysis(samples, leads, rate_hz)
    for page in draw_sheet(found, header()).pages:
        for item in page.items:
            if isinstance(item, Text):
                assert 0 <= item.x <= page.width
                assert 0 < item.y < page.height
    pages = pypdfium2.PdfDocument(render_sheet(found, header()).content)
    assert len(pages) >= 1
    parsed(render_sheet(found, header(), form="svg").content)


@pytest.mark.parametrize("layout", list(Layout))
def test_a_sheet_is_small_and_printed_at_its_own_size(layout):
    noise = np.random.default_rng(2).normal(0, 0.01, (12, 5000))
    samples, r_peaks = peaks()
    found = analysis(samples + noise, r_peaks=r_peaks)
    sheet = render_sheet(found, header(), SheetOptions(layout=layout))
    assert len(sheet.content) < MAX_BYTES
    reader = pypdf.PdfReader(io.BytesIO(sheet.content), strict=True)
    assert reader.root_object["/ViewerPreferences"]["/PrintScaling"] == "/None"
    assert reader.metadata.creation_date == MADE_AT
    assert "Ada" not in reader.metadata.title
