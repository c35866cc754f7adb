/* aggregate_source.c - a finished aggregation's groups as chunks: keys, then aggregates. */
#include "exec/aggregate_sink.h"

#include <stdlib.h>
#include <string.h>

enum { DIRECT_MORSEL = 32 * PYR_VECTOR_ROWS };

/* Some groups of one grouping. */
typedef struct morsel {
    pyr_grouping *grouping;
    pyr_partition *partition; /* HASH; NULL: of a unit that was spilled */
    int64_t first, end;       /* groups */
    int unit;                 /* that was spilled; -1: none */
} morsel;

typedef struct aggregate_source {
    pyr_morsel_source source;
    pyr_aggregate_sink *sink;
    int64_t count, capacity;
    morsel *morsels;
    pyr_source_order order; /* by a function's result; bound NULL: none */
} aggregate_source;

typedef struct source_state {
    pyr_arena arena;
    int32_t columns_count;
    pyr_vector *columns;
    pyr_vector_buffer *buffers;
    uint8_t *states;  /* DIRECT: rows of states, side by side */
    uint32_t *groups; /* DIRECT: of a chunk */
    morsel at;
    pyr_spilled_groups *spilled; /* of a unit */
} source_state;

/* ---- Morsels. ---- */

static pyr_status add_morsel(aggregate_source *self, morsel one, pyr_error *error) {
    if (self->count == self->capacity) {
        int64_t larger = self->capacity == 0 ? PYR_PARTITIONS : 2 * self->capacity;
        morsel *grown = realloc(self->morsels, (size_t)larger * sizeof(*grown));
        if (grown == NULL) {
            return pyr_error_memory(error, (size_t)larger * sizeof(*grown));
        }
        self->morsels = grown;
        self->capacity = larger;
    }
    self->morsels[self->count++] = one;
    return PYR_OK;
}

static pyr_status add_grouping(aggregate_source *self, pyr_grouping *grouping, pyr_error *error) {
    if (grouping->kind == PYR_GROUPING_NONE) {
        return add_morsel(self, (morsel){grouping, NULL, 0, 1, -1}, error);
    }
    if (grouping->kind == PYR_GROUPING_DIRECT) {
        for (int64_t i = 0; grouping->all.states != NULL && i < grouping->groups;
             i += DIRECT_MORSEL) {
            int64_t end =
                i + DIRECT_MORSEL < grouping->groups ? i + DIRECT_MORSEL : grouping->groups;
            PYR_TRY(add_morsel(self, (morsel){grouping, NULL, i, end, -1}, error));
        }
        return PYR_OK;
    }
    for (int unit = 0; grouping->spilling && unit < PYR_SPILL_PARTS; ++unit) {
        PYR_TRY(add_morsel(self, (morsel){grouping, NULL, 0, 0, unit}, error));
    }
    for (int32_t i = 0; !grouping->spilling && i < grouping->partitions_count; ++i) {
        pyr_partition *partition = &grouping->partitions[i];
        if (partition->table.count > 0) {
            PYR_TRY(add_morsel(self, (morsel){grouping, partition, 0, partition->table.count, -1},
                               error));
        }
    }
    return PYR_OK;
}

static pyr_status start(pyr_morsel_source *source, int64_t *morsels, pyr_error *error) {
    aggregate_source *self = (aggregate_source *)source;
    for (int32_t i = 0; i < self->sink->groupings_count; ++i) {
        PYR_TRY(add_grouping(self, &self->sink->groupings[i], error));
    }
    *morsels = self->count;
    return PYR_OK;
}

/* ---- A worker. ---- */

int64_t pyr_aggregate_sink_count(const pyr_sink *sink) {
    const pyr_aggregate_sink *self = (const pyr_aggregate_sink *)sink;
    const pyr_grouping *grouping = &self->groupings[0];
    if (self->groupings_count != 1 || grouping->keys_count != 1) {
        return -1;
    }
    if (grouping->kind == PYR_GROUPING_DIRECT && grouping->bits) {
        if (grouping->all.met == NULL) {
            return 0;
        }
        int64_t count = pyr_bits_count_set(grouping->all.met, 0, grouping->groups);
        return grouping->direct[0].nullable && pyr_bit_get(grouping->all.met, 0) ? count - 1
                                                                                 : count;
    }
    /* Without a bit for NULL there is none, or it stands among the key's bytes. */
    const struct pyr_group_key *key = &grouping->encoding.keys[0];
    if (grouping->kind != PYR_GROUPING_HASH || grouping->spilling || key->null_bit >= 0 ||
        !(key->in_words || key->plain)) {
        return -1;
    }
    int64_t count = 0;
    for (int32_t i = 0; i < grouping->partitions_count; ++i) {
        count += grouping->partitions[i].table.count;
    }
    return count;
}

