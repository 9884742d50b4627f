"""How each rhythm network is made and fitted."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from torch import Tensor, nn

from ecgsvc.domain.rhythm import RHYTHM_CLASSES
from ecgsvc.inference.rhythm_features import FEATURE_NAMES
from ecgsvc.inference.rhythm_inputs import MODEL_RATE_HZ
from ecgsvc.training.window_augment import Augmentation
from ecgsvc.training.window_networks import WindowNetwork, window_network

_SAMPLES = Augmentation(
    sampling_rate_hz=MODEL_RATE_HZ, muscle=0.3, hidden_features=0.1, crop_s=20.0
)
_FEATURES_ALONE = Augmentation(
    sampling_rate_hz=MODEL_RATE_HZ,
    gain=1.0, stretch=0.0, flip=0.0, wander=0.0, hum=0.0, muscle=0.0, dropout_s=0.0,
    feature_noise=0.1,
    crop_s=1.0,  # what nobody looks at need not be long
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RhythmRecipe:
    """Constants of fitting one network; ``epochs`` are those of the shipped model."""

    epochs: int
    batch_size: int = 32
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    augmentation: Augmentation = _SAMPLES


RECIPES: Mapping[str, RhythmRecipe] = MappingProxyType(
    {
        "canet": RhythmRecipe(epochs=40),
        "mobilenet": RhythmRecipe(epochs=10),
        "vgg": RhythmRecipe(epochs=8),
        "features": RhythmRecipe(
            epochs=25,
            batch_size=64,
            learning_rate=4e-3,
            weight_decay=5e-2,
            augmentation=_FEATURES_ALONE,
        ),
    }
)
"""By the name the command line takes; ``features`` looks at no sample, for comparison."""


class NoTrunk(nn.Module):
    """Sees nothing of the samples."""

    width = 0

    def forward(self, windows: Tensor) -> Tensor:
        """From (batch, 1, samples) to (batch, 0)."""
        return windows[:, 0, :0]


def rhythm_network(name: str) -> WindowNetwork:
    """Make the untrained network of a recipe; `KeyError` when there is none.

    It takes the features of the signal, not those of the beat classes: another beat model
    then asks for other trees, which are fitted in minutes, and for no other network.
    """
    if name == "features":
        n_classes, n_features = len(RHYTHM_CLASSES), len(FEATURE_NAMES)
        return WindowNetwork(NoTrunk(), 0, n_classes, n_features, embedding_width=128)
    return window_network(name, len(RHYTHM_CLASSES), len(FEATURE_NAMES))
