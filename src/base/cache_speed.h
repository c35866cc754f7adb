/* cache_speed.h - whether the cache that all cores share is as near as it is large.
 *
 * What a machine says of it is not what a process has: a virtual machine shares it with others, and
 * server CPUs are found whose shared cache answers hardly sooner than memory does. So it is
 * measured.
 */
#ifndef PYR_BASE_CACHE_SPEED_H
#define PYR_BASE_CACHE_SPEED_H

#include <stdbool.h>

/* Whether numbers anywhere in 16 MiB can be added to at random in a few nanoseconds each. Measured
 * in a few milliseconds, at most four times a process and seconds apart: what was near stays near.
 * false where there is no memory for it. Thread-safe. */
bool pyr_shared_cache_is_near(void);

#endif
