#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <span>
#include <stdexcept>
#include <vector>

#include "ecg/beat_quality.hpp"
#include "ecg/limb_leads.hpp"
#include "ecg/median_network.hpp"
#include "ecg/signal_quality.hpp"
#include "synthetic_ecg.hpp"

namespace {

using Samples = std::vector<double>;

ecg::QualityJudgement judge(const std::vector<Samples>& leads, double rate_hz) {
    return ecg::judge_quality(rows(leads), ecg::SamplingRate{rate_hz});
}

/// Share of the windows with this flag.
double share(const ecg::QualityJudgement& judgement, ecg::QualityFlag flag) {
    const auto n =
        std::ranges::count_if(judgement.flags, [flag](auto flags) { return (flags & flag) != 0; });
    return static_cast<double>(n) / static_cast<double>(judgement.flags.size());
}

double mean_index(const ecg::QualityJudgement& judgement) {
    double sum = 0.0;
    for (const float index : judgement.index) sum += index;
    return sum / static_cast<double>(judgement.index.size());
}

/// A plain ECG with a little noise.
Samples clean(double rate_hz, double duration_s = 20.0) {
    auto samples = SyntheticEcg{.rate_hz = rate_hz, .duration_s = duration_s}.samples_mv();
    Noise noise(3);
    for (double& x : samples) x += 0.003 * noise();
    return samples;
}

Samples sine(double rate_hz, double hz, double amplitude_mv, std::size_t n) {
    Samples samples(n);
    for (std::size_t i = 0; i < n; ++i) {
        samples[i] = amplitude_mv *
                     std::sin(2.0 * std::numbers::pi * hz * static_cast<double>(i) / rate_hz + 0.4);
    }
    return samples;
}

Samples sum(Samples a, const Samples& b) {
    for (std::size_t i = 0; i < a.size(); ++i) a[i] += b[i];
    return a;
}

}  // namespace

TEST_CASE("medians of four columns are those of sorted columns") {
    Noise noise(5);
    for (int trial = 0; trial < 200; ++trial) {
        std::array<ecg::Four, 20> table{};
        for (auto& row : table) {
            for (double& x : row) x = std::round(noise() * 10.0);
        }
        const auto medians = ecg::medians_of(table);
        for (std::size_t k = 0; k < 4; ++k) {
            std::ranges::sort(table, {}, [k](const auto& row) { return row[k]; });
            CHECK(medians[k] == 0.5 * (table[9][k] + table[10][k]));
        }
    }
}

TEST_CASE("a clean ECG has no quality problem at any rate, size or polarity") {
    for (const double rate_hz : {100.0, 128.0, 250.0, 257.3, 360.0, 500.0, 1000.0, 2000.0}) {
        CAPTURE(rate_hz);
        auto samples = clean(rate_hz);
        for (const double gain : {1.0, -1.0, 5.0}) {
            auto scaled = samples;
            for (double& x : scaled) x = gain * x + 7.0;
            const auto judgement = judge({scaled}, rate_hz);
            CHECK(std::ranges::all_of(judgement.flags, [](auto flags) { return flags == 0; }));
            CHECK(mean_index(judgement) > 0.9);
        }
    }
}

TEST_CASE("mains hum is found with its frequency, and only hum") {
    for (const double rate_hz : {250.0, 500.0, 1000.0}) {
        const auto ecg = clean(rate_hz);
        for (const double hz : {50.0, 60.0}) {
            const auto judgement =
                judge({sum(ecg, sine(rate_hz, hz + 0.1, 0.1, ecg.size()))}, rate_hz);
            CHECK(share(judgement, ecg::kMainsHum) == 1.0);
            CHECK(share(judgement, ecg::kMuscleNoise) == 0.0);
            CHECK(judgement.mains_hz[0] == static_cast<float>(hz));
        }
    }
}

TEST_CASE("muscle noise is found, is no hum and lowers the index") {
    const auto ecg = clean(500.0);
    double last = 2.0;
    for (const double noise_mv : {0.0, 0.1, 0.4, 1.6}) {
        auto noisy = ecg;
        Noise noise(11);
        for (double& x : noisy) x += noise_mv * noise();
        const auto judgement = judge({noisy}, 500.0);
        if (noise_mv > 0.1) CHECK(share(judgement, ecg::kMuscleNoise) == 1.0);
        CHECK(share(judgement, ecg::kMainsHum) == 0.0);
        CHECK((last == 0.0 || mean_index(judgement) < last));
        last = mean_index(judgement);
    }
}

