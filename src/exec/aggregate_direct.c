/* aggregate_direct.c - groups by number, where zone maps bound the keys. */
#include "base/cache_speed.h"
#include "base/pages.h"
#include "exec/aggregate_sink.h"

#include <stdlib.h>
#include <string.h>

/* Memory of one worker's array that is worth it: beyond the first each row misses the cache, so
 * that ranges are better where they are possible, beyond the second a hash table touches less. The
 * cache is the shared one, where that is near and the rows are worth the measuring. */
static const int64_t CACHED_BYTES_MAX = (int64_t)16 << 20;
static const int64_t OWN_CACHE_BYTES_MAX = (int64_t)1 << 20;
static const double MEASURED_ROWS_MIN = 4 << 20;
static const int64_t DIRECT_BYTES_MAX = (int64_t)64 << 20;
static const double GROUPS_PER_ROW_MAX = 2; /* of many; of more, clearing costs more than hashing */
static const int64_t NUMBERS_MAX = (int64_t)1 << 30; /* of 32 bits */
/* Bits are an eighth of a byte; more of them than so many times the rows are not worth clearing. */
static const int64_t DIRECT_BITS_MAX = (int64_t)8 * ((int64_t)64 << 20);
static const int64_t BITS_PER_ROW_MAX = 64;

static int64_t groups_max(const pyr_grouping *grouping) {
    if (!grouping->bits) {
        return NUMBERS_MAX;
    }
    double rows = grouping->sink->node->input->rows_estimate;
    double worth = rows >= 0 ? rows * (double)BITS_PER_ROW_MAX : (double)DIRECT_BITS_MAX;
    return worth < (double)DIRECT_BITS_MAX ? (int64_t)worth + 64 : DIRECT_BITS_MAX;
}

size_t pyr_direct_met_bytes(const pyr_grouping *grouping, int64_t groups) {
    /* Whole words: they are added up and counted in those. */
    return grouping->bits ? (size_t)((groups + 63) / 64 * 8) : (size_t)groups;
}

static size_t met_bytes(const pyr_grouping *grouping) {
    return pyr_direct_met_bytes(grouping, grouping->groups);
}

bool pyr_direct_fits(const pyr_aggregate_sink *sink, size_t bytes) {
    const pyr_budget *budget = sink->exec->budget;
    size_t limit = budget != NULL ? pyr_budget_limit(budget) : 0;
    return limit == 0 || bytes <= limit / 4;
}

/* Each key's place in a group's number; false: the keys are not bounded to few enough. */
static bool number_keys(pyr_grouping *grouping) {
    const pyr_aggregate_sink *sink = grouping->sink;
    int64_t most = groups_max(grouping);
    int64_t groups = 1;
    for (int32_t i = 0; i < grouping->keys_count; ++i) {
        pyr_direct_key *key = &grouping->direct[i];
        int64_t max = 0;
        if (!pyr_expression_bounds(sink->node->input, sink->keys[grouping->keys[i]], &key->min,
                                   &max, &key->nullable)) {
            return false;
        }
        if (key->min > max) { /* no value at all */
            key->min = max = 0;
        }
        int64_t distance = 0;
        if (__builtin_sub_overflow(max, key->min, &distance) || distance > most) {
            return false;
        }
        key->values = distance + 1 + (key->nullable ? 1 : 0);
        key->factor = groups;
        if (__builtin_mul_overflow(groups, key->values, &groups) || groups > most) {
            return false;
        }
    }
    grouping->groups = groups;
    return true;
}

/* Whether each row of an array of so many bytes misses the cache. */
static bool misses_cache(const pyr_aggregate_sink *sink, int64_t bytes) {
    return bytes > CACHED_BYTES_MAX ||
           (bytes > OWN_CACHE_BYTES_MAX && sink->node->input->rows_estimate >= MEASURED_ROWS_MIN &&
            !pyr_shared_cache_is_near());
}

