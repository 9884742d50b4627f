"""Beat classes by the shipped neural network."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from ecgsvc.domain.analysis import ModelIdentity
from ecgsvc.domain.beats import BEAT_CLASSES, BeatClass, ClassifiedBeats
from ecgsvc.domain.waveform import Lead, SampleIndices, Waveform
from ecgsvc.inference.beat_chunks import chunked_logits
from ecgsvc.inference.beat_decision import beat_probabilities
from ecgsvc.inference.beat_features import (
    FEATURE_NAMES,
    MAX_LEADS,
    MODEL_RATE_HZ,
    WINDOW_SAMPLES,
    BeatInputs,
    SignalTools,
    build_beat_inputs,
)
from ecgsvc.inference.model_card import ModelCard
from ecgsvc.inference.sessions import Provider, open_model, run_model

LEAD_PREFERENCE: tuple[Lead, ...] = (
    "II", "MLII", "I", "V5", "V6", "V4", "aVF", "V1", "V2", "V3", "aVL", "aVR", "III",
)  # fmt: skip

_THRESHOLDS = ("max_irregularity", "kind_weight", "least_probability")

SECOND_LEAD_PREFERENCE: tuple[Lead, ...] = ("V1", "V2", "V5", "V3", "V4", "V6")


def choose_lead(leads: Sequence[Lead], usable: Sequence[Lead]) -> Lead | None:
    """Choose the lead a recording is read on where one must do.

    The first of `LEAD_PREFERENCE` that is usable, compared without regard to case: lead II
    (MLII on a Holter) has upright P waves and QRS complexes in most hearts, which both
    ectopic classes are told by. Otherwise the first usable lead of any other name, in the
    recording's order. None when no lead is usable.
    """
    candidates = {lead.casefold(): lead for lead in reversed(leads) if lead in usable}
    for preferred in LEAD_PREFERENCE:
        if preferred.casefold() in candidates:
            return candidates[preferred.casefold()]
    return next((lead for lead in leads if lead in usable), None)


def choose_leads(leads: Sequence[Lead], usable: Sequence[Lead]) -> tuple[Lead, ...]:
    """Choose up to two leads beats are classified on, the first by `choose_lead`.

    The second is the first usable of `SECOND_LEAD_PREFERENCE`, leads that look at the heart
    from the side the first does not; otherwise the first usable lead of any other name.
    """
    first = choose_lead(leads, usable)
    if first is None:
        return ()
    others = [lead for lead in leads if lead in usable and lead != first]
    by_name = {lead.casefold(): lead for lead in reversed(others)}
    for preferred in SECOND_LEAD_PREFERENCE:
        if preferred.casefold() in by_name:
            return first, by_name[preferred.casefold()]
    return (first, *others[:1])


def leads_read(waveform: Waveform) -> tuple[Lead, ...]:
    """Leads beats are classified on: up to two of those that are there and move."""
    return choose_leads(waveform.leads, _present_leads(waveform))


class BeatClassifier:
    """The beat classes of a recording; one instance serves any number of threads."""

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
    ) -> "BeatClassifier":
        """Load a model folder; errors as those of `open_model`."""
        session, card = open_model(folder, _fits, provider, intra_op_threads)
        return cls(session, card, tools)

    @property
    def identity(self) -> ModelIdentity:
        """Name, version and SHA-256 of the model."""
        return self._card.identity

    def classify(
        self, waveform: Waveform, r_peak_indices: SampleIndices
    ) -> ClassifiedBeats:
        """Classify every beat of a recording.

        Parameters
        ----------
        waveform
            The recording, unfiltered.
        r_peak_indices
            Shape (n_beats,), strictly increasing, at the recording's own rate.

        Notes
        -----
        A beat of which most samples are missing is Q (unclassifiable) with probability 1,
        and so are all beats when every lead is flat or mostly missing. A beat's class
        depends on the other beats of the recording: rhythm and dominant shape are taken
        from all of it.
        """
        leads = leads_read(waveform)
        n_beats = len(r_peak_indices)
        if not leads or not n_beats:
            return ClassifiedBeats(r_peak_indices, _all_q(n_beats))
        inputs = build_beat_inputs(
            np.stack([waveform.lead_mv(lead) for lead in leads]),
            waveform.sampling_rate_hz,
            r_peak_indices,
            self._tools,
        )
        return ClassifiedBeats(
            r_peak_indices,
            self.probabilities(inputs),
            self._card.thresholds["least_probability"],
        )

    def probabilities(self, inputs: BeatInputs) -> NDArray[np.float32]:
        """Probabilities of `BEAT_CLASSES` for prepared beats, shape (n_beats, 5)."""
        out = _all_q(len(inputs.readable))
        if not inputs.readable.any():
            return out
        probabilities = beat_probabilities(
            chunked_logits(inputs, self._run),
            inputs.rhythm,
            inputs.kinds,
            temperature=self._card.temperature,
            logit_offsets=self._card.logit_offsets,
            max_irregularity=self._card.thresholds["max_irregularity"],
            kind_weight=self._card.thresholds["kind_weight"],
        )
        out[inputs.readable] = probabilities[inputs.readable]
        return out

    def _run(
        self,
        windows: NDArray[np.float32],
        shapes: NDArray[np.float32],
        rhythm: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        feed = {"windows": windows, "shapes": shapes, "rhythm": rhythm}
        (logits,) = run_model(self._session, self.identity.name, ["logits"], feed)
        answers: NDArray[np.float32] = logits
        return answers


def _fits(card: ModelCard) -> bool:
    """Tell whether the model takes what `build_beat_inputs` makes."""
    return (
        card.task == "beats"
        and card.labels == BEAT_CLASSES
        and card.leads == ("any",) * MAX_LEADS
        and card.sampling_rate_hz == MODEL_RATE_HZ
        and card.window_samples == WINDOW_SAMPLES
        and card.features == FEATURE_NAMES
        and set(_THRESHOLDS) <= card.thresholds.keys()
    )


def _present_leads(waveform: Waveform) -> tuple[Lead, ...]:
    """Leads with at least half of their samples and some movement in them."""
    usable = []
    for lead, row in zip(waveform.leads, waveform.samples_mv, strict=True):
        there = np.isfinite(row)
        known = row if there.all() else row[there]
        if 2 * len(known) >= len(row) and len(known) and known.max() > known.min():
            usable.append(lead)
    return tuple(usable)


def _all_q(n_beats: int) -> NDArray[np.float32]:
    probabilities = np.zeros((n_beats, len(BEAT_CLASSES)), np.float32)
    probabilities[:, BEAT_CLASSES.index(BeatClass.Q)] = 1
    return probabilities
