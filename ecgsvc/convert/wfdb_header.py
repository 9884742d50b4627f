"""What a WFDB header says: leads, units, length, and the patient's age and sex.

Format: WFDB Applications Guide, header(5), https://physionet.org/physiotools/wag/header-5.htm
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecgsvc.domain.errors import UnreadableRecording
from ecgsvc.domain.waveform import STANDARD_LEADS, Lead, Sex, distinct_names

MILLIVOLTS_PER_UNIT = {
    "": 1.0,  # header(5): "if the units are omitted, they may be assumed to be mV"
    "v": 1e3,
    "mv": 1.0,
    "uv": 1e-3,
    "nv": 1e-6,
}

# The micro sign and the Greek letter in UTF-8, then the micro sign in Latin-1
MICRO = (b"\xc2\xb5", b"\xce\xbc", b"\xb5")

# signal(5); formats 508, 516 and 524 are FLAC and have no fixed size.
BYTES_PER_SAMPLE = {
    "8": 1.0, "16": 2.0, "24": 3.0, "32": 4.0, "61": 2.0, "80": 1.0, "160": 2.0,
    "212": 3 / 2, "310": 4 / 3, "311": 4 / 3,
}  # fmt: skip
FLAC_FORMATS = ("508", "516", "524")

MAX_AGE_YEARS = 130.0

_SPELLING = {lead.casefold(): lead for lead in STANDARD_LEADS}
# LUDB "<age>: 51", PTB "age: 81", PhysioNet/CinC 2020 "Age: 74"
_AGE = re.compile(r"<?\bage>?\s*:\s*(\d{1,3}(?:\.\d+)?)(?!\S)", re.IGNORECASE)
_SEX = re.compile(r"<?\bsex>?\s*:\s*(f|m|female|male)(?!\S)", re.IGNORECASE)
# MIT-BIH "69 M 1085 1629 x1"; an unknown age is -1 there
_AGE_AND_SEX = re.compile(r"(-?\d{1,3}) ([FM])(?!\S)")


@dataclass(frozen=True, slots=True)
class WfdbHeader:
    """One record's header; the tuples have an entry for each signal.

    A frame holds `samples_per_frame[i]` samples of signal i. `sampling_rate_hz` is that of
    the fastest signal which is a voltage.
    """

    frame_rate_hz: float
    n_frames_stated: int | None
    formats: tuple[str, ...]
    samples_per_frame: tuple[int, ...]
    names: tuple[str, ...]
    units: tuple[str, ...]
    age_years: float | None
    sex: Sex | None

    @property
    def voltages(self) -> tuple[int, ...]:
        """Which signals are voltages; others (respiration, pressure) are no ECG."""
        return tuple(i for i, u in enumerate(self.units) if u in MILLIVOLTS_PER_UNIT)

    @property
    def samples_per_frame_max(self) -> int:
        """Samples a frame of the fastest voltage."""
        return max(self.samples_per_frame[i] for i in self.voltages)

    @property
    def sampling_rate_hz(self) -> float:
        """Sampling rate of the fastest voltage."""
        return self.frame_rate_hz * self.samples_per_frame_max

    @property
    def leads(self) -> tuple[Lead, ...]:
        """Distinct names of the voltages, the 12 standard ones spelled the domain's way."""
        return distinct_names([_lead_name(self.names[i]) for i in self.voltages])


