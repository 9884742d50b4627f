"""Received resources as the text that came."""

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from ecgsvc.fhir import entry_resources, served_ecg

AT = datetime(2026, 11, 28, 12, tzinfo=UTC)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=8,
)


def served(body: str) -> str:
    kind, out = served_ecg(body.encode(), resource_id="r-ecg", version=2, last_updated=AT)
    assert kind == "Observation"
    return out.decode()


def test_decimals_and_instants_stay_as_they_came() -> None:
    out = served('{"resourceType":"Observation","x":{"value":1.50E+2},"t":"10:00:00.000Z"}')
    assert '"value":1.50E+2' in out
    assert '"10:00:00.000Z"' in out


def test_the_senders_id_and_version_are_replaced_and_its_labels_stay() -> None:
    body = (
        '{ "id" : "theirs", "resourceType":"Observation",'
        '"meta":{"versionId":"9","profile":["p"]} }'
    )
    out = json.loads(served(body))
    assert out["id"] == "r-ecg"
    assert out["meta"] == {
        "versionId": "2",
        "profile": ["p"],
        "lastUpdated": "2026-11-28T12:00:00.000Z",
    }
    assert next(iter(out)) == "resourceType"


MEMBERS = st.dictionaries(
    st.text().filter(lambda name: name not in ("meta", "resourceType")),
    JSON_VALUES,
    max_size=6,
)


@given(MEMBERS, st.sampled_from([None, 2]))
def test_every_other_member_is_passed_on(
    members: dict[str, object], indent: int | None
) -> None:
    body = {"resourceType": "Observation", **members}
    out = json.loads(served(json.dumps(body, indent=indent)))
    own = {"id", "meta"}
    assert {k: v for k, v in out.items() if k not in own} == {
        k: v for k, v in body.items() if k not in own
    }


@given(
    st.lists(st.none() | st.dictionaries(st.sampled_from(["resource", "x"]), JSON_VALUES)),
    st.sampled_from([None, 2]),
)
def test_the_resources_of_a_bundle_are_cut_out_as_they_stand(
    entries: list[dict[str, object] | None], indent: int | None
) -> None:
    bundle = {"type": "batch", "entry": entries, "x": [{"resource": 1}]}
    text = json.dumps(bundle, indent=indent)
    found = entry_resources(text.encode())
    assert len(found) == len(entries)
    for entry, resource in zip(entries, found, strict=True):
        assert resource.decode() in text
        if entry is not None and "resource" in entry:
            assert json.loads(resource) == entry["resource"]
        else:
            assert resource == b""
