#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "ecg/beat_quality.hpp"
#include "ecg/delineate.hpp"
#include "ecg/fan_out.hpp"
#include "ecg/resample.hpp"
#include "ecg/sampled_data.hpp"
#include "ecg/signal_quality.hpp"
#include "ecg/zero_phase.hpp"
#include "synthetic_ecg.hpp"

namespace {

/// What one request asks of the core, on samples that all threads share.
std::vector<double> analyse(const std::vector<double>& samples, const ecg::Resampler& resampler) {
    const auto filtered =
        ecg::band_pass(samples, ecg::SamplingRate{500.0}, ecg::Hertz{0.5}, ecg::Hertz{40.0}, 3);
    std::vector<double> resampled(resampler.output_length(filtered.size()));
    resampler.resample(filtered, resampled);
    return resampled;
}

/// Three leads of 22 minutes, two of them noisy, one with a gap.
std::vector<std::vector<double>> long_recording(double rate_hz) {
    const SyntheticEcg ecg{.rate_hz = rate_hz, .duration_s = 1320.0};
    std::vector<std::vector<double>> leads(3, ecg.samples_mv());
    Noise noise(1);
    for (std::size_t i = 0; i < leads[0].size(); ++i) {
        leads[1][i] = -leads[1][i] + 0.05 * noise();
        leads[2][i] += 0.2 * noise();
        if (i / static_cast<std::size_t>(rate_hz) == 300) leads[2][i] = std::nan("");
    }
    return leads;
}

}  // namespace

TEST_CASE("concurrent calls on the same samples agree") {
    std::string text = "E";
    for (int i = 0; i < 3000; ++i) text += " " + std::to_string((i * 7919) % 4001 - 2000);
    const auto samples = std::get<std::vector<double>>(ecg::parse_sampled_data(text, {0.0, 0.001}));
    const ecg::Resampler resampler{ecg::SamplingRate{500.0}, ecg::SamplingRate{360.0}};
    const auto expected = analyse(samples, resampler);

    std::vector<std::vector<double>> results(4);
    {
        std::vector<std::jthread> threads;
        threads.reserve(results.size());
        for (auto& result : results) {
            threads.emplace_back([&] {
                for (int i = 0; i < 5; ++i) result = analyse(samples, resampler);
            });
        }
    }
    for (const auto& result : results) {
        REQUIRE(result.size() == expected.size());
        for (std::size_t i = 1; i < result.size(); ++i) REQUIRE(result[i] == expected[i]);
    }
}

TEST_CASE("several threads find what one finds in a long recording") {
    const ecg::SamplingRate rate{100.0};
    const auto leads = long_recording(rate.hz());
    const auto spans = rows(leads);
    const auto r_peaks = ecg::detect_r_peaks(spans, rate, 0);
    REQUIRE(r_peaks.size() > 1500);
    const auto alone = ecg::judge_quality(spans, rate);
    const auto waves = ecg::delineate(spans, rate, r_peaks);
    const auto sure = ecg::beat_quality(spans, rate, r_peaks, alone.contrast);
    for (const std::int64_t n : {2, 3, 8}) {
        const ecg::ThreadCount threads{n};
        const auto together = ecg::judge_quality(spans, rate, threads);
        CHECK(together.flags == alone.flags);
        CHECK(together.index == alone.index);
        CHECK(together.contrast == alone.contrast);
        CHECK(together.missing == alone.missing);
        CHECK(together.mains_hz == alone.mains_hz);
        CHECK(ecg::beat_quality(spans, rate, r_peaks, alone.contrast, threads) == sure);
        CHECK(ecg::delineate(spans, rate, r_peaks, threads) == waves);
    }
}

TEST_CASE("each piece is taken once, and the first error reaches the caller") {
    for (const std::int64_t n : {1, 2, 5}) {
        std::vector<std::atomic<int>> taken(100);
        ecg::fan_out(taken.size(), ecg::ThreadCount{n}, [&](std::size_t piece, std::size_t thread) {
            CHECK(thread < static_cast<std::size_t>(n));
            ++taken[piece];
        });
        for (const auto& times : taken) CHECK(times == 1);
        const auto fail = [](std::size_t piece, std::size_t) {
            if (piece == 7) throw std::runtime_error("piece 7");
        };
        CHECK_THROWS_WITH(ecg::fan_out(10, ecg::ThreadCount{n}, fail), "piece 7");
    }
    for (const std::int64_t n : {-1, 0, 65})
        CHECK_THROWS_AS(ecg::ThreadCount{n}, std::invalid_argument);
}
