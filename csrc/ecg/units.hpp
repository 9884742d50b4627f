#pragma once

#include <cmath>
#include <cstdint>
#include <stdexcept>

namespace ecg {

struct Hertz {
    double value;
};

struct Seconds {
    double value;
};

/// Samples per second, positive and finite. Anything else throws std::invalid_argument.
class SamplingRate {
  public:
    constexpr explicit SamplingRate(double hz) : hz_(hz) {
        if (!(hz > 0.0) || hz > kHighestHz) {
            throw std::invalid_argument("the sampling rate must be above 0 Hz and at most 1 MHz");
        }
    }

    [[nodiscard]] constexpr double hz() const noexcept { return hz_; }
    [[nodiscard]] constexpr double nyquist_hz() const noexcept { return hz_ / 2.0; }

    /// Number of samples in a duration, rounded to the nearest.
    [[nodiscard]] std::int64_t samples_in(Seconds duration) const noexcept {
        return std::llround(duration.value * hz_);
    }

  private:
    static constexpr double kHighestHz = 1e6;
    double hz_;
};

}  // namespace ecg
