/* pages.h - a process-wide pool of huge-page-advised memory blocks.
 *
 * First touch of anonymous memory costs six times more in 4 KiB pages than in huge ones
 * (engine-notes.md), and returning memory to the kernel means paying again: blocks are kept and
 * handed out again. An idle process keeps half a gigabyte, and up to a quarter of the machine's
 * memory for as long as the kernel has no other use for it. Thread-safe.
 */
#ifndef PYR_BASE_PAGES_H
#define PYR_BASE_PAGES_H

#include <stddef.h>
#include <stdint.h>

#define PYR_PAGES_MIN_BYTES ((size_t)1 << 20) /* below this malloc serves */
/* But not who takes and gives many at once: malloc maps and unmaps each. */
#define PYR_PAGES_LEAST_BYTES ((size_t)128 << 10)

/* At least size_bytes, rounded up to a power-of-two class from 128 KiB on, 2 MiB aligned from 2 MiB
 * on; contents undefined. *capacity_bytes: what to give back. NULL when out of memory. */
void *pyr_pages_take(size_t size_bytes, size_t *capacity_bytes);
void pyr_pages_give(void *block, size_t capacity_bytes);
/* Lets the kernel take what is kept beyond half a gigabyte when it needs memory. */
void pyr_pages_lend(void);
/* The same, where no block was taken or given for so long. */
void pyr_pages_lend_idle(int64_t idle_ns);
/* Counted: as long as somebody watches, who calls pyr_pages_lend_idle every few seconds, up to an
 * eighth of the machine's memory is not lent before. */
void pyr_pages_watch(void);
void pyr_pages_unwatch(void);
/* Returns what is kept to the kernel; what is in use stays. */
void pyr_pages_trim(void);

#endif
