#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "ecg/r_peaks.hpp"
#include "synthetic_ecg.hpp"

namespace {

using Leads = std::vector<std::vector<double>>;

std::vector<std::int64_t> detect(const Leads& leads, double rate_hz, std::size_t lead = 0) {
    return ecg::detect_r_peaks(rows(leads), ecg::SamplingRate{rate_hz}, lead);
}

std::vector<std::int64_t> detect_in_chunks(const Leads& leads, double rate_hz, std::size_t size) {
    ecg::RPeakDetector detector(leads.size(), ecg::SamplingRate{rate_hz}, 0);
    std::vector<std::int64_t> r_peaks;
    for (std::size_t from = 0; from < leads.front().size(); from += size) {
        std::vector<std::span<const double>> chunk;
        for (const auto& lead : leads) {
            const std::span<const double> whole(lead);
            chunk.push_back(whole.subspan(from, std::min(size, lead.size() - from)));
        }
        detector.push(chunk, r_peaks);
    }
    detector.finish(r_peaks);
    return r_peaks;
}

void check_beats(const std::vector<std::int64_t>& r_peaks, const SyntheticEcg& ecg,
                 double tolerance_s) {
    const auto times = ecg.beat_times();
    REQUIRE(r_peaks.size() == times.size());
    for (std::size_t i = 0; i < times.size(); ++i) {
        const double error = static_cast<double>(r_peaks[i]) / ecg.rate_hz - times[i];
        CHECK(std::abs(error) <= tolerance_s);
    }
}

/// Leads that once were trouble somewhere: noise, steps, spikes, gaps, saturation.
std::vector<Leads> adversarial(std::size_t n) {
    std::vector<Leads> signals;
    const double nan = std::nan("");
    const double infinity = std::numeric_limits<double>::infinity();
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        Noise noise(seed);
        Leads leads(1 + seed % 3, std::vector<double>(n));
        for (auto& lead : leads) {
            for (std::size_t i = 0; i < n; ++i) {
                lead[i] = noise() * (seed == 2 ? 1e8 : 1.0);
                if (seed == 3 && noise() > 0.5) lead[i] = nan;
                if (seed == 4 && noise() > 0.9) lead[i] = noise() > 0 ? infinity : -infinity;
            }
        }
        signals.push_back(leads);
    }
    std::vector<double> square(n);
    std::vector<double> spikes(n, 0.0);
    std::vector<double> saturated(n);
    for (std::size_t i = 0; i < n; ++i) {
        square[i] = i / 90 % 2 == 0 ? 5.0 : -5.0;
        if (i % 83 == 0) spikes[i] = i % 2 == 0 ? 1e300 : -3.0;
        saturated[i] = std::clamp(50.0 * std::sin(static_cast<double>(i) * 0.02), -5.0, 5.0);
    }
    signals.push_back({square, spikes, saturated});
    signals.push_back({std::vector<double>(n, nan), square});
    signals.push_back({std::vector<double>(n, infinity)});
    return signals;
}

}  // namespace

TEST_CASE("R peaks are found where they are at any rate and any heart rate") {
    for (const double rate_hz : {100.0, 128.0, 250.0, 257.3, 360.0, 500.0, 1000.0, 2000.0}) {
        for (const double rr_s : {0.25, 0.5, 1.0, 2.0}) {
            CAPTURE(rate_hz);
            CAPTURE(rr_s);
            const SyntheticEcg ecg{.rate_hz = rate_hz, .rr_s = rr_s};
            check_beats(detect({ecg.samples_mv()}, rate_hz), ecg, 0.002 + 1.0 / rate_hz);
        }
    }
}

TEST_CASE("R peaks of an inverted, tiny, huge or offset lead are the same") {
    const SyntheticEcg ecg;
    const auto expected = detect({ecg.samples_mv()}, ecg.rate_hz);
    for (const double amplitude_mv : {-1.0, 0.05, 20.0, -0.05}) {
        SyntheticEcg other = ecg;
        other.amplitude_mv = amplitude_mv;
        CHECK(detect({other.samples_mv()}, ecg.rate_hz) == expected);
    }
    SyntheticEcg far = ecg;
    far.offset_mv = 1000.0;
    CHECK(detect({far.samples_mv()}, ecg.rate_hz) == expected);
}

TEST_CASE("R peaks do not depend on how the signal is cut into chunks") {
    const SyntheticEcg ecg{.duration_s = 30.0};
    Leads leads{ecg.samples_mv(), ecg.samples_mv()};
    Noise noise(7);
    for (auto& x : leads[1]) x = 0.7 * x + 0.2 * noise();
    const auto whole = detect(leads, ecg.rate_hz);
    CHECK(whole.size() == ecg.beat_times().size());
    for (const std::size_t size : {1UL, 7UL, 128UL, 1000UL}) {
        CHECK(detect_in_chunks(leads, ecg.rate_hz, size) == whole);
    }
    for (const auto& signal : adversarial(6000)) {
        CHECK(detect_in_chunks(signal, 360.0, 31) == detect(signal, 360.0));
    }
}

