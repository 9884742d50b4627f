"""The flow of one ECG, top to bottom; the only module that knows the order of the stages.

FHIR Observation → decode → quality → R peaks → beat classes → waves → measurements →
rhythm → findings → sheet → report → store.
"""

import hashlib
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from ecgsvc import convert, dsp, fhir, interpretation, render
from ecgsvc.domain.analysis import Analysis, ModelIdentity
from ecgsvc.domain.audit import AuditDraft, Operation
from ecgsvc.domain.beats import ClassifiedBeats
from ecgsvc.domain.caller import Caller
from ecgsvc.domain.diagnosis import SUPERCLASS_WORDS, DiagnosisCall
from ecgsvc.domain.errors import (
    DeadlineExceeded,
    InvalidElement,
    Overloaded,
    RefusedContent,
    SlotTaken,
)
from ecgsvc.domain.explanation import Explanation
from ecgsvc.domain.interval_check import IntervalCrossCheck
from ecgsvc.domain.measurements import Measurements, Undetermined
from ecgsvc.domain.plug_in import PlugInResult
from ecgsvc.domain.quality import QualityProblem, SignalQuality
from ecgsvc.domain.report import (
    EcgSource,
    NewReport,
    Reanalysis,
    ReportSlot,
    StoredReport,
)
from ecgsvc.domain.rhythm import (
    MalignantCall,
    RhythmCall,
    RhythmReading,
    RhythmWindow,
)
from ecgsvc.domain.rhythm_statistics import RhythmStatistics
from ecgsvc.domain.serial import MeasuredReport, StatedFinding
from ecgsvc.domain.sheet import Sheet, SheetOptions
from ecgsvc.domain.signing import ReportStatus
from ecgsvc.domain.waveform import Recording, SampleIndices, Sex, Waveform
from ecgsvc.domain.waves import GlobalWaves, LeadWaves
from ecgsvc.inference import choose_lead

MAX_STORE_ATTEMPTS = 100
"""Concurrent amendments of one ECG take turns; each round at least one is stored."""

SWAPPED = frozenset(
    {QualityProblem.ARM_ELECTRODES_SWAPPED, QualityProblem.RIGHT_ARM_AND_LEG_SWAPPED}
)
NO_DIAGNOSIS = Undetermined("diagnosis", "no diagnosis model is installed")


class BeatClassifier(Protocol):
    """Names the class of every beat."""

    @property
    def identity(self) -> ModelIdentity:
        """What reports name."""

    def classify(
        self, waveform: Waveform, r_peak_indices: SampleIndices
    ) -> ClassifiedBeats:
        """Give the class of each beat at these R peaks."""


class WaveReader(Protocol):
    """Corrects the signal core's wave boundaries."""

    @property
    def identity(self) -> ModelIdentity:
        """What reports name."""

    def read(
        self,
        waveform: Waveform,
        r_peak_indices: SampleIndices,
        waves: Sequence[LeadWaves],
        global_waves: GlobalWaves,
        *,
        threads: int = 1,
    ) -> tuple[tuple[LeadWaves, ...], GlobalWaves]:
        """Give better marks of the leads, and of all leads together."""


class RhythmClassifier(Protocol):
    """Names the rhythm, window by window."""

    @property
    def identity(self) -> ModelIdentity:
        """What reports name."""

    def classify(
        self, waveform: Waveform, beats: ClassifiedBeats, quality: SignalQuality
    ) -> RhythmCall:
        """Give the rhythm of a recording; `waveform` holds the usable leads only."""


class MalignantRhythmDetector(Protocol):
    """Finds rhythms that call for help at once, and what looks like them."""

    @property
    def identity(self) -> ModelIdentity:
        """What reports name."""

    def detect(
        self, waveform: Waveform, r_peak_indices: SampleIndices, quality: SignalQuality
    ) -> MalignantCall:
        """Give an answer for every window; `waveform` holds all leads, usable or not."""


