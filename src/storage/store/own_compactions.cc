#include "storage/store/own_compactions.h"

#include <string>
#include <unordered_map>

namespace hygge::storage {

void OwnCompactions::hold() {
  {
    const std::lock_guard lock(mutex_);
    if (++holds_ > 1 || stopped_) return;
    settled_.store(false);
  }
  settle();
}

void OwnCompactions::release() {
  {
    const std::lock_guard lock(mutex_);
    if (--holds_ > 0 || stopped_) return;
    settled_.store(false);
  }
  settle();
}

void OwnCompactions::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    stopped_ = true;
    settled_.store(false);
  }
  settle();
}

void OwnCompactions::settle() {
  if (settled_.load()) return;
  const std::lock_guard lock(mutex_);
  const bool none = stopped_ || holds_ > 0;
  std::unordered_map<std::string, std::string> options{
      {"disable_auto_compactions", none ? "true" : "false"}};
  if (stopped_) {
    options["level0_slowdown_writes_trigger"] = "1000000000";
    options["level0_stop_writes_trigger"] = "1000000000";
  }
  settled_.store(db_.SetOptions(&chunks_, options).ok());
}

}  // namespace hygge::storage
