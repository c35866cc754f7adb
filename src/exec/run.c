/* run.c - a plan executed: pipelines built from the leaves up, run as soon as they end in a sink.
 *
 * What cannot stream (groups, sorts, build sides, limits inside of a query) runs while the chain
 * above it is built; the last chain is the stream's, which runs it in waves of morsels, so that
 * memory stays bounded whatever the result's size, and rows keep their source's order.
 */
#include "exec/exec_internal.h"
#include "exec/run_internal.h"
#include "exec/spill.h"

#include <stdlib.h>
#include <string.h>

/* ---- What an execution owns. ---- */

static pyr_status grow(void **items, size_t count, size_t *capacity, size_t size,
                       pyr_error *error) {
    if (count < *capacity) {
        return PYR_OK;
    }
    size_t larger = *capacity == 0 ? 16 : 2 * *capacity;
    void *grown = realloc(*items, larger * size);
    if (grown == NULL) {
        return pyr_error_memory(error, larger * size);
    }
    *items = grown;
    *capacity = larger;
    return PYR_OK;
}

static pyr_status own(pyr_run *run, void *object, void (*destroy)(void *), pyr_error *error) {
    void *items = run->owned;
    pyr_status status =
        grow(&items, run->owned_count, &run->owned_capacity, sizeof(*run->owned), error);
    run->owned = items;
    if (status != PYR_OK) {
        destroy(object);
        return status;
    }
    run->owned[run->owned_count++] = (pyr_owned){object, destroy};
    return PYR_OK;
}

static void destroy_source(void *object) {
    pyr_morsel_source *source = object;
    source->ops->destroy(source);
}
static void destroy_stage(void *object) {
    pyr_stage *stage = object;
    stage->ops->destroy(stage);
}
static void destroy_sink(void *object) {
    pyr_sink *sink = object;
    sink->ops->destroy(sink);
}

pyr_status pyr_run_own_source(pyr_run *run, pyr_morsel_source *source, pyr_error *error) {
    return own(run, source, destroy_source, error);
}
pyr_status pyr_run_own_stage(pyr_run *run, pyr_stage *stage, pyr_error *error) {
    return own(run, stage, destroy_stage, error);
}
pyr_status pyr_run_own_sink(pyr_run *run, pyr_sink *sink, pyr_error *error) {
    return own(run, sink, destroy_sink, error);
}

void pyr_chain_deinit(pyr_chain *chain) {
    free(chain->stages);
    memset(chain, 0, sizeof(*chain));
}

pyr_status pyr_chain_add(pyr_run *run, pyr_chain *chain, pyr_stage *stage, pyr_error *error) {
    PYR_TRY(pyr_run_own_stage(run, stage, error));
    void *items = chain->stages;
    size_t capacity = (size_t)chain->stages_capacity;
    pyr_status status =
        grow(&items, (size_t)chain->stages_count, &capacity, sizeof(pyr_stage *), error);
    chain->stages = items;
    chain->stages_capacity = (int32_t)capacity;
    if (status == PYR_OK) {
        chain->stages[chain->stages_count++] = stage;
    }
    return status;
}

/* Of the memory limit: beyond it few morsels are collected at a time. */
static const double WAVE_SHARE = 0.25;

/* ---- Puller: a chain's batches, in order, some at a time. ---- */

static pyr_pipeline pipeline_of(pyr_run *run, const pyr_chain *chain, pyr_sink *sink) {
    return (pyr_pipeline){run->exec, chain->source, chain->stages_count, chain->stages, sink};
}

static void release_waiting(pyr_puller *self) {
    for (size_t i = self->next; i < self->count; ++i) {
        pyr_batch_release(self->batches[i]);
    }
    free(self->batches);
    self->batches = NULL;
    self->count = 0;
    self->next = 0;
}

void pyr_puller_deinit(pyr_puller *self) {
    release_waiting(self);
    pyr_chain_deinit(&self->chain);
    memset(self, 0, sizeof(*self));
}

pyr_status pyr_puller_init(pyr_puller *self, pyr_run *run, pyr_chain *chain, pyr_schema *schema,
                           int64_t offset, int64_t limit, pyr_error *error) {
    *self = (pyr_puller){.run = run, .chain = *chain, .offset = offset, .limit = limit};
    memset(chain, 0, sizeof(*chain));
    pyr_status status =
        pyr_collect_sink_create(run->exec, schema, PYR_COPY_RESULT, &self->sink, error);
    if (status == PYR_OK) {
        status = pyr_run_own_sink(run, self->sink, error);
    }
    if (status == PYR_OK) {
        pyr_pipeline pipeline = pipeline_of(run, &self->chain, self->sink);
        status = pyr_pipeline_start(&pipeline, &self->morsels, error);
    }
    self->wave = run->exec->workers;
    if (status != PYR_OK) {
        pyr_puller_deinit(self);
    }
    return status;
}

/* The next morsels, more of them each time: a LIMIT should not cost a scan, and a scan not a wave a
 * morsel. What is collected before it goes out is bounded: many morsels are begun only where few
 * rows come of them. */
