"""Hospitals on one installation: no call of one reaches what is another's."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecgsvc.client import EcgClient, EcgServiceError, SentEcg
from ecgsvc.domain.caller import Role
from ecgsvc.identity import OwnKey
from ecgsvc.rpc.permissions import PERMISSIONS
from ecgsvc.store import migrate
from ecgsvc.store.engine import make_engine
from ecgsvc.v1 import analysis_pb2, deliveries_pb2, reports_pb2
from tests.servers import Server, a_token, running_server
from tests.service.test_end_to_end import observation
from tests.service_methods import OUR_METHODS

TENANTS = ("north", "south")
A_TENANT = """
[[tenant]]
name = "{}"

[[tenant.destination]]
name = "nobody-listens"
kind = "mllp"
address = "127.0.0.1:1"
"""
METHODS = {method.rpartition("/")[2]: method for method in OUR_METHODS}


@dataclass
class Hospital:
    """A tenant: its client, and all that it was ever told is its own."""

    tenant: str
    client: EcgClient
    names: set[str] = field(default_factory=set)
    request: int = 0

    def patient(self) -> str:
        return f"Patient/{self.tenant}"

    def reports(self) -> set[str]:
        """Its reports, whatever the number of their versions."""
        return {name.partition("/versions")[0] for name in self.names}


def analyze(ours: Hospital, _others: Hospital) -> None:
    """The same identifier and request id as the other hospital's: another report."""
    body = observation(1, identifier="ecg-1", patient=ours.patient())
    reply = ours.client.analyze(body, request_id=f"request-{ours.request}")
    ours.request += 1
    ours.names.add(reply.name)
    assert ours.patient().encode() in reply.report


def analyze_many(ours: Hospital, _others: Hospital) -> None:
    """The same over one call."""
    body = observation(1, identifier="ecg-1", patient=ours.patient())
    ecg = SentEcg(body, request_id=f"request-{ours.request}")
    ours.request += 1
    [reply] = ours.client.analyze_many([ecg])
    assert reply.analyzed is not None
    ours.names.add(reply.analyzed.name)
    assert ours.patient().encode() in reply.analyzed.report


def reanalyze(ours: Hospital, others: Hospital) -> None:
    """Another's ECG is not analysed again; one's own gives nothing new by these models."""
    for name in others.names:
        with pytest.raises(EcgServiceError) as refused:
            ours.client.reanalyze(name.split("/versions")[0])
        assert refused.value.code is grpc.StatusCode.NOT_FOUND
    for name in ours.reports():
        assert ours.client.reanalyze(name).replayed


def validate(ours: Hospital, _others: Hospital) -> None:
    """An ECG that another hospital knows is valid here as well."""
    assert ours.client.validate(observation(1, identifier="ecg-1")).valid


def get(ours: Hospital, others: Hospital) -> None:
    """Another's report answers as one that does not exist."""
    for name in ours.names:
        assert ours.client.get_report(name).patient == ours.patient()
    answers = set()
    for name in (*others.names, "reports/00000000-0000-4000-8000-000000000000"):
        with pytest.raises(EcgServiceError) as refused:
            ours.client.get_report(name)
        outcome = json.dumps(refused.value.operation_outcome)
        answers.add((refused.value.code, refused.value.message, outcome))
    assert len(answers) == 1


def list_all(ours: Hospital, others: Hospital) -> None:
    """Lists and searches know the hospital's own reports only."""
    listed = [each.name.partition("/versions")[0] for each in ours.client.list_reports()]
    assert sorted(listed) == sorted(ours.reports())
    search = f'patient = "{others.patient()}"'
    assert list(ours.client.list_reports(search)) == []


def export(ours: Hospital, others: Hospital) -> None:
    """So do exports; another's cursor is none here."""
    replies = list(ours.client.export_reports(include_ecg=True))
    assert len(replies) == len(ours.reports())
    assert all(others.patient().encode() not in (reply.ecg or b"") for reply in replies)
    for theirs in others.client.export_reports():
        with pytest.raises(EcgServiceError) as refused:
            list(ours.client.export_reports(cursor=theirs.cursor))
        assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT


def list_versions(ours: Hospital, others: Hospital) -> None:
    """Another's history is not there."""
    for name in ours.names:
        found = {
            v.name for v in ours.client.list_report_versions(name.split("/versions")[0])
        }
        assert name in found
        assert found <= ours.names
    for name in others.names:
        with pytest.raises(EcgServiceError) as refused:
            ours.client.list_report_versions(name.split("/versions")[0])
        assert refused.value.code is grpc.StatusCode.NOT_FOUND


def sign(ours: Hospital, others: Hospital) -> None:
    """Another's report cannot be signed, whatever its etag; one's own is signed once."""
    change = {"status": "final", "role": "cardiologist", "reason": "read"}
    for name in others.names:
        etag = others.client.get_report(name).etag
        with pytest.raises(EcgServiceError) as refused:
            ours.client.update_report_status(
                name.split("/versions")[0], etag=etag, **change
            )
        assert refused.value.code is grpc.StatusCode.NOT_FOUND
    for report in list(ours.client.list_reports('status = "preliminary"')):
        signed = ours.client.update_report_status(
            report.name.split("/versions")[0], etag=report.etag, **change
        )
        ours.names.add(signed.name)


