#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "ecg/sampled_data.hpp"

namespace {

void require(bool condition) {
    if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): libFuzzer's bytes are the text
    const std::string_view text(reinterpret_cast<const char*>(bytes), size);
    const auto n_tokens = static_cast<std::size_t>(std::ranges::count(text, ' ')) + 1;
    const auto parsed = ecg::parse_sampled_data(text, {-1.0, 0.005});
    if (const auto* fault = std::get_if<ecg::SampledDataFault>(&parsed)) {
        require(fault->sample_index < n_tokens && fault->byte_offset <= size);
        // All that stands before the fault is well-formed.
        if (fault->byte_offset > 0) {
            const auto before =
                ecg::parse_sampled_data(text.substr(0, fault->byte_offset - 1), {-1.0, 0.005});
            const auto* values = std::get_if<std::vector<double>>(&before);
            require(values != nullptr && values->size() == fault->sample_index);
        }
        return 0;
    }
    const auto& values = std::get<std::vector<double>>(parsed);
    require(values.size() == n_tokens);
    require(std::ranges::none_of(values, [](double value) { return std::isinf(value); }));
    return 0;
}
