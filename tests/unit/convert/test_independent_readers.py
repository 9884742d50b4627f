"""Readers that others wrote read the same: what we write, and the examples we made by hand.

The examples of formats that we only read are our own understanding of them; that these
readers find the same samples in them says that the understanding is shared.
"""

import warnings

import numpy as np
import pytest

from ecgsvc.convert import WRITERS, Format, read_bytes
from tests.unit.convert import example_files as files
from tests.unit.convert.test_round_trips import a_recording, ascii_only

datakit = pytest.importorskip("ecgdatakit.parsing", reason="pip install ecgdatakit")

ROWS = files.limb_consistent(files.steps())
SUFFIX = {"aecg": "xml", "dicom": "dcm", "edf": "edf", "scp": "scp", "scp raw": "scp",
          "muse": "xml", "philips": "xml", "kardia": "json"}  # fmt: skip


def example(name):
    match name:
        case "scp":
            return files.scp_file(ROWS)
        case "scp raw":
            return files.scp_file(ROWS, coded=False, order=1)
        case "muse":
            return files.muse_xml(ROWS[[0, 1, *range(6, 12)]])
        case "philips":
            return files.philips_xml(ROWS, encoding="utf-8")
        case "kardia":
            return files.kardia_json(ROWS[:2])
        case _:
            return WRITERS[Format(name)](ascii_only(a_recording()))


@pytest.mark.parametrize("name", SUFFIX)
def test_ecgdatakit_finds_the_same_samples(name, tmp_path):
    content = example(name)
    path = tmp_path / f"x.{SUFFIX[name]}"
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        record = datakit.FileParser().parse(str(path))
    ours = read_bytes(content, "x").waveform
    assert len(record.leads) == (8 if name == "muse" else ours.n_leads)  # as stored
    for lead in record.leads:
        samples = lead.samples
        unit = (lead.units or "").casefold()
        scale = {"mv": 1.0, "uv": 1e-3, "": lead.resolution * 1e-3}[unit]
        found = np.asarray(samples, dtype=np.float64) * scale
        np.testing.assert_allclose(ours.lead_mv(lead.label), found, rtol=0, atol=1e-6)
        assert lead.sampling_rate == ours.sampling_rate_hz


def test_sierraecg_finds_the_same_samples_in_philips_xml(tmp_path):
    sierraecg = pytest.importorskip("sierraecg", reason="pip install sierraecg")
    content = files.philips_xml(ROWS, encoding="utf-8")
    path = tmp_path / "x.xml"
    path.write_bytes(content)
    leads = sierraecg.read_file(str(path)).leads
    assert len(leads) == 12
    ours = read_bytes(content, "x").waveform
    for lead in leads:
        np.testing.assert_allclose(ours.lead_mv(lead.label), lead.samples * 5e-3)
