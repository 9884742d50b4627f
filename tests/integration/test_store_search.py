"""Searches find what they mean, page by page, and by an index."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import cache, partial

import pytest
from factories import CALLER, a_source, an_identifier, open_store, submit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from searched import (
    BEGIN,
    FINDINGS,
    MODELS,
    OPEN,
    RARE_FINDING,
    SINUS,
    Searched,
    a_searched_report,
    expected,
    store_many,
)
from sqlalchemy import Connection, Engine, text

from ecgsvc.domain.caller import Caller
from ecgsvc.domain.errors import InvalidRequest
from ecgsvc.domain.measurements import MEASURED_NAMES
from ecgsvc.domain.report import (
    MeasuredRange,
    Reanalysed,
    ReportOrder,
    ReportPage,
    ReportQuery,
)
from ecgsvc.store import ReportStore, listing
from ecgsvc.store.engine import make_engine

N_REPORTS = 150


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def filled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[ReportStore, list[Searched], str]]:
    """A store of many reports, of two tenants; those of the first are listed."""
    from ecgsvc.store import migrate

    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('search') / 'ecg.db'}"
    else:
        url = request.getfixturevalue("empty_postgres")()
    migrate(url)
    store = open_store(url)
    reports = store_many(store, N_REPORTS)
    store_many(store, 20, caller=Caller("other", "tester", roles=CALLER.roles), seed=2)
    if request.param == "postgres":  # whose autovacuum does so; SQLite keeps no statistics
        with engine_of(url).begin() as connection:
            connection.execute(text("ANALYZE"))
    yield store, reports, url
    store.close()
    engine_of(url).dispose()


def listed(store: ReportStore, query: ReportQuery, caller: Caller = CALLER) -> list[str]:
    return paged(partial(store.list, caller), query)


def paged(read: Callable[[ReportQuery], ReportPage], query: ReportQuery) -> list[str]:
    """Ids of all pages."""
    found: list[str] = []
    while True:
        page = read(query)
        found += [report.report_id for report in page.reports]
        if not page.next_page_token:
            return found
        query = replace(query, page_token=page.next_page_token)


def times() -> st.SearchStrategy[object]:
    return st.none() | st.integers(0, 180).map(lambda day: BEGIN + timedelta(days=day))


def ranges() -> st.SearchStrategy[tuple[MeasuredRange, ...]]:
    limit = st.none() | st.sampled_from(
        [-40.0, 0.0, 60.0, 90.0, 160.0, 400.0, 430.0, 500.0]
    )
    one = st.builds(MeasuredRange, st.sampled_from(MEASURED_NAMES), limit, limit)
    return st.lists(one, max_size=2, unique_by=lambda each: each.name).map(tuple)


def some(*values: str) -> st.SearchStrategy[str | None]:
    return st.none() | st.sampled_from(values)


CODES = some(*(finding.code for finding in FINDINGS), "11524-6", "no-such-code")
QUERIES = st.builds(
    ReportQuery,
    patient=st.none() | st.integers(0, 31).map(lambda n: f"Patient/{n}"),
    effective_from=times(),
    effective_before=times(),
    issued_from=times(),
    issued_before=times(),
    code=CODES,
    conclusion_code=CODES,
    status=some("preliminary", "final", "amended", "unknown"),
    model=some("beats", "rhythm", "no-such-model"),
    model_version=some(*(version for _, version in MODELS)),
    undetermined=some(*OPEN, "measurements.pr_ms"),
    measured=ranges(),
    order=st.sampled_from(ReportOrder),
    page_size=st.integers(1, 60),
)


def sparse(query: ReportQuery, kept: frozenset[str]) -> ReportQuery:
    """Ask for few things at once, so that something is found."""
    dropped = {
        name: ReportQuery.__dataclass_fields__[name].default
        for name in ReportQuery.__dataclass_fields__
        if name not in kept | {"order", "page_size"}
    }
    return replace(query, **dropped)


NAMES = st.frozensets(st.sampled_from(sorted(ReportQuery.__dataclass_fields__)), max_size=3)


@pytest.mark.parametrize(("rare", "common"), [(1, 1), (8, 20), (1, 10_000)])
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(query=st.builds(sparse, QUERIES, NAMES))
def test_every_search_finds_what_it_means_in_its_order_once(
    filled: tuple[ReportStore, list[Searched], str],
    rare: int,
    common: int,
    query: ReportQuery,
) -> None:
    _, reports, url = filled
    engine = engine_of(url)
    with pytest.MonkeyPatch.context() as patch, engine.connect() as connection:
        patch.setattr(listing, "RARE", rare)  # both shapes of statement, whatever is asked
        patch.setattr(listing, "COMMON", common)
        read = partial(listing.list_page, connection, CALLER.tenant)
        assert paged(read, query) == expected(reports, query)


@cache
def engine_of(url: str) -> Engine:
    return make_engine(url, timeout_s=10.0)


def test_a_tenant_finds_nothing_of_another(
    filled: tuple[ReportStore, list[Searched], str],
) -> None:
    store, _, _ = filled
    other = Caller("other", "tester", roles=CALLER.roles)
    assert len(listed(store, ReportQuery(), other)) == 20
    assert listed(store, ReportQuery(), Caller("third", "tester", roles=CALLER.roles)) == []


def test_only_the_latest_version_is_searched(store: ReportStore) -> None:
    identifier = an_identifier()
    submit(store, a_source(identifier), findings=(RARE_FINDING,))
    submit(store, a_source(identifier, status="corrected"), findings=(SINUS,))
    for rare in (1, 10_000):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(listing, "RARE", rare)
            patch.setattr(listing, "COMMON", rare)
            assert listed(store, ReportQuery(conclusion_code=RARE_FINDING.code)) == []
            assert len(listed(store, ReportQuery(conclusion_code=SINUS.code))) == 1


def test_a_token_belongs_to_its_order(
    filled: tuple[ReportStore, list[Searched], str],
) -> None:
    store, _, _ = filled
    token = store.list(CALLER, ReportQuery(page_size=1)).next_page_token
    for order in set(ReportOrder) - {ReportOrder.NEWEST_ECG}:
        with pytest.raises(InvalidRequest, match="page token"):
            store.list(CALLER, ReportQuery(order=order, page_token=token))


SEARCHES = {
    "all": (ReportQuery(), "ix_reports_tenant_effective_at"),
    "patient": (ReportQuery(patient="Patient/3"), "ix_reports_tenant_subject_reference"),
    "status": (ReportQuery(status="final"), "ix_reports_tenant_status"),
    "code": (ReportQuery(code="49436004"), "ix_report_codes_tenant_code"),
    "conclusion": (
        ReportQuery(conclusion_code="49436004"), "ix_report_codes_tenant_code",
    ),
    "undetermined": (ReportQuery(undetermined="rhythm"), "ix_undetermined_tenant_path"),
    "model": (
        ReportQuery(model="rhythm", model_version="1.9.0"), "ix_report_models_tenant_name",
    ),
    "version": (
        ReportQuery(model_version="1.9.0"), "ix_report_models_tenant_model_version",
    ),
    "delivery": (
        ReportQuery(delivery="dead"), "ix_deliveries_tenant_state_report_id_version",
    ),
    "signer": (ReportQuery(signer="dr"), "ix_reports_tenant_signer_subject"),
    "disagrees": (ReportQuery(disagrees=True), "ix_reports_tenant_disagreeing"),
    "reanalysed": (
        ReportQuery(reanalysed=Reanalysed.DIFFERS), "ix_reports_tenant_reanalysed",
    ),
    "issued": (ReportQuery(order=ReportOrder.NEWEST_REPORT), "ix_reports_tenant_issued_at"),
    **{
        name: (
            ReportQuery(measured=(MeasuredRange(name, least=480.0),)),
            f"ix_measurements_tenant_{name}",
        )
        for name in MEASURED_NAMES
    },
}  # fmt: skip
"""A search by each index, and that index."""


def explained(connection: Connection, statement: str) -> str:
    kind = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
    rows = connection.execute(text(f"{kind} {statement}")).all()
    return "\n".join(str(row) for row in rows)


def plans(url: str, query: ReportQuery, *, small: bool) -> tuple[str, str, str]:
    """The plan of a search's page, of the keys in it, and of what is counted for it."""
    engine = engine_of(url)
    compiled = {"compile_kwargs": {"literal_binds": True}, "dialect": engine.dialect}
    with engine.connect() as connection:
        if small and connection.dialect.name == "postgresql":
            # a few pages are read faster than any index: show what many are read by
            connection.execute(text("SET enable_seqscan = off"))
            connection.execute(text("SET enable_sort = off"))
        page = listing.select_page(connection, CALLER.tenant, query, None, 51)
        keys = listing.select_keys(connection, CALLER.tenant, query, None).limit(51)
        leads = [
            lead.limit(listing.COMMON)
            for each in listing.conditions_of(CALLER.tenant, query)
            for lead in each.leads
        ]
        made = [
            explained(connection, str(statement.compile(**compiled)))  # type: ignore[arg-type]
            for statement in (page, keys, *leads)
        ]
    return made[0], made[1], "\n".join(made[2:])


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_reads_an_index(
    filled: tuple[ReportStore, list[Searched], str], name: str
) -> None:
    *_, url = filled
    query, index = SEARCHES[name]
    page, _, counted = plans(url, query, small=True)
    assert index in page + counted, page + counted
    for plan in (page, counted):
        assert "SCAN reports" not in plan.replace("SCAN reports USING", "")
        assert "Seq Scan on reports" not in plan


