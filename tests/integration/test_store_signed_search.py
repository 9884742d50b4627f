"""Signed reports are found by who signed and by whether they disagree."""

from dataclasses import dataclass

import pytest
from factories import CALLER, SINUS_RHYTHM, a_signing, a_source, submit

from ecgsvc.domain.export import ExportContent
from ecgsvc.domain.findings import SNOMED_CT, Coding
from ecgsvc.domain.report import ReportQuery
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
