"""A report as the transaction that writes it into another server."""

import json

import pytest

from ecgsvc.domain.delivery import WriteBack, WriteMode
from ecgsvc.domain.errors import UnsupportedContent
from ecgsvc.domain.findings import SNOMED_CT, Coding
from ecgsvc.fhir import write_back_bundle
from tests.unit.delivery.reports_to_send import PATIENT, a_stored_report, an_ecg
from tests.validators import assert_valid_for_independent_validators

ECG = an_ecg()


def written(how=None, source=ECG, **report):
    stored = a_stored_report(source, **report)
    made = write_back_bundle(stored, source, "4.0.1", how or WriteBack())
    return json.loads(made)


def entries(bundle):
    return {e["resource"]["resourceType"]: e for e in bundle["entry"]}


def references(value):
    """Yield every literal reference below a value."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for item in value.values():
            yield from references(item)


@pytest.mark.parametrize("mode", [m for m in WriteMode if m is not WriteMode.DOCUMENT])
@pytest.mark.parametrize("version", [1, 2])
def test_ecg_device_report_and_provenance_refer_to_each_other(mode, version):
    bundle = written(WriteBack(mode), version=version)
    kinds = [entry["resource"]["resourceType"] for entry in bundle["entry"]]
    assert sorted(kinds) == [
        "Device", "DiagnosticReport", "Observation", "Observation", "Observation",
        "Provenance",
    ]  # fmt: skip
    urls = [entry["fullUrl"] for entry in bundle["entry"]]
    assert len(set(urls)) == len(urls)
    for entry in bundle["entry"]:
        for reference in references(entry["resource"]):
            assert reference in urls or reference == "#patient", reference
    report = entries(bundle)["DiagnosticReport"]
    assert len(report["resource"]["result"]) == 3
    assert all("reference" in each for each in report["resource"]["result"])
    targets = entries(bundle)["Provenance"]["resource"]["target"]
    assert {"reference": report["fullUrl"]} in targets


def test_every_write_can_be_sent_again_without_effect():
    for mode in WriteMode:
        for version in (1, 2):
            how = WriteBack(mode)
            first = written(how, version=version)
            assert first == written(how, version=version)
            for entry in first["entry"]:
                request = entry["request"]
                assert request["method"] == "PUT" or request["ifNoneExist"]
                assert "versionId" not in entry["resource"].get("meta", {})


def test_a_later_version_updates_the_report_or_stands_beside_it():
    def report_request(mode, version):
        bundle = written(WriteBack(mode), version=version, status="final")
        return entries(bundle)["DiagnosticReport"]["request"]

    first = report_request(WriteMode.TRANSACTION, 1)
    second = report_request(WriteMode.TRANSACTION, 2)
    assert (first["method"], second["method"]) == ("POST", "PUT")
    assert second["url"] == f"DiagnosticReport?{first['ifNoneExist']}"
    beside = [report_request(WriteMode.CREATE, version) for version in (1, 2)]
    assert [each["method"] for each in beside] == ["POST", "POST"]
    assert beside[0]["ifNoneExist"] != beside[1]["ifNoneExist"]
    puts = [report_request(WriteMode.UPDATE, version) for version in (1, 2)]
    assert puts[0] == puts[1]


def test_the_ecg_is_found_by_its_own_identifier_and_else_gets_one():
    bundle = written()
    ecg = bundle["entry"][1]
    assert ecg["request"]["ifNoneExist"] == "identifier=urn:cart|a%26b%5C%2Cc"
    assert "id" not in ecg["resource"]
    assert ecg["resource"]["component"] == json.loads(ECG)["component"]
    unnamed = written(source=an_ecg(identified=False))["entry"][1]
    value = unnamed["resource"]["identifier"][0]["value"]
    assert unnamed["request"]["ifNoneExist"].endswith(value)


def test_an_ecg_stays_at_home_when_it_is_not_wanted():
    bundle = written(WriteBack(with_ecg=False))
    assert len(bundle["entry"]) == 5
    result = entries(bundle)["DiagnosticReport"]["resource"]["result"][0]
    assert result["identifier"]["value"] == "a&b,c"


def test_a_patient_known_by_identifier_is_searched_for_when_asked():
    report = entries(written(WriteBack(find_patient=True)))["DiagnosticReport"]
    subject = report["resource"]["subject"]
    assert subject["reference"] == (
        "Patient?identifier=urn:oid:1.2.276.0.76.4.8|4711%5C%7CA"
    )
    assert subject["identifier"] == PATIENT["identifier"][0]


def test_preferred_codes_stand_before_what_they_stand_for():
    preferred = Coding(SNOMED_CT, "251175005", "Ventricular premature complex")
    how = WriteBack(preferences={(SNOMED_CT, "17338001"): preferred})
    report = entries(written(how))["DiagnosticReport"]["resource"]
    codes = [each["code"] for each in report["conclusionCode"][0]["coding"]]
    assert codes == ["251175005", "17338001"]


def test_a_document_is_the_sheet_and_replaces_the_one_before():
    first, second = (
        written(WriteBack(WriteMode.DOCUMENT), version=version, status=status)
        for version, status in ((1, "preliminary"), (2, "final"))
    )
    [one], [two] = first["entry"], second["entry"]
    assert one["resource"]["docStatus"] == "preliminary"
    assert two["resource"]["docStatus"] == "final"
    before = two["resource"]["relatesTo"][0]["target"]["identifier"]
    assert before == one["resource"]["identifier"][0]
    with pytest.raises(UnsupportedContent, match="no ECG sheet"):
        written(WriteBack(WriteMode.DOCUMENT), sheet=False)


def test_what_is_written_is_valid_for_independent_validators():
    bundles = [
        json.dumps(written(WriteBack(mode), version=version, status=status)).encode()
        for mode in WriteMode
        for version, status in ((1, "preliminary"), (2, "final"), (3, "entered-in-error"))
    ]
    resources = [
        json.dumps(entry["resource"]).encode()
        for bundle in bundles
        for entry in json.loads(bundle)["entry"]
    ]
    assert_valid_for_independent_validators([*bundles, *resources])
