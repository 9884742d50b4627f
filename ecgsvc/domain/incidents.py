"""What may be logged of an error that nobody foresaw."""

import traceback
from collections.abc import Iterator


def describe(error: BaseException) -> Iterator[str]:
    """Name the types and code lines of an exception and its causes, without any value."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield f"{type(current).__module__}.{type(current).__qualname__}"
        for frame in traceback.extract_tb(current.__traceback__):
            yield f"  {frame.filename}:{frame.lineno} in {frame.name}"
        current = current.__cause__ or current.__context__