static bool none_fails(pyr_bound_expr *const *expressions, int32_t count) {
    for (int32_t i = 0; i < count; ++i) {
        if (expressions[i]->may_fail) {
            return false;
        }
    }
    return true;
}

/* Whether no row of a node can fail: those of a scan, by its conditions, and what is made of them.
 */
static bool never_fails(const pyr_node *node) {
    for (; node->kind == PYR_NODE_PROJECT; node = node->input) {
        if (!none_fails(node->as.project.expressions, node->columns_count)) {
            return false;
        }
    }
    return node->kind == PYR_NODE_SCAN &&
           none_fails(node->as.scan.filters, node->as.scan.filters_count);
}

static bool may_end(const pyr_grouping *grouping) {
    const pyr_aggregate_sink *sink = grouping->sink;
    bool may = grouping->bits && never_fails(sink->node->input);
    for (int32_t i = 0; i < grouping->keys_count && may; ++i) {
        may = !sink->expressions[grouping->keys[i]]->may_fail;
    }
    return may;
}

pyr_status pyr_direct_init(pyr_grouping *grouping, bool *is_direct, pyr_error *error) {
    const pyr_aggregate_sink *sink = grouping->sink;
    grouping->bits = sink->state_bytes == 0;
    grouping->may_end = may_end(grouping);
    *is_direct = false;
    grouping->direct = calloc((size_t)grouping->keys_count, sizeof(*grouping->direct));
    if (grouping->direct == NULL) {
        return pyr_error_memory(error, (size_t)grouping->keys_count * sizeof(*grouping->direct));
    }
    if (!number_keys(grouping)) {
        return PYR_OK;
    }
    int64_t bytes = grouping->bits ? (int64_t)met_bytes(grouping)
                                   : grouping->groups * (int64_t)sink->state_bytes;
    if (!grouping->bits && bytes > CACHED_BYTES_MAX &&
        (double)grouping->groups > sink->node->input->rows_estimate * GROUPS_PER_ROW_MAX) {
        return PYR_OK;
    }
    if (misses_cache(sink, bytes) && pyr_ranges_init(grouping)) {
        *is_direct = true;
        return PYR_OK;
    }
    /* A worker has all of them. */
    size_t all = ((size_t)grouping->groups * (sink->state_bytes + 1)) * (sink->exec->workers + 1);
    *is_direct = bytes <= DIRECT_BYTES_MAX && pyr_direct_fits(sink, all);
    grouping->fused_lanes = *is_direct ? pyr_fused_lanes(grouping) : 0;
    return PYR_OK;
}

/* ---- Memory. ---- */

pyr_status pyr_direct_make(const pyr_grouping *grouping, bool cleared, pyr_direct_groups *out,
                           pyr_error *error) {
    pyr_budget *budget = grouping->sink->exec->budget;
    size_t states = (size_t)grouping->groups * grouping->sink->state_bytes;
    size_t lanes_at = (states + met_bytes(grouping) + 7) & ~(size_t)7;
    size_t bytes = lanes_at;
    bytes += grouping->fused_lanes > 1 ? states * (size_t)(grouping->fused_lanes - 1) : 0;
    size_t taken = bytes;
    uint8_t *block = bytes < PYR_PAGES_MIN_BYTES ? malloc(bytes) : pyr_pages_take(bytes, &taken);
    if (block == NULL) {
        return pyr_error_memory(error, bytes);
    }
    if (budget != NULL && !pyr_budget_take(budget, taken)) {
        if (taken < PYR_PAGES_MIN_BYTES) {
            free(block);
        } else {
            pyr_pages_give(block, taken);
        }
        return pyr_error_set(error, PYR_ERROR_MEMORY, "%lld groups pass the memory limit",
                             (long long)grouping->groups);
    }
    double *lanes = (double *)(void *)(block + lanes_at);
    *out = (pyr_direct_groups){block, block + states, lanes, taken};
    if (grouping->fused_lanes > 0) {
        memset(out->met, 0, met_bytes(grouping));
        pyr_fused_begin(grouping, out);
    } else if (cleared) {
        memset(block, 0, bytes);
    }
    return PYR_OK;
}