TEST_CASE("baseline wander and an electrode pop are told apart") {
    const auto ecg = clean(250.0);
    const auto wander = judge({sum(ecg, sine(250.0, 0.2, 1.0, ecg.size()))}, 250.0);
    CHECK(share(wander, ecg::kBaselineWander) > 0.8);
    CHECK(share(wander, ecg::kElectrodePop) == 0.0);
    for (const std::size_t at : {2500UL, 2622UL, 2740UL}) {
        auto popped = ecg;
        for (std::size_t i = at; i < popped.size(); ++i) popped[i] += 3.0;
        const auto judgement = judge({popped}, 250.0);
        CHECK((judgement.flags[at / 250] & ecg::kElectrodePop) != 0);
        CHECK(share(judgement, ecg::kElectrodePop) <= 0.1);
    }
}

TEST_CASE("clipped beats and a saturated stretch are found, a quiet baseline is not one") {
    const SyntheticEcg without_noise{.rate_hz = 500.0};
    auto quantised = without_noise.samples_mv();
    for (double& x : quantised) x = std::round(x * 200.0) / 200.0;
    CHECK(share(judge({quantised}, 500.0), ecg::kSaturated) == 0.0);
    auto clipped = quantised;
    for (double& x : clipped) x = std::min(x, 0.6);
    CHECK(share(judge({clipped}, 500.0), ecg::kSaturated) > 0.9);
    auto railed = clean(500.0);
    std::fill(railed.begin() + 4100, railed.begin() + 5900, 5.0);
    const auto judgement = judge({railed}, 500.0);
    CHECK((judgement.flags[8] & ecg::kSaturated) != 0);
    CHECK((judgement.flags[10] & ecg::kSaturated) != 0);
}

TEST_CASE("flat and missing seconds are marked, and only they") {
    auto samples = clean(250.0);
    const double nan = std::nan("");
    std::fill(samples.begin() + 1000, samples.begin() + 2000, 0.7);
    std::fill(samples.begin() + 3000, samples.begin() + 4000, nan);
    const auto judgement = judge({samples}, 250.0);
    CHECK(share(judgement, ecg::kFlat) == doctest::Approx(0.2));
    CHECK(share(judgement, ecg::kMissingSamples) == doctest::Approx(0.2));
    CHECK(judgement.missing[0] == doctest::Approx(0.2));
    CHECK((judgement.flags[5] & ecg::kFlat) != 0);
    CHECK(judgement.flags[13] == ecg::kMissingSamples);
}

TEST_CASE("noise, tones and square waves are no electrocardiogram") {
    Noise noise(2);
    Samples white(5000);
    for (double& x : white) x = 0.3 * noise();
    CHECK(share(judge({white}, 500.0), ecg::kNotAnEcg) == 1.0);
    for (const double hz : {1.0, 3.0, 8.0, 20.0}) {
        CHECK(share(judge({sine(500.0, hz, 1.0, 5000)}, 500.0), ecg::kNotAnEcg) == 1.0);
        auto square = sine(500.0, hz, 1.0, 5000);
        for (double& x : square) x = x > 0.0 ? 1.0 : -1.0;
        CHECK(share(judge({square}, 500.0), ecg::kNotAnEcg) == 1.0);
    }
}

TEST_CASE("weak noise may be an asystole and is not called something else") {
    Noise noise(2);
    Samples weak(5000);
    for (double& x : weak) x = 0.02 * noise();
    const auto judgement = judge({weak}, 500.0);
    CHECK(share(judgement, ecg::kNotAnEcg) == 0.0);
    CHECK(mean_index(judgement) < 0.05);
}

TEST_CASE("whatever comes in, quality stays between 0 and 1") {
    const double infinity = std::numeric_limits<double>::infinity();
    for (const std::size_t n : {0UL, 1UL, 2UL, 7UL, 99UL, 180UL, 361UL, 4000UL}) {
        for (const double rate_hz : {1.0, 30.0, 99.7, 360.0, 20000.0}) {
            for (const double level : {0.0, 1e300, infinity, std::nan("")}) {
                Samples samples(n, level);
                Noise noise(n + 1);
                for (std::size_t i = 0; i < n; i += 3) samples[i] = noise() * 1e12;
                const auto judgement = judge({samples, Samples(n, level)}, rate_hz);
                CHECK(judgement.flags.size() == 2 * judgement.n_windows);
                for (const auto* values : {&judgement.index, &judgement.contrast}) {
                    CHECK(std::ranges::all_of(*values, [](float x) { return x >= 0 && x <= 1; }));
                }
            }
        }
    }
    CHECK(judge({}, 500.0).n_windows == 0);
    CHECK_THROWS_AS(judge({Samples(10), Samples(11)}, 500.0), std::invalid_argument);
}