TEST_CASE("R peaks are reported half a second after they passed") {
    const SyntheticEcg ecg;
    const auto samples = ecg.samples_mv();
    ecg::RPeakDetector detector(1, ecg::SamplingRate{ecg.rate_hz}, 0);
    std::vector<std::int64_t> r_peaks;
    for (std::size_t i = 0; i < samples.size(); ++i) {
        const std::size_t before = r_peaks.size();
        const std::span<const double> sample(&samples[i], 1);
        detector.push(std::span(&sample, 1), r_peaks);
        const double now = static_cast<double>(i) / ecg.rate_hz;
        if (now < 3.5 || r_peaks.size() == before) continue;
        CHECK(now - static_cast<double>(r_peaks.back()) / ecg.rate_hz <= 0.52);
    }
    CHECK(r_peaks.size() + 2 >= ecg.beat_times().size());
}

TEST_CASE("a flat, missing, empty or very short lead has no R peaks") {
    const double nan = std::nan("");
    for (const double level : {0.0, 3.0, -1e6, nan}) {
        CHECK(detect({std::vector<double>(20000, level)}, 500.0).empty());
    }
    for (const std::size_t n : {0UL, 1UL, 2UL, 50UL, 250UL}) {
        CHECK(detect({std::vector<double>(n, 1.0)}, 500.0).empty());
    }
    auto half_a_second = SyntheticEcg{}.samples_mv();
    half_a_second.resize(180);
    CHECK(detect({half_a_second}, 360.0).empty());
}

TEST_CASE("beats go on when one of the leads is lost") {
    const SyntheticEcg ecg{.duration_s = 30.0};
    const Leads leads{ecg.samples_mv(), ecg.samples_mv()};
    const auto expected = detect(leads, ecg.rate_hz);
    for (const std::ptrdiff_t at : {5400, 5430, 5470, 5550}) {
        for (const double level : {0.0, 5.0, std::nan("")}) {
            CAPTURE(at);
            CAPTURE(level);
            Leads lossy = leads;
            std::fill(lossy[1].begin() + at, lossy[1].end(), level);
            const auto found = detect(lossy, ecg.rate_hz);
            for (const std::int64_t beat : expected) {
                if (std::abs(beat - at) > 200) CHECK(std::ranges::binary_search(found, beat));
            }
            CHECK(found.size() <= expected.size() + 1);  // the step itself looks like a beat
        }
    }
}

TEST_CASE("an artefact of up to 3 s, however large, hides no beats from 2 s after its end") {
    const SyntheticEcg ecg{.duration_s = 30.0};
    const auto clean = ecg.samples_mv();
    for (const double begins_s : {0.0, 0.5, 1.3, 2.0, 2.9, 6.0, 12.0}) {
        for (const double lasts_s : {0.2, 1.0, 3.0}) {
            CAPTURE(begins_s);
            CAPTURE(lasts_s);
            const double ends_s = begins_s + lasts_s;
            auto lead = clean;
            Noise noise(5);
            double artefact_mv = 0.0;
            for (std::size_t i = 0; i < lead.size(); ++i) {
                const double t = static_cast<double>(i) / ecg.rate_hz;
                if (i % 18 == 0) artefact_mv = 20.0 * noise();  // another level every 50 ms
                if (t >= begins_s && t < ends_s) lead[i] += artefact_mv;
            }
            const auto r_peaks = detect({lead}, ecg.rate_hz);
            for (const double beat_s : ecg.beat_times()) {
                if (beat_s < ends_s + 2.0) continue;
                CAPTURE(beat_s);
                CHECK(std::ranges::any_of(r_peaks, [&](std::int64_t r_peak) {
                    return std::abs(static_cast<double>(r_peak) / ecg.rate_hz - beat_s) < 0.02;
                }));
            }
        }
    }
}

TEST_CASE("levels learned anew after an artefact move no beat") {
    const SyntheticEcg ecg{.duration_s = 30.0};
    const auto clean = ecg.samples_mv();
    auto disturbed = clean;
    Noise noise(5);
    for (std::size_t i = 0; i < static_cast<std::size_t>(2.0 * ecg.rate_hz); ++i) {
        disturbed[i] += 20.0 * noise();
    }
    // Marked in a flat lead, beats are where the decision has them.
    const std::vector<double> flat(clean.size(), 0.0);
    const auto late_beats = [&](const std::vector<double>& lead) {
        auto r_peaks = detect({lead, flat}, ecg.rate_hz, 1);
        std::erase_if(r_peaks, [&](std::int64_t r_peak) {
            return static_cast<double>(r_peak) < 8.0 * ecg.rate_hz;
        });
        return r_peaks;
    };
    const auto expected = late_beats(clean);
    const auto found = late_beats(disturbed);
    REQUIRE(found.size() == expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) CHECK(std::abs(found[i] - expected[i]) <= 2);
}