static void worker_destroy(pyr_morsel_source *source, void *state) {
    source_state *self = state;
    (void)source;
    pyr_spilled_groups_destroy(self->spilled);
    pyr_arena_deinit(&self->arena);
    free(self);
}

static pyr_status worker_create(pyr_morsel_source *source, void **state, pyr_error *error) {
    const pyr_aggregate_sink *sink = ((const aggregate_source *)source)->sink;
    source_state *self = calloc(1, sizeof(*self));
    *state = self;
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    pyr_arena_init(&self->arena, sink->exec->budget);
    self->columns_count = sink->keys_count + sink->functions_count;
    size_t columns = (size_t)self->columns_count;
    self->columns = pyr_arena_array(&self->arena, columns + 1, sizeof(*self->columns));
    self->buffers = pyr_arena_array(&self->arena, columns + 1, sizeof(*self->buffers));
    self->states = pyr_arena_alloc(&self->arena, PYR_VECTOR_ROWS * sink->state_bytes + 8);
    self->groups = pyr_arena_array(&self->arena, PYR_VECTOR_ROWS, sizeof(*self->groups));
    if (self->columns == NULL || self->buffers == NULL || self->states == NULL ||
        self->groups == NULL) {
        return pyr_arena_error(&self->arena, error);
    }
    for (int32_t i = 0; i < self->columns_count; ++i) {
        pyr_physical physical = i < sink->keys_count ? pyr_sql_type_physical(sink->keys[i]->type)
                                                     : sink->functions[i - sink->keys_count].result;
        PYR_TRY(pyr_vector_buffer_init(&self->buffers[i], physical, &self->arena, error));
        self->columns[i].physical = physical;
        self->columns[i].data = self->buffers[i].data;
    }
    return PYR_OK;
}

static pyr_status open_morsel(pyr_morsel_source *source, void *state, int64_t number,
                              pyr_error *error) {
    source_state *self = state;
    self->at = ((const aggregate_source *)source)->morsels[number];
    pyr_spilled_groups_destroy(self->spilled);
    self->spilled = NULL;
    return self->at.unit >= 0
               ? pyr_spilled_groups_create(self->at.grouping, self->at.unit, &self->spilled, error)
               : PYR_OK;
}

/* The next table of a unit that was spilled. */
static pyr_status next_table(source_state *self, pyr_error *error) {
    PYR_TRY(pyr_spilled_groups_next(self->spilled, &self->at.partition, error));
    self->at.first = 0;
    self->at.end = self->at.partition != NULL ? self->at.partition->table.count : 0;
    return PYR_OK;
}

/* ---- Chunks. ---- */

static void begin_column(source_state *self, int32_t column) {
    memset(self->buffers[column].validity, 0xff, PYR_VECTOR_WORDS * sizeof(uint64_t));
    self->columns[column].validity = self->buffers[column].validity;
    self->columns[column].constant = false;
}

/* Columns of which no value is NULL say so: who reads them has less to do then. Bits are set from
 * the beginning, so those behind the last row are. */
static void end_columns(source_state *self) {
    for (int32_t i = 0; i < self->columns_count; ++i) {
        const uint64_t *validity = self->columns[i].validity;
        uint64_t all = UINT64_MAX;
        for (int32_t w = 0; validity != NULL && w < PYR_VECTOR_WORDS; ++w) {
            all &= validity[w];
        }
        self->columns[i].validity = all == UINT64_MAX ? NULL : validity;
    }
}

/* Keys that the grouping has not are NULL. */
static void null_keys(source_state *self, int32_t keys_count) {
    for (int32_t i = 0; i < keys_count; ++i) {
        memset(self->buffers[i].validity, 0, PYR_VECTOR_WORDS * sizeof(uint64_t));
        self->columns[i].validity = self->buffers[i].validity;
        self->columns[i].constant = true;
    }
}

static void put_set(const pyr_grouping *grouping, int64_t *out, int32_t count) {
    uint64_t set = 0;
    for (int32_t i = 0; i < grouping->keys_count; ++i) {
        set |= UINT64_C(1) << grouping->keys[i];
    }
    for (int32_t i = 0; i < count; ++i) {
        out[i] = (int64_t)set;
    }
}

/* States of some groups, side by side or a row of the table apart. */
typedef struct states_span {
    uint8_t *states;
    size_t stride;
    int32_t count;
} states_span;

