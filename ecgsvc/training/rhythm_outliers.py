"""How far signals that are no electrocardiogram lie from the training recordings."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ecgsvc import dsp
from ecgsvc.domain.waveform import Waveform
from ecgsvc.evaluation.foreign_signals import FOREIGN_SIGNALS, auroc, foreign_signals
from ecgsvc.evaluation.rhythm import SCORED
from ecgsvc.inference.rhythm_inputs import build_rhythm_inputs, filter_lead, pieces_of
from ecgsvc.training.datasets import SIGNAL_TOOLS
from ecgsvc.training.rhythm_decision import RhythmLogits
from ecgsvc.training.rhythm_ensemble import RhythmMember
from ecgsvc.training.rhythm_recordings import ClassifyBeats

N_EACH = 40


def outlier_figures(
    members: Sequence[RhythmMember],
    held_out: RhythmLogits,
    limit: float,
    classify_beats: ClassifyBeats,
    seed: int,
) -> dict[str, list[float]]:
    """AUROC, and share above the limit, of each kind of foreign signal.

    Against the readable recordings that no member saw, each scored by one member;
    foreign signals are scored by every member.
    """
    inside = held_out.outlier[np.isin(held_out.labels, SCORED)]
    figures = {}
    for kind in FOREIGN_SIGNALS:
        windows, features = _inputs(foreign_signals(kind, N_EACH, seed), classify_beats)
        with torch.no_grad():
            outside = np.concatenate(
                [member(windows, features)[2].numpy() for member in members]
            ).astype(np.float64)
        figures[kind.replace(" ", "_")] = [
            round(auroc(inside, outside), 4),
            round(float((outside > limit).mean()), 4),
        ]
    return figures


def _inputs(
    waveforms: Sequence[Waveform], classify_beats: ClassifyBeats
) -> tuple[torch.Tensor, torch.Tensor]:
    windows: list[NDArray[np.float32]] = []
    features: list[NDArray[np.float32]] = []
    for waveform in waveforms:
        rate_hz = waveform.sampling_rate_hz
        signal = filter_lead(waveform.samples_mv[0], rate_hz, SIGNAL_TOOLS)
        if signal is None:
            continue
        r_peaks = dsp.detect_r_peaks(waveform.samples_mv, rate_hz)
        pieces_s = pieces_of(waveform.duration_s)
        beats = classify_beats(waveform, r_peaks)
        inputs = build_rhythm_inputs(signal, beats, rate_hz, pieces_s)
        windows.append(inputs.windows)
        features.append(inputs.features)
    return torch.from_numpy(np.concatenate(windows)), torch.from_numpy(
        np.concatenate(features)
    )
