"""A chain of events, made without a store."""

from datetime import UTC, datetime

from ecgsvc.trail import GENESIS, ChainedEvent, Checkpoint, Frontier, SigningKey, link

MOMENT = datetime(2026, 11, 28, 9, 30, 1, 5, UTC)


class Chain:
    """Grows event by event, as the store's does."""

    def __init__(self, tenant: str = "default") -> None:
        self.tenant = tenant
        self.events: list[tuple[ChainedEvent, str]] = []
        self.frontier = Frontier()

    def add(self, operation: str = "read", contents: str = "") -> None:
        """Add an event that hangs on the last."""
        number = len(self.events) + 1
        event = ChainedEvent(
            tenant=self.tenant, sequence=number, event_id=f"e{number}", recorded_at=MOMENT,
            operation=operation, action="R", outcome="0", subject="dr", report_id="r1",
            report_version=1, patient=None, request_id="", event=b"{}", contents=contents,
            previous_hash=self.events[-1][1] if self.events else GENESIS,
        )  # fmt: skip
        self.events.append((event, link(event)))
        self.frontier.add(bytes.fromhex(link(event)))

    def checkpoint(self) -> Checkpoint:
        """The end of the chain so far."""
        size, last = self.frontier.size, self.events[-1][1]
        return Checkpoint(self.tenant, size, self.frontier.root, last, MOMENT)

    def head(self, key: SigningKey) -> str:
        """The end of the chain, signed."""
        return self.checkpoint().signed(key)


def a_chain(n_events: int, tenant: str = "default") -> Chain:
    chain = Chain(tenant)
    for _ in range(n_events):
        chain.add()
    return chain
