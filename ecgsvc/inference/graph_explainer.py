"""What all explainers have: a model's explanation graph, and how it is found."""

from pathlib import Path
from typing import Self

from ecgsvc.inference.beat_features import SignalTools
from ecgsvc.inference.grad_cam import ExplanationGraph
from ecgsvc.inference.sessions import Provider


class GraphExplainer:
    """Explains answers of one model; one instance serves any number of threads."""

    def __init__(self, graph: ExplanationGraph, tools: SignalTools) -> None:
        self._graph, self._tools = graph, tools

    @classmethod
    def load(
        cls, folder: Path, tools: SignalTools, *, provider: Provider = "auto"
    ) -> Self | None:
        """The explainer of a model's folder; None when it ships no graph for it.

        Raises
        ------
        ModelUnavailable
            The folder is incomplete or altered.
        """
        graph = ExplanationGraph.of_model(folder, provider)
        return None if graph is None else cls(graph, tools)
