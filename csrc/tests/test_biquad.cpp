#include <doctest/doctest.h>

#include <cmath>
#include <complex>
#include <numbers>
#include <span>
#include <vector>

#include "ecg/biquad.hpp"

namespace {

double gain_at(std::span<const ecg::Biquad> sections, double hz, double rate_hz) {
    const std::complex<double> z = std::polar(1.0, -2.0 * std::numbers::pi * hz / rate_hz);
    std::complex<double> h = 1.0;
    for (const ecg::Biquad& s : sections) {
        h *= (s.b0 + z * (s.b1 + z * s.b2)) / (1.0 + z * (s.a1 + z * s.a2));
    }
    return std::abs(h);
}

constexpr ecg::SamplingRate kRate{250.0};
const double kHalfPower = std::sqrt(0.5);

}  // namespace

TEST_CASE("the band-pass is 3 dB down at its edges, whatever the order") {
    for (int order = 1; order <= ecg::kMaxButterworthOrder; ++order) {
        CAPTURE(order);
        const auto band =
            ecg::butterworth_band_pass(order, ecg::Hertz{5.0}, ecg::Hertz{15.0}, kRate);
        CHECK(gain_at(band, 5.0, 250.0) == doctest::Approx(kHalfPower));
        CHECK(gain_at(band, 15.0, 250.0) == doctest::Approx(kHalfPower));
        CHECK(gain_at(band, std::sqrt(75.0), 250.0) == doctest::Approx(1.0).epsilon(1e-3));
        CHECK(gain_at(band, 0.0, 250.0) < 1e-12);
        CHECK(gain_at(band, 125.0, 250.0) < 1e-12);
    }
}

TEST_CASE("a band as wide as the spectrum still has stable poles") {
    constexpr ecg::Hertz kLowest{1e-5 * 125.0};
    constexpr ecg::Hertz kHighest{0.999 * 125.0};
    for (int order = 1; order <= ecg::kMaxButterworthOrder; ++order) {
        for (const ecg::Biquad& s : ecg::butterworth_band_pass(order, kLowest, kHighest, kRate)) {
            CHECK(std::abs(s.a2) < 1.0);
            CHECK(std::abs(s.a1) < 1.0 + s.a2);
        }
    }
}

TEST_CASE("the notch removes its centre and nothing at zero") {
    const std::vector<ecg::Biquad> notch{ecg::notch_section(ecg::Hertz{50.0}, 30.0, kRate)};
    CHECK(gain_at(notch, 50.0, 250.0) < 1e-12);
    CHECK(gain_at(notch, 0.0, 250.0) == doctest::Approx(1.0));
}

TEST_CASE("designs refuse edges and orders that make no filter") {
    constexpr ecg::Hertz kFive{5.0};
    constexpr ecg::Hertz kFifteen{15.0};
    CHECK_THROWS_AS((void)ecg::butterworth_band_pass(0, kFive, kFifteen, kRate),
                    std::invalid_argument);
    CHECK_THROWS_AS((void)ecg::butterworth_band_pass(9, kFive, kFifteen, kRate),
                    std::invalid_argument);
    CHECK_THROWS_AS((void)ecg::butterworth_band_pass(2, kFifteen, kFive, kRate),
                    std::invalid_argument);
    CHECK_THROWS_AS((void)ecg::butterworth_band_pass(2, kFive, ecg::Hertz{125.0}, kRate),
                    std::invalid_argument);
    CHECK_THROWS_AS((void)ecg::butterworth_band_pass(2, ecg::Hertz{std::nan("")}, kFive, kRate),
                    std::invalid_argument);
    CHECK_THROWS_AS((void)ecg::notch_section(ecg::Hertz{0.0}, 30.0, kRate), std::invalid_argument);
    CHECK_THROWS_AS((void)ecg::notch_section(ecg::Hertz{50.0}, 0.0, kRate), std::invalid_argument);
    CHECK_THROWS_AS(ecg::SamplingRate{0.0}, std::invalid_argument);
    CHECK_THROWS_AS(ecg::SamplingRate{std::nan("")}, std::invalid_argument);
}

TEST_CASE("a settled section has no step response") {
    const ecg::Biquad notch = ecg::notch_section(ecg::Hertz{50.0}, 30.0, kRate);
    auto state = ecg::BiquadState<double>::settled(notch, 1.5);
    for (int i = 0; i < 100; ++i) CHECK(state.step(notch, 1.5) == doctest::Approx(1.5));
}
