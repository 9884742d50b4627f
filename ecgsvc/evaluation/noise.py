"""Recorded noise added to clean records, in the amounts that WFDB's ``nst`` adds.

Definition (https://physionet.org/physiotools/wag/nst-1.htm; G. B. Moody, W. E. Muldrow,
R. G. Mark, "A noise stress test for arrhythmia detectors", Computers in Cardiology 11,
1984): of each lead, SNR = 10 log10(S / (a² N)) dB, where a is the gain of the noise,
S = (QRS peak-to-peak amplitude)² / 8, and N the square of the noise's RMS value about its
mean within one second. Both amplitudes are means of the first 300 measurements without the
5 % smallest and the 5 % largest, as ``sigamp`` takes them. Noise is added from 5:00 on, two
minutes with and two without; levels do not jump where it begins and ends.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ecgsvc.convert import read_wfdb
from ecgsvc.domain.beats import BeatClass
from ecgsvc.domain.errors import UnreadableRecording
from ecgsvc.domain.waveform import Millivolts, Waveform
from ecgsvc.evaluation.references import ReferenceBeats

START_S = 300.0
PERIOD_S = 120.0
QRS_HALF_WIDTH_S = 0.050
NOISE_WINDOW_S = 1.0
N_MEASUREMENTS = 300
TRIMMED_SHARE = 0.05

EM_SEGMENTS = "em_reconstructed_segments.npz"
EM_RMS_MV = (0.3276, 0.1019)
"""RMS of the first 300 s of ``em``, which the segments recovered from record 118e00 do not
cover: implied by 118e00's gains over these segments (2.960 and 7.640), and S of 118."""


@dataclass(frozen=True, slots=True, eq=False)
class Noise:
    """A noise recording.

    Parameters
    ----------
    name
        ``bw`` (baseline wander), ``em`` (electrode motion) or ``ma`` (muscle artefact).
    samples_mv
        Shape (n_signals, n); NaN where it is not known.
    sampling_rate_hz
        Samples per second.
    rms_mv
        The size N is made of, shape (n_signals,).
    """

    name: str
    samples_mv: Millivolts
    sampling_rate_hz: float
    rms_mv: NDArray[np.float64]

    def increments_mv(self, n_samples: int, record: str, seed: int) -> Millivolts:
        """Differences of successive samples, shape (n_signals, n_samples).

        The noise begins somewhere, drawn for each record, and is read from its beginning
        again when it ends. Noise that is known in parts only is not shifted: these lie
        where noise is added, so that records 118 and 119 get the database's own.
        """
        steps = np.diff(self.samples_mv, axis=1, prepend=np.nan)
        known_throughout = not np.isnan(self.samples_mv).any()
        steps = np.nan_to_num(steps)
        if known_throughout:
            key = [seed, zlib.crc32(f"{record} {self.name}".encode())]
            first = int(np.random.default_rng(key).integers(steps.shape[1]))
            steps = np.roll(steps, -first, axis=1)
        taken: Millivolts = np.take(steps, np.arange(n_samples), axis=1, mode="wrap")
        return taken


def read_noises(directory: Path) -> Mapping[str, Noise]:
    """Read ``bw``, ``em`` and ``ma``, those that are there, by name.

    Parameters
    ----------
    directory
        The MIT-BIH Noise Stress Test Database; without the record ``em``, its segments
        recovered from record 118e00 (``em_reconstructed_segments.npz``) take its place.

    Raises
    ------
    UnreadableRecording
        There is none, or a file is damaged.
    """
    noises = {}
    for name in ("bw", "em", "ma"):
        if (directory / f"{name}.hea").is_file():
            waveform = read_wfdb(directory / name).waveform
            samples_mv, rate_hz = waveform.samples_mv, waveform.sampling_rate_hz
            sizes = np.array([noise_rms_mv(row, rate_hz) for row in samples_mv])
            noises[name] = Noise(name, samples_mv, rate_hz, sizes)
        elif name == "em" and (directory / EM_SEGMENTS).is_file():
            noises[name] = _read_segments(directory / EM_SEGMENTS)
    if not noises:
        msg = "The folder holds none of the noise records bw, em and ma."
        raise UnreadableRecording(msg)
    return MappingProxyType(noises)


