"""A trail passes from one key to the next, and back to no key that was retired."""

import json
from itertools import pairwise

from ecgsvc.trail import ChainFollower, SigningKey, VerifyingKey, hand_over
from tests.unit.trail.chains import Chain, a_chain

FIRST, SECOND, THIRD, FOREIGN = (SigningKey.generate() for _ in range(4))


def handed_over(*keys: SigningKey) -> Chain:
    """A chain whose keys follow each other, three events apart."""
    chain = a_chain(3)
    for old, new in pairwise(keys):
        chain.add("configure", hand_over("default", old, new.public))
        chain.add()
        chain.add()
    return chain


def found(chain: Chain, signer: SigningKey, *keys: SigningKey) -> tuple[list[str], bool]:
    """What following it says, and whether its end is believed."""
    believed: list[VerifyingKey] = [key.public for key in keys]
    follower = ChainFollower("default", believed)
    problems = [each.text for each in follower.follow(chain.events)]
    return problems, follower.ends_with(chain.head(signer))


def test_both_eras_are_believed_by_whoever_believes_either_key() -> None:
    chain = handed_over(FIRST, SECOND, THIRD)
    for keys in ((FIRST,), (SECOND,), (THIRD,), (FIRST, SECOND, THIRD), (FIRST, THIRD)):
        assert found(chain, THIRD, *keys) == ([], True)
    assert found(chain, THIRD, FOREIGN) == ([], False)
    assert found(chain, THIRD) == ([], False)


def test_a_head_by_a_retired_key_is_not_believed() -> None:
    chain = handed_over(FIRST, SECOND)
    assert found(chain, FIRST, FIRST, SECOND) == ([], False)
    assert found(chain, FIRST, FIRST) == ([], False)
    assert found(a_chain(3), FIRST, FIRST, SECOND) == ([], False)  # rolled back
    assert found(a_chain(3), FIRST, FIRST) == ([], True)
    assert found(a_chain(3), SECOND, FIRST, SECOND) == ([], True)  # began with it


def test_nobody_takes_over_without_the_key_before() -> None:
    problem = "event 4 hands the trail over without the old key"
    stolen = a_chain(3)
    forged = json.loads(hand_over("default", FOREIGN, SECOND.public))
    honest = json.loads(hand_over("default", FIRST, SECOND.public))
    mixed = forged | {"old_key": honest["old_key"]}
    stolen.add("configure", json.dumps(mixed))
    assert found(stolen, SECOND, FIRST)[0] == [problem]
    elsewhere = a_chain(3)
    elsewhere.add("configure", hand_over("north", FIRST, SECOND.public))
    assert found(elsewhere, SECOND, FIRST) == ([problem], False)
    late = handed_over(FIRST, SECOND)
    late.add("configure", hand_over("default", FIRST, THIRD.public))
    assert found(late, SECOND, FIRST)[0] == [problem.replace("4", "7")]
    assert found(late, THIRD, FIRST)[1] is False
    assert found(handed_over(FOREIGN, THIRD), THIRD, FIRST) == ([], False)


def test_a_lost_key_ends_what_was_believed_by_it() -> None:
    chain = handed_over(FIRST, SECOND)
    chain.add("configure", hand_over("default", None, THIRD.public))
    chain.add()
    assert found(chain, THIRD, FIRST, SECOND, THIRD) == ([], True)
    assert found(chain, THIRD, SECOND) == found(chain, SECOND, SECOND) == ([], False)
    chain.add("configure", hand_over("default", THIRD, FOREIGN.public))
    assert found(chain, FOREIGN, FIRST, THIRD) == ([], True)
    assert found(chain, FOREIGN, FIRST, SECOND) == ([], False)
