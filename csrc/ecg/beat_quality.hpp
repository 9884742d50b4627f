#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ecg/r_peaks.hpp"
#include "ecg/signal_quality.hpp"
#include "ecg/units.hpp"

namespace ecg {

/// How sure each beat is, 0 to 1, in the lead that shows it best: it looks like two of the beats
/// around it, in shape and size, or, to one half, it lies where beats tower over noise.
/// `contrast` is that of `judge_quality` for the same leads, `r_peaks` increase strictly and lie
/// inside the recording: std::invalid_argument otherwise.
[[nodiscard]] std::vector<float> beat_quality(Leads leads_mv, SamplingRate rate,
                                              std::span<const std::int64_t> r_peaks,
                                              std::span<const float> contrast,
                                              ThreadCount threads = ThreadCount{});

}  // namespace ecg
