"""DeliveryService over its port, with an outbox that answers as told."""

from datetime import UTC, datetime, timedelta

import grpc
import pytest
from rpc_fakes import refused

from ecgsvc.domain.delivery import (
    Delivery,
    DeliveryKey,
    DeliveryPage,
    DeliveryQuery,
    DeliveryState,
)
from ecgsvc.v1 import deliveries_pb2, deliveries_pb2_grpc

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
NAME = "reports/r1/versions/2/deliveries/ehr"


def a_delivery(state: DeliveryState) -> Delivery:
    ended = None if state is DeliveryState.PENDING else NOW
    key = DeliveryKey("default", "ehr", "r1", 2)
    return Delivery(key, 7, state, 3, NOW - timedelta(hours=1), NOW, ended, "503")


@pytest.fixture
def stub(served):
    return deliveries_pb2_grpc.DeliveryServiceStub(served.channel)


def test_deliveries_are_listed_with_their_state_and_times(served, stub):
    asked = []

    def listed(_caller, query):
        asked.append(query)
        return DeliveryPage(tuple(map(a_delivery, DeliveryState)), "6.ehr")

    served.reader.list_deliveries = listed
    request = deliveries_pb2.ListDeliveriesRequest(
        state="DELIVERY_STATE_DEAD", destination="ehr", page_size=2, page_token="8.ehr"
    )
    reply = stub.ListDeliveries(request, timeout=10)
    assert asked == [DeliveryQuery(DeliveryState.DEAD, "ehr", 2, "8.ehr")]
    assert reply.next_page_token == "6.ehr"
    assert {each.name for each in reply.deliveries} == {NAME}
    states = deliveries_pb2.DeliveryState
    by_state = {states.Name(each.state): each for each in reply.deliveries}
    assert list(by_state) == [f"DELIVERY_STATE_{s.name}" for s in DeliveryState]
    pending, dead = by_state["DELIVERY_STATE_PENDING"], by_state["DELIVERY_STATE_DEAD"]
    assert pending.next_attempt_time.ToDatetime(UTC) == NOW
    assert not pending.HasField("finished_time")
    assert dead.finished_time.ToDatetime(UTC) == NOW
    assert not dead.HasField("next_attempt_time")
    assert (dead.attempt_count, dead.answer) == (3, "503")


def test_a_replay_names_the_delivery_of_the_callers_tenant(served, stub):
    replayed = []
    served.reader.replay_delivery = lambda _caller, key: replayed.append(key)
    stub.ReplayDelivery(deliveries_pb2.ReplayDeliveryRequest(name=NAME), timeout=10)
    assert replayed == [DeliveryKey("default", "ehr", "r1", 2)]


@pytest.mark.parametrize(
    "name", ["", "reports/r1", "reports/r1/deliveries/ehr", f"{NAME}/x", f"{NAME}\n"]
)
def test_what_names_no_delivery_is_refused(stub, name):
    with pytest.raises(grpc.RpcError) as caught:
        stub.ReplayDelivery(deliveries_pb2.ReplayDeliveryRequest(name=name), timeout=10)
    assert refused(caught.value).violations == [("name", "INVALID_REQUEST")]


@pytest.mark.parametrize(
    ("field", "value"), [("state", 9), ("destination", "x" * 65), ("page_size", -1)]
)
def test_what_cannot_be_asked_for_is_refused(stub, field, value):
    request = deliveries_pb2.ListDeliveriesRequest(**{field: value})
    with pytest.raises(grpc.RpcError) as caught:
        stub.ListDeliveries(request, timeout=10)
    assert refused(caught.value).violations == [(field, "INVALID_REQUEST")]
