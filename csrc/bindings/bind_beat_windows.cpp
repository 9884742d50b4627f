#include "bindings/numpy_span.hpp"
#include "bindings/registrars.hpp"
#include "ecg/beat_windows.hpp"

namespace ecg::bindings {
namespace {

Array<double> beat_windows(const Array<double>& lead_mv, double sampling_rate_hz,
                           const Array<std::int64_t>& r_peak_indices, double before_s,
                           double after_s) {
    const auto lead = as_span(lead_mv, "lead_mv");
    const auto r_peaks = as_span(r_peak_indices, "r_peak_indices");
    const WindowShape shape =
        WindowShape::of(Seconds{before_s}, Seconds{after_s}, SamplingRate{sampling_rate_hz});
    Array<double> windows(std::vector<py::ssize_t>{static_cast<py::ssize_t>(r_peaks.size()),
                                                   static_cast<py::ssize_t>(shape.width())});
    const std::span<double> values{windows.mutable_data(), r_peaks.size() * shape.width()};
    without_gil([&] { copy_beat_windows(lead, r_peaks, shape, values); });
    return windows;
}

}  // namespace

void bind_beat_windows(py::module_& module) {
    module.def("beat_windows", &beat_windows, py::arg("lead_mv").noconvert(),
               py::arg("sampling_rate_hz"), py::arg("r_peak_indices").noconvert(), py::kw_only(),
               py::arg("before_s"), py::arg("after_s"));
}

}  // namespace ecg::bindings
