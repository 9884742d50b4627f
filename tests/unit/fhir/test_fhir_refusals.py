"""What must be refused: each stated rule, with the element named and nothing echoed."""

import json
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecgsvc import dsp
from ecgsvc.domain import errors
from ecgsvc.domain.errors import RefusedContent
from ecgsvc.fhir import Limits, decode_observation
from tests.mutations import RULES, mutated_observations, valid_observation
from tests.unit.fhir.fhir_helpers import decode, expressions, refusal

SAMPLES = "Observation.component[2].value.ofType(SampledData).data"


@pytest.fixture
def ecg():
    return valid_observation()


def test_a_thousand_broken_bodies_are_refused_and_the_element_is_named():
    seen = set()
    for rule, body, expression in mutated_observations(seed=1):
        started = time.process_time()
        error = refusal(body)
        assert time.process_time() - started < 1.0, rule
        named = expressions(error)
        assert all(named), rule
        if expression is not None:
            assert any(found.startswith(expression) for found in named), (rule, named)
        seen.add(rule)
    assert seen == {rule.__name__ for rule in RULES}


@pytest.mark.parametrize(
    ("change", "kind", "expression"),
    [
        ({"status": "entered-in-error"}, errors.UnsupportedContent, "Observation.status"),
        ({"status": "bogus"}, errors.InvalidElement, "Observation.status"),
        ({"code": {"text": "x"}}, errors.UnsupportedContent, "Observation.code"),
        ({"id": "a" * 65}, errors.InvalidElement, "Observation.id"),
        ({"issued": 1}, errors.InvalidElement, "Observation.issued"),
        ({"foo": 1}, errors.InvalidElement, "Observation.foo"),
        ({"no path: \n": 1}, errors.InvalidElement, "Observation"),
        (
            {"modifierExtension": []},
            errors.UnsupportedContent,
            "Observation.modifierExtension",
        ),
        ({"component": []}, errors.InvalidElement, "Observation.component"),
        ({"note": [None]}, errors.InvalidElement, "Observation.note[0]"),
        ({"method": {}}, errors.InvalidElement, "Observation.method"),
        ({"_status": {"id": ""}}, errors.InvalidElement, "Observation.status.id"),
        ({"extension": [{"url": "x"}]}, errors.InvalidElement, "Observation.extension[0]"),
        ({"language": "a  b"}, errors.InvalidElement, "Observation.language"),
        ({"language": "\ud800"}, errors.InvalidElement, "Observation.language"),
        (
            {"implicitRules": "a\x00"},
            errors.UnsupportedContent,
            "Observation.implicitRules",
        ),
    ],
)
def test_each_kind_of_error_names_its_element(ecg, change, kind, expression):
    error = refusal(ecg | change)
    assert (type(error), error.expression) == (kind, expression)


def test_all_errors_of_a_body_come_together(ecg):
    ecg["status"] = "bogus"
    del ecg["subject"]
    ecg["component"][3]["valueSampledData"]["factor"] = 0
    ecg["component"][5]["valueSampledData"]["data"] = "1 x"
    assert set(expressions(refusal(ecg))) >= {
        "Observation.status",
        "Observation.subject",
        "Observation.component[3].value.ofType(SampledData).factor",
        "Observation.component[5].value.ofType(SampledData).data",
    }


def test_no_more_errors_than_the_limit_are_collected(ecg):
    ecg["extension"] = [{}] * 1000
    assert len(refusal(ecg).all) == 50
    assert len(refusal(ecg, limits=Limits(max_errors=3)).all) == 3


def test_a_bad_sample_is_named_by_its_index_and_never_echoed(ecg):
    tokens = ecg["component"][2]["valueSampledData"]["data"].split(" ")
    tokens[417] = "smith"
    ecg["component"][2]["valueSampledData"]["data"] = " ".join(tokens)
    error = refusal(ecg)
    assert error.expression == SAMPLES
    assert "417" in error.message
    assert "smith" not in error.message


def test_a_sample_beyond_20_mv_is_named_by_its_index(ecg):
    tokens = ecg["component"][2]["valueSampledData"]["data"].split(" ")
    tokens[99] = "-20000.1"
    ecg["component"][2]["valueSampledData"]["data"] = " ".join(tokens)
    error = refusal(ecg)
    assert error.expression == SAMPLES
    assert "sample 99 " in error.message


def test_exactly_20_mv_and_exactly_one_second_are_accepted(ecg):
    for component in ecg["component"]:
        series = component["valueSampledData"]
        series["data"] = " ".join(["20000", "-20000", *series["data"].split(" ")[:498]])
    decode(ecg)


