#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "ecg/zero_phase.hpp"
#include "synthetic_ecg.hpp"

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr ecg::SamplingRate kRate{500.0};

std::vector<double> sine(double hz, std::size_t n) {
    std::vector<double> samples(n);
    for (std::size_t i = 0; i < n; ++i) {
        samples[i] = std::sin(2.0 * std::numbers::pi * hz * static_cast<double>(i) / kRate.hz());
    }
    return samples;
}

std::vector<double> band_passed(const std::vector<double>& samples, int order = 2) {
    return ecg::band_pass(samples, kRate, ecg::Hertz{0.5}, ecg::Hertz{40.0}, order);
}

}  // namespace

TEST_CASE("a sine in the pass band comes back in phase") {
    const auto samples = sine(10.0, 5000);
    const auto filtered = band_passed(samples);
    for (std::size_t i = 1000; i < 4000; ++i) CHECK(std::abs(filtered[i] - samples[i]) < 2e-2);
}

TEST_CASE("a gap does not spread and is missing in the output, at the ends too") {
    const auto samples = sine(10.0, 5000);
    auto gappy = samples;
    for (const std::size_t i : {0U, 1U, 2000U, 2001U, 4999U}) gappy[i] = kNaN;
    gappy[3000] = std::numeric_limits<double>::infinity();
    const auto whole = band_passed(samples);
    const auto filtered = band_passed(gappy);
    for (std::size_t i = 0; i < samples.size(); ++i) {
        CAPTURE(i);
        CHECK(std::isnan(filtered[i]) == !std::isfinite(gappy[i]));
        const bool inner = i >= 1000 && i < 4000;
        if (inner && std::isfinite(gappy[i])) CHECK(std::abs(filtered[i] - whole[i]) < 0.02);
    }
}

TEST_CASE("gaps are bridged by straight lines") {
    std::vector<double> samples{kNaN, 1.0, kNaN, kNaN, 4.0, 2.0, kNaN};
    ecg::bridge_gaps(samples);
    const std::vector<double> bridged{1.0, 1.0, 2.0, 3.0, 4.0, 2.0, 2.0};
    for (std::size_t i = 0; i < bridged.size(); ++i)
        CHECK(samples[i] == doctest::Approx(bridged[i]));
    std::vector<double> nothing{kNaN, kNaN};
    ecg::bridge_gaps(nothing);
    CHECK(std::isnan(nothing[0]));
    std::vector<double> empty;
    ecg::bridge_gaps(empty);
    std::vector<double> huge{-1.7e308, kNaN, 1.7e308};
    ecg::bridge_gaps(huge);
    CHECK(std::isfinite(huge[1]));
}

TEST_CASE("signals of any length have a defined result") {
    for (int order = 1; order <= ecg::kMaxButterworthOrder; ++order) {
        for (std::size_t n = 0; n < 120; ++n) {
            CAPTURE(n);
            const auto flat = band_passed(std::vector<double>(n, 3.0), order);
            CHECK(flat.size() == n);
            for (const double x : flat) CHECK(std::abs(x) < 1e-9);
            for (const double x : band_passed(std::vector<double>(n, kNaN), order)) {
                CHECK(std::isnan(x));
            }
            for (const double x : band_passed(sine(7.0, n), order)) CHECK(std::isfinite(x));
        }
    }
}

TEST_CASE("a wrong output length or too many sections are refused") {
    const auto sections = ecg::butterworth_band_pass(2, ecg::Hertz{0.5}, ecg::Hertz{40.0}, kRate);
    std::vector<double> samples(10);
    std::vector<double> shorter(9);
    CHECK_THROWS_AS(ecg::filter_zero_phase(sections, samples, shorter), std::invalid_argument);
    const std::vector<ecg::Biquad> many(17, sections[0]);
    CHECK_THROWS_AS(ecg::filtfilt(many, samples), std::invalid_argument);
}

TEST_CASE("leads filtered side by side are as those filtered alone") {
    Noise noise(9);
    const auto sections =
        ecg::butterworth_band_pass(3, ecg::Hertz{0.5}, ecg::Hertz{40.0}, ecg::SamplingRate{360.0});
    for (const std::size_t n : {0UL, 1UL, 5UL, 3000UL}) {
        std::vector<ecg::Lanes> together(n);
        for (auto& lanes : together) {
            for (std::size_t lane = 0; lane < ecg::Lanes::kWidth; ++lane) lanes[lane] = noise();
        }
        std::vector<std::vector<double>> alone(ecg::Lanes::kWidth, std::vector<double>(n));
        for (std::size_t lane = 0; lane < alone.size(); ++lane) {
            for (std::size_t i = 0; i < n; ++i) alone[lane][i] = together[i][lane];
            ecg::filtfilt(sections, alone[lane]);
        }
        ecg::filtfilt(sections, together);
        for (std::size_t lane = 0; lane < alone.size(); ++lane) {
            for (std::size_t i = 0; i < n; ++i) CHECK(together[i][lane] == alone[lane][i]);
        }
    }
}
