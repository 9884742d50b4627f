"""When a delivery is tried again, and when it is given up."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from ecgsvc.domain.delivery import Answer, Attempt, DeliveryState, Verdict


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Waits that double, from the first to the longest, each cut by up to half at random.

    The randomness keeps the deliveries that failed together from coming back together.

    Parameters
    ----------
    first_s, longest_s
        Seconds before the second try, and between tries at most.
    give_up_after
        How long after the first try a delivery becomes a dead letter.
    """

    first_s: float = 2.0
    longest_s: float = 900.0
    give_up_after: timedelta = timedelta(hours=72)

    def wait_s(self, attempt: int, share: float) -> float:
        """Return the wait after a try, from 1; `share` in [0, 1) is the randomness."""
        doubled = self.first_s * 2.0 ** min(attempt - 1, 30)
        return min(doubled, self.longest_s) * (1.0 - share / 2.0)

    def judge(
        self, answer: Answer, attempt: int, created_at: datetime, now: datetime
    ) -> Attempt:
        """Decide what becomes of a delivery after a try."""
        if answer.verdict is Verdict.ACCEPTED:
            return Attempt(DeliveryState.DELIVERED, answer.text)
        if answer.verdict is Verdict.REFUSED or now - created_at >= self.give_up_after:
            return Attempt(DeliveryState.DEAD, answer.text)
        wait_s = self.wait_s(attempt, random.random())  # noqa: S311  # no secret
        wait_s = max(wait_s, answer.retry_after_s or 0.0)
        return Attempt(DeliveryState.PENDING, answer.text, now + timedelta(seconds=wait_s))
