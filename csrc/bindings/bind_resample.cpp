#include "bindings/numpy_span.hpp"
#include "bindings/registrars.hpp"
#include "ecg/fan_out.hpp"
#include "ecg/resample.hpp"

namespace ecg::bindings {
namespace {

Array<double> resample_rows(const Array<double>& samples, double sampling_rate_hz,
                            double new_rate_hz, std::int64_t threads) {
    const auto rows = as_rows(samples, "samples");
    const Resampler resampler(SamplingRate{sampling_rate_hz}, SamplingRate{new_rate_hz});
    const std::size_t n_columns = rows_and_columns(samples, "samples").second;
    Array<double> resampled = empty_rows(samples, resampler.output_length(n_columns));
    const auto resampled_rows = as_writable_rows(resampled);
    const ThreadCount n_threads{threads};
    without_gil([&] {
        fan_out(rows.size(), n_threads, [&](std::size_t row, std::size_t /*thread*/) {
            resampler.resample(rows[row], resampled_rows[row]);
        });
    });
    return resampled;
}

py::tuple rate_ratio_terms(double sampling_rate_hz, double new_rate_hz) {
    const auto [up, down] = rate_ratio(SamplingRate{sampling_rate_hz}, SamplingRate{new_rate_hz});
    return py::make_tuple(up, down);
}

}  // namespace

void bind_resample(py::module_& module) {
    module.def("resample", &resample_rows, py::arg("samples").noconvert(),
               py::arg("sampling_rate_hz"), py::arg("new_rate_hz"), py::kw_only(),
               py::arg("threads"));
    module.def("rate_ratio", &rate_ratio_terms, py::arg("sampling_rate_hz"),
               py::arg("new_rate_hz"));
}

}  // namespace ecg::bindings
