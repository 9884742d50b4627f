#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "ecg/beat_windows.hpp"

namespace {

using Indices = std::vector<std::int64_t>;

std::vector<double> windows_of(const std::vector<double>& lead, const Indices& r_peaks,
                               ecg::WindowShape shape) {
    std::vector<double> windows(r_peaks.size() * shape.width());
    ecg::copy_beat_windows(lead, r_peaks, shape, windows);
    return windows;
}

}  // namespace

TEST_CASE("a window holds the samples around its R peak") {
    CHECK(windows_of({0, 1, 2, 3, 4, 5}, {2, 3}, {2, 3}) ==
          std::vector<double>{0, 1, 2, 3, 4, 1, 2, 3, 4, 5});
}

TEST_CASE("beyond the ends of the lead the nearest sample is repeated") {
    CHECK(windows_of({7, 8, 9}, {0, 2}, {2, 2}) == std::vector<double>{7, 7, 7, 8, 7, 8, 9, 9});
    CHECK(windows_of({7}, {0}, {3, 4}) == std::vector<double>(7, 7.0));
    CHECK(windows_of({7, 8}, {0}, {3, 0}) == std::vector<double>(3, 7.0));
    CHECK(windows_of({7, 8}, {1}, {0, 3}) == std::vector<double>(3, 8.0));
}

TEST_CASE("no beats give no windows, even without samples") {
    CHECK(windows_of({}, {}, {2, 3}).empty());
}

TEST_CASE("an R peak outside the lead is refused") {
    for (const std::int64_t r_peak : {std::int64_t{-1}, std::int64_t{3}, INT64_MIN, INT64_MAX}) {
        CHECK_THROWS_AS((void)windows_of({1, 2, 3}, {r_peak}, {1, 1}), std::invalid_argument);
    }
    CHECK_THROWS_AS((void)windows_of({}, {0}, {1, 1}), std::invalid_argument);
    std::vector<double> wrong(3);
    CHECK_THROWS_AS(ecg::copy_beat_windows(wrong, Indices{1}, {1, 1}, wrong),
                    std::invalid_argument);
}

TEST_CASE("durations are rounded to samples and bounded") {
    const ecg::SamplingRate rate{360.0};
    const auto shape = ecg::WindowShape::of(ecg::Seconds{0.25}, ecg::Seconds{0.4501}, rate);
    CHECK(shape.before == 90);
    CHECK(shape.after == 162);
    for (const auto& [before, after] : std::vector<std::pair<double, double>>{{-0.1, 1.0},
                                                                              {0.1, -1.0},
                                                                              {0.0, 0.0},
                                                                              {30.0, 30.1},
                                                                              {std::nan(""), 1.0},
                                                                              {1.0, INFINITY}}) {
        CHECK_THROWS_AS((void)ecg::WindowShape::of(ecg::Seconds{before}, ecg::Seconds{after}, rate),
                        std::invalid_argument);
    }
}
