#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "ecg/fan_out.hpp"
#include "ecg/r_peaks.hpp"
#include "ecg/units.hpp"

namespace ecg {

/// Number of samples of every window that quality is judged in: one second, at least 2.
[[nodiscard]] std::size_t quality_window_samples(SamplingRate rate);

/// Windows that cover n samples: one after the other, the last one ending with the signal, so
/// that it may overlap the one before.
[[nodiscard]] std::size_t n_quality_windows(std::size_t n_samples, std::size_t window_samples);

/// What one second of one lead shows, in mV. When half of its samples or more are missing,
/// `missing` says so and nothing else is measured.
struct WindowFeatures {
    float missing = 1.0F;     ///< share of samples that are not finite
    float lowest = 0.0F;      ///< smallest sample
    float highest = 0.0F;     ///< largest sample
    float at_lowest = 0.0F;   ///< share of samples equal to the smallest
    float at_highest = 0.0F;  ///< share of samples equal to the largest
    float level = 0.0F;       ///< median of the means over 50 ms
    float first = 0.0F;       ///< first of these means
    float last = 0.0F;        ///< last of these means
    float jump = 0.0F;        ///< largest change of these means within 100 ms, signed
    float motion = 0.0F;      ///< RMS of these means about their straight line
    float peak = 0.0F;        ///< largest RMS of 50 ms in the QRS band, around 18 Hz
    float median = 0.0F;      ///< median RMS of 50 ms in the QRS band
    float high = 0.0F;        ///< RMS of the white noise that explains what is fast, without hum
    float hum_50 = 0.0F;      ///< amplitude at 50 Hz; 0 when the rate is too low to tell
    float hum_60 = 0.0F;      ///< amplitude at 60 Hz

    [[nodiscard]] bool is_measured() const noexcept { return missing < 0.5F; }
};

/// Features of every window, in order of time, lead after lead; linear in the length, one window
/// of memory a thread beside the result. Samples that are not finite are missing. Leads of unequal
/// length: std::invalid_argument.
[[nodiscard]] std::vector<WindowFeatures> quality_windows(Leads leads_mv, SamplingRate rate,
                                                          ThreadCount threads = ThreadCount{});

}  // namespace ecg
