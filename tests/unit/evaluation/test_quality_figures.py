"""`ecgsvc evaluate quality`: what its parts count, on small records with known truth."""

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from ecgsvc import dsp
from ecgsvc.cli import app
from ecgsvc.domain.errors import UnreadableRecording
from ecgsvc.domain.quality import QualityProblem
from ecgsvc.domain.waveform import Waveform
from ecgsvc.dsp import electrode_swaps as shipped
from ecgsvc.evaluation import electrode_swaps, figures_table, to_markdown
from ecgsvc.evaluation.figures import Figures, area_under_roc, pooled_share
from ecgsvc.evaluation.noise import Noise
from ecgsvc.evaluation.quality_beats import sure_beats
from ecgsvc.evaluation.quality_labels import fibrillation, noisy_recordings
from ecgsvc.evaluation.quality_problems import clean_ptbxl_records, lead_problems
from ecgsvc.simulation import SimulationSettings, simulate

NOISES = np.random.default_rng(0)


def ignore(_name: str, _done: int, _total: int) -> None:
    pass


def an_ecg(seed: int = 0, **settings: object) -> Waveform:
    return simulate(SimulationSettings(seed=seed, **settings)).recording.waveform


def write_record(folder, name, waveform, suffix="dat"):
    """Format 16, 1 uV a unit."""
    folder.mkdir(exist_ok=True)
    units = np.round(1000 * waveform.samples_mv).astype("<i2")
    (folder / f"{name}.{suffix}").write_bytes(units.T.tobytes())
    lines = [f"{name}.{suffix} 16 1000/mV 16 0 0 0 0 {lead}" for lead in waveform.leads]
    head = f"{name} {waveform.n_leads} {waveform.sampling_rate_hz:g} {waveform.n_samples}"
    (folder / f"{name}.hea").write_text("\n".join([head, *lines]) + "\n")


def write_annotations(folder, name, marks):
    """Marks are (sample, code, note), codes of annot(5)."""
    content, before = b"", 0
    for sample, code, note in marks:
        skip = sample - before
        content += np.array([59 << 10, skip >> 16, skip & 0xFFFF], "<u2").tobytes()
        content += np.array([code << 10], "<u2").tobytes()
        if note:
            text = note.encode() + b"\0" * (len(note) % 2)
            content += np.array([63 << 10 | len(note)], "<u2").tobytes() + text
        before = sample
    (folder / f"{name}.atr").write_bytes(content + b"\0\0")


def test_a_pooled_share_is_of_all_records_together():
    share = pooled_share([1, 8], [2, 8])
    assert share.value == pytest.approx(0.9)
    assert share.ends == (0.5, 1.0)
    assert np.isnan(pooled_share([0], [0]).value)


def test_the_area_under_roc_counts_pairs_and_halves_ties():
    scores = np.array([1.0, 2.0, 2.0, 3.0])
    area = area_under_roc(scores, np.array([False, False, True, True]))
    assert area.value == pytest.approx(3.5 / 4)


def test_recordings_labelled_noisy_have_a_low_index(tmp_path):
    for i in range(3):
        write_record(tmp_path, f"A{i}", an_ecg(i, leads=("II",)), "mat")
        noise_mv = NOISES.normal(0, 0.5, (1, 3000))
        write_record(tmp_path, f"B{i}", Waveform(noise_mv, 300.0, ("II",)), "mat")
    labels = "".join(f"A{i},N\nB{i},~\n" for i in range(3))
    (tmp_path / "REFERENCE-v3.csv").write_text(labels)
    (row,) = noisy_recordings(tmp_path, on_record=ignore).rows
    assert (row["Recordings"], row["Noisy"], row["AUROC"].value) == (6, 3, 1.0)
    (tmp_path / "REFERENCE-v3.csv").unlink()
    with pytest.raises(UnreadableRecording):
        noisy_recordings(tmp_path, on_record=ignore)


def test_fibrillation_is_cut_into_stretches_within_its_episodes(tmp_path):
    times_s = np.arange(250 * 60) / 250
    waves_mv = np.sin(2 * np.pi * (4 + 0.5 * np.sin(times_s)) * times_s)
    noise_mv = NOISES.normal(0, 1, len(times_s))
    rows = np.where(times_s < 45, waves_mv, noise_mv)[np.newaxis]
    write_record(tmp_path, "418", Waveform(rows, 250.0, ("ECG",)))
    marks = [(0, 28, "(N"), (2500, 28, "(VFL"), (9000, 28, "(N"), (11250, 28, "(VF")]
    write_annotations(tmp_path, "418", marks)
    (row,) = fibrillation(tmp_path, on_record=ignore).rows
    assert (row["Records"], row["Stretches"]) == (1, 2 + 1)
    assert row["called no ECG"].value == pytest.approx(1 / 3)


