#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ecg/lead_grid.hpp"
#include "ecg/units.hpp"

namespace ecg {

/// Columns of kGridRateHz to read before and after an R peak, at most GridStretch::kReach each.
struct CutShape {
    std::int64_t before;
    std::int64_t after;

    [[nodiscard]] std::size_t width() const noexcept {
        return static_cast<std::size_t>(before + after + 1);
    }
};

/// Beats of all leads cut out of the filtered recording, at kGridRateHz.
struct BeatCuts {
    /// Row-major (beat, lead, column); those beyond the ends of the recording repeat them.
    std::vector<float> values_mv;
    /// (beat, 2): the first column that lies in the recording, and the one after the last.
    std::vector<std::int64_t> inside;
    /// (beat): sample index, with fractions, of column `before`.
    std::vector<double> anchors;
};

/// Cuts out the beats at these R peaks. Leads in mV, not finite = bridged, all of equal length; R
/// peaks strictly increasing and inside the leads; a shape within reach, a band that the filter
/// allows: else std::invalid_argument.
[[nodiscard]] BeatCuts cut_beats(std::span<const std::span<const double>> leads_mv,
                                 SamplingRate rate, std::span<const std::int64_t> r_peaks,
                                 CutShape shape, Band band);

}  // namespace ecg