def test_a_lead_given_twice_says_when_the_display_knows_better(ecg):
    coding = ecg["component"][3]["code"]["coding"][0]
    coding |= {"code": "131389", "display": "aVR"}
    error = refusal(ecg)
    assert error.expression == "Observation.component[3].code"
    assert "III" in error.message
    assert "aVR" in error.message


@pytest.mark.parametrize(
    ("length", "kind"),
    [(16 * 2**20 + 1, errors.TooLarge), (16 * 2**20, errors.MalformedObservation)],
)
def test_16_mib_is_the_longest_body(length, kind):
    assert type(refusal(b"x" * length)) is kind


def test_a_string_beyond_1_mib_is_too_large(ecg):
    ecg["note"] = [{"text": "a" * (2**20 + 1)}]
    error = refusal(ecg)
    assert (type(error), error.expression) == (errors.TooLarge, "Observation.note[0].text")


def test_a_body_of_very_many_small_values_is_refused_at_once(ecg):
    ecg["extension"] = [{"url": "a", "valueBoolean": True}] * 100_000
    assert isinstance(refusal(ecg), errors.TooLarge)


SECRET = "Mustermann"


@given(seed=st.integers(0, 10**6))
@settings(max_examples=5, deadline=None)
def test_no_message_repeats_what_the_body_says(seed):
    ecg = valid_observation()
    ecg["subject"] = {"reference": f"Patient/{SECRET}", "display": SECRET}
    ecg["note"] = [{"text": SECRET, "authorString": SECRET, "time": SECRET}]
    ecg["identifier"] = [{"value": SECRET, "use": SECRET}]
    ecg["component"][seed % 12]["code"] = {"text": SECRET * 10}
    ecg["component"][(seed + 1) % 12]["valueSampledData"]["data"] = SECRET
    for each in refusal(ecg).all:
        assert SECRET not in each.message
        assert SECRET not in each.expression


# --- fuzzing ----------------------------------------------------------------------------

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["value", "code", "coding", "extension", "reference", "resourceType"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


def named_elements(body):
    """Return the elements a refusal names; any other exception escapes."""
    try:
        decode_observation(body, parse_samples=dsp.parse_sampled_data)
    except RefusedContent as error:
        return expressions(error)
    return []


@given(body=st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_refused(body):
    assert isinstance(refusal(body), RefusedContent)


@given(value=JSON_VALUES)
@settings(max_examples=100, deadline=None)
def test_any_json_is_refused(value):
    assert isinstance(refusal(json.dumps(value).encode()), RefusedContent)


def all_paths(value, path=()):
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from all_paths(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from all_paths(inner, (*path, index))


RICH = valid_observation()
RICH["component"] = RICH["component"][:3]
RICH |= {
    "contained": [
        {"resourceType": "Patient", "id": "p", "birthDate": "1970", "gender": "male"}
    ],
    "text": {
        "status": "generated",
        "div": '<div xmlns="http://www.w3.org/1999/xhtml"><p>a</p></div>',
    },
    "extension": [{"url": "http://x.example", "valueBase64Binary": "AAAA"}],
    "basedOn": [{"reference": "ServiceRequest/1"}],
    "category": [{"coding": [{"system": "http://x.example", "code": "a"}]}],
    "effectivePeriod": {"start": "2026-11-21T09:30:00Z", "end": "2026-11-21"},
}
del RICH["effectiveDateTime"]
PATHS = [path for path in all_paths(RICH) if path]


def change_at(resource, path, change, value):
    """Delete, replace, double or rename what stands at a path."""
    holder = resource
    for step in path[:-1]:
        holder = holder[step]
    last = path[-1]
    if change == "delete":
        del holder[last]
    elif change == "replace":
        holder[last] = value
    elif change == "wrap":
        holder[last] = [holder[last]]
    elif isinstance(holder, list):
        holder.append(holder[last])
    else:
        holder[f"{last}X" if change == "rename" else f"_{last}"] = holder.pop(last)


@given(
    changes=st.lists(
        st.tuples(
            st.sampled_from(PATHS),
            st.sampled_from(["delete", "replace", "replace", "wrap", "rename", "shift"]),
            JSON_VALUES,
        ),
        min_size=1,
        max_size=3,
    )
)
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
def test_random_changes_are_accepted_or_refused_and_nothing_else(changes):
    resource = json.loads(json.dumps(RICH))
    for path, change, value in changes:
        try:
            change_at(resource, path, change, value)
        except (KeyError, IndexError, TypeError, AttributeError):
            continue  # an earlier change took the place away
    assert all(named_elements(json.dumps(resource).encode()))
