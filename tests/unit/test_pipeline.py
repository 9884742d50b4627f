"""The flow of one ECG, with the real stages and a store that can lose races."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import orjson
import pytest

from ecgsvc import app, fhir
from ecgsvc.app import beat_classifier, plug_ins
from ecgsvc.app import signal_path as shipped_signal_path
from ecgsvc.config import Settings
from ecgsvc.domain.analysis import ModelIdentity
from ecgsvc.domain.audit import AuditDraft, Operation
from ecgsvc.domain.beats import ClassifiedBeats
from ecgsvc.domain.caller import Caller
from ecgsvc.domain.diagnosis import DiagnosisCall, LabelCall, Superclass
from ecgsvc.domain.errors import DeadlineExceeded, InvalidElement, SlotTaken
from ecgsvc.domain.interval_check import IntervalCheck, IntervalCrossCheck
from ecgsvc.domain.measurements import Measurements, Undetermined
from ecgsvc.domain.plug_in import PlugInResult
from ecgsvc.domain.quality import QualityProblem, SignalQuality
from ecgsvc.domain.report import (
    EcgSource,
    NewReport,
    Reanalysis,
    Replay,
    ReportSlot,
    SentEcg,
    StoredReport,
)
from ecgsvc.domain.rhythm import (
    EpisodeKind,
    MalignantCall,
    MalignantRhythm,
    MalignantWindow,
    RhythmCall,
    RhythmClass,
    RhythmWindow,
)
from ecgsvc.domain.serial import MeasuredReport, StatedFinding
from ecgsvc.domain.sheet import Layout, Paper, PatientShown, SheetOptions
from ecgsvc.domain.waveform import Recording, SampleIndices, Sex, Waveform
from ecgsvc.evaluation.electrode_swaps import swap_electrodes
from ecgsvc.inference import PlugInModel
from ecgsvc.pipeline import EcgPipeline
from ecgsvc.signal_path import SignalPath
from ecgsvc.simulation import SimulationSettings, simulate
from tests.plug_in_models import write_model
from tests.unit.render.drawn import PdfPage
from tests.validators import assert_valid_for_independent_validators

CALLER = Caller("default", "tester")
NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


class Store:
    """Keeps what is added; the first `n_lost` writes lose their slot to somebody else."""

    def __init__(self, n_lost: int = 0) -> None:
        self.n_lost = n_lost
        self.added: list[NewReport] = []
        self.recorded: list[AuditDraft] = []
        self.again: Reanalysis | None = None
        self.earlier: MeasuredReport | None = None

    def previous_of(
        self, caller: Caller, source: EcgSource, report_id: str
    ) -> MeasuredReport | None:
        return self.earlier

    def lookup(
        self, caller: Caller, request_id: str, request_sha256: str, source: EcgSource
    ) -> ReportSlot:
        return ReportSlot("0b4ff2a8-7d0a-4a3c-9d5e-1c1f0a6f2d11", 1)

    def add_all(
        self, caller: Caller, entries: Sequence[NewReport | Replay]
    ) -> tuple[StoredReport, ...]:
        if self.n_lost:
            self.n_lost -= 1
            raise SlotTaken
        return tuple(
            each.report if isinstance(each, Replay) else self.add(each) for each in entries
        )

    def add(self, new: NewReport) -> StoredReport:
        self.added.append(new)
        return StoredReport(
            report_id=new.slot.report_id,
            version=new.slot.version,
            status="preliminary",
            subject_reference=new.source.subject_reference,
            subject_identifier=None,
            effective_at=new.source.effective_at,
            issued_at=new.issued_at,
            source_sha256=new.source.sha256,
            conclusion=new.analysis.conclusion,
            documents=new.documents,
        )

    def record(self, caller: Caller, draft: AuditDraft) -> None:
        self.recorded.append(draft)

    def stored_ecg(self, caller: Caller, report_id: str) -> Reanalysis:
        assert self.again is not None
        return self.again


class HalfSure:
    """Calls every beat N, every other one with little conviction."""

    identity = ModelIdentity("beats", "1.0.0", "ef" * 32)

    def classify(
        self, waveform: Waveform, r_peak_indices: SampleIndices
    ) -> ClassifiedBeats:
        probabilities = np.zeros((len(r_peak_indices), 5), np.float32)
        probabilities[:, :2] = [0.9, 0.1]
        probabilities[::2, :2] = [0.6, 0.4]
        return ClassifiedBeats(r_peak_indices, probabilities, least_probability=0.7)


class RhythmModel:
    """Answers one class for all of a recording."""

    identity = ModelIdentity("rhythm", "1.0.0", "cd" * 32)

    def __init__(self, answer: RhythmClass) -> None:
        self.answer = answer
        self.leads: tuple[str, ...] = ()

    def classify(
        self, waveform: Waveform, beats: ClassifiedBeats, quality: SignalQuality
    ) -> RhythmCall:
        self.leads = waveform.leads
        probabilities = dict.fromkeys(RhythmClass, 0.01) | {self.answer: 0.97}
        only = frozenset({self.answer})
        return RhythmCall((RhythmWindow(0, waveform.n_samples, probabilities, only),))


class AlarmModel:
    """Sees fibrillation in all of a recording."""

    identity = ModelIdentity("malignant", "1.0.0", "ef" * 32)

    def detect(
        self, waveform: Waveform, r_peak_indices: SampleIndices, quality: SignalQuality
    ) -> MalignantCall:
        seen = {MalignantRhythm.VF: 0.9, MalignantRhythm.VT: 0.1, MalignantRhythm.OTHER: 0}
        window = MalignantWindow(0, waveform.n_samples, seen, MalignantRhythm.VF)
        return MalignantCall((window,))


@pytest.fixture(scope="module")
def signal_path() -> SignalPath:
    return app.signal_path(Settings(provider="cpu"))


def pipeline(signal_path: SignalPath, store: Store) -> EcgPipeline:
    installation = fhir.Installation("test", "0")
    return EcgPipeline(
        signal_path, store, installation, now=lambda: NOW, sheet=SheetOptions()
    )


def body(waveform: Waveform | None = None) -> bytes:
    recording = (
        simulate(SimulationSettings(seed=1)).recording
        if waveform is None
        else Recording("test", waveform)
    )
    return fhir.encode_observation(recording, subject="Patient/1", effective_at=NOW)


def test_a_lost_race_is_looked_up_again_and_analysed_once(signal_path: SignalPath) -> None:
    store = Store(n_lost=3)
    report = pipeline(signal_path, store).analyze(CALLER, observation=body())
    assert not report.replayed
    assert len(store.added) == 1


@pytest.mark.parametrize("n_questions", range(6))
def test_who_left_gets_nothing_stored(signal_path: SignalPath, n_questions: int) -> None:
    """The caller is gone at the first, second, … time the pipeline asks."""
    answers = iter([False] * n_questions + [True] * 100)
    store = Store()
    try:
        pipeline(signal_path, store).analyze(
            CALLER, observation=body(), cancelled=lambda: next(answers)
        )
    except DeadlineExceeded:
        assert store.added == []
    else:
        assert n_questions == 5, "asked before every stage and before the store"


def test_a_report_carries_its_sheet_with_the_patient_on_it(
    signal_path: SignalPath,
) -> None:
    store = Store()
    patient = orjson.dumps(
        {"resourceType": "Patient", "id": "1", "name": [{"text": "Ada"}]}
    )
    pipeline(signal_path, store).analyze(CALLER, observation=body(), patient=patient)
    sheet = fhir.sheet_of(store.added[0].documents.diagnostic_report)
    assert sheet is not None
    shown = PdfPage(sheet).texts
    assert {"Ada", "ID Patient/1", "AI-GENERATED, NOT REVIEWED"} <= set(shown)
    assert any(store.added[0].slot.report_id in text for text in shown)


def test_the_settings_say_how_sheets_are_drawn() -> None:
    chosen = Settings(sheet="letter", sheet_layout="12x1", sheet_patient="nothing")
    assert app.sheet_options(chosen) == SheetOptions(
        Paper.LETTER, Layout.TWELVE_BY_ONE, PatientShown.NOTHING
    )
    assert app.sheet_options(Settings(sheet="off")) is None


def test_an_explanation_changes_nothing_that_is_stored(signal_path: SignalPath) -> None:
    plain, explained = Store(), Store()
    without = pipeline(signal_path, plain).analyze(CALLER, observation=body())
    reply = pipeline(signal_path, explained).analyze(
        CALLER, observation=body(), explain=True
    )
    assert without.explanation is None
    assert reply.explanation is not None
    assert reply.report.documents == without.report.documents
    numbers = orjson.loads(reply.explanation.json)
    assert len(numbers["beats"]) == explained.added[0].analysis.beats.n_beats
    assert len(numbers["rhythm"]) == 1
    assert reply.explanation.svg.startswith(b"<svg")


def test_a_replay_is_explained_too(signal_path: SignalPath) -> None:
    store = Store()
    first = pipeline(signal_path, store).analyze(CALLER, observation=body())
    store.lookup = lambda *_: first.report  # type: ignore[method-assign,assignment]
    again = pipeline(signal_path, store).analyze(CALLER, observation=body(), explain=True)
    assert again.replayed
    assert again.explanation is not None
    assert len(store.added) == 1


def test_a_flat_line_is_reported_without_beats_or_values(signal_path: SignalPath) -> None:
    flat = Waveform(np.full((2, 5000), 0.3), 500.0, ("I", "II"))
    analysis = signal_path.analyse(Recording("flat", flat))
    assert analysis.beats.n_beats == 0
    assert analysis.measurements.heart_rate_bpm is None
    assert analysis.findings == ()
    store = Store()
    pipeline(signal_path, store).analyze(CALLER, observation=body(flat))
    assert "No beat was found." in store.added[0].analysis.conclusion


def test_what_no_model_answers_is_said_once(signal_path: SignalPath) -> None:
    recording = simulate(SimulationSettings(seed=1)).recording

    def reasons(path: SignalPath, about: str) -> list[str]:
        undetermined = path.analyse(recording).undetermined
        return [u.reason for u in undetermined if u.path == about]

    alone = SignalPath(beat_classifier(Settings()))
    assert reasons(alone, "rhythm") == ["no rhythm model is installed"]
    assert reasons(alone, "diagnosis") == ["no diagnosis model is installed"]
    assert reasons(signal_path, "diagnosis") == []


def test_the_rhythm_model_names_the_rhythm_and_itself(signal_path: SignalPath) -> None:
    recording = simulate(SimulationSettings(seed=1)).recording
    analysis = signal_path.analyse(recording)
    assert analysis.rhythm.windows
    assert analysis.rhythm.label is not None or analysis.rhythm.reason
    assert "rhythm-canet" in {model.name for model in analysis.models}


def test_a_lead_that_is_missing_throughout_takes_no_part(signal_path: SignalPath) -> None:
    waveform = simulate(SimulationSettings(seed=1)).recording.waveform
    samples_mv = waveform.samples_mv.copy()
    samples_mv[waveform.leads.index("V3")] = np.nan
    analysis = signal_path.analyse(
        Recording("lost", Waveform(samples_mv, 500.0, waveform.leads))
    )
    assert analysis.beats.n_beats > 8
    assert "V3" not in {waves.lead for waves in analysis.waves}
    assert "waves.V3" in {u.path for u in analysis.undetermined}


def test_contradicting_limb_leads_are_refused_from_fhir_and_said_of_files(
    signal_path: SignalPath,
) -> None:
    waveform = simulate(SimulationSettings(seed=1)).recording.waveform
    samples_mv = waveform.samples_mv.copy()
    samples_mv[waveform.leads.index("II")] *= -1
    wrong = Waveform(samples_mv, 500.0, waveform.leads)
    store = Store()
    with pytest.raises(InvalidElement) as refused:
        pipeline(signal_path, store).analyze(CALLER, observation=body(wrong))
    assert str(refused.value.expression).startswith("Observation.component[")
    assert store.added == []
    valid, _ = pipeline(signal_path, store).validate(CALLER, observation=body(wrong))
    assert not valid
    analysis = signal_path.analyse(Recording("wrong", wrong))
    assert QualityProblem.LIMB_LEADS_CONTRADICT in analysis.quality.problems


def with_models(answer: RhythmClass, *, alarm: bool = False) -> SignalPath:
    classifier = beat_classifier(Settings(provider="cpu"))
    return SignalPath(classifier, RhythmModel(answer), AlarmModel() if alarm else None)


def test_what_the_rhythm_model_is_sure_of_is_named_and_coded() -> None:
    store = Store()
    pipeline(with_models(RhythmClass.NORMAL), store).analyze(CALLER, observation=body())
    analysis, documents = store.added[0].analysis, store.added[0].documents
    assert "Rhythm: normal sinus rhythm." in analysis.conclusion
    assert "rhythm" not in {u.path for u in analysis.undetermined}
    assert "426783006" in {code.code for code in store.added[0].codes}
    assert b"rhythm 1.0.0" in documents.provenance
    assert b"cd" * 32 in documents.device


def test_beats_whose_class_is_not_sure_are_undetermined_with_the_reason() -> None:
    recording = simulate(SimulationSettings(seed=1, pvc_probability=0)).recording
    analysis = SignalPath(HalfSure()).analyse(recording)
    n_beats = analysis.beats.n_beats
    (reason,) = [u.reason for u in analysis.undetermined if u.path == "beats"]
    assert reason == (
        f"the class of {-(-n_beats // 2)} of {n_beats} beats is not sure (probability "
        "below 0.70, or noise)"
    )


def test_an_alarm_is_an_emergency_and_contradictions_are_shown() -> None:
    analysis = with_models(RhythmClass.AF, alarm=True).analyse(
        simulate(SimulationSettings(seed=1)).recording
    )
    assert [model.name for model in analysis.models][1:] == ["rhythm", "malignant"]
    assert analysis.findings[0].urgency == "emergency"
    assert analysis.rhythm is not None
    kinds = {episode.kind for episode in analysis.rhythm.episodes}
    assert kinds == {
        EpisodeKind.VENTRICULAR_FIBRILLATION, EpisodeKind.ATRIAL_FIBRILLATION,
    }  # fmt: skip
    assert "Contradiction: the rhythm model sees atrial fibrillation" in analysis.conclusion


def test_the_rhythm_model_reads_usable_leads_only() -> None:
    waveform = simulate(SimulationSettings(seed=1)).recording.waveform
    samples_mv = waveform.samples_mv.copy()
    samples_mv[waveform.leads.index("II")] = np.nan
    model = RhythmModel(RhythmClass.NORMAL)
    path = SignalPath(beat_classifier(Settings(provider="cpu")), model)
    path.analyse(Recording("lost", Waveform(samples_mv, 500.0, waveform.leads)))
    assert model.leads
    assert "II" not in model.leads


def test_noise_leaves_the_rhythm_undetermined_with_its_reason() -> None:
    analysis = with_models(RhythmClass.NOISE).analyse(
        simulate(SimulationSettings(seed=1)).recording
    )
    reasons = [u.reason for u in analysis.undetermined if u.path == "rhythm"]
    assert reasons == ["the signal is too noisy"]


def test_what_ships_raises_no_alarm_on_a_sinus_rhythm_and_one_on_a_still_heart() -> None:
    path = shipped_signal_path(Settings(provider="cpu"))
    calm = path.analyse(simulate(SimulationSettings(seed=1)).recording)
    assert {"malignant-cnn"} <= {model.name for model in calm.models}
    assert calm.rhythm is not None
    assert calm.rhythm.episodes == ()
    assert calm.rhythm.contradictions == ()
    samples_mv = simulate(SimulationSettings(seed=1, duration_s=20)).recording.waveform
    stopped = samples_mv.samples_mv.copy()
    stopped[:, 5000:] = np.random.default_rng(0).normal(0, 0.005, stopped[:, 5000:].shape)
    alarm = path.analyse(Recording("still", Waveform(stopped, 500.0, samples_mv.leads)))
    assert alarm.rhythm is not None
    assert EpisodeKind.ASYSTOLE in {e.kind for e in alarm.rhythm.episodes}
    assert alarm.findings[0].urgency == "emergency"


class Doctor:
    """Says the same of every recording."""

    identity = ModelIdentity("diagnosis", "1.0.0", "ab" * 32)

    def __init__(self) -> None:
        self.asked: list[tuple[float | None, str | None]] = []

    def read(
        self, waveform: Waveform, age_years: float | None, sex: Sex | None
    ) -> DiagnosisCall:
        self.asked.append((age_years, sex))
        sure, unsure = LabelCall(0.9, 0.5, True, False), LabelCall(0.4, 0.5, True, True)
        calls = dict.fromkeys(Superclass, sure) | {Superclass.HYP: unsure}
        return DiagnosisCall(self.identity, calls)


def with_doctor(doctor: Doctor) -> SignalPath:
    return SignalPath(beat_classifier(Settings()), diagnosis_reader=doctor)


def test_the_person_is_told_to_who_diagnoses_and_open_questions_are_listed() -> None:
    doctor = Doctor()
    waveform = simulate(SimulationSettings()).recording.waveform
    analysis = with_doctor(doctor).analyse(Recording("r", waveform, 61.0, "female"))
    assert doctor.asked == [(61.0, "female")]
    assert doctor.identity in analysis.models
    open_questions = [u.path for u in analysis.undetermined if "diagnosis" in u.path]
    assert open_questions == ["diagnosis.superclasses.HYP"]


def test_a_diagnosis_of_swapped_electrodes_cannot_be_relied_upon() -> None:
    waveform = simulate(SimulationSettings()).recording.waveform
    swapped = swap_electrodes(waveform, "RA-LA")
    path = with_doctor(Doctor())
    calls = [path.analyse(Recording("r", each)).diagnosis for each in (waveform, swapped)]
    assert [call is not None and call.reliable for call in calls] == [True, False]
    undetermined = path.analyse(Recording("r", swapped)).undetermined
    assert Undetermined("diagnosis", "limb electrodes seem to be swapped") in undetermined


class Estimator:
    """Takes every interval for 70 ms longer than it was measured."""

    identity = ModelIdentity("intervals", "1.0.0", "ab" * 32)

    def check(
        self, waveform: Waveform, r_peak_indices: SampleIndices, measured: Measurements
    ) -> IntervalCrossCheck:
        qt_ms = measured.qt_ms
        assert qt_ms is not None
        return IntervalCrossCheck(
            self.identity, (IntervalCheck("qt_ms", qt_ms, qt_ms + 70, 5.0, 30.0),)
        )


def test_a_second_measurement_is_kept_beside_the_first_and_never_averaged() -> None:
    recording = simulate(SimulationSettings()).recording
    alone = SignalPath(beat_classifier(Settings())).analyse(recording)
    path = SignalPath(beat_classifier(Settings()), interval_estimator=Estimator())
    checked = path.analyse(recording)
    assert checked.measurements == alone.measurements
    assert checked.interval_check is not None
    assert [each.name for each in checked.interval_check.disagreements] == ["qt_ms"]


def test_a_report_is_compared_with_the_ecg_before(signal_path: SignalPath) -> None:
    store = Store()
    pipeline(signal_path, store).analyze(CALLER, observation=body())
    first = store.added[0].analysis
    assert first.serial is None
    store.earlier = MeasuredReport(
        "5b0d1c52-6c9a-4a3a-9d51-2a5f2d3c0001", 2, NOW,
        replace(first.measurements, heart_rate_bpm=140.0),
        (StatedFinding("http://snomed.info/sct", "164889003", "Atrial fibrillation"),),
        tuple((model.name, model.version) for model in first.models),
    )  # fmt: skip
    pipeline(signal_path, store).analyze(CALLER, observation=body())
    new = store.added[1]
    said = new.analysis.conclusion
    assert f"heart rate 140 to {first.measurements.heart_rate_bpm:.0f}/min" in said
    assert "no longer found: Atrial fibrillation." in said
    assert said.endswith("not reviewed by a clinician.")
    comparison = orjson.loads(new.documents.observations[2])
    rate = comparison["component"][0]
    assert rate["interpretation"][0]["coding"][0]["code"] == "D"
    assert comparison["derivedFrom"][1]["reference"].endswith("-measurements")
    report = orjson.loads(new.documents.diagnostic_report)
    results = [each.get("reference") for each in report["result"]]
    assert f"Observation/{comparison['id']}" in results


def test_ecgs_of_one_transaction_are_compared_with_each_other(
    signal_path: SignalPath,
) -> None:
    """Whatever their order in it, and only those of the same patient."""
    observation = orjson.loads(body())

    def at(day: int, patient: str) -> SentEcg:
        observation["effectiveDateTime"] = f"2026-11-{day:02d}T09:00:00Z"
        observation["subject"] = {"reference": patient}
        return SentEcg(orjson.dumps(observation))

    ecgs = [at(20, "Patient/1"), at(18, "Patient/1"), at(19, "Patient/2")]
    analyzed = pipeline(signal_path, Store()).analyze_together(CALLER, ecgs)
    assert [orjson.loads(each.report.documents.diagnostic_report)["effectiveDateTime"][:10]
            for each in analyzed] == ["2026-11-20", "2026-11-18", "2026-11-19"]  # fmt: skip
    assert ["Compared with" in each.report.conclusion for each in analyzed] == [
        True, False, False
    ]  # fmt: skip


def stored_again(signal_path: SignalPath, status: str, n_models: int) -> Store:
    """A store that holds one report, made by the first of the models of now."""
    store = Store()
    report = pipeline(signal_path, store).analyze(CALLER, observation=body()).report
    store.again = Reanalysis(
        report=replace(report, status=status),
        body=body(),
        source_version=1,
        models=signal_path.models[:n_models],
        sex="female",
        age_years=61.0,
    )
    store.added.clear()
    return store


def test_an_open_report_gets_a_version_of_the_models_of_now(
    signal_path: SignalPath,
) -> None:
    store = stored_again(signal_path, "preliminary", 1)
    assert store.again
    old = store.again.report
    analyzed = pipeline(signal_path, store).reanalyze(CALLER, old.report_id)
    [new] = store.added
    assert not analyzed.replayed
    assert (new.slot.report_id, new.slot.version) == (old.report_id, old.version + 1)
    assert (new.might_supersede, new.sex, new.age_years) == (None, "female", 61.0)
    assert new.source.sha256 == old.source_sha256


@pytest.mark.parametrize("status", ["final", "amended", "entered-in-error"])
def test_beside_a_signed_report_another_one_is_stored(
    signal_path: SignalPath, status: str
) -> None:
    store = stored_again(signal_path, status, 1)
    assert store.again
    old = store.again.report
    pipeline(signal_path, store).reanalyze(CALLER, old.report_id)
    [new] = store.added
    assert new.slot.version == 1
    assert new.slot.report_id != old.report_id == new.might_supersede
    [link] = orjson.loads(new.documents.diagnostic_report)["extension"]
    assert link["valueReference"]["identifier"]["value"].endswith(old.report_id)
    assert_valid_for_independent_validators([new.documents.diagnostic_report])


def test_with_the_same_models_nothing_is_made_and_the_trail_says_so(
    signal_path: SignalPath,
) -> None:
    store = stored_again(signal_path, "final", len(signal_path.models))
    assert store.again
    analyzed = pipeline(signal_path, store).reanalyze(CALLER, "x")
    assert (analyzed.replayed, analyzed.report) == (True, store.again.report)
    assert store.added == []
    assert [draft.operation for draft in store.recorded] == [Operation.REANALYZE]


class Broken:
    """A hospital's own model that was fine when it was loaded."""

    def __init__(self, model: PlugInModel) -> None:
        self.model = model
        self.identity = model.identity

    def answer(
        self, recording: Recording, usable: Waveform, measurements: Measurements
    ) -> PlugInResult:
        return self.model.answer(replace(recording, age_years=None), usable, measurements)


