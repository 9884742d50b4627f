"""WFDB records and annotations (PhysioNet), read with the `wfdb` library.

The library brings pandas along, so it is imported at the first call only.
"""

import math
import warnings
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from ecgsvc.convert.wfdb_header import (
    MILLIVOLTS_PER_UNIT,
    WfdbHeader,
    count_frames,
    interpret_header,
)
from ecgsvc.domain.errors import InvalidRequest, UnreadableRecording
from ecgsvc.domain.recording_header import RecordingHeader
from ecgsvc.domain.waveform import Millivolts, Recording, SampleIndices, Waveform


@dataclass(frozen=True, slots=True, eq=False)
class WfdbAnnotations:
    """The annotations of one annotator, in the file's order.

    Parameters
    ----------
    sample_indices
        Shape (n,), int64, at the rate `read_wfdb` gives the record.
    symbols
        One annotation code each (``N``, ``V``, ``+``, ``[`` …); empty when not known.
    aux_notes
        The text of each (``(AFIB``), empty when there is none.
    """

    sample_indices: SampleIndices
    symbols: tuple[str, ...]
    aux_notes: tuple[str, ...]


def read_wfdb(
    path: Path,
    *,
    start_s: float = 0.0,
    duration_s: float | None = None,
    units_per_mv: float | None = None,
) -> Recording:
    """Read a WFDB record, or a piece of it, in millivolts.

    Parameters
    ----------
    path
        The record, with or without ``.hea`` or ``.dat``.
    start_s, duration_s
        Where the piece begins and how long it is; to the end when `duration_s` is None.
        Both are rounded to whole samples.
    units_per_mv
        Gain of all leads instead of the header's, which scales each of LUDB's leads to the
        same height.

    Returns
    -------
    Recording
        Signals whose unit is no voltage are left out. A missing unit means mV, a missing
        gain 200 units a millivolt, a missing rate 250 Hz, as header(5) has it. Invalid
        samples are NaN. Leads of different rates come at the fastest one's, the others
        interpolated linearly. Standard leads are spelled I … aVR … V6, others keep their
        names; those without are called ECG. Age and sex are those of the header's comments
        (MIT-BIH ``69 M …``, LUDB ``<age>: 51``, PTB and CinC ``Age: 74``), if any.

    Raises
    ------
    UnreadableRecording
        There is no such record, or it is damaged or of a kind that is not read.
    InvalidRequest
        The piece does not lie within the record.
    """
    base = _record_base(path)
    library_header, header = _read_header(base)
    n_frames = count_frames(library_header, base.parent)
    n_samples = n_frames * header.samples_per_frame_max
    first, stop = sample_range(header.sampling_rate_hz, n_samples, start_s, duration_s)
    samples_mv = _read_samples(base, header, first, stop)
    steps_per_mv = np.array(
        [
            library_header.adc_gain[i] / MILLIVOLTS_PER_UNIT[header.units[i]]
            for i in header.voltages
        ]
    )
    if units_per_mv is not None:
        samples_mv *= steps_per_mv[:, np.newaxis] / units_per_mv
        steps_per_mv[:] = units_per_mv
    waveform = Waveform(samples_mv, header.sampling_rate_hz, header.leads)
    at = getattr(library_header, "base_datetime", None)
    return Recording(
        base.name,
        waveform,
        header.age_years,
        header.sex,
        RecordingHeader(
            recorded_at=at and at + timedelta(seconds=first / header.sampling_rate_hz),
            step_uv=float(1e3 / np.abs(steps_per_mv).max()) or None,
        ),
    )


def read_wfdb_annotations(path: Path, extension: str) -> WfdbAnnotations:
    """Read the annotations ``path.extension`` of a WFDB record.

    Parameters
    ----------
    path
        The record, with or without ``.hea`` or ``.dat``.
    extension
        The annotator: ``atr`` for reference beats.

    Raises
    ------
    UnreadableRecording
        There is no such file, or it or the record's header is missing or damaged.
    """
    base = _record_base(path)
    _, header = _read_header(base)
    annotation_file = base.with_name(f"{base.name}.{extension}")
    if not annotation_file.is_file() or not annotation_file.stat().st_size:
        msg = f"There is no annotation file (.{extension}) for the record, or it is empty."
        raise UnreadableRecording(msg)
    annotation = _call_library("rdann", str(base), extension)
    indices = np.asarray(annotation.sample, dtype=np.int64)
    file_rate_hz = annotation.fs or header.frame_rate_hz
    if file_rate_hz != header.sampling_rate_hz:
        scaled = indices * (header.sampling_rate_hz / file_rate_hz)
        indices = np.rint(scaled).astype(np.int64)
    return WfdbAnnotations(
        indices,
        tuple(s if isinstance(s, str) else "" for s in annotation.symbol),
        tuple((note or "").rstrip("\0") for note in annotation.aux_note),
    )


