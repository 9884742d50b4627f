#pragma once

#include <span>
#include <vector>

#include "ecg/units.hpp"

namespace ecg {

/// Replaces pacing spikes by straight lines: steps of at least a tenth of a lead's range that
/// last a few milliseconds and stand alone, in all leads together. Leads of equal length,
/// finite. Below 240 Hz a spike cannot be told from a QRS complex, and nothing changes.
void remove_pacing_spikes(std::span<std::vector<double>> leads, SamplingRate rate);

}  // namespace ecg
