#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace ecg {

/// A lead that is read block by block as if all its gaps had been bridged first: a run of missing
/// (not finite) samples is a straight line between its neighbours, at an end the nearest value.
/// Keeps two indices a block, so that no gap is walked twice. The samples must outlive it.
class BridgedLead {
  public:
    /// Blocks of `block` samples, at least 1, from the first sample on.
    BridgedLead(std::span<const double> lead_mv, std::size_t block);

    [[nodiscard]] bool has_gaps() const noexcept { return has_gaps_; }
    /// Smallest and largest value, 0 where there is no sample at all.
    [[nodiscard]] double lowest() const noexcept { return lowest_; }
    [[nodiscard]] double highest() const noexcept { return highest_; }

    /// The values from the beginning of block `first` on, up to the end of a block or of the
    /// lead. Samples beyond +-1e9 mV are cut there; a lead without any sample is zero.
    void read(std::size_t first, std::span<double> values) const;

  private:
    [[nodiscard]] bool summarise_whole(std::span<const double> samples) noexcept;
    void summarise_broken(std::span<const double> samples) noexcept;
    [[nodiscard]] double at(std::size_t index) const noexcept;
    void bridge(std::span<double> gap, std::size_t first, std::size_t before,
                std::size_t after) const;

    std::span<const double> lead_mv_;
    std::size_t block_;
    bool has_gaps_ = false;
    double lowest_ = 0.0;
    double highest_ = 0.0;
    std::vector<std::size_t> before_;  // last sample ahead of each block, and of the end
    std::vector<std::size_t> after_;   // first sample from each block on, and from the end on
};

}  // namespace ecg
