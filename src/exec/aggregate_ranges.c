/* aggregate_ranges.c - direct groups that are too many for the cache, range by range.
 *
 * Where zone maps bound the keys, a group is a number, but an array of millions of states is a
 * cache miss for each row. So rows are put apart first by the range that their group lies in, as
 * that number and the arguments side by side, and a range's rows are added to its part of the one
 * array, which all workers share, while that part is in the cache. A row is written and read once
 * more, in order; that is cheaper than to wait for memory at random. Unlike the partitions of
 * aggregate_radix.c there is nothing to hash, to probe or to compare.
 *
 * So are bits of whether a group was met (DISTINCT): a range of them is some two million.
 *
 * Ranges are cleared when their first rows come, by who brings them.
 */
#include "exec/aggregate_sink.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_ROWS = PYR_RADIX_BLOCK_ROWS };
static const int64_t RANGE_BYTES = 256 << 10; /* of states: what stays in a core's own cache */
static const int64_t BYTES_MAX = (int64_t)1 << 30;
/* Of a worker's rows before they are grouped: of few groups what stays in the shared cache with
 * their states, of many so much that all states are not gone through too often. */
static const size_t WORKER_BYTES_MIN = (size_t)8 << 20;
static const size_t WORKER_BYTES_MAX = (size_t)320 << 20;

/* ---- Layout. ---- */

static bool init_layout(pyr_grouping *grouping) {
    pyr_radix_layout *layout = &grouping->radix;
    size_t at = pyr_radix_align(sizeof(pyr_radix_block));
    layout->words_at = at;
    at += pyr_radix_align(BLOCK_ROWS * sizeof(uint32_t));
    size_t states = (size_t)grouping->groups * grouping->sink->state_bytes +
                    pyr_direct_met_bytes(grouping, grouping->groups);
    layout->bytes_max = 4 * states < WORKER_BYTES_MAX ? 4 * states : WORKER_BYTES_MAX;
    if (states < WORKER_BYTES_MIN) {
        layout->bytes_max = WORKER_BYTES_MIN;
    }
    if (!pyr_radix_add_columns(grouping, at)) {
        return false;
    }
    pyr_radix_pair_up(layout, sizeof(uint32_t));
    return true;
}

bool pyr_ranges_init(pyr_grouping *grouping) {
    const pyr_aggregate_sink *sink = grouping->sink;
    int64_t group_bits = grouping->bits ? 1 : 8 * ((int64_t)sink->state_bytes + 1);
    if (grouping->groups > 8 * BYTES_MAX / group_bits || !init_layout(grouping)) {
        return false;
    }
    for (int32_t i = 0; i < sink->functions_count; ++i) {
        if (sink->functions[i].destroy != NULL) { /* of states that may not be cleared yet */
            return false;
        }
    }
    for (int32_t i = 0; i < grouping->radix.columns_count; ++i) {
        const pyr_bound_expr *argument = sink->expressions[sink->keys_count + i];
        if (grouping->radix.physicals[i] == PYR_PHYSICAL_STRING ||
            !pyr_expression_never_null(sink->node->input, argument)) {
            return false;
        }
    }
    size_t bytes = (size_t)(grouping->groups * group_bits / 8) +
                   sink->exec->workers * grouping->radix.bytes_max;
    if (!pyr_direct_fits(sink, bytes)) {
        return false;
    }
    grouping->range_shift = 12;
    while (((grouping->groups - 1) >> grouping->range_shift) >= PYR_PARTITIONS ||
           (group_bits << (grouping->range_shift + 1)) <= 8 * RANGE_BYTES) {
        ++grouping->range_shift;
    }
    grouping->ranges_count = (int32_t)((grouping->groups - 1) >> grouping->range_shift) + 1;
    grouping->ranges = calloc((size_t)grouping->ranges_count, sizeof(*grouping->ranges));
    if (grouping->ranges == NULL) {
        return false;
    }
    grouping->range_sums = pyr_fused_possible(sink);
    for (int32_t i = 0; i < grouping->ranges_count; ++i) {
        pthread_mutex_init(&grouping->ranges[i].lock, NULL);
        pyr_arena_init(&grouping->ranges[i].arena, sink->exec->budget);
    }
    return true;
}

