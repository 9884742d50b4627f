"""SNOMED CT codes of what the criteria find.

Those of the PhysioNet/CinC 2021 challenge (doi 10.23919/CinC53138.2021.9662687) and, for
left posterior fascicular block, of the NAPKON cardiology value sets. What has no code of
its own bears its parent's, and says the rest in its text.
"""

from ecgsvc.domain.findings import SNOMED_CT, Coding


def _snomed(code: str, display: str) -> Coding:
    return Coding(SNOMED_CT, code, display)


LEFT_AXIS = _snomed("39732003", "Left axis deviation")
RIGHT_AXIS = _snomed("47665007", "Right axis deviation")
FIRST_DEGREE_AV_BLOCK = _snomed("270492004", "First degree atrioventricular block")
PROLONGED_PR = _snomed("164947007", "Prolonged PR interval")
SHORT_PR = _snomed("49578007", "Shortened PR interval")
PREEXCITATION = _snomed("74390002", "Wolff-Parkinson-White pattern")
LBBB = _snomed("733534002", "Complete left bundle branch block")
RBBB = _snomed("713427006", "Complete right bundle branch block")
INCOMPLETE_RBBB = _snomed("713426002", "Incomplete right bundle branch block")
INCOMPLETE_LBBB = _snomed("251120003", "Incomplete left bundle branch block")
LEFT_ANTERIOR = _snomed("445118002", "Left anterior fascicular block")
LEFT_POSTERIOR = _snomed("445211001", "Left posterior fascicular block")
IVCD = _snomed("698252002", "Nonspecific intraventricular conduction disorder")
PACING = _snomed("10370003", "Pacing rhythm")
LONG_QT = _snomed("111975006", "Prolonged QT interval")
SHORT_QT = _snomed("77867006", "Decreased QT interval")
LVH = _snomed("164873001", "Left ventricular hypertrophy")
RVH = _snomed("89792004", "Right ventricular hypertrophy")
LOW_VOLTAGE = _snomed("251146004", "Low QRS voltages")
Q_WAVE = _snomed("164917005", "Q wave abnormal")
POOR_R_PROGRESSION = _snomed("365413008", "Poor R wave progression")
ST_ELEVATION = _snomed("164931005", "ST elevation")
ST_DEPRESSION = _snomed("429622005", "ST depression")
T_INVERSION = _snomed("59931005", "T wave inversion")
ATRIAL_FLUTTER = _snomed("164890007", "Atrial flutter")
MYOCARDIAL_INFARCTION = _snomed("164865005", "Myocardial infarction")
T_WAVE_ABNORMAL = _snomed("164934002", "T wave abnormal")
NORMAL_ECG = _snomed("164854000", "Electrocardiogram normal")
ABNORMAL_ECG = _snomed("102594003", "Electrocardiogram abnormal")
"""The parent of what has no code of its own."""
