"""Follows a chain from its first event, and says where it is not what it was."""

from collections.abc import Iterable, Iterator, Sequence

from ecgsvc.domain.audit import TrailProblem
from ecgsvc.trail.chain import GENESIS, ChainedEvent, link
from ecgsvc.trail.checkpoints import Checkpoint, InvalidCheckpoint
from ecgsvc.trail.keys import VerifyingKey
from ecgsvc.trail.merkle import Frontier


class ChainFollower:
    """One pass over one tenant's events; memory does not grow with their number.

    Parameters
    ----------
    keys
        Keys whose signatures are believed.
    checkpoints
        Checkpoints of this tenant that were kept elsewhere.
    """

    def __init__(
        self,
        tenant: str,
        keys: Sequence[VerifyingKey],
        checkpoints: Iterable[Checkpoint] = (),
    ) -> None:
        self.n_events = 0
        self.last_hash = GENESIS
        self.frontier = Frontier()
        self._tenant = tenant
        self._keys = keys
        self._checkpoints = {each.size: each for each in checkpoints}

    def follow(self, events: Iterable[tuple[ChainedEvent, str]]) -> Iterator[TrailProblem]:
        """Take the next events, each with the hash that is kept of it."""
        for event, kept_hash in events:
            sequence, expected = event.sequence, self.n_events + 1
            if sequence != expected:
                yield TrailProblem(expected, f"event {expected} is missing")
            elif event.previous_hash != self.last_hash:
                yield TrailProblem(sequence, f"event {sequence} hangs on another event")
            if event.tenant != self._tenant or _hash_of(event) != kept_hash:
                yield TrailProblem(sequence, f"event {sequence} was altered")
            self.n_events = sequence if isinstance(sequence, int) else expected
            self.last_hash = kept_hash
            yield from self._grow(kept_hash)

    def _grow(self, event_hash: str) -> Iterator[TrailProblem]:
        try:
            self.frontier.add(bytes.fromhex(event_hash))
        except (ValueError, TypeError):  # no hash at all: said to be altered already
            self.frontier.add(b"")
        kept = self._checkpoints.pop(self.frontier.size, None)
        if kept and (kept.root, kept.chain) != (self.frontier.root, event_hash):
            size = kept.size
            text = f"events 1 to {size} are not those of the checkpoint of {size} events"
            yield TrailProblem(size, text)

    def beyond_the_end(self) -> Iterator[TrailProblem]:
        """Name the checkpoints that the trail does not reach."""
        for size in sorted(self._checkpoints):
            text = (
                f"the trail was cut: it has {self.n_events} events, a checkpoint has {size}"
            )
            yield TrailProblem(self.n_events + 1, text)

    def ends_with(self, note: object) -> bool:
        """Whether a text is the signed checkpoint of exactly what was followed."""
        try:
            signed = Checkpoint.read(note, self._keys)  # type: ignore[arg-type]
        except (InvalidCheckpoint, AttributeError, TypeError):
            return False
        state = (self._tenant, self.frontier.size, self.frontier.root, self.last_hash)
        return (signed.tenant, signed.size, signed.root, signed.chain) == state


def _hash_of(event: ChainedEvent) -> str:
    try:
        return link(event)
    except TypeError:  # a type that no write of ours can have left
        return ""
