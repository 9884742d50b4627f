#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "ecg/bridged_lead.hpp"
#include "ecg/zero_phase.hpp"
#include "synthetic_ecg.hpp"

namespace {

std::vector<double> with_gaps(std::size_t n, std::uint64_t seed, double rate) {
    Noise noise(seed);
    std::vector<double> lead(n);
    bool gap = seed % 2 == 0;
    for (auto& x : lead) {
        if (noise() > 1.0 - rate) gap = !gap;
        x = gap ? std::nan("") : noise();
    }
    return lead;
}

}  // namespace

TEST_CASE("a lead read from any block on has its gaps bridged as in one piece") {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        const auto lead = with_gaps(200 + 7 * seed, seed, seed < 20 ? 0.05 : 0.5);
        auto whole = lead;
        ecg::bridge_gaps(whole);
        for (const std::size_t block : {1UL, 7UL, 50UL, 1000UL}) {
            const ecg::BridgedLead bridged(lead, block);
            CHECK(bridged.lowest() == *std::ranges::min_element(whole));
            CHECK(bridged.highest() == *std::ranges::max_element(whole));
            for (std::size_t from = 0; from < lead.size(); from += block) {
                for (std::size_t to = from + block; to < lead.size() + block; to += 3 * block) {
                    std::vector<double> values(std::min(to, lead.size()) - from);
                    bridged.read(from / block, values);
                    CHECK(
                        std::ranges::equal(values, std::span(whole).subspan(from, values.size())));
                }
            }
        }
    }
}

TEST_CASE("infinite samples are gaps, absurd ones are cut, a lead without samples is zero") {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    const std::vector<double> lead{-kInfinity, 1.0, kInfinity, 3.0, 1e300};
    std::vector<double> values(lead.size());
    const ecg::BridgedLead bridged(lead, 2);
    bridged.read(0, values);
    CHECK(values == std::vector<double>{1.0, 1.0, 2.0, 3.0, 1e9});
    CHECK(bridged.has_gaps());
    CHECK(bridged.lowest() == 1.0);
    CHECK(bridged.highest() == 1e9);

    const std::vector<double> nothing(5, std::nan(""));
    const ecg::BridgedLead empty(nothing, 2);
    empty.read(1, std::span(values).subspan(2));
    CHECK(values == std::vector<double>{1.0, 1.0, 0.0, 0.0, 0.0});
    CHECK(empty.highest() - empty.lowest() == 0.0);
}
