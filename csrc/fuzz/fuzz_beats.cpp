#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <span>
#include <vector>

#include "ecg/beat_cuts.hpp"
#include "ecg/beat_groups.hpp"
#include "ecg/beat_ring.hpp"
#include "ecg/delineate.hpp"
#include "ecg/r_peaks.hpp"

namespace {

void require(bool condition) {
    if (!condition) std::abort();
}

/// The input as a recording: one byte each for the rate, the number of leads, the format and
/// the length of a chunk, then doubles or steps of 20 microvolts, lead after lead.
struct Recording {
    ecg::SamplingRate rate;
    std::size_t chunk;
    std::vector<std::vector<double>> leads;

    explicit Recording(std::span<const std::uint8_t> bytes)
        : rate(50.0 + bytes[0] * 8.0 + (bytes[0] % 3 == 0 ? 0.37 : 0.0)),
          chunk(1 + bytes[3] * 3),
          leads(1 + bytes[1] % 3) {
        const bool raw_doubles = bytes[2] % 2 == 0;
        bytes = bytes.subspan(4);
        const std::size_t size = raw_doubles ? sizeof(double) : 1;
        const std::size_t n = bytes.size() / size / leads.size();
        for (auto& lead : leads) {
            lead.resize(n);
            if (raw_doubles && n > 0) std::memcpy(lead.data(), bytes.data(), n * size);
            double level = 0.0;
            for (std::size_t i = 0; i < n && !raw_doubles; ++i) {
                level += (bytes[i] - 128) * 0.02;
                lead[i] = bytes[i] == 255 ? std::nan("") : level;
            }
            bytes = bytes.subspan(n * size);
        }
    }

    [[nodiscard]] std::vector<std::span<const double>> part(std::size_t from,
                                                            std::size_t length) const {
        std::vector<std::span<const double>> spans;
        spans.reserve(leads.size());
        for (const auto& lead : leads) {
            spans.push_back(std::span<const double>(lead).subspan(from, length));
        }
        return spans;
    }
};

std::vector<std::int64_t> in_chunks(const Recording& recording) {
    const std::size_t n = recording.leads.front().size();
    ecg::RPeakDetector detector(recording.leads.size(), recording.rate, 0);
    std::vector<std::int64_t> r_peaks;
    for (std::size_t from = 0; from < n; from += recording.chunk) {
        detector.push(recording.part(from, std::min(recording.chunk, n - from)), r_peaks);
    }
    detector.finish(r_peaks);
    return r_peaks;
}

/// Groups and averages as the wave model is fed.
void group(const Recording& recording, std::span<const std::span<const double>> leads,
           std::span<const std::int64_t> r_peaks) {
    constexpr ecg::CutShape kShape{124, 187};
    constexpr std::int64_t kMostGroups = 6;
    const auto cuts =
        ecg::cut_beats(leads, recording.rate, r_peaks, kShape, {ecg::Hertz{0.5}, ecg::Hertz{60.0}});
    const auto finite = [](float x) { return std::isfinite(x); };
    require(std::ranges::all_of(cuts.values_mv, finite));
    const ecg::CutsView view{cuts.values_mv, r_peaks.size(), leads.size(), kShape.width()};
    const auto found = ecg::group_beats(view, kShape.before, 0.8, kMostGroups);
    for (std::int64_t number = 0; number < kMostGroups; ++number) {
        std::vector<std::int64_t> beats;
        std::vector<std::int64_t> starts;
        for (std::size_t beat = 0; beat < r_peaks.size(); ++beat) {
            if (found.groups[beat] != number) continue;
            beats.push_back(static_cast<std::int64_t>(beat));
            starts.push_back(ecg::kMostShift + found.shifts[beat]);
        }
        const auto average =
            ecg::average_beats(view, cuts.inside, found.leads, beats, starts, {304, 95, 151});
        require(std::ranges::none_of(average.mean, [](float x) { return std::isnan(x); }));
        require(std::ranges::none_of(average.spread, [](float x) { return std::isnan(x); }));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    if (size < 4) return 0;
    const Recording recording({bytes, size});
    const auto n = static_cast<std::int64_t>(recording.leads.front().size());
    const auto leads = recording.part(0, static_cast<std::size_t>(n));

    const auto r_peaks = ecg::detect_r_peaks(leads, recording.rate, 0);
    require(std::ranges::adjacent_find(r_peaks, std::greater_equal{}) == r_peaks.end());
    require(r_peaks.empty() || (r_peaks.front() >= 0 && r_peaks.back() < n));
    require(in_chunks(recording) == r_peaks);

    group(recording, leads, r_peaks);
    const auto points = ecg::delineate(leads, recording.rate, r_peaks);
    require(points.size() == leads.size() * r_peaks.size() * ecg::kWaveKinds * ecg::kWavePoints);
    for (std::size_t i = 0; i < points.size(); i += ecg::kWavePoints) {
        const bool absent = std::all_of(&points[i], &points[i] + ecg::kWavePoints,
                                        [](auto p) { return p == ecg::kAbsent; });
        require(absent || (points[i] >= 0 && points[i] <= points[i + 1] &&
                           points[i + 1] <= points[i + 2] && points[i + 2] < n));
    }
    return 0;
}
