/* build.c - the nodes of a plan as chains of sources and stages; what ends in a sink runs at once.
 */
#include "exec/aggregate_sink.h"
#include "exec/exec_internal.h"
#include "exec/run_internal.h"
#include "exec/sort_key.h"
#include "exec/spill.h"

#include <stdlib.h>
#include <string.h>

/* Runs chain into sink, which becomes the run's (taken, on failure too). */
static pyr_status run_into(pyr_run *run, pyr_chain *chain, pyr_sink *sink, pyr_error *error) {
    pyr_status status = pyr_run_own_sink(run, sink, error);
    if (status == PYR_OK) {
        pyr_pipeline pipeline = {run->exec, chain->source, chain->stages_count, chain->stages,
                                 sink};
        status = pyr_pipeline_run(&pipeline, error);
    }
    pyr_chain_deinit(chain);
    return status;
}

static pyr_status begin_chain(pyr_run *run, pyr_morsel_source *source, pyr_chain *out,
                              pyr_error *error) {
    PYR_TRY(pyr_run_own_source(run, source, error));
    out->source = source;
    return PYR_OK;
}

static pyr_status begin_batches(pyr_run *run, int32_t node, pyr_batch_list *list, pyr_chain *out,
                                pyr_error *error) {
    pyr_morsel_source *source = NULL;
    PYR_TRY(pyr_batches_source_create(run->exec, node, list->items, list->count, &source, error));
    return begin_chain(run, source, out, error);
}

/* ---- Rows that are written in the statement. ---- */

static pyr_status one_row(pyr_run *run, const pyr_node *node, pyr_chain *out, pyr_error *error) {
    pyr_schema *schema = NULL;
    pyr_batch *batch = NULL;
    pyr_batch_list list = {0};
    pyr_status status = pyr_schema_create(NULL, 0, NULL, &schema, error);
    if (status == PYR_OK) {
        status = pyr_batch_create(schema, 1, NULL, 0, NULL, &batch, error);
    }
    if (status == PYR_OK) {
        status = pyr_batch_list_add(&list, batch, error);
    }
    if (status == PYR_OK) {
        status = begin_batches(run, node->id, &list, out, error);
    }
    pyr_batch_list_deinit(&list);
    pyr_schema_release(schema);
    return status;
}

/* Adds row after row: each a chunk of constants. */
static pyr_status add_rows(pyr_run *run, const pyr_node *node, pyr_batch_maker *maker,
                           pyr_batch_list *list, pyr_error *error) {
    int32_t columns = node->columns_count;
    pyr_vector *vectors = calloc((size_t)columns + 1, sizeof(*vectors));
    if (vectors == NULL) {
        return pyr_error_memory(error, (size_t)columns * sizeof(*vectors));
    }
    pyr_status status = PYR_OK;
    for (int32_t row = 0; row < node->as.values.rows && status == PYR_OK; ++row) {
        pyr_eval *eval = NULL;
        pyr_chunk empty = {.rows = 1, .selected = 1};
        pyr_chunk chunk = {.rows = 1, .selected = 1, .columns_count = columns, .columns = vectors};
        pyr_batch *full = NULL;
        status = pyr_eval_create(node->as.values.values + (size_t)row * (size_t)columns, columns,
                                 run->exec->scalars, run->exec->budget, &eval, error);
        if (status == PYR_OK) {
            status = pyr_eval_run(eval, &empty, vectors, error);
        }
        if (status == PYR_OK) {
            status = pyr_batch_maker_add(maker, &chunk, &full, error);
        }
        if (status == PYR_OK && full != NULL) {
            status = pyr_batch_list_add(list, full, error);
        }
        pyr_eval_destroy(eval);
    }
    free(vectors);
    return status;
}

static pyr_status values(pyr_run *run, const pyr_node *node, pyr_chain *out, pyr_error *error) {
    enum { BATCH_ROWS = 30 * PYR_VECTOR_ROWS };
    pyr_schema *schema = NULL;
    pyr_batch_maker *maker = NULL;
    pyr_batch_list list = {0};
    pyr_batch *last = NULL;
    pyr_status status = pyr_node_schema(node, &schema, error);
    if (status == PYR_OK) {
        status = pyr_batch_maker_create(schema, BATCH_ROWS, PYR_COPY_RESULT, run->exec->ledger,
                                        run->exec->budget, &maker, error);
    }
    if (status == PYR_OK) {
        status = add_rows(run, node, maker, &list, error);
    }
    if (status == PYR_OK) {
        status = pyr_batch_maker_finish(maker, &last, error);
    }
    if (status == PYR_OK && last != NULL) {
        status = pyr_batch_list_add(&list, last, error);
    }
    if (status == PYR_OK) {
        status = begin_batches(run, node->id, &list, out, error);
    }
    pyr_batch_list_deinit(&list);
    pyr_batch_maker_destroy(maker);
    pyr_schema_release(schema);
    return status;
}

