"""Lines of mixed direction are written as the Unicode algorithm says."""

import bidi
from hypothesis import given
from hypothesis import strategies as st

from ecgsvc.render.bidi import printable, visual_runs
from ecgsvc.render.typeface import fitted, shape, shortened, width

LETTERS = "ab \u0627\u0628\u05d0\u05d1 12\u0661.,-/:%+\u064e"


def written(text):
    return "".join(run[::-1] if turned else run for run, turned in visual_runs(text))


@given(st.text(LETTERS, max_size=14))
def test_the_order_is_that_of_another_implementation(text):
    assert written(text) == bidi.get_display(text, base_dir="L")


@given(st.text(max_size=20))
def test_nothing_printable_is_lost_or_made_up(text):
    clean = printable(text)
    assert sorted(written(clean)) == sorted(clean)
    said = "".join(glyph.text for glyph in shape(clean, bold=False))
    assert sorted(said) == sorted(clean)


def test_arabic_letters_join():
    word = "\u0645\u062d\u0645\u062f"
    apart = {glyph.index for letter in word for glyph in shape(letter, bold=False)}
    joined = {glyph.index for glyph in shape(word, bold=False)}
    assert len(joined - apart) >= 3


@given(st.text(LETTERS, min_size=1, max_size=30), st.floats(3, 30))
def test_a_text_is_made_smaller_and_then_cut_until_it_fits(text, room):
    size = fitted(text, 4.0, room, least=2.0)
    assert 2.0 <= size <= 4.0
    assert width(shortened(text, size, room), size) <= room + 1e-9
