#include "hdf5_driver.hpp"

#include <H5FDpublic.h>
#if H5_VERSION_GE(1, 14, 0)
#include <H5FDdevelop.h>
#endif

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <iterator>
#include <new>

#include "io.hpp"
#include "user_block.hpp"

namespace reprise::results {

std::int64_t Hdf5Channel::size() noexcept { return files_ != nullptr ? files_->size(fd_) : -1; }

bool Hdf5Channel::read(std::span<std::byte> bytes, std::uint64_t offset) noexcept {
    if (files_ == nullptr) return false;
    // HDF5 may ask for what it has allocated and not written yet: zeros.
    auto const code = read_fully(*files_, fd_, bytes, offset, AtEnd::zeros);
    if (code != 0 && failure_ == 0) failure_ = code;
    return code == 0;
}

void Hdf5Channel::write(std::span<std::byte const> bytes, std::uint64_t offset) noexcept {
    if (files_ == nullptr || failure_ != 0) return;
    failure_ = write_fully(*files_, fd_, bytes, offset);
}

void Hdf5Channel::truncate(std::uint64_t size) noexcept {
    if (files_ == nullptr || failure_ != 0) return;
    if (files_->ftruncate(fd_, size) != 0) failure_ = errno;
}

namespace {

/// What HDF5 keeps for an open file. HDF5 wants its own part first.
struct OpenFile {
    H5FD_t hdf5;
    std::shared_ptr<Hdf5Channel> channel;
    haddr_t end_of_addresses;
    haddr_t end_of_file;
};

/// The driver's part of a file access property list; read while the file is being opened only.
struct AccessInfo {
    std::shared_ptr<Hdf5Channel> const* channel;
};

OpenFile& open_file_of(H5FD_t* file) { return *reinterpret_cast<OpenFile*>(file); }
OpenFile const& open_file_of(H5FD_t const* file) {
    return *reinterpret_cast<OpenFile const*>(file);
}

H5FD_t* driver_open(char const*, unsigned, hid_t access, haddr_t) {
    auto const* info = static_cast<AccessInfo const*>(H5Pget_driver_info(access));
    if (info == nullptr) return nullptr;
    auto const size = (*info->channel)->size();
    if (size < 0) return nullptr;
    auto* file = new (std::nothrow) OpenFile{{}, *info->channel, 0, static_cast<haddr_t>(size)};
    return file != nullptr ? &file->hdf5 : nullptr;
}

herr_t driver_close(H5FD_t* file) {
    delete &open_file_of(file);
    return 0;
}

herr_t driver_query(H5FD_t const*, unsigned long* flags) {
    // Without H5FD_FEAT_AGGREGATE_*: HDF5 would take space in blocks, and what it does not use of
    // them would be lost at each snapshot.
    if (flags != nullptr) *flags = H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE;
    return 0;
}

haddr_t driver_get_eoa(H5FD_t const* file, H5FD_mem_t) {
    return open_file_of(file).end_of_addresses;
}

herr_t driver_set_eoa(H5FD_t* file, H5FD_mem_t, haddr_t address) {
    open_file_of(file).end_of_addresses = address;
    return 0;
}

haddr_t driver_get_eof(H5FD_t const* file, H5FD_mem_t) { return open_file_of(file).end_of_file; }

herr_t driver_read(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t address, size_t size, void* buffer) {
    auto const bytes = std::span(static_cast<std::byte*>(buffer), size);
    return open_file_of(file).channel->read(bytes, address) ? 0 : -1;
}

herr_t driver_write(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t address, size_t size,
                    void const* buffer) {
    auto& open = open_file_of(file);
    open.channel->write(std::span(static_cast<std::byte const*>(buffer), size), address);
    open.end_of_file = std::max(open.end_of_file, address + size);
    return 0;
}

herr_t driver_truncate(H5FD_t* file, hid_t, hbool_t) {
    auto& open = open_file_of(file);
    if (open.end_of_file != open.end_of_addresses) {
        open.channel->truncate(open.end_of_addresses);
        open.end_of_file = open.end_of_addresses;
    }
    return 0;
}

hid_t register_driver() {
    // Field by field, because their order and number differ between HDF5 versions. No `lock`: none
    // is taken then. No `cmp`: every open file is one of its own.
    static H5FD_class_t driver{};
#if H5_VERSION_GE(1, 14, 0)
    driver.version = H5FD_CLASS_VERSION;
    driver.value = static_cast<H5FD_class_value_t>(511);  // the last one of those for private use
#endif
    driver.name = "reprise";
    driver.maxaddr = static_cast<haddr_t>(INT64_MAX);
    driver.fc_degree = H5F_CLOSE_SEMI;
    driver.fapl_size = sizeof(AccessInfo);
    driver.open = driver_open;
    driver.close = driver_close;
    driver.query = driver_query;
    driver.get_eoa = driver_get_eoa;
    driver.set_eoa = driver_set_eoa;
    driver.get_eof = driver_get_eof;
    driver.read = driver_read;
    driver.write = driver_write;
    driver.truncate = driver_truncate;
    H5FD_mem_t const map[H5FD_MEM_NTYPES] = H5FD_FLMAP_DICHOTOMY;
    std::copy(std::begin(map), std::end(map), std::begin(driver.fl_map));
    return checked(H5FDregister(&driver), "H5FDregister");
}

Hdf5File open_hdf5(std::shared_ptr<Hdf5Channel> const& channel, ChannelFile::Mode mode) {
    silence_hdf5();
    static hid_t const driver = register_driver();
    Hdf5Properties const access(H5Pcreate(H5P_FILE_ACCESS), "H5Pcreate");
    AccessInfo const info{&channel};
    checked(H5Pset_driver(access.get(), driver, &info), "H5Pset_driver");
    checked(H5Pset_fclose_degree(access.get(), H5F_CLOSE_SEMI), "H5Pset_fclose_degree");
    checked(H5Pset_libver_bounds(access.get(), H5F_LIBVER_EARLIEST, H5F_LIBVER_LATEST),
            "H5Pset_libver_bounds");
    // A small cache of metadata: with its usual limit (32 MiB on disk, several times that in
    // memory) adding 100,000 curves would take 50 MiB and not be faster.
    H5AC_cache_config_t cache{};
    cache.version = H5AC__CURR_CACHE_CONFIG_VERSION;
    checked(H5Pget_mdc_config(access.get(), &cache), "H5Pget_mdc_config");
    cache.set_initial_size = true;
    cache.initial_size = cache.min_size = cache.max_size = std::size_t{1} << 20;
    checked(H5Pset_mdc_config(access.get(), &cache), "H5Pset_mdc_config");
    if (mode != ChannelFile::Mode::create) {
        auto const flags = mode == ChannelFile::Mode::change ? H5F_ACC_RDWR : H5F_ACC_RDONLY;
        return {H5Fopen("results", flags, access.get()), "H5Fopen"};
    }
    Hdf5Properties const creation(H5Pcreate(H5P_FILE_CREATE), "H5Pcreate");
    checked(H5Pset_userblock(creation.get(), user_block_size), "H5Pset_userblock");
    return {H5Fcreate("results", H5F_ACC_TRUNC, creation.get(), access.get()), "H5Fcreate"};
}

}  // namespace

ChannelFile::ChannelFile(Files& files, int fd, Mode mode)
    : channel_(std::make_shared<Hdf5Channel>(files, fd)), file_(open_hdf5(channel_, mode)) {}

ChannelFile::~ChannelFile() {
    try {
        close();
    } catch (Hdf5Error const&) {  // then HDF5 tries again at the end of the program, in vain
    }
}

void ChannelFile::close() {
    if (channel_ == nullptr) return;  // moved from
    try {
        file_.close();
    } catch (Hdf5Error const&) {
        channel_->abandon();
        throw;
    }
}

}  // namespace reprise::results
