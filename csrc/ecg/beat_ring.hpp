#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ecg/lead_grid.hpp"

namespace ecg {

/// Columns of a beat window before and after the R peak (400 and 700 ms).
inline constexpr int kBeatBefore = 100;
inline constexpr int kBeatAfter = 175;
inline constexpr int kBeatWidth = kBeatBefore + kBeatAfter + 1;

/// How far one beat is moved to lie on another.
inline constexpr int kMostShift = 4;

/// Beats that a mean beat may be made of, on each side.
inline constexpr std::size_t kNeighbours = 8;

/// Peak-to-peak amplitude of the QRS complex at an R peak, a grid index, in mV.
[[nodiscard]] double qrs_amplitude(GridStretch& stretch, std::size_t lead, std::int64_t r_peak);

/// Another beat laid on the one compared with it.
struct Alignment {
    double similarity;  ///< correlation of the QRS complexes over all leads, -1 to 1
    int shift;          ///< grid samples from its R peak to where it is most similar
};

/// Grid values (in float: noise is a thousand times its grain) around a beat, its kNeighbours
/// before and as many after, read once each while one goes from beat to beat.
class BeatRing {
  public:
    /// R peaks as grid indices, increasing, each inside the grid; `typical_mv` is the QRS
    /// amplitude that is usual in each lead. All must outlive it.
    BeatRing(GridStretch& stretch, std::span<const std::int64_t> r_peaks,
             std::span<const double> typical_mv);

    /// Reads up to the last neighbour of `beat`, which never goes back.
    void move_to(std::size_t beat);

    [[nodiscard]] double amplitude(std::size_t beat, std::size_t lead) const noexcept {
        return slots_[slot(beat, lead)].amplitude_mv;
    }
    /// kBeatWidth columns of a lead, column kBeatBefore `shift` samples from the R peak.
    [[nodiscard]] const float* columns(std::size_t beat, std::size_t lead,
                                       int shift) const noexcept {
        return slots_[slot(beat, lead)].values.data() + kMostShift + shift;
    }
    /// Where `other`, a neighbour, is most similar to `beat`; the first of equal shifts. `leads`
    /// have a typical amplitude above zero.
    [[nodiscard]] Alignment align(std::size_t beat, std::size_t other,
                                  std::span<const std::size_t> leads) const noexcept;

    static constexpr int kShifts = 2 * kMostShift + 1;
    /// Filled up to whole vectors of four.
    static constexpr int kShiftLanes = 12;
    static_assert(kShiftLanes >= kShifts);
    /// The QRS complex for comparing beats: 60 ms before to 80 ms after the R peak.
    static constexpr int kQrsBefore = 15;
    static constexpr int kQrsAfter = 20;
    static constexpr int kQrsWidth = kQrsBefore + kQrsAfter + 1;

  private:
    using Shifts = std::array<float, kShiftLanes>;

    /// One beat in one lead.
    struct Slot {
        std::array<float, kBeatWidth + 2 * kMostShift> values;
        float amplitude_mv;
        /// The QRS complex over the typical amplitude, and what correlation needs of it, for
        /// each shift: its sum and the sum of squares about its mean.
        std::array<float, kQrsWidth + kShiftLanes - 1> qrs;
        Shifts sums;
        Shifts powers;
    };

    [[nodiscard]] std::size_t slot(std::size_t beat, std::size_t lead) const noexcept {
        return beat % (2 * kNeighbours + 1) * typical_mv_.size() + lead;
    }
    void read(std::size_t beat);
    static void prepare(Slot& slot, double typical_mv) noexcept;
    [[nodiscard]] static Shifts correlate(const float* own, const float* other) noexcept;

    GridStretch& stretch_;
    std::span<const std::int64_t> r_peaks_;
    std::span<const double> typical_mv_;
    std::vector<Slot> slots_;
    std::size_t next_;
};

}  // namespace ecg
