"""Names of leads as files spell and code them."""

from collections.abc import Mapping

from ecgsvc.domain.waveform import STANDARD_LEADS, Lead

_PREFIXES = ("mdc_ecg_lead_", "mdc_ecg_elec_potl_", "lead_", "lead ", "ecg ", "ekg ")
_OTHERS = (
    "V7",
    "V8",
    "V9",
    "V2R",
    "V3R",
    "V4R",
    "V5R",
    "V6R",
    "V7R",
    "X",
    "Y",
    "Z",
    "MLII",
)
_SPELLING = {lead.casefold(): lead for lead in (*STANDARD_LEADS, *_OTHERS)}

LEAD_BY_NUMBER: Mapping[int, Lead] = {
    1: "I", 2: "II", 3: "V1", 4: "V2", 5: "V3", 6: "V4", 7: "V5", 8: "V6", 9: "V7",
    10: "V2R", 11: "V3R", 12: "V4R", 13: "V5R", 14: "V6R", 15: "V7R", 16: "X", 17: "Y",
    18: "Z", 61: "III", 62: "aVR", 63: "aVL", 64: "aVF", 66: "V8", 67: "V9",
}  # fmt: skip
"""EN 1064 (SCP-ECG), section 3, table of lead identification; ISO/IEEE 11073-10102 and
DICOM (CID 3001) use the same numbers."""

KNOWN_LEADS = frozenset(_SPELLING.values())
"""Leads that have one meaning, whoever names them."""

NUMBER_BY_LEAD: Mapping[Lead, int] = {lead: n for n, lead in LEAD_BY_NUMBER.items()}


def lead_name(text: str) -> Lead:
    """Spell a lead the domain's way; a name that is not known stays as it is."""
    stripped = " ".join(text.split())
    name = stripped.casefold()
    for prefix in _PREFIXES:
        if name.startswith(prefix):
            name = name[len(prefix) :]
            stripped = stripped[len(prefix) :]
    return _SPELLING.get(name.strip(), stripped)
