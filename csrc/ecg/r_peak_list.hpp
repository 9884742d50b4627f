#pragma once

#include <cstdint>
#include <span>

namespace ecg {

/// Throws std::invalid_argument unless all leads have the same length and R peaks are strictly
/// increasing and inside them.
void check_r_peaks(std::span<const std::span<const double>> leads_mv,
                   std::span<const std::int64_t> r_peaks);

}  // namespace ecg