void pyr_ranges_deinit(pyr_grouping *grouping) {
    for (int32_t i = 0; grouping->ranges != NULL && i < grouping->ranges_count; ++i) {
        pthread_mutex_destroy(&grouping->ranges[i].lock);
        pyr_arena_deinit(&grouping->ranges[i].arena);
    }
    free(grouping->ranges);
    grouping->ranges = NULL;
    pyr_radix_deinit(grouping);
}

/* ---- Rows to their ranges. ---- */

/* One loop for a row's number, which NUMBER says (of `row`, its i-th), and its only argument. Rows
 * go to their places one by one: to sort a chunk by range first, so that whole runs are written,
 * took twice as long. */
#define PLACE(TYPE, NUMBER)                                                     \
    do {                                                                        \
        const TYPE *values = vector->data;                                      \
        for (int32_t i = 0; i < count; ++i) {                                   \
            int32_t row = rows != NULL ? rows[i] : i;                           \
            uint32_t group = (NUMBER);                                          \
            uint32_t range = group >> shift;                                    \
            if (counts[range] == BLOCK_ROWS) {                                  \
                PYR_TRY(pyr_radix_next_block(state, range, error));             \
            }                                                                   \
            size_t at = counts[range]++ * (sizeof(uint32_t) + sizeof(TYPE));    \
            uint8_t *record = (uint8_t *)blocks[range] + numbers_at + at;       \
            uint32_t number = group & within;                                   \
            pyr_radix_fetch_ahead(record);                                      \
            memcpy(record, &number, sizeof(number));                            \
            memcpy(record + sizeof(number), &values[row * step], sizeof(TYPE)); \
        }                                                                       \
    } while (0)
#define PLACE_BY(TYPE)                                                     \
    do {                                                                   \
        if (key == NULL) {                                                 \
            PLACE(TYPE, groups[i]);                                        \
        } else if (key->physical == PYR_PHYSICAL_I64) {                    \
            const int64_t *keys = key->data;                               \
            PLACE(TYPE, (uint32_t)((uint64_t)keys[row] - first));          \
        } else {                                                           \
            const int32_t *keys = key->data;                               \
            PLACE(TYPE, (uint32_t)((uint64_t)(int64_t)keys[row] - first)); \
        }                                                                  \
    } while (0)

/* key: of which the group's number is the distance from the first; NULL: numbers are in
 * state->groups. */
static pyr_status place_records(pyr_grouping_state *state, const pyr_vector *key,
                                const pyr_vector *vector, const uint16_t *rows, int32_t count,
                                pyr_error *error) {
    const pyr_grouping *grouping = state->grouping;
    const pyr_radix_layout *layout = &grouping->radix;
    const uint32_t *groups = state->groups;
    uint32_t *counts = state->radix.counts;
    pyr_radix_block *const *blocks = state->radix.blocks;
    size_t numbers_at = layout->words_at;
    int32_t step = vector->constant ? 0 : 1;
    int shift = grouping->range_shift;
    uint32_t within = (UINT32_C(1) << shift) - 1;
    uint64_t first = (uint64_t)grouping->direct[0].min - (grouping->direct[0].nullable ? 1 : 0);
    if (pyr_physical_bytes(vector->physical) == 8) {
        PLACE_BY(uint64_t);
    } else {
        PLACE_BY(uint32_t);
    }
    return PYR_OK;
}

#define PLACE_NUMBER(NUMBER)                                                              \
    do {                                                                                  \
        for (int32_t i = 0; i < count; ++i) {                                             \
            uint32_t group = (NUMBER);                                                    \
            uint32_t range = group >> shift;                                              \
            if (counts[range] == BLOCK_ROWS) {                                            \
                PYR_TRY(pyr_radix_next_block(state, range, error));                       \
            }                                                                             \
            uint8_t *base = (uint8_t *)blocks[range];                                     \
            uint32_t *number = (uint32_t *)(void *)(base + numbers_at) + counts[range]++; \
            pyr_radix_fetch_ahead(number);                                                \
            *number = group & within;                                                     \
        }                                                                                 \
    } while (0)

