"""Which episodes share samples with others."""

from collections.abc import Sequence

import numpy as np

from ecgsvc.domain.rhythm import RhythmEpisode


def overlapping(
    episodes: Sequence[RhythmEpisode], others: Sequence[RhythmEpisode]
) -> list[bool]:
    """Tell of each episode whether any of the others shares a sample with it.

    Those that begin before its end must not all have ended before its onset: one search an
    episode, however many there are of a Holter.
    """
    if not others:
        return [False] * len(episodes)
    spans = np.array(sorted((o.onset_index, o.end_index) for o in others))
    last_end = np.maximum.accumulate(spans[:, 1])
    n_before = np.searchsorted(spans[:, 0], [e.end_index for e in episodes])
    return [
        bool(n and last_end[n - 1] > episode.onset_index)
        for n, episode in zip(n_before.tolist(), episodes, strict=True)
    ]