def _read_segments(path: Path) -> Noise:
    try:
        with np.load(path, allow_pickle=False) as file:
            pieces = file["em"].T / float(file["gain_adu_per_mV"])
            starts, stops = file["start"], file["stop"]
            rate_hz = float(file["fs"])
    except (OSError, ValueError, KeyError) as error:
        msg = "The reconstructed electrode-motion noise is damaged."
        raise UnreadableRecording(msg) from error
    samples_mv = np.full((len(pieces), int(stops.max())), np.nan)
    done = 0
    for start, stop in zip(starts, stops, strict=True):
        piece = pieces[:, done : done + int(stop - start)]
        samples_mv[:, start : start + piece.shape[1]] = piece
        done += piece.shape[1]
    return Noise("em", samples_mv, rate_hz, np.array(EM_RMS_MV))


def add_noise(
    waveform: Waveform,
    reference: ReferenceBeats,
    noise: Noise,
    snr_db: float,
    *,
    record: str = "",
    seed: int = 0,
) -> Waveform:
    """Mix noise into a clean waveform; its n-th signal into the n-th lead, and again.

    Raises
    ------
    ValueError
        The rates differ.
    """
    if waveform.sampling_rate_hz != noise.sampling_rate_hz:
        msg = "noise and record must have the same sampling rate"
        raise ValueError(msg)
    steps = noise.increments_mv(waveform.n_samples, record, seed)
    steps[:, ~is_noisy(waveform.n_samples, waveform.sampling_rate_hz)] = 0.0
    added = np.cumsum(steps, axis=1)
    mixed = waveform.samples_mv.copy()
    for i, lead_mv in enumerate(waveform.samples_mv):
        signal = i % len(added)
        size_mv = qrs_amplitude_mv(lead_mv, waveform.sampling_rate_hz, reference) / 8**0.5
        gain = size_mv / noise.rms_mv[signal] * 10 ** (-snr_db / 20)
        mixed[i] += gain * added[signal]
    return Waveform(mixed, waveform.sampling_rate_hz, waveform.leads)


def is_noisy(n_samples: int, sampling_rate_hz: float) -> NDArray[np.bool_]:
    """Tell the samples to which noise is added, shape (n_samples,)."""
    since_start_s = np.arange(n_samples) / sampling_rate_hz - START_S
    return np.asarray((since_start_s >= 0) & (since_start_s % (2 * PERIOD_S) < PERIOD_S))


def qrs_amplitude_mv(
    lead_mv: Millivolts, sampling_rate_hz: float, reference: ReferenceBeats
) -> float:
    """Peak-to-peak amplitude within 50 ms of beats that are neither V nor F."""
    half = round(QRS_HALF_WIDTH_S * sampling_rate_hz)
    other = (BeatClass.V, BeatClass.F)
    beats = [
        index
        for index, kind in zip(
            reference.sample_indices.tolist(), reference.classes, strict=True
        )
        if kind not in other and half <= index < len(lead_mv) - half
    ]
    return _trimmed_mean(
        np.array([np.ptp(lead_mv[i - half : i + half + 1]) for i in beats[:N_MEASUREMENTS]])
    )


def noise_rms_mv(lead_mv: Millivolts, sampling_rate_hz: float) -> float:
    """RMS about the mean within one second, of the beginning of a noise recording."""
    width = round(NOISE_WINDOW_S * sampling_rate_hz)
    n_windows = min(len(lead_mv) // width, N_MEASUREMENTS)
    return _trimmed_mean(lead_mv[: n_windows * width].reshape(-1, width).std(axis=1))


def _trimmed_mean(values: NDArray[np.float64]) -> float:
    cut = int(TRIMMED_SHARE * len(values))
    return float(np.sort(values)[cut : len(values) - cut].mean())