def test_a_common_condition_is_read_in_order_without_sorting(
    filled: tuple[ReportStore, list[Searched], str],
) -> None:
    *_, url = filled
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listing, "RARE", 1)
        patch.setattr(listing, "COMMON", 1)
        for name in ("all", "code", "undetermined", "issued", "status"):
            _, keys, _ = plans(url, SEARCHES[name][0], small=True)
            assert "TEMP B-TREE FOR ORDER BY" not in keys.upper(), keys
            assert "Sort" not in keys.split("Incremental")[0], keys


def test_a_condition_of_some_thousands_leads_when_others_sift_it(
    filled: tuple[ReportStore, list[Searched], str],
) -> None:
    *_, url = filled
    status, long_qt = "final", MeasuredRange("qtc_fridericia_ms", least=400.0)
    slow = MeasuredRange("heart_rate_bpm", most=90.0)
    with pytest.MonkeyPatch.context() as patch, engine_of(url).connect() as connection:
        patch.setattr(listing, "RARE", 1)

        def leads(query: ReportQuery) -> bool:
            keys = listing.select_keys(connection, CALLER.tenant, query, None)
            return 'AS "leading"' in str(keys)

        assert not leads(ReportQuery(status=status))
        assert not leads(ReportQuery(measured=(long_qt,)))
        assert leads(ReportQuery(status=status, measured=(long_qt,)))
        assert leads(ReportQuery(measured=(long_qt, slow)))
        patch.setattr(listing, "COMMON", 1)
        assert not leads(ReportQuery(status=status, measured=(long_qt,)))


def test_the_drawn_reports_have_what_is_rare_and_what_is_common() -> None:
    rng = random.Random(1)
    drawn = [a_searched_report(rng, number, 500) for number in range(500)]
    share = sum(RARE_FINDING in new.codes for new in drawn) / len(drawn)
    assert 0 < share < 0.05
