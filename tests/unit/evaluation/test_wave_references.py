import numpy as np
import pytest

from ecgsvc.convert import WfdbAnnotations
from ecgsvc.domain.errors import UnreadableRecording
from ecgsvc.evaluation.wave_references import (
    WaveRecord,
    find_wave_records,
    present_waves,
    reference_waves,
)


def waves(*pairs: tuple[int, str]):
    indices = np.array([index for index, _ in pairs], dtype=np.int64)
    return reference_waves(
        WfdbAnnotations(indices, tuple(s for _, s in pairs), ("",) * len(pairs))
    )


def test_brackets_belong_to_the_peak_between_them():
    found = waves(
        *((10, "("), (15, "p"), (20, ")"), (30, "("), (35, "N"), (42, ")")),
        *((60, "("), (80, "t"), (95, ")")),
    )
    assert found.points["P"].tolist() == [[10, 15, 20]]
    assert found.points["QRS"].tolist() == [[30, 35, 42]]
    assert found.points["T"].tolist() == [[60, 80, 95]]
    assert (found.first, found.last) == (10, 95)


def test_a_peak_at_its_own_onset_keeps_it_whatever_the_order_in_the_file():
    assert waves((30, "N"), (30, "("), (42, ")")).points["QRS"].tolist() == [[30, 30, 42]]
    assert waves((30, "N"), (30, ")"), (20, "(")).points["QRS"].tolist() == [[20, 30, 30]]


def test_a_wave_may_begin_where_the_last_one_ends():
    found = waves((1, "("), (5, "p"), (9, "("), (9, ")"), (12, "V"), (15, ")"))
    assert found.points["P"].tolist() == [[1, 5, 9]]
    assert found.points["QRS"].tolist() == [[9, 12, 15]]


def test_what_is_not_annotated_is_absent():
    found = waves((30, "N"), (42, ")"), (60, "("), (80, "t"), (100, "("), (110, "p"))
    assert found.points["QRS"].tolist() == [[-1, 30, 42]]
    assert found.points["T"].tolist() == [[60, 80, -1]]
    assert found.points["P"].tolist() == [[100, 110, -1]]
    assert (found.first, found.last) == (30, 110)


def test_a_biphasic_wave_is_one_wave_and_a_u_wave_is_none_of_the_three():
    found = waves(
        *((60, "("), (80, "t"), (90, "t"), (95, ")")),
        *((100, "("), (110, "u"), (120, ")"), (130, "N")),
    )
    assert found.points["T"].tolist() == [[60, 80, 95]]
    assert found.points["QRS"].tolist() == [[-1, 130, -1]]


def test_annotations_written_twice_count_once():
    twice = [(60, "("), (60, "("), (80, "t"), (80, "t"), (95, ")"), (95, ")")]
    assert waves(*twice).points["T"].tolist() == [[60, 80, 95]]


def test_other_annotations_are_passed_over():
    found = waves((1, "+"), (30, "("), (35, "N"), (38, "~"), (42, ")"))
    assert found.points["QRS"].tolist() == [[30, 35, 42]]


def test_without_annotations_no_sample_is_scored():
    nothing = waves()
    assert nothing.first > nothing.last


def test_absent_waves_are_left_out_and_the_others_put_in_order():
    points = (np.array([50, -1, 10]), np.array([55, -1, 15]), np.array([60, -1, 20]))
    assert present_waves(points).tolist() == [[10, 15, 20], [50, 55, 60]]


def test_records_are_found_in_the_data_folder_in_the_order_of_their_numbers(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    for name in ("10", "2", "other"):
        (data / f"{name}.hea").touch()
        (data / f"{name}.avr").touch()
    assert [r.path.name for r in find_wave_records(tmp_path, None)] == ["other", "2", "10"]
    (data / "2.pu").touch()
    assert [r.path.name for r in find_wave_records(data, "pu")] == ["2"]


def test_a_folder_without_annotated_waves_is_refused(tmp_path):
    (tmp_path / "1.hea").touch()
    with pytest.raises(UnreadableRecording, match="no record"):
        find_wave_records(tmp_path, None)


@pytest.mark.parametrize(
    ("comment", "has_no_p"),
    [
        ("#Rhythm: Atrial fibrillation.", True),
        ("#Rhythm: Atrial flutter, typical.", True),
        ("# Rhythms: Sinus rhythm", False),
        ("#Other: no atrial fibrillation seen", False),
    ],
)
def test_the_header_tells_rhythms_without_p_waves(tmp_path, comment, has_no_p):
    (tmp_path / "1.hea").write_text(f"1 0 500\n{comment}\n")
    assert WaveRecord(tmp_path / "1", None).has_no_p is has_no_p
