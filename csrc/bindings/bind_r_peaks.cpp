#include "bindings/numpy_span.hpp"
#include "bindings/registrars.hpp"
#include "ecg/r_peaks.hpp"

namespace ecg::bindings {
namespace {

std::size_t lead_index(std::int64_t fiducial_lead) {
    if (fiducial_lead < 0) throw py::value_error("the fiducial lead must be one of the leads");
    return static_cast<std::size_t>(fiducial_lead);
}

Array<std::int64_t> detect(const Array<double>& samples_mv, double sampling_rate_hz,
                           std::int64_t fiducial_lead, const DetectorConstants& constants) {
    const auto leads = as_rows(samples_mv, "samples_mv");
    const SamplingRate rate{sampling_rate_hz};
    const std::size_t fiducial = lead_index(fiducial_lead);
    return to_numpy(without_gil([&] { return detect_r_peaks(leads, rate, fiducial, constants); }));
}

Array<std::int64_t> push(RPeakDetector& detector, const Array<double>& chunk_mv) {
    const auto leads = as_rows(chunk_mv, "chunk_mv");
    return to_numpy(without_gil([&] {
        std::vector<std::int64_t> r_peaks;
        detector.push(leads, r_peaks);
        return r_peaks;
    }));
}

Array<std::int64_t> finish(RPeakDetector& detector) {
    return to_numpy(without_gil([&] {
        std::vector<std::int64_t> r_peaks;
        detector.finish(r_peaks);
        return r_peaks;
    }));
}

}  // namespace

void bind_r_peaks(py::module_& module) {
    py::class_<DetectorConstants>(module, "DetectorConstants")
        .def(py::init<>())
        .def_readwrite("early_share", &DetectorConstants::early_share)
        .def_readwrite("late_share", &DetectorConstants::late_share)
        .def_readwrite("surely_no_t_wave", &DetectorConstants::surely_no_t_wave)
        .def_readwrite("shape_gain", &DetectorConstants::shape_gain)
        .def_readwrite("usual_likeness", &DetectorConstants::usual_likeness)
        .def_readwrite("search_back_rr", &DetectorConstants::search_back_rr)
        .def_readwrite("search_back_share", &DetectorConstants::search_back_share);
    module.def("detect_r_peaks", &detect, py::arg("samples_mv").noconvert(),
               py::arg("sampling_rate_hz"), py::kw_only(), py::arg("fiducial_lead"),
               py::arg("constants"));
    py::class_<RPeakDetector>(module, "RPeakDetector")
        .def(py::init([](std::size_t n_leads, double sampling_rate_hz, std::int64_t fiducial_lead) {
                 return RPeakDetector(n_leads, SamplingRate{sampling_rate_hz},
                                      lead_index(fiducial_lead));
             }),
             py::arg("n_leads"), py::arg("sampling_rate_hz"), py::kw_only(),
             py::arg("fiducial_lead"))
        .def("push", &push, py::arg("chunk_mv").noconvert())
        .def("finish", &finish);
}

}  // namespace ecg::bindings
