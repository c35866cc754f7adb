/* sort.c - SORT and top-n (sort_top.c) as a sink.
 *
 * A worker keeps the rows' columns in batches and for each row a key; its keys are sorted when it
 * combines, and merged in finish.
 */
#include "exec/aggregate_internal.h"
#include "exec/run_internal.h"
#include "exec/sort_internal.h"

#include <stdlib.h>
#include <string.h>

/* Of the memory limit: beyond it a worker that has so many rows writes them to a file. */
static const double SPILL_SHARE = 0.5, MERGE_SHARE = 0.9;
enum { FILE_ROWS_MIN = 2 * PYR_VECTOR_ROWS };
enum { BATCH_ROWS = 30 * PYR_VECTOR_ROWS };

/* ---- Runs. ---- */

void pyr_sort_run_init(pyr_sort_run *run, pyr_budget *budget) {
    memset(run, 0, sizeof(*run));
    run->budget = budget;
    pyr_arena_init(&run->arena, budget);
}

/* Keys alone are counted: batches' buffers count themselves. */
static void free_keys(pyr_sort_run *run) {
    if (run->mapped_bytes > 0) {
        pyr_spill_unmap(run->keys, run->mapped_bytes);
    } else {
        free(run->keys);
        if (run->budget != NULL) {
            pyr_budget_give(run->budget, (size_t)run->capacity * sizeof(*run->keys));
        }
    }
    run->keys = NULL;
    run->mapped_bytes = 0;
    run->capacity = 0;
    run->count = 0;
}

void pyr_sort_run_deinit(pyr_sort_run *run) {
    for (size_t i = 0; i < run->batches_count; ++i) {
        pyr_batch_release(run->batches[i]);
    }
    free(run->batches);
    free_keys(run);
    pyr_arena_deinit(&run->arena);
    memset(run, 0, sizeof(*run));
}

static pyr_status grow(void **items, int64_t wanted, int64_t *capacity, size_t size,
                       pyr_error *error) {
    if (wanted <= *capacity) {
        return PYR_OK;
    }
    int64_t larger = 2 * *capacity > wanted ? 2 * *capacity : wanted + PYR_VECTOR_ROWS;
    void *grown = realloc(*items, (size_t)larger * size);
    if (grown == NULL) {
        return pyr_error_memory(error, (size_t)larger * size);
    }
    *items = grown;
    *capacity = larger;
    return PYR_OK;
}

pyr_status pyr_sort_reserve_keys(pyr_sort_run *run, int64_t more, pyr_error *error) {
    void *items = run->keys;
    int64_t capacity = run->capacity;
    if (run->count + more <= capacity) {
        return PYR_OK;
    }
    /* What grow will take. */
    int64_t wanted = run->count + more;
    int64_t larger = 2 * capacity > wanted ? 2 * capacity : wanted + PYR_VECTOR_ROWS;
    size_t bytes = (size_t)(larger - capacity) * sizeof(*run->keys);
    if (run->budget != NULL && !pyr_budget_take(run->budget, bytes)) {
        return pyr_error_set(error, PYR_ERROR_MEMORY, "keys of %lld rows pass the memory limit",
                             (long long)wanted);
    }
    pyr_status status = grow(&items, wanted, &run->capacity, sizeof(*run->keys), error);
    if (status != PYR_OK && run->budget != NULL) {
        pyr_budget_give(run->budget, bytes);
    }
    run->keys = items;
    return status;
}

pyr_status pyr_sort_run_add_batch(pyr_sort_run *run, pyr_batch *batch, pyr_error *error) {
    void *items = run->batches;
    int64_t capacity = (int64_t)run->batches_capacity;
    pyr_status status =
        grow(&items, (int64_t)run->batches_count + 1, &capacity, sizeof(pyr_batch *), error);
    run->batches = items;
    run->batches_capacity = (size_t)capacity;
    if (status != PYR_OK) {
        pyr_batch_release(batch);
        return status;
    }
    run->batches[run->batches_count++] = batch;
    return PYR_OK;
}

/* ---- A worker. ---- */

static void worker_destroy(pyr_sink *sink, void *state) {
    pyr_sort_state *self = state;
    (void)sink;
    pyr_sort_run_deinit(&self->run);
    pyr_sort_file_deinit(&self->file);
    pyr_arena_deinit(&self->chunk_keys);
    pyr_batch_maker_destroy(self->maker);
    pyr_eval_destroy(self->eval);
    free(self->vectors);
    free(self->keys);
    free(self);
}

