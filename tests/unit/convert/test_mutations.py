"""Damaged files are read or refused, in time, and never end in a traceback."""

import binascii
import contextlib
import struct
import time

import numpy as np
import pytest

from ecgsvc.convert import WRITERS, Format, read_bytes
from ecgsvc.domain.errors import RefusedContent
from tests.unit.convert import example_files as files
from tests.unit.convert.test_round_trips import a_recording, ascii_only

NUMBERS = (
    b"0",
    b"-1",
    b"1e308",
    b"nan",
    b"inf",
    b"99999999999999999999",
    b"",
    b"x",
    b"0.0",
)
WORDS = (0, 2**31, 2**32 - 1)


def examples():
    small = ascii_only(a_recording(n_samples=500, leads=("I", "II", "V1")))
    rows = files.steps(n_samples=500)
    found = {str(form): write(small) for form, write in WRITERS.items()}
    return found | {
        "muse": files.muse_xml(rows[:8]),
        "philips": files.philips_xml(files.limb_consistent(rows), encoding="utf-8"),
        "philips uncompressed": files.philips_xml(rows, compress=False, encoding="utf-8"),
        "scp": files.scp_file(rows),
        "scp raw": files.scp_file(rows, coded=False),
        "atc": files.atc_file(rows[:2]),
        "kardia": files.kardia_json(rows[:2]),
        "apple": files.apple_csv(rows[0]),
    }


EXAMPLES = examples()


def mutated(content, generator):
    """Change bytes, cut, repeat, drop or exchange pieces, or put another number in."""
    data = bytearray(content)
    for _ in range(int(generator.integers(1, 4))):
        head_or_all = len(data) if generator.random() < 0.5 else min(len(data), 600)
        at = int(generator.integers(0, max(head_or_all, 1)))
        n = int(generator.integers(1, 40))
        match int(generator.integers(0, 7)):
            case 0:
                data[at : at + 1] = bytes([int(generator.integers(0, 256))])
            case 1:
                del data[at:]
            case 2:
                data[at:at] = data[at : at + n]
            case 3:
                del data[at : at + n]
            case 4:
                data[at : at + n] = generator.bytes(n)
            case 5:
                data[at : at + 4] = struct.pack("<I", int(generator.choice(WORDS)))
            case _:
                number = NUMBERS[int(generator.integers(0, len(NUMBERS)))]
                end = at
                while end < len(data) and chr(data[end]).isdigit():
                    end += 1
                data[at:end] = number
    return bytes(data)


def with_right_sum(content):
    """Let an altered SCP file pass the first gate."""
    body = struct.pack("<I", len(content)) + content[6:]
    return struct.pack("<H", binascii.crc_hqx(body, 0xFFFF)) + body


def survive(name, count, seed):
    generator = np.random.default_rng(seed)
    slowest = 0.0
    for index in range(count):
        damaged = mutated(EXAMPLES[name], generator)
        if name.startswith("scp") and index % 4:
            damaged = with_right_sum(damaged)
        begin = time.monotonic()
        with contextlib.suppress(RefusedContent):
            assert read_bytes(damaged, "x").waveform.n_samples > 0
        slowest = max(slowest, time.monotonic() - begin)
    assert slowest < 10


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_damaged_file_is_read_or_refused(name):
    survive(name, 200, seed=1)


@pytest.mark.verify
@pytest.mark.parametrize("name", EXAMPLES)
def test_thousands_of_damaged_files_are_read_or_refused(name):
    survive(name, 10_000, seed=2)


def test_every_example_is_read_undamaged():
    assert {str(form) for form in WRITERS} <= set(EXAMPLES)
    for content in EXAMPLES.values():
        assert read_bytes(content, "x").waveform.n_samples == 500
    assert Format.FHIR not in WRITERS
