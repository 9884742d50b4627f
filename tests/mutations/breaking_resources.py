"""Observations that break the rules of their type, or of who and what they are about."""

import random

from tests.mutations.base import MDC, Json, any_lead, rule, sampled


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
