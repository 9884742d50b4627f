"""Broken Observations, each breaking one stated rule in one place.

`mutated_observations` labels each body with the rule it breaks and with the beginning of
the FHIRPath that a refusal must name.
"""

import copy
import json
import math
import random
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]
Mutation: TypeAlias = tuple[str, bytes, str | None]
"""Rule, body, beginning of an expression that must be among those of the errors."""
Rule: TypeAlias = Callable[[random.Random, Json], "tuple[Json | bytes, str | None]"]

MDC = "urn:iso:std:iso:11073:10101"
LEADS = {
    "I": "131329", "II": "131330", "III": "131389", "aVR": "131390", "aVL": "131391",
    "aVF": "131392", "V1": "131331", "V2": "131332", "V3": "131333", "V4": "131334",
    "V5": "131335", "V6": "131336",
}  # fmt: skip
N_SAMPLES = 600
N_LEADS = len(LEADS)
LONG = 1024 * 1024 + 1
MAX_BODY = 16 * 1024 * 1024


def valid_observation() -> Json:
    """Return a 12-lead ECG of 1.2 s at 500 Hz that every rule accepts."""
    one = [round(300 * math.sin(i / 20)) * 2 for i in range(N_SAMPLES)]
    two = [round(500 * math.sin(i / 20 + 0.2)) * 2 for i in range(N_SAMPLES)]
    samples = {
        "I": one,
        "II": two,
        "III": [b - a for a, b in zip(one, two, strict=True)],
        "aVR": [-(a + b) // 2 for a, b in zip(one, two, strict=True)],
        "aVL": [a - b // 2 for a, b in zip(one, two, strict=True)],
        "aVF": [b - a // 2 for a, b in zip(one, two, strict=True)],
    } | {f"V{k}": [a // k + k for a in two] for k in range(1, 7)}
    return {
        "resourceType": "Observation",
        "id": "ecg-1",
        "meta": {"versionId": "1"},
        "identifier": [{"system": "urn:oid:1.2.840.99999.7.1", "value": "ECG-1"}],
        "status": "final",
        "code": {"coding": [{"system": MDC, "code": "131328"}]},
        "subject": {"reference": "Patient/example"},
        "encounter": {"reference": "Encounter/enc-1"},
        "effectiveDateTime": "2026-11-21T09:30:00.000Z",
        "issued": "2026-11-21T09:30:12.000Z",
        "device": {"reference": "Device/cart-1"},
        "component": [_component(lead, samples[lead]) for lead in LEADS],
    }


def _component(lead: str, samples: list[int]) -> Json:
    return {
        "code": {
            "coding": [
                {
                    "system": MDC,
                    "code": LEADS[lead],
                    "display": f"MDC_ECG_ELEC_POTL_{lead.upper()}",
                }
            ]
        },
        "valueSampledData": {
            "origin": {
                "value": 0,
                "unit": "uV",
                "system": "http://unitsofmeasure.org",
                "code": "uV",
            },
            "period": 2,
            "factor": 1,
            "dimensions": 1,
            "data": " ".join(map(str, samples)),
        },
    }


def mutated_observations(seed: int, minimum: int = 1000) -> Iterator[Mutation]:
    """Yield at least `minimum` distinct broken bodies over all rules."""
    rng = random.Random(seed)
    base = valid_observation()
    seen: set[bytes] = set()
    for number in range(100):
        for rule in RULES:
            if rule in HEAVY and number % 10:
                continue
            mutated, expression = rule(rng, copy.deepcopy(base))
            body = mutated if isinstance(mutated, bytes) else json.dumps(mutated).encode()
            if body not in seen:
                seen.add(body)
                yield rule.__name__, body, expression
        if len(seen) >= minimum:
            return


RULES: list[Rule] = []
HEAVY: list[Rule] = []
"""Those whose bodies are megabytes: a few of them are enough."""


def rule(function: Rule) -> Rule:
    """Register a rule."""
    RULES.append(function)
    return function


def heavy(function: Rule) -> Rule:
    """Register a rule whose bodies are large."""
    HEAVY.append(function)
    return rule(function)


def sampled(observation: Json, index: int) -> tuple[Json, str]:
    """Return the SampledData of a lead and its FHIRPath."""
    path = f"Observation.component[{index}].value.ofType(SampledData)"
    found: Json = observation["component"][index]["valueSampledData"]
    return found, path


def any_lead(rng: random.Random) -> int:
    """Choose a lead."""
    return rng.randrange(N_LEADS)


# --- bytes -----------------------------------------------------------------------------


@rule
def truncated_json(rng: random.Random, observation: Json) -> tuple[bytes, str]:
    body = json.dumps(observation).encode()
    return body[: rng.randrange(1, len(body) - 1)], "Observation"


@rule
def empty_or_blank_body(rng: random.Random, _: Json) -> tuple[bytes, str]:
    return b" \n" * rng.randrange(20), "Observation"


@rule
def json_of_another_kind(rng: random.Random, _: Json) -> tuple[bytes, str]:
    value = rng.choice(
        [[], "text", rng.random(), None, True, [valid_observation()], 7, [[]]]
    )
    return json.dumps(value).encode(), "Observation"


@rule
def not_utf8(rng: random.Random, observation: Json) -> tuple[bytes, str]:
    body = bytearray(json.dumps(observation).encode())
    body[rng.randrange(10, len(body))] = rng.choice([0xFF, 0xC0, 0x80])
    return bytes(body), "Observation"


@rule
def byte_order_mark(rng: random.Random, observation: Json) -> tuple[bytes, str]:
    text = json.dumps(observation)
    return rng.choice(
        [b"\xef\xbb\xbf" + text.encode(), text.encode("utf-16")]
    ), "Observation"


@rule
def deep_nesting(rng: random.Random, observation: Json) -> tuple[bytes, str]:
    depth = rng.randrange(500, 20_000)
    mark = rng.choice(["[", '{"extension":['])
    body = json.dumps(observation)[:-1] + ', "extension": ' + mark * depth
    return body.encode(), "Observation"


@rule
def extensions_within_extensions(rng: random.Random, observation: Json) -> tuple[Json, str]:
    inner: Json = {"url": "http://x.example", "valueBoolean": True}
    for _ in range(rng.randrange(60, 150)):
        inner = {"url": "http://x.example", "extension": [inner]}
    observation["extension"] = [inner]
    return observation, "Observation.extension[0].extension[0]"


@heavy
def too_many_values(rng: random.Random, observation: Json) -> tuple[bytes, str]:
    body = (
        json.dumps(observation)[:-1] + ', "note": [' + "{}," * rng.randrange(20_000, 90_000)
    )
    return (body + "{}]}").encode(), "Observation"


@rule
def doubled_names(rng: random.Random, observation: Json) -> tuple[bytes, str]:
    name, value = rng.choice(list(observation.items()))
    body = json.dumps(observation)[:-1] + f', "{name}": {json.dumps(value)}}}'
    return body.encode(), "Observation"


@rule
def doubled_names_within(rng: random.Random, observation: Json) -> tuple[bytes, str]:
    i = any_lead(rng)
    series, path = sampled(observation, i)
    name = rng.choice(["period", "factor", "data", "origin"])
    series["marker"] = 0
    again = f'"{name}": {json.dumps(series[name])}'
    return json.dumps(observation).replace('"marker": 0', again).encode(), path


@rule
def numbers_beyond_doubles(rng: random.Random, observation: Json) -> tuple[bytes, str]:
    i = any_lead(rng)
    series, path = sampled(observation, i)
    name = rng.choice(["period", "factor", "lowerLimit", "upperLimit"])
    series[name] = "marker"
    number = rng.choice(["1e999", "-1e400", "NaN", "Infinity", "-Infinity", "9" * 5000])
    return json.dumps(observation).replace('"marker"', number).encode(), f"{path}.{name}"


@rule
def origin_beyond_doubles(rng: random.Random, observation: Json) -> tuple[bytes, str]:
    series, path = sampled(observation, any_lead(rng))
    series["origin"]["value"] = "marker"
    number = rng.choice(["1e999", "NaN", "-Infinity", "1" * 400, "9" * 5000])
    body = json.dumps(observation).replace('"marker"', number)
    return body.encode(), f"{path}.origin.value"


# --- the resource ----------------------------------------------------------------------


@rule
def other_resource_type(rng: random.Random, observation: Json) -> tuple[Json, str | None]:
    observation["resourceType"] = rng.choice(
        [
            "Patient",
            "DiagnosticReport",
            "Foo",
            "",
            "observation",
            None,
            1,
            ["Observation"],
            "Media",
        ]
    )
    return observation, None


@rule
def no_resource_type(rng: random.Random, observation: Json) -> tuple[Json, str]:
    del observation["resourceType"]
    observation["id"] = f"x{rng.randrange(1000)}"
    return observation, "Observation"


@rule
def missing_element(rng: random.Random, observation: Json) -> tuple[Json, str]:
    name, path = rng.choice(
        [("status", "status"), ("code", "code"), ("subject", "subject"),
         ("effectiveDateTime", "effective"), ("component", "component")]
    )  # fmt: skip
    del observation[name]
    observation["id"] = f"x{rng.randrange(30)}"
    return observation, f"Observation.{path}"


@rule
def missing_in_component(rng: random.Random, observation: Json) -> tuple[Json, str]:
    i = any_lead(rng)
    name, step = rng.choice([("code", "code"), ("valueSampledData", "value")])
    del observation["component"][i][name]
    return observation, f"Observation.component[{i}].{step}"


@rule
def missing_in_sampled_data(rng: random.Random, observation: Json) -> tuple[Json, str]:
    series, path = sampled(observation, any_lead(rng))
    name = rng.choice(["origin", "period", "dimensions", "data"])
    del series[name]
    return observation, f"{path}.{name}"


@rule
def missing_origin_value(rng: random.Random, observation: Json) -> tuple[Json, str]:
    series, path = sampled(observation, any_lead(rng))
    del series["origin"]["value"]
    return observation, f"{path}.origin.value"


@rule
def status_not_accepted(rng: random.Random, observation: Json) -> tuple[Json, str]:
    observation["status"] = rng.choice(
        [
            "entered-in-error",
            "cancelled",
            "registered",
            "unknown",
            "bogus",
            "Final",
            "final ",
            "+",
        ]
    )
    return observation, "Observation.status"


@rule
def bogus_status(rng: random.Random, observation: Json) -> tuple[Json, str]:
    observation["status"] = "".join(rng.choices("abcdefghij", k=6))
    return observation, "Observation.status"


@rule
def wrong_json_type(rng: random.Random, observation: Json) -> tuple[Json, str]:
    name, path = rng.choice(
        [("status", "status"), ("code", "code"), ("subject", "subject"), ("id", "id"),
         ("effectiveDateTime", "effective"), ("component", "component"), ("meta", "meta"),
         ("identifier", "identifier"), ("issued", "issued"), ("device", "device")]
    )  # fmt: skip
    value = observation[name]
    others: list[object] = [True, 1, 1.5, None, [], {}, [[]], [None]]
    if not isinstance(value, str):
        others.append("text")
    observation[name] = rng.choice(others)
    return observation, f"Observation.{path}"


@rule
def wrong_json_type_in_sampled_data(
    rng: random.Random, observation: Json
) -> tuple[Json, str]:
    series, path = sampled(observation, any_lead(rng))
    name = rng.choice(["origin", "period", "factor", "dimensions", "data"])
    others: list[object] = [True, None, [], {}, "2", [1]]
    if name == "data":
        others = [True, None, [], {}, 5, [1, 2], 1.5]
    series[name] = rng.choice(others)
    return observation, f"{path}.{name}"


@rule
def string_as_decimal(rng: random.Random, observation: Json) -> tuple[Json, str]:
    series, path = sampled(observation, any_lead(rng))
    name = rng.choice(["period", "factor", "lowerLimit", "upperLimit"])
    series[name] = str(rng.randrange(1, 9))
    return observation, f"{path}.{name}"


@rule
def integer_as_time(rng: random.Random, observation: Json) -> tuple[Json, str]:
    name, path = rng.choice(
        [("effectiveDateTime", "effective.ofType(dateTime)"), ("issued", "issued")]
    )
    observation[name] = rng.randrange(2**31)
    return observation, f"Observation.{path}"


@rule
def number_as_string(rng: random.Random, observation: Json) -> tuple[Json, str]:
    i = any_lead(rng)
    name = rng.choice(["code", "system", "display"])
    observation["component"][i]["code"]["coding"][0][name] = rng.randrange(10**6)
    return observation, f"Observation.component[{i}].code.coding[0].{name}"


@rule
def no_such_time(rng: random.Random, observation: Json) -> tuple[Json, str]:
    observation["effectiveDateTime"] = rng.choice(
        ["2026-02-30T10:00:00Z", "2026-13-01", "21.11.2026", "2026-11-21T24:00:00Z", "now",
         "2026-11-21 09:30:00Z", "2026-11-21T09:30Z", "26-11-21", "0000",
         "0001-01-01T00:00:00+14:00", "2026-11-21T09:30:00+15:00", "2026-1-1", "", " "]
    )  # fmt: skip
    return observation, "Observation.effective.ofType(dateTime)"


@rule
def effective_of_another_type(rng: random.Random, observation: Json) -> tuple[Json, str]:
    del observation["effectiveDateTime"]
    observation["effectiveTiming"] = {"event": [f"2026-11-{rng.randrange(10, 30)}"]}
    return observation, "Observation.effective.ofType(Timing)"


@rule
def effective_twice(rng: random.Random, observation: Json) -> tuple[Json, str]:
    observation["effectiveInstant"] = f"2026-11-{rng.randrange(10, 30)}T00:00:00Z"
    return observation, "Observation.effective"


@rule
def period_without_start_or_backwards(
    rng: random.Random, observation: Json
) -> tuple[Json, str]:
    del observation["effectiveDateTime"]
    day = rng.randrange(10, 28)
    observation["effectivePeriod"] = rng.choice(
        [{"end": f"2026-11-{day}"},
         {"start": f"2026-11-{day + 1}T00:00:00Z", "end": f"2026-11-{day}T00:00:00Z"}]
    )  # fmt: skip
    return observation, "Observation.effective.ofType(Period)"


@rule
def bad_id(rng: random.Random, observation: Json) -> tuple[Json, str]:
    length = rng.randrange(65, 200)
    observation["id"] = rng.choice(
        ["a" * length, "a b", "ä", "a/b", "", "x_y", "a" * length + "."]
    )
    return observation, "Observation.id"


@rule
def invalid_base64(rng: random.Random, observation: Json) -> tuple[Json, str]:
    value = rng.choice(["A", "AAA", "AA=A", "A*AA", "====", "AAAA=", "ÄÄÄÄ", "A" * 5])
    observation["extension"] = [
        {"url": f"http://x.example/{rng.randrange(9)}", "valueBase64Binary": value}
    ]
    return observation, "Observation.extension[0].value.ofType(base64Binary)"


@rule
def active_narrative(rng: random.Random, observation: Json) -> tuple[Json, str]:
    inner = rng.choice(
        ["<script>alert(1)</script>", '<p onclick="x()">a</p>', "<SCRIPT>1</SCRIPT>",
         '<a href="javascript:alert(1)">a</a>', '<a href=" java&#10;script:x">a</a>',
         '<img src="data:text/html;base64,AAAA"/>', "<iframe>a</iframe>", "<form>a</form>",
         '<p style="width:expression(1)">a</p>', "<object>a</object>", "<p>unclosed",
         '<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>', "<input/>",
         '<a href="vbscript:x">a</a>', "<style>p{}</style>", "&nbsp;",
         "<!DOCTYPE x>", "<?x y?>",
         '<p style="background:url(http://x.example)">a</p>', "<link/>", "  "]
    )  # fmt: skip
    div = f'<div xmlns="http://www.w3.org/1999/xhtml">{inner}</div>'
    observation["text"] = {"status": rng.choice(["generated", "additional"]), "div": div}
    return observation, "Observation.text.div"


@rule
def narrative_of_no_xhtml(rng: random.Random, observation: Json) -> tuple[Json, str]:
    div = rng.choice(["<div>a</div>", "text", "<p xmlns='http://www.w3.org/1999/xhtml'>a</p>",
                      "<div xmlns='http://www.w3.org/2000/svg'>a</div>"])  # fmt: skip
    observation["text"] = {"status": rng.choice(["generated", "additional"]), "div": div}
    return observation, "Observation.text.div"


@rule
def unknown_contained_type(rng: random.Random, observation: Json) -> tuple[Json, str]:
    kind = rng.choice(
        ["Foo", "Quantity", "Resource", "", None, 3, "patient", "Element", "Bar"]
    )
    observation["contained"] = [{"resourceType": kind, "id": f"a{rng.randrange(5)}"}]
    return observation, "Observation.contained[0]"


@rule
def contained_within_contained(rng: random.Random, observation: Json) -> tuple[Json, str]:
    inner = {"resourceType": "Patient", "id": f"b{rng.randrange(20)}"}
    observation["contained"] = [
        {"resourceType": "Patient", "id": "a", "contained": [inner]}
    ]
    return observation, "Observation.contained[0].contained"


@rule
def modifier_extension(rng: random.Random, observation: Json) -> tuple[Json, str]:
    extension = [{"url": f"http://x.example/{rng.randrange(9)}", "valueBoolean": True}]
    i = any_lead(rng)
    if rng.random() < 0.3:
        observation["modifierExtension"] = extension
        return observation, "Observation.modifierExtension"
    observation["component"][i]["modifierExtension"] = extension
    return observation, f"Observation.component[{i}].modifierExtension"


@rule
def implicit_rules(rng: random.Random, observation: Json) -> tuple[Json, str]:
    observation["implicitRules"] = f"http://x.example/{rng.randrange(20)}"
    return observation, "Observation.implicitRules"


@rule
def unknown_property(rng: random.Random, observation: Json) -> tuple[Json, str]:
    name = rng.choice(["foo", "fhir_comments", "valueFoo", "Status", "interval", "_id_"])
    value = rng.choice([1, "x", [], {}])
    if rng.random() < 0.5:
        observation[name] = value
        return observation, "Observation"
    i = any_lead(rng)
    observation["component"][i][name] = value
    return observation, f"Observation.component[{i}]"


@rule
def value_and_absent_reason(rng: random.Random, observation: Json) -> tuple[Json, str]:
    i = any_lead(rng)
    observation["component"][i]["dataAbsentReason"] = {"text": "lead off"}
    return observation, f"Observation.component[{i}].dataAbsentReason"


@rule
def observation_value_and_absent_reason(
    rng: random.Random, observation: Json
) -> tuple[Json, str]:
    observation["valueString"] = f"x{rng.randrange(20)}"
    observation["dataAbsentReason"] = {"text": "unknown"}
    return observation, "Observation.dataAbsentReason"


# --- who, what --------------------------------------------------------------------------


@rule
def subject_is_no_patient(rng: random.Random, observation: Json) -> tuple[Json, str]:
    observation["subject"] = rng.choice(
        [{"reference": "Group/1"}, {"reference": "Device/1"}, {"reference": "#nobody"},
         {"reference": "Patient"}, {"reference": "urn:uuid:0"}, {"display": "somebody"},
         {"type": "Group", "identifier": {"value": "1"}},
         {"identifier": {"system": "urn:x"}},
         {"reference": "Patient/" + "a" * 65}, {"reference": "Location/1"},
         {"type": "Device", "reference": "Patient/1"}, {"reference": "Patient/1/2/3"}]
    )  # fmt: skip
    observation["id"] = f"x{rng.randrange(5)}"
    return observation, "Observation.subject"


@rule
def not_an_ecg(rng: random.Random, observation: Json) -> tuple[Json, str]:
    system, code = rng.choice(
        [(MDC, "150456"), ("http://loinc.org", "8867-4"), ("http://loinc.org", "131328"),
         ("urn:x", "131328"), (MDC, "131329")]
    )  # fmt: skip
    observation["code"] = {
        "coding": [{"system": system, "code": code}],
        "text": f"{rng.random()}",
    }
    return observation, "Observation.code"


@rule
def reference_to_a_wrong_type(rng: random.Random, observation: Json) -> tuple[Json, str]:
    name = rng.choice(["encounter", "device"])
    observation[name] = {"reference": f"Patient/{rng.randrange(20)}"}
    return observation, f"Observation.{name}"


# --- leads ------------------------------------------------------------------------------


@rule
def lead_given_twice(rng: random.Random, observation: Json) -> tuple[Json, str]:
    first, second = sorted(rng.sample(range(N_LEADS), 2))
    components = observation["component"]
    components[second]["code"] = copy.deepcopy(components[first]["code"])
    return observation, f"Observation.component[{second}].code"


@rule
def lead_mislabelled_and_doubled(rng: random.Random, observation: Json) -> tuple[Json, str]:
    coding = observation["component"][3]["code"]["coding"][0]
    coding["code"] = "131389"  # aVR with the code of III, as some carts send it
    coding["display"] = rng.choice(["aVR", "MDC_ECG_ELEC_POTL_AVR", "Lead aVR", "AVR"])
    return observation, "Observation.component[3].code"


@rule
def lead_without_name(rng: random.Random, observation: Json) -> tuple[Json, str]:
    i = any_lead(rng)
    observation["component"][i]["code"] = rng.choice(
        [{"coding": [{"system": MDC, "code": str(rng.randrange(10**6, 10**7))}]},
         {"coding": [{"code": "131329"}]}, {"text": "x" * rng.randrange(65, 200)}]
    )  # fmt: skip
    return observation, f"Observation.component[{i}].code"


@rule
def codings_of_two_leads(rng: random.Random, observation: Json) -> tuple[Json, str]:
    i, j = rng.sample(range(N_LEADS), 2)
    other = copy.deepcopy(observation["component"][j]["code"]["coding"][0])
    observation["component"][i]["code"]["coding"].append(other)
    return observation, f"Observation.component[{i}].code.coding"


@rule
def more_than_16_leads(rng: random.Random, observation: Json) -> tuple[Json, str]:
    for k in range(rng.randrange(5, 30)):
        extra = copy.deepcopy(observation["component"][0])
        extra["code"] = {"text": f"X{k}"}
        observation["component"].append(extra)
    return observation, "Observation.component"


@rule
def another_value_in_component(rng: random.Random, observation: Json) -> tuple[Json, str]:
    i = any_lead(rng)
    del observation["component"][i]["valueSampledData"]
    observation["component"][i] |= rng.choice(
        [{"valueString": "1 2 3"}, {"valueInteger": 5}, {"valueQuantity": {"value": 1}}]
    )
    return observation, f"Observation.component[{i}].value"


@rule
def no_samples_in_any_lead(rng: random.Random, observation: Json) -> tuple[Json, str]:
    for component in observation["component"]:
        del component["valueSampledData"]
        component["dataAbsentReason"] = {"text": f"lead off {rng.randrange(20)}"}
    return observation, "Observation.component"


# --- samples ----------------------------------------------------------------------------


@rule
def garbage_sample(rng: random.Random, observation: Json) -> tuple[Json, str]:
    series, path = sampled(observation, any_lead(rng))
    tokens = series["data"].split(" ")
    tokens[rng.randrange(len(tokens))] = rng.choice(
        ["12,5", "x", "NaN", "Inf", "--1", "1-", "e", "l", "0x1F", "1e", "", "+", "1.2.3",
         "EE", "1e999", "\u0661", "1_000", "\t1", "1\n", "é", "\x00", "-", ".",
         "1.", "u", "null"]
    )  # fmt: skip
    series["data"] = " ".join(tokens)
    return observation, f"{path}.data"


@rule
def wrong_spaces(rng: random.Random, observation: Json) -> tuple[Json, str]:
    series, path = sampled(observation, any_lead(rng))
    data = series["data"]
    separator, count = rng.choice(
        [("  ", 1), ("\t", 1), ("\n", 1), (",", 3), ("\u00a0", 1), (";", N_SAMPLES)]
    )
    series["data"] = rng.choice(
        [" " + data, data + " ", data.replace(" ", separator, count)]
    )
    return observation, f"{path}.data"


@rule
def beyond_20_mv(rng: random.Random, observation: Json) -> tuple[Json, str]:
    series, path = sampled(observation, any_lead(rng))
    tokens = series["data"].split(" ")
    tokens[rng.randrange(len(tokens))] = rng.choice(
        ["20001", "-20001", "9e9", "1e300", "99999999"]
    )
    series["data"] = " ".join(tokens)
    return observation, f"{path}.data"


@rule
def scaled_beyond_20_mv(rng: random.Random, observation: Json) -> tuple[Json, str]:
    series, path = sampled(observation, any_lead(rng))
    if rng.random() < 0.5:
        series["factor"] = rng.choice([1e4, -1e5, 1e300, 1e6])
    else:
        series["origin"] |= {"unit": "V", "code": "V"}
    return observation, f"{path}.data"


@rule
def factor_of_zero(rng: random.Random, observation: Json) -> tuple[Json, str]:
    series, path = sampled(observation, any_lead(rng))
    series["factor"] = rng.choice([0, 0.0, -0.0])
    return observation, f"{path}.factor"


@rule
def bad_unit(rng: random.Random, observation: Json) -> tuple[Json, str]:
    series, path = sampled(observation, any_lead(rng))
    series["origin"] = rng.choice(
        [{"value": 0, "unit": "mm[Hg]", "code": "mm[Hg]"}, {"value": 0, "unit": "volts"},
         {"value": 0, "unit": "uV", "code": "mV"}, {"value": 0, "code": "UV"},
         {"value": 0, "code": "uV", "system": "urn:other"}, {"value": 0, "code": "kV"},
         {"value": 0, "code": "uV", "comparator": "<"}, {"value": 0, "unit": "ADC"}]
    )  # fmt: skip
    return observation, f"{path}.origin"


@rule
def origin_without_unit(rng: random.Random, observation: Json) -> tuple[Json, str]:
    series, path = sampled(observation, any_lead(rng))
    series["origin"] = {"value": rng.choice([0, 2048, 1024, 32768])}
    return observation, f"{path}.origin"


@rule
def period_out_of_range(rng: random.Random, observation: Json) -> tuple[Json, str]:
    value = rng.choice([0, -2, 0.49, 10.01, 1e9, 1e-300, 1000, rng.uniform(11, 99)])
    i = any_lead(rng)
    series, path = sampled(observation, i)
    series["period"] = value
    return observation, f"{path}.period"


@rule
def unequal_periods(rng: random.Random, observation: Json) -> tuple[Json, str]:
    i = rng.randrange(1, N_LEADS)
    series, path = sampled(observation, i)
    series["period"] = rng.choice([1, 2.5, 4, 5, 2.001])
    return observation, path


@rule
def unequal_lengths(rng: random.Random, observation: Json) -> tuple[Json, str]:
    i = rng.randrange(1, N_LEADS)
    series, path = sampled(observation, i)
    if rng.random() < 0.5:
        series["data"] += " 1" * rng.randrange(1, 50)
    else:
        series["data"] = " ".join(series["data"].split(" ")[: rng.randrange(1, N_SAMPLES)])
    return observation, f"{path}.data"


@rule
def interleaved_dimensions(rng: random.Random, observation: Json) -> tuple[Json, str]:
    series, path = sampled(observation, any_lead(rng))
    series["dimensions"] = rng.choice([0, 2, 3, 8, -1, 2**31, 1.0, 13])
    return observation, f"{path}.dimensions"


@rule
def limits_the_wrong_way_round(rng: random.Random, observation: Json) -> tuple[Json, str]:
    series, path = sampled(observation, any_lead(rng))
    series |= {"lowerLimit": rng.randrange(100), "upperLimit": -rng.randrange(100)}
    return observation, f"{path}.lowerLimit"


@rule
def period_and_interval(rng: random.Random, observation: Json) -> tuple[Json, str]:
    series, path = sampled(observation, any_lead(rng))
    series |= {"interval": 2, "intervalUnit": "ms"}
    return observation, f"{path}.interval"


@rule
def too_short_a_signal(rng: random.Random, observation: Json) -> tuple[Json, str]:
    n_samples = rng.randrange(1, 500)
    for component in observation["component"]:
        series = component["valueSampledData"]
        series["data"] = " ".join(series["data"].split(" ")[:n_samples])
    return observation, "Observation.component[0].value.ofType(SampledData).data"


@rule
def every_sample_missing(rng: random.Random, observation: Json) -> tuple[Json, str]:
    for component in observation["component"]:
        data = " ".join(rng.choices("ELU", k=N_SAMPLES))
        component["valueSampledData"]["data"] = data
        component["valueSampledData"] |= {"lowerLimit": -9000, "upperLimit": 9000}
    return observation, "Observation.component[0].value.ofType(SampledData).data"


@heavy
def too_long_a_string(rng: random.Random, observation: Json) -> tuple[Json, str]:
    series, path = sampled(observation, any_lead(rng))
    series["data"] = "1 " * (LONG // 2 + rng.randrange(100)) + "1"
    return observation, f"{path}.data"


@heavy
def too_large_a_body(rng: random.Random, observation: Json) -> tuple[bytes, str]:
    spaces = b" " * (MAX_BODY + rng.randrange(1000))
    return json.dumps(observation).encode() + spaces, "Observation"
