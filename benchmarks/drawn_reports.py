"""Reports as the benchmark of the records draws them: most common, some rare."""

import hashlib
import random
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from ecgsvc.domain.analysis import Analysis, ModelIdentity
from ecgsvc.domain.beats import ClassifiedBeats
from ecgsvc.domain.findings import SNOMED_CT, Coding, Finding
from ecgsvc.domain.measurements import Measurements, Undetermined
from ecgsvc.domain.quality import LeadQuality, SignalQuality
from ecgsvc.domain.report import EcgSource, NewReport, ReportDocuments, ReportSlot
from ecgsvc.domain.waveform import Waveform

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
DAYS = 365
N_PATIENTS = 20_000
SOURCE_BYTES = 2_000
ECG_STUDY = Coding("http://loinc.org", "11524-6", "EKG study")
FINDINGS = {
    Coding(SNOMED_CT, "426783006", "Sinus rhythm"): 0.7,
    Coding(SNOMED_CT, "49436004", "Atrial fibrillation"): 0.1,
    Coding(SNOMED_CT, "17338001", "Ventricular premature beats"): 0.2,
    Coding(SNOMED_CT, "164909002", "Left bundle branch block"): 0.03,
    Coding(SNOMED_CT, "71908006", "Ventricular fibrillation"): 0.0005,
}
MODELS = (
    ModelIdentity("beats", "3.0.0", "ab" * 32),
    ModelIdentity("rhythm", "2.0.0", "cd" * 32),
)
OLD_MODEL = ModelIdentity("rhythm", "1.9.0", "ef" * 32)
WAVEFORM = Waveform(np.zeros((1, 10)), 500.0, ("I",))
NEVER_MEASURED = Measurements()


def a_report(rng: random.Random, number: int) -> NewReport:
    """Draw a report: most common, some rare; times spread over a year."""
    effective_at = BEGIN + timedelta(seconds=rng.randrange(DAYS * 24 * 3600))
    findings = [finding for finding, share in FINDINGS.items() if rng.random() < share]
    body = rng.randbytes(SOURCE_BYTES // 2).hex().encode()
    source = EcgSource(
        body=body,
        sha256=hashlib.sha256(body).hexdigest(),
        fhir_version="4.0.1",
        status="final",
        identifiers=(),
        subject_reference=f"Patient/{rng.randrange(N_PATIENTS)}",
        subject_identifier=None,
        effective_at=effective_at,
        carried={},
    )
    slot = ReportSlot(str(uuid.UUID(int=rng.getrandbits(128), version=4)), 1)
    return NewReport(
        slot=slot,
        source=source,
        request_id="",
        request_sha256=source.sha256,
        analysis=an_analysis(rng, findings),
        documents=some_documents(rng, slot),
        codes=(ECG_STUDY, *findings),
        issued_at=effective_at + timedelta(seconds=rng.randrange(60, 600)),
        status=rng.choices(("preliminary", "final", "amended"), (80, 19, 1))[0],
        sex=rng.choice(("female", "male")),
        age_years=round(rng.uniform(20, 95), 1),
    )


def an_analysis(rng: random.Random, findings: list[Coding]) -> Analysis:
    """Draw what is measured, left open, and by which models."""
    return Analysis(
        waveform=WAVEFORM,
        quality=SignalQuality((LeadQuality("I", True, 0.0, 0.0, ()),)),
        beats=ClassifiedBeats(np.array([1]), np.eye(5, dtype=np.float32)[[0]]),
        waves=(),
        measurements=replace(
            NEVER_MEASURED,
            heart_rate_bpm=rng.gauss(75, 15),
            pr_ms=rng.gauss(160, 25) if rng.random() < 0.9 else None,
            qrs_ms=rng.gauss(95, 15),
            qt_ms=rng.gauss(390, 30),
            qtc_fridericia_ms=rng.gauss(420, 28),
            qtc_bazett_ms=rng.gauss(425, 30),
            qrs_axis_deg=rng.gauss(30, 40),
        ),
        findings=tuple(Finding(each, each.display, ()) for each in findings),
        conclusion="A rate, a rhythm, intervals and a warning: as long as most are.",
        undetermined=tuple(
            Undetermined(path, "")
            for path, share in (("rhythm", 0.08), ("beats", 0.02), ("diagnosis", 0.15))
            if rng.random() < share
        ),
        models=(MODELS[0], OLD_MODEL if rng.random() < 0.02 else MODELS[1]),
    )


def some_documents(rng: random.Random, slot: ReportSlot) -> ReportDocuments:
    """Documents of a third of their true size, which is filled up by the samples."""

    def text(size: int) -> bytes:
        return b'{"id":"%s","x":"%s"}' % (
            slot.report_id.encode(),
            rng.randbytes(size).hex().encode(),
        )

    return ReportDocuments(text(400), (text(800), text(300)), text(400), b'{"d":1}')