/* Rows without arguments; key as for place_records. */
static pyr_status place_numbers(pyr_grouping_state *state, const pyr_vector *key,
                                const uint16_t *rows, int32_t count, pyr_error *error) {
    const pyr_grouping *grouping = state->grouping;
    const uint32_t *groups = state->groups;
    uint32_t *counts = state->radix.counts;
    pyr_radix_block *const *blocks = state->radix.blocks;
    size_t numbers_at = grouping->radix.words_at;
    int shift = grouping->range_shift;
    uint32_t within = (UINT32_C(1) << shift) - 1;
    uint64_t first = (uint64_t)grouping->direct[0].min - (grouping->direct[0].nullable ? 1 : 0);
    if (key == NULL) {
        PLACE_NUMBER(groups[i]);
    } else if (key->physical == PYR_PHYSICAL_I64) {
        const int64_t *keys = key->data;
        PLACE_NUMBER((uint32_t)((uint64_t)keys[rows != NULL ? rows[i] : i] - first));
    } else {
        const int32_t *keys = key->data;
        PLACE_NUMBER((uint32_t)((uint64_t)(int64_t)keys[rows != NULL ? rows[i] : i] - first));
    }
    return PYR_OK;
}

/* Any number of arguments: numbers first, then column after column. */
static pyr_status place_rows(pyr_grouping_state *state, const pyr_vector *vectors,
                             const uint16_t *rows, int32_t count, pyr_error *error) {
    const pyr_grouping *grouping = state->grouping;
    const pyr_radix_layout *layout = &grouping->radix;
    uint8_t *blocks[PYR_VECTOR_ROWS];
    uint16_t places[PYR_VECTOR_ROWS];
    int shift = grouping->range_shift;
    uint32_t within = (UINT32_C(1) << shift) - 1;
    for (int32_t i = 0; i < count; ++i) {
        uint32_t group = state->groups[i];
        uint32_t range = group >> shift;
        if (state->radix.counts[range] == BLOCK_ROWS) {
            PYR_TRY(pyr_radix_next_block(state, range, error));
        }
        blocks[i] = (uint8_t *)state->radix.blocks[range];
        places[i] = (uint16_t)state->radix.counts[range]++;
        uint32_t *number = (uint32_t *)(void *)(blocks[i] + layout->words_at) + places[i];
        pyr_radix_fetch_ahead(number);
        *number = group & within;
    }
    for (int32_t i = 0; i < layout->columns_count; ++i) {
        pyr_radix_scatter(&vectors[grouping->sink->keys_count + i], rows, 0, count, blocks, places,
                          layout->columns_at[i]);
    }
    return PYR_OK;
}

static pyr_status flush(pyr_grouping_state *state, pyr_error *error);

/* What is put apart is counted, and grouped where it is much. */
static pyr_status note_rows(pyr_grouping_state *state, int32_t count, pyr_error *error) {
    const pyr_grouping *grouping = state->grouping;
    size_t row_bytes = sizeof(uint32_t) + pyr_radix_columns_bytes(&grouping->radix);
    pyr_ledger_add_copy(grouping->sink->exec->ledger, PYR_COPY_GROUP_TABLE,
                        count * (int64_t)row_bytes);
    return state->radix.bytes > grouping->radix.bytes_max ? flush(state, error) : PYR_OK;
}

bool pyr_ranges_takes_keys(const pyr_grouping *grouping, const pyr_vector *vectors) {
    return grouping->keys_count == 1 && pyr_key_is_plain(&vectors[grouping->keys[0]]) &&
           (grouping->radix.columns_count == 0 || grouping->radix.record_bytes > 0);
}