static void free_groups(const pyr_grouping *grouping, pyr_direct_groups *groups) {
    if (groups->states == NULL) {
        return;
    }
    pyr_aggregate_destroy_states(grouping->sink, groups->states, grouping->sink->state_bytes,
                                 grouping->groups);
    if (groups->bytes < PYR_PAGES_MIN_BYTES) {
        free(groups->states);
    } else {
        pyr_pages_give(groups->states, groups->bytes);
    }
    if (grouping->sink->exec->budget != NULL) {
        pyr_budget_give(grouping->sink->exec->budget, groups->bytes);
    }
    *groups = (pyr_direct_groups){0};
}

void pyr_direct_deinit(pyr_grouping *grouping) {
    free_groups(grouping, &grouping->all);
    pyr_ranges_deinit(grouping);
}

void pyr_direct_state_deinit(pyr_grouping_state *state) {
    free_groups(state->grouping, &state->direct);
    if (state->grouping->ranges != NULL) {
        pyr_radix_state_deinit(state);
    }
}

/* ---- Numbers. ---- */

#define NUMBER(TYPE)                                                                      \
    do {                                                                                  \
        const TYPE *values = vector->data;                                                \
        for (int32_t i = 0; i < count; ++i) {                                             \
            int32_t row = rows != NULL ? rows[i] : i;                                     \
            int64_t value = (int64_t)values[vector->constant ? 0 : row];                  \
            uint32_t part = (uint32_t)(((uint64_t)value - base) * (uint64_t)key->factor); \
            groups[i] = first ? part : groups[i] + part;                                  \
        }                                                                                 \
    } while (0)

static void add_bits(const pyr_direct_key *key, uint64_t base, const pyr_vector *vector,
                     const uint16_t *rows, int32_t count, bool first, uint32_t *groups) {
    const uint64_t *bits = vector->data;
    for (int32_t i = 0; i < count; ++i) {
        int32_t row = vector->constant ? 0 : rows != NULL ? rows[i] : i;
        uint64_t value = (bits[row >> 6] >> (row & 63)) & 1;
        uint32_t part = (uint32_t)((value - base) * (uint64_t)key->factor);
        groups[i] = first ? part : groups[i] + part;
    }
}

/* Adds the key's part to each group, which is nothing yet for the first key. */
static void add_values(const pyr_direct_key *key, const pyr_vector *vector, const uint16_t *rows,
                       int32_t count, bool first, uint32_t *groups) {
    uint64_t base =
        (uint64_t)key->min - (key->nullable ? 1 : 0); /* min may be the least there is */
    switch (vector->physical) {
    case PYR_PHYSICAL_BIT:
        add_bits(key, base, vector, rows, count, first, groups);
        break;
    case PYR_PHYSICAL_I8:
        NUMBER(int8_t);
        break;
    case PYR_PHYSICAL_U8:
        NUMBER(uint8_t);
        break;
    case PYR_PHYSICAL_I16:
        NUMBER(int16_t);
        break;
    case PYR_PHYSICAL_U16:
        NUMBER(uint16_t);
        break;
    case PYR_PHYSICAL_I32:
        NUMBER(int32_t);
        break;
    case PYR_PHYSICAL_U32:
        NUMBER(uint32_t);
        break;
    default:
        NUMBER(int64_t);
        break;
    }
}

static int64_t value_at(const pyr_vector *vector, int32_t row) {
    int32_t at = vector->constant ? 0 : row;
    switch (vector->physical) {
    case PYR_PHYSICAL_BIT:
        return (int64_t)((((const uint64_t *)vector->data)[at >> 6] >> (at & 63)) & 1);
    case PYR_PHYSICAL_I8:
        return ((const int8_t *)vector->data)[at];
    case PYR_PHYSICAL_U8:
        return ((const uint8_t *)vector->data)[at];
    case PYR_PHYSICAL_I16:
        return ((const int16_t *)vector->data)[at];
    case PYR_PHYSICAL_U16:
        return ((const uint16_t *)vector->data)[at];
    case PYR_PHYSICAL_I32:
        return ((const int32_t *)vector->data)[at];
    case PYR_PHYSICAL_U32:
        return ((const uint32_t *)vector->data)[at];
    default:
        return ((const int64_t *)vector->data)[at];
    }
}

