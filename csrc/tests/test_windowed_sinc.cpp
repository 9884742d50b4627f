#include <doctest/doctest.h>

#include <cmath>
#include <numbers>
#include <numeric>

#include "ecg/windowed_sinc.hpp"

TEST_CASE("between samples a tone keeps its height") {
    const ecg::BetweenSamples between;
    constexpr auto kBefore = static_cast<double>(ecg::BetweenSamples::kReach - 1);
    for (const double hz_per_rate : {0.01, 0.1, 0.2, 0.3, 0.4}) {
        for (const double share : {0.1, 0.25, 0.5, 0.9}) {
            CAPTURE(hz_per_rate);
            CAPTURE(share);
            const double angle = 2.0 * std::numbers::pi * hz_per_rate;
            const auto& weights = between.at(share);
            double value = 0.0;
            for (std::size_t i = 0; i < weights.size(); ++i) {
                value += weights[i] * std::cos(angle * (static_cast<double>(i) - kBefore));
            }
            CHECK(value == doctest::Approx(std::cos(angle * share)).epsilon(0.02));
        }
    }
}

TEST_CASE("the weights between samples sum to one and leave a sample as it is") {
    const ecg::BetweenSamples between;
    for (const double share : {0.0, 0.1, 0.5, 0.999}) {
        const auto& weights = between.at(share);
        CHECK(std::accumulate(weights.begin(), weights.end(), 0.0) == doctest::Approx(1.0));
    }
    CHECK(between.at(0.0)[ecg::BetweenSamples::kReach - 1] == doctest::Approx(1.0));
}