class DiagnosisReader(Protocol):
    """Diagnoses a recording of several leads."""

    @property
    def identity(self) -> ModelIdentity:
        """What reports name."""

    def read(
        self, waveform: Waveform, age_years: float | None, sex: Sex | None
    ) -> DiagnosisCall:
        """Diagnose a recording; `waveform` holds the usable leads only."""


class IntervalEstimator(Protocol):
    """Measures intervals a second time, without a delineation."""

    @property
    def identity(self) -> ModelIdentity:
        """What reports name."""

    def check(
        self, waveform: Waveform, r_peak_indices: SampleIndices, measured: Measurements
    ) -> IntervalCrossCheck:
        """Hold its own values against those measured, which it leaves as they are."""


class PlugIn(Protocol):
    """A hospital's own model."""

    @property
    def identity(self) -> ModelIdentity:
        """What reports name."""

    def answer(
        self, recording: Recording, usable: Waveform, measurements: Measurements
    ) -> PlugInResult:
        """Answer, or give the reason why not; never raises."""


class Explainer(Protocol):
    """Says what the classifiers looked at."""

    def explain(
        self, waveform: Waveform, beats: ClassifiedBeats, windows: Sequence[RhythmWindow]
    ) -> Explanation:
        """Explain some beats and windows, from what the classifiers were given."""


class ReportSink(Protocol):
    """Keeps reports; decides what is a replay."""

    def lookup(
        self, caller: Caller, request_id: str, request_sha256: str, source: EcgSource
    ) -> StoredReport | ReportSlot:
        """Find the report of the same content, or the place of the new one."""

    def add(self, caller: Caller, new: NewReport) -> StoredReport:
        """Commit a report in its place; `SlotTaken` when another was there first."""

    def previous_of(
        self, caller: Caller, source: EcgSource, report_id: str
    ) -> MeasuredReport | None:
        """Find the patient's ECG before this one, other than this report's versions."""

    def record_replay(
        self, caller: Caller, request_id: str, request_sha256: str, report: StoredReport
    ) -> None:
        """Commit that a request came again; `SlotTaken` when its id was taken meanwhile."""

    def record(self, caller: Caller, draft: AuditDraft) -> None:
        """Commit an event that left no report."""

    def stored_ecg(self, caller: Caller, report_id: str) -> Reanalysis:
        """Return what another analysis of a stored ECG starts from."""


@dataclass(frozen=True, slots=True)
class AnalyzedEcg:
    """A stored report and whether an earlier request had made it.

    `explanation` is there when it was asked for.
    """

    report: StoredReport
    replayed: bool
    explanation: render.ExplanationDocuments | None = None


def never() -> bool:
    """Nobody cancels."""
    return False


def find_r_peaks(waveform: Waveform, quality: SignalQuality) -> SampleIndices:
    """R peaks from all leads together, placed on the lead that the classifier reads.

    Also leads that are partly lost are heard: the detector weighs them as it goes.
    """
    lead = choose_lead(waveform.leads, quality.usable_leads) or waveform.leads[0]
    return dsp.detect_r_peaks(
        waveform.samples_mv,
        waveform.sampling_rate_hz,
        fiducial_lead=waveform.leads.index(lead),
    )


