"""Boosted trees beside the diagnosis networks: a binary ensemble a label, of numbers alone.

With a few thousand recordings, trees on what a reader would measure rank better than a
network on the samples, and the two err in other places.
"""

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from ecgsvc.evaluation.diagnosis_references import DiagnosisSet
from ecgsvc.inference.diagnosis_features import diagnosis_features
from ecgsvc.training.boosted_trees import BoostedTrees, convert_labels
from ecgsvc.training.diagnosis_ensemble import whole_inputs
from ecgsvc.training.diagnosis_fit import varied_inputs

VARIED_COPIES = 1
_BATCH = 32
_VARIED_WEIGHT = 0.5
_SEED = 0


def fit_label_trees(recordings: DiagnosisSet, copies: int = VARIED_COPIES) -> BoostedTrees:
    """Fit trees to recordings as they are and to copies with parts of them hidden.

    Labels that are not known count neither way. Copies are varied as the networks' windows
    are, so that a lead, a size or a second that is missing is nothing new.
    """
    rng = np.random.default_rng(_SEED)
    views = [whole_inputs(recordings).features]
    views += [_varied_features(recordings, rng) for _ in range(copies)]
    weights = np.array([1.0, *(_VARIED_WEIGHT,) * copies])
    fitted = []
    for labels in recordings.labels.T:
        known = np.isfinite(labels)
        features = np.concatenate([view[known] for view in views])
        model = HistGradientBoostingClassifier(
            max_iter=120,
            learning_rate=0.06,
            max_leaf_nodes=8,
            min_samples_leaf=25,
            l2_regularization=20.0,
            max_features=0.1,
            max_bins=64,
            early_stopping=False,
            random_state=_SEED,
        )
        truth = np.tile(labels[known].astype(np.int64), len(views))
        fitted.append(model.fit(features, truth, sample_weight=weights.repeat(known.sum())))
    return convert_labels(fitted)


def _varied_features(
    recordings: DiagnosisSet, rng: np.random.Generator
) -> NDArray[np.float32]:
    rows = []
    for start in range(0, len(recordings.labels), _BATCH):
        inputs = varied_inputs(recordings.take(_rows(start, recordings)), rng)
        rows.append(diagnosis_features(*(part.numpy() for part in inputs)))
    return np.concatenate(rows)


def _rows(start: int, recordings: DiagnosisSet) -> NDArray[np.int64]:
    return np.arange(start, min(start + _BATCH, len(recordings.labels)))
