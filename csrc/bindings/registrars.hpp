#pragma once

#include <pybind11/pybind11.h>

namespace ecg::bindings {

void bind_beat_groups(pybind11::module_& module);
void bind_beat_windows(pybind11::module_& module);
void bind_delineate(pybind11::module_& module);
void bind_filters(pybind11::module_& module);
void bind_quality(pybind11::module_& module);
void bind_r_peaks(pybind11::module_& module);
void bind_resample(pybind11::module_& module);
void bind_sampled_data(pybind11::module_& module);

}  // namespace ecg::bindings
