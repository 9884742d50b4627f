"""DeliveryService over whatever keeps the outbox."""

import re
from types import MappingProxyType
from typing import Protocol

import grpc

from ecgsvc.domain.caller import Caller
from ecgsvc.domain.delivery import (
    Delivery,
    DeliveryKey,
    DeliveryPage,
    DeliveryQuery,
    DeliveryState,
)
from ecgsvc.domain.errors import InvalidRequest
from ecgsvc.rpc import requests
from ecgsvc.rpc.caller import caller_of
from ecgsvc.rpc.messages import timestamp
from ecgsvc.v1 import deliveries_pb2, deliveries_pb2_grpc

_STATES = MappingProxyType(
    {
        DeliveryState.PENDING: deliveries_pb2.DELIVERY_STATE_PENDING,
        DeliveryState.DELIVERED: deliveries_pb2.DELIVERY_STATE_DELIVERED,
        DeliveryState.DEAD: deliveries_pb2.DELIVERY_STATE_DEAD,
    }
)
_NAME = re.compile(r"(reports/[^/]+/versions/[^/]+)/deliveries/([a-z0-9._-]{1,64})")
_MAX_DESTINATION = 64


class OutboxKeeper(Protocol):
    """Shows deliveries; raises errors of `ecgsvc.domain.errors` only."""

    def list_deliveries(self, caller: Caller, query: DeliveryQuery) -> DeliveryPage:
        """Return one page of deliveries."""

    def replay_delivery(self, caller: Caller, key: DeliveryKey) -> None:
        """Try a dead delivery again."""


class DeliveryService(deliveries_pb2_grpc.DeliveryServiceServicer):
    """Translates messages to calls of an `OutboxKeeper` and back."""

    def __init__(self, outbox: OutboxKeeper) -> None:
        self._outbox = outbox

    def ListDeliveries(  # noqa: N802  # the name in the contract
        self,
        request: deliveries_pb2.ListDeliveriesRequest,
        context: grpc.ServicerContext,
    ) -> deliveries_pb2.ListDeliveriesResponse:
        """Return one page of the tenant's deliveries."""
        query = DeliveryQuery(
            state=_asked_state(request.state),
            destination=_asked_destination(request.destination),
            page_size=requests.page_size(request.page_size),
            page_token=requests.page_token(request.page_token),
        )
        page = self._outbox.list_deliveries(caller_of(context), query)
        return deliveries_pb2.ListDeliveriesResponse(
            deliveries=map(_message, page.deliveries), next_page_token=page.next_page_token
        )

    def ReplayDelivery(  # noqa: N802  # the name in the contract
        self,
        request: deliveries_pb2.ReplayDeliveryRequest,
        context: grpc.ServicerContext,
    ) -> deliveries_pb2.ReplayDeliveryResponse:
        """Try a dead delivery again."""
        caller = caller_of(context)
        key = _key(caller.tenant, request.name)
        self._outbox.replay_delivery(caller, key)
        return deliveries_pb2.ReplayDeliveryResponse()


def _asked_state(value: deliveries_pb2.DeliveryState) -> DeliveryState | None:
    if value == deliveries_pb2.DELIVERY_STATE_UNSPECIFIED:
        return None
    found = next((state for state, own in _STATES.items() if own == value), None)
    if found is None:
        msg = "state must be pending, delivered or dead"
        raise InvalidRequest(msg, expression="state")
    return found


def _asked_destination(value: str) -> str | None:
    if len(value) > _MAX_DESTINATION or not value.isprintable():
        msg = f"destination must have at most {_MAX_DESTINATION} printable characters"
        raise InvalidRequest(msg, expression="destination")
    return value or None


def _key(tenant: str, name: str) -> DeliveryKey:
    found = _NAME.fullmatch(name)
    if found is None:
        msg = "name must be reports/{report}/versions/{version}/deliveries/{destination}"
        raise InvalidRequest(msg, expression="name")
    report_id, version = requests.report_name(found[1])
    return DeliveryKey(tenant, found[2], report_id, version or 0)


def _message(delivery: Delivery) -> deliveries_pb2.Delivery:
    key = delivery.key
    is_pending = delivery.state is DeliveryState.PENDING
    finished_at = delivery.finished_at
    version = requests.version_name(key.report_id, key.version)
    return deliveries_pb2.Delivery(
        name=f"{version}/deliveries/{key.destination}",
        state=_STATES[delivery.state],
        attempt_count=delivery.attempts,
        created_time=timestamp(delivery.created_at),
        next_attempt_time=timestamp(delivery.not_before) if is_pending else None,
        finished_time=timestamp(finished_at) if finished_at is not None else None,
        answer=delivery.answer,
    )
