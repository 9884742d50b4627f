"""The FHIR REST face: the same pipeline and store as gRPC, over HTTP."""

from ecgsvc.http.app import AppSettings, build_app
from ecgsvc.http.auditing import Auditing
from ecgsvc.http.batching import Batching
from ecgsvc.http.creating import Creating, EcgAnalyzer
from ecgsvc.http.exporting import Exporting
from ecgsvc.http.interactions import Interaction, interactions
from ecgsvc.http.job_workers import JobWorkers
from ecgsvc.http.jobs import KEPT_FOR, Jobs
from ecgsvc.http.reading import Reading
from ecgsvc.http.resources import ReportReader
from ecgsvc.http.responses import BASE_PATH
from ecgsvc.http.server import CannotListenHttp, HttpTls, serving
from ecgsvc.http.signing import Signing

__all__ = [
    "BASE_PATH",
    "KEPT_FOR",
    "AppSettings",
    "Auditing",
    "Batching",
    "CannotListenHttp",
    "Creating",
    "EcgAnalyzer",
    "Exporting",
    "HttpTls",
    "Interaction",
    "JobWorkers",
    "Jobs",
    "Reading",
    "ReportReader",
    "Signing",
    "build_app",
    "interactions",
    "serving",
]
