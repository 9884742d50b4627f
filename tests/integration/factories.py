"""Plausible reports to store, without running the analysis."""

import hashlib
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ecgsvc import fhir
from ecgsvc.domain.analysis import Analysis, ModelIdentity
from ecgsvc.domain.beats import ClassifiedBeats
from ecgsvc.domain.caller import Caller, Role
from ecgsvc.domain.errors import SlotTaken
from ecgsvc.domain.findings import SNOMED_CT, Coding, Evidence, Finding, Urgency
from ecgsvc.domain.measurements import Measurements, Undetermined
from ecgsvc.domain.quality import LeadQuality, SignalQuality
from ecgsvc.domain.report import (
    EcgSource,
    Identifier,
    NewReport,
    Replay,
    ReportDocuments,
    ReportSlot,
    Signature,
    StoredReport,
)
from ecgsvc.domain.signing import ReportStatus, SignedVersion
from ecgsvc.domain.waveform import STANDARD_LEADS, Waveform
from ecgsvc.store import Notary, ReportStore
from ecgsvc.trail import SigningKey

CALLER = Caller("default", "tester", roles=frozenset(Role))
KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
"""The same in every process: no store goes on with another's trail."""
SINUS_RHYTHM = Coding(SNOMED_CT, "426783006", "Sinus rhythm")
ECG_STUDY = Coding("http://loinc.org", "11524-6", "EKG study")
ISSUED_AT = datetime(2026, 3, 4, 9, 30, 15, 123456, tzinfo=UTC)


def open_store(url: str, key: SigningKey = KEY, **options: Any) -> ReportStore:
    """Open a store that signs its trail with a key of this test run."""
    return ReportStore(url, Notary(key, fhir.audit_event), **options)


def an_identifier(value: str | None = None) -> Identifier:
    return Identifier("urn:hospital:ecg", value or uuid.uuid4().hex)


def a_source(
    *identifiers: Identifier,
    content: bytes | None = None,
    status: str = "final",
    subject_reference: str | None = "Patient/1",
    subject_identifier: Identifier | None = None,
    effective_at: datetime = datetime(2026, 3, 4, 9, 0, tzinfo=UTC),
    size: int = 0,
) -> EcgSource:
    body = (content or uuid.uuid4().bytes) + bytes(size)
    return EcgSource(
        body=body,
        sha256=hashlib.sha256(body).hexdigest(),
        fhir_version="4.0.1",
        status=status,
        identifiers=identifiers,
        subject_reference=subject_reference,
        subject_identifier=subject_identifier,
        effective_at=effective_at,
        carried={},
    )


def an_analysis(*, findings: Sequence[Coding] = (SINUS_RHYTHM,)) -> Analysis:
    return Analysis(
        waveform=Waveform(np.zeros((12, 5000)), 500.0, STANDARD_LEADS),
        quality=SignalQuality(
            tuple(LeadQuality(lead, True, 0.0, 0.0, ()) for lead in STANDARD_LEADS)
        ),
        beats=ClassifiedBeats(
            np.array([400, 820, 1240]), np.eye(5, dtype=np.float32)[[0, 0, 2]]
        ),
        waves=(),
        measurements=Measurements(
            heart_rate_bpm=71.4,
            rr_ms=840.0,
            p_ms=104.0,
            pr_ms=162.0,
            qrs_ms=92.5,
            qt_ms=388.0,
            qtc_fridericia_ms=411.2,
            qtc_bazett_ms=423.3,
            p_axis_deg=None,
            qrs_axis_deg=-12.5,
            t_axis_deg=34.0,
            r_amplitude_mv={"I": 0.8, "II": 1.25, "V1": None},
            t_amplitude_mv={"I": 0.2, "II": 0.31},
        ),
        findings=tuple(
            Finding(
                coding,
                coding.display,
                (Evidence("measurements.heart_rate_bpm", "71 beats/min"),),
                Urgency.PROMPT,
            )
            for coding in findings
        ),
        conclusion="Sinus rhythm, 71 beats/min.",
        undetermined=(Undetermined("measurements.p_axis_deg", "P is too small"),),
        models=(ModelIdentity("beats", "1.0.0", "ab" * 32),),
    )


def some_documents(slot: ReportSlot, *, size: int = 0) -> ReportDocuments:
    name = f"{slot.report_id}/{slot.version}".encode()
    return ReportDocuments(
        diagnostic_report=b'{"resourceType":"DiagnosticReport"} ' + name + bytes(size),
        observations=(b"measurements " + name, b"rhythm " + name),
        provenance=b"provenance " + name,
        device=b"device",
        further=(b"risk " + name, b"its provenance " + name),
    )


def a_report(
    slot: ReportSlot,
    source: EcgSource,
    *,
    request_id: str = "",
    request_sha256: str | None = None,
    findings: Sequence[Coding] = (SINUS_RHYTHM,),
    status: str = "preliminary",
) -> NewReport:
    return NewReport(
        slot=slot,
        source=source,
        request_id=request_id,
        request_sha256=request_sha256 or source.sha256,
        analysis=an_analysis(findings=findings),
        documents=some_documents(slot),
        codes=(ECG_STUDY, *findings),
        issued_at=ISSUED_AT,
        status=status,
    )


def a_signing(
    report: StoredReport,
    status: ReportStatus = ReportStatus.FINAL,
    *,
    conclusion: str | None = None,
    codes: tuple[Coding, ...] = (),
) -> SignedVersion:
    signature = Signature("dr", "Dr Muster", "cardiologist", "read", conclusion, codes)
    slot = ReportSlot(report.report_id, report.version + 1)
    return SignedVersion(
        report_id=report.report_id,
        base_version=report.version,
        status=status,
        signature=signature,
        documents=some_documents(slot),
        issued_at=ISSUED_AT,
    )


def submit(
    store: ReportStore,
    source: EcgSource,
    *,
    request_id: str = "",
    findings: Sequence[Coding] = (SINUS_RHYTHM,),
    status: str = "preliminary",
    caller: Caller = CALLER,
) -> StoredReport:
    """Store a report as the pipeline does: look up, add, and again after a lost race."""
    while True:
        place = store.lookup(caller, request_id, source.sha256, source)
        if isinstance(place, StoredReport):
            try:
                store.add_all(caller, [Replay(place, request_id, source.sha256)])
            except SlotTaken:
                continue
            return place
        new = a_report(
            place, source, request_id=request_id, findings=findings, status=status
        )
        try:
            return store.add(caller, new)
        except SlotTaken:
            continue