class SignalPath:
    """From samples to findings; needs no FHIR and no store.

    Parameters
    ----------
    classifier, rhythm_classifier, malignant_detector
        Name beats and rhythms; shared by all threads. Without the last two the rhythm is
        what rules find in the beats.
    wave_reader
        Corrects the signal core's wave boundaries, which otherwise stand.
    diagnosis_reader, interval_estimator
        Diagnose, and check the measured intervals; without them nobody does.
    explainer
        Says what models looked at, when that is asked.
    plug_ins
        The hospital's own models.
    threads
        How many work at the leads and stretches of one recording, as far as that pays;
        nothing that is found depends on it.
    """

    def __init__(
        self,
        classifier: BeatClassifier,
        rhythm_classifier: RhythmClassifier | None = None,
        malignant_detector: MalignantRhythmDetector | None = None,
        *,
        wave_reader: WaveReader | None = None,
        diagnosis_reader: DiagnosisReader | None = None,
        interval_estimator: IntervalEstimator | None = None,
        explainer: Explainer | None = None,
        plug_ins: Sequence[PlugIn] = (),
        threads: int = 1,
    ) -> None:
        self._classifier = classifier
        self._rhythm_classifier = rhythm_classifier
        self._malignant_detector = malignant_detector
        self._wave_reader = wave_reader
        self._diagnosis_reader = diagnosis_reader
        self._interval_estimator = interval_estimator
        self._explainer = explainer
        self._plug_ins = tuple(plug_ins)
        self._threads = threads
        models = (
            classifier, wave_reader, interval_estimator, rhythm_classifier,
            malignant_detector, diagnosis_reader,
        )  # fmt: skip
        self._models = tuple(model.identity for model in models if model is not None)

    @property
    def models(self) -> tuple[ModelIdentity, ...]:
        """The models behind every analysis, the hospital's own last."""
        return (*self._models, *(each.identity for each in self._plug_ins))

    def analyse(
        self,
        recording: Recording,
        *,
        explain: bool = False,
        cancelled: Callable[[], bool] = never,
    ) -> Analysis:
        """Analyse one recording of any length.

        Noise is described, not refused: leads that cannot be relied upon take no part.
        `explain` adds what the models looked at and changes nothing else.

        Raises
        ------
        DeadlineExceeded
            When `cancelled` turns true between two stages.
        ModelUnavailable
            When a model cannot run.
        """
        waveform = recording.waveform
        quality = dsp.assess_quality(waveform, threads=self._threads)
        usable = waveform.select(quality.usable_leads)
        _stop_if(cancelled)
        r_peaks = find_r_peaks(waveform, quality)
        _stop_if(cancelled)
        beat_quality = dsp.beat_quality(waveform, r_peaks, quality, threads=self._threads)
        beats = replace(self._classifier.classify(usable, r_peaks), quality=beat_quality)
        _stop_if(cancelled)
        marks = dsp.delineate_leads(usable, r_peaks, threads=self._threads)
        waves, global_waves = self._read_waves(usable, r_peaks, marks)
        _stop_if(cancelled)
        quality = _with_swapped_electrodes(quality, waveform, marks)
        measurements, not_measured = dsp.measure(waveform, beats, waves, global_waves)
        interval_check = self._check_intervals(usable, r_peaks, measurements)
        diagnosis = self._diagnose(recording, usable, quality)
        _stop_if(cancelled)
        rhythm_statistics, not_counted = dsp.rhythm_statistics(
            waveform, beats, quality, beat_quality
        )
        _stop_if(cancelled)
        rhythm = self._read_rhythm(waveform, quality, beats, rhythm_statistics)
        morphology = dsp.measure_morphology(waveform, beats, waves, global_waves)
        ecg = interpretation.TwelveLeads(
            measurements, {each.lead: each for each in morphology}, rhythm.label,
            recording.age_years, recording.sex, dsp.paced_share(usable, r_peaks),
        )  # fmt: skip
        reading = interpretation.find(
            rhythm, beats, ecg,
            sampling_rate_hz=waveform.sampling_rate_hz, quality=quality,
            diagnosis=diagnosis, interval_check=interval_check,
        )  # fmt: skip
        plug_ins = tuple(
            each.answer(recording, usable, measurements) for each in self._plug_ins
        )
        _stop_if(cancelled)
        sentences = interpretation.conclude(
            quality,
            beats,
            measurements,
            reading,
            rhythm,
            rhythm_statistics,
            diagnosis,
            plug_ins,
        )
        explanation = None
        if explain and self._explainer is not None:
            _stop_if(cancelled)
            explanation = self._explainer.explain(usable, beats, rhythm.windows)
        return Analysis(
            waveform=waveform,
            quality=quality,
            beats=beats,
            waves=waves,
            measurements=measurements,
            findings=reading.findings,
            conclusion=interpretation.conclusion_of(sentences),
            undetermined=(
                *_silent_leads(waveform, usable),
                *not_measured,
                *not_counted,
                *reading.undetermined,
                *_open_questions(rhythm, beats),
                *_open_diagnoses(diagnosis),
            ),
            models=self._models,
            beat_quality=beat_quality,
            rhythm_statistics=rhythm_statistics,
            rhythm=rhythm,
            explanation=explanation,
            diagnosis=diagnosis,
            interval_check=interval_check,
            morphology=morphology,
            paced_share=ecg.paced_share,
            contradictions=reading.contradictions,
            reservations=reading.reservations,
            sentences=sentences,
            plug_ins=plug_ins,
        )

    def _check_intervals(
        self, waveform: Waveform, r_peaks: SampleIndices, measured: Measurements
    ) -> IntervalCrossCheck | None:
        if self._interval_estimator is None:
            return None
        return self._interval_estimator.check(waveform, r_peaks, measured)

    def _diagnose(
        self, recording: Recording, usable: Waveform, quality: SignalQuality
    ) -> DiagnosisCall | None:
        """Ask the network; what it says of swapped electrodes cannot be relied upon."""
        if self._diagnosis_reader is None:
            return None
        call = self._diagnosis_reader.read(usable, recording.age_years, recording.sex)
        if call.reliable and SWAPPED.intersection(quality.problems):
            return replace(call, reason="limb electrodes seem to be swapped")
        return call

    def _read_rhythm(
        self,
        waveform: Waveform,
        quality: SignalQuality,
        beats: ClassifiedBeats,
        statistics: RhythmStatistics,
    ) -> RhythmReading:
        call = malignant = None
        if self._rhythm_classifier is not None:
            call = self._rhythm_classifier.classify(
                waveform.select(quality.usable_leads), beats, quality
            )
        if self._malignant_detector is not None:
            malignant = self._malignant_detector.detect(
                waveform, beats.r_peak_indices, quality
            )
        return interpretation.read_rhythm(
            waveform, beats, statistics, call=call, malignant=malignant
        )

    def _read_waves(
        self, waveform: Waveform, r_peaks: SampleIndices, marks: tuple[LeadWaves, ...]
    ) -> tuple[tuple[LeadWaves, ...], GlobalWaves]:
        """Correct the core's marks, on which the tests of the electrodes rest."""
        global_marks = dsp.global_waves(marks)
        if self._wave_reader is None:
            return marks, global_marks
        return self._wave_reader.read(
            waveform, r_peaks, marks, global_marks, threads=self._threads
        )


