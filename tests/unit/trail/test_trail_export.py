"""An export is verified by itself: the first altered, missing or moved event is named."""

import json
import random

import pytest

from ecgsvc.trail import NoTrailExport, SigningKey, export_lines, verified_export
from tests.unit.trail.chains import Chain, a_chain

KEY = SigningKey.generate()


def exported(chain: Chain, key: SigningKey = KEY) -> list[bytes]:
    return list(export_lines(chain.tenant, chain.events, chain.head(key)))


def problems(lines: list[bytes], *kept, keys=(KEY.public,)) -> list[str]:
    return [each.text for each in verified_export(lines, keys, kept).problems]


def test_an_export_is_verified_with_the_public_key_and_what_was_kept() -> None:
    chain, shorter = a_chain(9), a_chain(5)
    verdict = verified_export(exported(chain), [KEY.public], [shorter.checkpoint()])
    assert (verdict.tenant, verdict.n_events, verdict.problems) == ("default", 9, ())
    other = SigningKey.generate().public
    assert problems(exported(chain), keys=[other]) == [
        "the signed head does not fit the last event, 9"
    ]


def test_the_first_event_that_is_altered_missing_or_moved_is_named() -> None:
    lines = exported(a_chain(9))
    altered = [*lines]
    altered[4] = altered[4].replace(b'"dr"', b'"md"')
    assert problems(altered)[0] == "event 4 was altered"
    assert problems(lines[:4] + lines[5:])[0] == "event 4 is missing"
    moved = [*lines]
    moved[4], moved[5] = moved[5], moved[4]
    assert problems(moved)[:2] == ["event 4 is missing", "event 4 stands after event 5"]
    damaged = [*lines]
    damaged[4] = damaged[4][:40] + b"\n"
    assert problems(damaged)[0] == "event 4 cannot be read"


def test_a_cut_end_is_found() -> None:
    lines = exported(a_chain(9))
    assert problems(lines[:-1])[0] == "the export breaks off after 9"
    assert problems([*lines[:7], lines[-1]])[0] == (
        "the signed head does not fit the last event, 6"
    )
    cut = exported(a_chain(6))
    kept = a_chain(9).checkpoint()
    assert problems(cut, kept)[0] == (
        "the trail was cut: it has 6 events, a checkpoint has 9"
    )
    assert problems([*lines, lines[1]]) == ["something follows the end of the export"]


def test_a_trail_rewritten_with_the_key_is_found_against_a_kept_checkpoint() -> None:
    kept = a_chain(5).checkpoint()
    rewritten = a_chain(3)
    for _ in range(6):
        rewritten.add("export")
    assert problems(exported(rewritten)) == []
    assert problems(exported(rewritten), kept) == [
        "events 1 to 5 are not those of the checkpoint of 5 events"
    ]
    foreign = a_chain(5, "north").checkpoint()
    assert problems(exported(rewritten), foreign) == []


def test_no_byte_of_an_export_can_change() -> None:
    whole = b"".join(exported(a_chain(6)))
    chance = random.Random(1)
    for place in chance.sample(range(len(whole)), 200):
        changed = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        try:
            found = problems(changed.splitlines(keepends=True))
        except NoTrailExport:
            continue
        assert found or b"default" not in changed[:60], place


@pytest.mark.parametrize("line", [b"", b"{}", b"[1]", b"\xff", json.dumps(1).encode()])
def test_what_is_no_export_is_said_to_be_none(line: bytes) -> None:
    with pytest.raises(NoTrailExport):
        verified_export([line], [KEY.public])