def erase(ours: Hospital, others: Hospital) -> None:
    """Erasing another's patient erases nothing; one's own patient takes the reports."""
    before = {report.name for report in others.client.list_reports()}
    assert ours.client.erase_patient(others.patient()) == 0
    ours.client.erase_patient(ours.patient())
    ours.names.clear()
    assert {report.name for report in others.client.list_reports()} == before


def list_deliveries(ours: Hospital, _others: Hospital) -> None:
    """The outbox shows the hospital's own reports, all of them, and no other."""
    listed = [
        each.name.partition("/deliveries")[0] for each in ours.client.list_deliveries()
    ]
    assert sorted(listed) == sorted(ours.names)


def replay(ours: Hospital, others: Hospital) -> None:
    """Another's delivery is not there to be tried again."""
    for theirs in others.client.list_deliveries():
        with pytest.raises(EcgServiceError) as refused:
            ours.client.replay_delivery(theirs.name)
        assert refused.value.code is grpc.StatusCode.NOT_FOUND


def list_events(ours: Hospital, others: Hospital) -> None:
    """The trail tells of the hospital's own reports only."""
    events = list(ours.client.list_audit_events())
    theirs = {name.split("/")[1] for name in others.names}
    assert not theirs & {event.report.split("/")[1] for event in events if event.report}
    for report_id in theirs:
        assert list(ours.client.list_audit_events(report=f"reports/{report_id}")) == []


def get_checkpoint(ours: Hospital, others: Hospital) -> None:
    """The end of the trail is the hospital's own."""
    list_all(ours, others)  # so that both have a trail
    list_all(others, ours)
    assert ours.tenant in ours.client.get_audit_checkpoint()[0]
    assert others.tenant not in ours.client.get_audit_checkpoint()[0]


def verify(ours: Hospital, others: Hospital) -> None:
    """Each hospital's trail is verified by itself."""
    get_checkpoint(ours, others)
    assert ours.client.verify_audit_trail().intact


OPERATIONS: dict[str, Callable[[Hospital, Hospital], None]] = {
    "AnalyzeEcg": analyze,
    "AnalyzeEcgs": analyze_many,
    "ReanalyzeEcg": reanalyze,
    "ValidateEcg": validate,
    "GetReport": get,
    "ListReports": list_all,
    "ExportReports": export,
    "ListReportVersions": list_versions,
    "UpdateReportStatus": sign,
    "ErasePatient": erase,
    "ListDeliveries": list_deliveries,
    "ReplayDelivery": replay,
    "ListAuditEvents": list_events,
    "GetAuditCheckpoint": get_checkpoint,
    "VerifyAuditTrail": verify,
}
"""What a hospital does with each method, and what must hold then."""


def test_every_method_is_tried_across_tenants() -> None:
    assert set(OPERATIONS) == set(METHODS)


@pytest.fixture(scope="module")
def hospitals(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Hospital, Hospital]]:
    folder = tmp_path_factory.mktemp("tenants")
    url = f"sqlite:///{folder / 'ecg.sqlite3'}"
    migrate(url)
    tenants = folder / "tenants.toml"
    tenants.write_text("".join(map(A_TENANT.format, TENANTS)))
    options = ("--tenants", str(tenants))
    with running_server(url, folder / "server.log", *options) as server:
        clients = [server.client(tenant=tenant, deadline_s=60) for tenant in TENANTS]
        north, south = map(Hospital, TENANTS, clients)
        yield north, south
        for each in clients:
            each.close()


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    steps=st.lists(
        st.tuples(st.booleans(), st.sampled_from(sorted(OPERATIONS))),
        min_size=1,
        max_size=8,
    )
)
def test_no_call_of_a_hospital_reaches_another(
    hospitals: tuple[Hospital, Hospital], steps: list[tuple[bool, str]]
) -> None:
    north, south = hospitals
    for first, operation in steps:
        ours, others = (north, south) if first else (south, north)
        OPERATIONS[operation](ours, others)
    for ours, others in ((north, south), (south, north)):
        list_all(ours, others)
        get(ours, others)
    assert not north.names & south.names


@dataclass(frozen=True)
class Trail:
    """The trail of a database."""

    url: str

    def events(self) -> list[tuple[str, str, dict[str, object]]]:
        """Tenant, operation and AuditEvent of each event."""
        engine = make_engine(self.url, timeout_s=5.0)
        with engine.connect() as connection:
            rows = connection.exec_driver_sql(
                "SELECT tenant, operation, event FROM audit_events ORDER BY recorded_at"
            ).all()
        engine.dispose()
        return [(tenant, operation, json.loads(event)) for tenant, operation, event in rows]


