"""Waits, verdicts and the breaker."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ecgsvc.delivery import Breaker, RetryPolicy
from ecgsvc.domain.delivery import Answer, DeliveryState, Verdict

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
SHARES = st.floats(0, 1, exclude_max=True)


@given(st.integers(1, 10_000), SHARES)
def test_waits_grow_to_the_longest_and_never_beyond(attempt: int, share: float) -> None:
    policy = RetryPolicy(first_s=2.0, longest_s=60.0)
    wait_s = policy.wait_s(attempt, share)
    assert 1.0 <= wait_s <= 60.0
    assert policy.wait_s(attempt + 1, share) >= wait_s


@given(st.sampled_from(Verdict), st.integers(1, 99), st.floats(0, 100), st.floats(0, 9e3))
def test_nothing_is_tried_for_ever_and_nothing_is_given_up_early(
    verdict: Verdict, attempt: int, hours: float, retry_after_s: float
) -> None:
    answer = Answer(verdict, "x", retry_after_s)
    created_at = NOW - timedelta(hours=hours)
    policy = RetryPolicy(give_up_after=timedelta(hours=72))
    judged = policy.judge(answer, attempt, created_at, NOW)
    if verdict is Verdict.ACCEPTED:
        assert judged.state is DeliveryState.DELIVERED
    elif verdict is Verdict.REFUSED or hours >= 72:
        assert judged.state is DeliveryState.DEAD
    else:
        assert judged.state is DeliveryState.PENDING
        assert judged.not_before is not None
        assert judged.not_before >= NOW + timedelta(seconds=retry_after_s)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_destination_that_fails_is_left_alone_then_tried_once() -> None:
    clock = Clock()
    breaker = Breaker(failures=3, pause_s=10, longest_pause_s=25, clock=clock)
    for _ in range(2):
        assert breaker.allows()
        breaker.failed()
    assert not breaker.is_open
    assert breaker.allows()
    breaker.failed()
    assert breaker.is_open
    assert not breaker.allows()
    clock.now = 10.0
    assert breaker.allows()
    assert not breaker.allows()  # one at a time
    breaker.failed()
    clock.now = 29.9
    assert breaker.is_resting  # twice as long now
    clock.now = 30.0
    assert breaker.allows()
    breaker.not_used()
    assert breaker.allows()
    breaker.failed()
    clock.now = 54.9
    assert breaker.is_resting  # no longer than the longest pause
    clock.now = 55.0
    assert breaker.allows()
    breaker.succeeded()
    assert not breaker.is_open
    assert breaker.allows()
    assert breaker.allows()
