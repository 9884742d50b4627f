"""HL7 version 2: messages written and read, over MLLP."""

from ecgsvc.hl7v2.client import MllpClient, MllpTls
from ecgsvc.hl7v2.oru import MessageHeader, control_id, oru_message

__all__ = ["MessageHeader", "MllpClient", "MllpTls", "control_id", "oru_message"]
