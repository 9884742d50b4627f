#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <vector>

#include "ecg/beat_cuts.hpp"
#include "ecg/beat_groups.hpp"
#include "synthetic_ecg.hpp"

namespace {

using Indices = std::vector<std::int64_t>;

constexpr ecg::CutShape kShape{124, 187};
constexpr ecg::Band kBand{ecg::Hertz{0.5}, ecg::Hertz{60.0}};

ecg::BeatCuts cut(const SyntheticEcg& ecg, const Indices& r_peaks) {
    return ecg::cut_beats(rows({ecg.samples_mv(), ecg.samples_mv()}),
                          ecg::SamplingRate{ecg.rate_hz}, r_peaks, kShape, kBand);
}

ecg::CutsView view(const std::vector<float>& values, std::size_t n_beats) {
    return {values, n_beats, 2, kShape.width()};
}

Indices beats_of(const SyntheticEcg& ecg) {
    Indices beats;
    for (const double t : ecg.beat_times()) beats.push_back(std::llround(t * ecg.rate_hz));
    return beats;
}

}  // namespace

TEST_CASE("beats of one shape are one group, and one marked late is read earlier") {
    const SyntheticEcg ecg{.rate_hz = 500.0, .duration_s = 10.0};
    auto beats = beats_of(ecg);
    beats[4] += 6;  // 3 columns
    const auto cuts = cut(ecg, beats);
    const auto found = ecg::group_beats(view(cuts.values_mv, beats.size()), 124, 0.8, 6);
    CHECK(found.leads == Indices{0, 1});
    CHECK(found.groups == Indices(beats.size(), 0));
    CHECK(found.shifts[4] - found.shifts[3] == -3);
}

TEST_CASE("the mean of equal beats is each of them, without spread") {
    const SyntheticEcg ecg{.rate_hz = 250.0, .duration_s = 10.0};
    const auto beats = beats_of(ecg);
    const auto cuts = cut(ecg, beats);
    const auto cuts_view = view(cuts.values_mv, beats.size());
    const auto one = ecg::average_beats(cuts_view, cuts.inside, Indices{1}, Indices{3}, Indices{4},
                                        {304, 95, 151});
    const auto twice = ecg::average_beats(cuts_view, cuts.inside, Indices{1}, Indices{3, 3},
                                          Indices{4, 4}, {304, 95, 151});
    CHECK(one.mean == twice.mean);
    for (const float x : twice.spread) CHECK(x == 0.0F);
    float low = one.mean[95];
    float high = low;
    for (std::size_t i = 95; i < 151; ++i) {
        low = std::min(low, one.mean[i]);
        high = std::max(high, one.mean[i]);
    }
    CHECK(high - low == doctest::Approx(1.0));
}

TEST_CASE("values that are not finite harm nobody") {
    std::vector<float> values(6 * kShape.width(), std::numeric_limits<float>::quiet_NaN());
    values[7] = std::numeric_limits<float>::infinity();
    const auto found = ecg::group_beats(view(values, 3), 124, 0.8, 6);
    CHECK(found.groups == Indices{-1, -1, -1});
    const Indices inside{0, 312, 0, 312, 0, 312};
    CHECK_NOTHROW((void)ecg::average_beats(view(values, 3), inside, Indices{0, 1}, Indices{0, 2},
                                           Indices{0, 8}, {304, 95, 151}));
}

TEST_CASE("what is not there is refused") {
    const std::vector<float> values(6 * kShape.width());
    const auto cuts = view(values, 3);
    CHECK_THROWS_AS((void)ecg::group_beats(cuts, 18, 0.8, 6), std::invalid_argument);
    const Indices inside{0, 312, 0, 312, 0, 312};
    const auto average = [&](const Indices& leads, const Indices& beats, const Indices& starts) {
        return ecg::average_beats(cuts, inside, leads, beats, starts, {304, 95, 151});
    };
    CHECK_THROWS_AS((void)average({2}, {0}, {0}), std::invalid_argument);
    CHECK_THROWS_AS((void)average({0}, {3}, {0}), std::invalid_argument);
    CHECK_THROWS_AS((void)average({0}, {0}, {9}), std::invalid_argument);
    CHECK_THROWS_AS((void)average({0}, {0}, {}), std::invalid_argument);
    const std::vector<double> lead(100);
    CHECK_THROWS_AS(
        (void)ecg::cut_beats(rows({lead}), ecg::SamplingRate{250.0}, Indices{5, 5}, kShape, kBand),
        std::invalid_argument);
    CHECK_THROWS_AS(
        (void)ecg::cut_beats(rows({lead}), ecg::SamplingRate{250.0}, Indices{5}, {193, 0}, kBand),
        std::invalid_argument);
}
