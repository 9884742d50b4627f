#pragma once

#include <array>
#include <cstddef>
#include <vector>

namespace ecg {

/// The ideal low-pass with cut-off 1 / `period` of Nyquist under a Kaiser window, beta 5, that
/// reaches `half_length` to either side (Crochiere & Rabiner, Multirate Digital Signal Processing,
/// 1983); the scale is left to the caller.
[[nodiscard]] double windowed_sinc(double offset, double period, double half_length);

/// Weights of the samples around a place between two of them. A straight line between the two
/// would be a low-pass: at 100 samples a second it takes 43 % of what is at 40 Hz, and a QRS
/// complex reads 3 ms wider. These take nothing up to 0.4 of the sampling rate.
class BetweenSamples {
  public:
    /// Samples on either side.
    static constexpr std::size_t kReach = 8;
    using Weights = std::array<double, 2 * kReach>;

    BetweenSamples();

    /// Of the place that lies `share` (0 to 1) behind sample i, for samples i - kReach + 1 to
    /// i + kReach; they sum to one. Places are told apart by 1/256 of a sample.
    [[nodiscard]] const Weights& at(double share) const noexcept;

  private:
    std::vector<Weights> weights_;
};

}  // namespace ecg