TEST_CASE("beats of an ECG are relied upon, places in noise are not") {
    const SyntheticEcg ecg{.rate_hz = 500.0};
    std::vector<std::int64_t> r_peaks;
    for (const double t : ecg.beat_times()) r_peaks.push_back(std::llround(t * 500.0));
    const ecg::SamplingRate rate{500.0};
    const std::vector<Samples> good{clean(500.0)};
    for (const float x :
         ecg::beat_quality(rows(good), rate, r_peaks, judge(good, 500.0).contrast)) {
        CHECK(x > 0.9F);
    }
    Noise noise(4);
    std::vector<Samples> bad{Samples(10000)};
    for (double& x : bad[0]) x = noise();
    for (const float x : ecg::beat_quality(rows(bad), rate, r_peaks, judge(bad, 500.0).contrast)) {
        CHECK(x < 0.2F);
    }
    const std::vector<Samples> both{bad[0], good[0]};
    for (const float x :
         ecg::beat_quality(rows(both), rate, r_peaks, judge(both, 500.0).contrast)) {
        CHECK(x > 0.9F);
    }
}

TEST_CASE("beat quality refuses beats outside, out of order, or of another recording") {
    const std::vector<Samples> leads{clean(500.0)};
    const auto judgement = judge(leads, 500.0);
    const ecg::SamplingRate rate{500.0};
    const auto quality = [&](const std::vector<std::int64_t>& r_peaks) {
        return ecg::beat_quality(rows(leads), rate, r_peaks, judgement.contrast);
    };
    CHECK(quality({}).empty());
    CHECK_THROWS_AS(quality({-1}), std::invalid_argument);
    CHECK_THROWS_AS(quality({10, 10}), std::invalid_argument);
    CHECK_THROWS_AS(quality({10000}), std::invalid_argument);
    const std::vector<Samples> shorter{Samples(100)};
    CHECK_THROWS_AS(ecg::beat_quality(rows(shorter), rate, {}, judgement.contrast),
                    std::invalid_argument);
}

TEST_CASE("a weighted sum of leads forgets offsets and missing samples") {
    Samples one = clean(500.0);
    Samples two = one;
    for (double& x : two) x = 2.0 * x - 3.0;
    const Samples three = one;
    one[5] = std::nan("");
    two[6] = std::numeric_limits<double>::infinity();
    const auto sum_of = ecg::sum_of_leads({{{one, 1.0}, {two, -1.0}, {three, 1.0}}});
    CHECK(sum_of.n_samples == one.size() - 2);
    CHECK(sum_of.sum_mv < 1e-6);
    CHECK(sum_of.unrelated_mv > 0.1);
    const Samples missing(one.size(), std::nan(""));
    const ecg::WeightedLead first{one, 1.0};
    CHECK(ecg::sum_of_leads({{first, first, {missing, 1.0}}}).n_samples == 0);
    const Samples shorter(3);
    const ecg::ThreeLeads unequal{{first, first, {shorter, 1.0}}};
    CHECK_THROWS_AS(static_cast<void>(ecg::sum_of_leads(unequal)), std::invalid_argument);
}

TEST_CASE("noise that beats tower over does not make an asystole among them unreadable") {
    const SyntheticEcg ecg{.rate_hz = 250.0, .duration_s = 90.0};
    auto samples = ecg.samples_mv();
    std::ranges::fill(std::span(samples).subspan(7500, 7500), 0.0);  // from 30 to 60 s
    Noise noise(8);
    for (double& x : samples) x += 0.04 * noise();
    const auto judgement = judge({samples}, 250.0);
    CHECK(std::ranges::all_of(judgement.flags, [](auto flags) { return flags == 0; }));
    CHECK(judgement.index[45] < 0.1F);
    CHECK(judgement.index[15] > 0.5F);
}
