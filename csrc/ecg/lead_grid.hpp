#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ecg/units.hpp"

namespace ecg {

/// Rate at which waves are looked for; their constants are numbers of samples of 4 ms.
inline constexpr double kGridRateHz = 250.0;

/// Leads filtered without phase shift (0.44-32 Hz) and brought to the grid rate. Gaps are bridged
/// by straight lines; a lead without any sample is all zero.
class LeadGrid {
  public:
    LeadGrid(std::span<const std::span<const double>> leads_mv, SamplingRate rate);

    [[nodiscard]] std::size_t n_leads() const noexcept { return n_leads_; }
    [[nodiscard]] std::int64_t width() const noexcept { return width_; }
    /// All samples of a lead.
    [[nodiscard]] std::span<const double> lead(std::size_t lead) const noexcept {
        return {values_.data() + lead * static_cast<std::size_t>(width_),
                static_cast<std::size_t>(width_)};
    }
    [[nodiscard]] double samples_per_cell() const noexcept { return samples_per_cell_; }

  private:
    std::size_t n_leads_;
    double samples_per_cell_;
    std::int64_t width_;
    std::vector<double> values_;
};

}  // namespace ecg