@pytest.mark.parametrize("reported_as", ["Observation", "RiskAssessment"])
def test_a_hospitals_own_model_is_reported_with_its_own_provenance(
    tmp_path: Path, reported_as: str
) -> None:
    folder = write_model(
        tmp_path / "own", reported_as=reported_as, missing="missing = [70]"
    )
    (model,) = plug_ins(Settings(extra_models=(folder,)))
    path = SignalPath(beat_classifier(Settings()), plug_ins=(model,))
    store = Store()
    pipeline(path, store).analyze(CALLER, observation=body())
    new = store.added[0]
    assert path.models[-1] == model.identity
    (result,) = new.analysis.plug_ins
    (answer,) = result.answers
    said = f"Risk of a fast heart within a year: fast heart {answer.value:.0%}."
    assert said in new.analysis.conclusion
    further = [orjson.loads(each) for each in new.documents.further]
    by_kind = {each["resourceType"]: each for each in further}
    provenance, device = by_kind["Provenance"], by_kind["Device"]
    assert provenance["agent"][0]["who"]["reference"] == f"Device/{device['id']}"
    target = provenance["target"][0]["reference"]
    assert target.startswith(f"{reported_as}/")
    assert model.identity.sha256 in str(device)
    own = orjson.loads(new.documents.provenance)
    assert "plug" not in str(own["target"])
    results = str(orjson.loads(new.documents.diagnostic_report)["result"])
    if reported_as == "RiskAssessment":
        risk = by_kind["RiskAssessment"]
        assert risk["prediction"][0]["probabilityDecimal"] == round(100 * answer.value, 2)
        assert "plug" not in results, "R4 lists Observations only"
    else:
        assert "-plug1" in results
        observation = orjson.loads(new.documents.observations[-1])
        assert observation["valueQuantity"]["value"] == round(answer.value, 4)
    assert_valid_for_independent_validators(
        [new.documents.diagnostic_report, *new.documents.observations,
         *new.documents.further]
    )  # fmt: skip


@pytest.mark.parametrize("reported_as", ["Observation", "RiskAssessment"])
def test_a_model_without_an_answer_loses_no_report(
    tmp_path: Path, reported_as: str
) -> None:
    folder = write_model(tmp_path / "own", reported_as=reported_as)
    (model,) = plug_ins(Settings(extra_models=(folder,)))
    path = SignalPath(beat_classifier(Settings()), plug_ins=(Broken(model),))
    store = Store()
    pipeline(path, store).analyze(CALLER, observation=body())
    new = store.added[0]
    assert "within a year: no answer, age_years not known." in new.analysis.conclusion
    made = [*new.documents.observations, *new.documents.further]
    assert any(b"age_years not known" in each for each in made[2:])
    assert_valid_for_independent_validators(made)
