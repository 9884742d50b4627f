"""Bodies that are no JSON, or JSON that no resource may be."""

import json
import random

from tests.mutations.base import (
    MAX_BODY,
    Json,
    any_lead,
    heavy,
    rule,
    sampled,
    valid_observation,
)


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


@heavy
def too_large_a_body(rng: random.Random, observation: Json) -> tuple[bytes, str]:
    spaces = b" " * (MAX_BODY + rng.randrange(1000))
    return json.dumps(observation).encode() + spaces, "Observation"
