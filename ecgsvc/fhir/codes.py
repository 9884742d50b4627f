"""Code systems, codes and bindings, written down once."""

from collections.abc import Mapping

from ecgsvc.domain.findings import Coding
from ecgsvc.domain.waveform import STANDARD_LEADS, Lead

LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
MDC = "urn:iso:std:iso:11073:10101"
MDC_OID = "urn:oid:2.16.840.1.113883.6.24"
"""The same code system by its OID, as the HL7 example uses it."""
URI = "urn:ietf:rfc:3986"
DATA_ABSENT_REASON = "http://terminology.hl7.org/CodeSystem/data-absent-reason"

MDC_ECG = Coding(MDC, "131328", "MDC_ECG_ELEC_POTL")
EKG_STUDY = Coding(LOINC, "11524-6", "EKG study")
EKG_PANEL = Coding(LOINC, "34534-8", "12 lead EKG panel")
EKG_IMPRESSION = Coding(LOINC, "8601-7", "EKG impression")
CARDIOLOGY = Coding(LOINC, "LP29708-2", "Cardiology")
ELECTROCARDIAC = Coding(
    "http://terminology.hl7.org/CodeSystem/v2-0074",
    "EC",
    "Electrocardiac (e.g., EKG,  EEC, Holter)",
)
PROCEDURE = Coding(
    "http://terminology.hl7.org/CodeSystem/observation-category", "procedure", "Procedure"
)
AI_ASSERTED = Coding(
    "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "AIAST",
    "Artificial Intelligence asserted",
)

_INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
ABNORMAL = Coding(_INTERPRETATION, "A", "Abnormal")
CRITICAL_ABNORMAL = Coding(_INTERPRETATION, "AA", "Critical abnormal")
CHANGED_UP = Coding(_INTERPRETATION, "U", "Significant change up")
CHANGED_DOWN = Coding(_INTERPRETATION, "D", "Significant change down")

ECG_CODES = frozenset({
    (MDC, MDC_ECG.code),
    (MDC_OID, MDC_ECG.code),
    (LOINC, EKG_STUDY.code),
    (LOINC, "LP6244-0"),  # "Electrocardiogram (EKG)", fixed by the German base profile
})  # fmt: skip
"""(system, code) of ``Observation.code`` that say "this is an ECG"."""

_MDC_LEAD_PARTITION = 2 * 65536
_MDC_ELEC_POTL = 256
_MDC_AMPL_R = 2048
_MDC_DISCRIMINATORS = (1, 2, 61, 62, 63, 64, 3, 4, 5, 6, 7, 8)
"""Lead discriminators of ISO/IEEE 11073-10102 in the order of `STANDARD_LEADS`; a code for
a measurement in a lead is the measurement's base code plus the discriminator."""

_LOINC_LEADS = (
    "LP7386-8", "LP7387-6", "LP7388-4", "LP7385-0", "LP7384-3", "LP7383-5",
    "LP7389-2", "LP7390-0", "LP7391-8", "LP7392-6", "LP7393-4", "LP7394-2",
)  # fmt: skip
_LOINC_T_AMPLITUDES = (
    "10145-1", "10146-9", "10147-7", "10144-4", "10143-6", "10142-8",
    "10148-5", "10149-3", "10150-1", "10151-9", "10152-7", "10153-5",
)  # fmt: skip


def _mdc_lead(lead: Lead) -> int:
    return _MDC_LEAD_PARTITION + _MDC_DISCRIMINATORS[STANDARD_LEADS.index(lead)]


LEAD_CODING: Mapping[Lead, Coding] = {
    lead: Coding(
        MDC, str(_mdc_lead(lead) + _MDC_ELEC_POTL), f"MDC_ECG_ELEC_POTL_{lead.upper()}"
    )
    for lead in STANDARD_LEADS
}
"""How a standard lead is coded when we write one: I 131329 … V6 131336."""

R_AMPLITUDE: Mapping[Lead, Coding] = {
    lead: Coding(MDC, str(_mdc_lead(lead) + _MDC_AMPL_R), f"MDC_ECG_AMPL_R_{lead.upper()}")
    for lead in STANDARD_LEADS
}
T_AMPLITUDE: Mapping[Lead, Coding] = {
    lead: Coding(LOINC, code, f"T wave amplitude in lead {lead}")
    for lead, code in zip(STANDARD_LEADS, _LOINC_T_AMPLITUDES, strict=True)
}

LEAD_BY_CODE: Mapping[tuple[str, str], Lead] = {
    (system, str(_mdc_lead(lead) + base)): lead
    for lead in STANDARD_LEADS
    for system in (MDC, MDC_OID)
    for base in (0, _MDC_ELEC_POTL)  # MDC_ECG_LEAD_* (131073 …), MDC_ECG_ELEC_POTL_*
} | {(LOINC, code): lead for lead, code in zip(STANDARD_LEADS, _LOINC_LEADS, strict=True)}
"""Every (system, code) that names a standard lead."""

ACCEPTED_STATUS = frozenset({"final", "amended", "corrected", "preliminary"})
OTHER_STATUS = frozenset({"registered", "cancelled", "entered-in-error", "unknown"})

REQUIRED_BINDINGS: Mapping[tuple[str, str], frozenset[str]] = {
    ("Observation", "status"): ACCEPTED_STATUS | OTHER_STATUS,
    ("Narrative", "status"): frozenset({"generated", "extensions", "additional", "empty"}),
    ("Identifier", "use"): frozenset({"usual", "official", "temp", "secondary", "old"}),
    ("Quantity", "comparator"): frozenset({"<", "<=", ">=", ">", "ad"}),
    ("Patient", "gender"): frozenset({"male", "female", "other", "unknown"}),
    ("Bundle", "type"): frozenset({
        "document", "message", "transaction", "transaction-response", "batch",
        "batch-response", "history", "searchset", "collection", "subscription-notification",
    }),
}  # fmt: skip
"""Codes a body must choose from (the lists in `fhir.resources` are cut short)."""

REFERENCE_TARGETS: Mapping[str, frozenset[str]] = {
    "subject": frozenset({"Patient"}),
    "encounter": frozenset({"Encounter"}),
    "device": frozenset({"Device", "DeviceMetric"}),
    "basedOn": frozenset({
        "CarePlan", "DeviceRequest", "ImmunizationRecommendation", "MedicationRequest",
        "NutritionOrder", "ServiceRequest",
    }),
}  # fmt: skip
"""Types that carried references may point to; the subject of an ECG is a patient."""
