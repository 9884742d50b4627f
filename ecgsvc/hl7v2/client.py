"""Sends messages to an HL7 v2 engine over MLLP and reads its acknowledgements."""

import select
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

import hl7

from ecgsvc.domain.delivery import Answer, Verdict
from ecgsvc.hl7v2.mllp import BrokenFrame, FrameReader, framed

_MAX_ACKNOWLEDGEMENT = 65_536
_VERDICTS = {
    "AA": Verdict.ACCEPTED,
    "CA": Verdict.ACCEPTED,
    "AE": Verdict.LATER,
    "CE": Verdict.LATER,
    "AR": Verdict.REFUSED,
    "CR": Verdict.REFUSED,
}
"""MSA-1, table 0008: accepted; error, another try may do better; rejected."""


@dataclass(frozen=True, slots=True)
class MllpTls:
    """TLS of the connection; None takes the system's authorities, and no client key."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


class MllpClient:
    """One connection to an engine, kept open between messages; for one thread.

    Parameters
    ----------
    host, port
        Where it listens.
    timeout_s
        For connecting, and for the acknowledgement.
    """

    def __init__(
        self, host: str, port: int, *, timeout_s: float = 30.0, tls: MllpTls | None = None
    ) -> None:
        self._place = (host, port)
        self._timeout_s = timeout_s
        self._tls = tls
        self._connection: socket.socket | None = None

    def send(self, message: str, message_id: str) -> Answer:
        """Send one message and wait for its acknowledgement.

        Parameters
        ----------
        message_id
            MSH-10, which the acknowledgement must name.
        """
        try:
            connection = self._connected()
            connection.sendall(framed(message.encode()))
            reply = FrameReader(connection, _MAX_ACKNOWLEDGEMENT).read(self._timeout_s)
        except TimeoutError:
            self.close()
            return Answer(Verdict.UNREACHABLE, "no acknowledgement in time")
        except BrokenFrame:
            self.close()
            return Answer(Verdict.UNREACHABLE, "the acknowledgement is no MLLP frame")
        except OSError as error:
            self.close()
            return Answer(Verdict.UNREACHABLE, f"no connection ({type(error).__name__})")
        if reply is None:
            self.close()
            return Answer(Verdict.UNREACHABLE, "closed without an acknowledgement")
        return self._judged(reply, message_id)

    def close(self) -> None:
        """Close the connection; the next message opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> socket.socket:
        if self._connection is not None and _has_ended(self._connection):
            self.close()
        if self._connection is None:
            plain = socket.create_connection(self._place, self._timeout_s)
            self._connection = plain
            if self._tls is not None:
                context = ssl.create_default_context(cafile=self._tls.ca)
                if self._tls.certificate is not None:
                    context.load_cert_chain(self._tls.certificate, self._tls.key)
                host = self._place[0]
                self._connection = context.wrap_socket(plain, server_hostname=host)
        self._connection.settimeout(self._timeout_s)
        return self._connection

    def _judged(self, reply: bytes, message_id: str) -> Answer:
        try:
            acknowledgement = hl7.parse(reply.decode("utf-8", "replace"))
            msa = acknowledgement.segment("MSA")
            code, of_message = str(msa[1]).strip(), str(msa[2]).strip()
        except (hl7.HL7Exception, KeyError, IndexError, ValueError):
            self.close()
            return Answer(Verdict.LATER, "the acknowledgement has no MSA segment")
        if of_message != message_id:
            self.close()  # whatever comes next belongs to something else too
            return Answer(Verdict.LATER, "the acknowledgement is of another message")
        verdict = _VERDICTS.get(code)
        if verdict is None:
            return Answer(Verdict.LATER, "MSA-1 is no acknowledgement code")
        return Answer(verdict, f"{code}{_error_code(acknowledgement)}")


def _has_ended(connection: socket.socket) -> bool:
    """Tell whether an idle connection was closed, or says what nobody asked."""
    readable, _, _ = select.select([connection], [], [], 0)
    return bool(readable)


def _error_code(acknowledgement: hl7.Message) -> str:
    """Return the code of ERR-3, a number of table 0357, when there is one."""
    try:
        code = str(acknowledgement.segment("ERR")[3][0][0])
    except (hl7.HL7Exception, KeyError, IndexError, TypeError):
        return ""
    return f" (ERR-3 {code})" if code.isdecimal() and len(code) <= 6 else ""