/* ---- Nodes with one input. ---- */

static pyr_status filter(pyr_run *run, const pyr_node *node, pyr_chain *out, pyr_error *error) {
    pyr_stage *stage = NULL;
    PYR_TRY(pyr_run_build(run, node->input, out, error));
    PYR_TRY(pyr_filter_stage_create(run->exec, node, &stage, error));
    return pyr_chain_add(run, out, stage, error);
}

static pyr_status project(pyr_run *run, const pyr_node *node, pyr_chain *out, pyr_error *error) {
    pyr_stage *stage = NULL;
    PYR_TRY(pyr_project_stage_create(run->exec, node, &stage, error));
    return pyr_chain_add(run, out, stage, error);
}

/* Everything that takes all rows before it gives one. */
static pyr_status through_sink(pyr_run *run, const pyr_node *node, pyr_sink *sink,
                               pyr_status (*source_of)(pyr_sink *, pyr_morsel_source **,
                                                       pyr_error *),
                               pyr_chain *out, pyr_error *error) {
    pyr_chain input = {0};
    pyr_status status = pyr_run_build(run, node->input, &input, error);
    if (status != PYR_OK) {
        pyr_chain_deinit(&input);
        sink->ops->destroy(sink);
        return status;
    }
    PYR_TRY(run_into(run, &input, sink, error));
    pyr_morsel_source *source = NULL;
    PYR_TRY(source_of(sink, &source, error));
    return begin_chain(run, source, out, error);
}

/* COUNT(k) of SELECT DISTINCT k, which COUNT(DISTINCT k) is: the groups need only be counted. */
static bool counts_groups(const pyr_node *node) {
    const pyr_node *input = node->input;
    if (node->kind != PYR_NODE_AGGREGATE || node->as.aggregate.keys_count != 0 ||
        node->as.aggregate.aggregates_count != 1 || input->kind != PYR_NODE_AGGREGATE ||
        input->as.aggregate.keys_count != 1 || input->as.aggregate.aggregates_count != 0 ||
        input->as.aggregate.sets_count > 1 || input->as.aggregate.groups_max >= 0) {
        return false;
    }
    const pyr_aggregate *aggregate = &node->as.aggregate.aggregates[0];
    return aggregate->op == PYR_AGGREGATE_COUNT && aggregate->filter == NULL &&
           !aggregate->distinct && aggregate->arguments[0]->kind == PYR_BOUND_COLUMN;
}

/* One row of one number. */
static pyr_status number_row(pyr_run *run, const pyr_node *node, int64_t number, pyr_chain *out,
                             pyr_error *error) {
    pyr_schema *schema = NULL;
    pyr_batch_maker *maker = NULL;
    pyr_batch_list list = {0};
    pyr_batch *batch = NULL;
    pyr_vector vector = {.physical = PYR_PHYSICAL_I64, .constant = true, .data = &number};
    pyr_chunk chunk = {.rows = 1, .selected = 1, .columns_count = 1, .columns = &vector};
    pyr_status status = pyr_node_schema(node, &schema, error);
    if (status == PYR_OK) {
        status = pyr_batch_maker_create(schema, PYR_VECTOR_ROWS, PYR_COPY_RESULT, run->exec->ledger,
                                        run->exec->budget, &maker, error);
    }
    if (status == PYR_OK) {
        status = pyr_batch_maker_add(maker, &chunk, &batch, error);
    }
    if (status == PYR_OK && batch == NULL) {
        status = pyr_batch_maker_finish(maker, &batch, error);
    }
    if (status == PYR_OK) {
        status = pyr_batch_list_add(&list, batch, error);
    }
    if (status == PYR_OK) {
        status = begin_batches(run, node->id, &list, out, error);
    }
    pyr_batch_list_deinit(&list);
    pyr_batch_maker_destroy(maker);
    pyr_schema_release(schema);
    return status;
}

