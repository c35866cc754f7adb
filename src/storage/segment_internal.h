/* segment_internal.h - a segment and its open file: shared by segment*.c. */
#ifndef PYR_STORAGE_SEGMENT_INTERNAL_H
#define PYR_STORAGE_SEGMENT_INTERNAL_H

#include "storage/storage_internal.h"

#include <pthread.h>

typedef struct pyr_opened_file {
    pyr_buffer *bytes;
    pyr_ipc_file *file;
    size_t batches;
    size_t columns;
    atomic_uchar *validated; /* batches * columns bits, in whole bytes a batch */
    pyr_segment_facts *facts;
} pyr_opened_file;

struct pyr_segment {
    atomic_size_t references;
    pyr_segment_info info;
    char *title; /* "segment ", unless it is a source's, and the last part of the path: messages
                    begin with it */
    bool trusted;
    pyr_buffer *bytes; /* in memory: the whole file; else NULL */
    atomic_bool remove_on_release;
    pthread_mutex_t lock; /* held while the file is opened; guards expected; a leaf */
    pyr_schema *expected; /* NULL: any */
    _Atomic(pyr_opened_file *) opened;
    atomic_bool mapping_counted; /* in a ledger */
    pyr_evolved *evolved;        /* owned; NULL: a file's own rows, or a source's */
    pyr_segment_source *source;  /* owned; NULL: there is a file */
};

/* Puts the segment's name in front of a message that has not got it from below. */
PYR_MUST_CHECK pyr_status pyr_segment_name_it(const pyr_segment *segment, pyr_status status,
                                              pyr_error *error);
/* The file, which is opened and checked the first time. Not of a source, and not of an evolved
 * segment. ledger may be NULL. */
PYR_MUST_CHECK pyr_status pyr_segment_get_opened(pyr_segment *segment, pyr_query_ledger *ledger,
                                                 pyr_opened_file **out, pyr_error *error);
/* PYR_ERROR_CORRUPT where there is no such batch, or one of the columns (NULL: all) of `all`. */
PYR_MUST_CHECK pyr_status pyr_segment_check_index(const pyr_segment *segment, size_t batches,
                                                  size_t index, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_segment_check_columns(const pyr_segment *segment, size_t all,
                                                    const int32_t *columns, int32_t count,
                                                    pyr_error *error);

#endif
