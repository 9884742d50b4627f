"""The graph that explains: the network's own derivatives; needs the extra ``train``."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs ecgsvc[train]")
onnx = pytest.importorskip("onnx", reason="needs ecgsvc[train]")

from ecgsvc.inference.beat_features import LEAD_FEATURES  # noqa: E402
from ecgsvc.inference.beat_rhythm import RHYTHM_FEATURES  # noqa: E402
from ecgsvc.inference.grad_cam import STEP, ExplanationGraph  # noqa: E402
from ecgsvc.training.explanation_graph import (  # noqa: E402
    NoExplanation,
    explained,
    write_explanation_graph,
)
from ecgsvc.training.export import export_onnx  # noqa: E402
from ecgsvc.training.fit import FitPlan, fit  # noqa: E402
from ecgsvc.training.networks import BEAT_NETWORKS, CnnLstmAttention, Mean  # noqa: E402
from ecgsvc.training.rhythm_ensemble import (  # noqa: E402
    OutlierScore,
    RhythmEnsemble,
    RhythmMember,
)
from ecgsvc.training.rhythm_recipes import rhythm_network  # noqa: E402
from ecgsvc.training.window_export import (  # noqa: E402
    export_module,
    export_window_network,
    random_inputs,
)
from ecgsvc.training.window_networks import WindowNetwork, window_network  # noqa: E402
from tests.unit.training.test_beat_training import sequence  # noqa: E402
from tests.unit.training.test_tree_ensembles import some_trees  # noqa: E402

N_SAMPLES = 1500
LARGEST_ERROR = 0.02
"""Of the weights, as a vector, against automatic differentiation."""
STEPS = (0.1, 0.02, 0.005)
"""Networks that learned nothing have kinks near and answers small: one of these suits."""


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def of_beats(model, n_members=1, n_beats=9):
    members = [BEAT_NETWORKS[model]().eval() for _ in range(n_members)]
    inputs = (
        torch.randn(1, n_beats, 2, 2, 100),
        torch.randn(1, n_beats, 2, len(LEAD_FEATURES)),
        torch.randn(1, n_beats, len(RHYTHM_FEATURES)),
    )
    names = ("windows", "shapes", "rhythm")
    return members, inputs, {n: i.numpy() for n, i in zip(names, inputs, strict=True)}


def of_rhythm(model, n_members):
    members = [window_network(model, 4, n_features=5).eval() for _ in range(n_members)]
    inputs = random_inputs(members[0], 1, N_SAMPLES)
    return members, tuple(inputs.values()), {n: i.numpy() for n, i in inputs.items()}


def derivatives(module, layers, inputs, answer):
    """What automatic differentiation says: mean over places, for each layer's output."""
    held = []
    hooks = [
        layer.register_forward_hook(lambda _module, _input, out: held.append(out))
        for layer in layers
    ]
    out = module(*inputs)
    for hook in hooks:
        hook.remove()
    logits = out[0] if isinstance(out, tuple) else out
    return torch.autograd.grad(logits[(0, *answer)], held)


