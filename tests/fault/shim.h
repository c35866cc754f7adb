/* shim.h - file operations below one folder are counted, and the n-th fails or is where the power
 * goes. shim.c defines write, rename and the others in front of the C library's, for us and for
 * RocksDB. The program that links it has one database at a time.
 */
#ifndef PYR_FAULT_SHIM_H
#define PYR_FAULT_SHIM_H

#include <stdbool.h>
#include <stdint.h>

typedef enum shim_fault {
    SHIM_NONE,
    SHIM_ENOSPC, /* the operation fails, without effect */
    SHIM_EIO,
    SHIM_SHORT,        /* a write writes half, and the next operation fails with EIO */
    SHIM_ENOSPC_STAYS, /* the n-th and all after it, until shim_calm */
    SHIM_EIO_STAYS,
    SHIM_POWER /* the process ends before the operation, see power.h */
} shim_fault;
enum { SHIM_POWER_EXIT = 99 };

/* Operations below root (an absolute path) are counted from here on. shadow: where the power module
 * keeps what is on disk; NULL where there will be no power loss. Both borrowed. */
void shim_begin(const char *root, const char *shadow, shim_fault fault, int64_t n);
/* The power goes before the n-th operation, whatever failed before. After shim_begin. */
void shim_power_at(int64_t n);
/* No more faults but that one. */
void shim_calm(void);
/* Whether the n-th operation came. */
bool shim_has_struck(void);
int64_t shim_count(void);

#endif
