#include "hdf5_handle.hpp"

namespace reprise::results {

void silence_hdf5() { H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); }

void throw_hdf5_error(char const* call) {
    std::string text = std::string("HDF5 ") + call + " failed";
    auto const add = [](unsigned, H5E_error2_t const* entry, void* out) -> herr_t {
        auto& message = *static_cast<std::string*>(out);
        if (entry->desc != nullptr && *entry->desc != '\0')
            message += std::string(": ") + entry->desc + " in " + entry->func_name;
        return 0;
    };
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, add, &text);
    H5Eclear2(H5E_DEFAULT);
    throw Hdf5Error(text);
}

}  // namespace reprise::results
