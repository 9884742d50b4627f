"""Reports on their way out: which message each destination gets, and who carries it.

Like `pipeline`, the only module of its kind that knows the order: stored report → Bundle or
HL7 message → destination.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ecgsvc import fhir, hl7v2
from ecgsvc.delivery import (
    Breaker,
    FhirClient,
    Lane,
    RetryPolicy,
    Sender,
    TokenSource,
    http_pool,
)
from ecgsvc.domain.delivery import Answer, ClaimedDelivery, CodePreferences, WriteBack
from ecgsvc.identity import client_assertions
from ecgsvc.tenancy import FhirDestination, MllpDestination, Tenant, Tenants, Tries

_TRIES_WITHIN_LEASE = 4
"""Connecting, a token, a second token and the answer each may take the whole time."""


class FhirSender:
    """Sends reports to a FHIR server."""

    def __init__(self, client: FhirClient, how: WriteBack) -> None:
        self._client = client
        self._how = how

    def send(self, claimed: ClaimedDelivery) -> Answer:
        """Write the report back; errors and answer as in `delivery.Sender`."""
        bundle = fhir.write_back_bundle(
            claimed.report, claimed.source, claimed.source_fhir_version, self._how
        )
        return self._client.transact(bundle)

    def close(self) -> None:
        """Leave the connections to their pool."""


class Hl7Sender:
    """Sends reports to an HL7 v2 engine."""

    def __init__(
        self,
        client: hl7v2.MllpClient,
        header: hl7v2.MessageHeader,
        preferences: CodePreferences,
    ) -> None:
        self._client = client
        self._header = header
        self._preferences = preferences

    def send(self, claimed: ClaimedDelivery) -> Answer:
        """Send the report as ORU^R01; errors and answer as in `delivery.Sender`."""
        key = claimed.key
        report = fhir.report_to_send(claimed.report, claimed.source, self._preferences)
        message_id = hl7v2.control_id(
            key.tenant, key.destination, key.report_id, key.version
        )
        message = hl7v2.oru_message(
            report, self._header, message_id=message_id, now=datetime.now(UTC)
        )
        answer = self._client.send(message, message_id)
        return replace(answer, text=f"{answer.text}, MSH-10 {message_id}")

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def lanes(tenants: Tenants) -> Iterator[Lane]:
    """Yield a lane a destination.

    Raises
    ------
    OSError
        A key cannot be used.
    """
    for tenant in tenants.tenant:
        for destination in tenant.destination:
            if isinstance(destination, FhirDestination):
                yield _fhir_lane(tenant, destination)
            else:
                yield _mllp_lane(tenant, destination)


def _fhir_lane(tenant: Tenant, destination: FhirDestination) -> Lane:
    pool = http_pool(destination.ca, destination.parallel)
    tokens = None
    if (oauth := destination.oauth) is not None:
        sign = client_assertions(oauth.key, oauth.key_id, oauth.client_id)
        tokens = TokenSource(pool, oauth.token_url, oauth.scope, sign)
    client = FhirClient(
        pool, destination.url, tokens=tokens, timeout_s=destination.timeout_s
    )
    how = WriteBack(
        destination.write,
        destination.with_ecg,
        destination.find_patient,
        tenant.preferences,
    )
    return _lane(tenant, destination, lambda: FhirSender(client, how))


def _mllp_lane(tenant: Tenant, destination: MllpDestination) -> Lane:
    host, _, port = destination.address.rpartition(":")
    header = hl7v2.MessageHeader(
        destination.sending_application,
        destination.sending_facility,
        destination.receiving_application,
        destination.receiving_facility,
        destination.processing_id,
        tenant.identifiers,
    )
    tls = None
    if destination.tls:
        tls = hl7v2.MllpTls(destination.ca, destination.certificate, destination.key)

    def connect() -> Hl7Sender:
        client = hl7v2.MllpClient(host, int(port), timeout_s=destination.timeout_s, tls=tls)
        return Hl7Sender(client, header, tenant.preferences)

    return _lane(tenant, destination, connect)


def _lane(
    tenant: Tenant,
    destination: FhirDestination | MllpDestination,
    connect: Callable[[], Sender],
) -> Lane:
    tries: Tries = destination.tries
    return Lane(
        tenant.name,
        destination.name,
        connect,
        RetryPolicy(tries.first_wait_s, tries.longest_wait_s, tries.give_up_after),
        Breaker(tries.failures_until_rest, tries.rest_s, tries.longest_rest_s),
        timedelta(seconds=_TRIES_WITHIN_LEASE * destination.timeout_s),
        destination.parallel,
    )
