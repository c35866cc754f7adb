/* copy.h - COPY ... TO by writers of ours, beside the one of Arrow files. */
#ifndef PYR_SESSION_COPY_H
#define PYR_SESSION_COPY_H

#include "session/session_internal.h"

/* Writes a query's rows as a Safetensors file to fd, which is path; *rows: how many. 42804 where
 * the columns are others than name, dtype, shape and data (offset_bytes and size_bytes are
 * ignored); 22004 and 22023 naming the row that is NULL or does not fit. What does not wait in
 * memory waits in a file beside path. Counts what it writes as encoded. */
PYR_MUST_CHECK pyr_status pyr_copy_safetensors(pyr_execution *execution, pyr_stream *stream, int fd,
                                               const char *path, int64_t *rows, pyr_error *error);

#endif
