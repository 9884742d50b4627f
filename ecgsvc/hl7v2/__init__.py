"""HL7 version 2: messages written and read, over MLLP."""

from ecgsvc.hl7v2.acknowledgement import INTERNAL, Fault, Row, acknowledgement, row_of
from ecgsvc.hl7v2.client import MllpClient, MllpTls
from ecgsvc.hl7v2.message import Message, Segment, parse_message, read_header
from ecgsvc.hl7v2.orders import (
    Order,
    PatientNamed,
    order_identifier,
    orders_of,
    patient_of,
    recorded_at,
    status_of,
    with_waveforms,
)
from ecgsvc.hl7v2.oru import MessageHeader, control_id, oru_message
from ecgsvc.hl7v2.server import Bounds, CannotListenMllp, ListenerTls, listening

__all__ = [
    "INTERNAL",
    "Bounds",
    "CannotListenMllp",
    "Fault",
    "ListenerTls",
    "Message",
    "MessageHeader",
    "MllpClient",
    "MllpTls",
    "Order",
    "PatientNamed",
    "Row",
    "Segment",
    "acknowledgement",
    "control_id",
    "listening",
    "order_identifier",
    "orders_of",
    "oru_message",
    "parse_message",
    "patient_of",
    "read_header",
    "recorded_at",
    "row_of",
    "status_of",
    "with_waveforms",
]
