/* clock.h - time. Monotonic for durations, wall for what a user sees. Thread-safe. */
#ifndef PYR_BASE_CLOCK_H
#define PYR_BASE_CLOCK_H

#include <stdint.h>

int64_t pyr_clock_monotonic_ns(void);
int64_t pyr_clock_wall_us(void); /* since 1970-01-01 UTC */

#endif
