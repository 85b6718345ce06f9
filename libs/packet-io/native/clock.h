// CLOCK_MONOTONIC in microseconds, and the kernel's wall clock stamps translated to it.
#pragma once

#include <time.h>

#include <cmath>

namespace pio {

inline double clock_us(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

inline double monotonic_now_us() { return clock_us(CLOCK_MONOTONIC); }

// Receive stamps come on CLOCK_REALTIME, which may jump (a Pi sets its clock minutes after boot). Both clocks are slewed
// alike, so that their distance changes only by a jump: then this batch gets the time of reading instead.
class ClockPair {
 public:
  void sample() {
    const double before = monotonic_now_us();
    const double real = clock_us(CLOCK_REALTIME);
    now_us_ = monotonic_now_us();
    const double distance = real - (before + now_us_) / 2;
    jumped_ = std::fabs(distance - distance_) > kJumpUs;
    distance_ = distance;
  }
  double now_us() const { return now_us_; }
  // A stamp on CLOCK_MONOTONIC, within the last second.
  double monotonic_us(const timespec& stamp) const {
    if (jumped_) return now_us_;
    const double at = static_cast<double>(stamp.tv_sec) * 1e6 + static_cast<double>(stamp.tv_nsec) / 1e3 - distance_;
    return std::fmin(now_us_, std::fmax(at, now_us_ - 1e6));
  }

 private:
  // More than a thread is kept from the processor between two looks at the clock; a smaller jump does no harm.
  static constexpr double kJumpUs = 2'000;
  double now_us_ = 0;
  double distance_ = 0;
  bool jumped_ = true;
};

}  // namespace pio