def _record_base(path: Path) -> Path:
    """Return the record's path without suffix."""
    return path.with_suffix("") if path.suffix in (".hea", ".dat") else path


def _call_library(function: str, *args: Any, **options: Any) -> Any:  # noqa: ANN401 (untyped)
    """Call a function of the `wfdb` library; whatever it raises is the file's fault."""
    with warnings.catch_warnings():
        # pandas deprecations inside the library; nothing a caller could act on
        warnings.simplefilter("ignore")
        try:
            import wfdb

            return getattr(wfdb, function)(*args, **options)
        except Exception as error:
            msg = "The WFDB record is damaged: its files do not follow the format."
            raise UnreadableRecording(msg) from error


def _read_header(base: Path) -> tuple[Any, WfdbHeader]:
    header_file = base.with_name(f"{base.name}.hea")
    if not header_file.is_file():
        msg = "There is no WFDB header file (.hea) for the record."
        raise UnreadableRecording(msg)
    header = _call_library("rdheader", str(base))
    return header, interpret_header(header, header_file)


def sample_range(
    rate_hz: float, n_samples: int, start_s: float, duration_s: float | None
) -> tuple[int, int]:
    """First sample of a piece and the one after its last.

    Raises
    ------
    InvalidRequest
        The piece does not lie within the recording.
    """
    if not (math.isfinite(start_s) and start_s >= 0):
        msg = "The start must be a number of seconds, 0 or more."
        raise InvalidRequest(msg)
    if not (duration_s is None or (math.isfinite(duration_s) and duration_s > 0)):
        msg = "The duration must be a number of seconds above 0."
        raise InvalidRequest(msg)
    first = round(start_s * rate_hz)
    stop = n_samples if duration_s is None else first + round(duration_s * rate_hz)
    if not first < stop <= n_samples:
        msg = (
            f"The piece asked for, samples {first} to {stop}, is empty or does not lie "
            f"within the recording of {n_samples} samples ({n_samples / rate_hz:.3f} s)."
        )
        raise InvalidRequest(msg)
    return first, stop


def _read_samples(base: Path, header: WfdbHeader, first: int, stop: int) -> Millivolts:
    """Samples of all voltages at the fastest one's rate, shape (n_leads, stop - first)."""
    per_frame = header.samples_per_frame_max
    # Format 8 holds differences: the whole record is needed to know any sample.
    # One frame more on either side lets slower leads be interpolated at the edges.
    mixed = len(set(header.samples_per_frame)) > 1
    first_frame = 0 if "8" in header.formats else max(first // per_frame - mixed, 0)
    last_frame = -(-stop // per_frame) + mixed
    stated = header.n_frames_stated  # without it the library can only read to the end
    record = _call_library(
        "rdrecord",
        str(base),
        sampfrom=first_frame,
        sampto=None if stated is None else min(last_frame, stated),
        channels=list(header.voltages),
        smooth_frames=False,
    )
    times = np.arange(first, stop) / per_frame - first_frame
    offset = first - first_frame * per_frame
    samples_mv = np.empty((len(header.voltages), stop - first))
    for row, signal in enumerate(header.voltages):
        samples = record.e_p_signal[row]
        own_per_frame = header.samples_per_frame[signal]
        if own_per_frame == per_frame:
            samples_mv[row] = samples[offset : offset + stop - first]
        else:
            samples_mv[row] = np.interp(
                times, np.arange(len(samples)) / own_per_frame, samples
            )
        samples_mv[row] *= MILLIVOLTS_PER_UNIT[header.units[signal]]
    return samples_mv
