#include "bindings/numpy_span.hpp"
#include "bindings/registrars.hpp"
#include "ecg/biquad.hpp"
#include "ecg/zero_phase.hpp"

namespace ecg::bindings {
namespace {

Array<double> filter_rows(const Array<double>& samples, const std::vector<Biquad>& sections) {
    const auto rows = as_rows(samples, "samples");
    Array<double> filtered = empty_rows(samples, rows_and_columns(samples, "samples").second);
    const auto filtered_rows = as_writable_rows(filtered);
    without_gil([&] {
        for (std::size_t i = 0; i < rows.size(); ++i) {
            filter_zero_phase(sections, rows[i], filtered_rows[i]);
        }
    });
    return filtered;
}

Array<double> band_pass_rows(const Array<double>& samples, double sampling_rate_hz, double low_hz,
                             double high_hz, int order) {
    return filter_rows(samples, butterworth_band_pass(order, Hertz{low_hz}, Hertz{high_hz},
                                                      SamplingRate{sampling_rate_hz}));
}

Array<double> notch_rows(const Array<double>& samples, double sampling_rate_hz, double mains_hz,
                         double q) {
    return filter_rows(samples,
                       {notch_section(Hertz{mains_hz}, q, SamplingRate{sampling_rate_hz})});
}

}  // namespace

void bind_filters(py::module_& module) {
    module.def("band_pass", &band_pass_rows, py::arg("samples").noconvert(),
               py::arg("sampling_rate_hz"), py::arg("low_hz"), py::arg("high_hz"), py::kw_only(),
               py::arg("order"));
    module.def("notch", &notch_rows, py::arg("samples").noconvert(), py::arg("sampling_rate_hz"),
               py::arg("mains_hz"), py::kw_only(), py::arg("q"));
}

}  // namespace ecg::bindings
