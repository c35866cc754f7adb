/* sort_internal.h - what sorts keep: shared by sort*.c. */
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

/* A worker. */
typedef struct pyr_sort_state {
    pyr_eval *eval;
    pyr_vector *vectors;
    pyr_batch_maker *maker;
    pyr_row_key *keys; /* PYR_VECTOR_ROWS, of a chunk */
    uint32_t made;     /* rows in the maker */
    pyr_sort_run run;
    pyr_sort_file file;
    pyr_arena chunk_keys; /* top-n: most of them are not kept */
} pyr_sort_state;

/* sort.c. Room for more keys. */
PYR_MUST_CHECK pyr_status pyr_sort_reserve_keys(pyr_sort_run *run, int64_t more, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_sort_maker_create(const pyr_sort_sink *sink, pyr_batch_maker **out,
                                                pyr_error *error);
/* Adds a chunk's rows, whose keys these are, to the worker's run. */
PYR_MUST_CHECK pyr_status pyr_sort_keep_rows(pyr_sort_state *state, pyr_chunk *chunk,
                                             const pyr_row_key *keys, pyr_error *error);
/* What the maker holds becomes a batch of the run. */
PYR_MUST_CHECK pyr_status pyr_sort_end_batch(pyr_sort_state *state, pyr_error *error);

/* sort_top.c. Most rows of a top-n are not among the best so far by their first column alone: those
 * are left out of the chunk before any key is made; mask: PYR_VECTOR_WORDS of room. */
void pyr_sort_top_leave_out(pyr_sort_sink *sink, const pyr_sort_state *state, pyr_chunk *chunk,
                            uint64_t *mask);
/* The rows of a chunk whose keys state->keys are; rows: NULL, all of it. */
PYR_MUST_CHECK pyr_status pyr_sort_top_consume(pyr_sort_sink *sink, pyr_sort_state *state,
                                               pyr_chunk *chunk, const uint16_t *rows,
                                               pyr_error *error);

/* sort_spill.c. Writes a sorted run, whose rows are all in batches, to the end of file and empties
 * it. */
PYR_MUST_CHECK pyr_status pyr_sort_run_write(const pyr_sort_sink *sink, pyr_sort_run *run,
                                             pyr_sort_file *file, pyr_error *error);
/* All runs, in files and in memory, as one whose keys lie in a file. */
PYR_MUST_CHECK pyr_status pyr_sort_merge_files(pyr_sort_sink *sink, pyr_error *error);

#endif
