#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <string_view>

#include "ecg/sampled_data.hpp"

using namespace std::string_view_literals;

namespace {

constexpr ecg::LinearScale kPlain{0.0, 1.0};

std::vector<double> values_of(std::string_view text, ecg::LinearScale scale = kPlain) {
    const auto parsed = ecg::parse_sampled_data(text, scale);
    REQUIRE(std::holds_alternative<std::vector<double>>(parsed));
    return std::get<std::vector<double>>(parsed);
}

ecg::SampledDataFault fault_of(std::string_view text, ecg::LinearScale scale = kPlain) {
    CAPTURE(text);
    const auto parsed = ecg::parse_sampled_data(text, scale);
    REQUIRE(std::holds_alternative<ecg::SampledDataFault>(parsed));
    return std::get<ecg::SampledDataFault>(parsed);
}

}  // namespace

TEST_CASE("decimals are read and scaled") {
    CHECK(values_of("2041 -3 0 -0 1.25 .5 -.5 007 1e2 1.5E-1 2e+1") ==
          std::vector<double>{2041, -3, 0, 0, 1.25, 0.5, -0.5, 7, 100, 0.15, 20});
    CHECK(values_of("-100 0 100", {5.0, 0.5}) == std::vector<double>{-45, 5, 55});
}

TEST_CASE("decimals of any length are rounded correctly") {
    CHECK(
        values_of("0.1 123456789012345 1234567890123456789 0.1000000000000000055511151231257827") ==
        std::vector<double>{0.1, 123456789012345.0, 1234567890123456789.0, 0.1});
    CHECK(values_of("9007199254740993 2.2250738585072014e-308 4.9e-324") ==
          std::vector<double>{9007199254740992.0, std::numeric_limits<double>::min(),
                              std::numeric_limits<double>::denorm_min()});
}

TEST_CASE("E, L and U are missing samples") {
    const auto values = values_of("1 E L U 5", {1.0, 2.0});
    REQUIRE(values.size() == 5);
    CHECK(values.front() == 3.0);
    for (std::size_t i = 1; i < 4; ++i) CHECK(std::isnan(values[i]));
    CHECK(values.back() == 11.0);
}

TEST_CASE("the first token that is no sample is found") {
    for (const char* token :
         {"+5",  "-",   "--5",   "5.",     ".",      "-.",      "1.2.3", "1,5",      "0x1F",
          "1e",  "1e+", "e5",    "NaN",    "nan",    "inf",     "-inf",  "Infinity", "EE",
          "E5",  "LU",  "e",     "l",      "u",      "O",       "1E E",  "5\t6",     "5\n",
          "\r5", "5-3", "1_000", "\u0665", "\u00a0", "\u22125", "1f",    "null"}) {
        const std::string text = std::string("12 E ") + token + " 7";
        const auto fault = fault_of(text);
        CHECK(fault.sample_index == 2);
        CHECK(fault.byte_offset == 5);
    }
    CHECK(fault_of("1 \0 2"sv).sample_index == 1);
}

TEST_CASE("samples stand one space apart and nothing else") {
    struct Case {
        std::string_view text;
        std::size_t sample_index;
        std::size_t byte_offset;
    };
    for (const Case& c : {Case{"", 0, 0}, Case{" ", 0, 0}, Case{" 1", 0, 0}, Case{"1 ", 1, 2},
                          Case{"1  2", 1, 2}, Case{"1 2 3  ", 3, 6}}) {
        const auto fault = fault_of(c.text);
        CHECK(fault.sample_index == c.sample_index);
        CHECK(fault.byte_offset == c.byte_offset);
    }
}

TEST_CASE("numbers that are not finite, before or after scaling, are faults") {
    CHECK(fault_of("1 1e999").sample_index == 1);
    CHECK(fault_of("1 2 -1e99999999999999999999").sample_index == 2);
    CHECK(fault_of(std::string(400, '9')).sample_index == 0);
    CHECK(fault_of("1 1e300", {0.0, 1e300}).sample_index == 1);
    CHECK(fault_of("E 1", {std::numeric_limits<double>::infinity(), 1.0}).sample_index == 1);
    CHECK(fault_of("1", {0.0, std::nan("")}).sample_index == 0);
}

TEST_CASE("a reason never quotes the text") {
    const std::string secret = "Muster-Max-19470911";
    CHECK(std::string_view(fault_of("1 " + secret).reason).find("Muster") ==
          std::string_view::npos);
}