def error(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


def assert_derivatives(
    graph, feed, rows, answer, gradients, steps=STEPS, limit=LARGEST_ERROR
):
    """Differences are the derivatives' means over places, at one of the steps."""
    look = graph.look(feed)
    errors = []
    for step in steps:
        found = graph.weights(feed, rows, answer, look, step=step)
        means = [each[rows].mean(dim=(0, 2)).numpy() for each in gradients]
        errors.append(max(map(error, found, means)))
    assert min(errors) < limit


@pytest.mark.parametrize("model", sorted(BEAT_NETWORKS))
@pytest.mark.parametrize(("beat", "answer"), [(0, 2), (5, 0)])
def test_weights_of_beats_are_the_derivatives_of_the_mean(tmp_path, model, beat, answer):
    members, inputs, feed = of_beats(model, n_members=2)
    export_onnx(Mean(members), tmp_path)
    write_explanation_graph(tmp_path)
    graph = ExplanationGraph(tmp_path / "explain.onnx", "cpu")
    look = graph.look(feed)
    expected = derivatives(Mean(members), [m.see for m in members], inputs, (beat, answer))
    assert_derivatives(graph, feed, [2 * beat, 2 * beat + 1], (beat, answer), expected)
    with torch.no_grad():
        seen = members[1].see(inputs[0].flatten(0, 2)).numpy()
    np.testing.assert_allclose(look.activations[1], seen, atol=1e-4)


@pytest.mark.parametrize("model", ["canet", "mobilenet", "vgg"])
def test_weights_of_windows_are_the_derivatives(tmp_path, model):
    (network,), inputs, feed = of_rhythm(model, 1)
    export_window_network(network, tmp_path, N_SAMPLES)
    write_explanation_graph(tmp_path)
    graph = ExplanationGraph(tmp_path / "explain.onnx", "cpu")
    layer = network.trunk.see[:-1] if model == "vgg" else network.trunk.see
    expected = derivatives(network, [layer[-1]], inputs, (1,))
    assert_derivatives(graph, feed, [0], (1,), expected)


def an_ensemble(tmp_path, n_members=2):
    networks, inputs, feed = of_rhythm("canet", n_members)
    trees = some_trees(n_features=5, n_classes=4)
    members = [RhythmMember(n, OutlierScore(3, 64), trees) for n in networks]
    export_module(
        RhythmEnsemble(members, 2.0).eval(),
        tmp_path,
        lambda n: random_inputs(networks[0], n, N_SAMPLES),
        ("logits", "outlier"),
    )
    return networks, RhythmEnsemble(members, 2.0).eval(), inputs, feed


def test_the_usual_step_suits_a_network_that_learned(tmp_path):
    sequences = [sequence(seed=seed, n_leads=2) for seed in range(6)]
    plan = FitPlan(epochs=25, seed=0, checkpoints=tmp_path)
    network = fit(CnnLstmAttention(dropout=0.1), sequences, plan, "tiny").eval()
    export_onnx(Mean([network]), tmp_path)
    write_explanation_graph(tmp_path)
    graph = ExplanationGraph(tmp_path / "explain.onnx", "cpu")
    inputs = sequences[1].inputs
    feed = {
        name: getattr(inputs, name)[np.newaxis, :40]
        for name in ("windows", "shapes", "rhythm")
    }
    tensors = [torch.from_numpy(each) for each in feed.values()]
    for beat in (3, 11, 30):
        answer = (beat, int(sequences[1].labels[beat]))
        expected = derivatives(Mean([network]), [network.see], tensors, answer)
        rows = [2 * beat, 2 * beat + 1]
        assert_derivatives(graph, feed, rows, answer, expected, steps=(STEP,), limit=0.05)


def test_trees_beside_the_networks_are_left_out(tmp_path):
    networks, ensemble, inputs, feed = an_ensemble(tmp_path)
    write_explanation_graph(tmp_path)
    graph = ExplanationGraph(tmp_path / "explain.onnx", "cpu")
    layers = [network.trunk.see for network in networks]
    expected = derivatives(ensemble, layers, inputs, (2,))
    assert_derivatives(graph, feed, [0], (2,), expected)
    kept = {each.op_type for each in onnx.load(tmp_path / "explain.onnx").graph.node}
    assert "Conv" in kept
    assert "TreeEnsembleRegressor" not in kept


def test_attention_is_what_the_network_attends_to(tmp_path):
    members, _, feed = of_beats("cnn-lstm-attention")
    export_onnx(Mean(members), tmp_path)
    write_explanation_graph(tmp_path)
    (attention,) = ExplanationGraph(tmp_path / "explain.onnx", "cpu").look(feed).attention
    assert attention.shape == (9, 9)
    np.testing.assert_allclose(attention.sum(axis=1), 1, rtol=1e-5)


def test_pooling_attention_weighs_the_steps(tmp_path):
    an_ensemble(tmp_path)
    write_explanation_graph(tmp_path)
    graph = ExplanationGraph(tmp_path / "explain.onnx", "cpu")
    _, _, feed = of_rhythm("canet", 1)
    for attention in graph.look(feed).attention:
        assert attention.shape == (1, -(-N_SAMPLES // 32))
        assert attention.sum() == pytest.approx(1, rel=1e-5)


def test_a_network_without_attention_has_none(tmp_path):
    members, _, feed = of_beats("resnet")
    export_onnx(Mean(members), tmp_path)
    write_explanation_graph(tmp_path)
    graph = ExplanationGraph(tmp_path / "explain.onnx", "cpu")
    assert graph.look(feed).attention == (None,)


@pytest.mark.parametrize("model", ["canet", "mobilenet", "vgg"])
def test_steps_are_placed_where_they_look(tmp_path, model):
    """The feature map answers to a pulse around the pulse."""
    (network,), _, feed = of_rhythm(model, 1)
    export_window_network(network, tmp_path, N_SAMPLES)
    write_explanation_graph(tmp_path)
    graph = ExplanationGraph(tmp_path / "explain.onnx", "cpu")
    (each,) = graph.maps
    for place in (400, 777, 1100):
        pulse = feed | {"windows": feed["windows"].copy()}
        pulse["windows"][0, 0, place] += 5
        change = graph.look(pulse).activations[0] - graph.look(feed).activations[0]
        energy = (change[0].astype(float) ** 2).sum(axis=0)
        steps = np.arange(len(energy))
        centre = each.first + each.every * (energy * steps).sum() / energy.sum()
        assert abs(centre - place) < each.every


def test_a_network_without_convolutions_has_no_graph(tmp_path):
    network = rhythm_network("features").eval()
    export_window_network(network, tmp_path, N_SAMPLES)
    with pytest.raises(NoExplanation, match="no convolution"):
        write_explanation_graph(tmp_path)
    assert explained(tmp_path, {"model": {}}) == {"model": {}}
    assert not (tmp_path / "explain.onnx").exists()


class MeanProbability(torch.nn.Module):
    """An ensemble whose logits are no sum of its networks'."""

    def __init__(self, members: list[WindowNetwork]) -> None:
        super().__init__()
        self.members = torch.nn.ModuleList(members)

    def forward(self, windows, features):
        answers = [m(windows, features).softmax(dim=-1) for m in self.members]
        return (torch.stack(answers).mean(dim=0).log(),)


def test_an_ensemble_that_is_no_sum_is_refused(tmp_path):
    networks, *_ = of_rhythm("canet", 2)
    with torch.no_grad():
        for network in networks:
            network.classify[1].weight.mul_(20)
    export_module(
        MeanProbability(networks).eval(),
        tmp_path,
        lambda n: random_inputs(networks[0], n, N_SAMPLES),
        ("logits",),
    )
    with pytest.raises(NoExplanation, match="no sum"):
        write_explanation_graph(tmp_path)


class WeightedSum(MeanProbability):
    """Logits that are a weighted sum."""

    def forward(self, windows, features):
        first, second = (m(windows, features) for m in self.members)
        return (0.25 * first + 0.75 * second,)


def test_networks_count_by_their_weight_in_the_sum(tmp_path):
    networks, inputs, feed = of_rhythm("canet", 2)
    module = WeightedSum(networks).eval()
    export_module(
        module, tmp_path, lambda n: random_inputs(networks[0], n, N_SAMPLES), ("logits",)
    )
    write_explanation_graph(tmp_path)
    graph = ExplanationGraph(tmp_path / "explain.onnx", "cpu")
    layers = [network.trunk.see for network in networks]
    assert_derivatives(graph, feed, [0], (3,), derivatives(module, layers, inputs, (3,)))
