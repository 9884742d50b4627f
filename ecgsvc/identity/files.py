"""Files that are read again when they changed, so that renewals need no restart."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

_LOG = logging.getLogger("ecgsvc.identity")

_T = TypeVar("_T")


class WatchedFile(Generic[_T]):
    """What a file says now; what it said last while it cannot be read.

    Parameters
    ----------
    path
        The file.
    read
        Makes the value of the file's bytes; raises an OSError when it cannot be used.

    Raises
    ------
    OSError
        The file cannot be read or used at the start.
    """

    def __init__(self, path: Path, read: Callable[[bytes], _T]) -> None:
        self._path = path
        self._read = read
        self._lock = threading.Lock()
        self._look = self._looks()
        self._value = read(path.read_bytes())

    @property
    def value(self) -> _T:
        """The value, read again when time or size of the file changed."""
        with self._lock:
            try:
                look = self._looks()
                if look != self._look:
                    self._value = self._read(self._path.read_bytes())
                    self._look = look
            except OSError as error:
                _LOG.error("%s stays as it was: %s", self._path.name, type(error).__name__)
            return self._value

    def _looks(self) -> tuple[int, int]:
        stat = self._path.stat()
        return stat.st_mtime_ns, stat.st_size