class EcgPipeline:
    """From the bytes of an ECG, as Observation or as file in FHIR, to a stored report.

    Parameters
    ----------
    signal_path, store
        The stages that hold state.
    installation
        What the FHIR stages need to know of it.
    now
        Current time, time-zone aware.
    sheet
        How the sheet of each report is drawn; None: reports have none.
    """

    def __init__(
        self,
        signal_path: SignalPath,
        store: ReportSink,
        installation: fhir.Installation,
        *,
        now: Callable[[], datetime],
        sheet: SheetOptions | None = None,
    ) -> None:
        self._signal_path = signal_path
        self._store = store
        self._installation = installation
        self._now = now
        self._sheet = sheet

    def analyze(
        self,
        caller: Caller,
        *,
        observation: bytes,
        fhir_version: str = "",
        patient: bytes = b"",
        request_id: str = "",
        explain: bool = False,
        cancelled: Callable[[], bool] = never,
    ) -> AnalyzedEcg:
        """Decode, analyse, report and store; the report is committed when this returns.

        `explain` adds what the models looked at, of a replay too; it is not stored.

        Raises
        ------
        RefusedContent
            What the caller sent cannot be accepted; nothing was stored.
        DuplicateWithOtherContent
            The request id or identifier was used with another body.
        StoreUnavailable, ModelUnavailable, DeadlineExceeded
            Nothing was stored.
        """
        decoded = self._decode(observation, fhir_version, patient)
        request_sha256 = hashlib.sha256(observation + b"\0" + patient).hexdigest()
        analysis: Analysis | None = None
        for _ in range(MAX_STORE_ATTEMPTS):
            slot = self._store.lookup(caller, request_id, request_sha256, decoded.source)
            is_replay = isinstance(slot, StoredReport)
            if analysis is None and (explain or not is_replay):
                analysis = self._signal_path.analyse(
                    decoded.recording, explain=explain, cancelled=cancelled
                )
            explanation = (
                render.explanation_documents(analysis) if explain and analysis else None
            )
            try:
                if isinstance(slot, StoredReport):
                    self._store.record_replay(caller, request_id, request_sha256, slot)
                    return AnalyzedEcg(slot, replayed=True, explanation=explanation)
                assert analysis is not None  # noqa: S101  # made above for every slot
                earlier = self._store.previous_of(caller, decoded.source, slot.report_id)
                new = self._report(
                    _compared(analysis, earlier), decoded, slot, request_id, request_sha256
                )
                _stop_if(cancelled)
                stored = self._store.add(caller, new)
            except SlotTaken:
                continue
            return AnalyzedEcg(stored, replayed=False, explanation=explanation)
        msg = "too many versions of this ECG are being written at once"
        raise Overloaded(msg)

    def reanalyze(
        self, caller: Caller, report_id: str, *, cancelled: Callable[[], bool] = never
    ) -> AnalyzedEcg:
        """Analyse a stored ECG again, with the models of now.

        A preliminary report gets a new version. Beside one that was signed another report
        is stored, which names it: what a clinician stands for is never overwritten. With
        the models that are behind the report already, the report is returned as it is.

        Raises
        ------
        ReportNotFound
        StoreUnavailable, ModelUnavailable, DeadlineExceeded
            Nothing was stored.
        """
        for _ in range(MAX_STORE_ATTEMPTS):
            again = self._store.stored_ecg(caller, report_id)
            if again.models == self._signal_path.models:
                self._store.record(caller, _nothing_new(again.report))
                return AnalyzedEcg(again.report, replayed=True)
            decoded = self._decode(again.body, "", b"")
            recording = replace(decoded.recording, sex=again.sex, age_years=again.age_years)
            decoded = replace(decoded, recording=recording)
            analysis = self._signal_path.analyse(recording, cancelled=cancelled)
            is_open = again.report.status == ReportStatus.PRELIMINARY
            slot = (
                ReportSlot(report_id, again.report.version + 1)
                if is_open
                else ReportSlot(str(uuid.uuid4()), 1)
            )
            earlier = self._store.previous_of(caller, decoded.source, report_id)
            new = self._report(_compared(analysis, earlier), decoded, slot, "", "")
            _stop_if(cancelled)
            try:
                stored = self._store.add(caller, replace(new, again=again))
            except SlotTaken:
                continue
            return AnalyzedEcg(stored, replayed=False)
        msg = "too many versions of this ECG are being written at once"
        raise Overloaded(msg)

    def _draw_sheet(
        self,
        analysis: Analysis,
        decoded: fhir.DecodedEcg,
        slot: ReportSlot,
        issued_at: datetime,
    ) -> Sheet | None:
        if self._sheet is None:
            return None
        header = fhir.sheet_header(
            decoded, slot, issued_at=issued_at, installation=self._installation
        )
        return render.render_sheet(analysis, header, self._sheet)

    def validate(
        self,
        caller: Caller,
        *,
        observation: bytes,
        fhir_version: str = "",
        patient: bytes = b"",
    ) -> tuple[bool, bytes]:
        """Say whether `analyze` would accept the body, with the OperationOutcome."""
        try:
            decoded = self._decode(observation, fhir_version, patient)
            valid, outcome = True, fhir.all_ok_outcome(decoded.warnings)
        except RefusedContent as error:
            valid, outcome = False, fhir.operation_outcome(error)
        answer = {"valid": "true" if valid else "false"}
        self._store.record(caller, AuditDraft(Operation.VALIDATE, details=answer))
        return valid, outcome

    def _report(
        self,
        analysis: Analysis,
        decoded: fhir.DecodedEcg,
        slot: ReportSlot,
        request_id: str,
        request_sha256: str,
    ) -> NewReport:
        issued_at = self._now()
        sheet = self._draw_sheet(analysis, decoded, slot, issued_at)
        documents, codes = fhir.build_documents(
            analysis, decoded.source, slot,
            issued_at=issued_at, installation=self._installation, sheet=sheet,
        )  # fmt: skip
        return NewReport(
            slot, decoded.source, request_id, request_sha256,
            analysis, documents, codes, issued_at,
            sex=decoded.recording.sex, age_years=decoded.recording.age_years,
        )  # fmt: skip

    def _decode(
        self, observation: bytes, fhir_version: str, patient: bytes
    ) -> fhir.DecodedEcg:
        decoded = fhir.decode_ecg(
            observation,
            read_file=convert.read_bytes,
            fhir_version=fhir_version,
            patient=patient,
            parse_samples=dsp.parse_sampled_data,
            default_zone=self._installation.default_zone,
        )
        waveform = decoded.recording.waveform
        if contradicting := dsp.contradicting_limb_leads(waveform):
            msg = (
                f"leads {', '.join(contradicting)} contradict each other (I + III = II, "
                "aVR = -(I + II)/2 …): one is mislabelled, inverted or scaled"
            )
            raise InvalidElement(msg, expression=decoded.lead_expressions[contradicting[0]])
        return decoded