pyr_status pyr_sort_maker_create(const pyr_sort_sink *of, pyr_batch_maker **out, pyr_error *error) {
    return pyr_batch_maker_create(of->schema, BATCH_ROWS, PYR_COPY_SORT, of->exec->ledger,
                                  of->exec->budget, out, error);
}

static pyr_status worker_create(pyr_sink *sink, unsigned worker, void **state, pyr_error *error) {
    const pyr_sort_sink *of = (const pyr_sort_sink *)sink;
    pyr_sort_state *self = calloc(1, sizeof(*self));
    (void)worker;
    *state = self;
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    pyr_sort_run_init(&self->run, of->exec->budget);
    pyr_arena_init(&self->chunk_keys, of->exec->budget);
    self->vectors = calloc((size_t)of->columns_count + 1, sizeof(*self->vectors));
    self->keys = calloc(PYR_VECTOR_ROWS, sizeof(*self->keys));
    if (self->vectors == NULL || self->keys == NULL) {
        return pyr_error_memory(error, PYR_VECTOR_ROWS * sizeof(*self->keys));
    }
    PYR_TRY(pyr_sort_maker_create(of, &self->maker, error));
    return pyr_eval_create(of->expressions, of->columns_count, of->exec->scalars, of->exec->budget,
                           &self->eval, error);
}

/* Adds a chunk's rows to the maker; where they stand is known before: the maker begins a batch only
 * where it gives one. */
pyr_status pyr_sort_keep_rows(pyr_sort_state *self, pyr_chunk *chunk, const pyr_row_key *keys,
                              pyr_error *error) {
    pyr_batch *full = NULL;
    PYR_TRY(pyr_sort_reserve_keys(&self->run, chunk->selected, error));
    PYR_TRY(pyr_batch_maker_add(self->maker, chunk, &full, error));
    if (full != NULL) {
        PYR_TRY(pyr_sort_run_add_batch(&self->run, full, error));
        self->made = 0;
    }
    for (int32_t i = 0; i < chunk->selected; ++i) {
        pyr_row_key key = keys[i];
        key.batch = (uint32_t)self->run.batches_count;
        key.row = self->made++;
        self->run.keys[self->run.count++] = key;
    }
    return PYR_OK;
}

pyr_status pyr_sort_end_batch(pyr_sort_state *self, pyr_error *error) {
    pyr_batch *last = NULL;
    PYR_TRY(pyr_batch_maker_finish(self->maker, &last, error));
    self->made = 0;
    return last != NULL ? pyr_sort_run_add_batch(&self->run, last, error) : PYR_OK;
}

/* ---- Beyond the memory limit. ---- */

/* All that a worker has goes to its file. */
static pyr_status write_out(const pyr_sort_sink *of, pyr_sort_state *self, pyr_error *error) {
    PYR_TRY(pyr_sort_end_batch(self, error));
    pyr_row_keys_sort(self->run.keys, self->run.count);
    return pyr_sort_run_write(of, &self->run, &self->file, error);
}

static pyr_status keep_all(const pyr_sort_sink *of, pyr_sort_state *self, pyr_chunk *chunk,
                           pyr_error *error) {
    PYR_TRY(pyr_sort_keep_rows(self, chunk, self->keys, error));
    return self->run.count >= FILE_ROWS_MIN && pyr_spill_wanted(of->exec, 0, SPILL_SHARE)
               ? write_out(of, self, error)
               : PYR_OK;
}

static pyr_status consume(pyr_sink *sink, void *state, int64_t morsel, pyr_chunk *chunk,
                          pyr_error *error) {
    uint64_t within[PYR_VECTOR_WORDS];
    pyr_sort_sink *of = (pyr_sort_sink *)sink;
    pyr_sort_state *self = state;
    uint16_t room[PYR_VECTOR_ROWS + 16];
    (void)morsel;
    if (of->limit == 0) {
        return PYR_OK;
    }
    PYR_TRY(pyr_eval_run(self->eval, chunk, self->vectors, error));
    if (of->limit > 0) {
        pyr_sort_top_leave_out(of, self, chunk, within);
        if (chunk->selected == 0) {
            return PYR_OK;
        }
    }
    const uint16_t *rows = chunk->selected < chunk->rows ? pyr_chunk_rows(chunk, room) : NULL;
    pyr_arena *arena = of->limit > 0 ? &self->chunk_keys : &self->run.arena;
    if (of->limit > 0) {
        pyr_arena_reset(arena);
    }
    PYR_TRY(pyr_sort_keys_make(of->columns, of->columns_count, self->vectors, rows, chunk->selected,
                               arena, self->keys, error));
    return of->limit > 0 ? pyr_sort_top_consume(of, self, chunk, rows, error)
                         : keep_all(of, self, chunk, error);
}

