#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ecg/fan_out.hpp"
#include "ecg/units.hpp"

namespace ecg {

/// Kinds of waves and their points, in the order of the result.
inline constexpr std::size_t kWaveKinds = 3;   // P, QRS, T
inline constexpr std::size_t kWavePoints = 3;  // onset, peak, offset
inline constexpr std::int64_t kAbsent = -1;

/// P, QRS and T of every beat in every lead: sample indices, kAbsent where there is no such wave,
/// as a row-major array (lead, beat, kind, point). Leads in mV, not finite = missing; R peaks
/// strictly increasing and inside the leads, all leads of equal length: else
/// std::invalid_argument. Each thread keeps some minutes of filtered leads.
[[nodiscard]] std::vector<std::int64_t> delineate(std::span<const std::span<const double>> leads_mv,
                                                  SamplingRate rate,
                                                  std::span<const std::int64_t> r_peaks,
                                                  ThreadCount threads = ThreadCount{});

}  // namespace ecg
