#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

/// The only place where NumPy arrays become spans and vectors become NumPy arrays.
namespace ecg::bindings {

namespace py = pybind11;

/// Argument type of every array: C-contiguous; declare it with py::arg().noconvert() so that a
/// wrong dtype, a strided view or a list is a TypeError instead of a silent copy.
template <typename T>
using Array = py::array_t<T, py::array::c_style>;

/// Borrows a one-dimensional array; ValueError for any other shape.
template <typename T>
std::span<const T> as_span(const Array<T>& array, const char* name) {
    if (array.ndim() != 1) {
        throw py::value_error(std::string(name) + " must have shape (n,)");
    }
    return {array.data(), static_cast<std::size_t>(array.size())};
}

/// Rows and columns of an array of shape (n,), one row, or (n_leads, n); ValueError otherwise.
template <typename T>
std::pair<std::size_t, std::size_t> rows_and_columns(const Array<T>& array, const char* name) {
    if (array.ndim() == 1) return {1, static_cast<std::size_t>(array.shape(0))};
    if (array.ndim() == 2) {
        return {static_cast<std::size_t>(array.shape(0)), static_cast<std::size_t>(array.shape(1))};
    }
    throw py::value_error(std::string(name) + " must have shape (n,) or (n_leads, n)");
}

/// Borrows the leads of an array of shape (n,) or (n_leads, n), one span a row.
template <typename T>
std::vector<std::span<const T>> as_rows(const Array<T>& array, const char* name) {
    const auto [n_rows, n_columns] = rows_and_columns(array, name);
    std::vector<std::span<const T>> rows;
    rows.reserve(n_rows);
    for (std::size_t i = 0; i < n_rows; ++i)
        rows.emplace_back(array.data() + i * n_columns, n_columns);
    return rows;
}

/// A new array with as many dimensions and rows as `like` but `n_columns` wide, not yet written.
template <typename T>
Array<T> empty_rows(const Array<T>& like, std::size_t n_columns) {
    const auto width = static_cast<py::ssize_t>(n_columns);
    if (like.ndim() == 1) return Array<T>(std::vector<py::ssize_t>{width});
    return Array<T>(std::vector<py::ssize_t>{like.shape(0), width});
}

/// The rows of an array made by `empty_rows`, to be written.
template <typename T>
std::vector<std::span<T>> as_writable_rows(Array<T>& array) {
    const auto [n_rows, n_columns] = rows_and_columns(array, "array");
    T* const data = array.mutable_data();
    std::vector<std::span<T>> rows;
    rows.reserve(n_rows);
    for (std::size_t i = 0; i < n_rows; ++i) rows.emplace_back(data + i * n_columns, n_columns);
    return rows;
}

/// Calls f with the GIL released; f must not touch Python objects.
template <typename F>
decltype(auto) without_gil(F&& f) {
    const py::gil_scoped_release released;
    return std::forward<F>(f)();
}

/// Hands a vector's memory to NumPy without a copy: a capsule owns it.
template <typename T>
Array<T> to_numpy(std::vector<T>&& values, std::vector<py::ssize_t> shape) {
    auto owned = std::make_unique<std::vector<T>>(std::move(values));
    const T* const data = owned->data();
    const py::capsule owner(owned.get(), [](void* p) { delete static_cast<std::vector<T>*>(p); });
    static_cast<void>(owned.release());
    return Array<T>(std::move(shape), data, owner);
}

template <typename T>
Array<T> to_numpy(std::vector<T>&& values) {
    const auto n = static_cast<py::ssize_t>(values.size());
    return to_numpy(std::move(values), {n});
}

}  // namespace ecg::bindings