static pyr_status finalize_one(const pyr_aggregate_sink *sink, source_state *self, int32_t index,
                               states_span of, pyr_error *error) {
    const pyr_aggregate_function *function = &sink->functions[index];
    int32_t column = sink->keys_count + index;
    begin_column(self, column);
    if (function->aggregate->op == PYR_AGGREGATE_SET) {
        put_set(self->at.grouping, self->buffers[column].data, of.count);
        return PYR_OK;
    }
    return function->finalize(function, of.states + sink->offsets[index], of.stride, of.count,
                              self->buffers[column].data, self->buffers[column].validity, error);
}

/* All functions' results but that of the order, which is there already. */
static pyr_status finalize(const aggregate_source *from, source_state *self, states_span of,
                           pyr_error *error) {
    const pyr_aggregate_sink *sink = from->sink;
    for (int32_t i = 0; i < sink->functions_count; ++i) {
        if (from->order.bound == NULL || from->order.column != sink->keys_count + i) {
            PYR_TRY(finalize_one(sink, self, i, of, error));
        }
    }
    return PYR_OK;
}

/* Makes the result that a top-n orders by, if one does. *unwanted: none of the groups is among its
 * rows, and nothing else is to be made. */
static pyr_status order_first(const aggregate_source *from, source_state *self, states_span of,
                              bool *unwanted, pyr_error *error) {
    const pyr_source_order *order = &from->order;
    *unwanted = false;
    if (order->bound == NULL || of.count == 0) {
        return PYR_OK;
    }
    PYR_TRY(finalize_one(from->sink, self, order->column - from->sink->keys_count, of, error));
    *unwanted = pyr_source_order_excludes(order, &self->columns[order->column], of.count);
    return PYR_OK;
}

static pyr_status hash_chunk(const aggregate_source *from, source_state *self, int32_t count,
                             bool *unwanted, pyr_error *error) {
    const pyr_grouping *grouping = self->at.grouping;
    pyr_group_table *table = &self->at.partition->table;
    uint32_t first = (uint32_t)self->at.first;
    states_span of = {pyr_group_row(table, first) + table->key_bytes, table->stride, count};
    PYR_TRY(order_first(from, self, of, unwanted, error));
    if (*unwanted) {
        return PYR_OK;
    }
    for (int32_t i = 0; i < grouping->keys_count; ++i) {
        int32_t column = grouping->keys[i];
        begin_column(self, column);
        pyr_group_keys_decode(&grouping->encoding, i, table, first, count,
                              self->buffers[column].data, self->buffers[column].validity);
    }
    return finalize(from, self, of, error);
}

static void put_integer(pyr_physical physical, void *data, int32_t i, int64_t value) {
    uint64_t bit = UINT64_C(1) << (i & 63);
    switch (physical) {
    case PYR_PHYSICAL_BIT:
        ((uint64_t *)data)[i >> 6] =
            value != 0 ? ((uint64_t *)data)[i >> 6] | bit : ((uint64_t *)data)[i >> 6] & ~bit;
        break;
    case PYR_PHYSICAL_I8:
    case PYR_PHYSICAL_U8:
        ((uint8_t *)data)[i] = (uint8_t)value;
        break;
    case PYR_PHYSICAL_I16:
    case PYR_PHYSICAL_U16:
        ((uint16_t *)data)[i] = (uint16_t)value;
        break;
    case PYR_PHYSICAL_I32:
    case PYR_PHYSICAL_U32:
        ((uint32_t *)data)[i] = (uint32_t)value;
        break;
    default:
        ((int64_t *)data)[i] = value;
        break;
    }
}

/* A key's values of groups self->groups. */
static void put_keys(const pyr_grouping *grouping, source_state *self, int32_t index,
                     int32_t count) {
    const pyr_direct_key *key = &grouping->direct[index];
    int32_t column = grouping->keys[index];
    pyr_physical physical = self->columns[column].physical;
    void *data = self->buffers[column].data;
    if (grouping->keys_count == 1 && !key->nullable && physical == PYR_PHYSICAL_I64) {
        for (int32_t i = 0; i < count; ++i) {
            ((int64_t *)data)[i] = key->min + (int64_t)self->groups[i];
        }
        return;
    }
    for (int32_t i = 0; i < count; ++i) {
        int64_t place = (int64_t)self->groups[i];
        if (grouping->keys_count > 1) {
            place = place / key->factor % key->values;
        }
        if (key->nullable && place == 0) {
            self->buffers[column].validity[i >> 6] &= ~(UINT64_C(1) << (i & 63));
        } else {
            put_integer(physical, data, i, key->min + (place - (key->nullable ? 1 : 0)));
        }
    }
}

