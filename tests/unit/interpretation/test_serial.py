"""A change is one only beyond what measuring varies by."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecgsvc.domain.measurements import Measurements
from ecgsvc.domain.serial import Change, MeasuredReport, SerialComparison, StatedFinding
from ecgsvc.interpretation import compare, serial_sentences
from tests.unit.interpretation.test_grounded_language import NUMBER, is_told

BEFORE = MeasuredReport(
    "r1", 2, datetime(2026, 3, 4, 9, tzinfo=UTC),
    Measurements(heart_rate_bpm=60, pr_ms=150, qrs_ms=100, qtc_fridericia_ms=410,
                 qrs_axis_deg=170),
    (StatedFinding("s", "1", "Sinus rhythm"),), (("beats", "1.0.0"),),
)  # fmt: skip


def compared(**values: float | None) -> SerialComparison:
    now = replace(BEFORE.measurements, **values)  # type: ignore[arg-type]
    return compare(BEFORE, now, BEFORE.findings, BEFORE.models)


def text(serial: SerialComparison) -> str:
    return " ".join(each.text for each in serial_sentences(serial))


def test_the_same_ecg_has_not_changed() -> None:
    assert text(compared()) == (
        "Compared with the ECG of 2026-03-04: no change beyond variability."
    )


@pytest.mark.parametrize(
    ("field", "limit"),
    [("heart_rate_bpm", 20), ("pr_ms", 22), ("qrs_ms", 26), ("qtc_fridericia_ms", 37)],
)
def test_changes_count_beyond_their_limit(field: str, limit: float) -> None:
    base = getattr(BEFORE.measurements, field)
    for sign in (-1, 1):
        assert "no change" in text(compared(**{field: base + sign * limit}))
        said = text(compared(**{field: base + sign * (limit + 1)}))
        assert f"{base:.0f} to {base + sign * (limit + 1):.0f}" in said


def test_an_axis_turns_the_shorter_way() -> None:
    (axis,) = [c for c in compared(qrs_axis_deg=-170).changes if c.name == "qrs_axis_deg"]
    assert axis.difference == 20
    assert not axis.exceeds
    assert "QRS axis 170 to -130°" in text(compared(qrs_axis_deg=-130))


def test_what_either_lacks_is_not_compared() -> None:
    names = {each.name for each in compared(pr_ms=None).changes}
    assert "pr_ms" not in names
    assert "qrs_ms" in names


def test_findings_come_and_go_by_code() -> None:
    now = (StatedFinding("s", "1", "Sinus rhythm, 61"), StatedFinding("s", "2", "ST up"))
    later = compare(BEFORE, BEFORE.measurements, now, BEFORE.models)
    assert later.appeared == now[1:]
    assert later.vanished == ()
    assert "new: ST up" in text(later)
    gone = compare(BEFORE, BEFORE.measurements, (), (("beats", "2.0.0"),))
    assert gone.vanished == BEFORE.findings
    assert "no longer found: Sinus rhythm." in text(gone)
    assert text(gone).endswith("Other models or versions read the earlier ECG.")


@given(st.floats(-180, 180), st.floats(-180, 180))
def test_a_turn_is_at_most_half_a_circle_and_leads_there(
    before: float, after: float
) -> None:
    turn = Change("qrs_axis_deg", before, after, "deg", 30, "").difference
    assert -180 <= turn <= 180
    assert ((before + turn - after) % 360) == pytest.approx(0, abs=1e-6) or (
        (before + turn - after) % 360
    ) == pytest.approx(360, abs=1e-6)


@given(st.floats(30, 200), st.floats(30, 200), st.floats(80, 300), st.floats(80, 300))
def test_numbers_said_are_those_compared(a: float, b: float, c: float, d: float) -> None:
    before = replace(BEFORE, measurements=Measurements(heart_rate_bpm=a, pr_ms=c))
    serial = compare(before, Measurements(heart_rate_bpm=b, pr_ms=d), (), ())
    told = [2026.0, *(v for each in serial.changes for v in (each.before, each.after))]
    for sentence in serial_sentences(serial):
        assert sentence.evidence
        for said in NUMBER.findall(sentence.text):
            assert is_told(said, told)
