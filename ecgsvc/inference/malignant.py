"""Ventricular fibrillation, flutter and tachycardia, asystole and loose electrodes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from ecgsvc.domain.analysis import ModelIdentity
from ecgsvc.domain.quality import SignalQuality
from ecgsvc.domain.rhythm import MalignantCall
from ecgsvc.domain.waveform import Lead, SampleIndices, Waveform
from ecgsvc.inference.beat_features import SignalTools
from ecgsvc.inference.beats import LEAD_PREFERENCE
from ecgsvc.inference.malignant_decision import (
    LABELS,
    malignant_call,
    malignant_probabilities,
    over_leads,
)
from ecgsvc.inference.malignant_features import FEATURE_NAMES, RATE_HZ, WINDOW_SAMPLES
from ecgsvc.inference.malignant_inputs import (
    MalignantInputs,
    build_malignant_inputs,
    window_bounds,
)
from ecgsvc.inference.model_card import ModelCard
from ecgsvc.inference.sessions import Provider, open_model, run_model
from ecgsvc.inference.still_heart import asystoles, leads_off

MAX_LEADS = 4
"""More say little more and cost as much each."""
_BATCH = 128
_SHORT = 32  # windows


class MalignantRhythmDetector:
    """Malignant rhythm of a recording; one instance serves any number of threads."""

    def __init__(
        self, session: ort.InferenceSession, card: ModelCard, tools: SignalTools
    ) -> None:
        self._session = session
        self._card = card
        self._tools = tools

    @classmethod
    def load(
        cls,
        folder: Path,
        tools: SignalTools,
        *,
        provider: Provider = "auto",
        intra_op_threads: int = 1,
    ) -> "MalignantRhythmDetector":
        """Load a model folder; errors as those of `open_model`."""
        session, card = open_model(folder, _fits, provider, intra_op_threads)
        return cls(session, card, tools)

    @property
    def identity(self) -> ModelIdentity:
        """Name, version and SHA-256 of the model."""
        return self._card.identity

    @property
    def card(self) -> ModelCard:
        """The model's card."""
        return self._card

    def detect(
        self, waveform: Waveform, r_peak_indices: SampleIndices, quality: SignalQuality
    ) -> MalignantCall:
        """Give an answer for every window of 10 s, one every 5 s.

        Parameters
        ----------
        waveform
            The recording, unfiltered, all leads.
        r_peak_indices
            Shape (n_beats,), strictly increasing, at the recording's own rate.
        quality
            What `dsp.assess_quality` said of the same recording.

        Notes
        -----
        VF and VT come of the network, from up to four leads together, and need two
        overlapping windows in a row. Asystole and lead-off come of rules (`still_heart`);
        the network's VF and VT come before asystole. A recording shorter than 5 s has no
        window.
        """
        bounds = window_bounds(waveform.n_samples, waveform.sampling_rate_hz)
        if not len(bounds):
            return MalignantCall(())
        off = leads_off(waveform, bounds)
        probabilities = self.probabilities(waveform, r_peak_indices, off)
        return malignant_call(
            bounds,
            probabilities,
            self._card.thresholds["malignant"],
            still=asystoles(waveform, bounds, r_peak_indices, quality),
            off=np.logical_and.reduce(off, axis=0),
        )

    def probabilities(
        self,
        waveform: Waveform,
        r_peak_indices: SampleIndices,
        off: NDArray[np.bool_],
    ) -> NDArray[np.float64]:
        """Calibrated probabilities of VF, VT and other rhythm in every window.

        Parameters
        ----------
        waveform, r_peak_indices
            As for `detect`.
        off
            Shape (n_leads, n_windows): where a lead must not be read.

        Returns
        -------
        numpy.ndarray
            Shape (n_windows, 3), NaN where no lead can be read.
        """
        rows = [waveform.leads.index(lead) for lead in chosen_leads(waveform.leads, off)]
        # Leads of a short recording together; of a long one each alone, for memory's sake.
        at_once = len(rows) if off.shape[1] <= _SHORT else 1
        logits, readable = [], []
        for first in range(0, len(rows), at_once):
            inputs = build_malignant_inputs(
                waveform.samples_mv[rows[first : first + at_once]],
                waveform.sampling_rate_hz, r_peak_indices, self._tools,
            )  # fmt: skip
            logits.append(self._run(inputs))
            readable.append(inputs.readable)
        n_windows = off.shape[1]
        together = over_leads(
            np.concatenate(logits).reshape(len(rows), n_windows, len(LABELS)),
            np.concatenate(readable).reshape(len(rows), n_windows) & ~off[rows],
        )
        return malignant_probabilities(together, self._card.temperature)

    def _run(self, inputs: MalignantInputs) -> NDArray[np.float32]:
        out = np.zeros((len(inputs.readable), len(LABELS)), np.float32)
        for start in range(0, len(out), _BATCH):
            part = slice(start, start + _BATCH)
            feed = {"windows": inputs.windows[part], "features": inputs.features[part]}
            (out[part],) = run_model(self._session, self.identity.name, ["logits"], feed)
        return out


def chosen_leads(leads: Sequence[Lead], off: NDArray[np.bool_]) -> tuple[Lead, ...]:
    """The leads to read, at most four: those connected longest, then by preference.

    Parameters
    ----------
    leads
        Names of the recording's leads.
    off
        Shape (n_leads, n_windows): where each is not connected.
    """
    rank = {name.casefold(): place for place, name in enumerate(LEAD_PREFERENCE)}
    windows_off = dict(zip(leads, off.sum(axis=1).tolist(), strict=True))
    return tuple(
        sorted(leads, key=lambda x: (windows_off[x], rank.get(x.casefold(), len(rank))))
    )[:MAX_LEADS]


def _fits(card: ModelCard) -> bool:
    """Tell whether the model takes what `build_malignant_inputs` makes."""
    return (
        card.task == "malignant"
        and card.labels == LABELS
        and card.leads == ("any",)
        and card.sampling_rate_hz == RATE_HZ
        and card.window_samples == WINDOW_SAMPLES
        and card.features == FEATURE_NAMES
        and "malignant" in card.thresholds
    )
