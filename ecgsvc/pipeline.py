"""From the bytes of an ECG to a stored report; the only module that knows the order.

FHIR Observation → decode → analyse → compare → sheet → report → store.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from ecgsvc import convert, dsp, fhir, render
from ecgsvc.domain.analysis import Analysis
from ecgsvc.domain.audit import AuditDraft, Operation
from ecgsvc.domain.caller import Caller
from ecgsvc.domain.errors import (
    InvalidElement,
    Overloaded,
    RefusedContent,
    SlotTaken,
    within,
)
from ecgsvc.domain.report import (
    EcgSource,
    Identifier,
    NewReport,
    Reanalysis,
    Replay,
    ReportSlot,
    SentEcg,
    StoredReport,
)
from ecgsvc.domain.serial import MeasuredReport
from ecgsvc.domain.sheet import Sheet, SheetOptions
from ecgsvc.domain.signing import ReportStatus
from ecgsvc.signal_path import SignalPath
from ecgsvc.signal_path.cancelling import never, stop_if
from ecgsvc.signal_path.comparing import compared, newest_before

MAX_STORE_ATTEMPTS = 100
"""Concurrent amendments of one ECG take turns; each round at least one is stored."""


class ReportSink(Protocol):
    """Keeps reports; decides what is a replay."""

    def lookup(
        self, caller: Caller, request_id: str, request_sha256: str, source: EcgSource
    ) -> StoredReport | ReportSlot:
        """Find the report of the same content, or the place of the new one."""

    def add_all(
        self, caller: Caller, entries: Sequence[NewReport | Replay]
    ) -> tuple[StoredReport, ...]:
        """Commit reports in their places, and that requests came again, all or none.

        `SlotTaken` when another was first with a place or a request id.
        """

    def previous_of(
        self, caller: Caller, source: EcgSource, report_id: str
    ) -> MeasuredReport | None:
        """Find the patient's ECG before this one, other than this report's versions."""

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


@dataclass(slots=True)
class _Reading:
    """An ECG on its way to a report."""

    sent: SentEcg
    decoded: fhir.DecodedEcg
    analysis: Analysis | None = None


class EcgPipeline:
    """From the bytes of an ECG, as Observation or as file in FHIR, to a stored report.

    Parameters
    ----------
    signal_path, store
        The stages that hold state.
    installation
        What the FHIR stages need to know of it.
    tenants
        The same for tenants that want it otherwise.
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
        tenants: Mapping[str, fhir.Installation] | None = None,
    ) -> None:
        self._signal_path = signal_path
        self._store = store
        self._installation = installation
        self._tenants = tenants or {}
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
        sent = SentEcg(observation, fhir_version, patient, request_id)
        [analyzed] = self._together(caller, [sent], explain=explain, cancelled=cancelled)
        return analyzed

    def analyze_together(
        self,
        caller: Caller,
        ecgs: Sequence[SentEcg],
        *,
        cancelled: Callable[[], bool] = never,
    ) -> tuple[AnalyzedEcg, ...]:
        """Analyse several ECGs and store all their reports in one transaction, or none.

        Errors as of `analyze`, with the FHIRPath of the ECG they are about; two of them
        with one identifier are refused.
        """
        return self._together(caller, ecgs, explain=False, cancelled=cancelled)

    def _together(
        self,
        caller: Caller,
        ecgs: Sequence[SentEcg],
        *,
        explain: bool,
        cancelled: Callable[[], bool],
    ) -> tuple[AnalyzedEcg, ...]:
        readings = [_Reading(sent, self._decode_sent(caller, sent)) for sent in ecgs]
        _refuse_shared_identifiers(readings)
        for _ in range(MAX_STORE_ATTEMPTS):
            made: dict[int, NewReport | Replay] = {}
            for i in _oldest_first(readings):
                made[i] = self._entry(
                    caller, readings[i], made.values(), explain=explain, cancelled=cancelled
                )
            entries = [made[i] for i in range(len(readings))]
            stop_if(cancelled)
            explanations = [
                render.explanation_documents(each.analysis)
                if explain and each.analysis
                else None
                for each in readings
            ]
            try:
                stored = self._store.add_all(caller, entries)
            except SlotTaken:
                continue
            return tuple(
                AnalyzedEcg(report, isinstance(entry, Replay), explanation)
                for report, entry, explanation in zip(
                    stored, entries, explanations, strict=True
                )
            )
        msg = "too many versions of this ECG are being written at once"
        raise Overloaded(msg)

    def _entry(
        self,
        caller: Caller,
        reading: _Reading,
        others: Iterable[NewReport | Replay],
        *,
        explain: bool,
        cancelled: Callable[[], bool],
    ) -> NewReport | Replay:
        """Say what is to be stored of an ECG, which is analysed once however often.

        `others` will be stored with it.
        """
        sent, source = reading.sent, reading.decoded.source
        with within(sent.place):
            slot = self._store.lookup(caller, sent.request_id, sent.sha256, source)
            is_replay = isinstance(slot, StoredReport)
            if reading.analysis is None and (explain or not is_replay):
                reading.analysis = self._signal_path.analyse(
                    reading.decoded.recording, explain=explain, cancelled=cancelled
                )
        if isinstance(slot, StoredReport):
            return Replay(slot, sent.request_id, sent.sha256)
        assert reading.analysis is not None  # noqa: S101  # made above for every slot
        stored = self._store.previous_of(caller, source, slot.report_id)
        news = [each for each in others if isinstance(each, NewReport)]
        analysis = compared(reading.analysis, newest_before(source, stored, news))
        return self._report(
            caller, analysis, reading.decoded, slot, sent.request_id, sent.sha256
        )

    def _decode_sent(self, caller: Caller, sent: SentEcg) -> fhir.DecodedEcg:
        with within(sent.place):
            return self._decode(caller, sent.observation, sent.fhir_version, sent.patient)

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
            decoded = self._decode(caller, again.body, "", b"")
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
            analysis = compared(analysis, earlier)
            beside = None if is_open else report_id
            new = self._report(caller, analysis, decoded, slot, "", "", beside=beside)
            stop_if(cancelled)
            try:
                [stored] = self._store.add_all(caller, [replace(new, again=again)])
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
        installation: fhir.Installation,
    ) -> Sheet | None:
        if self._sheet is None:
            return None
        header = fhir.sheet_header(
            decoded, slot, issued_at=issued_at, installation=installation
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
            decoded = self._decode(caller, observation, fhir_version, patient)
            valid, outcome = True, fhir.all_ok_outcome(decoded.warnings)
        except RefusedContent as error:
            valid, outcome = False, fhir.operation_outcome(error)
        answer = {"valid": "true" if valid else "false"}
        self._store.record(caller, AuditDraft(Operation.VALIDATE, details=answer))
        return valid, outcome

    def _report(
        self,
        caller: Caller,
        analysis: Analysis,
        decoded: fhir.DecodedEcg,
        slot: ReportSlot,
        request_id: str,
        request_sha256: str,
        *,
        beside: str | None = None,
    ) -> NewReport:
        issued_at, installation = self._now(), self._of(caller)
        sheet = self._draw_sheet(analysis, decoded, slot, issued_at, installation)
        documents, codes = fhir.build_documents(
            analysis, decoded.source, slot,
            issued_at=issued_at, installation=installation, sheet=sheet, beside=beside,
        )  # fmt: skip
        return NewReport(
            slot, decoded.source, request_id, request_sha256,
            analysis, documents, codes, issued_at,
            sex=decoded.recording.sex, age_years=decoded.recording.age_years,
        )  # fmt: skip

    def _of(self, caller: Caller) -> fhir.Installation:
        return self._tenants.get(caller.tenant, self._installation)

    def _decode(
        self, caller: Caller, observation: bytes, fhir_version: str, patient: bytes
    ) -> fhir.DecodedEcg:
        installation = self._of(caller)
        decoded = fhir.decode_ecg(
            observation,
            read_file=convert.read_bytes,
            fhir_version=fhir_version,
            patient=patient,
            parse_samples=dsp.parse_sampled_data,
            default_zone=installation.default_zone,
            limits=fhir.Limits(unitless_origin=installation.unitless_origin),
        )
        waveform = decoded.recording.waveform
        if contradicting := dsp.contradicting_limb_leads(waveform):
            msg = (
                f"leads {', '.join(contradicting)} contradict each other (I + III = II, "
                "aVR = -(I + II)/2 …): one is mislabelled, inverted or scaled"
            )
            raise InvalidElement(msg, expression=decoded.lead_expressions[contradicting[0]])
        return decoded


def _oldest_first(readings: Sequence[_Reading]) -> list[int]:
    """Return the order in which ECGs are reported, as each is compared with one before."""
    times = [each.decoded.source.effective_at for each in readings]
    return sorted(range(len(readings)), key=times.__getitem__)


def _refuse_shared_identifiers(readings: Sequence[_Reading]) -> None:
    """Refuse two ECGs of one transaction that are the same, or say they are."""
    taken: set[Identifier] = set()
    for each in readings:
        own = set(each.decoded.source.identifiers)
        if own & taken:
            msg = "an ECG before this one has the same identifier: send each ECG once"
            with within(each.sent.place):
                raise InvalidElement(msg, expression="Observation.identifier")
        taken |= own


def _nothing_new(report: StoredReport) -> AuditDraft:
    return AuditDraft(
        Operation.REANALYZE,
        report_id=report.report_id,
        version=report.version,
        details={"models": "those of the report"},
    )
