#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ecg/units.hpp"

namespace ecg {

/// A ratio of sampling rates in lowest terms.
struct RateRatio {
    std::size_t up;
    std::size_t down;
};

/// Largest `up` or `down` of a ratio.
inline constexpr std::size_t kMaxRateTerm = 10'000;

/// to / from as the best fraction with terms up to 10,000: exact for all pairs of whole rates up
/// to 10 kHz, otherwise within a relative 1e-4 (most ratios far less: terms p/q leave at most
/// 1 / (10,000 q)). A ratio outside 1/100..100: std::invalid_argument.
[[nodiscard]] RateRatio rate_ratio(SamplingRate from, SamplingRate to);

/// Polyphase FIR resampler, the low-pass of scipy.signal.resample_poly: a sinc with its edge at the
/// lower of both Nyquist frequencies and 10 zero crossings a side under a Kaiser window, beta 5
/// (Crochiere & Rabiner, Multirate Digital Signal Processing, 1983). Unlike there each phase sums
/// to one, so that a constant stays constant, and the ends go on with the nearest sample.
class Resampler {
  public:
    Resampler(SamplingRate from, SamplingRate to);

    [[nodiscard]] RateRatio ratio() const noexcept { return ratio_; }

    /// ceil(n * up / down).
    [[nodiscard]] std::size_t output_length(std::size_t n_samples) const noexcept;

    /// Sample k of the output lies at sample k * down / up of the input. Non-finite samples are
    /// bridged first; an output whose nearest input is one of them is NaN.
    /// `resampled` must have the output length: std::invalid_argument.
    void resample(std::span<const double> samples, std::span<double> resampled) const;

  private:
    void convolve(std::span<const double> samples, std::span<double> resampled) const;

    RateRatio ratio_;
    std::size_t taps_before_ = 0;  // taps on samples before the one at or left of the output
    std::size_t n_taps_ = 0;       // of each phase
    std::vector<double> taps_;     // phase after phase, in the order of the samples
};

}  // namespace ecg
