"""Requests that are answered later."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ecgsvc.domain.caller import Caller


@dataclass(frozen=True, slots=True)
class NewJob:
    """What is asked; it survives whatever happens to the process that took it.

    Parameters
    ----------
    asks
        What is to be done, as the trail may know it (``POST /Observation``).
    details
        How; no patient is named here.
    body
        What was sent, kept until the job is done; None: nothing is left to be done.
    """

    job_id: str
    asks: str
    details: Mapping[str, Any] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A job as its owner may see it.

    Parameters
    ----------
    is_running
        Whether somebody works at it.
    finished_at
        None until it is done.
    result
        Empty until then; names no patient.
    """

    job_id: str
    asks: str
    details: Mapping[str, Any]
    created_at: datetime
    is_running: bool
    finished_at: datetime | None
    result: bytes


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job that one worker may do now.

    Parameters
    ----------
    caller
        In whose name it is done.
    lease
        Proves that it is still this worker's.
    attempt
        Of this try, from 1: a higher one's predecessors never ended.
    """

    job_id: str
    caller: Caller
    lease: str
    attempt: int
    asks: str
    details: Mapping[str, Any]
    body: bytes
