"""The one table of errors over HTTP."""

import json
from collections.abc import Iterator

import pytest

from ecgsvc.domain import errors as domain
from ecgsvc.http.errors import TABLE, reason, refusal, row_of


def leaves(kind: type[domain.EcgsvcError]) -> Iterator[type[domain.EcgsvcError]]:
    if not kind.__subclasses__():
        yield kind
    for below in kind.__subclasses__():
        yield from leaves(below)


def test_every_error_of_the_tree_has_a_row() -> None:
    assert [kind for kind in leaves(domain.EcgsvcError) if row_of(kind("x")) is None] == []


@pytest.mark.parametrize("kind", TABLE)
def test_a_refusal_says_what_is_wrong(kind: type[domain.EcgsvcError]) -> None:
    reply = refusal(kind("what was expected"))
    (issue,) = json.loads(reply.body)["issue"]
    assert issue["details"]["text"] == "what was expected"
    assert issue["severity"] == "error"
    assert reply.status == TABLE[kind].status
    assert reason(kind("x")).replace("_", "").lower() == kind.__name__.lower()


def test_an_unknown_error_shows_nothing_but_an_incident() -> None:
    reply = refusal(ValueError("Mr Smith"))
    assert reply.status == 500
    assert b"Smith" not in reply.body
    assert b"incident" in reply.body
    assert reason(ValueError()) == "INTERNAL"