static pyr_status hand_over(pyr_sort_sink *of, pyr_sort_state *self, pyr_error *error) {
    void *items = of->runs;
    int64_t capacity = (int64_t)of->runs_capacity;
    pyr_status status =
        grow(&items, (int64_t)of->runs_count + 1, &capacity, sizeof(*of->runs), error);
    of->runs = items;
    of->runs_capacity = (size_t)capacity;
    PYR_TRY(status);
    items = of->files;
    capacity = (int64_t)of->files_capacity;
    status = grow(&items, (int64_t)of->files_count + 1, &capacity, sizeof(*of->files), error);
    of->files = items;
    of->files_capacity = (size_t)capacity;
    PYR_TRY(status);
    of->runs[of->runs_count++] = self->run;
    pyr_sort_run_init(&self->run, NULL);
    if (self->file.spill != NULL) {
        of->files[of->files_count++] = self->file;
        memset(&self->file, 0, sizeof(self->file));
    }
    return PYR_OK;
}

static pyr_status combine(pyr_sink *sink, void *state, pyr_error *error) {
    pyr_sort_sink *of = (pyr_sort_sink *)sink;
    pyr_sort_state *self = state;
    PYR_TRY(pyr_sort_end_batch(self, error));
    pyr_row_keys_sort(self->run.keys, self->run.count);
    if (self->file.spill != NULL) { /* what comes behind the sort needs memory, too */
        PYR_TRY(pyr_sort_run_write(of, &self->run, &self->file, error));
    }
    pthread_mutex_lock(&of->lock);
    pyr_status status = hand_over(of, self, error);
    pthread_mutex_unlock(&of->lock);
    return status;
}

/* ---- All runs as one. ---- */

static pyr_status join_run(pyr_sort_sink *self, pyr_sort_run *run, pyr_row_key *room,
                           pyr_error *error) {
    uint32_t first = (uint32_t)self->all.batches_count;
    int64_t half = self->all.count;
    PYR_TRY(pyr_sort_reserve_keys(&self->all, run->count, error));
    for (int64_t i = 0; i < run->count; ++i) {
        pyr_row_key key = run->keys[i];
        key.batch += first;
        self->all.keys[self->all.count++] = key;
    }
    for (size_t i = 0; i < run->batches_count; ++i) {
        PYR_TRY(pyr_sort_run_add_batch(&self->all, pyr_batch_retain(run->batches[i]), error));
    }
    free_keys(run);
    pyr_row_keys_merge(self->all.keys, half, self->all.count, room);
    if (self->limit >= 0 && self->all.count > self->limit) {
        self->all.count = self->limit;
    }
    return PYR_OK;
}

static pyr_status finish(pyr_sink *sink, pyr_error *error) {
    pyr_sort_sink *self = (pyr_sort_sink *)sink;
    int64_t total = 0;
    for (size_t i = 0; i < self->runs_count; ++i) {
        total += self->runs[i].count;
    }
    /* All keys once more, and room to merge them. */
    size_t bytes = (size_t)total * sizeof(pyr_row_key);
    if (self->files_count > 0 ||
        (self->limit < 0 && pyr_spill_wanted(self->exec, 3 * bytes, MERGE_SHARE))) {
        return pyr_sort_merge_files(self, error);
    }
    pyr_budget *budget = self->exec->budget;
    if (budget != NULL && !pyr_budget_take(budget, bytes)) {
        return pyr_error_set(error, PYR_ERROR_MEMORY, "keys of %lld rows pass the memory limit",
                             (long long)total);
    }
    pyr_row_key *room = malloc(bytes + sizeof(*room));
    pyr_status status = room != NULL ? PYR_OK : pyr_error_memory(error, bytes);
    for (size_t i = 0; i < self->runs_count && status == PYR_OK; ++i) {
        status = pyr_cancel_flag_check(self->exec->cancel, error);
        if (status == PYR_OK) {
            status = join_run(self, &self->runs[i], room, error);
        }
    }
    free(room);
    if (budget != NULL) {
        pyr_budget_give(budget, bytes);
    }
    return status;
}

