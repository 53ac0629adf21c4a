/// @file HDF5 identifiers that close themselves, and HDF5 errors as exceptions.
#pragma once

#include <hdf5.h>

#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace reprise::results {

/// An HDF5 call failed. what() has HDF5's own error stack, innermost first, on one line. It never
/// leaves src/results: callers know which file it is about and make an Error of it.
class Hdf5Error : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// Stops HDF5 from printing errors to stderr; for good, and for this process.
void silence_hdf5();

/// Throws Hdf5Error with the current error stack.
[[noreturn]] void throw_hdf5_error(char const* call);

/// Passes on what an HDF5 call returned, unless it was a failure (negative).
template <class Number>
Number checked(Number result, char const* call) {
    if (result < 0) throw_hdf5_error(call);
    return result;
}

/// Owns one identifier. Move-only.
template <herr_t (*closer)(hid_t)>
class Hdf5Handle {
  public:
    /// Throws Hdf5Error when `id` is the result of a failed `call`.
    Hdf5Handle(hid_t id, char const* call) : id_(checked(id, call)) {}
    Hdf5Handle(Hdf5Handle const&) = delete;
    Hdf5Handle& operator=(Hdf5Handle const&) = delete;
    Hdf5Handle(Hdf5Handle&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)) {}
    Hdf5Handle& operator=(Hdf5Handle&& other) noexcept {
        std::swap(id_, other.id_);
        return *this;
    }
    ~Hdf5Handle() {
        if (id_ >= 0) closer(id_);
    }

    [[nodiscard]] hid_t get() const noexcept { return id_; }
    /// Throws Hdf5Error when HDF5 could not close it, e.g. a file of which something is open.
    void close() {
        if (id_ >= 0) checked(closer(std::exchange(id_, H5I_INVALID_HID)), "close");
    }

  private:
    hid_t id_;
};

using Hdf5File = Hdf5Handle<H5Fclose>;
using Hdf5Group = Hdf5Handle<H5Gclose>;
using Hdf5Dataset = Hdf5Handle<H5Dclose>;
using Hdf5Attribute = Hdf5Handle<H5Aclose>;
using Hdf5Space = Hdf5Handle<H5Sclose>;
using Hdf5Type = Hdf5Handle<H5Tclose>;
using Hdf5Properties = Hdf5Handle<H5Pclose>;
static_assert(std::is_nothrow_move_constructible_v<Hdf5File>);

}  // namespace reprise::results
