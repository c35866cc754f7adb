/* output.h - where results go: a descriptor behind a buffer that only its owner flushes.
 *
 * Formatters append to `buffer` and the driver (format.h) calls pyr_output_drain between chunks of
 * rows, so memory is bounded by one chunk. One thread.
 */
#ifndef PYR_CLI_OUTPUT_H
#define PYR_CLI_OUTPUT_H

#include "base/text.h"

#define PYR_OUTPUT_BUFFER_BYTES ((size_t)256 << 10) /* drained when it holds more */

typedef struct pyr_output {
    int fd;
    bool owned;    /* closed by pyr_output_close */
    bool terminal; /* a person looks at it */
    bool broken;   /* the reader went away: nobody wants an error message */
    char *path;    /* for messages */
    pyr_text buffer;
    int64_t bytes_written; /* by pyr_output_flush, the buffer not counted */
} pyr_output;

/* Borrows fd. */
PYR_MUST_CHECK pyr_status pyr_output_init(pyr_output *output, int fd, const char *name,
                                          pyr_error *error);
/* Creates or truncates the file. */
PYR_MUST_CHECK pyr_status pyr_output_open(pyr_output *output, const char *path, pyr_error *error);
/* Flushes when the buffer is large. PYR_ERROR_IO with `broken` set when the reader is gone. */
PYR_MUST_CHECK pyr_status pyr_output_drain(pyr_output *output, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_output_flush(pyr_output *output, pyr_error *error);
/* After a failed write by another writer on the same descriptor: finds out whether the reader is
 * gone. */
void pyr_output_note_failure(pyr_output *output);
/* Back to an empty file, where it is one; for a result that replaces the one before. */
PYR_MUST_CHECK pyr_status pyr_output_rewind(pyr_output *output, pyr_error *error);
/* Everything that was appended, flushed or not. */
int64_t pyr_output_bytes(const pyr_output *output);
/* Flushes, closes, frees; a zeroed output is nothing to do. */
PYR_MUST_CHECK pyr_status pyr_output_close(pyr_output *output, pyr_error *error);
/* Columns of the terminal, or 80. */
int pyr_output_width(const pyr_output *output);

#endif
