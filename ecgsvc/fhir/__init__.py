"""FHIR in and out: Observations to recordings, analyses to reports."""

from ecgsvc.fhir.as_received import entry_resources, served_ecg
from ecgsvc.fhir.attached import FileReader, decode_ecg
from ecgsvc.fhir.audit_event import audit_event
from ecgsvc.fhir.bundles import BundleEntry, BundleType, bundle
from ecgsvc.fhir.capability import OfferedResource, capability_statement
from ecgsvc.fhir.diagnostic_report import build_documents
from ecgsvc.fhir.encode import encode_document, encode_observation
from ecgsvc.fhir.frame import Installation
from ecgsvc.fhir.impression import stated_urgencies
from ecgsvc.fhir.observation import DecodedEcg, Limits, decode_observation
from ecgsvc.fhir.operation_outcome import all_ok_outcome, operation_outcome
from ecgsvc.fhir.problems import ContentWarning
from ecgsvc.fhir.sampled_data import BadSample, SampleParser
from ecgsvc.fhir.sendable import report_to_send
from ecgsvc.fhir.sheet import sheet_form, sheet_header, sheet_of, without_sheet
from ecgsvc.fhir.signed_report import both_conclusions, signed_documents
from ecgsvc.fhir.versions import ecg_in_version, in_version
from ecgsvc.fhir.writeback import write_back_bundle

__all__ = [
    "BadSample",
    "BundleEntry",
    "BundleType",
    "ContentWarning",
    "DecodedEcg",
    "FileReader",
    "Installation",
    "Limits",
    "OfferedResource",
    "SampleParser",
    "all_ok_outcome",
    "audit_event",
    "both_conclusions",
    "build_documents",
    "bundle",
    "capability_statement",
    "decode_ecg",
    "decode_observation",
    "ecg_in_version",
    "encode_document",
    "encode_observation",
    "entry_resources",
    "in_version",
    "operation_outcome",
    "report_to_send",
    "served_ecg",
    "sheet_form",
    "sheet_header",
    "sheet_of",
    "signed_documents",
    "stated_urgencies",
    "without_sheet",
    "write_back_bundle",
]
