#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>
#include <vector>

#include "ecg/delineate.hpp"
#include "synthetic_ecg.hpp"

namespace {

using Leads = std::vector<std::vector<double>>;

std::vector<std::int64_t> beats_of(const SyntheticEcg& ecg) {
    std::vector<std::int64_t> beats;
    for (const double t : ecg.beat_times()) beats.push_back(std::llround(t * ecg.rate_hz));
    return beats;
}

std::vector<std::int64_t> delineate(const Leads& leads, double rate_hz,
                                    const std::vector<std::int64_t>& beats) {
    return ecg::delineate(rows(leads), ecg::SamplingRate{rate_hz}, beats);
}

/// Onset, peak and offset of one wave, in seconds from the R peak; negative indices as they are.
struct Points {
    const std::vector<std::int64_t>& all;
    std::size_t n_beats;

    [[nodiscard]] const std::int64_t* of(std::size_t lead, std::size_t beat,
                                         std::size_t kind) const {
        return all.data() + ((lead * n_beats + beat) * ecg::kWaveKinds + kind) * ecg::kWavePoints;
    }
};

constexpr std::size_t kP = 0;
constexpr std::size_t kQrs = 1;
constexpr std::size_t kT = 2;

void check_near(std::int64_t index, double time_s, double rate_hz, double tolerance_s) {
    CHECK(std::abs(static_cast<double>(index) / rate_hz - time_s) <= tolerance_s);
}

}  // namespace

TEST_CASE("waves are found where they were put, at any rate") {
    for (const double rate_hz : {100.0, 250.0, 360.0, 500.0, 2000.0}) {
        CAPTURE(rate_hz);
        const SyntheticEcg ecg{.rate_hz = rate_hz, .duration_s = 10.0};
        const auto beats = beats_of(ecg);
        const auto points = delineate({ecg.samples_mv(), ecg.samples_mv()}, rate_hz, beats);
        REQUIRE(points.size() == 2 * beats.size() * 9);
        const Points waves{points, beats.size()};
        for (std::size_t beat = 1; beat + 1 < beats.size(); ++beat) {
            const double r = static_cast<double>(beats[beat]) / rate_hz;
            const auto* p = waves.of(0, beat, kP);
            const auto* qrs = waves.of(1, beat, kQrs);
            const auto* t = waves.of(0, beat, kT);
            check_near(p[0], r - 0.21, rate_hz, 0.025);
            check_near(p[1], r - 0.16, rate_hz, 0.015);
            check_near(p[2], r - 0.11, rate_hz, 0.025);
            check_near(qrs[0], r - 0.045, rate_hz, 0.020);
            check_near(qrs[1], r, rate_hz, 0.010);
            check_near(qrs[2], r + 0.050, rate_hz, 0.020);
            check_near(t[1], r + 0.26, rate_hz, 0.015);
            check_near(t[2], r + 0.35, rate_hz, 0.030);
        }
    }
}

TEST_CASE("points of a wave are in order, inside the signal, and all absent or none") {
    Noise noise(3);
    for (const std::size_t n : {1UL, 2UL, 30UL, 500UL, 5000UL}) {
        Leads leads(3, std::vector<double>(n));
        for (auto& lead : leads) {
            for (auto& x : lead) x = noise() > 0.95 ? std::nan("") : noise() * 3.0;
        }
        std::vector<std::int64_t> beats;
        for (std::int64_t i = 0; i < static_cast<std::int64_t>(n); i += 1 + i % 211) {
            beats.push_back(i);
        }
        for (const double rate_hz : {50.0, 500.0, 2000.0}) {
            const auto points = delineate(leads, rate_hz, beats);
            REQUIRE(points.size() == leads.size() * beats.size() * 9);
            for (std::size_t i = 0; i < points.size(); i += 3) {
                if (points[i] < 0) {
                    CHECK((points[i] == -1 && points[i + 1] == -1 && points[i + 2] == -1));
                    continue;
                }
                CHECK(points[i] <= points[i + 1]);
                CHECK(points[i + 1] <= points[i + 2]);
                CHECK(points[i + 2] < static_cast<std::int64_t>(n));
            }
        }
    }
}

TEST_CASE("waves of one beat follow each other") {
    const SyntheticEcg ecg{.duration_s = 10.0, .rr_s = 0.45};
    const auto beats = beats_of(ecg);
    const auto points = delineate({ecg.samples_mv()}, ecg.rate_hz, beats);
    const Points waves{points, beats.size()};
    for (std::size_t beat = 0; beat < beats.size(); ++beat) {
        const auto* p = waves.of(0, beat, kP);
        const auto* qrs = waves.of(0, beat, kQrs);
        const auto* t = waves.of(0, beat, kT);
        if (p[0] >= 0) CHECK(p[2] <= qrs[0]);
        if (t[0] >= 0) CHECK(qrs[2] <= t[0]);
    }
}

