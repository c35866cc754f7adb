/* sort.c - SORT and top-n as a sink.
 *
 * A worker keeps the rows' columns in batches and for each row a key; its keys are sorted when it
 * combines, and merged in finish. A top-n keeps a row only while its key is among the best so far:
 * a worker prunes what it has when it holds many times what is asked for, and all workers share the
 * best bound that one of them knows.
 */
#include "exec/aggregate_internal.h"
#include "exec/run_internal.h"
#include "exec/sort_internal.h"

#include <stdlib.h>
#include <string.h>

/* Of the memory limit: beyond it a worker that has so many rows writes them to a file. */
static const double SPILL_SHARE = 0.5, MERGE_SHARE = 0.9;
enum { FILE_ROWS_MIN = 2 * PYR_VECTOR_ROWS };
enum { BATCH_ROWS = 30 * PYR_VECTOR_ROWS, MORSEL_ROWS = 30 * PYR_VECTOR_ROWS };
/* Whoever collects a morsel's rows should not need much memory, either. */
enum { FILE_MORSEL_ROWS = 2 * PYR_VECTOR_ROWS };

typedef struct sort_state {
    pyr_eval *eval;
    pyr_vector *vectors;
    pyr_batch_maker *maker;
    pyr_row_key *keys; /* PYR_VECTOR_ROWS, of a chunk */
    uint32_t made;     /* rows in the maker */
    pyr_sort_run run;
    pyr_sort_file file;
    pyr_arena chunk_keys; /* top-n: most of them are not kept */
} sort_state;

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