pyr_status pyr_ranges_consume_keys(pyr_grouping_state *state, const pyr_vector *vectors,
                                   const uint16_t *rows, int32_t count, pyr_error *error) {
    const pyr_grouping *grouping = state->grouping;
    const pyr_vector *key = &vectors[grouping->keys[0]];
    PYR_TRY(pyr_radix_begin(state, error));
    PYR_TRY(
        grouping->radix.columns_count == 0
            ? place_numbers(state, key, rows, count, error)
            : place_records(state, key, vectors + grouping->sink->keys_count, rows, count, error));
    return note_rows(state, count, error);
}

pyr_status pyr_ranges_consume(pyr_grouping_state *state, const pyr_vector *vectors,
                              const uint16_t *rows, int32_t count, pyr_error *error) {
    const pyr_grouping *grouping = state->grouping;
    const pyr_vector *arguments = vectors + grouping->sink->keys_count;
    PYR_TRY(pyr_radix_begin(state, error));
    if (grouping->radix.columns_count == 0) {
        PYR_TRY(place_numbers(state, NULL, rows, count, error));
    } else if (grouping->radix.record_bytes > 0) {
        PYR_TRY(place_records(state, NULL, arguments, rows, count, error));
    } else {
        PYR_TRY(place_rows(state, vectors, rows, count, error));
    }
    return note_rows(state, count, error);
}

/* ---- Ranges grouped. ---- */

/* 0.0 more, as aggregate_fused.c has it. Blocks of a range lie anywhere: the next one is fetched
 * meanwhile. */
static void add_sums(double *sums, const pyr_radix_block *block, size_t records_at) {
    const uint8_t *records = (const uint8_t *)block + records_at;
    uintptr_t next = block->next != NULL ? (uintptr_t)block->next - (uintptr_t)block : 0;
    for (int64_t i = 0; i < block->count; ++i, records += sizeof(uint32_t) + sizeof(double)) {
        uint32_t group;
        double value;
        __builtin_prefetch((const void *)((uintptr_t)records + next));
        memcpy(&group, records, sizeof(group));
        memcpy(&value, records + sizeof(group), sizeof(value));
        sums[group] += value + 0.0;
    }
}

/* A range begins at a whole word. */
static uint8_t *met_of(const pyr_grouping *grouping, int64_t first) {
    return grouping->all.met + (grouping->bits ? first / 8 : first);
}

static pyr_status group_block(const pyr_grouping *grouping, pyr_range *range, int64_t first,
                              pyr_radix_block *block, pyr_vector *vectors, pyr_error *error) {
    const pyr_aggregate_sink *sink = grouping->sink;
    const pyr_radix_layout *layout = &grouping->radix;
    uint8_t *base = (uint8_t *)block;
    const uint32_t *groups = (const uint32_t *)(const void *)(base + layout->words_at);
    uint8_t *met = met_of(grouping, first);
    if (grouping->bits) { /* and nothing else */
        pyr_bits_mark((uint64_t *)(void *)met, groups, block->count);
        return PYR_OK;
    }
    if (grouping->range_sums) {
        add_sums((double *)(void *)grouping->all.states + first, block, layout->words_at);
        return PYR_OK;
    }
    uint32_t numbers[BLOCK_ROWS];
    uint64_t values[BLOCK_ROWS];
    if (layout->record_bytes > 0) {
        pyr_radix_take_apart(layout, block, numbers, values);
        groups = numbers;
    }
    for (int64_t i = 0; i < block->count; ++i) {
        met[groups[i]] = 1;
    }
    for (int32_t i = 0; i < layout->columns_count; ++i) {
        vectors[sink->keys_count + i] = (pyr_vector){
            .physical = layout->physicals[i],
            .data = layout->record_bytes > 0 ? (void *)values : base + layout->columns_at[i]};
    }
    pyr_chunk chunk = {.rows = (int32_t)block->count, .selected = (int32_t)block->count};
    return pyr_aggregate_update(sink, vectors, &chunk, NULL,
                                grouping->all.states + (size_t)first * sink->state_bytes,
                                sink->state_bytes, groups, &range->arena, error);
}

static int64_t groups_in(const pyr_grouping *grouping, int64_t first) {
    int64_t left = grouping->groups - first;
    int64_t size = INT64_C(1) << grouping->range_shift;
    return left < size ? left : size;
}

