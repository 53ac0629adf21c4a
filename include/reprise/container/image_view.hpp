/// @file Looks into a container before anything is trained in it: which commands are there, what a
/// file holds. Each question starts the container once (the helper's --look answers) and waits.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reprise/container/runtime.hpp"

namespace reprise {

/// What the helper answered (src/container/run_helper/look.hpp).
struct LookAnswer {
    bool complete = false;
    std::vector<std::optional<std::string>> items;  ///< path or content; nothing: not there
    std::vector<int> errors;                        ///< of files: errno; 0 for the others
};

/// Reads the answer; `complete` is false when it is cut or none.
[[nodiscard]] LookAnswer parse_look_answer(std::string_view text);

class ImageView {
  public:
    /// @param helper    absolute path of reprise-run-helper
    /// @param inherited the job's environment
    ImageView(ContainerSetup setup, RunPlace place, std::string helper,
              std::vector<std::string> inherited);

    /// Starts the container for nothing but to see that it starts. Throws Error that says why not.
    void try_it() const;
    /// Which of these programs are not there, or not executable. Throws Error.
    [[nodiscard]] std::vector<std::string> missing_programs(
        std::vector<std::string> const& programs) const;
    /// Throws Error, of Kind::not_found when it is not there.
    [[nodiscard]] std::string read_file(std::string const& path) const;

  private:
    [[nodiscard]] LookAnswer ask(std::vector<std::string> const& questions) const;

    ContainerSetup setup_;
    RunPlace place_;
    std::string helper_;
    std::vector<std::string> inherited_;
};

}  // namespace reprise
