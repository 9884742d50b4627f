"""The SampledData parser against a reference written with Python's own tools."""

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecgsvc.dsp import SampledDataError, parse_sampled_data

SAMPLE = re.compile(r"[EUL]|-?([0-9]+|[0-9]*\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
NEAR_MISSES = st.text(alphabet="0123456789.-+eELU \t,xn\u0663\u00a0", max_size=30)
DECIMALS = st.one_of(
    st.integers(-(10**20), 10**20).map(str),
    st.decimals(-10_000, 10_000, places=4).map(lambda d: f"{d:f}"),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
)


def reference(text: str) -> list[float] | tuple[int, int]:
    """Values, or index and byte offset of the first bad sample."""
    values: list[float] = []
    offset = 0
    for index, token in enumerate(text.split(" ")):
        if not SAMPLE.fullmatch(token):
            return index, offset
        value = math.nan if token in {"E", "L", "U"} else float(token)
        if math.isinf(value):
            return index, offset
        values.append(value)
        offset += len(token.encode()) + 1
    return values


@given(st.lists(st.one_of(DECIMALS, st.sampled_from("ELU")), min_size=1, max_size=50))
def test_every_sample_is_read_and_rounded_as_python_reads_it(tokens: list[str]) -> None:
    parsed = parse_sampled_data(" ".join(tokens), origin=0.0, factor=1.0)
    expected = [math.nan if token in {"E", "L", "U"} else float(token) for token in tokens]
    np.testing.assert_array_equal(parsed, expected)


@given(NEAR_MISSES)
def test_the_first_bad_sample_is_the_one_the_grammar_refuses(text: str) -> None:
    expected = reference(text)
    if isinstance(expected, list):
        parsed = parse_sampled_data(text, origin=0.0, factor=1.0)
        np.testing.assert_array_equal(parsed, expected)
    else:
        with pytest.raises(SampledDataError) as caught:
            parse_sampled_data(text, origin=0.0, factor=1.0)
        assert (caught.value.sample_index, caught.value.byte_offset) == expected


@given(
    st.lists(st.integers(-32768, 32767), min_size=1),
    st.floats(-1e4, 1e4),
    st.floats(1e-4, 1e2),
)
def test_values_are_origin_plus_factor_times_sample(
    samples: list[int], origin: float, factor: float
) -> None:
    text = " ".join(map(str, samples))
    parsed = parse_sampled_data(text, origin=origin, factor=factor)
    assert parsed.tolist() == [origin + factor * sample for sample in samples]


@pytest.mark.parametrize("text", ["1 \ud800", "1 \U0001f4a9 2", "1 \x00", "1 2\n"])
def test_text_that_is_no_ascii_is_a_bad_sample_too(text: str) -> None:
    with pytest.raises(SampledDataError) as caught:
        parse_sampled_data(text, origin=0.0, factor=1.0)
    assert caught.value.sample_index == 1
    assert caught.value.byte_offset == 2


def test_an_error_never_quotes_the_text() -> None:
    with pytest.raises(SampledDataError) as caught:
        parse_sampled_data("1 2 Muster,Max", origin=0.0, factor=1.0)
    assert str(caught.value) == "sample 2 at byte 4: expected a decimal number, E, L or U"
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("scale", [(math.inf, 1.0), (0.0, math.nan), (0.0, 1e308)])
def test_a_value_that_is_not_finite_is_refused(scale: tuple[float, float]) -> None:
    origin, factor = scale
    with pytest.raises(SampledDataError, match=r"sample 1 .* not finite"):
        parse_sampled_data("E 20 1", origin=origin, factor=factor)


def test_the_result_is_the_callers_own_contiguous_array() -> None:
    parsed = parse_sampled_data("1 2 3", origin=0.0, factor=1.0)
    assert parsed.dtype == np.float64
    assert parsed.flags.c_contiguous
    assert parsed.flags.writeable
