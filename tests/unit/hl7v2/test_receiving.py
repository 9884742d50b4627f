"""Messages in: what is read of them, what is refused and where, what is answered."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from threading import Semaphore
from zoneinfo import ZoneInfo

import hl7
import numpy as np
import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgsvc import dsp, fhir
from ecgsvc.convert import WRITERS, Format, read_bytes
from ecgsvc.domain import errors as domain
from ecgsvc.domain.audit import RefusedCall
from ecgsvc.domain.caller import Caller
from ecgsvc.domain.recording_header import RecordingHeader
from ecgsvc.domain.report import SentEcg
from ecgsvc.hl7v2.acknowledgement import TABLE, row_of
from ecgsvc.receiving import EcgReceiver
from ecgsvc.tenancy import Tenant
from tests.hl7_messages import (
    MICROVOLTS,
    PER_SECOND,
    PID,
    an_ecg,
    ecg_message,
    embedded,
    joined,
    leads,
    microvolts,
    msh,
    obr,
)

PDF = b"%PDF-1.7\n"


class Analyzer:
    """Decodes as the pipeline does, and keeps what it got."""

    def __init__(self) -> None:
        self.ecgs: list[fhir.DecodedEcg] = []
        self.request_ids: list[str] = []
        self.error: Exception | None = None

    def analyze_together(self, caller: Caller, ecgs: Sequence[SentEcg]) -> None:
        if self.error is not None:
            raise self.error
        decoded = []
        for each in ecgs:
            with domain.within(each.place):
                decoded.append(
                    fhir.decode_ecg(
                        each.observation,
                        parse_samples=dsp.parse_sampled_data,
                        read_file=read_bytes,
                    )
                )
        self.ecgs += decoded
        self.request_ids += [each.request_id for each in ecgs]


class Inbox:
    """A listener without its socket."""

    def __init__(self, **tenant: object) -> None:
        self.analyzer = Analyzer()
        self.refusals: list[RefusedCall] = []
        listener = {"name": "engine", "address": "127.0.0.1:0", "senders": ["CART|NORTH"]}
        described = {"name": "north", "listener": [listener]} | tenant
        wishes = Tenant.model_validate(described)
        self.receiver = EcgReceiver(
            self.analyzer,
            wishes,
            wishes.listener[0],
            zone=ZoneInfo(wishes.time_zone or "UTC"),
            record_refusal=self.refusals.append,
            workers=Semaphore(1),
        )

    def send(self, message: str | bytes) -> hl7.Message:
        content = message if isinstance(message, bytes) else message.encode()
        answer = self.receiver.answer(content)
        assert answer is not None
        read = hl7.parse(answer.decode())
        if len(read.segment("MSA")) > 2:  # strictly, it names a message that has a name
            strict = VALIDATION_LEVEL.STRICT
            assert parse_message(answer.decode(), validation_level=strict).validate()
        return read

    def accept(self, message: str | bytes) -> list[fhir.DecodedEcg]:
        acknowledgement = self.send(message)
        assert str(acknowledgement.segment("MSA")[1]) == "AA", acknowledgement
        assert not self.refusals
        return self.analyzer.ecgs

    def refuse(self, message: str | bytes) -> tuple[str, str, str]:
        """Return MSA-1, where in the message (ERR-2), and the text (ERR-8)."""
        acknowledgement = self.send(message)
        error = acknowledgement.segment("ERR")
        assert not self.analyzer.ecgs, "a message is refused whole"
        assert len(self.refusals) == 1
        text = hl7.parse(str(acknowledgement)).unescape(str(error[8]))
        return str(acknowledgement.segment("MSA")[1]), str(error[2]), text


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


def test_an_ecg_arrives_with_all_that_is_said_of_it(inbox: Inbox) -> None:
    recording = an_ecg()
    message = ecg_message(recording=recording)
    parse_message(message, validation_level=VALIDATION_LEVEL.STRICT).validate()
    (ecg,) = inbox.accept(message)
    waveform = ecg.recording.waveform
    assert waveform.leads == ("I", "II", "V1")
    assert waveform.sampling_rate_hz == 250.0
    np.testing.assert_allclose(waveform.samples_mv, microvolts(recording) / 1000)
    assert ecg.person.name == "Ada Maria Müller"
    assert (ecg.person.birth_date, ecg.recording.sex) == ("1960-01-01", "female")
    source = ecg.source
    assert source.subject_identifier is not None
    assert (source.subject_identifier.system, source.subject_identifier.value) == (
        "urn:oid:1.2.3",
        "4711",
    )
    assert source.effective_at.isoformat() == "2026-11-28T07:55:00+00:00"
    assert source.identifiers[0].value == "F1^CART"
    assert source.status == "final"
    (order,) = json.loads(source.body)["basedOn"]
    assert order["identifier"] == {"value": "P1^HIS"}
    device = ecg.recording.header.device
    assert (device.serial_number, device.model) == ("CART7", "ELI")


def test_the_acknowledgement_names_the_message_and_turns_its_direction(
    inbox: Inbox,
) -> None:
    answer = inbox.send(ecg_message("id\\F\\1"))
    header, msa = answer.segment("MSH"), answer.segment("MSA")
    named = [str(header[at]) for at in (3, 4, 5, 6, 9)]
    assert named == ["ecgsvc", "NORTH", "CART", "NORTH", "ACK^R01^ACK"]
    assert (str(msa[1]), str(msa[2])) == ("AA", "id\\F\\1")


@pytest.mark.parametrize(
    ("unit", "resolution", "step_uv"),
    [
        ("mV^^UCUM", "", 1000.0),
        ("uV", "", 1.0),
        ("^MDC_DIM_MILLI_VOLT^MDC", "", 1000.0),
        ("262656^MDC_DIM_DIMLESS^MDC", f"2.44|{MICROVOLTS}", 2.44),
        ("", "0.005|266418^MDC_DIM_MILLI_VOLT^MDC", 5.0),
    ],
)
def test_units_and_resolutions(
    unit: str, resolution: str, step_uv: float, inbox: Inbox
) -> None:
    steps = "^".join(["0", "3", "-2", "1"] * 100)
    facet = f"OBX|3|NM|2327^MDC_ATTR_NU_MSMT_RES^MDC|1.1.2|{resolution}"
    (ecg,) = inbox.accept(
        joined(
            msh(), PID, obr(),
            f"OBX|1|NA|131330^MDC_ECG_ELEC_POTL_II^MDC|1.1|{steps}|{unit}",
            f"OBX|2|NM|0^MDC_ATTR_SAMP_RATE^MDC|1.1.1|250|{PER_SECOND}",
            *([facet] if resolution else []),
        )
    )  # fmt: skip
    found = ecg.recording.waveform.lead_mv("II")[:4] * 1000
    np.testing.assert_allclose(found, np.array([0, 3, -2, 1]) * step_uv)


def test_decimals_come_through_to_the_last(inbox: Inbox) -> None:
    samples = "^".join(["-0.53714565", "0.00000001", ".5", "1."] * 100)
    (ecg,) = inbox.accept(
        joined(
            msh(), PID, obr(),
            f"OBX|1|NA|V5||{samples}|mV",
            "OBX|2|NM|67981^MDC_ATTR_SAMP_RATE^MDC||250|Hz",
        )
    )  # fmt: skip
    found = ecg.recording.waveform.lead_mv("V5")[:4]
    np.testing.assert_allclose(found, [-0.53714565, 1e-8, 0.5, 1.0], rtol=1e-12)


def test_missing_samples_are_missing(inbox: Inbox) -> None:
    samples = "^".join(["0", "", "32767", "-32768"] * 100)
    (ecg,) = inbox.accept(
        joined(
            msh(), PID, obr(),
            f"OBX|1|NA|131330^MDC_ECG_LEAD_II^MDC|1.1|{samples}|uV",
            f"OBX|2|NM|0^MDC_ATTR_SAMP_RATE^MDC|1.1.1|250|{PER_SECOND}",
            "OBX|3|NM|262196^MDC_EVT_INOP^MDC|1.1.2|32767",
            "OBX|4|NA|197378^MDC_EVT_DATA_MISSING^MDC|1.1.2.1|-32768^-32767",
        )
    )  # fmt: skip
    found = ecg.recording.waveform.lead_mv("II")[:4]
    assert np.isnan(found).tolist() == [False, True, True, True]


@pytest.mark.parametrize("kind", [Format.AECG, Format.DICOM])
def test_a_file_in_the_message_is_read_as_files_are(kind: Format, inbox: Inbox) -> None:
    header = RecordingHeader(recorded_at=datetime(2026, 11, 28, 8, tzinfo=UTC))
    recording = replace(an_ecg(), header=header)
    message = joined(msh(), PID, obr(), embedded(WRITERS[kind](recording)), embedded(PDF))
    (ecg,) = inbox.accept(message)
    found = ecg.recording.waveform
    assert found.leads == recording.waveform.leads
    np.testing.assert_allclose(found.samples_mv, recording.waveform.samples_mv, atol=0.0026)
    assert ecg.person.name == "Ada Maria Müller"
    assert ecg.source.resource_type == "DocumentReference"


def test_several_ecgs_and_patients_in_a_message(inbox: Inbox) -> None:
    other = "PID|2||4712^^^NORTH&1.2.3&ISO^MR"
    first, second = an_ecg(1), an_ecg(2)
    found = inbox.accept(
        joined(
            msh(), PID, obr("F1"), *leads(first),
            obr("F2"), "OBX|1|NM|8867-4^Heart rate^LN||62|/min",
            other, obr("F3"), *leads(second), embedded(PDF),
        )
    )  # fmt: skip
    of_whom = [ecg.source.subject_identifier for ecg in found]
    assert [each.value for each in of_whom if each] == ["4711", "4712"]
    assert len(set(inbox.analyzer.request_ids)) == 2


def test_leads_with_an_obr_each_are_one_ecg(inbox: Inbox) -> None:
    recording = an_ecg()
    each = leads(recording)
    (ecg,) = inbox.accept(
        joined(msh(), PID, obr(), *each[:2], obr(), *each[2:4], obr(), *each[4:])
    )
    assert ecg.recording.waveform.leads == ("I", "II", "V1")


def test_arrays_of_other_signals_are_left_out(inbox: Inbox) -> None:
    pleth = "OBX|9|NA|149504^MDC_PULS_OXIM_PLETH^MDC|1.1.1.9|1^2^3"
    (ecg,) = inbox.accept(joined(msh(), PID, obr(), *leads(an_ecg()), pleth))
    assert ecg.recording.waveform.n_leads == 3


def test_the_same_message_has_the_same_key_and_body(inbox: Inbox) -> None:
    first, again = (msh("M1"), msh("M1", time="20261128100000+0100"))
    rest = (PID, obr(), *leads(an_ecg()))
    inbox.accept(joined(first, *rest))
    inbox.accept(joined(again, *rest))
    inbox.accept(joined(msh("M2"), *rest))
    keys = inbox.analyzer.request_ids
    assert keys[0] == keys[1] != keys[2]
    bodies = [ecg.source.body for ecg in inbox.analyzer.ecgs]
    assert bodies[0] == bodies[1]


@pytest.mark.parametrize(
    ("obr_time", "msh_time", "zone", "utc_hour"),
    [
        ("20261128085500+0300", "20261128090000+0100", "Asia/Tokyo", 5),
        ("20261128085500", "20261128090000+0100", "Asia/Tokyo", 7),
        ("202611280855", "20261128090000", "Asia/Tokyo", 23),
        ("20261128085500.25", "20261128090000", None, 8),
    ],
)
def test_whose_zone_a_time_is_in(
    obr_time: str, msh_time: str, zone: str | None, utc_hour: int
) -> None:
    inbox = Inbox(time_zone=zone)
    message = joined(msh(time=msh_time), PID, obr(time=obr_time), *leads(an_ecg()))
    (ecg,) = inbox.accept(message)
    assert ecg.source.effective_at.hour == utc_hour


@pytest.mark.parametrize(
    ("stated", "encoding"),
    [("UNICODE UTF-8", "utf-8"), ("8859/1", "latin-1"), ("8859/15", "iso8859-15")],
)
def test_names_in_the_character_set_of_the_message(
    stated: str, encoding: str, inbox: Inbox
) -> None:
    message = joined(msh(characters=stated), PID, obr(), *leads(an_ecg()))
    (ecg,) = inbox.accept(message.encode(encoding))
    assert ecg.person.name == "Ada Maria Müller"


def test_authorities_are_the_tenants() -> None:
    inbox = Inbox(identifiers={"https://north.example/mrn": "NORTH"})
    pid = "PID|1||9^^^LAB&1.2.9&ISO^LR~4711^^^NORTH^MR"
    (ecg,) = inbox.accept(joined(msh(), pid, obr(), *leads(an_ecg())))
    assert ecg.source.subject_identifier is not None
    assert ecg.source.subject_identifier.system == "https://north.example/mrn"
    assert ecg.source.subject_identifier.value == "4711"


GOOD = ecg_message()
NO_LEADS = joined(msh(), PID, obr())
RATE = f"OBX|2|NM|^MDC_ATTR_SAMP_RATE||250|{PER_SECOND}\r"


def _without(text: str, message: str = GOOD) -> str:
    assert text in message
    return message.replace(text, "")


def _with(old: str, new: str, message: str = GOOD) -> str:
    assert old in message
    return message.replace(old, new, 1)


@pytest.mark.parametrize(
    ("message", "code", "where", "says"),
    [
        ("garbage", "AR", "MSH^1^1", "expected an HL7 message"),
        ("", "AR", "MSH^1^1", "expected an HL7 message"),
        ("MSH||||||", "AR", "MSH^1^1", "five delimiters"),
        (_with("ORU^R01^ORU_R01", "ADT^A01"), "AR", "MSH^1^9", "ORU^R01 or ORU^W01"),
        (_with("|P|2.5.1", "|T|2.5.1"), "AR", "MSH^1^11", "processing id P"),
        (_with("|P|2.5.1", "|P|3.0"), "AR", "MSH^1^12", "version 2"),
        (_with("CART|NORTH", "CART|SOUTH"), "AR", "MSH^1^3", "not taken here"),
        (_with("|M1|", "||"), "AE", "MSH^1^10", "is required"),
        (_with("UNICODE UTF-8", "UNICODE"), "AE", "MSH^1^18", "expected one of the char"),
        (GOOD.encode("latin-1"), "AE", "MSH^1^18", "none of its character set"),
        (_with("UNICODE UTF-8", ""), "AE", "MSH^1^18", "as MSH-18 says nothing"),
        (_without(PID + "\r"), "AE", "PID^1", "expected a PID"),
        (_without(obr() + "\r"), "AE", "OBX^1", "expected an OBR"),
        (joined(msh(), PID), "AE", "OBR^1", "expected an OBR"),
        (NO_LEADS, "AE", "OBR^1^4", "holds no ECG"),
        (GOOD + GOOD, "AE", "MSH^2^1", "one message in a frame"),
        (GOOD + "nonsense\r", "AE", "OBX^6", "line 10 of the message is no segment"),
        (_without("4711"), "AE", "PID^1^3", "identifier is required"),
        (_without("&1.2.3&ISO"), "AE", "PID^1^3^1^4", "assigning authority"),
        (_with("19600101", "19601341"), "AE", "PID^1^7", "no such date"),
        (_without("20261128085500"), "AE", "OBR^1^7", "time of the ECG is required"),
        (_with("20261128085500", "20261128"), "AE", "OBR^1^7", "to the minute"),
        (_with("20261128085500", "20261328085500"), "AE", "OBR^1^7", "no such time"),
        (_with(obr(), obr(status="X")), "AE", "OBR^1^25", "status with results"),
        (_with("|||||F|||||||CART7", "|||||W|||||||CART7"), "AE", "OBX^1^11", "no result"),
        (_with(MICROVOLTS, ""), "AE", "OBX^1^6", "lead I has no unit"),
        (_with(MICROVOLTS, "mm[Hg]"), "AE", "OBX^1^6", "is no voltage"),
        (_with(MICROVOLTS, "uV^mV"), "AE", "OBX^1^6", "is no voltage"),
        (_with(PER_SECOND, ""), "AE", "OBX^2^6", "in Hz or /s"),
        (_with("|250|", "|0|"), "AE", "OBX^2^5", "above 0"),
        (_with("1.1.1.2.1", "9.9"), "AE", "OBX^3^4", "one sampling rate"),
        (_with("|250|", "|500|"), "AE", "OBX^1^5", "the leads of one ECG have one rate"),
        (_with("131330^MDC_ECG_LEAD_II", "131329^MDC_ECG_LEAD_I"), "AE", "OBX^1^5",
         "lead I is given twice"),
        (_with("131330^MDC_ECG_LEAD_II", "131329^MDC_ECG_LEAD_II"), "AE", "OBX^3^3",
         "the code is that of lead I"),
        (_with("131330^MDC_ECG_LEAD_II", "131330^MDC_PULS_OXIM_PLETH"), "AE", "OBX^3^3",
         "names something else"),
        (_with("131330^MDC_ECG_LEAD_II^MDC", "X99^Lead^L"), "AE", "OBX^3^3",
         "expected the MDC code"),
        (NO_LEADS + "OBX|1|NA|II||1^x|mV\r" + RATE, "AE", "OBX^1^5",
         "sample 1 of lead II is no number"),
        (NO_LEADS + "OBX|1|NA|II||1~2|mV\r" + RATE, "AE", "OBX^1^5", "expected one row"),
        (_with(MICROVOLTS, MICROVOLTS) + f"OBX|9|NM|2327^MDC_ATTR_NU_MSMT_RES|1.1.1.1.2|2"
         f"|{MICROVOLTS}\r", "AE", "OBX^1^6", "states a unit and a resolution"),
        (GOOD.replace(MICROVOLTS, "V"), "AE", "OBX^1^5", "microvolts stated as millivolts"),
        (NO_LEADS + embedded(PDF) + "\r", "AE", "OBX^1^5", "a PDF shows an ECG"),
        (NO_LEADS + embedded(b'{"resourceType": "Observation"}') + "\r", "AE", "OBX^1^5",
         "FHIR, where"),
        (NO_LEADS + "OBX|1|ED|x||^a^b^Hex^00\r", "AE", "OBX^1^5^1^4", "in base64"),
        (NO_LEADS + "OBX|1|ED|x||^a^b^Base64^!!\r", "AE", "OBX^1^5^1^5", "expected base64"),
        (GOOD + embedded(WRITERS[Format.AECG](an_ecg())) + "\r", "AE", "OBX^7^5",
         "two waveforms"),
        (_with("Müller", "\\C2842\\Müller"), "AE", "MSH^1^18", "as MSH-18 says"),
        (joined(msh(), PID, obr("F1"), *leads(an_ecg()), obr("F2"),
                *(each.replace(MICROVOLTS, "") for each in leads(an_ecg()))),
         "AE", "OBX^7^6", "lead I has no unit"),
    ],
)  # fmt: skip
def test_a_refusal_names_the_field(
    message: str | bytes, code: str, where: str, says: str, inbox: Inbox
) -> None:
    found = inbox.refuse(message)
    assert found[:2] == (code, where), found
    assert says in found[2]


def test_what_later_stages_refuse_names_the_obr(inbox: Inbox) -> None:
    rate = f"OBX|2|NM|^MDC_ATTR_SAMP_RATE||250|{PER_SECOND}"
    short = joined(msh(), PID, obr(), "OBX|1|NA|II||1^2^3|mV", rate)
    code, where, text = inbox.refuse(short)
    assert (code, where) == ("AE", "OBR^1^4")
    assert "at least 1 s" in text


def test_an_ecg_that_is_refused_refuses_the_message_before_any_is_stored(
    inbox: Inbox,
) -> None:
    good, short = leads(an_ecg()), leads(an_ecg())[:2]
    samples = short[0].split("|")[5]
    short[0] = short[0].replace(samples, "100^200^300")
    message = joined(msh(), PID, obr("F1"), *good, obr("F2"), *short)
    assert inbox.refuse(message)[:2] == ("AE", "OBR^2^4")


def test_a_duplicate_with_other_content_says_so(inbox: Inbox) -> None:
    inbox.analyzer.error = domain.DuplicateWithOtherContent("used before")
    answer = inbox.send(GOOD)
    assert str(answer.segment("MSA")[1]) == "AE"
    assert str(answer.segment("ERR")[3][0][0]) == "205"


@pytest.mark.parametrize(
    "error",
    [domain.StoreUnavailable("x"), domain.Overloaded("x"), domain.ModelUnavailable("x")],
)
def test_what_only_has_to_wait_is_not_acknowledged(error: Exception, inbox: Inbox) -> None:
    inbox.analyzer.error = error
    assert inbox.receiver.answer(GOOD.encode()) is None
    assert inbox.refusals[0].by_us


def test_a_fault_of_ours_shows_nothing_but_an_incident(
    inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    inbox.analyzer.error = ValueError("Müller")
    answer = inbox.send(GOOD)
    assert str(answer.segment("MSA")[1]) == "AR"
    assert str(answer.segment("ERR")[3][0][0]) == "207"
    assert "incident" in str(answer)
    assert "Müller" not in str(answer) + caplog.text


def test_no_patient_is_in_the_log(inbox: Inbox, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    inbox.send(GOOD)
    inbox.send(_with(MICROVOLTS, ""))
    assert "listener=engine AA" in caplog.text
    assert "message=M1" in caplog.text
    assert not any(name in caplog.text for name in ("Müller", "4711", "1960", "Ada"))


def leaves(kind: type[domain.EcgsvcError]) -> Iterator[type[domain.EcgsvcError]]:
    if not kind.__subclasses__():
        yield kind
    for below in kind.__subclasses__():
        yield from leaves(below)


def test_every_error_of_the_tree_has_a_row() -> None:
    def is_there(kind: type[domain.EcgsvcError]) -> bool:
        return any(each in TABLE for each in kind.__mro__)

    assert [kind for kind in leaves(domain.EcgsvcError) if not is_there(kind)] == []
    assert row_of(domain.EcgsvcError("x")) is not None


HOSTILE: list[Callable[[], str]] = [
    lambda: joined(msh(), PID, obr()) + "OBX|1\r" * 30_000,
    lambda: joined(msh(), PID, obr(), "OBX|1|NA|II||" + "^" * 600_000 + "|mV",
                   f"OBX|2|NM|^MDC_ATTR_SAMP_RATE||250|{PER_SECOND}"),
    lambda: joined(msh(), PID, obr(), *["OBX|1|NA|II||1^2|mV"] * 10_000),
    lambda: joined(msh(), PID + "~" * 1_000_000, obr(), *leads(an_ecg())),
    lambda: "MSH|^~\\&" + "|" * 4_000_000,
]  # fmt: skip


@pytest.mark.parametrize("make", HOSTILE)
def test_a_message_made_to_hurt_is_answered(make: Callable[[], str], inbox: Inbox) -> None:
    assert str(inbox.send(make()).segment("MSA")[1]) in ("AE", "AR", "AA")


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A good message with some bytes exchanged, taken out, doubled or put elsewhere."""
    content = bytearray(SHORT)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content) - 1))
        end = min(len(content), start + draw(st.integers(0, 30)))
        piece = bytes(content[start:end])
        pieces = st.sampled_from(
            [
                b"",
                piece * 2,
                b"|",
                b"^",
                b"~",
                b"\\",
                b"&",
                b"\r",
                b"0",
                b"-",
                b"OBX|",
                b"PID|",
                b"OBR|",
                b"NA",
                b"ED",
                b'""',
                b"9" * 40,
            ]
        )
        content[start:end] = draw(pieces | st.binary(max_size=4))
    return bytes(content)


