/* analytic.c - whole queries by the vectorized engine: tree, plan, pipelines. */
#include "base/clock.h"
#include "base/text.h"
#include "engines/native/native_internal.h"
#include "engines/needed.h"
#include "exec/pipeline.h"
#include "plan/bind.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Shared by a prepared query and its streams. */
struct pyr_native_query {
    atomic_size_t references;
    pyr_plan plan;
    pyr_node_metrics *metrics; /* EXPLAIN ANALYZE; NULL else */
};

static void query_release(void *object) {
    pyr_native_query *self = object;
    if (self != NULL && atomic_fetch_sub(&self->references, 1) == 1) {
        pyr_plan_deinit(&self->plan);
        free(self->metrics);
        free(self);
    }
}

void pyr_native_query_release(pyr_native_query *query) {
    query_release(query);
}

pyr_schema *pyr_native_query_schema(const pyr_native_query *query) {
    return query->plan.schema;
}

static pyr_status find_table(void *context, const pyr_from *from, pyr_table **out,
                             pyr_error *error) {
    return pyr_native_find_table(context, from, out, error);
}

static pyr_status bind(const pyr_engine_query *query, const pyr_tree *tree, pyr_plan *plan,
                       pyr_error *error) {
    pyr_bind_input input = {.tree = tree,
                            .snapshot = query->snapshot,
                            .schema_name = query->schema_name,
                            .params = query->params,
                            .time_unit = query->time_unit,
                            .now_us = pyr_clock_wall_us(),
                            .find_table = find_table,
                            .context = (void *)(uintptr_t)query,
                            .budget = query->budget};
    PYR_TRY(pyr_plan_bind(&input, plan, error));
    PYR_TRY(pyr_plan_optimize(plan, error));
    return pyr_exec_check(plan, error);
}

/* Views and macros are the other engine's, whatever else has their names here. */
static pyr_status check_objects(const pyr_engine_query *query, pyr_error *error) {
    pyr_needed needed;
    if (query->snapshot == NULL || pyr_entries_count(pyr_snapshot_entries(query->snapshot)) == 0) {
        return PYR_OK;
    }
    PYR_TRY(pyr_needed_find(query->snapshot, query->schema_name, query->sql, query->length, NULL,
                            &needed, error));
    pyr_status status = PYR_OK;
    for (size_t i = 0; i < needed.objects_count && status == PYR_OK; ++i) {
        if (needed.objects[i]->kind != PYR_ENTRY_SCHEMA) {
            status = pyr_native_not_covered(error, 0, "the view, macro or other object \"%s\"",
                                            needed.objects[i]->name);
        }
    }
    pyr_needed_deinit(&needed);
    return status;
}

static pyr_status check_covered(const pyr_engine_query *query, const pyr_tree *tree,
                                pyr_error *error) {
    int changed = pyr_dialect_not_native(query->dialect);
    if (changed >= 0) {
        return pyr_native_not_covered(error, 0, "SET %s", pyr_dialect_setting_at(changed)->name);
    }
    if (query->define != NULL) {
        return pyr_native_not_covered(error, 0, "a definition");
    }
    if (tree->root == NULL) {
        return pyr_native_not_covered(error, tree->not_covered_offset, "%s",
                                      tree->not_covered != NULL ? tree->not_covered : "this query");
    }
    return check_objects(query, error);
}

pyr_status pyr_native_query_create(const pyr_engine_query *query, pyr_native_query **out,
                                   pyr_error *error) {
    pyr_arena arena;
    pyr_tree tree = {0};
    *out = NULL;
    pyr_native_query *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    atomic_init(&self->references, 1);
    pyr_arena_init(&arena, query->budget);
    pyr_status status = pyr_tree_parse(query->sql, query->length, &arena, &tree, error);
    if (status == PYR_OK) {
        status = check_covered(query, &tree, error);
    }
    if (status == PYR_OK) {
        status = bind(query, &tree, &self->plan, error);
    }
    pyr_tree_deinit(&tree);
    pyr_arena_deinit(&arena);
    if (status != PYR_OK) {
        query_release(self);
        return status;
    }
    *out = self;
    return PYR_OK;
}

pyr_status pyr_native_query_execute(pyr_native_query *self, const pyr_engine_query *query,
                                    pyr_stream **out, pyr_error *error) {
    pyr_exec settings = {.ledger = query->ledger,
                         .budget = query->budget,
                         .cancel = query->cancel,
                         .pool = query->pool,
                         .workers = query->threads > 0 ? query->threads : 1,
                         .temp_folder = query->temp_folder,
                         .morsel_rows = query->morsel_rows,
                         .all_batches = query->all_batches,
                         .owner = self,
                         .release = query_release};
    pyr_exec *exec = NULL;
    *out = NULL;
    if (query->profile && self->metrics == NULL) {
        size_t nodes = (size_t)self->plan.nodes_count;
        self->metrics = calloc(nodes + 1, sizeof(*self->metrics));
        if (self->metrics == NULL) {
            return pyr_error_memory(error, nodes * sizeof(*self->metrics));
        }
    }
    settings.metrics = self->metrics;
    PYR_TRY(pyr_exec_create(&self->plan, &settings, &exec, error));
    atomic_fetch_add(&self->references, 1);
    return pyr_exec_run(&self->plan, exec, out, error);
}

/* ---- EXPLAIN. ---- */

static void annotate(void *context, const pyr_node *node, pyr_text *out) {
    const pyr_node_metrics *of = &((const pyr_node_metrics *)context)[node->id];
    pyr_text_printf(out, " [%" PRId64 " rows, %.3f ms", of->rows, (double)of->time_ns / 1e6);
    if (of->batches + of->batches_skipped > 0) {
        pyr_text_printf(out, ", batches %" PRId64 "/%" PRId64, of->batches,
                        of->batches + of->batches_skipped);
    }
    if (of->memory_bytes > 0) {
        pyr_text_printf(out, ", %.1f MB", (double)of->memory_bytes / 1e6);
    }
    if (of->spilled_bytes > 0) {
        pyr_text_printf(out, ", spilled %.1f MB", (double)of->spilled_bytes / 1e6);
    }
    if (of->detail[0] != '\0') {
        pyr_text_printf(out, ", %s", of->detail);
    }
    pyr_text_add_char(out, ']');
}

/* Before a run: what zone maps leave. */
static void annotate_scan(void *context, const pyr_node *node, pyr_text *out) {
    int64_t kept = 0;
    int64_t all = 0;
    (void)context;
    if (node->kind == PYR_NODE_SCAN && node->as.scan.filters_count > 0 &&
        pyr_scan_batches(node, &kept, &all, NULL) == PYR_OK && all > 0) {
        pyr_text_printf(out, " [%s: batches %" PRId64 "/%" PRId64 "]", node->as.scan.table->name,
                        kept, all);
    }
}

void pyr_native_query_explain(const pyr_native_query *query, pyr_text *out) {
    pyr_plan_print(&query->plan, query->metrics != NULL ? annotate : annotate_scan, query->metrics,
                   out);
}
