"""The gRPC face: servicers, one interceptor, one error table, the server."""

from ecgsvc.rpc.analysis_service import AnalyzedEcg, EcgAnalyzer
from ecgsvc.rpc.errors import OutcomeFactory
from ecgsvc.rpc.list_filter import parse_filter, parse_order
from ecgsvc.rpc.processes import ServerProcessDied, run_processes
from ecgsvc.rpc.report_service import ReportReader
from ecgsvc.rpc.server import CannotListen, RunningServer, ServerSettings, build_server
from ecgsvc.rpc.tls import TlsFiles, UnusableTlsFiles

__all__ = [
    "AnalyzedEcg",
    "CannotListen",
    "EcgAnalyzer",
    "OutcomeFactory",
    "ReportReader",
    "RunningServer",
    "ServerProcessDied",
    "ServerSettings",
    "TlsFiles",
    "UnusableTlsFiles",
    "build_server",
    "parse_filter",
    "parse_order",
    "run_processes",
]
