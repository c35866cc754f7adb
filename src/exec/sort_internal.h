/* sort_internal.h - what sorts keep: shared by sort.c and sort_spill.c. */
#ifndef PYR_EXEC_SORT_INTERNAL_H
#define PYR_EXEC_SORT_INTERNAL_H

#include "exec/sort_key.h"
#include "exec/spill.h"

#include <pthread.h>

/* Rows and their keys; sorted once a worker has combined. */
typedef struct pyr_sort_run {
    pyr_row_key *keys;
    int64_t count, capacity;
    size_t mapped_bytes; /* keys lie in a file, and count for no budget; 0: in memory */
    pyr_batch **batches; /* retained */
    size_t batches_count, batches_capacity;
    pyr_arena arena; /* of keys */
    pyr_budget *budget;
} pyr_sort_run;
void pyr_sort_run_init(pyr_sort_run *run, pyr_budget *budget);
void pyr_sort_run_deinit(pyr_sort_run *run); /* zeroed: nothing */
/* Takes batch, on failure too. */
PYR_MUST_CHECK pyr_status pyr_sort_run_add_batch(pyr_sort_run *run, pyr_batch *batch,
                                                 pyr_error *error);

/* A worker's runs in one file, batch after batch: the node's columns, then the key. */
typedef struct pyr_sort_file {
    pyr_spill *spill; /* NULL: none */
    size_t batches_count;
    size_t first; /* once merged: of its batches, among all */
    size_t *ends; /* of each run: batches up to there */
    size_t runs_count, runs_capacity;
} pyr_sort_file;
void pyr_sort_file_deinit(pyr_sort_file *file); /* zeroed: nothing */

typedef struct pyr_sort_sink {
    pyr_sink sink;
    pyr_exec *exec;
    const pyr_node *node;
    int64_t limit;
    pyr_schema *schema;
    pyr_sort_column *columns;
    pyr_bound_expr **expressions;
    int32_t columns_count;
    _Atomic uint64_t bound; /* no row with a greater prefix is wanted: top-n */
    pthread_mutex_t lock;   /* of runs and files; a leaf */
    pyr_sort_run *runs;
    size_t runs_count, runs_capacity;
    pyr_sort_file *files;
    size_t files_count, files_capacity;
    pyr_sort_run all; /* after finish */
} pyr_sort_sink;

/* sort_spill.c. Writes a sorted run, whose rows are all in batches, to the end of file and empties
 * it. */
PYR_MUST_CHECK pyr_status pyr_sort_run_write(const pyr_sort_sink *sink, pyr_sort_run *run,
                                             pyr_sort_file *file, pyr_error *error);
/* All runs, in files and in memory, as one whose keys lie in a file. */
PYR_MUST_CHECK pyr_status pyr_sort_merge_files(pyr_sort_sink *sink, pyr_error *error);

#endif
