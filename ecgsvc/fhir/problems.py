"""Collects what is wrong with a body, so that a sender sees all of it at once."""

from dataclasses import dataclass

from ecgsvc.domain.errors import RefusedContent, raise_all


@dataclass(frozen=True, slots=True)
class ContentWarning:
    """Something accepted that a sender should look at; no patient data in it."""

    message: str
    expression: str


class Problems:
    """Errors and warnings of one body, in the order found.

    Parameters
    ----------
    limit
        `add` raises as soon as this many errors are known: a body that is wrong
        everywhere costs no more time than one that is wrong in `limit` places.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._errors: list[RefusedContent] = []
        self._warnings: list[ContentWarning] = []

    def add(self, error: RefusedContent) -> None:
        """Note one error; raise them all when the limit is reached."""
        self._errors.append(error)
        if len(self._errors) >= self._limit:
            self.raise_if_any()

    def warn(self, message: str, expression: str) -> None:
        """Note one warning."""
        self._warnings.append(ContentWarning(message, expression))

    def raise_if_any(self) -> None:
        """Raise the first error with the others attached, if there is one."""
        raise_all(self._errors)

    @property
    def warnings(self) -> tuple[ContentWarning, ...]:
        """The warnings, in the order found."""
        return tuple(self._warnings)
