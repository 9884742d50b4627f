"""ORU messages with waveforms, as interface engines and monitors write them."""

import base64
from collections.abc import Sequence

import numpy as np

from ecgsvc.domain.waveform import STANDARD_LEADS, Recording
from ecgsvc.simulation import SimulationSettings, simulate

CODES = dict(
    zip(STANDARD_LEADS, (131329, 131330, *range(131389, 131393), *range(131331, 131337)),
        strict=True)
)  # fmt: skip
PID = "PID|1||4711^^^NORTH&1.2.3&ISO^MR||Müller^Ada^Maria||19600101|F"
MICROVOLTS = "266419^MDC_DIM_MICRO_VOLT^MDC"
PER_SECOND = "264608^MDC_DIM_PER_SEC^MDC"


def an_ecg(seed: int = 1, leads: Sequence[str] = ("I", "II", "V1")) -> Recording:
    settings = SimulationSettings(
        seed=seed, duration_s=3.0, sampling_rate_hz=250.0, leads=tuple(leads)
    )
    return simulate(settings).recording


def msh(
    message_id: str = "M1",
    *,
    event: str = "ORU^R01^ORU_R01",
    sender: str = "CART|NORTH",
    version: str = "2.5.1",
    processing: str = "P",
    characters: str = "UNICODE UTF-8",
    time: str = "20261128090000+0100",
) -> str:
    return (
        f"MSH|^~\\&|{sender}|ecgsvc|NORTH|{time}||{event}|{message_id}|{processing}"
        f"|{version}||||||{characters}"
    )


def obr(filler: str = "F1^CART", time: str = "20261128085500", status: str = "F") -> str:
    empty = "|" * 18
    return f"OBR|1|P1^HIS|{filler}|11524-6^EKG study^LN|||{time}{empty}{status}"


def microvolts(recording: Recording) -> np.ndarray:
    return np.rint(recording.waveform.samples_mv * 1000).astype(int)


def leads(recording: Recording, *, unit: str = MICROVOLTS, first: int = 1) -> list[str]:
    """An OBX of samples and one of its rate a lead, as IHE's content module has them."""
    segments = []
    rows = zip(recording.waveform.leads, microvolts(recording), strict=True)
    for number, (lead, row) in enumerate(rows, first):
        samples = "^".join(map(str, row.tolist()))
        segments += [
            f"OBX|{2 * number - 1}|NA|{CODES[lead]}^MDC_ECG_LEAD_{lead.upper()}^MDC"
            f"|1.1.1.{number}|{samples}|{unit}|||||F|||||||CART7^ELI",
            f"OBX|{2 * number}|NM|0^MDC_ATTR_SAMP_RATE^MDC|1.1.1.{number}.1"
            f"|{recording.waveform.sampling_rate_hz:g}|{PER_SECOND}|||||F",
        ]
    return segments


def embedded(content: bytes, kind: str = "application^octet-stream") -> str:
    data = base64.b64encode(content).decode()
    return f"OBX|90|ED|11524-6^EKG study^LN||^{kind}^Base64^{data}||||||F"


def joined(*segments: str) -> str:
    return "".join(f"{each}\r" for each in segments)


def ecg_message(message_id: str = "M1", recording: Recording | None = None) -> str:
    return joined(msh(message_id), PID, obr(), *leads(recording or an_ecg()))
