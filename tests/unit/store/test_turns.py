"""Whose turn it is, when many wait."""

import threading
import time

from ecgsvc.store.turns import Turns


def waiting(turns: Turns, name: str, order: list[str], *, in_background: bool) -> None:
    """Queue a thread and return once it waits."""

    def take() -> None:
        assert turns.acquire(10.0, in_background=in_background)
        order.append(name)
        turns.release()

    before = len(turns._waiting) + len(turns._in_background)
    threading.Thread(target=take, name=name, daemon=True).start()
    while len(turns._waiting) + len(turns._in_background) == before:
        time.sleep(0.001)


def test_turns_come_in_the_order_of_waiting_and_the_background_last() -> None:
    turns, order = Turns(), list[str]()
    assert turns.acquire(0.0)
    waiting(turns, "delivery 1", order, in_background=True)
    for name in ("analysis 1", "analysis 2", "analysis 3"):
        waiting(turns, name, order, in_background=False)
    waiting(turns, "delivery 2", order, in_background=True)
    turns.release()
    assert turns.acquire(10.0, in_background=True)
    assert order == ["analysis 1", "analysis 2", "analysis 3", "delivery 1", "delivery 2"]


def test_who_comes_back_at_once_stands_behind_those_who_wait() -> None:
    turns, order = Turns(), list[str]()
    assert turns.acquire(0.0)
    waiting(turns, "other", order, in_background=False)
    turns.release()
    assert turns.acquire(10.0)
    assert order == ["other"]


def test_a_turn_that_did_not_come_is_nobodys() -> None:
    turns = Turns()
    assert turns.acquire(0.0)
    assert not turns.acquire(0.01)
    assert not turns.acquire(0.01, in_background=True)
    turns.release()
    assert turns.acquire(0.0)
