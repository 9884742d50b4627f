#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

#include "ecg/resample.hpp"
#include "ecg/sampled_data.hpp"
#include "ecg/zero_phase.hpp"

namespace {

/// What one request asks of the core, on samples that all threads share.
std::vector<double> analyse(const std::vector<double>& samples, const ecg::Resampler& resampler) {
    const auto filtered =
        ecg::band_pass(samples, ecg::SamplingRate{500.0}, ecg::Hertz{0.5}, ecg::Hertz{40.0}, 3);
    std::vector<double> resampled(resampler.output_length(filtered.size()));
    resampler.resample(filtered, resampled);
    return resampled;
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
