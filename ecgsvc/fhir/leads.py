"""Which lead a component holds.

The code decides; the display is only compared with it, because senders are known to label
aVR with the code of III. A lead without a code we know keeps the name in ``code.text``.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ecgsvc.domain.errors import InvalidElement, MissingElement
from ecgsvc.domain.waveform import STANDARD_LEADS, Lead, distinct_names
from ecgsvc.fhir.codes import LEAD_BY_CODE
from ecgsvc.fhir.json_body import Element
from ecgsvc.fhir.problems import Problems

MAX_NAME = 64
_BY_UPPER_NAME = {lead.upper(): lead for lead in STANDARD_LEADS}
_DISPLAY_PREFIX = re.compile(r"(MDC_ECG_ELEC_POTL_|MDC_ECG_LEAD_|LEAD )")


@dataclass(frozen=True, slots=True)
class LeadName:
    """The name of a lead, whether a code gave it, and the code's element."""

    name: str
    is_coded: bool
    path: str
    displayed: Lead | None = None


def read_lead(code: Element, problems: Problems, *, default: str = "") -> LeadName | None:
    """Name the lead of a ``code`` element, or note why it has no name.

    `default` is the name when neither a code nor a text gives one.
    """
    codings = code.objects("coding")
    coded = [(c, lead) for c in codings if (lead := _lead_of(c)) is not None]
    leads = {lead for _, lead in coded}
    if len(leads) > 1:
        msg = "the codings name different leads"
        problems.add(InvalidElement(msg, expression=f"{code.path}.coding"))
        return None
    if coded:
        coding, lead = coded[0]
        displayed = _displayed_lead(coding)
        if displayed not in (None, lead):
            problems.warn(
                f"the code is that of lead {lead}, the display names {displayed}; "
                "the code decides",
                f"{coding.path}.display",
            )
        return LeadName(lead, is_coded=True, path=code.path, displayed=displayed)
    text = (code.text("text") or "").strip() or default
    if not text:
        msg = "a lead needs the code of a standard lead, or its name in text"
        problems.add(MissingElement(msg, expression=f"{code.path}.text"))
        return None
    if len(text) > MAX_NAME or not text.isprintable():
        msg = f"the name of a lead has at most {MAX_NAME} printable characters"
        problems.add(InvalidElement(msg, expression=f"{code.path}.text"))
        return None
    return LeadName(text, is_coded=False, path=code.path)


def _lead_of(coding: Element) -> Lead | None:
    return LEAD_BY_CODE.get((coding.text("system") or "", coding.text("code") or ""))


def _displayed_lead(coding: Element) -> Lead | None:
    display = (coding.text("display") or "").strip().upper()
    return _BY_UPPER_NAME.get(_DISPLAY_PREFIX.sub("", display, count=1))


def standard_leads(leads: Collection[Lead]) -> frozenset[Lead]:
    """Return the leads that are the standard ones of their names, and so may be coded.

    Limb leads are, by their names. V1 to V6 are measured against the limb electrodes, so
    they are where I and II were recorded too; the V5 of a Holter is another lead.
    """
    chest = STANDARD_LEADS[6:] if {"I", "II"} <= set(leads) else ()
    return frozenset(leads) & {*STANDARD_LEADS[:6], *chest}


def distinct_leads(names: Sequence[LeadName], problems: Problems) -> tuple[Lead, ...]:
    """Return one name a lead; own names that are equal get #2, #3.

    A standard lead named twice by its code is refused. Coded leads keep their names where
    an own name is the same.
    """
    seen: set[Lead] = set()
    for named in names:
        if not named.is_coded:
            continue
        if named.name in seen:
            msg = f"lead {named.name} is given twice"
            if named.displayed not in (None, named.name):
                msg += f"; the display names {named.displayed}, which has another code"
            problems.add(InvalidElement(msg, expression=named.path))
        seen.add(named.name)
    order = sorted(range(len(names)), key=lambda i: not names[i].is_coded)
    distinct = distinct_names([names[i].name for i in order])
    by_index = dict(zip(order, distinct, strict=True))
    return tuple(by_index[i] for i in range(len(names)))
