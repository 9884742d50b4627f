"""Keeps reports in SQL: SQLite by default, PostgreSQL by URL."""

from ecgsvc.store.auditor import TrailAuditor
from ecgsvc.store.grants import grants
from ecgsvc.store.migrations import current_revision, migrate
from ecgsvc.store.refusals import RefusalLog, Repeated
from ecgsvc.store.reports import ReportStore
from ecgsvc.store.spool import RefusalSpool
from ecgsvc.store.trail import Notary

__all__ = [
    "Notary",
    "RefusalLog",
    "RefusalSpool",
    "Repeated",
    "ReportStore",
    "TrailAuditor",
    "current_revision",
    "grants",
    "migrate",
]
