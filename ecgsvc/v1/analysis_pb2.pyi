from ecgsvc.v1 import resource_pb2 as _resource_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ReanalyzeEcgRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ReanalyzeEcgResponse(_message.Message):
    __slots__ = ("report", "name", "replayed", "might_supersede")
    REPORT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    MIGHT_SUPERSEDE_FIELD_NUMBER: _ClassVar[int]
    report: _resource_pb2.FhirResource
    name: str
    replayed: bool
    might_supersede: str
    def __init__(self, report: _Optional[_Union[_resource_pb2.FhirResource, _Mapping]] = ..., name: _Optional[str] = ..., replayed: _Optional[bool] = ..., might_supersede: _Optional[str] = ...) -> None: ...

class AnalyzeEcgRequest(_message.Message):
    __slots__ = ("observation", "patient", "request_id", "explain", "accept_fhir_version")
    OBSERVATION_FIELD_NUMBER: _ClassVar[int]
    PATIENT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    ACCEPT_FHIR_VERSION_FIELD_NUMBER: _ClassVar[int]
    observation: _resource_pb2.FhirResource
    patient: _resource_pb2.FhirResource
    request_id: str
    explain: bool
    accept_fhir_version: str
    def __init__(self, observation: _Optional[_Union[_resource_pb2.FhirResource, _Mapping]] = ..., patient: _Optional[_Union[_resource_pb2.FhirResource, _Mapping]] = ..., request_id: _Optional[str] = ..., explain: _Optional[bool] = ..., accept_fhir_version: _Optional[str] = ...) -> None: ...

class AnalyzeEcgResponse(_message.Message):
    __slots__ = ("report", "observations", "provenance", "device", "replayed", "name", "explanation", "further")
    REPORT_FIELD_NUMBER: _ClassVar[int]
    OBSERVATIONS_FIELD_NUMBER: _ClassVar[int]
    PROVENANCE_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    FURTHER_FIELD_NUMBER: _ClassVar[int]
    report: _resource_pb2.FhirResource
    observations: _containers.RepeatedCompositeFieldContainer[_resource_pb2.FhirResource]
    provenance: _resource_pb2.FhirResource
    device: _resource_pb2.FhirResource
    replayed: bool
    name: str
    explanation: Explanation
    further: _containers.RepeatedCompositeFieldContainer[_resource_pb2.FhirResource]
    def __init__(self, report: _Optional[_Union[_resource_pb2.FhirResource, _Mapping]] = ..., observations: _Optional[_Iterable[_Union[_resource_pb2.FhirResource, _Mapping]]] = ..., provenance: _Optional[_Union[_resource_pb2.FhirResource, _Mapping]] = ..., device: _Optional[_Union[_resource_pb2.FhirResource, _Mapping]] = ..., replayed: _Optional[bool] = ..., name: _Optional[str] = ..., explanation: _Optional[_Union[Explanation, _Mapping]] = ..., further: _Optional[_Iterable[_Union[_resource_pb2.FhirResource, _Mapping]]] = ...) -> None: ...

class AnalyzeEcgsRequest(_message.Message):
    __slots__ = ("ecg",)
    ECG_FIELD_NUMBER: _ClassVar[int]
    ecg: AnalyzeEcgRequest
    def __init__(self, ecg: _Optional[_Union[AnalyzeEcgRequest, _Mapping]] = ...) -> None: ...

class AnalyzeEcgsResponse(_message.Message):
    __slots__ = ("analyzed", "refused")
    ANALYZED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    analyzed: AnalyzeEcgResponse
    refused: RefusedEcg
    def __init__(self, analyzed: _Optional[_Union[AnalyzeEcgResponse, _Mapping]] = ..., refused: _Optional[_Union[RefusedEcg, _Mapping]] = ...) -> None: ...

class RefusedEcg(_message.Message):
    __slots__ = ("code", "message", "reason", "operation_outcome", "retry_after_seconds")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    OPERATION_OUTCOME_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_SECONDS_FIELD_NUMBER: _ClassVar[int]
    code: int
    message: str
    reason: str
    operation_outcome: _resource_pb2.FhirResource
    retry_after_seconds: float
    def __init__(self, code: _Optional[int] = ..., message: _Optional[str] = ..., reason: _Optional[str] = ..., operation_outcome: _Optional[_Union[_resource_pb2.FhirResource, _Mapping]] = ..., retry_after_seconds: _Optional[float] = ...) -> None: ...

class Explanation(_message.Message):
    __slots__ = ("json", "svg")
    JSON_FIELD_NUMBER: _ClassVar[int]
    SVG_FIELD_NUMBER: _ClassVar[int]
    json: bytes
    svg: bytes
    def __init__(self, json: _Optional[bytes] = ..., svg: _Optional[bytes] = ...) -> None: ...

class ValidateEcgRequest(_message.Message):
    __slots__ = ("observation", "patient")
    OBSERVATION_FIELD_NUMBER: _ClassVar[int]
    PATIENT_FIELD_NUMBER: _ClassVar[int]
    observation: _resource_pb2.FhirResource
    patient: _resource_pb2.FhirResource
    def __init__(self, observation: _Optional[_Union[_resource_pb2.FhirResource, _Mapping]] = ..., patient: _Optional[_Union[_resource_pb2.FhirResource, _Mapping]] = ...) -> None: ...

class ValidateEcgResponse(_message.Message):
    __slots__ = ("valid", "operation_outcome")
    VALID_FIELD_NUMBER: _ClassVar[int]
    OPERATION_OUTCOME_FIELD_NUMBER: _ClassVar[int]
    valid: bool
    operation_outcome: _resource_pb2.FhirResource
    def __init__(self, valid: _Optional[bool] = ..., operation_outcome: _Optional[_Union[_resource_pb2.FhirResource, _Mapping]] = ...) -> None: ...
