"""The analysis document keeps to its published schema."""

import dataclasses
from pathlib import Path

import jsonschema
import numpy as np
import orjson
from hypothesis import given
from hypothesis import strategies as st

from ecgsvc.domain.analysis import Analysis, ModelIdentity
from ecgsvc.domain.beats import BeatClass, ClassifiedBeats
from ecgsvc.domain.diagnosis import DiagnosisCall, LabelCall, Superclass
from ecgsvc.domain.explanation import (
    BeatExplanation,
    Explanation,
    Highlight,
    RhythmExplanation,
)
from ecgsvc.domain.findings import Coding, Evidence, Finding
from ecgsvc.domain.interval_check import IntervalCheck, IntervalCrossCheck
from ecgsvc.domain.measurements import Measurements, Undetermined
from ecgsvc.domain.quality import LeadQuality, QualityProblem, SignalQuality
from ecgsvc.domain.rhythm import EpisodeKind, MalignantRhythm, RhythmCall, RhythmClass
from ecgsvc.domain.rhythm_statistics import (
    EctopyCount,
    HeartRateVariability,
    Pause,
    RhythmStatistics,
)
from ecgsvc.domain.waveform import Waveform
from ecgsvc.domain.waves import LeadWaves, WavePoints
from ecgsvc.interpretation import TwelveLeads, find, read_rhythm
from ecgsvc.interpretation.rhythm_findings import rhythm_findings
from ecgsvc.render import analysis_document, explanation_documents
from tests.unit.fhir.fhir_helpers import a_reading
from tests.unit.interpretation.test_beat_episodes import RATE_HZ, sequence, statistics
from tests.unit.interpretation.test_rhythm import malignant, window

SCHEMA = jsonschema.Draft202012Validator(
    orjson.loads((Path(__file__).parents[3] / "docs/analysis.schema.json").read_bytes())
)


def an_analysis() -> Analysis:
    def points(*indices: int) -> WavePoints:
        column = np.array([indices, (-1, -1, -1)], dtype=np.int64)
        return WavePoints(column[:, 0], column[:, 1], column[:, 2])

    return Analysis(
        waveform=Waveform(np.zeros((1, 1000)), 250.0, ("MLII",)),
        quality=SignalQuality((LeadQuality("MLII", True, 0.0, 0.0, ()),)),
        beats=ClassifiedBeats(
            np.array([200, 500]),
            np.array([[0.9, 0.1, 0, 0, 0], [0, 0, 1, 0, 0]], np.float32),
            least_probability=0.95,
        ),
        waves=(
            LeadWaves(
                "MLII", points(-1, 160, 170), points(190, 200, 215), points(250, 260, 270)
            ),
        ),
        measurements=Measurements(heart_rate_bpm=50.0, r_amplitude_mv={"MLII": 1.23456}),
        findings=(
            Finding(Coding("http://snomed.info/sct", "17338001", "VPB"), "1 VPB",
                    (Evidence("beats", "1 of 2", (500,)),)),
        ),
        conclusion="2 beats.",
        undetermined=(Undetermined("measurements.pr_ms", "no P wave"),),
        models=(ModelIdentity("beats", "1.0.0", "0" * 64),),
    )  # fmt: skip


def test_document_is_valid_json_of_the_published_schema(repository: Path) -> None:
    schema = orjson.loads((repository / "docs/analysis.schema.json").read_bytes())
    document = orjson.loads(orjson.dumps(analysis_document(an_analysis())))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema)


def test_waves_stand_in_order_of_time_without_the_absent_ones() -> None:
    waves = analysis_document(an_analysis())["waves"]
    assert [(w["wave"], w["onset"]) for w in waves["MLII"]] == [
        ("P", None),
        ("QRS", 190),
        ("T", 250),
    ]


def test_what_was_not_determined_is_null_and_listed() -> None:
    document = analysis_document(an_analysis())
    assert document["rhythm"] is None
    assert document["undetermined"] == [
        {"path": "measurements.pr_ms", "reason": "no P wave"}
    ]


def test_beats_carry_class_and_probability() -> None:
    assert analysis_document(an_analysis())["beats"] == [
        {"sample": 200, "class": "N", "probability": 0.9, "sure": False},
        {"sample": 500, "class": "V", "probability": 1.0, "sure": True},
    ]


