/* pipeline.h - morsel-driven pipelines: a source, stages, a sink, on a fixed number of workers.
 *
 * A pipeline's workers take morsels (numbers) of its source, pull chunks of them and push each
 * through the stages into the sink, without a queue between. Sinks end pipelines: once all workers
 * have combined, finish runs once, and what the sink holds is the source of the next pipeline.
 *
 * Invariants:
 *  1. Sources, stages and sinks are immutable while workers run, but for what they lock themselves;
 *     what changes is in the worker's state.
 *  2. A chunk is pushed before the next is pulled; a stage may push any number for one.
 *  3. The cancel flag is looked at once a chunk of the source.
 *  4. After the first error no further chunk is pulled anywhere; states are destroyed by the
 * pipeline. Results do not depend on the number of workers, but for the order of rows where nothing
 * orders them, and for the last digits of sums of floats.
 */
#ifndef PYR_EXEC_PIPELINE_H
#define PYR_EXEC_PIPELINE_H

#include "base/thread_pool.h"
#include "exec/eval.h"

/* What a node did: added up over workers, for EXPLAIN ANALYZE. */
typedef struct pyr_node_metrics {
    _Atomic int64_t rows;    /* given out */
    _Atomic int64_t time_ns; /* of all workers together, of this node alone */
    _Atomic int64_t batches, batches_skipped;
    _Atomic int64_t memory_bytes, spilled_bytes;
    char detail[96]; /* "direct, 1000 groups": why this table; written once by finish */
} pyr_node_metrics;

/* One execution of a plan. Outlives everything below. */
typedef struct pyr_exec {
    pyr_query_ledger *ledger;
    pyr_budget *budget; /* of memory; beyond it operators spill, or 53200 */
    pyr_cancel_flag *cancel;
    pyr_thread_pool *pool;     /* NULL: the calling thread alone */
    unsigned workers;          /* >= 1 */
    const char *temp_folder;   /* for spilling; NULL: none */
    int64_t morsel_rows;       /* of sources that may choose; 0: theirs */
    bool all_batches;          /* zone maps skip none */
    pyr_scalar *scalars;       /* of plan->subqueries; its own */
    pyr_node_metrics *metrics; /* by node id; NULL: not counted. Borrowed of owner */
    void *owner;               /* of the plan; release is called with it at the end */
    void (*release)(void *owner);
} pyr_exec;

typedef struct pyr_morsel_source pyr_morsel_source;
typedef struct pyr_morsel_source_ops {
    /* Once, when what it depends on is there, before workers run. */
    pyr_status (*start)(pyr_morsel_source *source, int64_t *morsels, pyr_error *error);
    pyr_status (*worker_create)(pyr_morsel_source *source, void **state, pyr_error *error);
    void (*worker_destroy)(pyr_morsel_source *source, void *state);
    pyr_status (*open)(pyr_morsel_source *source, void *state, int64_t morsel, pyr_error *error);
    /* *chunk of the morsel that is open; rows 0: the morsel has ended. A chunk may have no row
     * selected. */
    pyr_status (*next)(pyr_morsel_source *source, void *state, pyr_chunk *chunk, pyr_error *error);
    void (*destroy)(pyr_morsel_source *source);
} pyr_morsel_source_ops;
struct pyr_morsel_source {
    const pyr_morsel_source_ops *ops;
    int32_t node; /* id, for the metrics */
    /* Of all morsels at most, said by start where few of them are soon read; 0: not known. */
    int64_t rows;
};

typedef struct pyr_worker pyr_worker;
/* Pushes what a stage gives to the one behind it, or into the sink. */
PYR_MUST_CHECK pyr_status pyr_worker_emit(pyr_worker *worker, pyr_chunk *chunk, pyr_error *error);

typedef struct pyr_stage pyr_stage;
typedef struct pyr_stage_ops {
    pyr_status (*worker_create)(pyr_stage *stage, void **state, pyr_error *error);
    void (*worker_destroy)(pyr_stage *stage, void *state);
    /* Calls pyr_worker_emit for what comes of chunk; never with no row selected. */
    pyr_status (*push)(pyr_stage *stage, void *state, pyr_worker *worker, pyr_chunk *chunk,
                       pyr_error *error);
    void (*destroy)(pyr_stage *stage);
} pyr_stage_ops;
struct pyr_stage {
    const pyr_stage_ops *ops;
    int32_t node;
};

typedef struct pyr_sink pyr_sink;
typedef struct pyr_sink_ops {
    pyr_status (*worker_create)(pyr_sink *sink, unsigned worker, void **state, pyr_error *error);
    void (*worker_destroy)(pyr_sink *sink, void *state); /* after combine, too */
    /* morsel: of the source, for sinks that keep the order. */
    pyr_status (*consume)(pyr_sink *sink, void *state, int64_t morsel, pyr_chunk *chunk,
                          pyr_error *error);
    /* The worker has no more. Workers may come at once: the sink locks. */
    pyr_status (*combine)(pyr_sink *sink, void *state, pyr_error *error);
    /* All have combined; on one thread, which may use exec->pool. */
    pyr_status (*finish)(pyr_sink *sink, pyr_error *error);
    /* A morsel of the source has ended, whether a chunk of it came or not; NULL: who cares. */
    pyr_status (*end_morsel)(pyr_sink *sink, void *state, int64_t morsel, pyr_error *error);
    /* Whether no further row can change its result; NULL: never. Any thread, any time. */
    bool (*done)(const pyr_sink *sink);
    /* Whether it wants no further morsel before its finish; those that are open it takes. NULL:
     * never. Any thread, any time. */
    bool (*full)(const pyr_sink *sink);
    void (*destroy)(pyr_sink *sink);
} pyr_sink_ops;
struct pyr_sink {
    const pyr_sink_ops *ops;
    int32_t node;
};

