"""The FHIR REST face: the same pipeline and store as gRPC, over HTTP."""

from ecgsvc.http.app import BASE_PATH, AppSettings, build_app
from ecgsvc.http.creating import Creating, EcgAnalyzer
from ecgsvc.http.interactions import Interaction, interactions
from ecgsvc.http.reading import Reading
from ecgsvc.http.resources import ReportReader
from ecgsvc.http.server import CannotListenHttp, HttpTls, serving

__all__ = [
    "BASE_PATH",
    "AppSettings",
    "CannotListenHttp",
    "Creating",
    "EcgAnalyzer",
    "HttpTls",
    "Interaction",
    "Reading",
    "ReportReader",
    "build_app",
    "interactions",
    "serving",
]