def test_quality_and_rhythm_statistics_stand_in_the_document(repository: Path) -> None:
    lead = LeadQuality(
        "MLII", True, 0.0, 0.0, (QualityProblem.MAINS_HUM,),
        {QualityProblem.MAINS_HUM: 0.5}, 0.87654, 50.0,
    )  # fmt: skip
    statistics = RhythmStatistics(
        rr_from_indices=np.array([200]),
        rr_ms=np.array([3200.0]),
        n_excluded=2,
        mean_heart_rate_bpm=18.75,
        ectopy={BeatClass.V: EctopyCount(1, 50.0, 0, 0, 0)},
        pauses=(Pause(200, 3200.0),),
        hrv=HeartRateVariability(50.123, 20.0, 3.0, 400, 360.0),
    )
    analysis = dataclasses.replace(
        an_analysis(),
        quality=SignalQuality((lead,)),
        beat_quality=np.array([1.0, 0.5], np.float32),
        rhythm_statistics=statistics,
    )
    document = orjson.loads(orjson.dumps(analysis_document(analysis)))
    schema = orjson.loads((repository / "docs/analysis.schema.json").read_bytes())
    jsonschema.validate(document, schema)
    assert document["quality"]["leads"]["MLII"]["fractions"] == {"mains hum": 0.5}
    assert document["quality"]["leads"]["MLII"]["mains_hz"] == 50
    assert document["quality"]["index"] == 0.877
    assert document["quality"]["beats"] == [1.0, 0.5]
    assert document["rhythm_statistics"]["pauses"] == [{"sample": 200, "rr_ms": 3200.0}]
    assert document["rhythm_statistics"]["max_heart_rate_bpm"] is None
    assert document["hrv"]["sdnn_ms"] == 50.12


def test_rhythm_stands_in_the_document_with_its_evidence(repository: Path) -> None:
    reading = a_reading(RhythmClass.AF)
    analysis = dataclasses.replace(
        an_analysis(), rhythm=reading, findings=rhythm_findings(reading, 250.0)
    )
    document = orjson.loads(orjson.dumps(analysis_document(analysis)))
    schema = orjson.loads((repository / "docs/analysis.schema.json").read_bytes())
    jsonschema.validate(document, schema)
    rhythm = document["rhythm"]
    assert rhythm["label"] == "A"
    assert rhythm["probabilities"] == dict.fromkeys("NAO~", 0.25)
    assert rhythm["shares"] == {"N": 0.6, "A": 0.4}
    assert [w["answer"] for w in rhythm["windows"]] == ["N", "A", "O", None]
    assert {e["kind"] for e in rhythm["episodes"]} == {kind.value for kind in EpisodeKind}
    assert rhythm["contradictions"][0]["evidence"][0]["source"] == "a guideline"
    urgencies = {f["code"]: f["urgency"] for f in document["findings"]}
    assert urgencies["164896001"] == "emergency"
    assert urgencies["251180001"] is None


def an_explanation() -> Explanation:
    def highlight(start: int) -> Highlight:
        return Highlight("MLII", start, np.linspace(0, 1, 200, dtype=np.float32))

    beats = tuple(
        BeatExplanation(
            r_peak, BeatClass.V, (highlight(r_peak - 100),),
            np.array([200, 500]), np.array([0.25, 0.75], np.float32),
        )
        for r_peak in (200, 500)
    )  # fmt: skip
    window = RhythmExplanation(RhythmClass.AF, highlight(300), None)
    missing = Undetermined("explanation.rhythm", "no graph")
    return Explanation(beats, (window,), (missing,))


def test_an_explanation_stands_in_the_document_when_it_was_asked_for() -> None:
    assert analysis_document(an_analysis())["explanation"] is None
    analysis = dataclasses.replace(an_analysis(), explanation=an_explanation())
    document = orjson.loads(orjson.dumps(analysis_document(analysis)))
    SCHEMA.validate(document)
    beat, other = document["explanation"]["beats"]
    assert (beat["sample"], other["sample"], beat["class"]) == (200, 500, "V")
    assert beat["attention"][1] == {"sample": 500, "weight": 0.75}
    (shown,) = beat["highlights"]
    assert (shown["lead"], shown["start"], shown["stop"]) == ("MLII", 100, 300)
    assert len(shown["weights"]) == 200
    assert document["explanation"]["rhythm"][0]["rhythm"] == "A"
    assert document["explanation"]["missing"][0]["reason"] == "no graph"


