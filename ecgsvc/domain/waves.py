"""P, QRS and T waves as a delineator marks them."""

from dataclasses import dataclass

from ecgsvc.domain.waveform import Lead, SampleIndices

ABSENT = -1
"""Marks a fiducial point of a wave that is not there."""


@dataclass(frozen=True, slots=True, eq=False)
class WavePoints:
    """Onset, peak and offset of one kind of wave, each of shape (n_beats,).

    Sample indices at the recording's own rate; `ABSENT` (-1) in all three where the beat
    has no such wave. Row i belongs to beat i.
    """

    onset: SampleIndices
    peak: SampleIndices
    offset: SampleIndices


@dataclass(frozen=True, slots=True, eq=False)
class LeadWaves:
    """The waves of one lead, beat by beat."""

    lead: Lead
    p: WavePoints
    qrs: WavePoints
    t: WavePoints
