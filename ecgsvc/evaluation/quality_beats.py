"""What the index of a beat is worth in noise: the precision of the beats it calls sure."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ecgsvc import dsp
from ecgsvc.convert import read_wfdb
from ecgsvc.domain.waveform import Waveform
from ecgsvc.evaluation.beat_matching import match_beats, match_window_samples
from ecgsvc.evaluation.figures import Figures, Row, pooled_share
from ecgsvc.evaluation.noise import Noise, add_noise, is_noisy
from ecgsvc.evaluation.noise_stress import EM_RECORDS
from ecgsvc.evaluation.noise_table import NOISE_HEADINGS
from ecgsvc.evaluation.references import (
    Detect,
    OnRecord,
    ReferenceBeats,
    find_records,
    read_reference_beats,
)

SURE_BEAT = 0.5
LEVELS_DB = (24.0, 12.0, 6.0, 0.0, -6.0)
RECORDS = (
    "100", "104", "108", "113", "117", "118", "119",
    "122", "201", "207", "212", "217", "222", "231",
)  # fmt: skip
"""Every fourth of MIT-BIH, 118 and 119, as in the comparison of detectors in noise."""


def sure_beats(
    directory: Path,
    noises: Mapping[str, Noise],
    detect: Detect,
    *,
    on_record: OnRecord,
) -> Figures:
    """Count the beats found in noise, all of them and those with a high index.

    Noise as `add_noise` mixes it, electrode motion into 118 and 119 only; only the minutes
    with noise count.
    """
    paths = find_records(directory, "atr", RECORDS)
    counts: dict[tuple[str, float], list[tuple[int, ...]]] = {}
    for n_done, path in enumerate(paths, start=1):
        waveform = read_wfdb(path).waveform
        reference = read_reference_beats(path, "atr")
        chosen = [n for n in noises.values() if n.name != "em" or path.name in EM_RECORDS]
        for noise in chosen:
            for snr_db in LEVELS_DB:
                noisy = add_noise(waveform, reference, noise, snr_db, record=path.name)
                found = _count(noisy, reference, detect)
                counts.setdefault((noise.name, snr_db), []).append(found)
        on_record(path.name, n_done, len(paths))
    rows: list[Row] = []
    for (noise_name, snr_db), per_record in sorted(counts.items(), key=_by_noise_and_level):
        n_found, n_true, n_sure, n_sure_true = np.array(per_record).T
        rows.append(
            {
                "Noise": NOISE_HEADINGS[noise_name],
                "SNR dB": f"{snr_db:g}",
                "Records": len(per_record),
                "Beats found": int(n_found.sum()),
                "+P": pooled_share(n_true, n_found),
                "Sure": pooled_share(n_sure, n_found),
                "+P of the sure": pooled_share(n_sure_true, n_sure),
            }
        )
    return Figures(
        "Beats found in the minutes with noise",
        tuple(rows),
        f"Sure: index of {SURE_BEAT:g} or more.",
    )


def _count(noisy: Waveform, reference: ReferenceBeats, detect: Detect) -> tuple[int, ...]:
    """How many beats are found, how many of them are true, sure, and both."""
    rate_hz = noisy.sampling_rate_hz
    r_peaks = detect(noisy)
    is_sure = dsp.beat_quality(noisy, r_peaks, dsp.assess_quality(noisy)) >= SURE_BEAT
    is_true = np.zeros(len(r_peaks), dtype=bool)
    window = match_window_samples(rate_hz)
    is_true[match_beats(reference.sample_indices, r_peaks, window).detected] = True
    counts = is_noisy(noisy.n_samples, rate_hz)[r_peaks] & ~reference.in_flutter(r_peaks)
    return tuple(
        int(np.count_nonzero(counts & chosen))
        for chosen in (np.ones_like(is_true), is_true, is_sure, is_sure & is_true)
    )


def _by_noise_and_level(
    item: tuple[tuple[str, float], list[tuple[int, ...]]],
) -> tuple[str, float]:
    (noise, snr_db), _ = item
    return noise, -snr_db
