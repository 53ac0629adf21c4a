/// @file Checks for bugs: on in every build, caught in main alone, reported to the server.
#pragma once

#include <stdexcept>
#include <string>

namespace reprise {

/// A bug in Reprise itself, never a user's mistake and never a failure of the outside world.
class ContractViolation : public std::logic_error {
  public:
    using std::logic_error::logic_error;
};

[[noreturn]] inline void contract_failed(char const* kind, char const* condition, char const* file,
                                         int line) {
    throw ContractViolation(std::string(kind) + " does not hold: " + condition + " (" + file + ":" +
                            std::to_string(line) +
                            "). This is a bug in reprise; please report it.");
}

}  // namespace reprise

// A macro, because the message needs the condition's text and place.
#define REPRISE_CONTRACT(kind, condition) \
    ((condition) ? void() : ::reprise::contract_failed(kind, #condition, __FILE__, __LINE__))
/// What a caller owes.
#define REPRISE_EXPECT(condition) REPRISE_CONTRACT("precondition", condition)
/// What must hold on the way.
#define REPRISE_ASSERT(condition) REPRISE_CONTRACT("invariant", condition)
/// What a function owes.
#define REPRISE_ENSURE(condition) REPRISE_CONTRACT("postcondition", condition)
