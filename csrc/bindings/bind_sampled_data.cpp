#include <string_view>

#include "bindings/numpy_span.hpp"
#include "bindings/registrars.hpp"
#include "ecg/sampled_data.hpp"

namespace ecg::bindings {
namespace {

/// The values, or (sample_index, byte_offset, reason) of the first fault.
py::object parse(std::string_view text, double origin, double factor) {
    auto parsed = without_gil([&] { return parse_sampled_data(text, {origin, factor}); });
    if (const auto* fault = std::get_if<SampledDataFault>(&parsed)) {
        return py::make_tuple(fault->sample_index, fault->byte_offset, fault->reason);
    }
    return to_numpy(std::get<std::vector<double>>(std::move(parsed)));
}

}  // namespace

void bind_sampled_data(py::module_& module) {
    module.def("parse_sampled_data", &parse, py::arg("text"), py::kw_only(), py::arg("origin"),
               py::arg("factor"));
}

}  // namespace ecg::bindings
