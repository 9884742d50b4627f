#include "bindings/registrars.hpp"

PYBIND11_MODULE(_core, module) {
    module.doc() = "The signal core; documented and typed by the modules of ecgsvc.dsp.";
    ecg::bindings::bind_beat_groups(module);
    ecg::bindings::bind_beat_windows(module);
    ecg::bindings::bind_delineate(module);
    ecg::bindings::bind_filters(module);
    ecg::bindings::bind_quality(module);
    ecg::bindings::bind_r_peaks(module);
    ecg::bindings::bind_resample(module);
    ecg::bindings::bind_sampled_data(module);
}
