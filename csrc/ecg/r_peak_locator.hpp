#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "ecg/ring_buffer.hpp"
#include "ecg/units.hpp"

namespace ecg {

/// Finds the R peak of one lead near a given time: the greatest deflection of the lightly
/// smoothed signal from the baseline around the complex, whatever its sign. Where both signs are
/// about as great it stays with the one that dominated the beats before.
class RPeakLocator {
  public:
    RPeakLocator(SamplingRate rate, double memory_seconds);

    /// Takes the next samples in mV; one that is not finite holds the last value.
    void push(std::span<const double> samples_mv) noexcept;

    /// Index of the R peak at most 80 ms from `near`; nothing when the lead is flat there.
    std::optional<std::int64_t> locate(std::int64_t near);

  private:
    [[nodiscard]] double mean(std::int64_t from, std::int64_t to) const noexcept;

    std::int64_t half_search_;
    std::int64_t half_window_;
    std::int64_t half_edge_;
    std::int64_t half_smooth_;
    RingBuffer samples_;
    double previous_mv_ = 0.0;
    double dominance_ = 0.0;
};

}  // namespace ecg