def _compared(analysis: Analysis, earlier: MeasuredReport | None) -> Analysis:
    """Add the comparison with the patient's ECG before; its sentences come last but one."""
    if earlier is None:
        return analysis
    serial = interpretation.compare(
        earlier,
        analysis.measurements,
        [StatedFinding(f.coding.system, f.coding.code, f.text) for f in analysis.findings],
        [
            (model.name, model.version)
            for model in (*analysis.models, *(each.model for each in analysis.plug_ins))
        ],
    )
    *said, closing = analysis.sentences
    sentences = (*said, *interpretation.serial_sentences(serial), closing)
    return replace(
        analysis,
        serial=serial,
        sentences=sentences,
        conclusion=interpretation.conclusion_of(sentences),
    )


def _nothing_new(report: StoredReport) -> AuditDraft:
    return AuditDraft(
        Operation.REANALYZE,
        report_id=report.report_id,
        version=report.version,
        details={"models": "those of the report"},
    )


def _stop_if(cancelled: Callable[[], bool]) -> None:
    if cancelled():
        msg = "the deadline passed or the caller left; the work was stopped"
        raise DeadlineExceeded(msg)


def _with_swapped_electrodes(
    quality: SignalQuality, waveform: Waveform, waves: tuple[LeadWaves, ...]
) -> SignalQuality:
    swap = dsp.swapped_limb_electrodes(waveform, waves)
    return replace(quality, problems=(*quality.problems, swap)) if swap else quality


