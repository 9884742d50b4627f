#include <pybind11/stl.h>

#include "bindings/numpy_span.hpp"
#include "bindings/registrars.hpp"
#include "ecg/beat_quality.hpp"
#include "ecg/limb_leads.hpp"
#include "ecg/signal_quality.hpp"

namespace ecg::bindings {
namespace {

/// Rows of `flags`, `index` and `contrast` by window, then a value a lead.
py::tuple judge(const Array<double>& samples_mv, double sampling_rate_hz, std::int64_t threads) {
    const auto leads = as_rows(samples_mv, "samples_mv");
    const SamplingRate rate{sampling_rate_hz};
    const ThreadCount n_threads{threads};
    auto judgement = without_gil([&] { return judge_quality(leads, rate, n_threads); });
    const std::vector<py::ssize_t> shape{static_cast<py::ssize_t>(judgement.n_leads),
                                         static_cast<py::ssize_t>(judgement.n_windows)};
    return py::make_tuple(
        to_numpy(std::move(judgement.flags), shape), to_numpy(std::move(judgement.index), shape),
        to_numpy(std::move(judgement.contrast), shape), to_numpy(std::move(judgement.missing)),
        to_numpy(std::move(judgement.mains_hz)));
}

Array<float> beats(const Array<double>& samples_mv, double sampling_rate_hz,
                   const Array<std::int64_t>& r_peak_indices, const Array<float>& contrast,
                   std::int64_t threads) {
    const auto leads = as_rows(samples_mv, "samples_mv");
    const auto r_peaks = as_span(r_peak_indices, "r_peak_indices");
    const auto n_values = static_cast<std::size_t>(contrast.size());
    const std::span<const float> windows(contrast.data(), n_values);
    const SamplingRate rate{sampling_rate_hz};
    const ThreadCount n_threads{threads};
    return to_numpy(
        without_gil([&] { return beat_quality(leads, rate, r_peaks, windows, n_threads); }));
}

using Terms = std::array<std::pair<std::size_t, double>, 3>;

py::tuple residual(const Array<double>& samples_mv, const Terms& terms) {
    const auto leads = as_rows(samples_mv, "samples_mv");
    ThreeLeads weighted{};
    for (std::size_t i = 0; i < terms.size(); ++i) {
        const auto [row, weight] = terms[i];
        if (row >= leads.size()) throw py::value_error("terms must name rows of samples_mv");
        weighted[i] = {leads[row], weight};
    }
    const auto sums = without_gil([&] { return sum_of_leads(weighted); });
    return py::make_tuple(sums.sum_mv, sums.unrelated_mv, sums.n_samples);
}

}  // namespace

void bind_quality(py::module_& module) {
    module.def("judge_quality", &judge, py::arg("samples_mv").noconvert(),
               py::arg("sampling_rate_hz"), py::kw_only(), py::arg("threads"));
    module.def("beat_quality", &beats, py::arg("samples_mv").noconvert(),
               py::arg("sampling_rate_hz"), py::arg("r_peak_indices").noconvert(), py::kw_only(),
               py::arg("contrast").noconvert(), py::arg("threads"));
    module.def(
        "quality_window_samples",
        [](double sampling_rate_hz) {
            return quality_window_samples(SamplingRate{sampling_rate_hz});
        },
        py::arg("sampling_rate_hz"));
    module.def("sum_of_leads", &residual, py::arg("samples_mv").noconvert(), py::arg("terms"));
}

}  // namespace ecg::bindings
