import datetime

from ecgsvc.v1 import resource_pb2 as _resource_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Report(_message.Message):
    __slots__ = ("name", "status", "patient", "effective_time", "issued_time", "conclusion", "source_sha256", "report", "observations", "provenance", "device", "etag", "signature", "might_supersede", "further")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    PATIENT_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_TIME_FIELD_NUMBER: _ClassVar[int]
    ISSUED_TIME_FIELD_NUMBER: _ClassVar[int]
    CONCLUSION_FIELD_NUMBER: _ClassVar[int]
    SOURCE_SHA256_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    OBSERVATIONS_FIELD_NUMBER: _ClassVar[int]
    PROVENANCE_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    MIGHT_SUPERSEDE_FIELD_NUMBER: _ClassVar[int]
    FURTHER_FIELD_NUMBER: _ClassVar[int]
    name: str
    status: str
    patient: str
    effective_time: _timestamp_pb2.Timestamp
    issued_time: _timestamp_pb2.Timestamp
    conclusion: str
    source_sha256: str
    report: _resource_pb2.FhirResource
    observations: _containers.RepeatedCompositeFieldContainer[_resource_pb2.FhirResource]
    provenance: _resource_pb2.FhirResource
    device: _resource_pb2.FhirResource
    etag: str
    signature: Signature
    might_supersede: str
    further: _containers.RepeatedCompositeFieldContainer[_resource_pb2.FhirResource]
    def __init__(self, name: _Optional[str] = ..., status: _Optional[str] = ..., patient: _Optional[str] = ..., effective_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., issued_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., conclusion: _Optional[str] = ..., source_sha256: _Optional[str] = ..., report: _Optional[_Union[_resource_pb2.FhirResource, _Mapping]] = ..., observations: _Optional[_Iterable[_Union[_resource_pb2.FhirResource, _Mapping]]] = ..., provenance: _Optional[_Union[_resource_pb2.FhirResource, _Mapping]] = ..., device: _Optional[_Union[_resource_pb2.FhirResource, _Mapping]] = ..., etag: _Optional[str] = ..., signature: _Optional[_Union[Signature, _Mapping]] = ..., might_supersede: _Optional[str] = ..., further: _Optional[_Iterable[_Union[_resource_pb2.FhirResource, _Mapping]]] = ...) -> None: ...

class Signature(_message.Message):
    __slots__ = ("subject", "display_name", "role", "reason", "conclusion")
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CONCLUSION_FIELD_NUMBER: _ClassVar[int]
    subject: str
    display_name: str
    role: str
    reason: str
    conclusion: str
    def __init__(self, subject: _Optional[str] = ..., display_name: _Optional[str] = ..., role: _Optional[str] = ..., reason: _Optional[str] = ..., conclusion: _Optional[str] = ...) -> None: ...

class Finding(_message.Message):
    __slots__ = ("system", "code", "text")
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    system: str
    code: str
    text: str
    def __init__(self, system: _Optional[str] = ..., code: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class ListReportVersionsRequest(_message.Message):
    __slots__ = ("parent",)
    PARENT_FIELD_NUMBER: _ClassVar[int]
    parent: str
    def __init__(self, parent: _Optional[str] = ...) -> None: ...

class ListReportVersionsResponse(_message.Message):
    __slots__ = ("versions",)
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    versions: _containers.RepeatedCompositeFieldContainer[Report]
    def __init__(self, versions: _Optional[_Iterable[_Union[Report, _Mapping]]] = ...) -> None: ...

class UpdateReportStatusRequest(_message.Message):
    __slots__ = ("name", "etag", "status", "role", "reason", "conclusion", "findings")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CONCLUSION_FIELD_NUMBER: _ClassVar[int]
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    name: str
    etag: str
    status: str
    role: str
    reason: str
    conclusion: str
    findings: _containers.RepeatedCompositeFieldContainer[Finding]
    def __init__(self, name: _Optional[str] = ..., etag: _Optional[str] = ..., status: _Optional[str] = ..., role: _Optional[str] = ..., reason: _Optional[str] = ..., conclusion: _Optional[str] = ..., findings: _Optional[_Iterable[_Union[Finding, _Mapping]]] = ...) -> None: ...

class UpdateReportStatusResponse(_message.Message):
    __slots__ = ("report",)
    REPORT_FIELD_NUMBER: _ClassVar[int]
    report: Report
    def __init__(self, report: _Optional[_Union[Report, _Mapping]] = ...) -> None: ...

class ErasePatientRequest(_message.Message):
    __slots__ = ("patient",)
    PATIENT_FIELD_NUMBER: _ClassVar[int]
    patient: str
    def __init__(self, patient: _Optional[str] = ...) -> None: ...

class ErasePatientResponse(_message.Message):
    __slots__ = ("report_count",)
    REPORT_COUNT_FIELD_NUMBER: _ClassVar[int]
    report_count: int
    def __init__(self, report_count: _Optional[int] = ...) -> None: ...

class GetReportRequest(_message.Message):
    __slots__ = ("name", "accept_fhir_version")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ACCEPT_FHIR_VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    accept_fhir_version: str
    def __init__(self, name: _Optional[str] = ..., accept_fhir_version: _Optional[str] = ...) -> None: ...

class GetReportResponse(_message.Message):
    __slots__ = ("report",)
    REPORT_FIELD_NUMBER: _ClassVar[int]
    report: Report
    def __init__(self, report: _Optional[_Union[Report, _Mapping]] = ...) -> None: ...

class ListReportsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "filter", "order_by")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    ORDER_BY_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    filter: str
    order_by: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., filter: _Optional[str] = ..., order_by: _Optional[str] = ...) -> None: ...

class ListReportsResponse(_message.Message):
    __slots__ = ("reports", "next_page_token")
    REPORTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    reports: _containers.RepeatedCompositeFieldContainer[Report]
    next_page_token: str
    def __init__(self, reports: _Optional[_Iterable[_Union[Report, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ExportReportsRequest(_message.Message):
    __slots__ = ("filter", "cursor", "include_ecg", "without_names")
    FILTER_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_ECG_FIELD_NUMBER: _ClassVar[int]
    WITHOUT_NAMES_FIELD_NUMBER: _ClassVar[int]
    filter: str
    cursor: str
    include_ecg: bool
    without_names: bool
    def __init__(self, filter: _Optional[str] = ..., cursor: _Optional[str] = ..., include_ecg: _Optional[bool] = ..., without_names: _Optional[bool] = ...) -> None: ...

class ExportReportsResponse(_message.Message):
    __slots__ = ("report", "observations", "provenance", "device", "ecg", "cursor")
    REPORT_FIELD_NUMBER: _ClassVar[int]
    OBSERVATIONS_FIELD_NUMBER: _ClassVar[int]
    PROVENANCE_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    ECG_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    report: _resource_pb2.FhirResource
    observations: _containers.RepeatedCompositeFieldContainer[_resource_pb2.FhirResource]
    provenance: _resource_pb2.FhirResource
    device: _resource_pb2.FhirResource
    ecg: _resource_pb2.FhirResource
    cursor: str
    def __init__(self, report: _Optional[_Union[_resource_pb2.FhirResource, _Mapping]] = ..., observations: _Optional[_Iterable[_Union[_resource_pb2.FhirResource, _Mapping]]] = ..., provenance: _Optional[_Union[_resource_pb2.FhirResource, _Mapping]] = ..., device: _Optional[_Union[_resource_pb2.FhirResource, _Mapping]] = ..., ecg: _Optional[_Union[_resource_pb2.FhirResource, _Mapping]] = ..., cursor: _Optional[str] = ...) -> None: ...