/* The next groups that were met, at most a vector of them: fewer at the morsel's end. */
static int32_t find_met(source_state *self) {
    const pyr_direct_groups *all = &self->at.grouping->all;
    bool bits = self->at.grouping->bits;
    int32_t count = 0;
    int64_t group = self->at.first;
    for (; group < self->at.end && count < PYR_VECTOR_ROWS; ++group) {
        if (bits && (group & 63) == 0 &&
            ((const uint64_t *)(const void *)all->met)[group >> 6] == 0) {
            group += 63;
            continue;
        }
        self->groups[count] = (uint32_t)group;
        count += pyr_direct_met(all, bits, group);
    }
    self->at.first = group;
    return count;
}

static pyr_status direct_chunk(const aggregate_source *from, source_state *self, int32_t *count,
                               bool *unwanted, pyr_error *error) {
    const pyr_grouping *grouping = self->at.grouping;
    size_t stride = from->sink->state_bytes;
    *count = find_met(self);
    if (stride == 8) { /* one sum or count: the common case */
        for (int32_t i = 0; i < *count; ++i) {
            memcpy(self->states + (size_t)i * 8, grouping->all.states + (size_t)self->groups[i] * 8,
                   8);
        }
    } else {
        for (int32_t i = 0; i < *count; ++i) {
            memcpy(self->states + (size_t)i * stride,
                   grouping->all.states + (size_t)self->groups[i] * stride, stride);
        }
    }
    states_span of = {self->states, stride, *count};
    PYR_TRY(order_first(from, self, of, unwanted, error));
    if (*unwanted || *count == 0) {
        return PYR_OK;
    }
    for (int32_t i = 0; i < grouping->keys_count; ++i) {
        begin_column(self, grouping->keys[i]);
        put_keys(grouping, self, i, *count);
    }
    return finalize(from, self, of, error);
}

static pyr_status next(pyr_morsel_source *source, void *state, pyr_chunk *chunk, pyr_error *error) {
    const aggregate_source *from = (const aggregate_source *)source;
    source_state *self = state;
    bool unwanted = false;
    if (self->at.unit >= 0 && self->at.first == self->at.end) {
        PYR_TRY(next_table(self, error));
    }
    int64_t left = self->at.end - self->at.first;
    int32_t count = (int32_t)(left < PYR_VECTOR_ROWS ? left : PYR_VECTOR_ROWS);
    memset(chunk, 0, sizeof(*chunk));
    if (count <= 0) {
        return PYR_OK;
    }
    null_keys(self, from->sink->keys_count);
    switch (self->at.grouping->kind) {
    case PYR_GROUPING_NONE:
        for (int32_t i = 0; i < from->sink->functions_count; ++i) {
            states_span one = {self->at.grouping->state, 0, 1};
            PYR_TRY(finalize_one(from->sink, self, i, one, error));
        }
        ++self->at.first;
        break;
    case PYR_GROUPING_DIRECT:
        PYR_TRY(direct_chunk(from, self, &count, &unwanted, error));
        break;
    case PYR_GROUPING_HASH:
        PYR_TRY(hash_chunk(from, self, count, &unwanted, error));
        self->at.first += count;
        break;
    }
    if (!unwanted) {
        end_columns(self);
    }
    chunk->rows = count;
    chunk->selected = unwanted ? 0 : count;
    chunk->columns_count = self->columns_count;
    chunk->columns = self->columns;
    return PYR_OK;
}

static void destroy(pyr_morsel_source *source) {
    aggregate_source *self = (aggregate_source *)source;
    free(self->morsels);
    free(self);
}

static const pyr_morsel_source_ops ops = {start,       worker_create, worker_destroy,
                                          open_morsel, next,          destroy};

/* Results that are quickly made: an order by another one looks at whole groups. */
static bool is_plain(pyr_aggregate_op op) {
    switch (op) {
    case PYR_AGGREGATE_COUNT_STAR:
    case PYR_AGGREGATE_COUNT:
    case PYR_AGGREGATE_SUM:
    case PYR_AGGREGATE_SUM_NO_OVERFLOW:
    case PYR_AGGREGATE_AVG:
    case PYR_AGGREGATE_MIN:
    case PYR_AGGREGATE_MAX:
        return true;
    default:
        return false;
    }
}

void pyr_aggregate_source_set_order(pyr_morsel_source *source, const pyr_source_order *order) {
    aggregate_source *self = (aggregate_source *)source;
    int32_t function = order->column - self->sink->keys_count;
    if (function >= 0 && is_plain(self->sink->functions[function].aggregate->op)) {
        self->order = *order;
    }
}

pyr_status pyr_aggregate_source_create(pyr_sink *sink, pyr_morsel_source **out, pyr_error *error) {
    *out = NULL;
    aggregate_source *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->source.ops = &ops;
    self->source.node = sink->node;
    self->sink = (pyr_aggregate_sink *)sink;
    *out = &self->source;
    return PYR_OK;
}
