"""SIGTERM and SIGINT as something to wait for, without losing one.

A Python signal handler runs when the main thread next runs Python. The kernel may deliver
the signal to one of gRPC's threads, and a main thread that waits for a lock then never
wakes (seen: a server that slept through SIGTERM). The interpreter's wakeup file descriptor
is written at once, in whichever thread; a thread of our own reads it.
"""

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def stop_signals(at_second: Callable[[int], object]) -> Iterator[socket.socket]:
    """Listen to SIGTERM and SIGINT; to be entered in the main thread.

    Parameters
    ----------
    at_second
        Called with the number of every signal after the first, in a thread.

    Yields
    ------
    socket.socket
        Becomes readable at the first signal and gives one byte, its number.
    """
    wakeup, interpreter = socket.socketpair()
    heard, watcher = socket.socketpair()
    interpreter.setblocking(False)

    def watch() -> None:
        n_heard = 0
        while numbers := wakeup.recv(64):
            for number in filter(_SIGNALS.__contains__, numbers):
                n_heard += 1
                if n_heard == 1:
                    watcher.send(bytes([number]))
                else:
                    at_second(number)

    before = {each: signal.signal(each, _left_to_the_watcher) for each in _SIGNALS}
    fd_before = signal.set_wakeup_fd(interpreter.fileno(), warn_on_full_buffer=False)
    thread = threading.Thread(target=watch, name="stop-signals", daemon=True)
    thread.start()
    try:
        yield heard
    finally:
        signal.set_wakeup_fd(fd_before)
        for each, handler in before.items():
            signal.signal(each, handler)
        interpreter.close()  # the watcher reads the end and leaves
        thread.join()
        for each_socket in (wakeup, heard, watcher):
            each_socket.close()


def _left_to_the_watcher(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: without a handler the interpreter would not write the descriptor."""