typedef struct pyr_pipeline {
    pyr_exec *exec;
    pyr_morsel_source *source;
    int32_t stages_count;
    pyr_stage *const *stages;
    pyr_sink *sink;
} pyr_pipeline;
/* Runs all of it, sink's finish included. Blocks. */
PYR_MUST_CHECK pyr_status pyr_pipeline_run(const pyr_pipeline *pipeline, pyr_error *error);
/* The same in parts: the source's start once, then ranges of its morsels, each with the sink's
 * finish behind it. *end: where the range really ended, before `end` where the sink was full. */
PYR_MUST_CHECK pyr_status pyr_pipeline_start(const pyr_pipeline *pipeline, int64_t *morsels,
                                             pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_pipeline_run_range(const pyr_pipeline *pipeline, int64_t first,
                                                 int64_t *end, pyr_error *error);

/* ---- Sources, stages and sinks: one file each. They borrow exec and the plan's nodes. ---- */

/* scan_source.c: a SCAN's batches, filters evaluated, zone maps first. A morsel is a batch. */
PYR_MUST_CHECK pyr_status pyr_scan_source_create(pyr_exec *exec, const pyr_node *scan,
                                                 pyr_morsel_source **out, pyr_error *error);
/* How many batches zone maps leave of a SCAN's table, for EXPLAIN; 0 of 0 of one with keys. */
PYR_MUST_CHECK pyr_status pyr_scan_batches(const pyr_node *scan, int64_t *kept, int64_t *all,
                                           pyr_error *error);
/* batches_source.c: batches in memory, retained; a morsel is a batch. */
PYR_MUST_CHECK pyr_status pyr_batches_source_create(pyr_exec *exec, int32_t node,
                                                    pyr_batch *const *batches, size_t count,
                                                    pyr_morsel_source **out, pyr_error *error);
/* stages.c */
PYR_MUST_CHECK pyr_status pyr_filter_stage_create(pyr_exec *exec, const pyr_node *filter,
                                                  pyr_stage **out, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_project_stage_create(pyr_exec *exec, const pyr_node *project,
                                                   pyr_stage **out, pyr_error *error);
/* collect.c: batches, in the order of the source's morsels. schema: of the chunks, retained.
 * reason: of what has to be copied. */
PYR_MUST_CHECK pyr_status pyr_collect_sink_create(pyr_exec *exec, pyr_schema *schema,
                                                  pyr_copy_reason reason, pyr_sink **out,
                                                  pyr_error *error);
/* So many rows make it full; 0: never. Between runs. */
void pyr_collect_sink_set_full(pyr_sink *sink, int64_t rows);
/* After a finish: moves the batches out (the caller's then, the array by free); the sink can be run
 * again. */
void pyr_collect_sink_take(pyr_sink *sink, pyr_batch ***batches, size_t *count);

/* aggregate.c: AGGREGATE and DISTINCT nodes. Its chunks: keys, then aggregates. */
PYR_MUST_CHECK pyr_status pyr_aggregate_sink_create(pyr_exec *exec, const pyr_node *node,
                                                    pyr_sink **out, pyr_error *error);
/* What a finished sink holds; the sink outlives the source. */
PYR_MUST_CHECK pyr_status pyr_aggregate_source_create(pyr_sink *sink, pyr_morsel_source **out,
                                                      pyr_error *error);

/* sort.c: SORT, and with limit >= 0 (limit + offset rows) a top-n. Its source gives one order:
 * morsels in order, chunks in order. */
PYR_MUST_CHECK pyr_status pyr_sort_sink_create(pyr_exec *exec, const pyr_node *sort, int64_t limit,
                                               pyr_sink **out, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_sort_source_create(pyr_sink *sink, pyr_morsel_source **out,
                                                 pyr_error *error);

/* window.c, window_source.c: WINDOW. Its chunks: the input's columns, then a function each. */
PYR_MUST_CHECK pyr_status pyr_window_sink_create(pyr_exec *exec, const pyr_node *window,
                                                 pyr_sink **out, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_window_source_create(pyr_sink *sink, pyr_morsel_source **out,
                                                   pyr_error *error);

/* join.c: the build side's sink, the probe side's stage, and for FULL what was never matched. */
PYR_MUST_CHECK pyr_status pyr_join_sink_create(pyr_exec *exec, const pyr_node *join, pyr_sink **out,
                                               pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_join_stage_create(pyr_exec *exec, const pyr_node *join,
                                                pyr_sink *build, pyr_stage **out, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_join_rest_source_create(pyr_sink *build, pyr_morsel_source **out,
                                                      pyr_error *error);

/* ---- A whole plan. ---- */

/* A copy of settings with scalars for what plan needs; budget is retained. */
PYR_MUST_CHECK pyr_status pyr_exec_create(const pyr_plan *plan, const pyr_exec *settings,
                                          pyr_exec **out, pyr_error *error);
void pyr_exec_destroy(pyr_exec *exec); /* NULL allowed; calls its release */
/* Runs everything up to the last pipeline, whose batches the stream gives: rows in the order of the
 * last source. exec is taken, on failure too: the stream destroys it last. plan lives until then.
 */
PYR_MUST_CHECK pyr_status pyr_exec_run(const pyr_plan *plan, pyr_exec *exec, pyr_stream **out,
                                       pyr_error *error);
/* Whether every expression and aggregate of plan can be executed: PYR_ERROR_NOT_SUPPORTED else. */
PYR_MUST_CHECK pyr_status pyr_exec_check(const pyr_plan *plan, pyr_error *error);

#endif
