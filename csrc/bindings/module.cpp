#include "bindings/registrars.hpp"

PYBIND11_MODULE(_core, module) {
    module.doc() = "The signal core; documented and typed by the modules of ecgsvc.dsp.";
    ecg::bindings::bind_filters(module);
}
