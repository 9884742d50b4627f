"""Observations whose leads or samples cannot be read."""

import copy
import random

from tests.mutations.base import (
    LONG,
    MDC,
    N_LEADS,
    N_SAMPLES,
    Json,
    any_lead,
    heavy,
    rule,
    sampled,
)


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
