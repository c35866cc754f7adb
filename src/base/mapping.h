/* mapping.h - read-only file mappings that cannot kill the process.
 *
 * A page of a mapping may fault (file truncated behind us, disk gone): SIGBUS. The handler replaces
 * the faulting page by a page of zeros and marks the mapping as faulted, so the reader goes on with
 * zeros and notices at the next check. Invariant: whoever reads bytes of a mapping calls
 * pyr_mapping_check after reading and before it acts on or hands on what it read. A faulted mapping
 * stays faulted. Addresses outside our mappings get the previous handler (a real crash).
 *
 * Where mmap is refused, or the file lies on a network or FUSE file system, the file is read into
 * memory instead (pyr_mapping_is_mapped tells); the caller counts PYR_COPY_NO_MAPPING.
 */
#ifndef PYR_BASE_MAPPING_H
#define PYR_BASE_MAPPING_H

#include "base/buffer.h"

/* Maps the whole regular file read-only. NOT_FOUND, PERMISSION, IO; an empty file gives an empty
 * buffer. *out's reference keeps the file mapped; slices of it too. Thread-safe. */
PYR_MUST_CHECK pyr_status pyr_mapping_open(const char *path, pyr_buffer **out, pyr_error *error);
/* The same from a descriptor (which stays the caller's), for memfd and tests. name: for messages.
 */
PYR_MUST_CHECK pyr_status pyr_mapping_open_fd(int fd, const char *name, pyr_buffer **out,
                                              pyr_error *error);

/* Opens path as pyr_mapping_open does, for pyr_mapping_open_fd: the caller closes *fd. */
PYR_MUST_CHECK pyr_status pyr_mapping_open_file(const char *path, int *fd, pyr_error *error);

/* PYR_ERROR_IO naming the file when the mapping has faulted. mapping NULL is PYR_OK: bytes that
 * lie in no mapping cannot fault. Cheap: one atomic load. */
PYR_MUST_CHECK pyr_status pyr_mapping_check(const pyr_mapping *mapping, pyr_error *error);
/* status, what was found in bytes of the mapping, and *error with it, unless the mapping has
 * faulted: then that is the reason for whatever seemed to be wrong in them, and PYR_ERROR_IO takes
 * its place. */
PYR_MUST_CHECK pyr_status pyr_mapping_explain(const pyr_mapping *mapping, pyr_status status,
                                              pyr_error *error);
bool pyr_mapping_is_mapped(const pyr_mapping *mapping);
const char *pyr_mapping_path(const pyr_mapping *mapping);
/* A fault found by a system call (writev gave EFAULT) rather than by a signal. */
void pyr_mapping_set_faulted(pyr_mapping *mapping);

/* The mapping of ours that address lies in, or NULL; for finding out about EFAULT.
 * Async-signal-safe. */
bool pyr_mapping_covers(const void *address);

#endif
