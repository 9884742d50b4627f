from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class FhirResource(_message.Message):
    __slots__ = ("json", "fhir_version")
    JSON_FIELD_NUMBER: _ClassVar[int]
    FHIR_VERSION_FIELD_NUMBER: _ClassVar[int]
    json: bytes
    fhir_version: str
    def __init__(self, json: _Optional[bytes] = ..., fhir_version: _Optional[str] = ...) -> None: ...