static pyr_status count_groups(pyr_run *run, const pyr_node *node, pyr_chain *out,
                               pyr_error *error) {
    pyr_sink *groups = NULL;
    pyr_sink *sink = NULL;
    pyr_chain keys = {0};
    PYR_TRY(pyr_aggregate_sink_create(run->exec, node->input, &groups, error));
    PYR_TRY(through_sink(run, node->input, groups, pyr_aggregate_source_create, &keys, error));
    int64_t count = pyr_aggregate_sink_count(groups);
    if (count >= 0) {
        pyr_chain_deinit(&keys);
        return number_row(run, node, count, out, error);
    }
    pyr_status status = pyr_aggregate_sink_create(run->exec, node, &sink, error);
    if (status != PYR_OK) {
        pyr_chain_deinit(&keys);
        return status;
    }
    PYR_TRY(run_into(run, &keys, sink, error));
    pyr_morsel_source *source = NULL;
    PYR_TRY(pyr_aggregate_source_create(sink, &source, error));
    return begin_chain(run, source, out, error);
}

static pyr_status aggregate(pyr_run *run, const pyr_node *node, pyr_chain *out, pyr_error *error) {
    pyr_sink *sink = NULL;
    if (counts_groups(node)) {
        return count_groups(run, node, out, error);
    }
    PYR_TRY(pyr_aggregate_sink_create(run->exec, node, &sink, error));
    return through_sink(run, node, sink, pyr_aggregate_source_create, out, error);
}

static pyr_status window(pyr_run *run, const pyr_node *node, pyr_chain *out, pyr_error *error) {
    pyr_sink *sink = NULL;
    PYR_TRY(pyr_window_sink_create(run->exec, node, &sink, error));
    return through_sink(run, node, sink, pyr_window_source_create, out, error);
}

/* Only filters and projections between: the chain's source is that node's. */
static pyr_node_kind comes_from(const pyr_node *node) {
    while (node->kind == PYR_NODE_FILTER || node->kind == PYR_NODE_PROJECT) {
        node = node->input;
    }
    return node->kind;
}

static pyr_status sort(pyr_run *run, const pyr_node *node, int64_t rows, pyr_chain *out,
                       pyr_error *error) {
    pyr_sink *sink = NULL;
    pyr_chain input = {0};
    pyr_source_order order;
    PYR_TRY(pyr_sort_sink_create(run->exec, node, rows, &sink, error));
    pyr_status status = pyr_run_build(run, node->input, &input, error);
    if (status != PYR_OK) {
        pyr_chain_deinit(&input);
        sink->ops->destroy(sink);
        return status;
    }
    pyr_node_kind from = comes_from(node->input);
    if (from == PYR_NODE_SCAN && pyr_sort_sink_order(sink, from, &order)) {
        pyr_scan_source_set_order(input.source, &order);
    } else if (from == PYR_NODE_AGGREGATE && pyr_sort_sink_order(sink, from, &order)) {
        pyr_aggregate_source_set_order(input.source, &order);
    }
    PYR_TRY(run_into(run, &input, sink, error));
    pyr_morsel_source *source = NULL;
    PYR_TRY(pyr_sort_source_create(sink, &source, error));
    return begin_chain(run, source, out, error);
}

/* A LIMIT inside of a query: its rows in memory. */
static pyr_status limit(pyr_run *run, const pyr_node *node, pyr_chain *out, pyr_error *error) {
    pyr_chain input = {0};
    pyr_batch_list list = {0};
    int64_t rows = node->as.limit.limit;
    pyr_status status =
        pyr_run_build_limited(run, node->input, node->as.limit.offset, rows, &input, error);
    if (status == PYR_OK) {
        status = pyr_run_pull_all(run, &input, node, node->as.limit.offset, rows, &list, error);
    }
    if (status == PYR_OK) {
        status = begin_batches(run, node->id, &list, out, error);
    }
    pyr_chain_deinit(&input);
    pyr_batch_list_deinit(&list);
    return status;
}

/* ---- Nodes with several. ---- */

static pyr_status union_all(pyr_run *run, const pyr_node *node, pyr_chain *out, pyr_error *error) {
    pyr_batch_list list = {0};
    pyr_status status = PYR_OK;
    for (int32_t i = 0; i < node->as.union_all.count && status == PYR_OK; ++i) {
        pyr_chain input = {0};
        status = pyr_run_build(run, node->as.union_all.inputs[i], &input, error);
        if (status == PYR_OK) {
            status = pyr_run_pull_all(run, &input, node, 0, -1, &list, error);
        }
        pyr_chain_deinit(&input);
    }
    if (status == PYR_OK) {
        status = begin_batches(run, node->id, &list, out, error);
    }
    pyr_batch_list_deinit(&list);
    return status;
}

