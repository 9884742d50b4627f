#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "ecg/beat_quality.hpp"
#include "ecg/beat_windows.hpp"
#include "ecg/delineate.hpp"
#include "ecg/r_peaks.hpp"
#include "ecg/resample.hpp"
#include "ecg/signal_quality.hpp"
#include "ecg/zero_phase.hpp"

namespace {

void require(bool condition) {
    if (!condition) std::abort();
}

/// The input as a recording: two bytes for the rate (whole unless the second is 255), one for
/// the format, then doubles or steps of 10 microvolts.
struct Recording {
    ecg::SamplingRate rate;
    std::vector<double> samples_mv;

    explicit Recording(std::span<const std::uint8_t> bytes)
        : rate(100.0 + bytes[0] * 7.0 + (bytes[1] == 255 ? 0.37 : 0.0)) {
        const bool raw_doubles = bytes[2] % 2 == 0;
        bytes = bytes.subspan(3);
        if (raw_doubles) {
            samples_mv.resize(bytes.size() / sizeof(double));
            if (samples_mv.empty()) return;
            std::memcpy(samples_mv.data(), bytes.data(), samples_mv.size() * sizeof(double));
            // Beyond what any electrode gives, yet far from where sums overflow.
            for (double& x : samples_mv) x = std::isnan(x) ? x : std::clamp(x, -1e9, 1e9);
        } else {
            double level = 0.0;
            for (const std::uint8_t byte : bytes) {
                level += (byte - 128) * 0.01;
                samples_mv.push_back(byte == 255 ? std::nan("") : level);
            }
        }
    }
};

void check_gaps(std::span<const double> before, std::span<const double> after) {
    for (std::size_t i = 0; i < before.size(); ++i) {
        require(std::isnan(after[i]) == std::isnan(before[i]));
        require(!std::isinf(after[i]));
    }
}

void check_filter(const Recording& recording, int order) {
    const auto& samples = recording.samples_mv;
    check_gaps(samples,
               ecg::band_pass(samples, recording.rate, ecg::Hertz{0.5}, ecg::Hertz{40.0}, order));
}

void check_resampler(const Recording& recording) {
    const auto& samples = recording.samples_mv;
    const ecg::Resampler resampler(recording.rate, ecg::SamplingRate{360.0});
    std::vector<double> resampled(resampler.output_length(samples.size()));
    resampler.resample(samples, resampled);
    require(std::ranges::none_of(resampled, [](double x) { return std::isinf(x); }));
}

/// Each wave is absent as a whole, or lies in order inside the recording.
void check_waves(std::span<const std::int64_t> waves, std::int64_t n_samples) {
    for (; !waves.empty(); waves = waves.subspan(ecg::kWavePoints)) {
        const std::int64_t onset = waves[0];
        const std::int64_t peak = waves[1];
        const std::int64_t offset = waves[2];
        const bool absent = onset == ecg::kAbsent && peak == ecg::kAbsent && offset == ecg::kAbsent;
        require(absent || (0 <= onset && onset <= peak && peak <= offset && offset < n_samples));
    }
}

bool is_share(float value) {
    return value >= 0.0F && value <= 1.0F;
}

/// Quality lies between 0 and 1, of seconds that cover the recording and of its beats.
void check_quality(ecg::Leads leads, ecg::SamplingRate rate,
                   std::span<const std::int64_t> r_peaks) {
    const auto quality = ecg::judge_quality(leads, rate);
    const std::size_t n_samples = leads.front().size();
    const std::size_t width = std::min(ecg::quality_window_samples(rate), n_samples);
    require(quality.n_windows == (width == 0 ? 0 : ecg::n_quality_windows(n_samples, width)));
    require(quality.flags.size() == leads.size() * quality.n_windows);
    require(quality.index.size() == quality.flags.size());
    require(quality.contrast.size() == quality.flags.size());
    require(std::ranges::all_of(quality.index, is_share));
    require(std::ranges::all_of(quality.contrast, is_share));
    require(quality.missing.size() == leads.size());
    require(std::ranges::all_of(quality.missing, is_share));

    const auto sure = ecg::beat_quality(leads, rate, r_peaks, quality.contrast);
    require(sure.size() == r_peaks.size());
    require(std::ranges::all_of(sure, is_share));
}

/// A lead that stops at its last value beats no more.
void check_lead_loss(const Recording& recording) {
    auto samples = recording.samples_mv;
    const auto last =
        std::ranges::find_if(samples.rbegin(), samples.rend(), [](double x) { return x == x; });
    const auto n_samples = static_cast<std::int64_t>(samples.size());
    const double level = last == samples.rend() ? 0.0 : *last;
    const std::int64_t n_flat = recording.rate.samples_in(ecg::Seconds{4.0});
    samples.insert(samples.end(), static_cast<std::size_t>(n_flat), level);
    const std::array<std::span<const double>, 1> leads{samples};
    const auto r_peaks = ecg::detect_r_peaks(leads, recording.rate, 0);
    const std::int64_t near = recording.rate.samples_in(ecg::Seconds{0.2});
    require(r_peaks.empty() || r_peaks.back() < n_samples + near);
}

void check_beats(const Recording& recording) {
    const auto& samples = recording.samples_mv;
    const auto n_samples = static_cast<std::int64_t>(samples.size());
    std::vector<double> inverted(samples.rbegin(), samples.rend());
    for (double& x : inverted) x = -x;
    const std::array<std::span<const double>, 2> leads{samples, inverted};

    const auto r_peaks = ecg::detect_r_peaks(leads, recording.rate, 0);
    for (std::size_t i = 0; i < r_peaks.size(); ++i) {
        require(r_peaks[i] > (i == 0 ? -1 : r_peaks[i - 1]) && r_peaks[i] < n_samples);
    }
    check_quality(leads, recording.rate, r_peaks);
    const auto waves = ecg::delineate(leads, recording.rate, r_peaks);
    require(waves.size() == leads.size() * r_peaks.size() * ecg::kWaveKinds * ecg::kWavePoints);
    check_waves(waves, n_samples);

    const auto shape = ecg::WindowShape::of(ecg::Seconds{0.25}, ecg::Seconds{0.45}, recording.rate);
    std::vector<double> windows(r_peaks.size() * shape.width());
    ecg::copy_beat_windows(samples, r_peaks, shape, windows);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    if (size < 3) return 0;
    const Recording recording({bytes, size});
    check_filter(recording, 1 + bytes[2] % 4);
    check_resampler(recording);
    check_beats(recording);
    check_lead_loss(recording);
    return 0;
}
