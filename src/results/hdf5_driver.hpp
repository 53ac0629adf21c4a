/// @file How HDF5 reaches our files: a driver of our own over an open descriptor.
///
/// HDF5's standard driver would do the same calls, but (1) it locks files, which fails on file
/// systems without locks and depends on an environment variable; (2) it opens by name, and the name
/// may lead to a newer file by then; (3) after a failed write its library cannot close the file any
/// more and tries again when the program ends; (4) no test could let its writes fail.
#pragma once

#include <hdf5.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "hdf5_handle.hpp"
#include "reprise/results/files.hpp"

namespace reprise::results {

/// What HDF5 reads from and writes to. After the first failed call it keeps the errno, and takes
/// all later writes without doing anything, so that HDF5 can always close the file; whoever writes
/// through it has to ask failure() afterwards.
class Hdf5Channel {
  public:
    /// `files` and `fd` have to live until HDF5 has closed the file, or abandon() was called.
    Hdf5Channel(Files& files, int fd) noexcept : files_(&files), fd_(fd) {}

    /// errno of the first call that failed, or 0.
    [[nodiscard]] int failure() const noexcept { return failure_; }
    /// From now on nothing is read or written: for a file that HDF5 failed to close.
    void abandon() noexcept { files_ = nullptr; }

    [[nodiscard]] std::int64_t size() noexcept;
    [[nodiscard]] bool read(std::span<std::byte> bytes, std::uint64_t offset) noexcept;
    void write(std::span<std::byte const> bytes, std::uint64_t offset) noexcept;
    void truncate(std::uint64_t size) noexcept;

  private:
    Files* files_;
    int fd_;
    int failure_ = 0;
};

/// One HDF5 file over one descriptor. Closing it leaves the descriptor open.
class ChannelFile {
  public:
    enum class Mode { create, read, change };
    /// Throws Hdf5Error. `create` makes an empty HDF5 file after a user block.
    ChannelFile(Files& files, int fd, Mode mode);
    ChannelFile(ChannelFile const&) = delete;
    ChannelFile& operator=(ChannelFile const&) = delete;
    ChannelFile(ChannelFile&&) noexcept = default;
    ChannelFile& operator=(ChannelFile&&) = delete;
    ~ChannelFile();

    [[nodiscard]] hid_t id() const noexcept { return file_.get(); }
    /// errno of the first read or write that failed, or 0.
    [[nodiscard]] int failure() const noexcept { return channel_->failure(); }
    /// Throws Hdf5Error, also when something in the file is still open.
    void close();

  private:
    std::shared_ptr<Hdf5Channel> channel_;
    Hdf5File file_;
};

}  // namespace reprise::results
