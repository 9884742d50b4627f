#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ecg/r_peaks.hpp"
#include "ecg/signal_quality.hpp"
#include "ecg/units.hpp"

namespace ecg {

/// How well each beat can be relied upon, 0 to 1, in the lead that shows it best: it stands out
/// of what surrounds it, or looks like beats around it, and the second it lies in is clean.
/// `r_peaks` strictly increasing and inside the recording, `judgement` of the same recording:
/// std::invalid_argument otherwise.
[[nodiscard]] std::vector<float> beat_quality(Leads leads_mv, SamplingRate rate,
                                              std::span<const std::int64_t> r_peaks,
                                              const QualityJudgement& judgement);

}  // namespace ecg
