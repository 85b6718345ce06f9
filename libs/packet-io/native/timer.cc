// Deadlines on timerfd, and the clock.
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>

#include "addon.h"
#include "clock.h"
#include "pollable.h"

namespace pio {
namespace {

class Timer final : public Pollable {
 public:
  explicit Timer(const double* at) : at_(at) {}
  using Pollable::attach;

  void arm() {
    const double at = *at_;
    if (!(at < 9e15)) return disarm();  // Infinity, or 285 years
    itimerspec due{};
    if (at >= 1) {
      const int64_t nanoseconds = static_cast<int64_t>(at * 1e3);
      due.it_value.tv_sec = static_cast<time_t>(nanoseconds / 1'000'000'000);
      due.it_value.tv_nsec = static_cast<long>(nanoseconds % 1'000'000'000);
    } else {
      due.it_value.tv_nsec = 1;  // zero would disarm
    }
    timerfd_settime(fd(), TFD_TIMER_ABSTIME, &due, nullptr);
  }
  void disarm() {
    const itimerspec never{};
    timerfd_settime(fd(), 0, &never, nullptr);
  }

 private:
  // Armed anew between expiry and this call: nothing to read, nothing due.
  bool on_event() override {
    uint64_t expirations;
    return ::read(fd(), &expirations, sizeof expirations) == sizeof expirations;
  }

  const double* const at_;  // the array is held as this object's "counters"
};

napi_value construct(napi_env env, napi_callback_info info) {
  Args args(env, info);
  Array<double> at;
  if (!constructing(env, info, "Timer") || !args.doubles(0, at) || !args.function(1)) return nullptr;
  if (at.length < 1) {
    throw_misuse(env, kBadArgument, "the deadline's array is empty");
    return nullptr;
  }
  const int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (fd < 0) {
    throw_failure(env, {errno, "timerfd_create", "cannot make a timer"});
    return nullptr;
  }
  auto* timer = new Timer(at.data);
  if (!timer->attach(env, args.self(), fd, args[1], args[0])) return nullptr;
  timer->start();
  return args.self();
}

napi_value arm(napi_env env, napi_callback_info info) {
  Args args(env, info);
  if (Timer* timer = open_object<Timer>(args)) timer->arm();
  return nullptr;
}

napi_value disarm(napi_env env, napi_callback_info info) {
  Args args(env, info);
  if (Timer* timer = open_object<Timer>(args)) timer->disarm();
  return nullptr;
}

napi_value read_clock(napi_env env, napi_callback_info info) {
  Args args(env, info);
  Array<double> clock;
  if (args.doubles(0, clock) && clock.length > 0) clock.data[0] = monotonic_now_us();
  return nullptr;
}

}  // namespace

void register_timer(napi_env env, napi_value exports) {
  napi_property_descriptor properties[Pollable::kMethods + 2] = {};
  Pollable::describe(properties);
  properties[Pollable::kMethods] = method("arm", arm);
  properties[Pollable::kMethods + 1] = method("disarm", disarm);
  export_class(env, exports, "Timer", construct, properties, Pollable::kMethods + 2);
  napi_value function = nullptr;
  napi_create_function(env, "readClock", NAPI_AUTO_LENGTH, read_clock, nullptr, &function);
  napi_set_named_property(env, exports, "readClock", function);
}

}  // namespace pio
