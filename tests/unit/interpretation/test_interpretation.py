"""Findings rest on evidence; sentences say what is known and what is not."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ecgsvc.domain.beats import ClassifiedBeats
from ecgsvc.domain.diagnosis import DiagnosisCall, LabelCall, Superclass
from ecgsvc.domain.findings import Finding
from ecgsvc.domain.measurements import Measurements
from ecgsvc.domain.model_identity import ModelIdentity
from ecgsvc.domain.quality import LeadQuality, SignalQuality
from ecgsvc.domain.rhythm import RhythmClass, RhythmReading, RhythmWindow
from ecgsvc.domain.rhythm_statistics import RhythmStatistics
from ecgsvc.domain.waveform import STANDARD_LEADS, Sex
from ecgsvc.interpretation import Reading, TwelveLeads, conclude, conclusion_of
from ecgsvc.interpretation import find as find_all

GOOD = SignalQuality((LeadQuality("II", True, 0, 0, ()),))
NOTHING = RhythmStatistics(np.empty(0, np.int64), np.empty(0), 0)
SINUS = RhythmWindow(
    0, 9, dict.fromkeys(RhythmClass, 0.25), frozenset({RhythmClass.NORMAL})
)
UNKNOWN = RhythmReading(reason="no rhythm model is installed")


def beats(classes: str) -> ClassifiedBeats:
    probabilities = np.zeros((len(classes), 5), dtype=np.float32)
    for i, name in enumerate(classes):
        probabilities[i, "NSVFQ".index(name)] = 1
    return ClassifiedBeats(np.arange(len(classes), dtype=np.int64) * 300, probabilities)


def find(
    rhythm: RhythmReading,
    classified: ClassifiedBeats,
    measurements: Measurements,
    *,
    sex: Sex | None = None,
    sampling_rate_hz: float = 300.0,
) -> tuple[Finding, ...]:
    ecg = TwelveLeads(measurements, rhythm=rhythm.label, sex=sex)
    return find_all(
        rhythm, classified, ecg, sampling_rate_hz=sampling_rate_hz, quality=GOOD
    ).findings


def concluded(
    quality: SignalQuality,
    classified: ClassifiedBeats,
    measurements: Measurements,
    rhythm: RhythmReading,
    statistics: RhythmStatistics = NOTHING,
) -> str:
    sentences = conclude(quality, classified, measurements, Reading(()), rhythm, statistics)
    assert all(each.evidence for each in sentences)
    return conclusion_of(sentences)


def codes(
    measurements: Measurements, classes: str = "NNN", sex: Sex | None = None
) -> set[str]:
    found = find(
        UNKNOWN,
        beats(classes),
        measurements,
        sex=sex,
        sampling_rate_hz=300.0,
    )
    assert all(finding.evidence for finding in found)
    return {finding.coding.code for finding in found}


@pytest.mark.parametrize(
    ("bpm", "expected"),
    [
        (49.9, {"426627000"}),
        (50.0, set()),
        (100.0, set()),
        (100.1, {"3424008"}),
        (None, set()),
    ],
)
def test_rate_findings_begin_at_their_limits(bpm: float | None, expected: set[str]) -> None:
    assert codes(Measurements(heart_rate_bpm=bpm)) == expected


@pytest.mark.parametrize(("bpm", "code"), [(45.0, "426177001"), (120.0, "427084000")])
def test_the_rate_is_the_sinus_nodes_where_a_model_says_so(bpm: float, code: str) -> None:
    found = find(
        RhythmReading(RhythmClass.NORMAL, windows=(SINUS,)), beats("NNN"),
        Measurements(heart_rate_bpm=bpm), sex=None, sampling_rate_hz=300.0,
    )  # fmt: skip
    assert {finding.coding.code for finding in found} == {"426783006", code}


def test_qtc_limit_depends_on_sex() -> None:
    measured = Measurements(qtc_fridericia_ms=455)
    assert codes(measured, sex="male") == {"111975006"}
    assert codes(measured, sex="female") == set()
    assert codes(measured) == set()


def test_long_pr_is_found() -> None:
    assert codes(Measurements(pr_ms=201)) == {"164947007"}
    assert codes(Measurements(pr_ms=200)) == set()


def test_ectopic_beats_are_counted_and_located() -> None:
    found = find(UNKNOWN, beats("NVNVS"), Measurements(), sex=None, sampling_rate_hz=300.0)
    assert [f.text for f in found] == [
        "2 ventricular ectopic beats",
        "1 supraventricular ectopic beat",
    ]
    assert found[0].evidence[0].samples == (300, 900)


def test_ectopic_beats_in_noise_or_with_little_conviction_are_not_counted() -> None:
    unsure = replace(
        beats("NVVV"),
        least_probability=0.8,
        quality=np.array([1, 1, 0.1, 1], np.float32),
    )
    unsure.probabilities[3] = [0.3, 0, 0.7, 0, 0]
    (found,) = find(UNKNOWN, unsure, Measurements(), sex=None, sampling_rate_hz=300.0)
    assert found.text == "1 ventricular ectopic beat"
    assert found.evidence[0].samples == (300,)


def test_conclusion_says_what_is_not_determined() -> None:
    measured = Measurements(heart_rate_bpm=75, pr_ms=160)
    text = concluded(GOOD, beats("NNV"), measured, UNKNOWN)
    assert "3 beats, 75/min: 2 normal, 1 ventricular ectopic." in text
    assert "PR 160 ms." in text
    assert "QRS" not in text
    assert "Rhythm not determined: no rhythm model is installed." in text
    assert "Diagnosis not determined" in text
    assert "not reviewed by a clinician" in text


def test_conclusion_counts_the_beats_whose_class_is_not_sure() -> None:
    of_two_minds = replace(beats("NNV"), least_probability=0.6)
    of_two_minds.probabilities[1] = [0.55, 0.45, 0, 0, 0]
    text = concluded(GOOD, of_two_minds, Measurements(), UNKNOWN)
    assert "The class of 1 of them is not sure." in text
    assert "not sure" not in concluded(GOOD, beats("NNV"), Measurements(), UNKNOWN)


def normal_ecg(**changes: Any) -> dict[str, Any]:
    """What is found in an ECG that everybody calls normal."""
    calls = {each: LabelCall(0.02, 0.4, False, True) for each in Superclass}
    calls[Superclass.NORM] = LabelCall(0.95, 0.4, True, False)
    model = ModelIdentity("diagnosis", "1.0.0", "0" * 64)
    return {
        "rhythm": RhythmReading(RhythmClass.NORMAL, windows=(SINUS,)),
        "beats": beats("NNN"),
        "ecg": TwelveLeads(Measurements(heart_rate_bpm=75), age_years=50.0, sex="female"),
        "sampling_rate_hz": 300.0,
        "quality": SignalQuality(
            tuple(LeadQuality(lead, True, 0, 0, ()) for lead in STANDARD_LEADS)
        ),
        "diagnosis": DiagnosisCall(model, calls),
    } | changes


def test_a_normal_ecg_is_called_so_where_nobody_doubts() -> None:
    *_, last = find_all(**normal_ecg()).findings
    assert (last.coding.code, last.urgency, last.rule) == ("164854000", None, "")
    assert last.evidence[0].path == "diagnosis.superclasses.NORM"


def diagnosis(**changes: Any) -> dict[str, Any]:
    return {"diagnosis": replace(normal_ecg()["diagnosis"], **changes)}


@pytest.mark.parametrize(
    "changes",
    [
        {"diagnosis": None},
        diagnosis(reason="no electrocardiogram"),
        diagnosis(reservations=("age unknown",)),
        diagnosis(superclasses={}),
        diagnosis(superclasses={Superclass.NORM: LabelCall(0.6, 0.4, True, True)}),
        diagnosis(superclasses={Superclass.NORM: LabelCall(0.3, 0.4, True, False)}),
        diagnosis(statements={"CLBBB": LabelCall(0.9, 0.4, True, False)}),
        {"beats": beats("NNV")},
        {"beats": replace(beats("NNN"), least_probability=1.1)},
        {"rhythm": RhythmReading(RhythmClass.OTHER)},
        {"rhythm": UNKNOWN},
        {"ecg": TwelveLeads(Measurements(heart_rate_bpm=45), age_years=50.0)},
        {"ecg": TwelveLeads(Measurements(heart_rate_bpm=75), age_years=8.0)},
    ],
)
def test_an_ecg_is_not_called_normal_while_anybody_doubts(changes: dict[str, Any]) -> None:
    found = find_all(**normal_ecg(**changes)).findings
    assert "164854000" not in {each.coding.code for each in found}


def test_conclusion_of_silence_invents_nothing() -> None:
    silent = SignalQuality((LeadQuality("II", False, 0, 1, ()),))
    text = concluded(silent, beats(""), Measurements(), UNKNOWN)
    assert text.startswith("No beat was found.")
    assert "Not relied upon: II." in text


@pytest.mark.parametrize(
    ("reading", "sentence"),
    [
        (RhythmReading(RhythmClass.AF), "Rhythm: atrial fibrillation."),
        (
            RhythmReading(shares={RhythmClass.NORMAL: 0.6, RhythmClass.AF: 0.4}),
            "Rhythm changes: normal sinus rhythm 60%, atrial fibrillation 40%.",
        ),
        (RhythmReading(irregular_share=0.0), "Normal beats come regularly."),
        (RhythmReading(irregular_share=1.0), "Normal beats come irregularly."),
        (
            RhythmReading(unread_share=0.2),
            "20% of the intervals between beats are unreliable: episodes there are not "
            "reported.",
        ),
    ],
)
def test_each_sentence_rests_on_the_reading(reading: RhythmReading, sentence: str) -> None:
    assert sentence in concluded(GOOD, beats("NNN"), Measurements(), reading)


def test_long_recordings_say_how_the_rate_varies() -> None:
    for n_intervals, said in ((99, False), (100, True)):
        counted = RhythmStatistics(
            np.arange(n_intervals), np.full(n_intervals, 800.0), 0, 75.0, 41.2, 128.9
        )
        text = concluded(GOOD, beats("NN"), Measurements(), UNKNOWN, counted)
        assert ("Heart rate 41 to 129/min, each over four intervals." in text) is said
