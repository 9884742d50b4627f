"""Beats of MIT-BIH databases and of simulated ECGs, as the serving path sees them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ecgsvc import dsp
from ecgsvc.convert import read_wfdb
from ecgsvc.domain.beats import BEAT_CLASSES
from ecgsvc.domain.waveform import Lead, SampleIndices, Waveform
from ecgsvc.evaluation.references import find_records, read_reference_beats
from ecgsvc.inference import BeatTools
from ecgsvc.inference.beat_features import BeatInputs, SignalTools, build_beat_inputs
from ecgsvc.simulation import SimulationSettings, simulate

SIGNAL_TOOLS = SignalTools(band_pass=dsp.band_pass, resample=dsp.resample)
BEAT_TOOLS = BeatTools(dsp.cut_beats, dsp.group_beats, dsp.average_beats)

PIECES_S = (10.0, 60.0)
"""Lengths of the short recordings that are cut from each record, seconds."""
_PIECES_A_RECORD = 30  # of each length: what an epoch can show
_N_FORMS = 6  # of simulated tachycardias and what must not be taken for one
_JITTER_S = 0.02  # how far a detector's R peaks lie from the annotators'


@dataclass(frozen=True, slots=True, eq=False)
class AnnotatedRecord:
    """A record with the place and class of each beat (index into `BEAT_CLASSES`)."""

    name: str
    waveform: Waveform
    r_peak_indices: SampleIndices
    labels: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class BeatSequence:
    """Consecutive beats of one recording, ready for the network.

    A ``piece`` was cut from a ``record`` and prepared as a recording of its own; a
    ``simulated`` recording is as short. `labels` are indices into `BEAT_CLASSES`.
    """

    record: str
    kind: Literal["record", "piece", "simulated"]
    inputs: BeatInputs
    labels: NDArray[np.int64]


def read_annotated_record(record: Path) -> AnnotatedRecord:
    """Read one record with its reference beats."""
    beats = read_reference_beats(record, "atr")
    labels = [BEAT_CLASSES.index(beat_class) for beat_class in beats.classes]
    return AnnotatedRecord(
        record.name,
        read_wfdb(record).waveform,
        beats.sample_indices,
        np.array(labels, dtype=np.int64),
    )


def prepare_sequences(
    data_dir: Path,
    records: Sequence[str],
    seed: int,
    on_record: Callable[[str], None] = lambda _: None,
    *,
    pieces: bool = True,
) -> list[BeatSequence]:
    """Prepare every record: whole, and with `pieces` parts of it as short recordings.

    The pieces go through the builder on their own, as a short recording would, with R peaks
    moved by up to 20 ms, as a detector would give them. `on_record` hears of each record
    when it is done.
    """
    sequences: list[BeatSequence] = []
    for path in find_records(data_dir, "atr", records):
        record = read_annotated_record(path)
        rng = np.random.default_rng([seed, *path.name.encode()])
        inputs = _inputs_of(record.waveform, record.r_peak_indices)
        sequences.append(BeatSequence(record.name, "record", inputs, record.labels))
        if pieces:
            sequences += _pieces_of(record, rng)
        on_record(record.name)
    return sequences


def prepare_simulated(n_recordings: int, seed: int) -> list[BeatSequence]:
    """Simulate two-lead recordings of 10 to 60 s, every other one in atrial fibrillation.

    Few patients of the databases fibrillate; these show that an irregular rhythm without P
    waves holds no S beats, and the others that a sinus rhythm does.
    """
    return [
        _simulated(
            f"simulated-{number}",
            "simulated",
            [_settings(number, np.random.default_rng([seed, number]))],
        )
        for number in range(n_recordings)
    ]


def prepare_tachycardias(n_recordings: int, seed: int) -> list[BeatSequence]:
    """Simulate two-lead recordings of minutes, in which most beats may be S, or none.

    Of six, two have runs of an atrial tachycardia (S), two a sinus rhythm whose rate
    wanders as far (N), one fibrillates in between (N), and in one every second sinus beat
    is blocked in between, so that the rate halves and doubles at once (N). They count as
    whole records: some dozens of patients hold hardly a sustained atrial rhythm.
    """
    return [
        _simulated(
            f"simulated-tachycardia-{number}",
            "record",
            _tachycardia(number, np.random.default_rng([seed, 1, number])),
        )
        for number in range(n_recordings)
    ]


def _simulated(
    name: str, kind: Literal["record", "simulated"], parts: Sequence[SimulationSettings]
) -> BeatSequence:
    """Simulate parts of one recording, joined in order."""
    ecgs = [simulate(settings) for settings in parts]
    waveforms = [ecg.recording.waveform for ecg in ecgs]
    starts = np.cumsum([0, *(waveform.n_samples for waveform in waveforms[:-1])])
    joined = Waveform(
        np.concatenate([waveform.samples_mv for waveform in waveforms], axis=1),
        waveforms[0].sampling_rate_hz,
        waveforms[0].leads,
    )
    r_peaks = [
        ecg.truth.r_peak_indices + start for ecg, start in zip(ecgs, starts, strict=True)
    ]
    labels = [BEAT_CLASSES.index(c) for ecg in ecgs for c in ecg.truth.classes]
    inputs = _inputs_of(joined, np.concatenate(r_peaks))
    return BeatSequence(name, kind, inputs, np.array(labels))


def _tachycardia(number: int, rng: np.random.Generator) -> list[SimulationSettings]:
    """Settings of the parts of one recording of `prepare_tachycardias`."""
    common = replace(
        _settings(2 * number, rng),
        rhythm="sinus",
        pac_probability=rng.uniform(0, 0.05),
        duration_s=float(rng.uniform(300, 900)),
    )
    form = number % _N_FORMS
    if form < 2:
        longest = int(rng.integers(10, 200))
        runs = replace(
            common,
            heart_rate_bpm=rng.uniform(45, 90),
            atrial_run_probability=rng.uniform(0.005, 0.1),
            atrial_run_beats=(3, longest),
            aberrancy=rng.choice((0.0, 0.3)),
        )
        return [runs]
    if form < 4:
        variability, breath_hz = rng.uniform(0.06, 0.2), rng.uniform(0.05, 0.1)
        return [replace(common, rr_variability=variability, respiration_hz=breath_hz)]
    in_between = replace(common, rhythm="af")
    if form == 5:
        common = replace(common, heart_rate_bpm=rng.uniform(55, 110))
        in_between = replace(common, heart_rate_bpm=common.heart_rate_bpm / 2)
    return [
        replace(
            in_between if place % 2 else common,
            duration_s=float(length_s),
            seed=common.seed + 10_000 * place,
        )
        for place, length_s in enumerate(rng.uniform(20, 180, 5))
    ]


def _settings(number: int, rng: np.random.Generator) -> SimulationSettings:
    pairs: tuple[tuple[Lead, ...], ...] = (("II", "V1"), ("II", "V5"), ("I", "V2"))
    return SimulationSettings(
        rhythm="af" if number % 2 else "sinus",
        leads=pairs[rng.integers(len(pairs))],
        duration_s=float(rng.choice((10.0, 30.0, 60.0))),
        sampling_rate_hz=250.0,
        heart_rate_bpm=rng.uniform(50, 140),
        pvc_probability=rng.uniform(0, 0.1),
        pac_probability=rng.uniform(0, 0.15),
        pr_ms=rng.uniform(120, 220),
        qrs_ms=rng.uniform(80, 120),
        rr_variability=rng.uniform(0.01, 0.06),
        baseline_wander_mv=rng.uniform(0.01, 0.1),
        muscle_mv=rng.uniform(0.005, 0.05),
        seed=number,
    )


def _inputs_of(waveform: Waveform, r_peaks: SampleIndices) -> BeatInputs:
    return build_beat_inputs(
        waveform.samples_mv, waveform.sampling_rate_hz, r_peaks, SIGNAL_TOOLS
    )


def _pieces_of(record: AnnotatedRecord, rng: np.random.Generator) -> Iterator[BeatSequence]:
    waveform = record.waveform
    rate_hz, n_samples = waveform.sampling_rate_hz, waveform.samples_mv.shape[1]
    reach = int(_JITTER_S * rate_hz)
    jitter = rng.integers(-reach, reach, len(record.labels), endpoint=True)
    jittered = np.maximum.accumulate(record.r_peak_indices + jitter)
    for piece_s in PIECES_S:
        width = int(piece_s * rate_hz)
        starts = np.arange(0, n_samples - width + 1, width)
        chosen = rng.choice(starts, min(_PIECES_A_RECORD, len(starts)), replace=False)
        for start in np.sort(chosen):
            beats = np.flatnonzero((jittered >= start) & (jittered < start + width))
            if not len(beats):
                continue
            piece_mv = np.ascontiguousarray(waveform.samples_mv[:, start : start + width])
            piece = Waveform(piece_mv, rate_hz, waveform.leads)
            inputs = _inputs_of(piece, jittered[beats] - start)
            yield BeatSequence(record.name, "piece", inputs, record.labels[beats])
