"""Everything that can go wrong, as one tree of domain words.

No transport codes and no patient data here: messages name elements, sample indices and
what was expected, never what a body contained. `rpc.errors` maps the leaves to codes.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Self


class EcgsvcError(Exception):
    """Root of the tree.

    Parameters
    ----------
    message
        What is wrong and what was expected, for a person.
    expression
        FHIRPath of the element at fault (``Observation.component[3].value``), if any.
    """

    def __init__(self, message: str, *, expression: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.expression = expression


class RefusedContent(EcgsvcError):
    """The caller sent something that cannot be accepted.

    A body may break several rules: the first error is raised and carries the `others`.
    """

    def __init__(self, message: str, *, expression: str | None = None) -> None:
        super().__init__(message, expression=expression)
        self.others: tuple[RefusedContent, ...] = ()

    @property
    def all(self) -> tuple["RefusedContent", ...]:
        """This error and the others of the same body, in order."""
        return (self, *self.others)

    def with_others(self, others: Iterable["RefusedContent"]) -> Self:
        """Attach the other errors of the same body."""
        self.others = tuple(others)
        return self


class MalformedObservation(RefusedContent):
    """The bytes are not the JSON of the resource they should be."""


class UnreadableRecording(RefusedContent):
    """The file is not a recording this service reads."""


class MissingElement(RefusedContent):
    """An element that must be there is not."""


class InvalidElement(RefusedContent):
    """An element has a value it must not have."""


class UnsupportedContent(RefusedContent):
    """Valid, but nothing this service reads."""


class UnanalysableSignal(RefusedContent):
    """The samples are well-formed but no analysis can rest on them."""


class TooLarge(RefusedContent):
    """More content than the stated limit."""


class InvalidRequest(RefusedContent):
    """A request field other than the resource is wrong (filter, page token, name)."""


class Unauthenticated(EcgsvcError):
    """The call does not say who is asking, or not in a way that is believed."""


class Forbidden(EcgsvcError):
    """The caller is known and may not do this."""


class ReportNotFound(EcgsvcError):
    """No report has that name."""


class JobNotFound(EcgsvcError):
    """The caller has no job of that name."""


class DuplicateWithOtherContent(EcgsvcError):
    """The same request id or identifier was used before with another body."""


class VersionConflict(EcgsvcError):
    """There is a newer version than the one the caller has seen; nothing was changed."""


class IllegalTransition(EcgsvcError):
    """A report of this status cannot get the status asked for."""


class StoreUnavailable(EcgsvcError):
    """The database cannot be reached or refuses to write; nothing was confirmed.

    Where the connection broke at the commit, the work may have been stored in full all the
    same. `entered` are the ids of its audit events: their being in the trail tells.
    """

    entered: tuple[str, ...] = ()


def perhaps_entered(error: BaseException) -> tuple[str, ...]:
    """Ids of audit events that may be in the trail although the work failed with this."""
    return error.entered if isinstance(error, StoreUnavailable) else ()


class ModelUnavailable(EcgsvcError):
    """A model cannot be loaded or run."""


class Overloaded(EcgsvcError):
    """More work than the service accepts at once; try again later."""


class DeadlineExceeded(EcgsvcError):
    """The caller's deadline passed; the work was stopped and nothing was stored."""


class SlotTaken(Exception):
    """Another writer stored a report where this one was to stand; look the place up again.

    Control flow between store and pipeline: no caller of the service ever sees it, so it
    stands outside the tree.
    """


@contextmanager
def within(place: str) -> Iterator[None]:
    """Give errors about a resource its FHIRPath in the Bundle it came in.

    `place` is empty for a resource that came alone. What is about a Patient is left as it
    is: that is another entry.
    """
    try:
        yield
    except EcgsvcError as error:
        several = error.all if isinstance(error, RefusedContent) else (error,)
        for each in several if place else ():
            root, dot, rest = (each.expression or "").partition(".")
            if root != "Patient":
                each.expression = f"{place}{dot}{rest}"
        raise


def raise_all(errors: Sequence[RefusedContent]) -> None:
    """Raise the first error with the others attached; return when there is none."""
    if errors:
        raise errors[0].with_others(errors[1:])
