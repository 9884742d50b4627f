"""Keeps reports in SQL: SQLite by default, PostgreSQL by URL."""

from ecgsvc.store.auditor import TrailAuditor
from ecgsvc.store.migrations import current_revision, migrate
from ecgsvc.store.reports import ReportStore
from ecgsvc.store.trail import Notary

__all__ = ["Notary", "ReportStore", "TrailAuditor", "current_revision", "migrate"]
