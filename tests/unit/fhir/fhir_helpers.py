"""What the FHIR tests share: short ways to decode, to refuse and to build a report."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from ecgsvc import dsp
from ecgsvc.domain.analysis import Analysis, ModelIdentity
from ecgsvc.domain.beats import ClassifiedBeats
from ecgsvc.domain.errors import RefusedContent
from ecgsvc.domain.findings import SNOMED_CT, Coding, Contradiction, Evidence, Finding
from ecgsvc.domain.measurements import Measurements, Undetermined
from ecgsvc.domain.quality import SignalQuality
from ecgsvc.domain.report import ReportSlot
from ecgsvc.domain.rhythm import (
    EpisodeKind,
    RhythmClass,
    RhythmEpisode,
    RhythmReading,
    RhythmWindow,
)
from ecgsvc.domain.waveform import Recording, Waveform
from ecgsvc.fhir import Installation, build_documents, decode_observation
from ecgsvc.fhir.conformance import check_resource
from ecgsvc.fhir.problems import Problems
from ecgsvc.fhir.structure import resource_model

EFFECTIVE = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
ISSUED = datetime(2026, 11, 21, 9, 30, 15, 123456, tzinfo=UTC)
REPORT_ID = "5b0d1c52-6c9a-4a3a-9d51-2a5f2d3c0001"
INSTALLATION = Installation(organization="Ward <7> & Co", software_version="1.2.3")


def decode(body, **options):
    """Decode an Observation given as bytes or as JSON values."""
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    return decode_observation(body, parse_samples=dsp.parse_sampled_data, **options)


def refusal(body, **options):
    """Decode what must be refused; return the first error, which carries the others."""
    with pytest.raises(RefusedContent) as caught:
        decode(body, **options)
    return caught.value


def expressions(error):
    return [each.expression for each in error.all]


def violations(resource, version="4.0.1"):
    """Return what our own strict check says about a resource of ours."""
    content = json.loads(resource)
    problems = Problems(limit=1000)
    try:
        model = resource_model(version, content["resourceType"])
        check_resource(content, model, version, problems)
        problems.raise_if_any()
    except RefusedContent as error:
        return [(each.expression, each.message) for each in error.all]
    return []


def a_recording(leads=("I", "II", "V1"), n_samples=1000, rate=500.0, seed=0):
    """Return a recording in whole microvolts."""
    steps = np.random.default_rng(seed).integers(-3000, 3000, (len(leads), n_samples))
    return Recording("ECG", Waveform(steps / 1000.0, rate, tuple(leads)))


def an_analysis(leads=("I", "II", "V1"), **changes):
    """Return an analysis with one ventricular beat of three and no P wave."""
    probabilities = np.zeros((3, 5), dtype=np.float32)
    probabilities[[0, 1, 2], [0, 0, 2]] = 1.0
    finding = Finding(
        Coding(SNOMED_CT, "17338001", "Ventricular premature beats"),
        "1 ventricular ectopic beat",
        (Evidence("beats", "1 of 3 beats", (900,)),),
    )
    measured = Measurements(
        heart_rate_bpm=72.4,
        rr_ms=828.7,
        qrs_ms=94.2,
        qt_ms=388.0,
        qtc_fridericia_ms=412.4,
        qtc_bazett_ms=425.0,
        qrs_axis_deg=-0.2,
        t_axis_deg=41.0,
        r_amplitude_mv=dict.fromkeys(leads, 1.23456),
        t_amplitude_mv=dict.fromkeys(leads, -0.2),
    )
    values = {
        "waveform": a_recording(leads).waveform,
        "quality": SignalQuality(()),
        "beats": ClassifiedBeats(np.array([100, 500, 900]), probabilities),
        "waves": (),
        "measurements": measured,
        "findings": (finding,),
        "conclusion": "3 beats, <72>/min & one early.",
        "undetermined": (
            Undetermined("measurements.pr_ms", "no P wave was found"),
            Undetermined("rhythm", "more than one rhythm is possible"),
            Undetermined("diagnosis", "no diagnosis model is installed"),
        ),
        "models": (ModelIdentity("beats", "1.0.0", "ab" * 32),),
    }
    return Analysis(**(values | changes))


def a_reading(label=None, reason=""):
    """Return an episode of every kind, windows that differ, and a contradiction."""
    fact = Evidence("beats", "seen", (1, 2), "a guideline")
    return RhythmReading(
        label=label,
        reason=reason,
        windows=tuple(
            RhythmWindow(
                i * 100,
                (i + 1) * 100,
                dict.fromkeys(RhythmClass, 0.25),
                frozenset({each}),
            )
            for i, each in enumerate(RhythmClass)
        ),
        shares={RhythmClass.NORMAL: 0.6, RhythmClass.AF: 0.4},
        episodes=tuple(
            RhythmEpisode(kind, i, i + 200, (fact,), 3, 150.0, 0.9)
            for i, kind in enumerate(EpisodeKind)
        ),
        irregular_share=0.5,
        contradictions=(Contradiction("a model sees what no rule finds", (fact,)),),
    )


def documents(source, analysis=None, version=1, sheet=None):
    """Build a report; return its documents and codes."""
    return build_documents(
        analysis or an_analysis(),
        source,
        ReportSlot(REPORT_ID, version),
        issued_at=ISSUED,
        installation=INSTALLATION,
        sheet=sheet,
    )


def component(observation, code):
    """Return the component of a resource with a code, or with a text."""
    for found in observation["component"]:
        codes = [c["code"] for c in found["code"].get("coding", [])]
        if code in codes or found["code"].get("text") == code:
            return found
    raise AssertionError(code)
