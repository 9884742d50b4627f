#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "ecg/resample.hpp"

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::vector<double> resampled(const std::vector<double>& samples, double from_hz, double to_hz) {
    const ecg::Resampler resampler{ecg::SamplingRate{from_hz}, ecg::SamplingRate{to_hz}};
    std::vector<double> out(resampler.output_length(samples.size()));
    resampler.resample(samples, out);
    return out;
}

std::vector<double> sine(double hz, double rate_hz, std::size_t n) {
    std::vector<double> samples(n);
    for (std::size_t i = 0; i < n; ++i) {
        samples[i] = std::sin(2.0 * std::numbers::pi * hz * static_cast<double>(i) / rate_hz);
    }
    return samples;
}

}  // namespace

TEST_CASE("a sine keeps its shape at another rate") {
    for (const double from : {100.0, 128.0, 250.0, 257.0, 360.0, 500.0, 999.5, 1000.0, 2000.0}) {
        for (const double to : {250.0, 360.0, 500.0}) {
            CAPTURE(from);
            CAPTURE(to);
            const auto out =
                resampled(sine(8.0, from, static_cast<std::size_t>(4.0 * from)), from, to);
            const auto expected = sine(8.0, to, out.size());
            for (std::size_t i = out.size() / 4; i < out.size() * 3 / 4; ++i) {
                CHECK(std::abs(out[i] - expected[i]) < 5e-3);
            }
        }
    }
}

TEST_CASE("whole rates are exact ratios in lowest terms") {
    struct Case {
        double from, to;
        std::size_t up, down;
    };
    for (const Case& c : {Case{500, 360, 18, 25}, Case{360, 250, 25, 36}, Case{257, 360, 360, 257},
                          Case{500, 500, 1, 1}, Case{9973, 9967, 9967, 9973}, Case{62.5, 500, 8, 1},
                          Case{100, 10000, 100, 1}, Case{10000, 100, 1, 100}}) {
        const auto ratio = ecg::rate_ratio(ecg::SamplingRate{c.from}, ecg::SamplingRate{c.to});
        CHECK(ratio.up == c.up);
        CHECK(ratio.down == c.down);
    }
}

TEST_CASE("any other ratio is met within a relative 1e-4 by terms up to 10,000") {
    for (int i = 0; i < 20'000; ++i) {
        const double from = 100.0 + 0.0951234567 * i;
        for (const double to : {250.0, 360.0, 500.0}) {
            const auto ratio = ecg::rate_ratio(ecg::SamplingRate{from}, ecg::SamplingRate{to});
            const double got = static_cast<double>(ratio.up) / static_cast<double>(ratio.down);
            REQUIRE(std::abs(got * from / to - 1.0) < 1e-4);
            REQUIRE(std::max(ratio.up, ratio.down) <= ecg::kMaxRateTerm);
        }
    }
}

TEST_CASE("a constant stays constant, however short") {
    for (std::size_t n = 0; n < 60; ++n) {
        const auto out = resampled(std::vector<double>(n, 4.2), 257.0, 360.0);
        CHECK(out.size() == (n * 360 + 256) / 257);
        for (const double x : out) CHECK(x == doctest::Approx(4.2).epsilon(1e-14));
    }
}

TEST_CASE("a gap does not spread and is missing in the output") {
    auto samples = sine(8.0, 500.0, 2000);
    const auto whole = resampled(samples, 500.0, 250.0);
    for (std::size_t i = 1000; i < 1004; ++i) samples[i] = kNaN;
    const auto out = resampled(samples, 500.0, 250.0);
    for (std::size_t i = 0; i < out.size(); ++i) {
        CAPTURE(i);
        CHECK(std::isnan(out[i]) == (i == 500 || i == 501));
        if (!std::isnan(out[i])) CHECK(std::abs(out[i] - whole[i]) < 0.05);
    }
    for (const double x : resampled(std::vector<double>(7, kNaN), 500.0, 360.0)) {
        CHECK(std::isnan(x));
    }
}

TEST_CASE("an impossible ratio or a wrong output length is refused") {
    CHECK_THROWS_AS((void)ecg::rate_ratio(ecg::SamplingRate{1.0}, ecg::SamplingRate{101.0}),
                    std::invalid_argument);
    const ecg::Resampler resampler{ecg::SamplingRate{500.0}, ecg::SamplingRate{250.0}};
    std::vector<double> samples(10);
    std::vector<double> wrong(6);
    CHECK_THROWS_AS(resampler.resample(samples, wrong), std::invalid_argument);
}
