"""Reads electrocardiograms for hospitals: FHIR Observation in, DiagnosticReport out."""

from importlib.metadata import version

__version__ = version("ecgsvc")
