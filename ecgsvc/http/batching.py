"""Bundles of ECGs in: each answered for itself, or all together."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from http import HTTPStatus

from ecgsvc import fhir
from ecgsvc.domain.audit import RefusedCall
from ecgsvc.domain.errors import EcgsvcError, UnsupportedContent, within
from ecgsvc.domain.report import SentEcg
from ecgsvc.http.batches import Batch, BatchEntry, parse_batch
from ecgsvc.http.call import Call, Reply
from ecgsvc.http.creating import (
    AnalyzedEcg,
    EcgAnalyzer,
    existing,
    places,
)
from ecgsvc.http.errors import refusal, refused_call
from ecgsvc.http.formats import sent_version
from ecgsvc.http.resources import ReportReader, in_wanted_version, report_resource


class Batching:
    """Answers POST of a Bundle.

    Patients among the entries give age and sex of the ECGs that refer to them; they are not
    stored. `record_refusal` enters in the trail the entries of a batch that were refused.
    """

    def __init__(
        self,
        analyzer: EcgAnalyzer,
        reports: ReportReader,
        record_refusal: Callable[[RefusedCall], None],
    ) -> None:
        self._analyzer = analyzer
        self._reports = reports
        self._record_refusal = record_refusal

    def bundle(self, call: Call) -> Reply:
        """Take a batch, or a transaction: all its ECGs are stored, or none."""
        bundle = parse_batch(call.body)
        if bundle.type == "transaction":
            answers = self._transaction(call, bundle)
            return Reply(200, fhir.bundle("transaction-response", answers))
        answers = [self._one(call, bundle, entry) for entry in bundle.entries]
        return Reply(200, fhir.bundle("batch-response", answers))

    def _transaction(self, call: Call, bundle: Batch) -> list[fhir.BundleEntry]:
        answers = [self._without_analysis(call, entry) for entry in bundle.entries]
        waiting = [
            entry
            for entry, answer in zip(bundle.entries, answers, strict=True)
            if answer is None
        ]
        sent = [_sent(call, bundle, entry) for entry in waiting]
        made = iter(
            self._analyzer.analyze_together(call.caller, sent, cancelled=call.cancelled)
        )
        return [
            answer or _analyzed(call, entry, next(made))
            for entry, answer in zip(bundle.entries, answers, strict=True)
        ]

    def _one(self, call: Call, bundle: Batch, entry: BatchEntry) -> fhir.BundleEntry:
        try:
            answer = self._without_analysis(call, entry)
            if answer is not None:
                return answer
            sent = replace(_sent(call, bundle, entry), place="")
            [analyzed] = self._analyzer.analyze_together(
                call.caller, [sent], cancelled=call.cancelled
            )
        except EcgsvcError as error:
            if call.cancelled():
                raise
            reply = refusal(error)
            asked = f"POST {entry.place}"
            self._record_refusal(refused_call(call.caller, asked, error, reply.status))
            status = f"{reply.status} {HTTPStatus(reply.status).phrase}"
            return _answered(status, {}, reply.body)
        return _analyzed(call, entry, analyzed)

    def _without_analysis(self, call: Call, entry: BatchEntry) -> fhir.BundleEntry | None:
        """Answer what needs no analysis: patients, and ECGs that are known."""
        if entry.problem:
            raise UnsupportedContent(entry.problem, expression=entry.place)
        if entry.is_patient:
            return _answered("200 OK", {}, fhir.all_ok_outcome())
        with within(f"{entry.place}.request"):
            known = existing(self._reports, call.caller, entry.if_none_exist)
        if known is None:
            return None
        return _answered("200 OK", places(call.base_url, known, entry.kind))


def _sent(call: Call, bundle: Batch, entry: BatchEntry) -> SentEcg:
    key = call.headers.get("idempotency-key", "")
    return SentEcg(
        entry.resource,
        sent_version(call.headers),
        bundle.patient_of(entry),
        request_id=f"{key} {entry.place}" if key else "",
        place=f"{entry.place}.resource",
    )


def _analyzed(call: Call, entry: BatchEntry, analyzed: AnalyzedEcg) -> fhir.BundleEntry:
    report = analyzed.report
    status = "200 OK" if analyzed.replayed else "201 Created"
    made = _answered(status, places(call.base_url, report, entry.kind))
    full_url = f"{call.base_url}/{report_resource(report).name}"
    if "return=minimal" in call.headers.get("prefer", ""):
        return replace(made, full_url=full_url)
    listed = in_wanted_version(call, fhir.without_sheet(report.documents.diagnostic_report))
    return replace(made, resource=listed, full_url=full_url)


def _answered(
    status: str, headers: Mapping[str, str], outcome: bytes | None = None
) -> fhir.BundleEntry:
    """Write the response of an entry."""
    written: dict[str, object] = {"status": status}
    if "location" in headers:
        written |= {"location": headers["location"], "etag": headers["etag"]}
    if outcome is not None:
        written["outcome"] = json.loads(outcome)
    return fhir.BundleEntry(None, more={"response": written})
