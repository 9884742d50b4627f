#include "bindings/numpy_span.hpp"
#include "bindings/registrars.hpp"
#include "ecg/beat_cuts.hpp"
#include "ecg/beat_groups.hpp"

namespace ecg::bindings {
namespace {

CutsView view_of(const Array<float>& cuts_mv) {
    if (cuts_mv.ndim() != 3) {
        throw py::value_error("cuts_mv must have shape (n_beats, n_leads, n_columns)");
    }
    const auto length = [&](int axis) { return static_cast<std::size_t>(cuts_mv.shape(axis)); };
    return {{cuts_mv.data(), static_cast<std::size_t>(cuts_mv.size())},
            length(0),
            length(1),
            length(2)};
}

py::tuple cut(const Array<double>& samples_mv, double sampling_rate_hz,
              const Array<std::int64_t>& r_peak_indices, std::int64_t before, std::int64_t after,
              double low_hz, double high_hz) {
    const auto leads = as_rows(samples_mv, "samples_mv");
    const auto r_peaks = as_span(r_peak_indices, "r_peak_indices");
    const SamplingRate rate{sampling_rate_hz};
    const CutShape shape{before, after};
    BeatCuts cuts = without_gil(
        [&] { return cut_beats(leads, rate, r_peaks, shape, {Hertz{low_hz}, Hertz{high_hz}}); });
    const auto n_beats = static_cast<py::ssize_t>(r_peaks.size());
    return py::make_tuple(
        to_numpy(std::move(cuts.values_mv), {n_beats, static_cast<py::ssize_t>(leads.size()),
                                             static_cast<py::ssize_t>(shape.width())}),
        to_numpy(std::move(cuts.inside), {n_beats, 2}), to_numpy(std::move(cuts.anchors)));
}

py::tuple group(const Array<float>& cuts_mv, std::int64_t r_column, double least_similarity,
                std::size_t most_groups) {
    const CutsView cuts = view_of(cuts_mv);
    BeatGroups found =
        without_gil([&] { return group_beats(cuts, r_column, least_similarity, most_groups); });
    return py::make_tuple(to_numpy(std::move(found.leads)), to_numpy(std::move(found.groups)),
                          to_numpy(std::move(found.shifts)));
}

py::tuple average(const Array<float>& cuts_mv, const Array<std::int64_t>& inside,
                  const Array<std::int64_t>& leads, const Array<std::int64_t>& beats,
                  const Array<std::int64_t>& starts, std::size_t width, std::size_t qrs_from,
                  std::size_t qrs_to) {
    const CutsView cuts = view_of(cuts_mv);
    const auto chosen = as_span(leads, "leads");
    const auto members = as_span(beats, "beats");
    const auto first_columns = as_span(starts, "starts");
    const std::span<const std::int64_t> ends(inside.data(),
                                             static_cast<std::size_t>(inside.size()));
    const AverageShape shape{width, qrs_from, qrs_to};
    AverageBeat found = without_gil(
        [&] { return average_beats(cuts, ends, chosen, members, first_columns, shape); });
    const std::vector<py::ssize_t> axes{static_cast<py::ssize_t>(chosen.size()),
                                        static_cast<py::ssize_t>(width)};
    return py::make_tuple(to_numpy(std::move(found.mean), axes),
                          to_numpy(std::move(found.spread), axes));
}

}  // namespace

void bind_beat_groups(py::module_& module) {
    module.def("cut_beats", &cut, py::arg("samples_mv").noconvert(), py::arg("sampling_rate_hz"),
               py::arg("r_peak_indices").noconvert(), py::kw_only(), py::arg("before"),
               py::arg("after"), py::arg("low_hz"), py::arg("high_hz"));
    module.def("group_beats", &group, py::arg("cuts_mv").noconvert(), py::kw_only(),
               py::arg("r_column"), py::arg("least_similarity"), py::arg("most_groups"));
    module.def("average_beats", &average, py::arg("cuts_mv").noconvert(),
               py::arg("inside").noconvert(), py::arg("leads").noconvert(),
               py::arg("beats").noconvert(), py::arg("starts").noconvert(), py::kw_only(),
               py::arg("width"), py::arg("qrs_from"), py::arg("qrs_to"));
}

}  // namespace ecg::bindings