static void clear_range(const pyr_grouping *grouping, pyr_range *range, int64_t first) {
    int64_t groups = groups_in(grouping, first);
    size_t stride = grouping->sink->state_bytes;
    range->cleared = true;
    memset(met_of(grouping, first), 0, pyr_direct_met_bytes(grouping, groups));
    if (grouping->range_sums) {
        pyr_sums_begin((double *)(void *)grouping->all.states + first, groups);
    } else {
        memset(grouping->all.states + (size_t)first * stride, 0, (size_t)groups * stride);
    }
}

static pyr_status group_range(pyr_grouping *grouping, int32_t index, pyr_radix_block *blocks,
                              pyr_error *error) {
    pyr_range *range = &grouping->ranges[index];
    int64_t first = (int64_t)index << grouping->range_shift;
    size_t count = (size_t)grouping->sink->expressions_count;
    pyr_vector *vectors = calloc(count + 1, sizeof(*vectors));
    if (vectors == NULL) {
        return pyr_error_memory(error, count * sizeof(*vectors));
    }
    pyr_status status = PYR_OK;
    pthread_mutex_lock(&range->lock);
    if (!range->cleared) {
        clear_range(grouping, range, first);
    }
    for (pyr_radix_block *block = blocks; block != NULL && status == PYR_OK; block = block->next) {
        status = pyr_cancel_flag_check(grouping->sink->exec->cancel, error);
        if (status == PYR_OK) {
            status = group_block(grouping, range, first, block, vectors, error);
        }
    }
    pthread_mutex_unlock(&range->lock);
    free(vectors);
    return status;
}

static pyr_status make_all(pyr_grouping *grouping, pyr_error *error) {
    pthread_mutex_lock(&grouping->lock);
    pyr_status status = grouping->all.states != NULL
                            ? PYR_OK
                            : pyr_direct_make(grouping, false, &grouping->all, error);
    pthread_mutex_unlock(&grouping->lock);
    return status;
}

/* What one worker has. Workers begin at different ranges, not to wait for each other. */
static pyr_status flush(pyr_grouping_state *state, pyr_error *error) {
    pyr_grouping *grouping = state->grouping;
    PYR_TRY(make_all(grouping, error));
    pyr_radix_settle(state);
    int32_t offset = (int32_t)((uintptr_t)state / 64 % (uintptr_t)grouping->ranges_count);
    for (int32_t i = 0; i < grouping->ranges_count; ++i) {
        int32_t index = (i + offset) % grouping->ranges_count;
        if (state->radix.blocks[index] != NULL) {
            PYR_TRY(group_range(grouping, index, state->radix.blocks[index], error));
        }
    }
    pyr_radix_release(state);
    return PYR_OK;
}

static pyr_status group_one(void *context, size_t index, pyr_error *error) {
    pyr_grouping *grouping = context;
    int64_t first = (int64_t)index << grouping->range_shift;
    PYR_TRY(group_range(grouping, (int32_t)index,
                        grouping->radix_blocks != NULL ? grouping->radix_blocks[index] : NULL,
                        error));
    if (grouping->range_sums) {
        pyr_sums_end((double *)(void *)grouping->all.states + first, grouping->all.met + first,
                     groups_in(grouping, first));
    }
    return PYR_OK;
}

pyr_status pyr_ranges_finish(pyr_grouping *grouping, pyr_error *error) {
    pyr_exec *exec = grouping->sink->exec;
    if (grouping->radix_blocks == NULL && grouping->all.states == NULL) {
        return PYR_OK; /* no row came */
    }
    PYR_TRY(make_all(grouping, error));
    size_t count = (size_t)grouping->ranges_count;
    pyr_status status = PYR_OK;
    if (exec->pool != NULL && exec->workers > 1) {
        status = pyr_thread_pool_for_each(exec->pool, count, group_one, grouping, error);
    } else {
        for (size_t i = 0; i < count && status == PYR_OK; ++i) {
            status = group_one(grouping, i, error);
        }
    }
    pyr_radix_deinit(grouping);
    return status;
}
