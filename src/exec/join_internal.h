/* join_internal.h - a hash join's build side: what join_build.c makes and join_probe.c asks. */
#ifndef PYR_EXEC_JOIN_INTERNAL_H
#define PYR_EXEC_JOIN_INTERNAL_H

#include "exec/aggregate_internal.h"
#include "exec/run_internal.h"
#include "exec/sort_key.h"

#include <pthread.h>

#define PYR_NO_ROW UINT32_MAX

/* A build row, and the next one with the same key. */
typedef struct pyr_build_row {
    uint32_t next; /* PYR_NO_ROW: none */
    uint32_t batch, row;
} pyr_build_row;

typedef struct pyr_join_sink {
    pyr_sink sink;
    pyr_exec *exec;
    const pyr_node *node;
    pyr_schema *schema; /* the right side's columns, then its keys */
    pyr_sql_type *key_types;
    pyr_group_keys encoding;
    pthread_mutex_t lock; /* of the lists; a leaf */
    pyr_batch_list held;  /* rows in memory, until finish puts them behind batches */
    pyr_batch_list batches;
    pyr_batch_list files; /* of each file that batches lie in: the first of them */
    /* After finish: */
    pyr_group_table table; /* keys to groups */
    pyr_build_row *rows;
    uint32_t rows_count;
    uint32_t *heads;          /* of each group: its first row */
    bool unique;              /* no key has two rows */
    bool has_null;            /* a key is NULL, where NULLs do not equal */
    _Atomic uint8_t *matched; /* FULL: of each row; else NULL */
    size_t budget_bytes;      /* taken for rows, heads and matched */
} pyr_join_sink;

/* PYR_ERROR_IO where build rows lie in a file that has faulted: to be asked after reading them. */
PYR_MUST_CHECK pyr_status pyr_join_check_files(const pyr_join_sink *join, pyr_error *error);
/* The rows (of rows, NULL: all) of a chunk whose keys may match: none is NULL, or NULLs are equal.
 * Gives how many. */
int32_t pyr_join_key_rows(const pyr_join_sink *join, const pyr_vector *keys, const uint16_t *rows,
                          int32_t count, uint16_t *out);

#endif