SHORT = joined(
    msh(), PID, obr(), "OBX|1|NA|131330^MDC_ECG_LEAD_II^MDC|1.1|1^2^-3^40^^5|uV|||||F",
    f"OBX|2|NM|0^MDC_ATTR_SAMP_RATE^MDC|1.1.1|250|{PER_SECOND}",
    f"OBX|3|NM|2327^MDC_ATTR_NU_MSMT_RES^MDC|1.2|2.44|{MICROVOLTS}", embedded(PDF),
).encode()  # fmt: skip


def _is_answered_and_no_fault_of_ours(message: bytes) -> None:
    inbox = Inbox(listener=[{"name": "engine", "address": "127.0.0.1:0"}])
    answer = inbox.receiver.answer(message)
    assert answer is not None
    assert b"|207^" not in answer, message


@settings(max_examples=150, deadline=None)
@given(message=mutated() | st.binary(max_size=60))
def test_no_message_is_a_fault_of_ours(message: bytes) -> None:
    _is_answered_and_no_fault_of_ours(message)


@pytest.mark.verify
@settings(max_examples=8_000, deadline=None)
@given(message=mutated())
def test_no_message_of_many_is_a_fault_of_ours(message: bytes) -> None:
    _is_answered_and_no_fault_of_ours(message)
