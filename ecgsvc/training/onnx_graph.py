"""Looking at an ONNX graph and at parts of it: who makes what, who depends on whom."""

from collections.abc import Callable, Iterable, Sequence

from onnx import GraphProto, NodeProto, TensorProto


class Graph:
    """A graph with its nodes by what they make and by what they take.

    Nodes are known by their place in `nodes`, which is an order of execution.
    """

    def __init__(self, graph: GraphProto) -> None:
        self.nodes: list[NodeProto] = list(graph.node)
        self.inputs: tuple[str, ...] = tuple(each.name for each in graph.input)
        self.initializers = {each.name: each for each in graph.initializer}
        self._maker = {
            name: place for place, node in enumerate(self.nodes) for name in node.output
        }
        self._takers: dict[str, list[int]] = {}
        for place, node in enumerate(self.nodes):
            for name in dict.fromkeys(node.input):
                self._takers.setdefault(name, []).append(place)

    def maker(self, tensor: str) -> NodeProto | None:
        """The node that makes a tensor; None of an input or a constant of the graph."""
        place = self._maker.get(tensor)
        return None if place is None else self.nodes[place]

    def takers(self, tensor: str) -> list[NodeProto]:
        """The nodes that take a tensor."""
        return [self.nodes[place] for place in self._takers.get(tensor, ())]

    def constant(self, tensor: str) -> TensorProto:
        """An initializer by its name, or by another name it was given."""
        while (node := self.maker(tensor)) is not None and node.op_type == "Identity":
            tensor = node.input[0]
        return self.initializers[tensor]

    def behind(self, tensors: Iterable[str]) -> set[str]:
        """All tensors that some tensors are computed from, themselves included."""
        return _closure(tensors, lambda t: node.input if (node := self.maker(t)) else ())

    def ahead(self, tensors: Iterable[str]) -> set[str]:
        """All tensors computed from some tensors, themselves included."""
        return _closure(
            tensors, lambda t: [made for node in self.takers(t) for made in node.output]
        )


def _closure(start: Iterable[str], neighbours: Callable[[str], Iterable[str]]) -> set[str]:
    found = set(start)
    open_ = list(found)
    while open_:
        for name in neighbours(open_.pop()):
            if name and name not in found:
                found.add(name)
                open_.append(name)
    return found


def needed(nodes: Sequence[NodeProto], outputs: Iterable[str]) -> list[NodeProto]:
    """Those of some nodes, in their order, that outputs are computed by."""
    wanted, kept = set(outputs), []
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            kept.append(node)
    return kept[::-1]


def attribute(node: NodeProto, name: str, default: int) -> int:
    """A whole number among the attributes, the first of several; else the default."""
    for each in node.attribute:
        if each.name == name:
            return int(each.ints[0] if each.ints else each.i)
    return default