static void destroy(pyr_sink *sink) {
    pyr_sort_sink *self = (pyr_sort_sink *)sink;
    for (size_t i = 0; i < self->runs_count; ++i) {
        pyr_sort_run_deinit(&self->runs[i]);
    }
    for (size_t i = 0; i < self->files_count; ++i) {
        pyr_sort_file_deinit(&self->files[i]);
    }
    free(self->files);
    pyr_sort_run_deinit(&self->all);
    pthread_mutex_destroy(&self->lock);
    pyr_schema_release(self->schema);
    free(self->runs);
    free(self->columns);
    free(self->expressions);
    free(self);
}

static const pyr_sink_ops sink_ops = {
    .worker_create = worker_create,
    .worker_destroy = worker_destroy,
    .consume = consume,
    .combine = combine,
    .finish = finish,
    .destroy = destroy,
};

static pyr_status init(pyr_sort_sink *self, pyr_error *error) {
    size_t count = (size_t)self->node->as.sort.count;
    const pyr_node *input = self->node->input;
    self->columns = calloc(count + 1, sizeof(*self->columns));
    self->expressions = calloc(count + 1, sizeof(*self->expressions));
    if (self->columns == NULL || self->expressions == NULL) {
        return pyr_error_memory(error, count * sizeof(*self->columns));
    }
    self->columns_count = (int32_t)count;
    for (size_t i = 0; i < count; ++i) {
        const pyr_sort_key *key = &self->node->as.sort.keys[i];
        self->expressions[i] = key->expression;
        self->columns[i] =
            (pyr_sort_column){pyr_sql_type_physical(key->expression->type), key->descending,
                              key->nulls_first, pyr_expression_never_null(input, key->expression)};
    }
    return pyr_node_schema(self->node, &self->schema, error);
}

pyr_status pyr_sort_sink_create(pyr_exec *exec, const pyr_node *sort, int64_t limit, pyr_sink **out,
                                pyr_error *error) {
    *out = NULL;
    pyr_sort_sink *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->sink.ops = &sink_ops;
    self->sink.node = sort->id;
    self->exec = exec;
    self->node = sort;
    self->limit = limit;
    atomic_init(&self->bound, UINT64_MAX);
    pthread_mutex_init(&self->lock, NULL);
    pyr_sort_run_init(&self->all, exec->budget);
    pyr_status status = init(self, error);
    if (status != PYR_OK) {
        destroy(&self->sink);
        return status;
    }
    *out = &self->sink;
    return PYR_OK;
}

bool pyr_sort_sink_order(const pyr_sink *sink, pyr_node_kind kind, pyr_source_order *out) {
    const pyr_sort_sink *self = (const pyr_sort_sink *)sink;
    const pyr_node *source = NULL;
    int32_t column = self->columns_count > 0
                         ? pyr_node_column(self->node->input, self->expressions[0], kind, &source)
                         : -1;
    if (self->limit <= 0 || column < 0) {
        return false;
    }
    *out = (pyr_source_order){column,
                              self->columns[0].physical,
                              self->columns[0].descending,
                              self->columns[0].nulls_first,
                              self->columns[0].never_null,
                              &self->bound};
    return true;
}

pyr_status pyr_sort_sink_check(const pyr_sink *sink, pyr_error *error) {
    const pyr_sort_sink *self = (const pyr_sort_sink *)sink;
    for (size_t i = 0; i < self->files_count; ++i) {
        const pyr_sort_file *file = &self->files[i];
        if (file->batches_count > 0) { /* all of a file are one mapping */
            PYR_TRY(pyr_batch_check_mappings(self->all.batches[file->first], error));
        }
    }
    return PYR_OK;
}

void pyr_sort_sink_rows(const pyr_sink *sink, pyr_sorted_rows *out) {
    const pyr_sort_sink *self = (const pyr_sort_sink *)sink;
    *out = (pyr_sorted_rows){self->all.keys,          self->all.count, self->all.batches,
                             self->all.batches_count, self->columns,   self->all.mapped_bytes > 0};
}