static pyr_status run_wave(pyr_puller *self, pyr_error *error) {
    enum { WAVE_PER_WORKER_MAX = 512, ROWS_PER_WORKER = 8 * 30 * PYR_VECTOR_ROWS };
    int64_t workers = self->run->exec->workers;
    int64_t most = WAVE_PER_WORKER_MAX * workers;
    int64_t rows = ROWS_PER_WORKER * workers;
    if (pyr_spill_wanted(self->run->exec, 0, WAVE_SHARE)) {
        most = workers;
        rows = 1;
    }
    self->wave = self->wave < most ? self->wave : most;
    int64_t end = self->morsel + self->wave;
    end = end < self->morsels ? end : self->morsels;
    release_waiting(self);
    pyr_pipeline pipeline = pipeline_of(self->run, &self->chain, self->sink);
    if (self->limit >= 0 && self->offset < rows && self->limit < rows - self->offset) {
        rows = self->offset + self->limit;
    }
    pyr_collect_sink_set_full(self->sink, rows);
    PYR_TRY(pyr_pipeline_run_range(&pipeline, self->morsel, &end, error));
    self->morsel = end;
    self->wave *= 2;
    pyr_collect_sink_take(self->sink, &self->batches, &self->count);
    return PYR_OK;
}

/* What LIMIT and OFFSET leave of a batch, which is taken; NULL: nothing. */
static pyr_status cut(pyr_puller *self, pyr_batch *batch, pyr_batch **out, pyr_error *error) {
    int64_t rows = pyr_batch_selected(batch);
    int64_t first = self->offset < rows ? self->offset : rows;
    int64_t count = rows - first;
    self->offset -= first;
    if (self->limit >= 0) {
        count = count < self->limit ? count : self->limit;
        self->limit -= count;
    }
    *out = NULL;
    if (count == rows) {
        *out = batch;
        return PYR_OK;
    }
    pyr_status status = PYR_OK;
    if (count > 0) {
        status = pyr_batch_slice(batch, first, count, out, error);
    }
    pyr_batch_release(batch);
    return status;
}

pyr_status pyr_puller_next(pyr_puller *self, pyr_batch **out, pyr_error *error) {
    *out = NULL;
    while (*out == NULL && self->limit != 0) {
        if (self->next < self->count) {
            PYR_TRY(cut(self, self->batches[self->next++], out, error));
        } else if (self->morsel < self->morsels) {
            PYR_TRY(run_wave(self, error));
        } else {
            return PYR_OK;
        }
    }
    return PYR_OK;
}

/* ---- Whole results in memory. ---- */

void pyr_batch_list_deinit(pyr_batch_list *list) {
    for (size_t i = 0; i < list->count; ++i) {
        pyr_batch_release(list->items[i]);
    }
    free(list->items);
    memset(list, 0, sizeof(*list));
}

pyr_status pyr_batch_list_add(pyr_batch_list *list, pyr_batch *batch, pyr_error *error) {
    void *items = list->items;
    pyr_status status = grow(&items, list->count, &list->capacity, sizeof(pyr_batch *), error);
    list->items = items;
    if (status != PYR_OK) {
        pyr_batch_release(batch);
        return status;
    }
    list->items[list->count++] = batch;
    return PYR_OK;
}

pyr_status pyr_run_pull_all(pyr_run *run, pyr_chain *chain, const pyr_node *node, int64_t offset,
                            int64_t limit, pyr_batch_list *out, pyr_error *error) {
    pyr_schema *schema = NULL;
    pyr_status status = pyr_node_schema(node, &schema, error);
    pyr_puller puller = {0};
    if (status == PYR_OK) {
        status = pyr_puller_init(&puller, run, chain, schema, offset, limit, error);
    }
    while (status == PYR_OK) {
        pyr_batch *batch = NULL;
        status = pyr_puller_next(&puller, &batch, error);
        if (batch == NULL) {
            break;
        }
        status = pyr_batch_list_add(out, batch, error);
    }
    pyr_puller_deinit(&puller);
    pyr_chain_deinit(chain);
    pyr_schema_release(schema);
    return status;
}

pyr_status pyr_plan_columns_schema(const pyr_plan_column *columns, int32_t columns_count,
                                   pyr_schema **out, pyr_error *error) {
    size_t count = (size_t)columns_count;
    pyr_field **fields = calloc(count + 1, sizeof(pyr_field *));
    *out = NULL;
    if (fields == NULL) {
        return pyr_error_memory(error, count * sizeof(pyr_field *));
    }
    pyr_status status = PYR_OK;
    for (size_t i = 0; i < count && status == PYR_OK; ++i) {
        status = pyr_sql_type_field(columns[i].type, columns[i].name, &fields[i], error);
    }
    if (status == PYR_OK) {
        status = pyr_schema_create(fields, columns_count, NULL, out, error);
    }
    for (size_t i = 0; i < count; ++i) {
        pyr_field_release(fields[i]);
    }
    free(fields);
    return status;
}

