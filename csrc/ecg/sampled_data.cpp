#include "ecg/sampled_data.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <system_error>

namespace ecg {
namespace {

constexpr const char* kNotASample = "expected a decimal number, E, L or U";
constexpr const char* kMissing = "expected samples separated by single spaces";
constexpr const char* kOutOfRange = "the number is outside the range of a double";
constexpr const char* kNotFinite = "origin + factor * sample is not finite";

constexpr double kMissingSample = std::numeric_limits<double>::quiet_NaN();

/// 10^k is exact for these k, so mantissa / 10^k is rounded once, hence correctly, when the
/// mantissa is exact too (Clinger 1990, doi:10.1145/93542.93557).
constexpr std::array<double, 16> kPowersOfTen = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
constexpr std::size_t kExactDigits = 15;

constexpr bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

/// Reads the tokens of one text from left to right.
class Reader {
  public:
    explicit Reader(std::string_view text)
        : begin_(text.data()), at_(begin_), end_(begin_ + text.size()) {}

    [[nodiscard]] bool at_end() const noexcept { return at_ == end_; }
    [[nodiscard]] std::size_t offset() const noexcept {
        return static_cast<std::size_t>(at_ - begin_);
    }

    /// Steps over the space after a sample; false when something else stands there.
    bool skip_space() noexcept { return skip_if(' '); }

    /// Reads one sample into `value`; the reason when it is none.
    const char* read(double& value) noexcept {
        if (at_end() || *at_ == ' ') return kMissing;
        if (*at_ == 'E' || *at_ == 'L' || *at_ == 'U') {
            ++at_;
            value = kMissingSample;
            return nullptr;
        }
        return read_decimal(value);
    }

  private:
    bool skip_if(char expected) noexcept {
        if (at_end() || *at_ != expected) return false;
        ++at_;
        return true;
    }

    /// Appends digits to the mantissa (meaningful up to kExactDigits); returns how many.
    std::size_t read_digits(std::uint64_t& mantissa) noexcept {
        const char* const first = at_;
        for (; at_ != end_ && is_digit(*at_); ++at_) {
            mantissa = mantissa * 10 + static_cast<std::uint64_t>(*at_ - '0');
        }
        return static_cast<std::size_t>(at_ - first);
    }

    const char* read_decimal(double& value) noexcept {
        const char* const token = at_;
        const bool negative = skip_if('-');
        std::uint64_t mantissa = 0;
        const std::size_t whole = read_digits(mantissa);
        std::size_t fraction = 0;
        if (skip_if('.')) {
            fraction = read_digits(mantissa);
            if (fraction == 0) return kNotASample;
        }
        if (whole + fraction == 0) return kNotASample;
        const bool has_exponent = skip_if('e') || skip_if('E');
        if (has_exponent) {
            if (!skip_if('+')) skip_if('-');
            std::uint64_t ignored = 0;
            if (read_digits(ignored) == 0) return kNotASample;
        }
        if (!has_exponent && whole + fraction <= kExactDigits) {
            const double magnitude = static_cast<double>(mantissa) / kPowersOfTen[fraction];
            value = negative ? -magnitude : magnitude;
            return nullptr;
        }
        return std::from_chars(token, at_, value).ec == std::errc{} ? nullptr : kOutOfRange;
    }

    const char* begin_;
    const char* at_;
    const char* end_;
};

}  // namespace

std::variant<std::vector<double>, SampledDataFault> parse_sampled_data(std::string_view text,
                                                                       LinearScale scale) {
    std::vector<double> values;
    values.reserve(static_cast<std::size_t>(std::ranges::count(text, ' ')) + 1);
    Reader reader(text);
    while (true) {
        const std::size_t offset = reader.offset();
        const auto fault = [&](const char* reason) {
            return SampledDataFault{values.size(), offset, reason};
        };
        double sample = 0.0;
        if (const char* reason = reader.read(sample)) return fault(reason);
        const bool last = reader.at_end();
        if (!last && !reader.skip_space()) return fault(kNotASample);
        const double value = scale.origin + scale.factor * sample;
        if (!std::isfinite(value) && !std::isnan(sample)) return fault(kNotFinite);
        values.push_back(value);
        if (last) return values;
    }
}

}  // namespace ecg
