"""What auditors ask of the store."""

import contextlib
from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, Engine, select

from ecgsvc.domain.audit import TrailVerdict
from ecgsvc.store import schema
from ecgsvc.store.engine import make_engine, snapshot, translated_errors
from ecgsvc.store.proving import proof_of
from ecgsvc.store.verifying import TrailVerifier, tenants
from ecgsvc.trail import Checkpoint, VerifyingKey

MAX_PROBLEMS = 100
"""So many problems are told; the first is the one that matters."""


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
            problems = []
            for problem in verifier.problems():
                problems.append(problem)
                if len(problems) == MAX_PROBLEMS:
                    break
            note = _checkpoint(connection, tenant)
        return TrailVerdict(tenant, verifier.n_events, tuple(problems), note)

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
