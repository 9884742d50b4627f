"""The order in which a line of mixed direction is written.

The Unicode Bidirectional Algorithm (UAX #9, revision 48) for one line that begins at the
left: rules W1-W7, N1-N2, I1, L1 and L2. Left out: explicit embeddings (such characters are
taken out before) and paired brackets (N0).
"""

import unicodedata
from itertools import groupby

_STRONG = frozenset("LR")
_AS_R = {"EN": "R", "AN": "R"}
_NEUTRAL = frozenset({"B", "S", "WS", "ON", "BN"})
_CONTROLS = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


def printable(text: str) -> str:
    """Take out what could break or turn a line: controls, and explicit directions."""
    return "".join(
        " " if character.isspace() else character
        for character in text
        if character.isspace()
        or (
            unicodedata.category(character) not in ("Cc", "Cs", "Co", "Cn")
            and unicodedata.bidirectional(character) not in _CONTROLS
        )
    )


def visual_runs(text: str) -> list[tuple[str, bool]]:
    """Split into runs of one direction, in the order of writing from left to right.

    Returns
    -------
    list of (str, bool)
        The characters of a run in the order of speech, and whether it is written from
        right to left.
    """
    if text.isascii():
        return [(text, False)] if text else []
    levels = _levels(text)
    runs = []
    for level, group in groupby(zip(text, levels, strict=True), key=lambda pair: pair[1]):
        runs.append(("".join(character for character, _ in group), level))
    for lowest in range(max(levels), 0, -1):
        runs = _reversed_from(runs, lowest)
    return [(run, level % 2 == 1) for run, level in runs]


def _reversed_from(runs: list[tuple[str, int]], lowest: int) -> list[tuple[str, int]]:
    """L2: turn each sequence of runs at this level or higher around."""
    turned: list[tuple[str, int]] = []
    for high, group in groupby(runs, key=lambda run: run[1] >= lowest):
        here = list(group)
        turned += reversed(here) if high else here
    return turned


def _levels(text: str) -> list[int]:
    kinds = [unicodedata.bidirectional(character) or "L" for character in text]
    _resolve_numbers(kinds)
    _resolve_neutrals(kinds)
    levels = [{"R": 1, "EN": 2, "AN": 2}.get(kind, 0) for kind in kinds]
    end = len(text.rstrip())
    levels[end:] = [0] * (len(text) - end)  # L1
    return levels


def _resolve_numbers(kinds: list[str]) -> None:
    """W1 to W7."""
    strong = before = "L"
    for i, kind in enumerate(kinds):
        if kind == "NSM":
            kinds[i] = kind = before
        before = kind
        if kind in ("L", "R", "AL"):
            strong = kind
        elif kind == "EN" and strong == "AL":
            kinds[i] = "AN"
    kinds[:] = ["R" if kind == "AL" else kind for kind in kinds]
    for i in range(1, len(kinds) - 1):
        left, kind, right = kinds[i - 1 : i + 2]
        same = left == right
        if same and (
            (kind in ("ES", "CS") and left == "EN") or (kind, left) == ("CS", "AN")
        ):
            kinds[i] = left
    i = 0
    for kind, group in groupby(list(kinds)):
        stop = i + len(list(group))
        if kind == "ET":
            number = "EN" in (
                kinds[i - 1] if i else "",
                kinds[stop : stop + 1] and kinds[stop],
            )
            kinds[i:stop] = ["EN" if number else "ON"] * (stop - i)
        i = stop
    strong = "L"
    for i, kind in enumerate(kinds):
        if kind in ("ES", "CS"):
            kinds[i] = "ON"
        elif kind in _STRONG:
            strong = kind
        elif kind == "EN" and strong == "L":
            kinds[i] = "L"


def _resolve_neutrals(kinds: list[str]) -> None:
    """N1 and N2."""
    i = 0
    for neutral, group in groupby(list(kinds), key=_NEUTRAL.__contains__):
        stop = i + len(list(group))
        if neutral:
            left = _AS_R.get(kinds[i - 1], kinds[i - 1]) if i else "L"
            right = _AS_R.get(kinds[stop], kinds[stop]) if stop < len(kinds) else "L"
            kinds[i:stop] = [left if left == right else "L"] * (stop - i)
        i = stop
