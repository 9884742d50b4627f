"""What calls and checks say of themselves."""

import pytest

from ecgsvc.domain.diagnosis import LabelCall
from ecgsvc.domain.interval_check import IntervalCheck, IntervalCrossCheck
from ecgsvc.domain.model_identity import ModelIdentity


@pytest.mark.parametrize(
    ("may_be_present", "may_be_absent", "answer"),
    [(True, False, True), (False, True, False), (True, True, None), (False, False, None)],
)
def test_a_label_is_answered_only_where_its_set_holds_one(
    may_be_present: bool, may_be_absent: bool, answer: bool | None
) -> None:
    call = LabelCall(0.6, 0.5, may_be_present, may_be_absent)
    assert call.called
    assert call.answer is answer


def test_what_could_not_be_measured_is_not_contradicted() -> None:
    check = IntervalCheck("pr_ms", None, 160.0, 5.0, 20.0)
    assert not check.disagrees


def test_a_disagreement_is_a_distance_beyond_the_bound_on_either_side() -> None:
    checks = tuple(
        IntervalCheck("qt_ms", measured, 400.0, 8.0, 30.0)
        for measured in (369.0, 370.0, 400.0, 430.0, 431.0)
    )
    found = IntervalCrossCheck(ModelIdentity("m", "1.0.0", ""), checks).disagreements
    assert [check.measured for check in found] == [369.0, 431.0]
