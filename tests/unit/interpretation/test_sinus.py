"""P waves of the sinus node: how many beats have one, and which way they point."""

import numpy as np
import pytest

from ecgsvc.domain.measurements import Measurements
from ecgsvc.domain.waves import ABSENT, LeadWaves
from ecgsvc.interpretation import sinus_p_waves
from tests.unit.interpretation.test_beat_episodes import sequence

LEADS = ("I", "II", "III")


def waves(*lacking: int, n_beats: int = 10) -> list[LeadWaves]:
    """The beats `lacking` a P wave have none in any lead."""
    points = np.arange(9 * n_beats).reshape(3, 3, n_beats)
    points[0][:, list(lacking)] = ABSENT
    return [LeadWaves.of_points(lead, points) for lead in LEADS]


def test_a_p_wave_before_each_beat_from_the_sinus_node_is_cited() -> None:
    seen = sinus_p_waves(sequence("N" * 10), waves(), Measurements(p_axis_deg=50.0))
    assert [fact.path for fact in seen] == ["waves", "measurements.p_axis_deg"]
    assert "100% of the normal beats" in seen[0].text
    assert "P axis 50°" in seen[1].text
    assert seen[1].source


def test_ectopic_beats_are_not_asked_for_theirs() -> None:
    seen = sinus_p_waves(sequence("NNNVNNSNNN"), waves(3, 6), Measurements(p_axis_deg=50.0))
    assert "100%" in seen[0].text


@pytest.mark.parametrize(
    ("classes", "lacking", "axis"),
    [
        ("N" * 10, (), None),  # no limb leads
        ("N" * 10, (), -100.0),  # from the floor of the atria, or flutter
        ("N" * 10, (), 110.0),  # arms swapped, or the heart on the right
        ("N" * 10, (0, 2, 4), 50.0),
        ("N" * 10, tuple(range(10)), 50.0),
        ("NNVVVVVVVV", (), 50.0),
    ],
)
def test_what_does_not_show_the_sinus_node_is_not_cited(
    classes: str, lacking: tuple[int, ...], axis: float | None
) -> None:
    beats, measured = sequence(classes), Measurements(p_axis_deg=axis)
    assert sinus_p_waves(beats, waves(*lacking), measured) == ()


def test_a_recording_without_a_beat_has_none() -> None:
    beats, none = sequence(""), np.empty((3, 3, 0), np.int64)
    leads = [LeadWaves.of_points(lead, none) for lead in LEADS]
    assert sinus_p_waves(beats, leads, Measurements()) == ()
