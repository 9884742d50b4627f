"""What a query asks, one condition each: how it is checked, and how it leads to reports.

A condition is checked on a row of ``reports``, by its columns or by a look at another
table's key. Most can also lead: name the versions that fulfil it by an index of their own.
`ecgsvc.store.listing` lets the rarest lead, so that neither a rare condition reads all
reports nor a common one all its own.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any, Self

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Table,
    and_,
    except_,
    func,
    not_,
    or_,
    select,
    true,
)

from ecgsvc.domain.report import MeasuredRange, Reanalysed, ReportOrder, ReportQuery
from ecgsvc.store import schema

_REPORTS = schema.reports.c


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a query.

    Parameters
    ----------
    check
        Holds of a row of ``reports``. What it looks up in another table it looks up by
        the key of the table given: whichever a statement reads first, so that no report
        need be read for it.
    leads
        Select the keys of what fulfils it, each by an index; none when only `check` can.
    joined
        The other table it is about, and what is asked there.
    also
        Asked of the rows that lead as well, without an index: what the other conditions on
        the one row of a version ask, which need no check then. None: there are no others.
    ordered
        Whether that table's index is in the order of effective times: then a common
        condition is read in the order of the list.
    """

    check: Callable[[FromClause], ColumnElement[bool]]
    leads: tuple[Select[Any], ...] = ()
    joined: tuple[Table, ColumnElement[bool]] | None = None
    also: ColumnElement[bool] | None = None
    ordered: bool = False

    def in_order(self) -> Self:
        """Say that the other table's index is in the order of effective times."""
        return replace(self, ordered=True)

    def checked_only(self) -> Self:
        """Say that no index leads from this condition to reports."""
        return replace(self, leads=())


def conditions_of(tenant: str, query: ReportQuery) -> list[Condition]:
    """List what a query asks of a tenant's reports."""
    return [
        *_subject(tenant, query),
        *_times(tenant, query),
        *_texts(tenant, query),
        *_signer(tenant, query),
        *_reanalysed(tenant, query.reanalysed),
        *_measured(tenant, query.measured),
    ]


def search_terms(query: ReportQuery) -> dict[str, str]:
    """Name all that says which reports are meant and in which order; times in UTC."""
    terms = {
        each.name: getattr(query, each.name)
        for each in fields(query)
        if each.name not in ("page_size", "page_token", "measured")
    }
    measured = {each.name: f"{each.least}..{each.most}" for each in query.measured}
    return {
        name: value.astimezone(UTC).isoformat()
        if isinstance(value, datetime)
        else str(value)
        for name, value in (terms | measured).items()
        if value is not None
    }


def is_latest() -> ColumnElement[bool]:
    """Hold of the latest version of a report."""
    newer = schema.reports.alias("newer")
    return ~(
        select(newer.c.version)
        .where(
            newer.c.tenant == _REPORTS.tenant,
            newer.c.report_id == _REPORTS.report_id,
            newer.c.version > _REPORTS.version,
        )
        .exists()
    )


def same_report(
    table: FromClause, other: FromClause = schema.reports
) -> ColumnElement[bool]:
    """Join two tables by the key of ``reports``."""
    return and_(*(table.c[name] == other.c[name] for name in schema.REPORT_KEY))


def _subject(tenant: str, query: ReportQuery) -> Iterator[Condition]:
    """Match the subject's reference, or its identifier as a FHIR token search would."""
    if query.patient is None:
        return
    by_reference, by_identifier = _subject_is(query.patient)
    # two leads, because SQLite reads all of a tenant's reports for an OR of two columns
    leads = _keys(tenant, by_reference), _keys(tenant, by_identifier)
    yield Condition(lambda _key: or_(by_reference, by_identifier), leads)


def is_about(patient: str) -> ColumnElement[bool]:
    """Match the subject of a row of ``reports`` as a query's `patient` does."""
    return or_(*_subject_is(patient))


