#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "ecg/biquad.hpp"
#include "ecg/units.hpp"

namespace ecg {

/// One sample of several leads, which are filtered side by side: one alone leaves most of the
/// processor waiting for its sample before.
struct Lanes {
    static constexpr std::size_t kWidth = 4;

    std::array<double, kWidth> values{};

    double& operator[](std::size_t lane) noexcept { return values[lane]; }
    double operator[](std::size_t lane) const noexcept { return values[lane]; }

    friend Lanes operator+(Lanes a, const Lanes& b) noexcept {
        for (std::size_t i = 0; i < kWidth; ++i) a.values[i] += b.values[i];
        return a;
    }
    friend Lanes operator-(Lanes a, const Lanes& b) noexcept {
        for (std::size_t i = 0; i < kWidth; ++i) a.values[i] -= b.values[i];
        return a;
    }
    friend Lanes operator*(double factor, Lanes a) noexcept {
        for (std::size_t i = 0; i < kWidth; ++i) a.values[i] = factor * a.values[i];
        return a;
    }
};

/// Filters forward, then backward, in place: no phase shift, squared magnitude response.
/// Both ends are extended by an odd reflection of 3 * (2 * n_sections + 1) samples, or of all but
/// one when there are fewer, and the filter starts settled (Gustafsson 1996, doi:10.1109/78.492552,
/// discusses the edges). Values must be finite; an empty span is left as it is.
void filtfilt(std::span<const Biquad> sections, std::span<double> samples);

/// The same for each lane.
void filtfilt(std::span<const Biquad> sections, std::span<Lanes> samples);

/// Replaces each run of non-finite values by a straight line between its neighbours, a run at
/// an end by the nearest value. A span without any finite value is left as it is.
void bridge_gaps(std::span<double> samples);

/// filtfilt of a signal with gaps: non-finite samples are bridged before and are NaN after.
/// `filtered` has the length of `samples` (std::invalid_argument) and does not overlap it.
void filter_zero_phase(std::span<const Biquad> sections, std::span<const double> samples,
                       std::span<double> filtered);

/// Zero-phase Butterworth band-pass of one lead with gaps; errors as butterworth_band_pass.
[[nodiscard]] std::vector<double> band_pass(std::span<const double> samples, SamplingRate rate,
                                            Hertz low, Hertz high, int order);

}  // namespace ecg
