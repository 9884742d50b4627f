"""The one error table."""

import json
import logging
from collections.abc import Iterator

import grpc
import pytest
from google.rpc import status_pb2
from hypothesis import given
from hypothesis import strategies as st

from ecgsvc.domain import errors as domain
from ecgsvc.rpc.errors import (
    OPERATION_OUTCOME_KEY,
    STATUS_DETAILS_KEY,
    TABLE,
    TRAILER_BUDGET_BYTES,
    Refusal,
    describe,
    refusal,
    row_of,
    wire_bytes,
)


def domain_leaves(kind: type = domain.EcgsvcError) -> Iterator[type[domain.EcgsvcError]]:
    """Classes of the domain's error tree that have no subclass there."""
    below = [k for k in kind.__subclasses__() if k.__module__ == domain.__name__]
    if not below:
        yield kind
    for each in below:
        yield from domain_leaves(each)


def outcome(errors) -> bytes:
    return json.dumps(
        [[type(e).__name__, e.message, e.expression] for e in errors]
    ).encode()


def trailers(made: Refusal) -> dict[str, bytes]:
    return dict(made.trailers)


def test_every_leaf_of_the_domain_has_its_row():
    assert set(TABLE) == set(domain_leaves())


def test_reasons_are_distinct_and_spelled_as_google_asks():
    reasons = [row.reason for row in TABLE.values()]
    assert len(set(reasons)) == len(reasons)
    assert all(r.replace("_", "").isalpha() and r.isupper() for r in reasons)


def test_no_domain_error_is_internal_or_unknown():
    codes = {row.code for row in TABLE.values()}
    assert not codes & {
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.OK,
    }


def test_an_error_derived_elsewhere_takes_its_ancestors_row():
    class Special(domain.MissingElement):
        def __init__(self, one: str, two: str) -> None:
            super().__init__(one + two)

    assert row_of(Special("a", "b")) is TABLE[domain.MissingElement]
    assert refusal(Special("a", "b"), outcome).message == "ab"


@given(
    n_issues=st.integers(1, 40),
    text=st.text(st.characters(codec=None), max_size=40),
    repeats=st.integers(1, 500),
    expression=st.none() | st.text(max_size=600),
)
def test_trailers_stay_under_the_budget_whatever_the_texts(
    n_issues, text, repeats, expression
):
    issues = [
        domain.InvalidElement(text * repeats, expression=expression)
        for _ in range(n_issues)
    ]
    made = refusal(issues[0].with_others(issues[1:]), outcome)
    assert wire_bytes(made) <= TRAILER_BUDGET_BYTES
    sent = trailers(made)
    status = status_pb2.Status.FromString(sent[STATUS_DETAILS_KEY])
    assert status.message == made.message
    if OPERATION_OUTCOME_KEY in sent:
        assert 1 <= len(json.loads(sent[OPERATION_OUTCOME_KEY])) <= 5


def test_short_issues_are_sent_whole_and_the_rest_counted():
    issues = [domain.InvalidElement(f"issue {i}", expression=f"a[{i}]") for i in range(7)]
    made = refusal(issues[0].with_others(issues[1:]), outcome)
    assert made.message == "issue 0 (and 6 more)"
    assert json.loads(trailers(made)[OPERATION_OUTCOME_KEY]) == [
        ["InvalidElement", f"issue {i}", f"a[{i}]"] for i in range(5)
    ]


def test_an_outcome_too_large_to_send_is_left_out():
    made = refusal(domain.TooLarge("too large"), lambda _errors: b"x" * 10_000)
    assert list(trailers(made)) == [STATUS_DETAILS_KEY]
    assert made.message == "too large"


def test_a_bug_in_the_outcome_does_not_hide_the_error(caplog):
    def broken(_errors):
        msg = "Jane Doe"
        raise ValueError(msg)

    made = refusal(domain.ReportNotFound("no such report"), broken)
    assert made.code is grpc.StatusCode.NOT_FOUND
    assert "ValueError" in caplog.text
    assert "Jane Doe" not in caplog.text


def test_a_bug_gives_an_incident_id_and_logs_types_and_frames_only(caplog):
    def fail(name: str) -> None:
        try:
            int(name)
        except ValueError as error:
            raise KeyError(name) from error

    with caplog.at_level(logging.ERROR), pytest.raises(KeyError) as caught:
        fail("Jane Doe")
    made = refusal(caught.value, outcome)
    assert made.code is grpc.StatusCode.INTERNAL
    incident = made.message.removeprefix("internal error, incident ")
    assert len(incident) == 32
    assert incident in caplog.text
    assert "builtins.KeyError" in caplog.text
    assert "builtins.ValueError" in caplog.text
    assert f"{__file__}:" in caplog.text
    assert "Jane Doe" not in caplog.text + repr(made)
    assert caplog.records[-1].incident == incident


def test_a_circle_of_causes_is_described_once():
    first, second = ValueError(), KeyError()
    first.__cause__, second.__cause__ = second, first
    assert list(describe(first)) == ["builtins.ValueError", "builtins.KeyError"]
