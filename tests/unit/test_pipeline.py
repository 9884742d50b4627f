"""The flow of one ECG, with the real stages and a store that can lose races."""

from datetime import UTC, datetime

import numpy as np
import pytest

from ecgsvc import fhir
from ecgsvc.app import beat_classifier
from ecgsvc.config import Settings
from ecgsvc.domain.errors import DeadlineExceeded, InvalidElement, SlotTaken
from ecgsvc.domain.quality import QualityProblem
from ecgsvc.domain.report import EcgSource, NewReport, ReportSlot, StoredReport
from ecgsvc.domain.waveform import Recording, Waveform
from ecgsvc.pipeline import EcgPipeline, SignalPath
from ecgsvc.simulation import SimulationSettings, simulate

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


class Store:
    """Keeps what is added; the first `n_lost` writes lose their slot to somebody else."""

    def __init__(self, n_lost: int = 0) -> None:
        self.n_lost = n_lost
        self.added: list[NewReport] = []

    def lookup(self, request_id: str, request_sha256: str, source: EcgSource) -> ReportSlot:
        return ReportSlot("0b4ff2a8-7d0a-4a3c-9d5e-1c1f0a6f2d11", 1)

    def add(self, new: NewReport) -> StoredReport:
        if self.n_lost:
            self.n_lost -= 1
            raise SlotTaken
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


@pytest.fixture(scope="module")
def signal_path() -> SignalPath:
    return SignalPath(beat_classifier(Settings(provider="cpu")))


def pipeline(signal_path: SignalPath, store: Store) -> EcgPipeline:
    installation = fhir.Installation("test", "0")
    return EcgPipeline(signal_path, store, installation, now=lambda: NOW)


def body(waveform: Waveform | None = None) -> bytes:
    recording = (
        simulate(SimulationSettings(seed=1)).recording
        if waveform is None
        else Recording("test", waveform)
    )
    return fhir.encode_observation(recording, subject="Patient/1", effective_at=NOW)


def test_a_lost_race_is_looked_up_again_and_analysed_once(signal_path: SignalPath) -> None:
    store = Store(n_lost=3)
    report = pipeline(signal_path, store).analyze(observation=body())
    assert not report.replayed
    assert len(store.added) == 1


@pytest.mark.parametrize("n_questions", range(6))
def test_who_left_gets_nothing_stored(signal_path: SignalPath, n_questions: int) -> None:
    """The caller is gone at the first, second, … time the pipeline asks."""
    answers = iter([False] * n_questions + [True] * 100)
    store = Store()
    try:
        pipeline(signal_path, store).analyze(
            observation=body(), cancelled=lambda: next(answers)
        )
    except DeadlineExceeded:
        assert store.added == []
    else:
        assert n_questions == 5, "asked before every stage and before the store"


def test_a_flat_line_is_reported_without_beats_or_values(signal_path: SignalPath) -> None:
    flat = Waveform(np.full((2, 5000), 0.3), 500.0, ("I", "II"))
    analysis = signal_path.analyse(Recording("flat", flat))
    assert analysis.beats.n_beats == 0
    assert analysis.measurements.heart_rate_bpm is None
    assert analysis.findings == ()
    store = Store()
    pipeline(signal_path, store).analyze(observation=body(flat))
    assert "No beat was found." in store.added[0].analysis.conclusion


def test_what_no_model_answers_is_said_once(signal_path: SignalPath) -> None:
    analysis = signal_path.analyse(simulate(SimulationSettings(seed=1)).recording)
    reasons = [u.reason for u in analysis.undetermined if u.path == "rhythm"]
    assert reasons == ["no rhythm model is installed"]


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
        pipeline(signal_path, store).analyze(observation=body(wrong))
    assert str(refused.value.expression).startswith("Observation.component[")
    assert store.added == []
    valid, _ = pipeline(signal_path, store).validate(observation=body(wrong))
    assert not valid
    analysis = signal_path.analyse(Recording("wrong", wrong))
    assert QualityProblem.LIMB_LEADS_CONTRADICT in analysis.quality.problems
