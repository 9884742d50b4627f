#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "ecg/beat_windows.hpp"
#include "ecg/biquad.hpp"
#include "ecg/resample.hpp"
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    if (size < 3) return 0;
    const Recording recording({bytes, size});
    const auto& samples = recording.samples_mv;

    const auto filtered = ecg::band_pass(samples, recording.rate, ecg::Hertz{0.5}, ecg::Hertz{40.0},
                                         1 + bytes[2] % 4);
    check_gaps(samples, filtered);

    const ecg::Resampler resampler(recording.rate, ecg::SamplingRate{360.0});
    std::vector<double> resampled(resampler.output_length(samples.size()));
    resampler.resample(samples, resampled);
    require(std::ranges::none_of(resampled, [](double x) { return std::isinf(x); }));

    if (!samples.empty()) {
        const auto last = static_cast<std::int64_t>(samples.size()) - 1;
        const std::vector<std::int64_t> r_peaks{0, last / 2, last};
        const auto shape =
            ecg::WindowShape::of(ecg::Seconds{0.25}, ecg::Seconds{0.45}, recording.rate);
        std::vector<double> windows(r_peaks.size() * shape.width());
        ecg::copy_beat_windows(samples, r_peaks, shape, windows);
    }
    return 0;
}
