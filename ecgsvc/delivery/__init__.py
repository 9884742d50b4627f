"""Brings reports to other systems: workers over the outbox, a client of FHIR servers."""

from ecgsvc.delivery.breaker import Breaker
from ecgsvc.delivery.fhir_client import FhirClient, http_pool
from ecgsvc.delivery.lanes import Lane, Outbox, Sender
from ecgsvc.delivery.oauth import NoToken, TokenSource
from ecgsvc.delivery.retries import RetryPolicy
from ecgsvc.delivery.workers import DeliveryWorkers

__all__ = [
    "Breaker",
    "DeliveryWorkers",
    "FhirClient",
    "Lane",
    "NoToken",
    "Outbox",
    "RetryPolicy",
    "Sender",
    "TokenSource",
    "http_pool",
]
