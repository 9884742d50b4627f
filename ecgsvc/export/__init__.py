"""Exports for statistics and research: FHIR NDJSON, CSV, Parquet, with or without names."""

from ecgsvc.export.deidentify import Deidentifier
from ecgsvc.export.folder import ExportFolder, Form

__all__ = ["Deidentifier", "ExportFolder", "Form"]
