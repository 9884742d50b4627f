#include "bindings/numpy_span.hpp"
#include "bindings/registrars.hpp"
#include "ecg/biquad.hpp"
#include "ecg/fan_out.hpp"
#include "ecg/zero_phase.hpp"

namespace ecg::bindings {
namespace {

Array<double> filter_rows(const Array<double>& samples, const std::vector<Biquad>& sections,
                          ThreadCount threads) {
    const auto rows = as_rows(samples, "samples");
    Array<double> filtered = empty_rows(samples, rows_and_columns(samples, "samples").second);
    const auto filtered_rows = as_writable_rows(filtered);
    without_gil([&] {
        fan_out(rows.size(), threads, [&](std::size_t row, std::size_t /*thread*/) {
            filter_zero_phase(sections, rows[row], filtered_rows[row]);
        });
    });
    return filtered;
}

Array<double> band_pass_rows(const Array<double>& samples, double sampling_rate_hz, double low_hz,
                             double high_hz, int order, std::int64_t threads) {
    return filter_rows(
        samples,
        butterworth_band_pass(order, Hertz{low_hz}, Hertz{high_hz}, SamplingRate{sampling_rate_hz}),
        ThreadCount{threads});
}

Array<double> notch_rows(const Array<double>& samples, double sampling_rate_hz, double mains_hz,
                         double q, std::int64_t threads) {
    return filter_rows(samples, {notch_section(Hertz{mains_hz}, q, SamplingRate{sampling_rate_hz})},
                       ThreadCount{threads});
}

}  // namespace

void bind_filters(py::module_& module) {
    module.def("band_pass", &band_pass_rows, py::arg("samples").noconvert(),
               py::arg("sampling_rate_hz"), py::arg("low_hz"), py::arg("high_hz"), py::kw_only(),
               py::arg("order"), py::arg("threads"));
    module.def("notch", &notch_rows, py::arg("samples").noconvert(), py::arg("sampling_rate_hz"),
               py::arg("mains_hz"), py::kw_only(), py::arg("q"), py::arg("threads"));
}

}  // namespace ecg::bindings
