"""Signed reports are found by who or what disagrees with them."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from factories import (
    CALLER,
    KEY,
    SINUS_RHYTHM,
    a_report,
    a_signing,
    a_source,
    open_store,
    submit,
)
from typer.testing import CliRunner

from ecgsvc.cli import app
from ecgsvc.domain.export import ExportContent
from ecgsvc.domain.findings import SNOMED_CT, Coding
from ecgsvc.domain.report import Reanalysed, ReportQuery, ReportSlot, StoredReport
from ecgsvc.domain.signing import ReportStatus
from ecgsvc.store import ReportStore, listing

FLUTTER = Coding(SNOMED_CT, "5370000", "Atrial flutter")


@dataclass(frozen=True)
class Signed:
    """Ids of reports, by what their signer did."""

    unsigned: str
    agreed: str
    in_words: str
    in_codes: str
    retracted: str


@pytest.fixture
def signed(store: ReportStore) -> Signed:
    reports = [submit(store, a_source()) for _ in range(5)]
    _, agreed, in_words, in_codes, retracted = reports
    store.add_signed(CALLER, a_signing(agreed))
    store.add_signed(CALLER, a_signing(in_words, conclusion="No."))
    store.add_signed(CALLER, a_signing(in_codes, conclusion="Flutter.", codes=(FLUTTER,)))
    store.add_signed(CALLER, a_signing(retracted, ReportStatus.ENTERED_IN_ERROR))
    return Signed(*(report.report_id for report in reports))


@pytest.mark.parametrize("rare", [1, 1000])
def test_signer_disagreement_and_their_codes_are_searched(
    store: ReportStore, signed: Signed, rare: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "RARE", rare)
    monkeypatch.setattr(listing, "COMMON", rare)

    def ids(**terms: object) -> set[str]:
        page = store.list(CALLER, ReportQuery(**terms))  # type: ignore[arg-type]
        return {report.report_id for report in page.reports}

    [signer] = {each.signer for each in exported(store).values() if each.signer is not None}
    everyone = {signed.agreed, signed.in_words, signed.in_codes, signed.retracted}
    assert ids(signer=signer) == everyone
    assert ids(signer="nobody") == set()
    assert ids(disagrees=True) == {signed.in_words, signed.in_codes}
    assert ids(disagrees=False) == {signed.agreed, signed.retracted}
    assert ids(signer_code=FLUTTER.code) == {signed.in_codes}
    assert ids(conclusion_code=FLUTTER.code) == set()
    assert ids(disagrees=True, conclusion_code=SINUS_RHYTHM.code) == {
        signed.in_words,
        signed.in_codes,
    }


def exported(store: ReportStore):
    export = store.export(CALLER, ReportQuery(), ExportContent.VALUES, details={})
    return {each.report.report_id: each for each in export.reports}


def test_exports_tell_what_the_signer_stands_for(
    store: ReportStore, signed: Signed
) -> None:
    found = exported(store)
    assert found[signed.unsigned].signer is None
    assert found[signed.agreed].signed_codes == (SINUS_RHYTHM.code,)
    assert found[signed.in_codes].signed_codes == (FLUTTER.code,)
    for name in (signed.unsigned, signed.in_words, signed.retracted):
        assert found[name].signed_codes is None


def rerun(
    store: ReportStore, name: str, findings: tuple[Coding, ...], qrs_ms: float = 92.5
) -> StoredReport:
    """Analyse a signed ECG again; return the signed report."""
    source = a_source(content=name.encode())
    first = submit(store, source)
    signed = store.add_signed(CALLER, a_signing(first, codes=(FLUTTER,)))
    again = store.stored_ecg(CALLER, signed.report_id)
    new = a_report(ReportSlot(name, 1), source, findings=findings)
    measurements = replace(new.analysis.measurements, qrs_ms=qrs_ms)
    analysis = replace(new.analysis, measurements=measurements)
    store.add(CALLER, replace(new, again=again, analysis=analysis))
    return signed


@pytest.mark.parametrize("rare", [1, 1000])
def test_other_analyses_are_found_by_whether_they_differ_from_what_was_signed(
    store: ReportStore, rare: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "RARE", rare)

    rerun(store, "same", (SINUS_RHYTHM,))
    rerun(store, "more", (SINUS_RHYTHM, FLUTTER))
    rerun(store, "none", ())
    submit(store, a_source())
    found = {
        asked: sorted(
            report.report_id
            for report in store.list(CALLER, ReportQuery(reanalysed=asked)).reports
        )
        for asked in Reanalysed
    }
    assert found == {
        Reanalysed.ANY: ["more", "none", "same"],
        Reanalysed.DIFFERS: ["more", "none"],
        Reanalysed.AGREES: ["same"],
    }
    query = ReportQuery(reanalysed=Reanalysed.DIFFERS, conclusion_code=FLUTTER.code)
    assert [each.report_id for each in store.list(CALLER, query).reports] == ["more"]


def test_the_command_lists_what_another_analysis_says_differently(sqlite_url: str) -> None:
    KEY.write(Path(f"{sqlite_url.removeprefix('sqlite:///')}.audit-key.pem"))
    store = open_store(sqlite_url)
    rerun(store, "same", (SINUS_RHYTHM,))
    signed = rerun(store, "flutter", (FLUTTER,))
    rerun(store, "wider", (SINUS_RHYTHM,), qrs_ms=120.0)
    gone = rerun(store, "gone", ())
    store.close()
    command = ["reports", "disagreements", "--database", sqlite_url]
    done = CliRunner().invoke(app, [*command, "--json"])
    found = {each["name"]: each["differs_from"] for each in json.loads(done.stdout)}
    assert set(found) == {f"reports/{n}/versions/1" for n in ("flutter", "wider", "gone")}
    flutter = found["reports/flutter/versions/1"]
    assert flutter["report"] == f"reports/{signed.report_id}/versions/{signed.version}"
    assert [each["code"] for each in flutter["appeared"]] == [FLUTTER.code]
    assert [each["code"] for each in flutter["vanished"]] == [SINUS_RHYTHM.code]
    wider = found["reports/wider/versions/1"]["changes"]
    assert [each["name"] for each in wider if each["exceeds"]] == ["qrs_ms"]
    narrowed = CliRunner().invoke(app, [*command, "--filter", f"code = {FLUTTER.code}"])
    assert "flutter v1" in narrowed.stdout
    assert gone.report_id not in narrowed.stdout
