#include "reprise/core/verdict.hpp"

namespace reprise {

int exit_code_of(VerdictKind kind) noexcept {
    switch (kind) {
        case VerdictKind::done:
            return 0;
        case VerdictKind::failed:
            return 1;
        case VerdictKind::resume:
        case VerdictKind::terminated:
            return 3;
    }
    return 1;
}

}  // namespace reprise
