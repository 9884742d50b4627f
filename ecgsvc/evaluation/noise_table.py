"""Results of the noise stress test as a person reads them."""

import math

from rich.table import Table

from ecgsvc.evaluation.noise_stress import NoiseStressResults
from ecgsvc.evaluation.tables import percent

NOISE_HEADINGS = {"bw": "baseline wander", "em": "electrode motion", "ma": "muscle"}


def noise_table(results: NoiseStressResults) -> Table:
    """One row a noise and level, two columns a detector."""
    gross = results.gross
    detectors = list(dict.fromkeys(detector for _, _, detector in gross))
    noises = list(dict.fromkeys(noise for noise, _, _ in gross))
    table = Table(
        title="R peaks under noise, ANSI/AAMI EC57, scored from 300 s on",
        caption="Records: "
        + ", ".join(f"{NOISE_HEADINGS[n]} {results.n_records(n)}" for n in noises)
        + ".",
    )
    table.add_column("Noise")
    table.add_column("SNR dB", justify="right")
    for detector in detectors:
        table.add_column(f"{detector} Se %", justify="right")
        table.add_column("+P %", justify="right")
    for noise, snr_db in dict.fromkeys((noise, snr_db) for noise, snr_db, _ in gross):
        counts = [gross[noise, snr_db, detector] for detector in detectors]
        table.add_row(
            NOISE_HEADINGS[noise],
            f"{snr_db:g}" if math.isfinite(snr_db) else "clean",
            *(
                percent(figure)
                for c in counts
                for figure in (c.sensitivity, c.positive_predictivity)
            ),
            end_section=snr_db == min(db for n, db, _ in gross if n == noise),
        )
    return table
