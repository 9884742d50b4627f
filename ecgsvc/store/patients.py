"""What the trail calls patients: random pseudonyms, in a table that can be erased.

Random rather than a keyed hash of the patient: once the row is gone, no key gives it back.
"""

import secrets
import uuid
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from ecgsvc.domain.report import Identifier
from ecgsvc.store import schema

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Pseudonym:
    """A patient's pseudonym, and the row it was given by, when that is new."""

    value: str
    new_row: dict[str, object] | None = None


def subject_key(reference: str | None, identifier: Identifier | None) -> str | None:
    """Return what a patient is known by: the reference, else ``system|value``."""
    if reference is not None:
        return reference
    if identifier is None:
        return None
    return f"{identifier.system or ''}|{identifier.value}"


def pseudonym_of(
    connection: Connection, tenant: str, subject: str | None
) -> Pseudonym | None:
    """Return a patient's pseudonym; the first time it is made.

    Raises
    ------
    SlotTaken
        Through the table's key, when another writer makes it at the same time.
    """
    if subject is None:
        return None
    known = known_pseudonyms(connection, tenant, [subject])
    if subject in known:
        return Pseudonym(known[subject])
    row: dict[str, object] = {
        "tenant": tenant,
        "subject": subject,
        "pseudonym": str(uuid.uuid4()),
        "salt": secrets.token_hex(16),
    }
    connection.execute(insert(schema.patients), row)
    return Pseudonym(str(row["pseudonym"]), row)


def known_pseudonyms(
    connection: Connection, tenant: str, subjects: Collection[str]
) -> dict[str, str]:
    """Return the pseudonyms of those patients that have one."""
    columns = schema.patients.c
    wanted, found = sorted(set(subjects)), dict[str, str]()
    for start in range(0, len(wanted), _BATCH):
        query = select(columns.subject, columns.pseudonym).where(
            columns.tenant == tenant,
            columns.subject.in_(wanted[start : start + _BATCH]),
        )
        found.update({row.subject: row.pseudonym for row in connection.execute(query)})
    return found