/* A NULL's place is 0, whatever value lies under it. */
static void add_nullable(const pyr_direct_key *key, const pyr_vector *vector, const uint16_t *rows,
                         int32_t count, bool first, uint32_t *groups) {
    if (first) {
        memset(groups, 0, (size_t)count * sizeof(*groups));
    }
    for (int32_t i = 0; i < count; ++i) {
        int32_t row = rows != NULL ? rows[i] : i;
        if (!pyr_vector_is_null(vector, row)) {
            groups[i] += (uint32_t)((value_at(vector, row) - key->min + (key->nullable ? 1 : 0)) *
                                    key->factor);
        }
    }
}

static void note_met(const pyr_grouping *grouping, uint8_t *met, const uint32_t *groups,
                     int32_t count) {
    if (grouping->bits) {
        pyr_bits_mark((uint64_t *)(void *)met, groups, count);
        return;
    }
    for (int32_t i = 0; i < count; ++i) {
        met[groups[i]] = 1;
    }
}

/* The keys of a few rows are read before the first bit is set: a store might be of what they are.
 */
#define MARK(TYPE)                                                                                \
    do {                                                                                          \
        const TYPE *values = key->data;                                                           \
        uint32_t groups[4];                                                                       \
        int32_t i = 0;                                                                            \
        for (; i + 4 <= count; i += 4) {                                                          \
            for (int32_t j = 0; j < 4; ++j) {                                                     \
                groups[j] =                                                                       \
                    (uint32_t)((uint64_t)(int64_t)values[rows != NULL ? rows[i + j] : i + j] -    \
                               base);                                                             \
            }                                                                                     \
            pyr_bits_mark(bits, groups, 4);                                                       \
        }                                                                                         \
        for (; i < count; ++i) {                                                                  \
            groups[0] = (uint32_t)((uint64_t)(int64_t)values[rows != NULL ? rows[i] : i] - base); \
            pyr_bits_mark(bits, groups, 1);                                                       \
        }                                                                                         \
    } while (0)

/* One plain key of which only is asked whether it was met: its bit, without a list of numbers in
 * between. false: it is not so. */
static bool mark_keys(const pyr_grouping_state *state, const pyr_vector *vectors,
                      const uint16_t *rows, int32_t count) {
    const pyr_grouping *grouping = state->grouping;
    const pyr_vector *key = &vectors[grouping->keys[0]];
    uint64_t *bits = (uint64_t *)(void *)state->direct.met;
    uint64_t base = (uint64_t)grouping->direct[0].min - (grouping->direct[0].nullable ? 1 : 0);
    if (!grouping->bits || grouping->keys_count > 1 || !pyr_key_is_plain(key)) {
        return false;
    }
    if (key->physical == PYR_PHYSICAL_I64) {
        MARK(int64_t);
    } else {
        MARK(int32_t);
    }
    return true;
}

/* Once a worker met all groups that there can be, as the zone maps say, no further row needs to be
 * read. The words that are full are counted as they become so: a chunk looks at one more. */
static void note_all_met(pyr_grouping_state *state) {
    pyr_grouping *grouping = state->grouping;
    const uint64_t *bits = (const uint64_t *)(const void *)state->direct.met;
    int64_t words = (grouping->groups + 63) / 64;
    while (grouping->may_end && state->words_met < words) {
        int64_t left = grouping->groups - 64 * state->words_met;
        uint64_t wanted = left < 64 ? (UINT64_C(1) << left) - 1 : UINT64_MAX;
        if ((bits[state->words_met] & wanted) != wanted) {
            return;
        }
        ++state->words_met;
    }
    if (grouping->may_end) {
        atomic_store_explicit(&grouping->all_met, true, memory_order_relaxed);
    }
}

