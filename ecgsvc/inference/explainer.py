"""Explanations of what the beat and the rhythm model answered."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from ecgsvc.domain.beats import ClassifiedBeats
from ecgsvc.domain.errors import ModelUnavailable
from ecgsvc.domain.explanation import Explanation
from ecgsvc.domain.measurements import Undetermined
from ecgsvc.domain.rhythm import RhythmWindow
from ecgsvc.domain.waveform import Waveform
from ecgsvc.inference.beat_explanation import BeatExplainer
from ecgsvc.inference.beat_features import SignalTools
from ecgsvc.inference.rhythm_explanation import RhythmExplainer
from ecgsvc.inference.sessions import Provider

_Some = TypeVar("_Some")

_NO_GRAPH = "the model has no explanation graph"


class Explainer:
    """Says what the models looked at; one instance serves any number of threads."""

    def __init__(self, beats: BeatExplainer | None, rhythm: RhythmExplainer | None) -> None:
        self._beats, self._rhythm = beats, rhythm

    @classmethod
    def load(
        cls,
        beat_model: Path,
        rhythm_model: Path,
        tools: SignalTools,
        *,
        provider: Provider = "auto",
    ) -> "Explainer":
        """Take the explanation graphs of two model folders, as far as they have any.

        Raises
        ------
        ModelUnavailable
            A folder is incomplete or altered.
        """
        return cls(
            BeatExplainer.load(beat_model, tools, provider=provider),
            RhythmExplainer.load(rhythm_model, tools, provider=provider),
        )

    def explain(
        self, waveform: Waveform, beats: ClassifiedBeats, windows: Sequence[RhythmWindow]
    ) -> Explanation:
        """Explain beats and windows of a recording; what fails is missing, with the reason.

        Parameters
        ----------
        waveform
            What the models were given: the usable leads.
        beats, windows
            What they answered.
        """
        missing: list[Undetermined] = []

        def tried(name: str, explain: Callable[[], tuple[_Some, ...]]) -> tuple[_Some, ...]:
            try:
                return explain()
            except ModelUnavailable as error:
                missing.append(Undetermined(f"explanation.{name}", error.message))
                return ()

        return Explanation(
            tried("beats", lambda: _of(self._beats).explain(waveform, beats)),
            tried(
                "rhythm",
                lambda: _of(self._rhythm).explain(waveform, beats, windows),
            ),
            tuple(missing),
        )


def _of(explainer: _Some | None) -> _Some:
    if explainer is None:
        raise ModelUnavailable(_NO_GRAPH)
    return explainer
