#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ecg/beat_ring.hpp"
#include "ecg/lead_grid.hpp"

namespace ecg {

/// One beat of all leads with its noise averaged away: the mean of the beats around it that have
/// the same QRS complex, aligned with it, its own counting most. What is not locked to the QRS,
/// as fibrillation waves are, fades with the noise. Column kBeatBefore holds the R peak.
class MeanBeats {
  public:
    /// R peaks as grid indices, increasing, each inside the grid; `typical_mv` is the QRS
    /// amplitude that is usual in each lead. All must outlive this.
    MeanBeats(const LeadGrid& grid, GridStretch& stretch, std::span<const std::int64_t> r_peaks,
              std::span<const double> typical_mv);

    /// Averages beat `beat`, which never goes back; what follows speaks of it.
    void select(std::size_t beat);

    /// Leads that show the selected beat; the functions below count these alone.
    [[nodiscard]] std::size_t n_leads() const noexcept { return live_.size(); }
    /// Which lead of the grid it is.
    [[nodiscard]] std::size_t lead(std::size_t live) const noexcept { return live_[live]; }
    /// Typical peak-to-peak amplitude of its QRS complexes in mV, above zero.
    [[nodiscard]] double qrs_amplitude(std::size_t live) const noexcept {
        return typical_mv_[live_[live]];
    }
    /// The averaged lead and its slope, kBeatWidth columns each.
    [[nodiscard]] std::span<const double> mean(std::size_t live) const noexcept {
        return {means_.data() + live * kBeatWidth, kBeatWidth};
    }
    [[nodiscard]] std::span<const double> slope(std::size_t live) const noexcept {
        return {slopes_.data() + live * kBeatWidth, kBeatWidth};
    }
    /// Beats averaged, as columns: member(0) is the beat itself.
    [[nodiscard]] std::size_t n_members() const noexcept { return members_.size(); }
    /// A lead of one of the averaged beats, kBeatWidth columns; those beyond the ends of the
    /// recording repeat them.
    [[nodiscard]] const float* member(std::size_t i, std::size_t live) const noexcept {
        return ring_.columns(members_[i].beat, live_[live], members_[i].shift);
    }
    /// Columns of the window that lie in the recording, first and last.
    [[nodiscard]] int first_column() const noexcept { return first_column_; }
    [[nodiscard]] int last_column() const noexcept { return last_column_; }
    /// Grid samples to the R peaks before and after, or kNoNeighbour.
    [[nodiscard]] int rr_before() const noexcept { return rr_before_; }
    [[nodiscard]] int rr_after() const noexcept { return rr_after_; }
    static constexpr int kNoNeighbour = 250;
    /// Mean change from one RR interval to the next around the beat, as a share of their mean;
    /// over intervals between beats of its QRS complex, so that ectopic beats do not make a
    /// sinus rhythm irregular, or over all where no two such intervals follow each other.
    [[nodiscard]] double rr_irregularity() const noexcept { return rr_irregularity_; }

  private:
    struct Member {
        std::size_t beat;
        int shift;
    };

    void find_members(std::size_t beat);
    [[nodiscard]] double irregularity(std::size_t beat) const noexcept;
    void average();

    const LeadGrid& grid_;
    std::span<const std::int64_t> r_peaks_;
    std::span<const double> typical_mv_;
    BeatRing ring_;
    std::vector<std::size_t> live_;
    std::vector<Member> members_;
    std::vector<double> means_;
    std::vector<double> slopes_;
    int first_column_ = 0;
    int last_column_ = 0;
    int rr_before_ = 0;
    int rr_after_ = 0;
    double rr_irregularity_ = 0.0;
};

}  // namespace ecg
