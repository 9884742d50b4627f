"""Follows a chain from its first event, and says where it is not what it was."""

from collections.abc import Iterable, Iterator, Sequence

from ecgsvc.domain.audit import TrailProblem
from ecgsvc.trail.chain import GENESIS, ChainedEvent, link
from ecgsvc.trail.checkpoints import Checkpoint, InvalidCheckpoint
from ecgsvc.trail.keys import VerifyingKey
from ecgsvc.trail.merkle import Frontier
from ecgsvc.trail.succession import InvalidSuccession, Succession


class ChainFollower:
    """One pass over one tenant's events; memory does not grow with their number.

    Parameters
    ----------
    keys
        Keys whose signatures are believed, the newest last: the end of the trail must be
        signed by it, or by the one that took over from it in the chain.
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
        self._newest = keys[-1] if keys else None
        self._signer: VerifyingKey | None = None
        self._met: set[bytes] = set()
        self._checkpoints = {each.size: each for each in checkpoints}

    def follow(self, events: Iterable[tuple[ChainedEvent, str]]) -> Iterator[TrailProblem]:
        """Take the next events, each with the hash that is kept of it."""
        for event, kept_hash in events:
            sequence, expected = event.sequence, self.n_events + 1
            is_number = isinstance(sequence, int)  # SQLite may hold anything
            if is_number and sequence < expected:
                text = f"event {sequence} stands after event {self.n_events}"
                yield TrailProblem(sequence, text)
            elif sequence != expected:
                yield TrailProblem(expected, f"event {expected} is missing")
            elif event.previous_hash != self.last_hash:
                yield TrailProblem(sequence, f"event {sequence} hangs on another event")
            if event.tenant != self._tenant or _hash_of(event) != kept_hash:
                yield TrailProblem(sequence, f"event {sequence} was altered")
            self.n_events = max(sequence, self.n_events) if is_number else expected
            self.last_hash = kept_hash
            yield from self._grow(kept_hash)
            yield from self._succeed(event)

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

    def _succeed(self, event: ChainedEvent) -> Iterator[TrailProblem]:
        """Take the next key, when the one before hands the trail over to it."""
        text = f"event {event.sequence} hands the trail over without the old key"
        try:
            succession = Succession.read(event.contents, self._tenant)
        except InvalidSuccession:
            yield TrailProblem(event.sequence, text)
            return
        if succession is None:
            return
        old, new = succession.old, succession.new
        if old is None:  # lost: who believes an earlier key has no reason to believe this
            self._signer, self._met = new, {new.raw}
            return
        if self._signer is not None and self._signer.raw != old.raw:
            yield TrailProblem(event.sequence, text)
            return
        self._signer = new
        self._met |= {old.raw, new.raw}

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
            signed = Checkpoint.read(note, self._signers())  # type: ignore[arg-type]
        except (InvalidCheckpoint, AttributeError, TypeError):
            return False
        state = (self._tenant, self.frontier.size, self.frontier.root, self.last_hash)
        return (signed.tenant, signed.size, signed.root, signed.chain) == state

    def _signers(self) -> list[VerifyingKey]:
        """Return the key that may sign the end, if one is believed."""
        newest, signer = self._newest, self._signer
        if newest is None or (signer is not None and newest.raw not in self._met):
            return []
        return [signer or newest]


def _hash_of(event: ChainedEvent) -> str:
    try:
        return link(event)
    except TypeError:  # a type that no write of ours can have left
        return ""
