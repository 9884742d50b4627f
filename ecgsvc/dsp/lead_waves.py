"""The delineation of a waveform, lead by lead, in the words of the domain."""

from ecgsvc.domain.waveform import SampleIndices, Waveform
from ecgsvc.domain.waves import LeadWaves
from ecgsvc.dsp.delineation import delineate


def delineate_leads(
    waveform: Waveform, r_peak_indices: SampleIndices, *, threads: int = 1
) -> tuple[LeadWaves, ...]:
    """Mark P, QRS and T of every beat in every lead; none without leads or beats.

    `threads` as for `delineate`.
    """
    if not waveform.n_leads or not len(r_peak_indices):
        return ()
    points = delineate(
        waveform.samples_mv, waveform.sampling_rate_hz, r_peak_indices, threads=threads
    )
    of_leads = zip(waveform.leads, points.transpose(0, 2, 3, 1), strict=True)
    return tuple(LeadWaves.of_points(lead, of_lead) for lead, of_lead in of_leads)