pyr_status pyr_node_schema(const pyr_node *node, pyr_schema **out, pyr_error *error) {
    return pyr_plan_columns_schema(node->columns, node->columns_count, out, error);
}

/* ---- The stream. ---- */

typedef struct exec_stream {
    pyr_stream stream;
    pyr_run run;
    pyr_puller puller;
} exec_stream;

static void run_deinit(pyr_run *run) {
    for (size_t i = run->owned_count; i > 0; --i) {
        run->owned[i - 1].destroy(run->owned[i - 1].object);
    }
    free(run->owned);
    for (int32_t i = 0; run->materialized != NULL && i < run->plan->materialized_count; ++i) {
        pyr_batch_list_deinit(&run->materialized[i]);
    }
    free(run->materialized);
    pyr_batch_list_deinit(&run->kept);
    pyr_exec_destroy(run->exec);
}

static void stream_destroy(pyr_stream *stream) {
    exec_stream *self = (exec_stream *)stream;
    pyr_puller_deinit(&self->puller);
    run_deinit(&self->run);
    pyr_schema_release(stream->schema);
    free(self);
}

/* The root's LIMIT is no part of a pipeline: its rows are those that go out. */
static void count_limited(const exec_stream *self, const pyr_batch *batch) {
    const pyr_node *root = self->run.plan->root;
    if (self->run.exec->metrics != NULL && root->kind == PYR_NODE_LIMIT && batch != NULL) {
        self->run.exec->metrics[root->id].rows += pyr_batch_selected(batch);
    }
}

static pyr_status stream_next(pyr_stream *stream, pyr_batch **out, pyr_error *error) {
    exec_stream *self = (exec_stream *)stream;
    PYR_TRY(pyr_cancel_flag_check(self->run.exec->cancel, error));
    PYR_TRY(pyr_puller_next(&self->puller, out, error));
    count_limited(self, *out);
    pyr_status status = pyr_cancel_flag_check(self->run.exec->cancel, error);
    if (status != PYR_OK) {
        pyr_batch_release(*out);
        *out = NULL;
    }
    return status;
}

static const pyr_stream_ops stream_ops = {stream_next, stream_destroy};

/* The last chain, and the LIMIT that may stand above it. */
static pyr_status build_root(exec_stream *self, pyr_error *error) {
    const pyr_node *root = self->run.plan->root;
    int64_t offset = 0;
    int64_t limit = -1;
    pyr_chain chain = {0};
    pyr_status status;
    if (root->kind == PYR_NODE_LIMIT) {
        offset = root->as.limit.offset;
        limit = root->as.limit.limit;
        status = pyr_run_build_limited(&self->run, root->input, offset, limit, &chain, error);
    } else {
        status = pyr_run_build(&self->run, root, &chain, error);
    }
    if (status == PYR_OK) {
        status = pyr_puller_init(&self->puller, &self->run, &chain, self->stream.schema, offset,
                                 limit, error);
    }
    pyr_chain_deinit(&chain);
    return status;
}

static pyr_status stream_start(exec_stream *self, pyr_error *error) {
    size_t count = (size_t)self->run.plan->materialized_count;
    self->run.materialized = calloc(count + 1, sizeof(*self->run.materialized));
    if (self->run.materialized == NULL) {
        return pyr_error_memory(error, count * sizeof(*self->run.materialized));
    }
    PYR_TRY(pyr_run_first(&self->run, error));
    return build_root(self, error);
}

pyr_status pyr_exec_run(const pyr_plan *plan, pyr_exec *exec, pyr_stream **out, pyr_error *error) {
    *out = NULL;
    exec_stream *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        pyr_exec_destroy(exec);
        return pyr_error_memory(error, sizeof(*self));
    }
    self->stream.ops = &stream_ops;
    self->stream.schema = pyr_schema_retain(plan->schema);
    self->run.plan = plan;
    self->run.exec = exec;
    pyr_status status = stream_start(self, error);
    if (status != PYR_OK) {
        stream_destroy(&self->stream);
        return status;
    }
    *out = &self->stream;
    return PYR_OK;
}

pyr_status pyr_exec_create(const pyr_plan *plan, const pyr_exec *settings, pyr_exec **out,
                           pyr_error *error) {
    size_t subqueries = (size_t)plan->subqueries_count;
    pyr_exec *self = calloc(1, sizeof(*self));
    pyr_scalar *scalars = calloc(subqueries + 1, sizeof(*scalars));
    *out = NULL;
    if (self == NULL || scalars == NULL) {
        free(self);
        free(scalars);
        return pyr_error_memory(error, subqueries * sizeof(*scalars));
    }
    *self = *settings;
    self->budget = pyr_budget_retain(settings->budget);
    self->scalars = scalars;
    *out = self;
    return PYR_OK;
}

void pyr_exec_destroy(pyr_exec *exec) {
    if (exec == NULL) {
        return;
    }
    pyr_budget_release(exec->budget);
    free(exec->scalars);
    if (exec->release != NULL) {
        exec->release(exec->owner);
    }
    free(exec);
}
