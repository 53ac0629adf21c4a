#include "reprise/results/results_reader.hpp"

#include <fcntl.h>

#include <string>
#include <utility>

#include "curves.hpp"
#include "generation.hpp"
#include "history.hpp"

namespace reprise {

using namespace results;

struct ResultsReader::Impl {
    Impl(Generation opened, std::string name)
        : path(std::move(name)),
          generation(std::move(opened)),
          hdf5(generation.file.files(), generation.file.get(), ChannelFile::Mode::read),
          curves(Curves::open(hdf5.id())),
          info{.format_version = generation.block.version,
               .generation = generation.block.generation,
               .recording = generation.block.recording,
               .attempt_capacity = generation.attempts.capacity(),
               .start_capacity = generation.starts.capacity()} {}

    std::string path;
    Generation generation;
    ChannelFile hdf5;
    Curves curves;
    ResultsFileInfo info;
};

ResultsReader::ResultsReader(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
ResultsReader::ResultsReader(ResultsReader&&) noexcept = default;
ResultsReader& ResultsReader::operator=(ResultsReader&&) noexcept = default;
ResultsReader::~ResultsReader() = default;

ResultsReader ResultsReader::open(std::filesystem::path const& path, Files& files) {
    auto generation = open_generation(files, path.string(), O_RDONLY);
    try {
        return ResultsReader(std::make_unique<Impl>(std::move(generation), path.string()));
    } catch (Hdf5Error const& error) {
        throw corrupt_file(path.string(), error.what());
    }
}

ResultsFileInfo const& ResultsReader::info() const noexcept { return impl_->info; }

SampleDescription const& ResultsReader::sample() const noexcept { return impl_->generation.sample; }

History ResultsReader::load_history() const { return read_history(impl_->generation, impl_->path); }

void ResultsReader::for_each_attempt(std::function<void(AttemptRecord const&)> const& visit) const {
    read_attempts(impl_->generation, impl_->path, visit);
}

std::vector<StartRecord> ResultsReader::load_starts() const {
    return read_starts(impl_->generation, impl_->path);
}

std::vector<AttemptKey> ResultsReader::curves() const {
    try {
        return impl_->curves.keys();
    } catch (Hdf5Error const& error) {
        throw corrupt_file(impl_->path, error.what());
    }
}

std::optional<Curve> ResultsReader::curve(AttemptKey const& key) const {
    try {
        if (!impl_->curves.contains(key)) return std::nullopt;
        return impl_->curves.read(key);
    } catch (Hdf5Error const& error) {
        throw corrupt_file(impl_->path, error.what());
    }
}

}  // namespace reprise
