"""What the diagnosis model sees: the one input builder of training and serving.

Every lead is shown in units of its own standard deviation, with that deviation beside it:
shape and size are separate, so that recordings whose size is unknown can be read too.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.waveform import STANDARD_LEADS, Lead, Millivolts, Sex, Waveform
from ecgsvc.inference.averages import mean
from ecgsvc.inference.beat_features import SignalTools
from ecgsvc.inference.diagnosis_features import diagnosis_features
from ecgsvc.inference.gaps import bridge_gaps
from ecgsvc.inference.signal_form import signal_form

DIAGNOSIS_RATE_HZ = 100.0
DIAGNOSIS_BAND_HZ = (0.5, 40.0)
DIAGNOSIS_WINDOW_SAMPLES = 1000
"""Longest stretch read at once; longer recordings are read in several."""
LEAST_SAMPLES = 250
"""Shorter recordings get no answer: the network was shown 2.5 s or more."""
DIAGNOSIS_LEADS = STANDARD_LEADS
LEAD_FEATURES = ("present", "size_known", "log_mv")
PERSON_FEATURES = ("age_known", "age_centuries", "sex_known", "female")

_MOST_WINDOWS = 12
_CLIP = 8.0  # standard deviations
_FAINT_MV = 1e-3  # a lead that moves less shows nothing
_LIMB_LEADS_OF_I_AND_II = {
    "III": (-1.0, 1.0),
    "aVR": (-0.5, -0.5),
    "aVL": (1.0, -0.5),
    "aVF": (-0.5, 1.0),
}


@dataclass(frozen=True, slots=True, eq=False)
class DiagnosisInputs:
    """Windows of one recording, or of many of one length.

    Parameters
    ----------
    signal
        Shape (n, 12, samples) float32 at 100 Hz, 0.5-40 Hz, in units of each lead's own
        standard deviation; zero where there is no lead.
    leads
        Shape (n, 12, 3) float32, columns as `LEAD_FEATURES`: 1 or 0, 1 or 0, and the
        natural logarithm of the standard deviation in mV (0 where it is not known).
    person
        Shape (n, 4) float32, columns as `PERSON_FEATURES`.
    form
        Shape (n, 9) float32, columns as `FORM_FEATURES`.
    features
        Shape (n, features) float32, columns as `DIAGNOSIS_FEATURES`.
    """

    signal: NDArray[np.float32]
    leads: NDArray[np.float32]
    person: NDArray[np.float32]
    form: NDArray[np.float32]
    features: NDArray[np.float32]

    @classmethod
    def of(
        cls,
        signal: NDArray[np.float32],
        leads: NDArray[np.float32],
        person: NDArray[np.float32],
    ) -> "DiagnosisInputs":
        """Describe windows by form and features."""
        return cls(
            signal,
            leads,
            person,
            signal_form(signal, leads),
            diagnosis_features(signal, leads, person),
        )


def filter_leads(waveform: Waveform, tools: SignalTools) -> Millivolts:
    """Bring a recording to 100 Hz and 0.5-40 Hz, shape (12, samples), NaN where no lead.

    Gaps become straight lines. Limb leads that are missing are made of I and II, which a
    recording of eight leads holds.
    """
    leads = [
        lead
        for lead, lead_mv in zip(waveform.leads, waveform.samples_mv, strict=True)
        if lead in DIAGNOSIS_LEADS and np.isfinite(lead_mv).any()
    ]
    rows: dict[Lead, Millivolts] = {}
    if leads:
        rows = dict(zip(leads, _filter(waveform.select(leads), tools), strict=True))
    if "I" in rows and "II" in rows:
        for lead, (of_one, of_two) in _LIMB_LEADS_OF_I_AND_II.items():
            rows.setdefault(lead, of_one * rows["I"] + of_two * rows["II"])
    n_samples = len(next(iter(rows.values()))) if rows else 0
    missing = np.full(n_samples, np.nan)
    return np.stack([rows.get(lead, missing) for lead in DIAGNOSIS_LEADS])


def _filter(waveform: Waveform, tools: SignalTools) -> Millivolts:
    bridged = waveform.samples_mv
    if not np.isfinite(bridged).all():
        bridged = np.stack([bridge_gaps(lead_mv) for lead_mv in bridged])
    signal = tools.resample(bridged, waveform.sampling_rate_hz, DIAGNOSIS_RATE_HZ)
    return tools.band_pass(
        np.ascontiguousarray(signal), DIAGNOSIS_RATE_HZ, *DIAGNOSIS_BAND_HZ
    )


def windows_of(n_samples: int) -> list[slice]:
    """Where the windows of a recording lie, at 100 Hz; none when it is too short.

    One when it is no longer than a window, else as few as cover it, at most twelve,
    evenly spread.
    """
    if n_samples < LEAST_SAMPLES:
        return []
    n = min(_MOST_WINDOWS, -(-n_samples // DIAGNOSIS_WINDOW_SAMPLES))
    room = max(0, n_samples - DIAGNOSIS_WINDOW_SAMPLES)
    starts = np.linspace(0, room, n).round().astype(int).tolist()
    return [slice(start, start + DIAGNOSIS_WINDOW_SAMPLES) for start in starts]


def standardise(
    windows_mv: NDArray[np.floating], size_known: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Part shape and size.

    Parameters
    ----------
    windows_mv
        Shape (n, 12, samples), of `filter_leads`; NaN where there is no lead. In any unit
        where `size_known`, of shape (n,), is false.

    Returns
    -------
    signal, leads
        As in `DiagnosisInputs`. A lead that moves less than 1 µV is absent.
    """
    centred = windows_mv - mean(windows_mv, axis=-1, keepdims=True)
    sizes = np.sqrt(mean(np.square(centred), axis=-1))
    present = np.isfinite(sizes) & (sizes > _FAINT_MV)
    known = present & size_known[:, np.newaxis]
    safe = np.where(present, sizes, 1.0)
    signal = np.where(present[..., np.newaxis], centred, 0.0) / safe[..., np.newaxis]
    log_mv = np.where(known, np.log(safe), 0.0)
    leads = np.stack([present, known, log_mv], axis=-1)
    return signal.clip(-_CLIP, _CLIP).astype(np.float32), leads.astype(np.float32)


def person_features(age_years: float | None, sex: Sex | None) -> NDArray[np.float32]:
    """Age and sex as `PERSON_FEATURES`, zeros for what is not known."""
    age = 0.0 if age_years is None else age_years / 100
    female = 1.0 if sex == "female" else 0.0
    return np.array(
        [float(age_years is not None), age, float(sex is not None), female],
        dtype=np.float32,
    )


def build_diagnosis_inputs(
    leads_mv: Millivolts, age_years: float | None, sex: Sex | None
) -> DiagnosisInputs | None:
    """Build the windows of one recording from `filter_leads`; None when it is too short."""
    windows = windows_of(leads_mv.shape[1])
    if not windows:
        return None
    stacked = np.stack([leads_mv[:, window] for window in windows])
    signal, leads = standardise(stacked, np.ones(len(windows), dtype=bool))
    person = np.tile(person_features(age_years, sex), (len(windows), 1))
    return DiagnosisInputs.of(signal, leads, person)