def _open_questions(
    rhythm: RhythmReading, beats: ClassifiedBeats
) -> tuple[Undetermined, ...]:
    questions = [Undetermined("rhythm", rhythm.reason)] if rhythm.reason else []
    if beats.n_unsure:
        reason = (
            f"the class of {beats.n_unsure} of {beats.n_beats} beats is not sure "
            f"(probability below {beats.least_probability:.2f}, or noise)"
        )
        questions.append(Undetermined("beats", reason))
    return tuple(questions)


def _open_diagnoses(call: DiagnosisCall | None) -> tuple[Undetermined, ...]:
    """Why there is no diagnosis, or which superclasses are neither present nor absent."""
    if call is None:
        return (NO_DIAGNOSIS,)
    if call.reason:
        return (Undetermined("diagnosis", call.reason),)
    return tuple(
        Undetermined(
            f"diagnosis.superclasses.{each}",
            f"{SUPERCLASS_WORDS[each]} can be neither stated nor ruled out with 90 % "
            "confidence",
        )
        for each, said in call.superclasses.items()
        if said.answer is None
    )


def _silent_leads(waveform: Waveform, usable: Waveform) -> tuple[Undetermined, ...]:
    return tuple(
        Undetermined(
            f"waves.{lead}", "this lead is flat, mostly missing or no electrocardiogram"
        )
        for lead in waveform.leads
        if lead not in usable.leads
    )
