#include "bindings/numpy_span.hpp"
#include "bindings/registrars.hpp"
#include "ecg/delineate.hpp"

namespace ecg::bindings {
namespace {

Array<std::int64_t> delineate_rows(const Array<double>& samples_mv, double sampling_rate_hz,
                                   const Array<std::int64_t>& r_peak_indices,
                                   std::int64_t threads) {
    const auto leads = as_rows(samples_mv, "samples_mv");
    const auto r_peaks = as_span(r_peak_indices, "r_peak_indices");
    const SamplingRate rate{sampling_rate_hz};
    const ThreadCount n_threads{threads};
    return to_numpy(
        without_gil([&] { return delineate(leads, rate, r_peaks, n_threads); }),
        {static_cast<py::ssize_t>(leads.size()), static_cast<py::ssize_t>(r_peaks.size()),
         static_cast<py::ssize_t>(kWaveKinds), static_cast<py::ssize_t>(kWavePoints)});
}

}  // namespace

void bind_delineate(py::module_& module) {
    module.def("delineate", &delineate_rows, py::arg("samples_mv").noconvert(),
               py::arg("sampling_rate_hz"), py::arg("r_peak_indices").noconvert(), py::kw_only(),
               py::arg("threads"));
}

}  // namespace ecg::bindings
