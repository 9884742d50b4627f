"""The analysis document keeps to its published schema."""

from pathlib import Path

import jsonschema
import numpy as np
import orjson

from ecgsvc.domain.analysis import Analysis, ModelIdentity
from ecgsvc.domain.beats import ClassifiedBeats
from ecgsvc.domain.findings import Coding, Evidence, Finding
from ecgsvc.domain.measurements import Measurements, Undetermined
from ecgsvc.domain.quality import LeadQuality, SignalQuality
from ecgsvc.domain.waveform import Waveform
from ecgsvc.domain.waves import LeadWaves, WavePoints
from ecgsvc.render.analysis_document import analysis_document


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


def test_what_no_model_determines_is_null_and_listed() -> None:
    document = analysis_document(an_analysis())
    assert document["rhythm"] is None
    paths = {u["path"] for u in document["undetermined"]}
    assert {"rhythm", "diagnosis", "measurements.pr_ms"} <= paths


def test_beats_carry_class_and_probability() -> None:
    assert analysis_document(an_analysis())["beats"] == [
        {"sample": 200, "class": "N", "probability": 0.9},
        {"sample": 500, "class": "V", "probability": 1.0},
    ]
