"""An accepted body, opened again."""

from ecgsvc.fhir.carrier import find_carrier, may_carry
from ecgsvc.fhir.envelope import Envelope, open_body
from ecgsvc.fhir.json_body import MAX_BODY_BYTES, parse_json_object


def received_observation(body: bytes) -> Envelope | None:
    """Open the Observation that was received; None: the ECG came as a file."""
    if may_carry(body):
        root = parse_json_object(body, resource="Observation", max_bytes=MAX_BODY_BYTES)
        if find_carrier(root, "") is not None:
            return None
    return open_body(body, "", max_bytes=MAX_BODY_BYTES)
