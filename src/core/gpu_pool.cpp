#include "reprise/core/gpu_pool.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <utility>

#include "reprise/core/contract.hpp"

namespace reprise {

std::optional<GpuShare> plan_gpu_share(int devices, int runs, std::optional<double> per_run) {
    REPRISE_EXPECT(devices >= 0 && runs >= 1 && per_run.value_or(0.0) >= 0.0);
    if (per_run && *per_run == 0.0) return GpuShare{0, 1};
    if (!per_run) {
        if (devices == 0) return GpuShare{0, 1};
        if (devices >= runs) return GpuShare{devices / runs, 1};
        return GpuShare{1, (runs + devices - 1) / devices};
    }
    GpuShare share{1, 1};
    if (*per_run < 1.0) {
        constexpr double most = 1e6;  // sharers; 0.1 + rounding still means ten of them
        share.sharers = static_cast<int>(std::min(most, std::floor(1.0 / *per_run + 1e-9)));
    } else {
        share.devices = static_cast<int>(std::lround(*per_run));
    }
    auto const room = static_cast<std::int64_t>(devices / share.devices) * share.sharers;
    if (room < runs) return std::nullopt;
    return share;
}

GpuPool::GpuPool(std::vector<std::string> devices, GpuShare share)
    : devices_(std::move(devices)), holders_(devices_.size(), 0), share_(share) {
    REPRISE_EXPECT(share.devices >= 0 && share.devices <= static_cast<int>(devices_.size()));
}

std::vector<std::string> GpuPool::take() {
    std::vector<std::size_t> order(devices_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [this](std::size_t one, std::size_t other) {
        return holders_[one] < holders_[other];
    });
    order.resize(static_cast<std::size_t>(share_.devices));
    std::sort(order.begin(), order.end());
    std::vector<std::string> taken;
    for (auto const device : order) {
        ++holders_[device];
        taken.push_back(devices_[device]);
    }
    return taken;
}

void GpuPool::give_back(std::vector<std::string> const& devices) {
    for (auto const& name : devices) {
        auto const found = std::find(devices_.begin(), devices_.end(), name);
        REPRISE_EXPECT(found != devices_.end());
        auto& holders = holders_[static_cast<std::size_t>(found - devices_.begin())];
        REPRISE_EXPECT(holders > 0);
        --holders;
    }
}

}  // namespace reprise
