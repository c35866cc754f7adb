/* run_internal.h - an execution of a plan: shared by run.c (pulling) and build.c (building). */
#ifndef PYR_EXEC_RUN_INTERNAL_H
#define PYR_EXEC_RUN_INTERNAL_H

#include "exec/pipeline.h"

typedef struct pyr_batch_list {
    pyr_batch **items; /* retained */
    size_t count, capacity;
} pyr_batch_list;
void pyr_batch_list_deinit(pyr_batch_list *list);
/* Takes batch, on failure too. */
PYR_MUST_CHECK pyr_status pyr_batch_list_add(pyr_batch_list *list, pyr_batch *batch,
                                             pyr_error *error);

typedef struct pyr_owned {
    void *object;
    void (*destroy)(void *object);
} pyr_owned;

typedef struct pyr_run {
    const pyr_plan *plan;
    pyr_exec *exec;
    size_t owned_count, owned_capacity;
    pyr_owned *owned;             /* sources, stages, sinks: destroyed last to first */
    pyr_batch_list *materialized; /* of plan->materialized */
    pyr_batch_list kept;          /* what values of subqueries lie in */
} pyr_run;
/* Take the object, on failure too. */
PYR_MUST_CHECK pyr_status pyr_run_own_source(pyr_run *run, pyr_morsel_source *source,
                                             pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_run_own_stage(pyr_run *run, pyr_stage *stage, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_run_own_sink(pyr_run *run, pyr_sink *sink, pyr_error *error);

/* A source and stages: a pipeline that has no sink yet. What it points to is the run's. */
typedef struct pyr_chain {
    pyr_morsel_source *source;
    int32_t stages_count, stages_capacity;
    pyr_stage **stages;
} pyr_chain;
void pyr_chain_deinit(pyr_chain *chain); /* zeroed: nothing */
/* Takes stage, on failure too. */
PYR_MUST_CHECK pyr_status pyr_chain_add(pyr_run *run, pyr_chain *chain, pyr_stage *stage,
                                        pyr_error *error);

/* build.c. Runs what must run before the node's rows can flow. */
PYR_MUST_CHECK pyr_status pyr_run_build(pyr_run *run, const pyr_node *node, pyr_chain *out,
                                        pyr_error *error);
/* The same where the first offset + limit rows are enough (limit -1: all): a SORT becomes a top-n.
 * Who asks still cuts. */
PYR_MUST_CHECK pyr_status pyr_run_build_limited(pyr_run *run, const pyr_node *node, int64_t offset,
                                                int64_t limit, pyr_chain *out, pyr_error *error);

/* A chain's batches, in order, in waves of morsels. */
typedef struct pyr_puller {
    pyr_run *run;
    pyr_chain chain;
    pyr_sink *sink; /* the run's */
    int64_t morsels, morsel, wave;
    int64_t offset, limit; /* left to do; limit -1: none */
    pyr_batch **batches;   /* of the last wave; from next on retained */
    size_t count, next;
} pyr_puller;
/* Takes chain's stages, on failure too. */
PYR_MUST_CHECK pyr_status pyr_puller_init(pyr_puller *puller, pyr_run *run, pyr_chain *chain,
                                          pyr_schema *schema, int64_t offset, int64_t limit,
                                          pyr_error *error);
void pyr_puller_deinit(pyr_puller *puller); /* zeroed: nothing */
/* *out NULL: the end. */
PYR_MUST_CHECK pyr_status pyr_puller_next(pyr_puller *puller, pyr_batch **out, pyr_error *error);

/* All batches of a chain, which is emptied; node: whose rows they are. */
PYR_MUST_CHECK pyr_status pyr_run_pull_all(pyr_run *run, pyr_chain *chain, const pyr_node *node,
                                           int64_t offset, int64_t limit, pyr_batch_list *out,
                                           pyr_error *error);
/* run_first.c. Runs plan's materialized nodes and subqueries, each after those that it needs. */
PYR_MUST_CHECK pyr_status pyr_run_first(pyr_run *run, pyr_error *error);
/* Columns as Arrow fields; a node's. */
PYR_MUST_CHECK pyr_status pyr_plan_columns_schema(const pyr_plan_column *columns,
                                                  int32_t columns_count, pyr_schema **out,
                                                  pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_node_schema(const pyr_node *node, pyr_schema **out, pyr_error *error);

#endif
