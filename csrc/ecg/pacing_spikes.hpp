#pragma once

#include <span>
#include <vector>

#include "ecg/bridged_lead.hpp"
#include "ecg/units.hpp"

namespace ecg {

/// Replaces pacing spikes in a stretch of all leads by straight lines: steps of at least a tenth of
/// a lead's whole range (`leads`) that last a few milliseconds and stand alone, in all leads
/// together. Stretches of equal length. Below 240 Hz a spike cannot be told from a QRS complex, and
/// nothing changes. `steps` is memory to work in.
void remove_pacing_spikes(std::span<std::vector<double>> stretches,
                          std::span<const BridgedLead> leads, SamplingRate rate,
                          std::vector<double>& steps);

}  // namespace ecg
