"""Checkpoints are believed when a trusted key has signed them, to the last byte."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ecgsvc.trail import (
    Checkpoint,
    InvalidCheckpoint,
    InvalidKey,
    SigningKey,
    VerifyingKey,
    replace_key,
    retired_keys,
)

CHECKPOINT = Checkpoint(
    "north", 17, bytes(range(32)), "ab" * 32, datetime(2026, 11, 28, 9, 30, 1, 5, UTC)
)


def test_a_checkpoint_is_read_back_and_no_byte_of_it_can_change() -> None:
    key = SigningKey.generate()
    note = CHECKPOINT.signed(key)
    assert Checkpoint.read(note, [SigningKey.generate().public, key.public]) == CHECKPOINT
    raw = note.encode()
    for place in range(len(raw)):
        changed = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        with pytest.raises(InvalidCheckpoint):
            Checkpoint.read(changed.decode(errors="replace"), [key.public])


def test_a_checkpoint_of_another_key_is_refused() -> None:
    note = CHECKPOINT.signed(SigningKey.generate())
    for keys in ([], [SigningKey.generate().public]):
        with pytest.raises(InvalidCheckpoint, match="trusted"):
            Checkpoint.read(note, keys)


def test_a_key_is_made_once_for_its_owner_only_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "audit.pem"
    made = SigningKey.at(path, make=True)
    assert path.stat().st_mode & 0o777 == 0o600
    again = SigningKey.at(path, make=True)
    assert again.public.fingerprint == made.public.fingerprint
    public = tmp_path / "audit.pub"
    public.write_bytes(made.public.pem())
    [read] = VerifyingKey.read(public)
    assert read.has_signed(b"m", again.sign(b"m"))
    path.chmod(0o640)
    with pytest.raises(InvalidKey, match="chmod"):
        SigningKey.at(path)


def test_a_key_is_replaced_once_it_has_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "audit.pem"
    old = SigningKey.at(path, make=True)
    met: list[SigningKey] = []

    def break_off(new: SigningKey) -> None:
        met.append(new)
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011  # any
        replace_key(path, break_off)
    assert SigningKey.at(path).public.raw == old.public.raw
    assert retired_keys(path) == []
    first, second = replace_key(path, met.append), replace_key(path, met.append)
    assert [key.public.raw for key in met[:2]] == [first.public.raw] * 2
    assert SigningKey.at(path).public.raw == second.public.raw
    assert [key.raw for key in retired_keys(path)] == [old.public.raw, first.public.raw]
    assert b"PRIVATE" not in path.with_name("audit.pem.retired").read_bytes()
    assert sorted(each.name for each in tmp_path.iterdir()) == (
        ["audit.pem", "audit.pem.retired"]
    )


@pytest.mark.parametrize("content", [b"", b"rubbish", b"-----BEGIN PUBLIC KEY-----\n"])
def test_what_is_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(InvalidKey):
        SigningKey.at(path)
    with pytest.raises(InvalidKey):
        VerifyingKey.read(path)
    with pytest.raises(FileNotFoundError):
        SigningKey.at(tmp_path / "none")
