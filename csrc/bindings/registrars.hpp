#pragma once

#include <pybind11/pybind11.h>

namespace ecg::bindings {

void bind_filters(pybind11::module_& module);

}  // namespace ecg::bindings
