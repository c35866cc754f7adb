/* sort_top.c - the first rows of an order, without sorting the others.
 *
 * A row is kept only while its key is among the best so far: a worker prunes what it has when it
 * holds many times what is asked for, and all workers share the best bound that one of them knows.
 * Within a chunk the bound falls before a row is kept, so that rows which come in the wrong order,
 * the usual one where the newest are asked for, are not all taken one after the other.
 */
#include "exec/select.h"
#include "exec/sort_internal.h"

#include <stdlib.h>
#include <string.h>

/* So many times the limit are worth to be looked through for the limit's own place. */
enum { TIGHTEN_FROM = 4 };

PYR_DEFINE_SELECT(select_prefix, uint64_t, PYR_LESS_NUMBER)

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
        status = pyr_sort_maker_create(of, &maker, error);
    }
    if (status == PYR_OK) {
        status = pyr_sort_reserve_keys(&kept, count, error);
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

static pyr_status prune(pyr_sort_sink *of, pyr_sort_state *self, pyr_error *error) {
    PYR_TRY(pyr_sort_end_batch(self, error));
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

pyr_status pyr_sort_top_consume(pyr_sort_sink *of, pyr_sort_state *self, pyr_chunk *chunk,
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
    PYR_TRY(pyr_sort_keep_rows(self, &some, kept, error));
    return wants_prune(of, &self->run) ? prune(of, self, error) : PYR_OK;
}

/* ---- Before keys are made. ---- */

/* What a key has behind the first column's bytes may be anything: ones. */
static uint64_t bits_behind(const pyr_sort_column *column) {
    size_t bytes = pyr_physical_bytes(column->physical) + (column->never_null ? 0 : 1);
    return bytes >= 8 ? 0 : UINT64_MAX >> (8 * bytes);
}

/* Of so many rows as are wanted the last one's prefix bounds the others. */
static void tighten(pyr_sort_sink *of, const uint64_t *prefixes, const pyr_chunk *chunk) {
    uint64_t chosen[PYR_VECTOR_ROWS];
    int32_t count = 0;
    if (of->columns[0].physical == PYR_PHYSICAL_STRING) {
        return; /* a prefix is no more than what a text is not before */
    }
    for (int32_t i = 0; i < chunk->rows; ++i) {
        chosen[count] = prefixes[i];
        count += (int32_t)((chunk->mask[i >> 6] >> (i & 63)) & 1);
    }
    select_prefix(chosen, count, of->limit - 1);
    lower_bound(of, chosen[of->limit - 1] | bits_behind(&of->columns[0]));
}

static void take_within(const pyr_sort_sink *of, const uint64_t *prefixes, const uint64_t *within,
                        pyr_chunk *chunk, uint64_t *mask) {
    uint64_t bound = atomic_load_explicit(&of->bound, memory_order_relaxed);
    const pyr_kernels *kernels = pyr_kernels_get();
    kernels->compare_constant[PYR_COMPARE_LE][PYR_PHYSICAL_U64](prefixes, &bound, chunk->rows,
                                                                mask);
    if (within != NULL) {
        kernels->mask_and(mask, within, chunk->rows, mask);
    }
    chunk->mask = mask;
    chunk->list = NULL;
    chunk->selected = (int32_t)kernels->mask_count(mask, chunk->rows);
}

void pyr_sort_top_leave_out(pyr_sort_sink *of, const pyr_sort_state *self, pyr_chunk *chunk,
                            uint64_t *mask) {
    uint64_t prefixes[PYR_VECTOR_ROWS];
    const uint64_t *within = chunk->mask;
    if (!pyr_sort_first_prefixes(&of->columns[0], &self->vectors[0], chunk->rows, within,
                                 prefixes)) {
        return;
    }
    take_within(of, prefixes, within, chunk, mask);
    if (chunk->selected / TIGHTEN_FROM >= of->limit) {
        tighten(of, prefixes, chunk);
        take_within(of, prefixes, within, chunk, mask);
    }
}
