#pragma once

#include <vector>

#include "ecg/units.hpp"

namespace ecg {

/// One second-order section, y[t] = b0 x[t] + b1 x[t-1] + b2 x[t-2] - a1 y[t-1] - a2 y[t-2].
struct Biquad {
    double b0, b1, b2;
    double a1, a2;

    /// Gain for a constant input.
    [[nodiscard]] constexpr double dc_gain() const noexcept {
        return (b0 + b1 + b2) / (1.0 + a1 + a2);
    }
};

/// Memory of one section, transposed direct form II: one sample in, one sample out. A sample is a
/// double, or anything that is added and scaled as one.
template <typename Sample>
struct BiquadState {
    Sample z1{};
    Sample z2{};

    /// What waits for y comes last: the next sample waits for it.
    Sample step(const Biquad& section, Sample x) noexcept {
        const Sample y = section.b0 * x + z1;
        z1 = (section.b1 * x + z2) - section.a1 * y;
        z2 = section.b2 * x - section.a2 * y;
        return y;
    }

    /// The state after an endless constant input x.
    [[nodiscard]] static constexpr BiquadState settled(const Biquad& section, Sample x) noexcept {
        const Sample y = section.dc_gain() * x;
        return {y - section.b0 * x, section.b2 * x - section.a2 * y};
    }
};

/// Highest order the Butterworth design accepts; the lowest is 1.
inline constexpr int kMaxButterworthOrder = 8;

/// Butterworth band-pass with 2 * order poles, one section for each pair, by bilinear transform
/// with prewarped edges (Oppenheim & Schafer, Discrete-Time Signal Processing, 3rd ed., ch. 7).
/// Edges outside 1e-5..0.999 of Nyquist, low >= high or an order outside 1..8:
/// std::invalid_argument.
[[nodiscard]] std::vector<Biquad> butterworth_band_pass(int order, Hertz low, Hertz high,
                                                        SamplingRate rate);

/// Second-order notch with -3 dB bandwidth centre / q (Orfanidis, Introduction to Signal
/// Processing, 1996, sec. 11.3). Centre outside 1e-5..0.999 of Nyquist or q not positive:
/// std::invalid_argument.
[[nodiscard]] Biquad notch_section(Hertz centre, double q, SamplingRate rate);

}  // namespace ecg
