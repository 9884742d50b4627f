"""What auditors ask of the store."""

import contextlib
from collections.abc import Iterator, Sequence
from itertools import islice

from sqlalchemy import Connection, Engine, select

from ecgsvc.domain.audit import TrailVerdict
from ecgsvc.domain.errors import InvalidRequest, StoreUnavailable
from ecgsvc.store import schema
from ecgsvc.store.engine import make_engine, snapshot, translated_errors
from ecgsvc.store.proving import consistency_of, proof_of
from ecgsvc.store.verifying import TrailVerifier, chained, tenants
from ecgsvc.store.vouched import UnreadableValue, reading_values
from ecgsvc.trail import MAX_PROBLEMS, Checkpoint, VerifyingKey, export_lines


class TrailAuditor:
    """Verifies trails and hands out checkpoints; reads only, and enters nothing.

    Parameters
    ----------
    engine
        Of a migrated database; or a connection, whose transaction is then used.
    keys
        Keys whose signatures are believed.
    """

    def __init__(self, engine: Engine | Connection, keys: Sequence[VerifyingKey]) -> None:
        self._source = snapshot(engine) if isinstance(engine, Engine) else engine
        self._keys = keys

    @classmethod
    @contextlib.contextmanager
    def opened(cls, url: str, keys: Sequence[VerifyingKey]) -> Iterator["TrailAuditor"]:
        """Open a database that nobody needs to be serving; without a limit of time."""
        engine = make_engine(url, timeout_s=None)
        try:
            yield cls(engine, keys)
        finally:
            engine.dispose()

    def tenants(self) -> list[str]:
        """Return every tenant that has rows, sorted."""
        with self._reading() as connection:
            return tenants(connection)

    def verify(self, tenant: str, checkpoints: Sequence[Checkpoint] = ()) -> TrailVerdict:
        """Verify a tenant's trail, all rows it vouches for, and kept checkpoints.

        Raises
        ------
        StoreUnavailable
        """
        own = [each for each in checkpoints if each.tenant == tenant]
        with self._reading() as connection:
            verifier = TrailVerifier(connection, tenant, self._keys, own)
            problems = tuple(islice(verifier.problems(), MAX_PROBLEMS))
            note = _checkpoint(connection, tenant)
        return TrailVerdict(tenant, verifier.n_events, problems, note)

    def checkpoint(self, tenant: str) -> str:
        """Return the signed end of a tenant's trail; empty when there is none.

        Raises
        ------
        StoreUnavailable
        """
        with self._reading() as connection:
            return _checkpoint(connection, tenant)

    def prove(self, tenant: str, report_id: str) -> bytes:
        """Write the proof of what the trail says of a report, see `ecgsvc.trail.proofs`.

        Raises
        ------
        ReportNotFound
            The trail has no event about it.
        StoreUnavailable
        """
        with self._reading() as connection:
            return proof_of(connection, tenant, report_id)

    def prove_consistency(self, older: str, newer: str = "") -> bytes:
        """Write the proof that the trail of one checkpoint begins with that of another.

        Parameters
        ----------
        older, newer
            Texts of signed checkpoints; the end of the trail when there is no newer.

        Raises
        ------
        InvalidCheckpoint
            One is none, or signed by none of the keys.
        InvalidRequest
            The trail does not reach from one to the other.
        StoreUnavailable
        """
        first = Checkpoint.read(older, self._keys)
        with self._reading() as connection:
            newer = newer or _checkpoint(connection, first.tenant)
            last = Checkpoint.read(newer, self._keys)
            if first.tenant != last.tenant:
                msg = "the checkpoints are of different tenants"
                raise InvalidRequest(msg)
            ends = (first.size, older), (last.size, newer)
            return consistency_of(connection, first.tenant, *ends)

    def export(self, tenant: str) -> Iterator[bytes]:
        """Yield the whole trail as lines, see `ecgsvc.trail.exported`.

        All of one state; memory does not grow with the trail.

        Raises
        ------
        StoreUnavailable
        """
        events = schema.audit_events
        query = select(events).where(events.c.tenant == tenant).order_by(events.c.sequence)
        try:
            with self._reading() as connection, reading_values():
                streamed = query.execution_options(yield_per=1000)
                rows = connection.execute(streamed).mappings()
                chain = ((chained(row), str(row["hash"])) for row in rows)
                yield from export_lines(tenant, chain, _checkpoint(connection, tenant))
        except UnreadableValue:
            msg = "an event cannot be read: `ecgsvc audit verify` says which"
            raise StoreUnavailable(msg) from None

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Connection]:
        with translated_errors():
            if isinstance(self._source, Connection):
                yield self._source
                return
            with self._source.connect() as connection:
                yield connection


def _checkpoint(connection: Connection, tenant: str) -> str:
    heads = schema.audit_heads.c
    note = connection.scalar(select(heads.checkpoint).where(heads.tenant == tenant))
    return str(note or "")
