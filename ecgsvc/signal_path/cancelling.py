"""Work that nobody waits for any more stops between two stages."""

from collections.abc import Callable

from ecgsvc.domain.errors import DeadlineExceeded


def never() -> bool:
    """Nobody cancels."""
    return False


def stop_if(cancelled: Callable[[], bool]) -> None:
    """Raise `DeadlineExceeded` when the work was cancelled."""
    if cancelled():
        msg = "the deadline passed or the caller left; the work was stopped"
        raise DeadlineExceeded(msg)
