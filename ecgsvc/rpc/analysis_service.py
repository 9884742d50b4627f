"""AnalysisService over whatever analyses ECGs."""

from collections.abc import Callable, Iterator
from typing import Protocol

import grpc

from ecgsvc.domain.caller import Caller
from ecgsvc.domain.errors import DeadlineExceeded, MissingElement
from ecgsvc.domain.report import StoredReport
from ecgsvc.rpc import requests
from ecgsvc.rpc.bulk import EcgRefuser
from ecgsvc.rpc.caller import caller_of
from ecgsvc.rpc.messages import fhir_resource
from ecgsvc.v1 import analysis_pb2, analysis_pb2_grpc, resource_pb2


class ExplanationDocuments(Protocol):
    """What the models looked at, in two forms."""

    @property
    def json(self) -> bytes:
        """Numbers."""

    @property
    def svg(self) -> bytes:
        """A picture."""


class AnalyzedEcg(Protocol):
    """A stored report, and whether an earlier call with the same content made it."""

    @property
    def report(self) -> StoredReport:
        """The report version."""

    @property
    def replayed(self) -> bool:
        """True when nothing new was stored."""

    @property
    def explanation(self) -> ExplanationDocuments | None:
        """What the models looked at, when that was asked."""


class EcgAnalyzer(Protocol):
    """Analyses and validates ECG Observations.

    Both raise errors of `ecgsvc.domain.errors` only.
    """

    def analyze(
        self,
        caller: Caller,
        *,
        observation: bytes,
        fhir_version: str,
        patient: bytes,
        request_id: str,
        explain: bool,
        cancelled: Callable[[], bool],
    ) -> AnalyzedEcg:
        """Analyse, store and report; `explain` adds what the models looked at.

        `cancelled` is asked between stages; when it says True the work stops with
        `DeadlineExceeded` and nothing is stored.
        """

    def reanalyze(
        self, caller: Caller, report_id: str, *, cancelled: Callable[[], bool]
    ) -> AnalyzedEcg:
        """Analyse a stored ECG again; `ReportNotFound` when there is none."""

    def validate(
        self, caller: Caller, *, observation: bytes, fhir_version: str, patient: bytes
    ) -> tuple[bool, bytes]:
        """Say whether `analyze` would accept it, and the OperationOutcome as JSON."""


class AnalysisService(analysis_pb2_grpc.AnalysisServiceServicer):
    """Translates messages to calls of an `EcgAnalyzer` and back."""

    def __init__(self, analyzer: EcgAnalyzer, refuse: EcgRefuser) -> None:
        self._analyzer = analyzer
        self._refuse = refuse

    def AnalyzeEcg(  # noqa: N802  # the name in the contract
        self, request: analysis_pb2.AnalyzeEcgRequest, context: grpc.ServicerContext
    ) -> analysis_pb2.AnalyzeEcgResponse:
        """Analyse an ECG; the reply is sent after the transaction is committed."""
        return self._analyze(request, context)

    def AnalyzeEcgs(  # noqa: N802  # the name in the contract
        self,
        request_iterator: Iterator[analysis_pb2.AnalyzeEcgsRequest],
        context: grpc.ServicerContext,
    ) -> Iterator[analysis_pb2.AnalyzeEcgsResponse]:
        """Analyse ECGs one after another; one that is refused is answered so."""
        for request in request_iterator:
            try:
                analyzed = self._analyze(request.ecg, context)
            except DeadlineExceeded:
                raise  # of the call as a whole
            except Exception as error:
                refused = self._refuse(error, caller_of(context))
                yield analysis_pb2.AnalyzeEcgsResponse(refused=refused)
            else:
                yield analysis_pb2.AnalyzeEcgsResponse(analyzed=analyzed)

    def _analyze(
        self, request: analysis_pb2.AnalyzeEcgRequest, context: grpc.ServicerContext
    ) -> analysis_pb2.AnalyzeEcgResponse:
        version = requests.accepted_version(request.accept_fhir_version)
        analyzed = self._analyzer.analyze(
            caller_of(context),
            observation=_observation(request.observation),
            fhir_version=requests.fhir_version(request.observation, request.patient),
            patient=request.patient.json,
            request_id=requests.request_id(request.request_id),
            explain=request.explain,
            cancelled=lambda: not context.is_active() or context.time_remaining() <= 0,
        )
        report, documents = analyzed.report, analyzed.report.documents
        explanation = analyzed.explanation
        return analysis_pb2.AnalyzeEcgResponse(
            report=fhir_resource(documents.diagnostic_report, version),
            observations=[fhir_resource(o, version) for o in documents.observations],
            provenance=fhir_resource(documents.provenance, version),
            device=fhir_resource(documents.device, version),
            further=[fhir_resource(each, version) for each in documents.further],
            replayed=analyzed.replayed,
            name=requests.version_name(report.report_id, report.version),
            explanation=None
            if explanation is None
            else analysis_pb2.Explanation(json=explanation.json, svg=explanation.svg),
        )

    def ValidateEcg(  # noqa: N802  # the name in the contract
        self, request: analysis_pb2.ValidateEcgRequest, context: grpc.ServicerContext
    ) -> analysis_pb2.ValidateEcgResponse:
        """Check an ECG without analysing or storing it."""
        valid, outcome = self._analyzer.validate(
            caller_of(context),
            observation=_observation(request.observation),
            fhir_version=requests.fhir_version(request.observation, request.patient),
            patient=request.patient.json,
        )
        return analysis_pb2.ValidateEcgResponse(
            valid=valid, operation_outcome=fhir_resource(outcome)
        )

    def ReanalyzeEcg(  # noqa: N802  # the name in the contract
        self, request: analysis_pb2.ReanalyzeEcgRequest, context: grpc.ServicerContext
    ) -> analysis_pb2.ReanalyzeEcgResponse:
        """Analyse a stored ECG again; the reply is sent after the commit."""
        analyzed = self._analyzer.reanalyze(
            caller_of(context),
            requests.latest_name(request.name, "name"),
            cancelled=lambda: not context.is_active() or context.time_remaining() <= 0,
        )
        report, older = analyzed.report, analyzed.report.might_supersede
        return analysis_pb2.ReanalyzeEcgResponse(
            report=fhir_resource(report.documents.diagnostic_report),
            name=requests.version_name(report.report_id, report.version),
            replayed=analyzed.replayed,
            might_supersede=f"reports/{older}" if older else "",
        )


def _observation(resource: resource_pb2.FhirResource) -> bytes:
    if not resource.json:
        msg = "the request carries no Observation; put its JSON into observation.json"
        raise MissingElement(msg, expression="Observation")
    return resource.json
