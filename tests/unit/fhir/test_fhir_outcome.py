"""Errors and warnings as OperationOutcomes."""

import json

import pytest

from ecgsvc.domain import errors
from ecgsvc.fhir import ContentWarning, all_ok_outcome, operation_outcome
from ecgsvc.fhir.operation_outcome import ISSUE_CODES
from tests.unit.fhir.fhir_helpers import violations


def leaves(kind=errors.EcgsvcError):
    inner = kind.__subclasses__()
    return [leaf for sub in inner for leaf in leaves(sub)] if inner else [kind]


def issues(outcome):
    assert violations(outcome) == []
    return json.loads(outcome)["issue"]


def test_every_error_has_an_issue_code():
    assert set(leaves()) == set(ISSUE_CODES)


@pytest.mark.parametrize("kind", leaves())
def test_an_error_becomes_one_issue(kind):
    (issue,) = issues(
        operation_outcome(kind("what was expected", expression="Observation.id"))
    )
    assert issue["severity"] == "error"
    assert issue["code"] == ISSUE_CODES[kind]
    assert issue["details"] == {"text": "what was expected"}
    assert issue["expression"] == ["Observation.id"]


def test_without_an_element_there_is_no_expression():
    assert "expression" not in issues(operation_outcome(errors.Overloaded("later")))[0]


def test_a_refusal_brings_the_others_of_its_body():
    first = errors.InvalidElement("a").with_others([errors.MissingElement("b")])
    assert [i["code"] for i in issues(operation_outcome(first))] == ["value", "required"]
    assert len(issues(operation_outcome(first, max_issues=1))) == 1


def test_several_errors_become_several_issues():
    given = [errors.InvalidElement("a"), errors.TooLarge("b")]
    assert [i["code"] for i in issues(operation_outcome(given))] == ["value", "too-long"]


def test_an_error_outside_the_tree_is_fatal():
    (issue,) = issues(operation_outcome(errors.EcgsvcError("internal error, incident 1")))
    assert (issue["severity"], issue["code"]) == ("fatal", "exception")


def test_all_is_well_and_what_to_look_at():
    warning = ContentWarning("look", "Observation.status")
    ok, look = issues(all_ok_outcome([warning]))
    assert (ok["severity"], ok["code"]) == ("information", "informational")
    assert (look["severity"], look["expression"]) == ("warning", ["Observation.status"])
    assert len(issues(all_ok_outcome())) == 1