TEST_CASE("no P wave is made of noise that does not recur") {
    SyntheticEcg ecg{.duration_s = 20.0};
    std::vector<double> samples(static_cast<std::size_t>(ecg.duration_s * ecg.rate_hz));
    for (std::size_t i = 0; i < samples.size(); ++i) {
        const double time = static_cast<double>(i) / ecg.rate_hz;
        samples[i] = 0.08 * std::sin(2.0 * 3.14159 * (6.1 * time + 0.4 * std::sin(1.3 * time)));
        for (const double r : ecg.beat_times()) {
            const double u = (time - r) / 0.010;
            samples[i] += std::abs(u) < 6.0 ? std::exp(-0.5 * u * u) : 0.0;
        }
    }
    const auto beats = beats_of(ecg);
    const auto points = delineate({samples}, ecg.rate_hz, beats);
    std::size_t invented = 0;
    for (std::size_t beat = 0; beat < beats.size(); ++beat) {
        invented += Points{points, beats.size()}.of(0, beat, kP)[0] >= 0 ? 1 : 0;
    }
    CHECK(invented <= beats.size() / 10);
}

TEST_CASE("a flat or missing lead has no waves and does not disturb the others") {
    const SyntheticEcg ecg{.duration_s = 10.0};
    const auto samples = ecg.samples_mv();
    const auto beats = beats_of(ecg);
    const auto alone = delineate({samples}, ecg.rate_hz, beats);
    for (const double level : {0.0, 2.0, std::nan("")}) {
        const std::vector<double> dead(samples.size(), level);
        const auto both = delineate({samples, dead}, ecg.rate_hz, beats);
        for (std::size_t i = 0; i < alone.size(); ++i) {
            CHECK(both[i] == alone[i]);
            CHECK(both[alone.size() + i] == ecg::kAbsent);
        }
    }
}

TEST_CASE("R peaks out of order or outside the leads are refused") {
    const Leads leads{std::vector<double>(1000, 0.0)};
    CHECK_THROWS_AS(delineate(leads, 500.0, {5, 5}), std::invalid_argument);
    CHECK_THROWS_AS(delineate(leads, 500.0, {-1}), std::invalid_argument);
    CHECK_THROWS_AS(delineate(leads, 500.0, {1000}), std::invalid_argument);
    CHECK_THROWS_AS(delineate({leads[0], std::vector<double>(9)}, 500.0, {1}),
                    std::invalid_argument);
    CHECK(delineate(leads, 500.0, {}).empty());
}

TEST_CASE("the waves of a long recording do not depend on when it began") {
    // Longer than a stretch that it is read in; beginning elsewhere, stretches end elsewhere.
    for (const double rate_hz : {200.0, 360.0}) {
        const SyntheticEcg ecg{.rate_hz = rate_hz, .duration_s = 330.0, .rr_s = 0.83};
        // One lead: the weights of several hang on the usual amplitude of all beats.
        Leads leads{ecg.samples_mv()};
        Noise noise(5);
        for (auto& lead : leads) {
            for (double& x : lead) x += 0.02 * noise();
            std::fill_n(lead.begin() + std::llround(100.0 * rate_hz), std::llround(30.0 * rate_hz),
                        std::nan(""));
        }
        const auto beats = beats_of(ecg);
        const auto whole = delineate(leads, rate_hz, beats);
        const std::size_t n_cut = 60;  // beats; a whole number of cells of the grid
        const auto start = std::llround(49.0 * rate_hz);
        Leads later;
        for (const auto& lead : leads) later.emplace_back(lead.begin() + start, lead.end());
        std::vector<std::int64_t> later_beats;
        for (std::size_t i = n_cut; i < beats.size(); ++i) later_beats.push_back(beats[i] - start);
        const auto part = delineate(later, rate_hz, later_beats);
        const Points all{whole, beats.size()};
        const Points after{part, later_beats.size()};
        std::size_t n_points = 0;
        for (std::size_t i = 40; i < later_beats.size(); ++i) {
            for (std::size_t k = 0; k < ecg::kWaveKinds * ecg::kWavePoints; ++k) {
                const std::int64_t expected = all.of(0, i + n_cut, 0)[k];
                const std::int64_t found = after.of(0, i, 0)[k];
                CHECK(found == (expected < 0 ? expected : expected - start));
                n_points += expected < 0 ? 0 : 1;
            }
        }
        CHECK(n_points > 9 * 200);
    }
}
