#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ecg/biquad.hpp"
#include "ecg/bridged_lead.hpp"
#include "ecg/fan_out.hpp"
#include "ecg/units.hpp"
#include "ecg/zero_phase.hpp"

namespace ecg {

/// Rate at which waves are looked for; their constants are numbers of samples of 4 ms.
inline constexpr double kGridRateHz = 250.0;

/// What a grid lets through.
struct Band {
    Hertz low;
    Hertz high;
};

/// Leads filtered without phase shift and brought to the grid rate; at low sampling rates the upper
/// edge gives way. Gaps are bridged by straight lines; a lead without any sample is all zero.
/// Filtered by `GridStretch`, a stretch at a time, so that a day takes no more memory than some
/// minutes; the leads must outlive it.
class LeadGrid {
  public:
    LeadGrid(std::span<const std::span<const double>> leads_mv, SamplingRate rate, Band band,
             ThreadCount threads = ThreadCount{});

    [[nodiscard]] std::size_t n_leads() const noexcept { return leads_.size(); }
    [[nodiscard]] std::int64_t width() const noexcept { return width_; }
    [[nodiscard]] double samples_per_cell() const noexcept { return samples_per_cell_; }
    [[nodiscard]] bool has_gaps(std::size_t lead) const noexcept { return leads_[lead].has_gaps(); }

  private:
    friend class GridStretch;

    SamplingRate rate_;
    std::size_t n_samples_;
    double samples_per_cell_;
    std::int64_t width_;
    std::size_t block_;  // samples
    std::vector<BridgedLead> leads_;
    std::vector<Biquad> sections_;
};

/// One stretch of a grid at a time, as values around its cells. Which stretch a cell belongs to,
/// and so its values, does not depend on what was read before.
class GridStretch {
  public:
    /// How far around a cell values can be read.
    static constexpr std::int64_t kReach = 192;

    explicit GridStretch(const LeadGrid& grid);

    /// Values of a lead from `before` cells ahead of `cell`, which lies in the grid, up to `after`
    /// cells behind it; those beyond the ends of the grid repeat them. Valid until another cell
    /// is asked for.
    [[nodiscard]] std::span<const double> around(std::size_t lead, std::int64_t cell,
                                                 std::int64_t before, std::int64_t after);

  private:
    void load(std::size_t stretch);
    void filter(std::size_t first_lead, std::size_t first_sample);
    [[nodiscard]] Lanes between(std::size_t i, double share) const;

    const LeadGrid* grid_;
    std::size_t loaded_;
    std::int64_t first_cell_ = 0;
    std::size_t n_cells_ = 0;
    std::vector<std::vector<double>> samples_;  // a lead each
    std::vector<double> steps_;
    std::vector<Lanes> lanes_;
    std::vector<double> values_;  // lead after lead
};

}  // namespace ecg
