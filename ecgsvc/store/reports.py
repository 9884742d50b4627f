"""The store: decides where a report stands, keeps it, and finds it again."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection, select

from ecgsvc.domain.audit import AuditDraft, Operation, RefusedCall
from ecgsvc.domain.caller import Caller
from ecgsvc.domain.export import Export, ExportContent, ExportedReport
from ecgsvc.domain.report import (
    EcgSource,
    Identifier,
    NewReport,
    Reanalysis,
    Replay,
    ReportPage,
    ReportQuery,
    ReportSlot,
    StoredReport,
)
from ecgsvc.domain.serial import MeasuredReport
from ecgsvc.store import schema
from ecgsvc.store.adopting import Adopting
from ecgsvc.store.auditing import Auditing
from ecgsvc.store.contents import Contents
from ecgsvc.store.delivering import Delivering
from ecgsvc.store.earlier import measured_report, previous_of
from ecgsvc.store.erasing import Erasing
from ecgsvc.store.events import about, export_entry, refusal_entry, search_entries
from ecgsvc.store.exporting import count_reports, export_order, export_page
from ecgsvc.store.inserting import as_stored, insert_report
from ecgsvc.store.jobs import JobKeeping
from ecgsvc.store.keeping import Keeping
from ecgsvc.store.limits import check_request_id, check_source, is_storable
from ecgsvc.store.listing import list_page
from ecgsvc.store.patients import pseudonym_of, subject_key
from ecgsvc.store.places import answer_to, known_identifiers, place_of
from ecgsvc.store.reading import ReportKey, check_key, not_found, read_version, stored_ecg
from ecgsvc.store.signing import Signing
from ecgsvc.store.trail import Entry


def always(_page: ReportPage) -> bool:
    """Any page will do."""
    return True


class ReportStore(Signing, Erasing, Auditing, Adopting, Keeping, Delivering, JobKeeping):
    """Reports, their sources and everything stored with them, and the trail of all calls.

    Whatever reads or writes for a caller enters one event in the audit trail of the
    caller's tenant (a search also one for each patient it names) in the transaction that
    reads or writes: without the event, nothing is answered.

    Safe to share between threads; several processes may use the same database. A store
    must not be carried over a fork.

    Parameters
    ----------
    url
        ``sqlite:///FILE`` or ``postgresql+psycopg://…``, migrated by `migrate`.
    notary
        Signs the trail and writes its events.
    timeout_s
        How long an operation waits for a connection, a lock or a statement.
    pool_size
        Connections kept open; as many again are opened under load.

    Raises
    ------
    StoreUnavailable
        When the database cannot be reached, or is not at the revision this software needs.
    """

    def lookup(
        self, caller: Caller, request_id: str, request_sha256: str, source: EcgSource
    ) -> StoredReport | ReportSlot:
        """Find the report a request was already answered with, or where the new one stands.

        Enters nothing in the trail: `add_all` follows.

        Parameters
        ----------
        request_id
            Idempotency key; empty when the caller gave none.
        request_sha256
            SHA-256 of the whole request content, lower-case hex.

        Returns
        -------
        StoredReport or ReportSlot
            The stored report of the same request, or of the same ECG with the same bytes
            (whichever version they were). Otherwise a slot: version 1 of a new report, or
            the next version for an amended or corrected ECG.

        Raises
        ------
        DuplicateWithOtherContent
            When the request id was used with other content; the ECG is known with other
            bytes and is neither amended nor corrected; or its identifiers belong to
            different ECGs.
        InvalidRequest, InvalidElement
            When the request id or an identifier is longer than the store holds.
        StoreUnavailable
            When the database cannot be reached or does not answer in time.
        """
        check_request_id(request_id)
        check_source(source)
        tenant = caller.tenant
        with self._reading() as connection:
            place = answer_to(connection, tenant, request_id, request_sha256) or place_of(
                connection, tenant, source
            )
            if isinstance(place, ReportSlot):
                return place
            return read_version(connection, tenant, place)

    def add(self, caller: Caller, new: NewReport) -> StoredReport:
        """Store one report version; as `add_all`."""
        [stored] = self.add_all(caller, [new])
        return stored

    def add_all(
        self, caller: Caller, entries: Sequence[NewReport | Replay]
    ) -> tuple[StoredReport, ...]:
        """Store report versions with their sources, and that requests came again.

        One transaction: all are committed when this returns, or none.

        Raises
        ------
        SlotTaken
            When another writer was first with a slot, a request id, an identifier or
            a patient's pseudonym; nothing was stored, `lookup` knows what to do.
        StoreUnavailable
            When the database did not confirm the transaction. After a broken connection
            it may still have been stored: sending the same request again tells.
        """
        with self._writing() as connection:
            # the events come last: from the first of them on, writers take turns
            events = [
                _replayed(connection, caller, each)
                if isinstance(each, Replay)
                else _inserted(connection, caller, each)
                for each in entries
            ]
            for draft, contents, request in events:
                self._enter(connection, caller, draft, contents, request)
        return tuple(
            each.report if isinstance(each, Replay) else as_stored(each) for each in entries
        )

    def stored_ecg(self, caller: Caller, report_id: str) -> Reanalysis:
        """Return what another analysis of a stored ECG starts from.

        Enters nothing in the trail: `add` or `record` does, of how it ends.

        Raises
        ------
        ReportNotFound, StoreUnavailable
        """
        with self._reading() as connection:
            report = read_version(connection, caller.tenant, (report_id, None))
            return stored_ecg(connection, caller.tenant, report)

    def previous_of(
        self, caller: Caller, source: EcgSource, report_id: str
    ) -> MeasuredReport | None:
        """Find the ECG before this one of the same patient; None: there is none.

        Enters nothing in the trail: `add` does, of a report that was compared.

        Parameters
        ----------
        report_id
            Where the new report will stand; its own versions do not count.

        Raises
        ------
        StoreUnavailable
        """
        with self._reading() as connection:
            return previous_of(connection, caller.tenant, source, report_id)

    def measured(self, caller: Caller, report_id: str) -> MeasuredReport:
        """Return what the latest version of a report measured and found.

        Raises
        ------
        ReportNotFound, StoreUnavailable
        """
        check_key(report_id, None)
        with self._writing() as connection:
            found = measured_report(connection, caller.tenant, report_id)
            if found is None:
                raise not_found()
            report = read_version(connection, caller.tenant, (report_id, found.version))
            draft = about(connection, caller, Operation.READ, report)
            self._trail.append(connection, caller, [Entry(draft)])
        return found

    def get(
        self, caller: Caller, report_id: str, version: int | None = None
    ) -> StoredReport:
        """Return a version of a report, the latest by default.

        Raises
        ------
        ReportNotFound, StoreUnavailable
        """
        with self._writing() as connection:
            report = read_version(connection, caller.tenant, (report_id, version))
            operation = Operation.READ if version is None else Operation.VREAD
            draft = about(connection, caller, operation, report)
            self._trail.append(connection, caller, [Entry(draft)])
        return report

    def list(
        self,
        caller: Caller,
        query: ReportQuery,
        *,
        fits: Callable[[ReportPage], bool] = always,
    ) -> ReportPage:
        """Return one page of the latest versions, newest effective time first.

        Parameters
        ----------
        fits
            Says whether a page can be sent; one that cannot is cut to half, until one
            report is left. Only what is returned counts as disclosed.

        Raises
        ------
        InvalidRequest
            When the page token was not given for this filter, or the page size is below 1.
        StoreUnavailable
        """
        with self._writing() as connection:
            page = list_page(connection, caller.tenant, query)
            while len(page.reports) > 1 and not fits(page):
                query = replace(query, page_size=len(page.reports) // 2)
                page = list_page(connection, caller.tenant, query)
            entries = search_entries(connection, caller.tenant, query, page)
            self._trail.append(connection, caller, entries)
        return page

    def export(
        self,
        caller: Caller,
        query: ReportQuery,
        content: ExportContent,
        *,
        details: Mapping[str, str],
        after: str = "",
    ) -> Export:
        """Read all that a query means, however much it is, the oldest report first.

        One event is entered before anything is read.

        Parameters
        ----------
        details
            What the trail should know of the export beside the query: its form, whether it
            names patients.
        after
            The cursor of the last report that arrived; empty: from the beginning.

        Raises
        ------
        InvalidRequest
            When the cursor is none of this query.
        StoreUnavailable
            Also while reading on.
        """
        query = export_order(query, after)
        with self._writing() as connection:
            n_reports = count_reports(connection, caller.tenant, query)
            entry = export_entry(connection, caller.tenant, query, n_reports, details)
            self._trail.append(connection, caller, [entry])
        return Export(n_reports, self._exported(caller.tenant, query, content))

    def _exported(
        self, tenant: str, query: ReportQuery, content: ExportContent
    ) -> Iterator[ExportedReport]:
        while True:
            with self._reading() as connection:
                page = export_page(connection, tenant, query, content)
            yield from page
            if not page:
                return
            query = replace(query, page_token=page[-1].cursor)

    def find_by_identifier(
        self, caller: Caller, identifier: Identifier
    ) -> StoredReport | None:
        """Return the latest report of the ECG with an identifier; a search of one.

        Raises
        ------
        StoreUnavailable
        """
        key = (identifier.system or "", identifier.value)
        with self._writing() as connection:
            reports: tuple[StoredReport, ...] = ()
            if all(map(is_storable, key)):
                owners = known_identifiers(connection, caller.tenant, [key])
                reports = tuple(
                    read_version(connection, caller.tenant, (report_id, None))
                    for report_id in owners.values()
                )
            page = ReportPage(reports, "")
            entries = search_entries(connection, caller.tenant, ReportQuery(), page)
            self._trail.append(connection, caller, entries)
        return reports[0] if reports else None

    def get_with_source(
        self, caller: Caller, report_id: str, version: int | None = None
    ) -> tuple[StoredReport, bytes]:
        """Return the Observation behind a report version, exactly as received.

        The documents of the report, which are most of it, are left empty.

        Raises
        ------
        ReportNotFound, StoreUnavailable
        """
        reports, sources = schema.reports.c, schema.sources.c
        with self._writing() as connection:
            key = (report_id, version)
            report = read_version(connection, caller.tenant, key, with_documents=False)
            query = select(sources.body).where(
                reports.tenant == caller.tenant,
                reports.report_id == report_id,
                reports.version == report.version,
                sources.tenant == reports.tenant,
                sources.report_id == reports.report_id,
                sources.version == reports.source_version,
            )
            body: bytes | None = connection.scalar(query)
            if body is None:
                raise not_found()
            operation = Operation.READ if version is None else Operation.VREAD
            draft = about(connection, caller, operation, report)
            draft = replace(draft, details={"content": "source"})
            self._trail.append(connection, caller, [Entry(draft)])
        return report, body

    def record(self, caller: Caller, draft: AuditDraft) -> None:
        """Enter what left no row: a validation, an export, a delivery, a setting.

        Raises
        ------
        StoreUnavailable
        """
        with self._writing() as connection:
            self._trail.append(connection, caller, [Entry(draft)])

    def record_refusals(self, refused: Sequence[RefusedCall]) -> None:
        """Enter calls that were refused, those left out that are there already.

        Left out as well are calls whose work is in the trail: it was stored, though the
        database could not confirm it any more, and its event is that of the call.

        Raises
        ------
        StoreUnavailable
        """
        by_caller: dict[Caller, list[Entry]] = {}
        columns = schema.audit_events.c
        with self._writing() as connection:
            for each in refused:
                known = select(columns.sequence).where(
                    columns.tenant == each.caller.tenant,
                    columns.event_id.in_((each.event_id, *each.entered)),
                )
                if connection.scalar(known.limit(1)) is None:
                    by_caller.setdefault(each.caller, []).append(refusal_entry(each))
            for caller in sorted(by_caller, key=lambda caller: caller.tenant):
                self._trail.append(connection, caller, by_caller[caller])


_Event = tuple[AuditDraft, Contents, dict[str, object]]
"""What is entered in the trail: the event, the rows it describes, the request."""


def _inserted(connection: Connection, caller: Caller, new: NewReport) -> _Event:
    """Insert a report version with all that belongs to it."""
    key = (new.slot.report_id, new.slot.version)
    subject = subject_key(new.source.subject_reference, new.source.subject_identifier)
    contents = insert_report(connection, caller.tenant, new)
    patient = pseudonym_of(connection, caller.tenant, subject)
    if patient and patient.new_row:
        salt = str(patient.new_row["salt"])
        contents.add(schema.patients, [patient.new_row], salt=salt)
    draft = AuditDraft(
        Operation.CREATE if new.again is None else Operation.REANALYZE,
        report_id=key[0],
        version=key[1],
        patient=patient.value if patient else None,
        details={"source_sha256": new.source.sha256} | _compared(new),
    )
    return draft, contents, _request_row(caller, new.request_id, new.request_sha256, key)


def _replayed(connection: Connection, caller: Caller, replay: Replay) -> _Event:
    """Say that a request came again; its id is recorded with the report, unless it was."""
    report, tenant = replay.report, caller.tenant
    known = answer_to(connection, tenant, replay.request_id, replay.request_sha256)
    draft = about(connection, caller, Operation.REPLAY, report)
    draft = replace(draft, details={"source_sha256": report.source_sha256})
    key = (report.report_id, report.version)
    row = _request_row(caller, replay.request_id, replay.request_sha256, key)
    return draft, Contents(), {} if known else row


def _compared(new: NewReport) -> dict[str, str]:
    """Name the earlier report whose values the new one discloses."""
    serial = new.analysis.serial
    if serial is None:
        return {}
    return {"compared_with": f"{serial.report_id}/{serial.version}"}


def _request_row(
    caller: Caller, request_id: str, request_sha256: str, answer: ReportKey
) -> dict[str, object]:
    if not request_id:
        return {}
    return {
        "tenant": caller.tenant,
        "request_id": request_id,
        "request_sha256": request_sha256,
        "report_id": answer[0],
        "version": answer[1],
    }