static pyr_status reserve_keys(pyr_sort_run *run, int64_t more, pyr_error *error) {
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
    sort_state *self = state;
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

static pyr_status new_maker(const pyr_sort_sink *of, pyr_batch_maker **out, pyr_error *error) {
    return pyr_batch_maker_create(of->schema, BATCH_ROWS, PYR_COPY_SORT, of->exec->ledger,
                                  of->exec->budget, out, error);
}

static pyr_status worker_create(pyr_sink *sink, unsigned worker, void **state, pyr_error *error) {
    const pyr_sort_sink *of = (const pyr_sort_sink *)sink;
    sort_state *self = calloc(1, sizeof(*self));
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
    PYR_TRY(new_maker(of, &self->maker, error));
    return pyr_eval_create(of->expressions, of->columns_count, of->exec->scalars, of->exec->budget,
                           &self->eval, error);
}

/* Adds a chunk's rows to the maker; where they stand is known before: the maker begins a batch only
 * where it gives one. */
static pyr_status keep_rows(sort_state *self, pyr_chunk *chunk, const pyr_row_key *keys,
                            pyr_error *error) {
    pyr_batch *full = NULL;
    PYR_TRY(reserve_keys(&self->run, chunk->selected, error));
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

static pyr_status end_batch(sort_state *self, pyr_error *error) {
    pyr_batch *last = NULL;
    PYR_TRY(pyr_batch_maker_finish(self->maker, &last, error));
    self->made = 0;
    return last != NULL ? pyr_sort_run_add_batch(&self->run, last, error) : PYR_OK;
}

/* ---- Top-n. ---- */

static void lower_bound(pyr_sort_sink *of, uint64_t bound) {
    uint64_t known = atomic_load_explicit(&of->bound, memory_order_relaxed);
    while (bound < known &&
           !atomic_compare_exchange_weak_explicit(&of->bound, &known, bound, memory_order_relaxed,
                                                  memory_order_relaxed)) {
    }
}

/* The key's bytes in arena. */
static pyr_status copy_key(pyr_row_key *key, pyr_arena *arena, pyr_error *error) {
    if (key->bytes == NULL) {
        return PYR_OK;
    }
    uint8_t *bytes = pyr_arena_alloc(arena, key->length);
    if (bytes == NULL) {
        return pyr_arena_error(arena, error);
    }
    memcpy(bytes, key->bytes, key->length);
    key->bytes = bytes;
    return PYR_OK;
}

/* The best rows of a run written anew, the others let go. */
static pyr_status rewrite_run(const pyr_sort_sink *of, pyr_sort_run *run, int64_t count,
                              pyr_error *error) {
    pyr_sort_run kept;
    pyr_row_gather *gather = NULL;
    pyr_batch_maker *maker = NULL;
    int32_t columns = of->node->columns_count;
    pyr_vector *vectors = calloc((size_t)columns + 1, sizeof(*vectors));
    uint32_t batches[PYR_VECTOR_ROWS];
    uint32_t rows[PYR_VECTOR_ROWS];
    pyr_sort_run_init(&kept, of->exec->budget);
    pyr_status status =
        vectors != NULL ? PYR_OK : pyr_error_memory(error, (size_t)columns * sizeof(*vectors));
    if (status == PYR_OK) {
        status = pyr_row_gather_create(run->batches, run->batches_count, of->node->columns, columns,
                                       of->exec->budget, &gather, error);
    }
    if (status == PYR_OK) {
        status = new_maker(of, &maker, error);
    }
    if (status == PYR_OK) {
        status = reserve_keys(&kept, count, error);
    }
    uint32_t made = 0;
    for (int64_t at = 0; at < count && status == PYR_OK; at += PYR_VECTOR_ROWS) {
        int32_t some = (int32_t)(count - at < PYR_VECTOR_ROWS ? count - at : PYR_VECTOR_ROWS);
        pyr_batch *full = NULL;
        for (int32_t i = 0; i < some; ++i) {
            batches[i] = run->keys[at + i].batch;
            rows[i] = run->keys[at + i].row;
        }
        pyr_row_gather_rows(gather, batches, rows, some, vectors);
        pyr_chunk chunk = {
            .rows = some, .selected = some, .columns_count = columns, .columns = vectors};
        status = pyr_batch_maker_add(maker, &chunk, &full, error);
        if (status == PYR_OK && full != NULL) {
            status = pyr_sort_run_add_batch(&kept, full, error);
            made = 0;
        }
        for (int32_t i = 0; i < some && status == PYR_OK; ++i) {
            pyr_row_key key = run->keys[at + i];
            status = copy_key(&key, &kept.arena, error);
            if (status != PYR_OK) {
                break;
            }
            key.batch = (uint32_t)kept.batches_count;
            key.row = made++;
            kept.keys[kept.count++] = key;
        }
    }
    pyr_batch *last = NULL;
    if (status == PYR_OK) {
        status = pyr_batch_maker_finish(maker, &last, error);
    }
    if (status == PYR_OK && last != NULL) {
        status = pyr_sort_run_add_batch(&kept, last, error);
    }
    pyr_batch_maker_destroy(maker);
    pyr_row_gather_destroy(gather);
    free(vectors);
    if (status != PYR_OK) {
        pyr_sort_run_deinit(&kept);
        return status;
    }
    pyr_sort_run_deinit(run);
    *run = kept;
    return PYR_OK;
}

static pyr_status prune(pyr_sort_sink *of, sort_state *self, pyr_error *error) {
    PYR_TRY(end_batch(self, error));
    int64_t count = self->run.count < of->limit ? self->run.count : of->limit;
    pyr_row_keys_sort_first(self->run.keys, self->run.count, count);
    if (count == of->limit && count > 0) {
        /* Rows that only equal the last one of enough are not wanted; where the key goes on behind
         * the prefix, those of an equal prefix may be. */
        bool whole = !pyr_sort_keys_long(of->columns, of->columns_count);
        uint64_t last = self->run.keys[count - 1].prefix;
        lower_bound(of, whole && last > 0 ? last - 1 : last);
    }
    return rewrite_run(of, &self->run, count, error);
}

/* The rows of a chunk whose keys are not beyond the bound. */
static int32_t within_bound(const pyr_sort_sink *of, const pyr_row_key *keys, const uint16_t *rows,
                            pyr_chunk *chunk, uint64_t *mask, pyr_row_key *kept) {
    uint64_t bound = atomic_load_explicit(&of->bound, memory_order_relaxed);
    int32_t count = 0;
    memset(mask, 0, PYR_VECTOR_WORDS * sizeof(*mask));
    for (int32_t i = 0; i < chunk->selected; ++i) {
        int32_t row = rows != NULL ? rows[i] : i;
        uint64_t take = keys[i].prefix <= bound;
        kept[count] = keys[i];
        mask[row >> 6] |= take << (row & 63);
        count += (int32_t)take;
    }
    return count;
}

static bool wants_prune(const pyr_sort_sink *of, const pyr_sort_run *run) {
    int64_t much = of->limit < INT64_MAX / 8 ? 4 * of->limit : INT64_MAX;
    return run->count > (much > PYR_VECTOR_ROWS ? much : PYR_VECTOR_ROWS);
}

static pyr_status consume_top(pyr_sort_sink *of, sort_state *self, pyr_chunk *chunk,
                              const uint16_t *rows, pyr_error *error) {
    uint64_t mask[PYR_VECTOR_WORDS];
    pyr_row_key kept[PYR_VECTOR_ROWS];
    int32_t count = within_bound(of, self->keys, rows, chunk, mask, kept);
    if (count == 0) {
        return PYR_OK;
    }
    for (int32_t i = 0; i < count; ++i) {
        PYR_TRY(copy_key(&kept[i], &self->run.arena, error));
    }
    pyr_chunk some = *chunk;
    some.mask = mask;
    some.list = NULL;
    some.selected = count;
    PYR_TRY(keep_rows(self, &some, kept, error));
    return wants_prune(of, &self->run) ? prune(of, self, error) : PYR_OK;
}

/* Most rows of a top-n are beyond the bound by their first column alone: those are left out before
 * any key is made. */
static void leave_out(const pyr_sort_sink *of, const sort_state *self, pyr_chunk *chunk,
                      uint64_t *mask) {
    uint64_t prefixes[PYR_VECTOR_ROWS];
    uint64_t bound = atomic_load_explicit(&of->bound, memory_order_relaxed);
    const pyr_kernels *kernels = pyr_kernels_get();
    if (bound == UINT64_MAX || !pyr_sort_first_prefixes(&of->columns[0], &self->vectors[0],
                                                        chunk->rows, chunk->mask, prefixes)) {
        return;
    }
    kernels->compare_constant[PYR_COMPARE_LE][PYR_PHYSICAL_U64](prefixes, &bound, chunk->rows,
                                                                mask);
    if (chunk->mask != NULL) {
        kernels->mask_and(mask, chunk->mask, chunk->rows, mask);
    }
    chunk->mask = mask;
    chunk->list = NULL;
    chunk->selected = (int32_t)kernels->mask_count(mask, chunk->rows);
}

/* ---- Beyond the memory limit. ---- */

/* All that a worker has goes to its file. */
static pyr_status write_out(const pyr_sort_sink *of, sort_state *self, pyr_error *error) {
    PYR_TRY(end_batch(self, error));
    pyr_row_keys_sort(self->run.keys, self->run.count);
    return pyr_sort_run_write(of, &self->run, &self->file, error);
}

static pyr_status keep_all(const pyr_sort_sink *of, sort_state *self, pyr_chunk *chunk,
                           pyr_error *error) {
    PYR_TRY(keep_rows(self, chunk, self->keys, error));
    return self->run.count >= FILE_ROWS_MIN && pyr_spill_wanted(of->exec, 0, SPILL_SHARE)
               ? write_out(of, self, error)
               : PYR_OK;
}

static pyr_status consume(pyr_sink *sink, void *state, int64_t morsel, pyr_chunk *chunk,
                          pyr_error *error) {
    uint64_t within[PYR_VECTOR_WORDS];
    pyr_sort_sink *of = (pyr_sort_sink *)sink;
    sort_state *self = state;
    uint16_t room[PYR_VECTOR_ROWS + 16];
    (void)morsel;
    if (of->limit == 0) {
        return PYR_OK;
    }
    PYR_TRY(pyr_eval_run(self->eval, chunk, self->vectors, error));
    if (of->limit > 0) {
        leave_out(of, self, chunk, within);
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
    return of->limit > 0 ? consume_top(of, self, chunk, rows, error)
                         : keep_all(of, self, chunk, error);
}

static pyr_status hand_over(pyr_sort_sink *of, sort_state *self, pyr_error *error) {
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
    sort_state *self = state;
    PYR_TRY(end_batch(self, error));
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
    PYR_TRY(reserve_keys(&self->all, run->count, error));
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

/* ---- The source: ranges of the order. ---- */

typedef struct sort_source {
    pyr_morsel_source source;
    pyr_sort_sink *sink;
} sort_source;

typedef struct source_state {
    pyr_row_gather *gather;
    pyr_vector *vectors;
    int64_t next, end;
} source_state;

static int64_t morsel_rows(const pyr_sort_sink *sink) {
    if (sink->exec->morsel_rows > 0) {
        return sink->exec->morsel_rows;
    }
    return sink->all.mapped_bytes > 0 ? FILE_MORSEL_ROWS : MORSEL_ROWS;
}

static pyr_status source_start(pyr_morsel_source *source, int64_t *morsels, pyr_error *error) {
    (void)error;
    const pyr_sort_sink *sink = ((const sort_source *)source)->sink;
    *morsels = (sink->all.count + morsel_rows(sink) - 1) / morsel_rows(sink);
    return PYR_OK;
}

static void source_worker_destroy(pyr_morsel_source *source, void *state) {
    source_state *self = state;
    (void)source;
    pyr_row_gather_destroy(self->gather);
    free(self->vectors);
    free(self);
}

static pyr_status source_worker_create(pyr_morsel_source *source, void **state, pyr_error *error) {
    const pyr_sort_sink *sink = ((const sort_source *)source)->sink;
    source_state *self = calloc(1, sizeof(*self));
    *state = self;
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->vectors = calloc((size_t)sink->node->columns_count + 1, sizeof(*self->vectors));
    if (self->vectors == NULL) {
        return pyr_error_memory(error, (size_t)sink->node->columns_count * sizeof(pyr_vector));
    }
    return pyr_row_gather_create(sink->all.batches, sink->all.batches_count, sink->node->columns,
                                 sink->node->columns_count, sink->exec->budget, &self->gather,
                                 error);
}

static pyr_status source_open(pyr_morsel_source *source, void *state, int64_t morsel,
                              pyr_error *error) {
    const pyr_sort_sink *sink = ((const sort_source *)source)->sink;
    source_state *self = state;
    (void)error;
    self->next = morsel * morsel_rows(sink);
    self->end = self->next + morsel_rows(sink);
    self->end = self->end < sink->all.count ? self->end : sink->all.count;
    return PYR_OK;
}

static pyr_status source_next(pyr_morsel_source *source, void *state, pyr_chunk *chunk,
                              pyr_error *error) {
    const pyr_sort_sink *sink = ((const sort_source *)source)->sink;
    source_state *self = state;
    uint32_t batches[PYR_VECTOR_ROWS];
    uint32_t rows[PYR_VECTOR_ROWS];
    memset(chunk, 0, sizeof(*chunk));
    int64_t left = self->end - self->next;
    int32_t count = (int32_t)(left < PYR_VECTOR_ROWS ? left : PYR_VECTOR_ROWS);
    for (int32_t i = 0; i < count; ++i) {
        batches[i] = sink->all.keys[self->next + i].batch;
        rows[i] = sink->all.keys[self->next + i].row;
    }
    self->next += count;
    if (count > 0) {
        pyr_row_gather_rows(self->gather, batches, rows, count, self->vectors);
        chunk->rows = count;
        chunk->selected = count;
        chunk->columns_count = sink->node->columns_count;
        chunk->columns = self->vectors;
        return PYR_OK;
    }
    return pyr_sort_sink_check(&sink->sink, error);
}

static void source_destroy(pyr_morsel_source *source) {
    free(source);
}

static const pyr_morsel_source_ops source_ops = {source_start,          source_worker_create,
                                                 source_worker_destroy, source_open,
                                                 source_next,           source_destroy};

pyr_status pyr_sort_source_create(pyr_sink *sink, pyr_morsel_source **out, pyr_error *error) {
    *out = NULL;
    sort_source *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->source.ops = &source_ops;
    self->source.node = sink->node;
    self->sink = (pyr_sort_sink *)sink;
    *out = &self->source;
    return PYR_OK;
}
