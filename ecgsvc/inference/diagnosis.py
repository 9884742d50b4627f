"""Diagnoses of a recording of one to twelve leads by the shipped model."""

from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from ecgsvc.domain.diagnosis import (
    SUPERCLASS_WORDS,
    SUPERCLASSES,
    DiagnosisCall,
    LabelCall,
)
from ecgsvc.domain.model_identity import ModelIdentity
from ecgsvc.domain.waveform import Sex, Waveform
from ecgsvc.inference.beat_features import SignalTools
from ecgsvc.inference.diagnosis_features import DIAGNOSIS_FEATURES
from ecgsvc.inference.diagnosis_inputs import (
    DIAGNOSIS_LEADS,
    DIAGNOSIS_RATE_HZ,
    DIAGNOSIS_WINDOW_SAMPLES,
    LEAD_FEATURES,
    LEAST_SAMPLES,
    PERSON_FEATURES,
    DiagnosisInputs,
    build_diagnosis_inputs,
    filter_leads,
)
from ecgsvc.inference.model_card import ModelCard
from ecgsvc.inference.sessions import Provider, open_model, run_model
from ecgsvc.inference.signal_form import FORM_FEATURES

OUTPUTS = ("logits", "outlier")
INPUT_FEATURES = (
    *LEAD_FEATURES, *PERSON_FEATURES, *FORM_FEATURES, *DIAGNOSIS_FEATURES,
)  # fmt: skip
ADULT_YEARS = 18.0
"""The training recordings are of adults, but for a few."""
THRESHOLD_KINDS = ("call", "present", "absent")


def threshold_name(kind: str, label: str) -> str:
    """Name of a label's constant in the card.

    ``call``: from which probability on the label is called; ``present`` and ``absent``: at
    least and at most which probability leaves that possible.
    """
    plain = "".join(c if c.isalnum() else "_" for c in label.lower())
    return f"{kind}_{plain}"


class DiagnosisReader:
    """Superclasses and statements; one instance serves any number of threads."""

    def __init__(
        self, session: ort.InferenceSession, card: ModelCard, tools: SignalTools
    ) -> None:
        self._session = session
        self._card = card
        self._tools = tools
        self._thresholds = {
            kind: np.array(
                [card.thresholds[threshold_name(kind, label)] for label in card.labels]
            )
            for kind in THRESHOLD_KINDS
        }

    @classmethod
    def load(
        cls,
        folder: Path,
        tools: SignalTools,
        *,
        provider: Provider = "auto",
        intra_op_threads: int = 1,
    ) -> "DiagnosisReader":
        """Load a model folder; errors as those of `open_model`."""
        session, card = open_model(folder, _fits, provider, intra_op_threads)
        return cls(session, card, tools)

    @property
    def identity(self) -> ModelIdentity:
        """Name, version and SHA-256 of the model."""
        return self._card.identity

    @property
    def card(self) -> ModelCard:
        """What is known of the model."""
        return self._card

    def read(
        self, waveform: Waveform, age_years: float | None, sex: Sex | None
    ) -> DiagnosisCall:
        """Diagnose a recording.

        Parameters
        ----------
        waveform
            The leads that may be relied upon, unfiltered; those that are no standard lead
            are not read. Up to 10 s are read at once; of longer recordings at most twelve
            pieces of 10 s, evenly spread, whose logits are averaged.
        age_years, sex
            None where not known.
        """
        standard = [lead for lead in waveform.leads if lead in DIAGNOSIS_LEADS]
        if not standard:
            return self._silent("no standard lead can be relied upon")
        leads_mv = filter_leads(waveform.select(standard), self._tools)
        inputs = build_diagnosis_inputs(leads_mv, age_years, sex)
        if inputs is None:
            least_s = LEAST_SAMPLES / DIAGNOSIS_RATE_HZ
            return self._silent(f"the recording is shorter than {least_s:g} s")
        n_shown = int(inputs.leads[..., 0].max(axis=0).sum())
        if not n_shown:
            return self._silent("the signal is flat")
        logits, outlier = self.outputs(inputs)
        calls = self._calls(self.probabilities(logits.mean(axis=0)))
        foreign = outlier.mean() > self._card.thresholds["outlier"]
        return DiagnosisCall(
            self.identity,
            {each: calls[each] for each in SUPERCLASSES},
            {code: call for code, call in calls.items() if code not in SUPERCLASS_WORDS},
            "the signal is unlike the electrocardiograms the network learned from"
            if foreign
            else "",
            tuple(_reservations(n_shown, age_years, sex)),
        )

    def outputs(
        self, inputs: DiagnosisInputs
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits (n, labels) and outlier scores (n,) of prepared windows."""
        feed = {
            "signal": inputs.signal, "leads": inputs.leads, "person": inputs.person,
            "form": inputs.form, "features": inputs.features,
        }  # fmt: skip
        logits, outlier = run_model(self._session, self.identity.name, OUTPUTS, feed)
        return logits, outlier

    def probabilities(self, logits: NDArray[np.floating]) -> NDArray[np.float64]:
        """Calibrated: the sigmoid of ``logits / temperature + offsets``, label by label."""
        scaled = logits.astype(np.float64) / self._card.temperature
        score = scaled + np.asarray(self._card.logit_offsets)
        probabilities: NDArray[np.float64] = 1 / (1 + np.exp(-score))
        return probabilities

    def _calls(self, probabilities: NDArray[np.float64]) -> dict[str, LabelCall]:
        limits = self._thresholds
        rows = zip(
            self._card.labels,
            probabilities.tolist(),
            limits["call"].tolist(),
            (probabilities >= limits["present"]).tolist(),
            (probabilities <= limits["absent"]).tolist(),
            strict=True,
        )
        return {label: LabelCall(*row) for label, *row in rows}

    def _silent(self, reason: str) -> DiagnosisCall:
        return DiagnosisCall(self.identity, reason=reason)


def _reservations(n_leads: int, age_years: float | None, sex: Sex | None) -> list[str]:
    said = []
    if n_leads < len(DIAGNOSIS_LEADS):
        said.append(f"only {n_leads} of 12 leads could be read")
    if age_years is None:
        said.append("the age is not known")
    elif age_years < ADULT_YEARS:
        said.append("the network learned from adults")
    if sex is None:
        said.append("the sex is not known")
    return said


def _fits(card: ModelCard) -> bool:
    """Tell whether the model takes what `build_diagnosis_inputs` makes."""
    needed = {
        threshold_name(kind, label) for kind in THRESHOLD_KINDS for label in card.labels
    }
    return (
        card.task == "diagnosis"
        and card.labels[: len(SUPERCLASSES)] == SUPERCLASSES
        and card.leads == DIAGNOSIS_LEADS
        and card.sampling_rate_hz == DIAGNOSIS_RATE_HZ
        and card.window_samples == DIAGNOSIS_WINDOW_SAMPLES
        and card.features == INPUT_FEATURES
        and needed | {"outlier"} <= card.thresholds.keys()
    )
