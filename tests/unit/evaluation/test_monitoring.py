"""The auditor's summary: counts, drift, agreement, tables and pictures."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecgsvc.domain.export import ExportedReport
from ecgsvc.domain.findings import SNOMED_CT, Coding
from ecgsvc.evaluation.monitoring import Agreement, monitor
from ecgsvc.evaluation.monitoring_tables import (
    monitoring_json,
    monitoring_panels,
    monitoring_tables,
)
from ecgsvc.evaluation.population_stability import stability
from ecgsvc.render.week_chart import week_charts
from tests.unit.export.exported import an_export

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
AF, LBBB = "49436004", "164909002"


def a_report(
    day: int = 0,
    *,
    codes: Sequence[str] = (),
    signed: Sequence[str] | None = None,
    signer: str | None = None,
    **changes: object,
) -> ExportedReport:
    given = an_export()
    return replace(
        given,
        report=replace(given.report, effective_at=MONDAY + timedelta(days=day)),
        findings=tuple(Coding(SNOMED_CT, code, f"finding {code}") for code in codes),
        signer=signer,
        signed_codes=None if signed is None else tuple(signed),
        **({"undetermined": (), "scores": {}, "measurements": {}} | changes),  # type: ignore[arg-type]
    )


def test_weeks_run_from_monday_and_none_between_is_left_out() -> None:
    summary = monitor([a_report(0), a_report(6), a_report(21), a_report(-1)])
    assert [(str(w.monday), w.n) for w in summary.weeks] == [
        ("2026-02-23", 1), ("2026-03-02", 2), ("2026-03-09", 0), ("2026-03-16", 0),
        ("2026-03-23", 1),
    ]  # fmt: skip
    assert summary.n_reports == 4


def test_open_questions_are_counted_once_a_report() -> None:
    summary = monitor(
        [
            a_report(undetermined=("rhythm", "diagnosis", "measurements.pr_ms")),
            a_report(undetermined=("measurements.pr_ms",)),
        ]
    )
    assert summary.weeks[0].n_any_open == 1
    week = MONDAY.date()
    assert summary.undetermined == {(week, "rhythm"): 1, (week, "diagnosis"): 1}


def test_the_codes_of_a_signer_are_held_against_the_machines() -> None:
    summary = monitor(
        [
            a_report(codes=(AF,), signer="dr", signed=(AF,)),  # agreed
            a_report(codes=(AF,), signer="dr"),  # disagreed in words only
            a_report(codes=(AF,), signer="dr", signed=()),  # took back
            a_report(codes=(), signer="dr", signed=(AF, LBBB)),  # added
            a_report(codes=(AF,)),  # nobody looked
        ]
    )
    assert summary.n_signed == 3
    assert summary.agreement[AF, "all"] == Agreement(1, 1, 1, 0)
    assert summary.agreement[LBBB, "all"] == Agreement(0, 0, 1, 2)


@pytest.mark.parametrize(
    ("age", "band"),
    [(0.1, "0-17"), (17.9, "0-17"), (18, "18-39"), (64.5, "40-64"), (99, "80+"),
     (None, "age unknown")],
)  # fmt: skip
def test_groups_are_sex_and_age_bands(age: float | None, band: str) -> None:
    report = a_report(codes=(AF,), signed=(AF,), sex="male", age_years=age)
    assert {group for _, group in monitor([report]).agreement} == {"all", "male", band}


def test_a_shift_of_a_measurement_is_seen_and_chance_is_not_called_one() -> None:
    rng = np.random.default_rng(1)
    reports = [
        a_report(7 * week, measurements={"qrs_ms": float(qrs), "pr_ms": float(pr)})
        for week in range(10)
        for qrs, pr in zip(
            rng.normal(95 + 20 * (week == 9), 10, 120),
            rng.normal(160, 20, 120),
            strict=True,
        )
    ]
    found = {(d.name, str(d.week)): d.stability.word for d in monitor(reports).drifts}
    assert found == {
        ("pr_ms", "2026-04-27"): "none",
        ("pr_ms", "2026-05-04"): "none",
        ("qrs_ms", "2026-04-27"): "none",
        ("qrs_ms", "2026-05-04"): "large",
    }


@given(st.integers(0, 2**32 - 1), st.sampled_from([60, 500]))
def test_the_index_is_never_negative_and_zero_for_the_same_values(
    seed: int, n: int
) -> None:
    values = np.random.default_rng(seed).normal(size=n)
    same = stability(values, values)
    assert same is not None
    assert same.index == pytest.approx(0, abs=1e-12)
    moved = stability(values, values + 0.5)
    assert moved is not None
    assert moved.index > 0


def test_what_chance_reaches_is_reached_in_one_case_of_a_hundred() -> None:
    rng = np.random.default_rng(7)
    above = 0
    for _ in range(2000):
        found = stability(rng.normal(size=400), rng.normal(size=200))
        assert found is not None
        above += found.index > found.by_chance
    assert 0.002 <= above / 2000 <= 0.02


def test_too_few_or_constant_values_are_no_drift() -> None:
    assert stability(np.zeros(49), np.zeros(500)) is None
    constant = stability(np.zeros(60), np.zeros(60))
    assert constant is not None
    assert constant.word == "none"


def test_the_tables_and_the_json_say_the_same_and_hold_intervals() -> None:
    def signed(n: int) -> tuple[str, ...] | None:
        if n % 3 == 0:
            return None
        return () if n % 6 == 1 else (AF,) * (n % 2)

    reports = [
        a_report(
            7 * (n % 3),
            codes=(AF,) * (n % 2),
            signed=signed(n),
            sex="female" if n % 2 else "male",
        )
        for n in range(60)
    ]
    summary = monitor(reports)
    told = json.loads(json.dumps(monitoring_json(summary)))
    assert (told["n_reports"], told["n_signed"]) == (60, 40)
    assert sum(row["ECGs"] for row in told["weeks"]) == 60
    [finding] = told["findings"]
    assert finding["share"]["value"] == 0.5
    assert 0.37 < finding["share"]["low"] < 0.39  # Wilson of 30 in 60
    row = next(r for r in told["agreement"] if r["group"] == "all")
    assert row["signed"] == 40
    assert row["confirmed"]["value"] == pytest.approx(0.5)
    assert len(list(monitoring_tables(summary))) == 3  # no drift in three weeks


@pytest.mark.parametrize("n", [0, 1, 40])
def test_the_picture_is_an_svg_however_much_there_is(n: int) -> None:
    summary = monitor([a_report(7 * number) for number in range(n)])
    svg = week_charts(monitoring_panels(summary), "ecgsvc")
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert b"nan" not in svg
    assert math.isfinite(len(svg))
