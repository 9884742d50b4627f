"""R peaks of one or several leads, of a whole recording or as the samples arrive."""

from dataclasses import asdict, dataclass
from typing import final

from ecgsvc.domain.waveform import Millivolts, SampleIndices
from ecgsvc.dsp import _core

_SHIPPED = _core.DetectorConstants()


@dataclass(frozen=True, slots=True)
class DetectorConstants:
    """What of the detector is fitted to annotated records; those that ship by default.

    Heights are relative to a usual beat.

    Parameters
    ----------
    early_share, late_share
        How far the threshold stands from the noise (0) to the beats (1): soon after a
        beat, and from one RR interval after it on.
    surely_no_t_wave
        A candidate this high is never a T wave.
    shape_gain, usual_likeness
        A height counts exp(`shape_gain` (r - `usual_likeness`)) times, r being its shape's
        correlation with the recent beats.
    search_back_rr, search_back_share
        RR intervals without a beat after which what was passed over is looked at again,
        and the least height it needs.
    """

    early_share: float = _SHIPPED.early_share
    late_share: float = _SHIPPED.late_share
    surely_no_t_wave: float = _SHIPPED.surely_no_t_wave
    shape_gain: float = _SHIPPED.shape_gain
    usual_likeness: float = _SHIPPED.usual_likeness
    search_back_rr: float = _SHIPPED.search_back_rr
    search_back_share: float = _SHIPPED.search_back_share


def detect_r_peaks(
    samples_mv: Millivolts,
    sampling_rate_hz: float,
    *,
    fiducial_lead: int = 0,
    constants: DetectorConstants | None = None,
) -> SampleIndices:
    """Find every heart beat with all leads together and mark it at one lead's R peak.

    Equal to `RPeakDetector` fed once. Shorter than one second, flat or missing throughout:
    no beats. A complex that begins or ends with the recording, and has not come half-way
    back to the baseline there, is no beat yet. Linear in the number of samples.

    Parameters
    ----------
    samples_mv
        Shape (n_leads, n) or (n,), C-contiguous float64, millivolts; NaN and infinities are
        missing samples. The unit does not matter to which beats are found, nor do offset
        and polarity.
    sampling_rate_hz
        Samples per second, at least 50; made for 100 to 2000.
    fiducial_lead
        Row whose R peaks are returned: the greatest deflection from the baseline within the
        QRS complex, positive or negative. Where that lead is flat, the time of the complex.
    constants
        Others than those that ship, to try them.

    Returns
    -------
    numpy.ndarray
        Shape (n_beats,), int64 sample indices, strictly increasing.

    Raises
    ------
    ValueError
        For a rate below 50 Hz, no lead, or a fiducial lead that is not there.
    TypeError
        When `samples_mv` is no C-contiguous float64 array.
    """
    given = _core.DetectorConstants()
    for name, value in asdict(constants).items() if constants is not None else ():
        setattr(given, name, value)
    return _core.detect_r_peaks(
        samples_mv, sampling_rate_hz, fiducial_lead=fiducial_lead, constants=given
    )


@final
class RPeakDetector:
    """The same detector for a signal that is still arriving.

    Chunks may be cut anywhere without changing the beats. A beat is reported within 0.5 s
    of its R peak; one that is found only because a pause followed, after one and a half RR
    intervals; those of the first three seconds, when these are over. Memory is constant.
    Not to be used by two threads at once.

    Parameters
    ----------
    n_leads
        Rows every chunk will have.
    sampling_rate_hz, fiducial_lead
        As for `detect_r_peaks`, which also names the errors.
    """

    def __init__(
        self, n_leads: int, sampling_rate_hz: float, *, fiducial_lead: int = 0
    ) -> None:
        self._detector = _core.RPeakDetector(
            n_leads, sampling_rate_hz, fiducial_lead=fiducial_lead
        )

    def push(self, chunk_mv: Millivolts) -> SampleIndices:
        """Take the next samples, shape (n_leads, any n), and return the new R peaks.

        Indices count from the first sample ever pushed and increase from call to call.
        """
        return self._detector.push(chunk_mv)

    def finish(self) -> SampleIndices:
        """End the signal and return the R peaks still pending."""
        return self._detector.finish()
