"""Trees in an ONNX file answer as the matrix products they were; needs ``train``."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs ecgsvc[train]")
onnx = pytest.importorskip("onnx", reason="needs ecgsvc[train]")

from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: E402

from ecgsvc.inference.sessions import open_session  # noqa: E402
from ecgsvc.training.boosted_trees import BoostedTrees, convert  # noqa: E402
from ecgsvc.training.tree_ensembles import use_tree_ensembles  # noqa: E402
from ecgsvc.training.window_export import export_module  # noqa: E402


def some_trees(n_features=8, n_classes=3, max_iter=12):
    """Trees of up to 7 leaves; some of one alone, as the last class is rare."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((600, n_features)).astype(np.float32)
    scores = np.quantile(features[:, 0], np.linspace(0, 0.98, n_classes))
    labels = (
        np.searchsorted(scores, features[:, 0] * np.abs(features[:, 1]) ** 0.2) % n_classes
    )
    fitted = HistGradientBoostingClassifier(max_iter=max_iter, max_leaf_nodes=7)
    return convert(fitted.fit(features, labels)).eval()


class Sum(torch.nn.Module):
    """Members of an ensemble, as the beat and rhythm models have them."""

    def __init__(self, *members):
        super().__init__()
        self.members = torch.nn.ModuleList(members)

    def forward(self, features):
        return (sum(m(features).log_softmax(dim=-1) for m in self.members),)


def inputs(n):
    rng = np.random.default_rng(n)
    return {"features": torch.from_numpy(rng.standard_normal((n, 8)).astype(np.float32))}


def exported(tmp_path, module):
    export_module(module, tmp_path, inputs, ("logits",))
    path = tmp_path / "model.onnx"
    nodes = [node.op_type for node in onnx.load(path).graph.node]
    return open_session(path, "cpu"), nodes


def test_exported_trees_are_walked_and_answer_as_before(tmp_path):
    model = Sum(some_trees(), some_trees(max_iter=5))
    session, nodes = exported(tmp_path, model)
    assert nodes.count("TreeEnsembleRegressor") == 2
    assert "MatMul" not in nodes
    (logits,) = session.run(None, {"features": inputs(500)["features"].numpy()})
    (expected,) = model(inputs(500)["features"])
    np.testing.assert_allclose(logits, expected, atol=1e-5)


def test_a_value_on_a_threshold_goes_the_same_way(tmp_path):
    trees = some_trees(max_iter=3)
    session, _ = exported(tmp_path, Sum(trees))
    at = trees.threshold[trees.threshold != 0]
    features = at[torch.randint(len(at), (400, 8), generator=torch.Generator())]
    (logits,) = session.run(None, {"features": features.numpy()})
    np.testing.assert_allclose(logits, Sum(trees)(features)[0], atol=1e-5)


def test_a_tree_of_one_leaf_gives_its_value_always(tmp_path):
    trees = BoostedTrees(2, 4, 3)
    single = np.zeros(1, dtype=[("is_leaf", "u1"), ("value", "f8")])
    for tree, value in enumerate((0.25, -1.5)):
        single["is_leaf"], single["value"] = 1, value
        trees.place(tree, tree, single)
    trees.baseline[2] = 0.75  # of a class that no leaf adds to
    session, _ = exported(tmp_path, Sum(trees))
    (logits,) = session.run(None, {"features": inputs(4)["features"].numpy()})
    expected = torch.tensor([0.25, -1.5, 0.75]).log_softmax(dim=0).expand(4, 3)
    np.testing.assert_allclose(logits, expected, atol=1e-6)


class Linear(torch.nn.Module):
    """No trees."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(8, 3)

    def forward(self, features):
        return (self.layer(features),)


def test_a_model_without_trees_stays_as_it_is(tmp_path):
    exported(tmp_path, Linear())
    before = (tmp_path / "model.onnx").read_bytes()
    assert use_tree_ensembles(tmp_path / "model.onnx") == 0
    assert (tmp_path / "model.onnx").read_bytes() == before
