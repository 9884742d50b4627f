"""Exports for statistics and research: FHIR NDJSON, CSV, Parquet, with or without names."""

from ecgsvc.export.deidentify import Deidentifier
from ecgsvc.export.folder import ExportFolder, Form
from ecgsvc.export.key import UnusableKey, read_key
from ecgsvc.export.resources import ExportedResources, resources_of

__all__ = [
    "Deidentifier",
    "ExportFolder",
    "ExportedResources",
    "Form",
    "UnusableKey",
    "read_key",
    "resources_of",
]
