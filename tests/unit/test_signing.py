"""A signature replaces the machine's status on the sheet, not what is urgent."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ecgsvc import fhir
from ecgsvc.domain.caller import Caller
from ecgsvc.domain.findings import SNOMED_CT, Coding, Evidence, Finding, Urgency
from ecgsvc.domain.report import StoredReport
from ecgsvc.domain.signing import ReportStatus, SignedVersion, StatusChange
from ecgsvc.render import render_sheet
from ecgsvc.signing import ReportSigner
from tests.unit.fhir.fhir_helpers import (
    EFFECTIVE,
    ISSUED,
    REPORT_ID,
    a_recording,
    an_analysis,
    decode,
    documents,
)
from tests.unit.render.drawn import PdfPage
from tests.unit.render.sheets import header

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
DOCTOR = Caller("default", "dr", name="Dr Muster")
OWN_WORDS = {"conclusion": "Pacemaker, no ventricular tachycardia."}
OWN_CODES = {"codes": (Coding(SNOMED_CT, "426783006", "Sinus rhythm"),)}


def graded(code: str, text: str, urgency: Urgency) -> Finding:
    return Finding(Coding(SNOMED_CT, code, text), text, (Evidence("beats", "x"),), urgency)


def a_stored_report() -> StoredReport:
    findings = (
        graded("164889003", "Atrial fibrillation", Urgency.PROMPT),
        graded("25569003", "Ventricular tachycardia", Urgency.EMERGENCY),
        graded("17338001", "Ventricular premature beats", Urgency.ROUTINE),
    )
    analysis = an_analysis(findings=findings)
    body = fhir.encode_observation(
        a_recording(), subject="Patient/1", effective_at=EFFECTIVE
    )
    sheet = render_sheet(analysis, header())
    made, _ = documents(decode(body).source, analysis, sheet=sheet)
    return StoredReport(
        REPORT_ID, 1, "preliminary", "Patient/1", None, EFFECTIVE, ISSUED, "0" * 64,
        analysis.conclusion, made,
    )  # fmt: skip


class Versions:
    """A store of one report."""

    def __init__(self) -> None:
        self.report = a_stored_report()

    def peek(self, *_: object) -> StoredReport:
        return self.report

    def add_signed(self, _caller: Caller, new: SignedVersion) -> StoredReport:
        self.report = replace(
            self.report,
            version=new.base_version + 1,
            status=new.status.value,
            documents=new.documents,
        )
        return self.report


def signed_sheet(store: Versions, status: ReportStatus, **own: object) -> list[str]:
    change = StatusChange(
        REPORT_ID, store.report.version, status, "cardiologist", "read", **own
    )
    signed = ReportSigner(store, now=lambda: NOW).update_status(DOCTOR, change)
    sheet = fhir.sheet_of(signed.documents.diagnostic_report)
    assert sheet is not None
    return PdfPage(sheet).texts


URGENT = ["EMERGENCY: Ventricular tachycardia", "PROMPT: Atrial fibrillation"]


def urgent(texts: list[str]) -> list[str]:
    return [text for text in texts if text.startswith(("EMERGENCY", "PROMPT"))]


def test_what_is_urgent_stays_on_the_sheets_of_signers_who_agree() -> None:
    store = Versions()
    final = signed_sheet(store, ReportStatus.FINAL)
    assert urgent(final) == URGENT
    assert "Signed by Dr Muster" in final
    assert urgent(signed_sheet(store, ReportStatus.CORRECTED)) == URGENT


@pytest.mark.parametrize("own", [OWN_WORDS, OWN_CODES])
def test_a_signer_who_disagrees_takes_it_away(own: dict[str, object]) -> None:
    store = Versions()
    assert urgent(signed_sheet(store, ReportStatus.FINAL, **own)) == []
    assert urgent(signed_sheet(store, ReportStatus.AMENDED)) == URGENT


def test_a_report_that_is_taken_back_is_not_urgent() -> None:
    assert urgent(signed_sheet(Versions(), ReportStatus.ENTERED_IN_ERROR)) == []
