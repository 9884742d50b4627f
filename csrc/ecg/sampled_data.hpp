#pragma once

#include <cstddef>
#include <string_view>
#include <variant>
#include <vector>

namespace ecg {

/// What each sample of a FHIR SampledData stands for: origin + factor * sample.
struct LinearScale {
    double origin;
    double factor;
};

/// The first sample that breaks a rule. `reason` is a literal and never quotes the input.
struct SampledDataFault {
    std::size_t sample_index;
    std::size_t byte_offset;
    const char* reason;
};

/// Values of FHIR R4 SampledData.data, scaled; E (error), L and U (beyond the detection limits)
/// are NaN. Samples stand one space apart; each is `-?([0-9]+|[0-9]*\.[0-9]+)([eE][+-]?[0-9]+)?`:
/// the R4 schema's own pattern for this element plus the exponent that a FHIR decimal may have.
/// Decimals are read correctly rounded. Anything else, an empty text included, is a fault.
[[nodiscard]] std::variant<std::vector<double>, SampledDataFault> parse_sampled_data(
    std::string_view text, LinearScale scale);

}  // namespace ecg
