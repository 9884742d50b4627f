"""Training of the detector of malignant rhythm; needs the extra ``train``."""

from collections import Counter

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs ecgsvc[train]")
pytest.importorskip("onnx", reason="needs ecgsvc[train]")

from ecgsvc.evaluation.malignant import MalignantResults  # noqa: E402
from ecgsvc.evaluation.malignant_references import (  # noqa: E402
    RHYTHMS,
    AnnotatedRhythm,
    RhythmReference,
)
from ecgsvc.evaluation.references import find_records  # noqa: E402
from ecgsvc.inference import load_model_card  # noqa: E402
from ecgsvc.inference.malignant_decision import LABELS  # noqa: E402
from ecgsvc.inference.malignant_features import FEATURE_NAMES  # noqa: E402
from ecgsvc.inference.malignant_inputs import MalignantInputs, window_bounds  # noqa: E402
from ecgsvc.training.cards import write_card  # noqa: E402
from ecgsvc.training.malignant import (  # noqa: E402
    FOLDS,
    fold_of,
    judged,
)
from ecgsvc.training.malignant_card import Figures, malignant_card  # noqa: E402
from ecgsvc.training.malignant_decision import (  # noqa: E402
    HeldOutRecord,
    Operation,
    choose_operation,
    score,
)
from ecgsvc.training.malignant_network import malignant_network  # noqa: E402
from ecgsvc.training.malignant_windows import (  # noqa: E402
    MITDB,
    VFDB,
    RecordWindows,
    draw_balanced,
    training_windows,
)
from ecgsvc.training.window_export import export_window_network  # noqa: E402

RATE_HZ = 250.0
N = {rhythm: RHYTHMS.index(rhythm) for rhythm in AnnotatedRhythm}


def record(name, database, *stretches, n_leads=2):
    """A record of (seconds, rhythm) stretches whose windows are noise."""
    ends = np.cumsum([seconds for seconds, _ in stretches]) * RATE_HZ
    onsets = np.concatenate([[0], ends[:-1]]).astype(np.int64)
    n_samples = int(ends[-1])
    bounds = window_bounds(n_samples, RATE_HZ)
    rng = np.random.default_rng(list(name.encode()))
    leads = tuple(
        MalignantInputs(
            rng.standard_normal((len(bounds), 1, 1250)).astype(np.float32),
            rng.standard_normal((len(bounds), len(FEATURE_NAMES))).astype(np.float32),
            np.ones(len(bounds), dtype=bool),
        )
        for _ in range(n_leads)
    )
    nowhere = np.zeros(len(bounds), dtype=bool)
    rhythms = np.array([N[rhythm] for _, rhythm in stretches])
    return RecordWindows(
        name, database, RATE_HZ, bounds, RhythmReference(onsets, rhythms, n_samples),
        leads, nowhere, nowhere,
    )  # fmt: skip


def quiet(name, database=MITDB):
    return record(name, database, (1800, AnnotatedRhythm.OTHER))


def malignant(name):
    return record(
        name, VFDB, (600, AnnotatedRhythm.OTHER), (300, AnnotatedRhythm.VF),
        (300, AnnotatedRhythm.VT), (100, AnnotatedRhythm.NOISE),
    )  # fmt: skip


def test_only_windows_of_one_rhythm_are_learned_from():
    training = training_windows([malignant("418"), quiet("101")])
    counts = Counter(training.windows.labels[training.records == "418"].tolist())
    # Of 10 s every 5 s, in two leads; other rhythm and noise are one class.
    assert counts == {0: 2 * 59, 1: 2 * 59, 2: 2 * (119 + 19)}
    assert (training.windows.labels[training.records == "101"] == 2).all()
    assert training.windows.windows.shape[1:] == (1250,)


def test_an_epoch_balances_classes_and_records():
    records = [malignant("418"), record("419", VFDB, (3000, AnnotatedRhythm.OTHER))]
    training = training_windows([*records, quiet("101")])
    drawn = draw_balanced(training, 20_000)(np.random.default_rng(0))
    labels = Counter(training.windows.labels[drawn].tolist())
    total = 0.22 + 0.28 + 0.20 + 0.05 + 0.08
    assert labels[0] / 20_000 == pytest.approx(0.22 / total, abs=0.02)
    assert labels[1] / 20_000 == pytest.approx(0.28 / total, abs=0.02)
    other = training.kinds[drawn] == 2
    of_418 = (training.records[drawn][other] == "418").mean()
    assert of_418 == pytest.approx(1 / (1 + np.sqrt(599 / 119)), abs=0.03)


def test_the_operating_point_is_as_quiet_as_asked():
    rng = np.random.default_rng(0)

    def held(of):
        labels = np.repeat(
            of.reference.rhythms,
            np.diff(np.append(of.reference.onsets, of.reference.n_samples)),
        )
        middle = of.bounds.mean(axis=1).astype(int)
        logits = rng.standard_normal((len(middle), 3))
        logits[:, 2] += np.where(labels[middle] > 1, 2, -2)
        return HeldOutRecord(of, logits)

    held_out = [held(malignant(name)) for name in ("418", "419")]
    held_out += [held(quiet(name)) for name in ("101", "106")]
    operation = choose_operation(held_out)
    figures = MalignantResults(tuple(score(h, operation) for h in held_out)).figures()
    assert figures["specificity_without_noise"] >= 0.98
    assert figures["false_alarms_per_hour"] <= 0.5
    assert figures["vf_sensitivity"] > 0.5


def test_the_export_answers_as_the_network_and_its_card_is_read(tmp_path):
    torch.manual_seed(0)
    network = malignant_network()
    assert sum(p.numel() for p in network.parameters()) < 200_000
    sha256 = export_window_network(network, tmp_path, 1250)
    judged_records = list(judged(network, [malignant("418")]))
    assert judged_records[0].logits.shape == (len(judged_records[0].record.bounds), 3)
    operation = Operation(1.0, 0.5)
    results = MalignantResults(tuple(score(h, operation) for h in judged_records))
    card = malignant_card(
        sha256, operation, Figures(results, results, results), {"seed": 0}
    )
    write_card(tmp_path, card)
    read = load_model_card(tmp_path)
    assert read.labels == LABELS
    assert read.features == FEATURE_NAMES
    assert read.thresholds["malignant"] == 0.5


@pytest.mark.recordings
def test_every_record_of_vfdb_is_in_one_fold(recordings):
    names = [name for fold in FOLDS for name in fold]
    assert sorted(names) == [p.name for p in find_records(recordings / "vfdb", "atr")]


def test_records_of_other_databases_are_spread_over_the_folds():
    folds = {fold_of(quiet(str(number))) for number in range(101, 111)}
    assert folds == set(range(len(FOLDS)))
