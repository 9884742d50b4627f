"""The samples of a FHIR SampledData, read strictly."""

from ecgsvc.domain.waveform import Millivolts
from ecgsvc.dsp import _core


class SampledDataError(ValueError):
    """A SampledData text breaks a rule.

    The message carries positions and the rule, never a part of the text.

    Parameters
    ----------
    sample_index
        The first sample at fault, counted from 0.
    byte_offset
        Where it begins in the text's UTF-8 bytes, counted from 0.
    reason
        The rule that it breaks.
    """

    def __init__(self, sample_index: int, byte_offset: int, reason: str) -> None:
        super().__init__(f"sample {sample_index} at byte {byte_offset}: {reason}")
        self.sample_index = sample_index
        self.byte_offset = byte_offset
        self.reason = reason


def parse_sampled_data(data: str, *, origin: float, factor: float) -> Millivolts:
    r"""Values of ``SampledData.data`` as ``origin + factor * sample``.

    Samples stand exactly one space apart. A sample is ``E`` (error), ``L`` or ``U`` (below
    or above the detection limits), all three NaN, or a decimal
    ``-?([0-9]+|[0-9]*\.[0-9]+)([eE][+-]?[0-9]+)?``: the pattern the R4 schema states for
    this element, and the exponent that a FHIR decimal may have. Decimals are rounded
    correctly to float64.

    Parameters
    ----------
    data
        The text of the element.
    origin, factor
        In any unit; it is the unit of the result too (millivolts only if they are).

    Returns
    -------
    numpy.ndarray
        Shape (n,), float64, n >= 1, finite or NaN.

    Raises
    ------
    SampledDataError
        At the first sample that is malformed, out of the range of a float64 or not finite
        once scaled; an empty text is a missing first sample.

    References
    ----------
    HL7 FHIR R4 (4.0.1), data type SampledData, and in its fhir-base.xsd the pattern of
    SampledDataDataType-primitive.
    """
    text = data if data.isascii() else data.encode("utf-8", "surrogatepass")
    parsed = _core.parse_sampled_data(text, origin=origin, factor=factor)
    if isinstance(parsed, tuple):
        raise SampledDataError(*parsed)
    return parsed
