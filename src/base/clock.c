/* clock.c - see clock.h. */
#include "base/clock.h"

#include <time.h>

static int64_t now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int64_t pyr_clock_monotonic_ns(void) {
    return now(CLOCK_MONOTONIC);
}

int64_t pyr_clock_wall_us(void) {
    return now(CLOCK_REALTIME) / 1000;
}