def _subject_is(patient: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    system, bar, value = patient.partition("|")
    by_identifier = _REPORTS.subject_value == (value if bar else patient)
    if bar:
        by_identifier &= _REPORTS.subject_system == system
    return _REPORTS.subject_reference == patient, by_identifier


def _times(tenant: str, query: ReportQuery) -> Iterator[Condition]:
    by_ecg = query.order in (ReportOrder.NEWEST_ECG, ReportOrder.OLDEST_ECG)
    for column, first, last, is_order in (
        (_REPORTS.effective_at, query.effective_from, query.effective_before, by_ecg),
        (_REPORTS.issued_at, query.issued_from, query.issued_before, not by_ecg),
    ):
        bounds = [
            *([column >= first] if first is not None else ()),
            *([column < last] if last is not None else ()),
        ]
        if bounds and is_order:  # bound the list, which need not be led by them
            yield _bounded(bounds)
        elif bounds:
            yield _own(tenant, *bounds)


def _bounded(bounds: Sequence[ColumnElement[bool]]) -> Condition:
    return Condition(lambda _key: and_(*bounds))


def _texts(tenant: str, query: ReportQuery) -> Iterator[Condition]:
    if query.status is not None:
        yield _own(tenant, _REPORTS.status == query.status)
    for code in (query.code, query.conclusion_code):
        if code is not None:
            yield _elsewhere(tenant, schema.report_codes, code=code).in_order()
    if query.conclusion_code is not None:  # the codes above are the report's own as well
        yield _elsewhere(tenant, schema.findings, code=query.conclusion_code).checked_only()
    if query.undetermined is not None:
        yield _elsewhere(tenant, schema.undetermined, path=query.undetermined).in_order()
    if query.delivery is not None:
        yield _elsewhere(tenant, schema.deliveries, state=query.delivery)
    if query.model is not None or query.model_version is not None:
        asked = {"name": query.model, "model_version": query.model_version}
        yield _elsewhere(tenant, schema.report_models, **asked)


def _signer(tenant: str, query: ReportQuery) -> Iterator[Condition]:
    """Match who signed, and whether they have words or findings of their own."""
    codes = schema.signer_codes
    if query.signer is not None:
        yield _own(tenant, _REPORTS.signer_subject == query.signer)
    if query.signer_code is not None:
        yield _elsewhere(tenant, codes, code=query.signer_code)
    if query.disagrees is None:
        return
    own_words = _REPORTS.signer_conclusion.is_not(None)
    own_codes = _condition(tenant, codes, lambda _table: true())

    def disagrees(key: FromClause) -> ColumnElement[bool]:
        return or_(own_words, own_codes.check(key))

    if query.disagrees:
        with_codes = select(*(codes.c[name] for name in schema.REPORT_KEY))
        leads = (_keys(tenant, own_words), with_codes.where(codes.c.tenant == tenant))
        yield Condition(disagrees, leads)
    else:
        signed = _REPORTS.signer_subject.is_not(None)
        yield Condition(lambda key: and_(signed, not_(disagrees(key))))


def _reanalysed(tenant: str, asked: Reanalysed | None) -> Iterator[Condition]:
    """Match other analyses beside signed reports, by whether their findings differ.

    The signed report's findings are those of its latest version, without the signer's own.
    """
    if asked is None:
        return
    yield _own(tenant, _REPORTS.might_supersede.is_not(None))
    if asked is Reanalysed.ANY:
        return
    beside = schema.reports.alias("beside")
    newest = (
        select(func.max(beside.c.version))
        .where(
            beside.c.tenant == _REPORTS.tenant,
            beside.c.report_id == _REPORTS.might_supersede,
        )
        .correlate(schema.reports)
        .scalar_subquery()
    )
    own, other = schema.findings.alias("own"), schema.findings.alias("other")
    found = select(own.c.system, own.c.code).where(same_report(own))
    found_before = select(other.c.system, other.c.code).where(
        other.c.tenant == _REPORTS.tenant,
        other.c.report_id == _REPORTS.might_supersede,
        other.c.version == newest,
    )
    one, two = (each.correlate(schema.reports) for each in (found, found_before))
    differs = or_(except_(one, two).exists(), except_(two, one).exists())
    asked_for = differs if asked is Reanalysed.DIFFERS else not_(differs)
    is_there = newest.is_not(None)  # None: it was erased
    yield Condition(lambda _key: and_(is_there, asked_for))


def _measured(tenant: str, asked: Sequence[MeasuredRange]) -> Iterator[Condition]:
    """Match each range alone: each has an index, and a version one row."""
    table = schema.measurements
    for each in asked:

        def holds(of: FromClause, each: MeasuredRange = each) -> ColumnElement[bool]:
            return _within(each, of.c[each.name])

        # + 0, so that no database leads by a range other than the one that was counted
        others = (_within(o, table.c[o.name] + 0) for o in asked if o is not each)
        yield replace(_condition(tenant, table, holds), also=and_(true(), *others))


def _within(asked: MeasuredRange, column: ColumnElement[float]) -> ColumnElement[bool]:
    least = column >= asked.least if asked.least is not None else true()
    most = column <= asked.most if asked.most is not None else true()
    return and_(column.is_not(None), least, most)


def _elsewhere(tenant: str, table: Table, **asked: str | None) -> Condition:
    """Ask for equal texts of one row that another table has for the version."""

    def holds(table: FromClause) -> ColumnElement[bool]:
        equal = (
            table.c[name] == value for name, value in asked.items() if value is not None
        )
        return and_(true(), *equal)

    return _condition(tenant, table, holds)


def _condition(
    tenant: str, table: Table, holds: Callable[[FromClause], ColumnElement[bool]]
) -> Condition:
    other, mine = table.alias(), and_(table.c.tenant == tenant, holds(table))
    key = (table.c[name] for name in schema.REPORT_KEY)

    def check(of: FromClause) -> ColumnElement[bool]:
        there = select(other.c.version).where(same_report(other, of), holds(other))
        return there.correlate(of).exists()

    return Condition(
        check=check,
        leads=(select(*key).where(mine),),
        joined=(table, mine),
    )


def _own(tenant: str, *asked: ColumnElement[bool]) -> Condition:
    """Ask something of the columns of ``reports`` itself."""
    return Condition(lambda _key: and_(*asked), (_keys(tenant, *asked),))


def _keys(tenant: str, *asked: ColumnElement[bool]) -> Select[Any]:
    """Select the keys of a tenant's reports that have something in their own columns."""
    key = (_REPORTS[name] for name in schema.REPORT_KEY)
    return select(*key).where(_REPORTS.tenant == tenant, *asked)