def test_sure_beats_are_fewer_and_truer_than_all(tmp_path, monkeypatch):
    ecg = simulate(SimulationSettings(duration_s=440, leads=("II",)))
    waveform, r_peaks = ecg.recording.waveform, ecg.truth.r_peak_indices
    write_record(tmp_path, "100", waveform)
    write_annotations(tmp_path, "100", [(int(r), 1, "") for r in r_peaks])
    monkeypatch.setattr("ecgsvc.evaluation.quality_beats.RECORDS", ("100",))
    samples_mv = NOISES.normal(size=(1, 100_000))
    noise = Noise("ma", samples_mv, waveform.sampling_rate_hz, np.ones(1))
    figures = sure_beats(
        tmp_path,
        {"ma": noise},
        lambda w: dsp.detect_r_peaks(w.samples_mv, w.sampling_rate_hz),
        on_record=ignore,
    )
    assert [row["SNR dB"] for row in figures.rows] == ["24", "12", "6", "0", "-6"]
    loud = figures.rows[-1]
    assert loud["Beats found"] > 100
    assert loud["Sure"].value < 0.5
    assert figures.rows[0]["+P of the sure"].value == 1.0


def test_problems_made_on_a_clean_lead_are_named(tmp_path):
    leads = ("I", "II", "V2", "V5")
    for i in range(3):
        ecg = an_ecg(i, leads=leads, baseline_wander_mv=0.01)
        write_record(tmp_path, str(i), ecg)
    rows = lead_problems(tmp_path, database="simulated", on_record=ignore).rows
    named = {row["Made on a lead"]: row["named"].value for row in rows}
    assert min(named.values()) > 0.6
    assert named["flat"] == 1.0
    assert all(row["named on untouched leads"].value < 0.1 for row in rows)


def test_records_whose_readers_saw_noise_are_not_clean(tmp_path):
    columns = "filename_hr,baseline_drift,static_noise,burst_noise,electrodes_problems"
    lines = [columns, "a/1_hr,,,,", 'a/2_hr,," , I-V1",,', "a/3_hr, ,,,"]
    (tmp_path / "table.csv").write_text("\n".join(lines))
    assert clean_ptbxl_records(tmp_path / "table.csv") == ("1_hr", "3_hr")
    with pytest.raises(UnreadableRecording):
        clean_ptbxl_records(tmp_path / "none.csv")


def swapped(tmp_path):
    for i in (1, 2, 101, 102):
        write_record(tmp_path, f"{i:05d}_lr", an_ecg(i))
    return electrode_swaps.swapped_records(
        tmp_path,
        lambda w: dsp.delineate_leads(
            w, dsp.detect_r_peaks(w.samples_mv, w.sampling_rate_hz)
        ),
        database="simulated",
        on_record=ignore,
    )


def test_swaps_are_counted_apart_where_constants_were_fitted(tmp_path):
    records = swapped(tmp_path)
    assert [r.is_held_out for r in records] == [False, False, True, True]
    assert {r.suspected[0] for r in records} == {""}
    assert {r.suspected[1] for r in records} == {QualityProblem.ARM_ELECTRODES_SWAPPED}
    fitted, held_out = electrode_swaps.swap_figures(records, ["simulated"]).rows
    assert (fitted["Records"], held_out["Records"]) == ("fitted on", "held out")
    assert (held_out["none"].value, held_out["RA-LA"].value) == (0.0, 1.0)


def test_fitted_weights_prefer_the_leads_as_recorded(tmp_path):
    records = swapped(tmp_path)
    heights_mv = np.stack([r.heights_mv for r in records])
    weights = electrode_swaps.fit_weights(records)
    odds = (shipped.arrangement_evidence(heights_mv) * weights).sum(axis=(2, 3))
    assert (odds.argmax(axis=1) == 0).all()
    nothing = [replace(r, heights_mv=None) for r in records]
    assert not electrode_swaps.fit_weights(nothing).any()


def test_figures_are_shown_in_percent_and_written_as_fractions():
    figures = Figures("Title", ({"Name": "a", "n": 3, "Found": pooled_share([1], [2])},))
    assert "| a | 3 | 50.00 (50.00-50.00) |" in to_markdown(figures_table(figures))
    (row,) = json.loads(json.dumps(figures.to_json()))["rows"]
    assert row["Found"] == {"value": 0.5, "low": 0.5, "high": 0.5}


def test_the_command_measures_one_part(tmp_path):
    write_record(tmp_path / "vfdb", "418", an_ecg(duration_s=20.0, leads=("II",)))
    write_annotations(tmp_path / "vfdb", "418", [(0, 28, "(VF")])
    arguments = ["evaluate", "quality", str(tmp_path), "--part"]
    done = CliRunner().invoke(app, [*arguments, "fibrillation", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)[0]["rows"][0]["Stretches"] == 2
    missing = CliRunner().invoke(app, [*arguments, "swaps"])
    assert missing.exit_code == 1
    assert "Traceback" not in missing.output