pyr_status pyr_direct_consume(pyr_grouping_state *state, const pyr_vector *vectors,
                              const pyr_chunk *chunk, const uint16_t *rows, pyr_error *error) {
    const pyr_grouping *grouping = state->grouping;
    uint32_t *groups = state->groups;
    if (state->direct.states == NULL && grouping->ranges == NULL) {
        PYR_TRY(pyr_direct_make(grouping, true, &state->direct, error));
    }
    if (grouping->fused_lanes > 0 && pyr_fused_consume(state, vectors, rows, chunk->selected)) {
        return PYR_OK;
    }
    if (grouping->ranges == NULL && mark_keys(state, vectors, rows, chunk->selected)) {
        note_all_met(state);
        return PYR_OK;
    }
    if (grouping->ranges != NULL && pyr_ranges_takes_keys(grouping, vectors)) {
        return pyr_ranges_consume_keys(state, vectors, rows, chunk->selected, error);
    }
    for (int32_t i = 0; i < grouping->keys_count; ++i) {
        const pyr_vector *vector = &vectors[grouping->keys[i]];
        if (vector->validity != NULL) {
            add_nullable(&grouping->direct[i], vector, rows, chunk->selected, i == 0, groups);
        } else {
            add_values(&grouping->direct[i], vector, rows, chunk->selected, i == 0, groups);
        }
    }
    if (grouping->ranges != NULL) {
        return pyr_ranges_consume(state, vectors, rows, chunk->selected, error);
    }
    note_met(grouping, state->direct.met, groups, chunk->selected);
    if (grouping->bits) {
        note_all_met(state);
        return PYR_OK;
    }
    return pyr_aggregate_update(grouping->sink, vectors, chunk, rows, state->direct.states,
                                grouping->sink->state_bytes, groups, &state->arena, error);
}

/* The groups that a worker met, added to those of all. */
static pyr_status add_groups(pyr_grouping_state *state, pyr_error *error) {
    pyr_grouping *grouping = state->grouping;
    size_t stride = grouping->sink->state_bytes;
    size_t met = met_bytes(grouping);
    for (size_t i = 0; i < met; ++i) {
        grouping->all.met[i] |= state->direct.met[i];
    }
    if (stride == 0) {
        return PYR_OK;
    }
    for (int64_t first = 0; first < grouping->groups; first += PYR_VECTOR_ROWS) {
        int64_t left = grouping->groups - first;
        int32_t count = (int32_t)(left < PYR_VECTOR_ROWS ? left : PYR_VECTOR_ROWS);
        for (int32_t i = 0; i < count; ++i) {
            state->groups[i] = (uint32_t)i;
        }
        PYR_TRY(pyr_aggregate_combine(
            grouping->sink, grouping->all.states + (size_t)first * stride, stride, state->groups,
            state->direct.states + (size_t)first * stride, stride, count, &grouping->arena, error));
    }
    return PYR_OK;
}

pyr_status pyr_direct_combine(pyr_grouping_state *state, pyr_error *error) {
    pyr_grouping *grouping = state->grouping;
    pyr_status status = PYR_OK;
    if (grouping->ranges != NULL) {
        return pyr_radix_combine(state, error);
    }
    if (state->direct.states == NULL) {
        return PYR_OK;
    }
    if (grouping->fused_lanes > 0) {
        pyr_fused_end(grouping, &state->direct);
    }
    pthread_mutex_lock(&grouping->lock);
    if (grouping->all.states == NULL) {
        /* The first worker's array is everybody's; what it points to as well. */
        grouping->all = state->direct;
        pyr_arena_deinit(&grouping->arena);
        grouping->arena = state->arena;
        pyr_arena_init(&state->arena, grouping->sink->exec->budget);
        state->direct = (pyr_direct_groups){0};
    } else {
        status = add_groups(state, error);
    }
    pthread_mutex_unlock(&grouping->lock);
    return status;
}