/* FULL: what the build side has that nobody asked for comes behind the probe side's rows. */
static pyr_status add_rest(pyr_run *run, const pyr_node *node, pyr_sink *sink, pyr_chain *out,
                           pyr_error *error) {
    pyr_batch_list list = {0};
    pyr_morsel_source *source = NULL;
    pyr_chain rest = {0};
    pyr_status status = pyr_run_pull_all(run, out, node, 0, -1, &list, error);
    if (status == PYR_OK) {
        status = pyr_join_rest_source_create(sink, &source, error);
    }
    if (status == PYR_OK) {
        status = begin_chain(run, source, &rest, error);
    }
    if (status == PYR_OK) {
        status = pyr_run_pull_all(run, &rest, node, 0, -1, &list, error);
    }
    if (status == PYR_OK) { /* both have been counted as the join's */
        status = begin_batches(run, -1, &list, out, error);
    }
    pyr_chain_deinit(&rest);
    pyr_batch_list_deinit(&list);
    return status;
}

static pyr_status join(pyr_run *run, const pyr_node *node, pyr_chain *out, pyr_error *error) {
    pyr_chain build = {0};
    pyr_sink *sink = NULL;
    pyr_stage *stage = NULL;
    pyr_status status = pyr_run_build(run, node->right, &build, error);
    if (status == PYR_OK) {
        status = pyr_join_sink_create(run->exec, node, &sink, error);
    }
    if (status == PYR_OK) {
        status = run_into(run, &build, sink, error);
    }
    pyr_chain_deinit(&build);
    PYR_TRY(status);
    PYR_TRY(pyr_run_build(run, node->input, out, error));
    PYR_TRY(pyr_join_stage_create(run->exec, node, sink, &stage, error));
    PYR_TRY(pyr_chain_add(run, out, stage, error));
    return node->as.join.type == PYR_JOIN_TYPE_FULL ? add_rest(run, node, sink, out, error)
                                                    : PYR_OK;
}

pyr_status pyr_run_build(pyr_run *run, const pyr_node *node, pyr_chain *out, pyr_error *error) {
    pyr_morsel_source *source = NULL;
    switch (node->kind) {
    case PYR_NODE_ONE_ROW:
        return one_row(run, node, out, error);
    case PYR_NODE_VALUES:
        return values(run, node, out, error);
    case PYR_NODE_SCAN:
        PYR_TRY(pyr_scan_source_create(run->exec, node, &source, error));
        return begin_chain(run, source, out, error);
    case PYR_NODE_MATERIALIZED:
        return begin_batches(run, node->id, &run->materialized[node->as.materialized.index], out,
                             error);
    case PYR_NODE_FILTER:
        return filter(run, node, out, error);
    case PYR_NODE_PROJECT:
        PYR_TRY(pyr_run_build(run, node->input, out, error));
        return project(run, node, out, error);
    case PYR_NODE_AGGREGATE:
    case PYR_NODE_DISTINCT:
        return aggregate(run, node, out, error);
    case PYR_NODE_SORT:
        return sort(run, node, -1, out, error);
    case PYR_NODE_WINDOW:
        return window(run, node, out, error);
    case PYR_NODE_LIMIT:
        return limit(run, node, out, error);
    case PYR_NODE_UNION_ALL:
        return union_all(run, node, out, error);
    case PYR_NODE_JOIN:
        return join(run, node, out, error);
    }
    return pyr_error_set(error, PYR_ERROR_INTERNAL, "plan node of kind %d", (int)node->kind);
}

/* A top-n keeps a few times its rows a worker and writes none to files, as a whole sort can. */
static bool top_fits(const pyr_run *run, const pyr_node *sort, int64_t rows) {
    enum { TIMES = 4, KEY_BYTES = 64, VALUE_BYTES = 16 };
    static const double share = 0.5; /* of the memory limit */
    int64_t bytes = (int64_t)TIMES * run->exec->workers *
                    (KEY_BYTES + (int64_t)VALUE_BYTES * sort->columns_count);
    bytes = rows > INT64_MAX / bytes ? INT64_MAX : rows * bytes;
    return !pyr_spill_wanted(run->exec, (size_t)bytes, share);
}

pyr_status pyr_run_build_limited(pyr_run *run, const pyr_node *node, int64_t offset, int64_t limit,
                                 pyr_chain *out, pyr_error *error) {
    /* A projection gives a row for each: the limit holds below it, too. */
    if (node->kind == PYR_NODE_PROJECT) {
        PYR_TRY(pyr_run_build_limited(run, node->input, offset, limit, out, error));
        return project(run, node, out, error);
    }
    if (node->kind == PYR_NODE_SORT && limit >= 0 && offset <= INT64_MAX - limit &&
        top_fits(run, node, offset + limit)) {
        return sort(run, node, offset + limit, out, error);
    }
    return pyr_run_build(run, node, out, error);
}
