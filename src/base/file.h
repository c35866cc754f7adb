/* file.h - the few file operations storage needs, each complete or an error with the path's name.
 * One place, so that a fault-injecting shim can stand in for all of them later.
 */
#ifndef PYR_BASE_FILE_H
#define PYR_BASE_FILE_H

#include "base/error.h"

#include <sys/uio.h>

/* Creates (truncates when exists is fine) for writing. close with pyr_file_close. */
PYR_MUST_CHECK pyr_status pyr_file_create(const char *path, bool exclusive, int *fd,
                                          pyr_error *error);
/* Writes everything (short writes are continued, EINTR retried). path: for the message. A source
 * in a faulted mapping is PYR_ERROR_IO. */
PYR_MUST_CHECK pyr_status pyr_file_write(int fd, const char *path, const void *data,
                                         size_t size_bytes, pyr_error *error);
/* All of count spans, more than IOV_MAX too. spans is changed. */
PYR_MUST_CHECK pyr_status pyr_file_writev(int fd, const char *path, struct iovec *spans,
                                          size_t count, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_file_sync_data(int fd, const char *path, pyr_error *error);
/* Lets the disk begin to write bytes [offset, offset + size_bytes) of the file, so that a later
 * sync finds less to do. A hint: nothing is promised, nothing fails. */
void pyr_file_start_writing(int fd, int64_t offset, int64_t size_bytes);
/* fsync of the folder a name was created, renamed or removed in. */
PYR_MUST_CHECK pyr_status pyr_file_sync_folder(const char *path, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_file_close(int fd, const char *path, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_file_rename(const char *from, const char *to, pyr_error *error);
/* Another name for the same file; across file systems, or where links are not to be had, a copy
 * (shared blocks where the file system can), which is on disk when it returns. to must not be
 * there. *copied_bytes: 0 for a link. NULL allowed. */
PYR_MUST_CHECK pyr_status pyr_file_link(const char *from, const char *to, int64_t *copied_bytes,
                                        pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_file_remove(const char *path, pyr_error *error); /* missing: OK */
/* mkdir -p. */
PYR_MUST_CHECK pyr_status pyr_folder_create(const char *path, pyr_error *error);
/* rm -r of a folder of ours; symbolic links are removed, not followed. */
PYR_MUST_CHECK pyr_status pyr_folder_remove(const char *path, pyr_error *error);
/* A whole small file into memory, NUL-terminated (not counted in *size_bytes). Above max_bytes:
 * PYR_ERROR_LIMIT. The caller frees *data. */
PYR_MUST_CHECK pyr_status pyr_file_read_all(const char *path, size_t max_bytes, char **data,
                                            size_t *size_bytes, pyr_error *error);

#endif
