"""Windows that the network of malignant rhythm learns from, and how often it sees each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ecgsvc import dsp
from ecgsvc.convert import read_wfdb
from ecgsvc.domain.waveform import SampleIndices
from ecgsvc.evaluation.malignant_references import (
    MALIGNANT,
    RHYTHMS,
    AnnotatedRhythm,
    RhythmReference,
    read_rhythm_reference,
    window_labels,
)
from ecgsvc.evaluation.references import find_records
from ecgsvc.inference.malignant import chosen_leads
from ecgsvc.inference.malignant_inputs import (
    MalignantInputs,
    build_malignant_inputs,
    window_bounds,
)
from ecgsvc.inference.still_heart import asystoles, leads_off
from ecgsvc.signal_path import find_r_peaks
from ecgsvc.training.datasets import SIGNAL_TOOLS
from ecgsvc.training.window_fit import DrawEpoch, WindowSet

VFDB, MITDB, SVDB, CINC = "vfdb", "mitdb", "svdb", "cinc2017"

_OTHER = len(MALIGNANT)
_SHARES = MappingProxyType(
    {
        (VFDB, AnnotatedRhythm.VF): 0.22,
        (VFDB, AnnotatedRhythm.VT): 0.28,
        (VFDB, AnnotatedRhythm.OTHER): 0.20,
        (VFDB, AnnotatedRhythm.NOISE): 0.05,
        (VFDB, AnnotatedRhythm.ECTOPY): 0.03,
        (VFDB, AnnotatedRhythm.ASYSTOLE): 0.02,
        (MITDB, AnnotatedRhythm.OTHER): 0.08,
        (SVDB, AnnotatedRhythm.OTHER): 0.06,
        (CINC, AnnotatedRhythm.OTHER): 0.06,
    }
)
"""What an epoch is made of. Noise, ectopy and asystole are little: their marks are coarse,
and stretches so marked hold malignant rhythm as well."""


@dataclass(frozen=True, slots=True, eq=False)
class RecordWindows:
    """The windows of one record.

    Parameters
    ----------
    name, database
        Where it is from.
    sampling_rate_hz
        Of the record.
    bounds
        Shape (n_windows, 2), samples of the record.
    reference
        The annotated rhythm.
    leads
        Model input of each lead, where it is connected.
    still, off
        Shape (n_windows,): what the rules say.
    """

    name: str
    database: str
    sampling_rate_hz: float
    bounds: SampleIndices
    reference: RhythmReference
    leads: tuple[MalignantInputs, ...]
    still: NDArray[np.bool_]
    off: NDArray[np.bool_]


def read_record_windows(path: Path, database: str) -> RecordWindows:
    """Read a record and prepare its windows as the service does.

    Recordings of CinC 2017 have no marks and hold no malignant rhythm.
    """
    waveform = read_wfdb(path).waveform
    rate_hz = waveform.sampling_rate_hz
    quality = dsp.assess_quality(waveform)
    r_peaks = find_r_peaks(waveform, quality)
    bounds = window_bounds(waveform.n_samples, rate_hz)
    off = leads_off(waveform, bounds)
    nothing = RhythmReference(
        np.zeros(1, np.int64),
        np.array([RHYTHMS.index(AnnotatedRhythm.OTHER)]),
        waveform.n_samples,
    )
    return RecordWindows(
        path.name,
        database,
        rate_hz,
        bounds,
        nothing
        if database == CINC
        else read_rhythm_reference(path, "atr", waveform.n_samples),
        tuple(
            build_malignant_inputs(
                waveform.lead_mv(lead)[np.newaxis], rate_hz, r_peaks, SIGNAL_TOOLS
            )
            for lead in chosen_leads(waveform.leads, off)
        ),
        asystoles(waveform, bounds, r_peaks, quality),
        np.logical_and.reduce(off, axis=0),
    )


def record_paths(
    data_dir: Path, database: str, names: Sequence[str] | None = None
) -> tuple[Path, ...]:
    """Records of a database in its folder of `data_dir`; `UnreadableRecording` if none.

    Of CinC 2017 every third: there are many, and each is of a patient of its own.
    """
    folder = data_dir / database
    if database == CINC:
        return find_records(folder, "hea")[::3]
    return find_records(folder, "atr", names)


@dataclass(frozen=True, slots=True, eq=False)
class TrainingWindows:
    """Windows of one rhythm of many records, lead by lead, and who they are of."""

    windows: WindowSet
    records: NDArray[np.str_]
    kinds: NDArray[np.int64]


def training_windows(records: Iterable[RecordWindows]) -> TrainingWindows:
    """Gather what is learned from: windows of a single rhythm in leads that can be read."""
    waves, features, rhythms, names, kinds = [], [], [], [], []
    order = list(_SHARES)
    for record in records:
        labels, pure = window_labels(record.reference, record.bounds)
        sampled = [
            order.index((record.database, RHYTHMS[label]))
            if (record.database, RHYTHMS[label]) in _SHARES
            else -1
            for label in labels
        ]
        for inputs in record.leads:
            kept = pure & inputs.readable & (np.array(sampled) >= 0)
            waves.append(inputs.windows[kept, 0].astype(np.float16))
            features.append(inputs.features[kept])
            rhythms.append(np.minimum(labels[kept], _OTHER))
            names.append(np.full(kept.sum(), record.name))
            kinds.append(np.array(sampled)[kept])
    labels = np.concatenate(rhythms)
    return TrainingWindows(
        WindowSet(
            np.concatenate(waves),
            np.concatenate(features),
            labels,
            np.ones(len(labels), np.float32),
        ),
        np.concatenate(names),
        np.concatenate(kinds),
    )


def draw_balanced(training: TrainingWindows, n_windows: int) -> DrawEpoch:
    """Draw an epoch in the shares of `_SHARES`, with replacement.

    Within one kind a record counts by the root of its number of windows: those of one
    heart resemble each other.
    """
    chances = np.zeros(len(training.kinds))
    for kind, share in enumerate(_SHARES.values()):
        of_kind = training.kinds == kind
        if not of_kind.any():
            continue
        _, which, counts = np.unique(
            training.records[of_kind], return_inverse=True, return_counts=True
        )
        weight = counts[which] ** -0.5
        chances[of_kind] = share * weight / weight.sum()
    chances /= chances.sum()

    def draw(rng: np.random.Generator) -> NDArray[np.int64]:
        drawn: NDArray[np.int64] = rng.choice(len(chances), n_windows, p=chances)
        return drawn

    return draw