def test_an_explanation_by_itself_names_its_models() -> None:
    assert explanation_documents(an_analysis()) is None
    analysis = dataclasses.replace(an_analysis(), explanation=an_explanation())
    documents = explanation_documents(analysis)
    assert documents is not None
    body = orjson.loads(documents.json)
    assert body["schema"] == "ecgsvc-explanation/1"
    assert body["models"] == [{"name": "beats", "version": "1.0.0", "sha256": "0" * 64}]
    assert body["beats"] == analysis_document(analysis)["explanation"]["beats"]
    assert documents.svg.startswith(b"<svg")


def test_what_was_not_counted_is_null() -> None:
    document = analysis_document(an_analysis())
    assert document["rhythm_statistics"] is None
    assert document["hrv"] is None
    assert document["quality"]["beats"] is None


@given(
    st.text("NSVFQ", max_size=40),
    st.lists(st.sampled_from(list(RhythmClass)), max_size=5),
    st.lists(st.sampled_from(list(MalignantRhythm)), max_size=5),
)
def test_whatever_beats_and_models_say_the_document_keeps_to_its_schema(
    classes: str, answers: list[RhythmClass], alarms: list[MalignantRhythm]
) -> None:
    beats = sequence(classes, 450.0)
    waveform = Waveform(np.zeros((1, 5000)), RATE_HZ, ("MLII",))
    reading = read_rhythm(
        waveform,
        beats,
        statistics(beats),
        call=RhythmCall(tuple(map(window, range(len(answers)), answers)), "none"),
        malignant=malignant(*alarms),
    )
    findings = find(
        reading, beats, TwelveLeads(Measurements()),
        sampling_rate_hz=RATE_HZ, quality=SignalQuality(()),
    ).findings  # fmt: skip
    analysis = dataclasses.replace(
        an_analysis(),
        waveform=waveform,
        beats=beats,
        waves=(),
        rhythm=reading,
        findings=findings,
    )
    document = orjson.loads(orjson.dumps(analysis_document(analysis)))
    SCHEMA.validate(document)
    assert all(finding["evidence"] for finding in document["findings"])
    for episode in document["rhythm"]["episodes"]:
        assert 0 <= episode["onset"] < episode["end"]


def test_diagnoses_and_the_second_measurement_stand_in_the_document() -> None:
    model = ModelIdentity("diagnosis", "1.0.0", "a" * 64)
    sure, open_question = (
        LabelCall(0.91234, 0.4, True, False),
        LabelCall(0.3, 0.4, True, True),
    )
    analysis = dataclasses.replace(
        an_analysis(),
        diagnosis=DiagnosisCall(
            model,
            dict.fromkeys(Superclass, open_question) | {Superclass.MI: sure},
            {"AFIB": sure},
            reservations=("the age is not known",),
        ),
        interval_check=IntervalCrossCheck(
            model, (IntervalCheck("pr_ms", 210.0, 181.5, 6.0, 20.0),)
        ),
    )
    document = orjson.loads(orjson.dumps(analysis_document(analysis)))
    SCHEMA.validate(document)
    assert document["diagnosis"]["superclasses"]["MI"] == {
        "probability": 0.9123, "threshold": 0.4, "called": True, "answer": "present",
    }  # fmt: skip
    assert document["diagnosis"]["superclasses"]["HYP"]["answer"] == "undetermined"
    assert document["interval_check"]["values"]["pr_ms"]["disagrees"] is True


def test_a_silent_network_says_why() -> None:
    model = ModelIdentity("diagnosis", "1.0.0", "a" * 64)
    analysis = dataclasses.replace(
        an_analysis(),
        diagnosis=DiagnosisCall(model, reason="the signal is flat"),
        interval_check=IntervalCrossCheck(model, reason="no two beats are alike"),
    )
    document = orjson.loads(orjson.dumps(analysis_document(analysis)))
    SCHEMA.validate(document)
    assert document["diagnosis"]["reason"] == "the signal is flat"
    assert document["interval_check"]["values"] == {}