@pytest.fixture(scope="module")
def stored(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Server, Trail, OwnKey, str]]:
    """A server with a report of the north, its trail, a foreign key, and the name."""
    folder = tmp_path_factory.mktemp("credentials")
    url = f"sqlite:///{folder / 'ecg.sqlite3'}"
    migrate(url)
    foreign = OwnKey(folder / "foreign.pem", make=True)
    with running_server(url, folder / "server.log") as server:
        with server.client(tenant="north", deadline_s=60) as client:
            name = client.analyze(observation(1, patient="Patient/secret")).name
        yield server, Trail(url), foreign, name


def requests(name: str) -> dict[str, bytes]:
    """A request of each method that would succeed with good credentials."""
    ecg = {"json": observation(1, patient="Patient/secret")}
    return {
        "AnalyzeEcg": analysis_pb2.AnalyzeEcgRequest(observation=ecg).SerializeToString(),
        "AnalyzeEcgs": analysis_pb2.AnalyzeEcgsRequest(
            ecg={"observation": ecg}
        ).SerializeToString(),
        "ValidateEcg": analysis_pb2.ValidateEcgRequest(observation=ecg).SerializeToString(),
        "ReanalyzeEcg": analysis_pb2.ReanalyzeEcgRequest(
            name=name.split("/versions")[0]
        ).SerializeToString(),
        "GetReport": reports_pb2.GetReportRequest(name=name).SerializeToString(),
        "ListReports": b"",
        "ExportReports": b"",
        "ListReportVersions": reports_pb2.ListReportVersionsRequest(
            parent=name.split("/versions")[0]
        ).SerializeToString(),
        "UpdateReportStatus": reports_pb2.UpdateReportStatusRequest(
            name=name.split("/versions")[0], status="final", role="r", reason="r"
        ).SerializeToString(),
        "ErasePatient": reports_pb2.ErasePatientRequest(
            patient="Patient/secret"
        ).SerializeToString(),
        "ListDeliveries": b"",
        "ReplayDelivery": deliveries_pb2.ReplayDeliveryRequest(
            name=f"{name}/deliveries/ehr"
        ).SerializeToString(),
        "ListAuditEvents": b"",
        "GetAuditCheckpoint": b"",
        "VerifyAuditTrail": b"",
    }


def answered(server: Server, method: str, body: bytes, token: str) -> grpc.RpcError | bytes:
    """Call a method of any kind; all that came back, or the error."""
    metadata = [("x-request-id", "call-7")]
    if token:
        metadata.append(("authorization", f"Bearer {token}"))
    with grpc.insecure_channel(server.address) as channel:
        call = channel.stream_stream(METHODS[method])
        try:
            return b"".join(call(iter([body]), timeout=30, metadata=metadata))
        except grpc.RpcError as error:
            return error


@pytest.mark.parametrize("method", sorted(METHODS))
def test_calls_with_bad_credentials_are_refused_audited_and_told_nothing(
    stored: tuple[Server, Trail, OwnKey, str], method: str
) -> None:
    server, trail, foreign, name = stored
    allowed = PERMISSIONS[METHODS[method]]
    assert allowed
    others = frozenset(Role) - allowed
    attempts = {
        "": ("~nobody", grpc.StatusCode.UNAUTHENTICATED),
        server.token(tenant="north", valid_for=timedelta(minutes=-5)): (
            "~nobody", grpc.StatusCode.UNAUTHENTICATED,
        ),
        a_token(foreign, tenant="north"): ("~nobody", grpc.StatusCode.UNAUTHENTICATED),
        server.token(*others, tenant="north"): (
            "north", grpc.StatusCode.PERMISSION_DENIED,
        ),
    }  # fmt: skip
    for token, (tenant, code) in attempts.items():
        before = len(trail.events())
        error = answered(server, method, requests(name)[method], token)
        assert isinstance(error, grpc.RpcError)
        assert error.code() is code  # type: ignore[attr-defined]
        told = repr((error.details(), error.trailing_metadata()))  # type: ignore[attr-defined]
        assert "secret" not in told
        assert name.removeprefix("reports/").partition("/")[0] not in told
        [(audited_in, operation, event)] = trail.events()[before:]
        assert (audited_in, operation) == (tenant, "refuse")
        assert METHODS[method] in json.dumps(event)
        assert "call-7" in json.dumps(event)


@pytest.mark.parametrize("method", ["GetReport", "ListReports", "ExportReports"])
def test_good_credentials_of_the_wrong_tenant_are_told_nothing(
    stored: tuple[Server, Trail, OwnKey, str], method: str
) -> None:
    server, trail, _, name = stored
    before = len(trail.events())
    answer = answered(server, method, requests(name)[method], server.token(tenant="south"))
    if method == "GetReport":
        assert isinstance(answer, grpc.RpcError)
        assert answer.code() is grpc.StatusCode.NOT_FOUND  # type: ignore[attr-defined]
    else:
        assert answer == b""
    assert [tenant for tenant, *_ in trail.events()[before:]] == ["south"]