TEST_CASE("small complexes in a pause are no beats once the levels are trusted") {
    const SyntheticEcg ecg{.duration_s = 30.0};
    auto lead = ecg.samples_mv();
    const SyntheticEcg small{.duration_s = 30.0, .amplitude_mv = 0.1};
    const auto p_waves = small.samples_mv();
    const auto from = static_cast<std::size_t>(14.2 * ecg.rate_hz);
    const auto to = static_cast<std::size_t>(20.6 * ecg.rate_hz);
    for (std::size_t i = from; i < to; ++i) lead[i] = p_waves[i];
    for (const std::int64_t r_peak : detect({lead}, ecg.rate_hz)) {
        const double t = static_cast<double>(r_peak) / ecg.rate_hz;
        CHECK((t < 14.3 || t > 20.5));
    }
}

TEST_CASE("a T wave nearly as tall as the R peak is no beat") {
    SyntheticEcg ecg;
    auto samples = ecg.samples_mv();
    for (const double t : ecg.beat_times()) {
        for (std::size_t i = 0; i < samples.size(); ++i) {
            const double u = (static_cast<double>(i) / ecg.rate_hz - t - 0.28) / 0.045;
            if (std::abs(u) < 6.0) samples[i] += 0.7 * std::exp(-0.5 * u * u);
        }
    }
    check_beats(detect({samples}, ecg.rate_hz), ecg, 0.005);
}

TEST_CASE(
    "a complex that an end of the recording cuts off is no beat until it comes half-way back") {
    for (const double rate_hz : {250.0, 360.0, 500.0, 1000.0}) {
        const SyntheticEcg ecg{.rate_hz = rate_hz};
        const auto whole = ecg.samples_mv();
        const auto times = ecg.beat_times();
        const auto sample_at = [&](double t) { return static_cast<std::ptrdiff_t>(t * rate_hz); };
        for (const double beyond_s : {-0.010, 0.0, 0.006}) {  // of the R peak; it is half at 12 ms
            const Leads ended{{whole.begin(), whole.begin() + sample_at(times.back() + beyond_s)}};
            CHECK(detect(ended, rate_hz).size() == times.size() - 1);
            const Leads begun{{whole.begin() + sample_at(times.front() - beyond_s), whole.end()}};
            CHECK(detect(begun, rate_hz).size() == times.size() - 1);
        }
        for (const double beyond_s : {0.020, 0.050, 0.100}) {
            const Leads ended{{whole.begin(), whole.begin() + sample_at(times.back() + beyond_s)}};
            CHECK(detect(ended, rate_hz).size() == times.size());
            const Leads begun{{whole.begin() + sample_at(times.front() - beyond_s), whole.end()}};
            CHECK(detect(begun, rate_hz).size() == times.size());
        }
    }
}

TEST_CASE("whatever comes in, R peaks are strictly increasing and inside the signal") {
    for (const std::size_t n : {400UL, 1000UL, 20000UL}) {
        for (const auto& signal : adversarial(n)) {
            for (const double rate_hz : {50.0, 360.0, 2000.0}) {
                const auto r_peaks = detect(signal, rate_hz);
                CHECK(std::ranges::adjacent_find(r_peaks, std::greater_equal{}) == r_peaks.end());
                if (r_peaks.empty()) continue;
                CHECK(r_peaks.front() >= 0);
                CHECK(r_peaks.back() < static_cast<std::int64_t>(n));
            }
        }
    }
}

TEST_CASE("R peaks need leads of one length, a lead to mark and a sensible rate") {
    const std::vector<double> lead(1000, 0.0);
    CHECK_THROWS_AS(detect({}, 500.0), std::invalid_argument);
    CHECK_THROWS_AS(detect({lead}, 500.0, 1), std::invalid_argument);
    CHECK_THROWS_AS(detect({lead}, 49.0), std::invalid_argument);
    CHECK_THROWS_AS(detect({lead, std::vector<double>(999, 0.0)}, 500.0), std::invalid_argument);
    ecg::RPeakDetector detector(2, ecg::SamplingRate{500.0}, 0);
    std::vector<std::int64_t> r_peaks;
    CHECK_THROWS_AS(detector.push(rows({lead}), r_peaks), std::invalid_argument);
}
