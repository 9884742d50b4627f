"""Recordings in other formats, read into the domain's `Recording`."""

from ecgsvc.convert.wfdb import WfdbAnnotations, read_wfdb, read_wfdb_annotations

__all__ = ["WfdbAnnotations", "read_wfdb", "read_wfdb_annotations"]