def interpret_header(header: Any, path: Path) -> WfdbHeader:  # noqa: ANN401 (wfdb has no types)
    """Check what the library read from `path` and keep what matters.

    Raises
    ------
    UnreadableRecording
        Several segments, no signals, no voltage, or no sensible rate.
    """
    if getattr(header, "n_seg", None) is not None:
        msg = "The WFDB record has several segments; give one of its segments."
        raise UnreadableRecording(msg)
    if not header.n_sig or len(header.file_name or ()) != header.n_sig:
        msg = "The WFDB header must describe at least one signal, and as many as it counts."
        raise UnreadableRecording(msg)
    if not 0 < header.fs < math.inf or min(header.samps_per_frame) < 1:
        msg = "The sampling rates in the WFDB header must be positive."
        raise UnreadableRecording(msg)
    age, sex = _age_and_sex(header.comments)
    result = WfdbHeader(
        frame_rate_hz=float(header.fs),
        n_frames_stated=header.sig_len,
        formats=tuple(header.fmt),
        samples_per_frame=tuple(header.samps_per_frame),
        names=tuple(name or "" for name in header.sig_name),
        units=_units(path),
        age_years=age,
        sex=sex,
    )
    if len(result.units) != header.n_sig or not result.voltages:
        msg = "The WFDB header describes no signal in V, mV, uV or nV."
        raise UnreadableRecording(msg)
    return result


def count_frames(header: Any, directory: Path) -> int:  # noqa: ANN401 (wfdb has no types)
    """Count the frames of the record, after a look at the size of each sample file.

    Raises
    ------
    UnreadableRecording
        A sample file is missing, shorter than the header says, or of an unknown format.
    """
    stated: int | None = header.sig_len
    lengths = []
    for file_name in dict.fromkeys(header.file_name):
        signals = [i for i, name in enumerate(header.file_name) if name == file_name]
        sample_format = header.fmt[signals[0]]
        sample_file = directory / file_name
        if not sample_file.is_file():
            msg = "A sample file (.dat) that the WFDB header names is missing."
            raise UnreadableRecording(msg)
        if sample_format in FLAC_FORMATS:
            continue
        if sample_format not in BYTES_PER_SAMPLE:
            msg = f"WFDB sample format {sample_format} is not read."
            raise UnreadableRecording(msg)
        samples_per_frame = sum(header.samps_per_frame[i] for i in signals)
        n_bytes = sample_file.stat().st_size - (header.byte_offset[signals[0]] or 0)
        lengths.append(int(n_bytes / BYTES_PER_SAMPLE[sample_format] / samples_per_frame))
    available = min(lengths, default=stated or 0)
    if available < (stated or 0):
        msg = f"The sample file is truncated: {available} of {stated} samples are there."
        raise UnreadableRecording(msg)
    n_frames = available if stated is None else stated
    if n_frames <= 0:
        msg = "The WFDB record has no samples."
        raise UnreadableRecording(msg)
    return n_frames


def _lead_name(name: str) -> Lead:
    stripped = name.strip()
    return _SPELLING.get(stripped.casefold(), stripped or "ECG")


def _units(path: Path) -> tuple[str, ...]:
    """Units of the signals in lower case, with "uv" for microvolts.

    The library reads headers as ASCII and makes volts of "µV" by dropping the "µ".
    """
    raw = path.read_bytes()
    for micro in MICRO:
        raw = raw.replace(micro, b"u")
    lines = [line.strip() for line in raw.decode("ascii", errors="ignore").splitlines()]
    fields = [line.split() for line in lines if line and not line.startswith("#")]
    gains = [line[2] if len(line) > 2 else "" for line in fields[1:]]
    return tuple(gain.partition("/")[2].lower() for gain in gains)


def _age_and_sex(comments: Sequence[str]) -> tuple[float | None, Sex | None]:
    age: float | None = None
    sex: str | None = None
    for comment in comments:
        if found := _AGE.search(comment):
            age = age or float(found[1])
        if found := _SEX.search(comment):
            sex = sex or found[1]
    if (
        age is None
        and sex is None
        and comments
        and (found := _AGE_AND_SEX.match(comments[0]))
    ):
        age, sex = float(found[1]), found[2]
    known_age = age if age is not None and 0 <= age <= MAX_AGE_YEARS else None
    if sex is None:
        return known_age, None
    return known_age, "female" if sex.casefold().startswith("f") else "male"
