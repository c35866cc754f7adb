/* aggregate.c - AGGREGATE and DISTINCT as a sink: expressions, groupings, one worker's rows. */
#include "exec/aggregate_sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct worker_state {
    pyr_eval *eval;
    pyr_vector *vectors;
    pyr_key_room *room;
    uint32_t *groups;
    pyr_grouping_state *groupings;
} worker_state;

/* ---- States of all functions in a row. ---- */

/* The rows of a chunk that pass an aggregate's FILTER, with their groups. */
static int32_t filter_rows(const pyr_vector *filter, const uint16_t *rows, int32_t count,
                           const uint32_t *groups, uint16_t *passed, uint32_t *passed_groups,
                           uint64_t *mask) {
    const uint64_t *bits = filter->data;
    int32_t kept = 0;
    memset(mask, 0, PYR_VECTOR_WORDS * sizeof(*mask));
    for (int32_t i = 0; i < count; ++i) {
        int32_t row = rows != NULL ? rows[i] : i;
        int32_t at = filter->constant ? 0 : row;
        if (!pyr_vector_is_null(filter, row) && ((bits[at >> 6] >> (at & 63)) & 1) != 0) {
            passed[kept] = (uint16_t)row;
            if (groups != NULL) {
                passed_groups[kept] = groups[i];
            }
            mask[row >> 6] |= UINT64_C(1) << (row & 63);
            ++kept;
        }
    }
    return kept;
}

static pyr_status update_filtered(const pyr_aggregate_function *function, const pyr_vector *filter,
                                  pyr_aggregate_input input, pyr_error *error) {
    uint16_t rows[PYR_VECTOR_ROWS];
    uint32_t groups[PYR_VECTOR_ROWS];
    uint64_t mask[PYR_VECTOR_WORDS];
    input.count = filter_rows(filter, input.rows, input.count, input.groups, rows, groups, mask);
    input.rows = rows;
    input.mask = mask;
    input.groups = input.groups != NULL ? groups : NULL;
    return input.count > 0 ? function->update(function, &input, error) : PYR_OK;
}

pyr_status pyr_aggregate_update(const pyr_aggregate_sink *sink, const pyr_vector *vectors,
                                const pyr_chunk *chunk, const uint16_t *rows, uint8_t *states,
                                size_t stride, const uint32_t *groups, pyr_arena *arena,
                                pyr_error *error) {
    for (int32_t i = 0; i < sink->functions_count; ++i) {
        const pyr_aggregate_function *function = &sink->functions[i];
        pyr_aggregate_input input = {.arguments = vectors + sink->arguments[i],
                                     .rows = rows,
                                     .mask = chunk->mask,
                                     .count = chunk->selected,
                                     .span = chunk->rows,
                                     .states = states + sink->offsets[i],
                                     .stride = stride,
                                     .groups = groups,
                                     .arena = arena};
        if (sink->filters[i] >= 0) {
            PYR_TRY(update_filtered(function, &vectors[sink->filters[i]], input, error));
        } else {
            PYR_TRY(function->update(function, &input, error));
        }
    }
    return PYR_OK;
}

pyr_status pyr_aggregate_combine(const pyr_aggregate_sink *sink, uint8_t *into, size_t stride,
                                 const uint32_t *groups, uint8_t *from, size_t from_stride,
                                 int32_t count, pyr_arena *arena, pyr_error *error) {
    for (int32_t i = 0; i < sink->functions_count; ++i) {
        const pyr_aggregate_function *function = &sink->functions[i];
        PYR_TRY(function->combine(function, into + sink->offsets[i], stride, groups,
                                  from + sink->offsets[i], from_stride, count, arena, error));
    }
    return PYR_OK;
}

void pyr_aggregate_destroy_states(const pyr_aggregate_sink *sink, uint8_t *states, size_t stride,
                                  int64_t count) {
    for (int32_t i = 0; i < sink->functions_count && states != NULL; ++i) {
        const pyr_aggregate_function *function = &sink->functions[i];
        if (function->destroy != NULL) {
            function->destroy(function, states + sink->offsets[i], stride, count);
        }
    }
}

/* ---- A worker. ---- */

static void grouping_state_deinit(pyr_grouping_state *state) {
    if (state->grouping == NULL) {
        return;
    }
    pyr_hash_state_deinit(state);
    pyr_direct_state_deinit(state);
    pyr_aggregate_destroy_states(state->grouping->sink, state->state, 0, state->state != NULL);
    free(state->state);
    free(state->keys);
    pyr_arena_deinit(&state->arena);
}

static void worker_destroy(pyr_sink *sink, void *state) {
    const pyr_aggregate_sink *of = (const pyr_aggregate_sink *)sink;
    worker_state *self = state;
    for (int32_t i = 0; self->groupings != NULL && i < of->groupings_count; ++i) {
        grouping_state_deinit(&self->groupings[i]);
    }
    if (self->room != NULL) {
        pyr_arena_deinit(&self->room->encoded);
    }
    pyr_eval_destroy(self->eval);
    free(self->groupings);
    free(self->vectors);
    free(self->groups);
    free(self->room);
    free(self);
}

static pyr_status grouping_state_init(pyr_grouping_state *state, pyr_grouping *grouping,
                                      worker_state *worker, pyr_error *error) {
    state->grouping = grouping;
    state->room = worker->room;
    state->groups = worker->groups;
    pyr_arena_init(&state->arena, grouping->sink->exec->budget);
    state->keys = calloc((size_t)grouping->keys_count + 1, sizeof(*state->keys));
    if (state->keys == NULL) {
        return pyr_error_memory(error, (size_t)grouping->keys_count * sizeof(*state->keys));
    }
    if (grouping->kind == PYR_GROUPING_HASH) {
        return pyr_hash_state_init(state, error);
    }
    if (grouping->kind == PYR_GROUPING_NONE) {
        state->state = calloc(1, grouping->sink->state_bytes + 8);
        if (state->state == NULL) {
            return pyr_error_memory(error, grouping->sink->state_bytes);
        }
    }
    return PYR_OK;
}

static pyr_status worker_create(pyr_sink *sink, unsigned worker, void **state, pyr_error *error) {
    const pyr_aggregate_sink *of = (const pyr_aggregate_sink *)sink;
    worker_state *self = calloc(1, sizeof(*self));
    (void)worker;
    *state = self;
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->vectors = calloc((size_t)of->expressions_count + 1, sizeof(*self->vectors));
    self->groupings = calloc((size_t)of->groupings_count, sizeof(*self->groupings));
    self->groups = calloc(PYR_VECTOR_ROWS, sizeof(*self->groups));
    if (self->vectors == NULL || self->groupings == NULL || self->groups == NULL) {
        return pyr_error_memory(error, PYR_VECTOR_ROWS * sizeof(*self->groups));
    }
    bool hashes = false;
    for (int32_t i = 0; i < of->groupings_count; ++i) {
        hashes |= of->groupings[i].kind == PYR_GROUPING_HASH;
    }
    if (hashes) {
        self->room = malloc(sizeof(*self->room)); /* large, and written before it is read */
        if (self->room == NULL) {
            return pyr_error_memory(error, sizeof(*self->room));
        }
        pyr_arena_init(&self->room->encoded, of->exec->budget);
    }
    for (int32_t i = 0; i < of->groupings_count; ++i) {
        PYR_TRY(grouping_state_init(&self->groupings[i], &of->groupings[i], self, error));
    }
    return pyr_eval_create(of->expressions, of->expressions_count, of->exec->scalars,
                           of->exec->budget, &self->eval, error);
}

/* Whether somebody looks at a list of the rows, not at the mask alone. */
static bool wants_rows(const pyr_aggregate_sink *sink, const pyr_vector *vectors) {
    if (sink->groupings_count != 1 || sink->groupings[0].kind != PYR_GROUPING_NONE) {
        return true;
    }
    for (int32_t i = 0; i < sink->functions_count; ++i) {
        const pyr_aggregate_function *function = &sink->functions[i];
        const pyr_vector *argument = &vectors[sink->arguments[i]];
        if (sink->filters[i] >= 0 || !function->by_mask) {
            return true;
        }
        if (function->aggregate->arguments_count > 0 &&
            (argument->constant || argument->physical == PYR_PHYSICAL_BIT ||
             argument->physical == PYR_PHYSICAL_STRING)) {
            return true;
        }
    }
    return false;
}

static pyr_status consume(pyr_sink *sink, void *state, int64_t morsel, pyr_chunk *chunk,
                          pyr_error *error) {
    const pyr_aggregate_sink *of = (const pyr_aggregate_sink *)sink;
    worker_state *self = state;
    uint16_t room[PYR_VECTOR_ROWS + 16];
    (void)morsel;
    PYR_TRY(pyr_eval_run(self->eval, chunk, self->vectors, error));
    const uint16_t *rows = chunk->selected < chunk->rows && wants_rows(of, self->vectors)
                               ? pyr_chunk_rows(chunk, room)
                               : NULL;
    for (int32_t i = 0; i < of->groupings_count; ++i) {
        pyr_grouping_state *grouping = &self->groupings[i];
        switch (of->groupings[i].kind) {
        case PYR_GROUPING_NONE:
            PYR_TRY(pyr_aggregate_update(of, self->vectors, chunk, rows, grouping->state, 0, NULL,
                                         &grouping->arena, error));
            break;
        case PYR_GROUPING_DIRECT:
            PYR_TRY(pyr_direct_consume(grouping, self->vectors, chunk, rows, error));
            break;
        case PYR_GROUPING_HASH:
            PYR_TRY(pyr_hash_consume(grouping, self->vectors, chunk, rows, error));
            break;
        }
    }
    return PYR_OK;
}

static pyr_status combine_none(pyr_grouping_state *state, pyr_error *error) {
    pyr_grouping *grouping = state->grouping;
    pthread_mutex_lock(&grouping->lock);
    pyr_status status = pyr_aggregate_combine(grouping->sink, grouping->state, 0, NULL,
                                              state->state, 0, 1, &grouping->arena, error);
    pthread_mutex_unlock(&grouping->lock);
    return status;
}

static pyr_status combine(pyr_sink *sink, void *state, pyr_error *error) {
    const pyr_aggregate_sink *of = (const pyr_aggregate_sink *)sink;
    worker_state *self = state;
    for (int32_t i = 0; i < of->groupings_count; ++i) {
        pyr_grouping_state *grouping = &self->groupings[i];
        switch (of->groupings[i].kind) {
        case PYR_GROUPING_NONE:
            PYR_TRY(combine_none(grouping, error));
            break;
        case PYR_GROUPING_DIRECT:
            PYR_TRY(pyr_direct_combine(grouping, error));
            break;
        case PYR_GROUPING_HASH:
            PYR_TRY(pyr_hash_combine(grouping, error));
            break;
        }
    }
    return PYR_OK;
}

/* Keys are column bytes, and a group table holds them once more. */
static void count_copies(const pyr_grouping *grouping) {
    for (int32_t i = 0; i < grouping->partitions_count; ++i) {
        const pyr_group_table *table = &grouping->partitions[i].table;
        pyr_ledger_add_copy(grouping->sink->exec->ledger, PYR_COPY_GROUP_TABLE,
                            (int64_t)table->count * (int64_t)table->key_bytes +
                                (int64_t)table->strings.used_bytes);
    }
}

/* What came of it, for EXPLAIN ANALYZE. */
static pyr_status finish(pyr_sink *sink, pyr_error *error) {
    const pyr_aggregate_sink *of = (const pyr_aggregate_sink *)sink;
    for (int32_t i = 0; i < of->groupings_count; ++i) {
        if (of->groupings[i].kind == PYR_GROUPING_HASH) {
            PYR_TRY(pyr_radix_finish(&of->groupings[i], error));
            PYR_TRY(pyr_hash_spill_finish(&of->groupings[i], error));
        } else if (of->groupings[i].ranges != NULL) {
            PYR_TRY(pyr_ranges_finish(&of->groupings[i], error));
        }
        count_copies(&of->groupings[i]);
    }
    if (of->exec->metrics == NULL) {
        return PYR_OK;
    }
    pyr_node_metrics *metrics = &of->exec->metrics[of->node->id];
    const pyr_grouping *first = &of->groupings[0];
    int64_t groups = 0;
    for (int32_t i = 0; i < first->partitions_count; ++i) {
        groups += first->partitions[i].table.count;
        metrics->memory_bytes += (int64_t)pyr_group_table_bytes(&first->partitions[i].table);
    }
    if (first->ranges != NULL) {
        snprintf(metrics->detail, sizeof(metrics->detail), "direct, %lld places in %d ranges",
                 (long long)first->groups, (int)first->ranges_count);
    } else if (first->kind == PYR_GROUPING_DIRECT) {
        snprintf(metrics->detail, sizeof(metrics->detail), "direct, %lld places",
                 (long long)first->groups);
    } else if (first->kind == PYR_GROUPING_HASH) {
        snprintf(metrics->detail, sizeof(metrics->detail), "hash, %lld groups in %d tables%s",
                 (long long)groups, (int)first->partitions_count,
                 atomic_load(&first->coded_met) ? ", by codes of segments" : "");
    }
    return PYR_OK;
}

/* ---- The sink. ---- */

static void grouping_deinit(pyr_grouping *grouping) {
    pyr_hash_deinit(grouping);
    pyr_direct_deinit(grouping);
    pyr_aggregate_destroy_states(grouping->sink, grouping->state, 0, grouping->state != NULL);
    pyr_group_keys_deinit(&grouping->encoding);
    pyr_arena_deinit(&grouping->arena);
    pthread_mutex_destroy(&grouping->lock);
    free(grouping->state);
    free(grouping->keys);
    free(grouping->types);
    free(grouping->direct);
}

static void destroy(pyr_sink *sink) {
    pyr_aggregate_sink *self = (pyr_aggregate_sink *)sink;
    for (int32_t i = 0; i < self->groupings_count; ++i) {
        grouping_deinit(&self->groupings[i]);
    }
    free(self->groupings);
    free(self->functions);
    free(self->offsets);
    free(self->expressions);
    free(self->columns);
    free(self->arguments);
    free(self->filters);
    free(self);
}

/* As many groups as are wanted, or as there can be, are there, and rows add nothing to them. */
static bool done(const pyr_sink *sink) {
    const pyr_aggregate_sink *self = (const pyr_aggregate_sink *)sink;
    const pyr_grouping *only = &self->groupings[0];
    return self->groupings_count == 1 && self->functions_count == 0 &&
           atomic_load_explicit(only->kind == PYR_GROUPING_HASH ? &only->chosen_all
                                                                : &only->all_met,
                                memory_order_relaxed);
}

static const pyr_sink_ops ops = {
    .worker_create = worker_create,
    .worker_destroy = worker_destroy,
    .consume = consume,
    .combine = combine,
    .finish = finish,
    .done = done,
    .destroy = destroy,
};

/* Whether each group has a row, whose argument is not NULL. */
static bool has_a_value(const pyr_aggregate_sink *self, const pyr_aggregate *aggregate) {
    bool grouped = self->keys_count > 0 && self->node->as.aggregate.sets_count <= 1;
    return grouped && aggregate->filter == NULL && aggregate->arguments_count == 1 &&
           pyr_expression_never_null(self->node->input, aggregate->arguments[0]);
}

static pyr_status add_functions(pyr_aggregate_sink *self, pyr_error *error) {
    const pyr_aggregate *aggregates = self->node->as.aggregate.aggregates;
    for (int32_t i = 0; i < self->functions_count; ++i) {
        const pyr_aggregate *aggregate = &aggregates[i];
        PYR_TRY(pyr_aggregate_function_of(aggregate, has_a_value(self, aggregate),
                                          self->exec->budget, &self->functions[i], error));
        self->offsets[i] = self->state_bytes;
        self->state_bytes += self->functions[i].state_bytes;
        self->arguments[i] = self->expressions_count;
        for (int32_t j = 0; j < aggregate->arguments_count; ++j) {
            self->expressions[self->expressions_count++] = aggregate->arguments[j];
        }
        self->filters[i] = -1;
        if (aggregate->filter != NULL) {
            self->filters[i] = self->expressions_count;
            self->expressions[self->expressions_count++] = aggregate->filter;
        }
    }
    return PYR_OK;
}

static pyr_status init_encoding(pyr_grouping *grouping, pyr_error *error) {
    bool *never_null = calloc((size_t)grouping->keys_count + 1, sizeof(*never_null));
    if (never_null == NULL) {
        return pyr_error_memory(error, (size_t)grouping->keys_count);
    }
    for (int32_t i = 0; i < grouping->keys_count; ++i) {
        never_null[i] = pyr_expression_never_null(grouping->sink->node->input,
                                                  grouping->sink->keys[grouping->keys[i]]);
    }
    pyr_status status = pyr_group_keys_init(&grouping->encoding, grouping->types, never_null,
                                            grouping->keys_count, error);
    free(never_null);
    return status;
}

static pyr_status init_grouping(pyr_aggregate_sink *sink, uint64_t set, pyr_grouping *grouping,
                                pyr_error *error) {
    size_t keys = (size_t)sink->keys_count;
    grouping->sink = sink;
    pthread_mutex_init(&grouping->lock, NULL);
    pyr_arena_init(&grouping->arena, sink->exec->budget);
    grouping->keys = calloc(keys + 1, sizeof(*grouping->keys));
    grouping->types = calloc(keys + 1, sizeof(*grouping->types));
    if (grouping->keys == NULL || grouping->types == NULL) {
        return pyr_error_memory(error, keys * sizeof(*grouping->types));
    }
    for (int32_t i = 0; i < sink->keys_count; ++i) {
        if (i >= 64 || ((set >> i) & 1) != 0) {
            grouping->types[grouping->keys_count] = sink->keys[i]->type;
            grouping->keys[grouping->keys_count++] = i;
        }
    }
    if (grouping->keys_count == 0) {
        grouping->kind = PYR_GROUPING_NONE;
        grouping->state = calloc(1, sink->state_bytes + 8);
        return grouping->state != NULL ? PYR_OK : pyr_error_memory(error, sink->state_bytes);
    }
    bool direct = false;
    PYR_TRY(pyr_direct_init(grouping, &direct, error));
    grouping->kind = direct ? PYR_GROUPING_DIRECT : PYR_GROUPING_HASH;
    if (direct) {
        return PYR_OK;
    }
    PYR_TRY(init_encoding(grouping, error));
    return pyr_hash_init(grouping, error);
}

/* DISTINCT: every column is a key. */
static pyr_status make_columns(pyr_aggregate_sink *self, pyr_error *error) {
    self->columns = calloc((size_t)self->keys_count + 1, sizeof(*self->columns));
    if (self->columns == NULL) {
        return pyr_error_memory(error, (size_t)self->keys_count * sizeof(*self->columns));
    }
    for (int32_t i = 0; i < self->keys_count; ++i) {
        self->columns[i] = (pyr_bound_expr){.kind = PYR_BOUND_COLUMN,
                                            .type = self->node->columns[i].type,
                                            .offset = -1,
                                            .column = i};
    }
    return PYR_OK;
}

static pyr_status init(pyr_aggregate_sink *self, pyr_error *error) {
    const pyr_node *node = self->node;
    bool aggregates = node->kind == PYR_NODE_AGGREGATE;
    self->keys_count = aggregates ? node->as.aggregate.keys_count : node->columns_count;
    self->functions_count = aggregates ? node->as.aggregate.aggregates_count : 0;
    size_t functions = (size_t)self->functions_count;
    size_t expressions = (size_t)self->keys_count + functions * 3;
    int32_t sets = aggregates ? node->as.aggregate.sets_count : 0;
    self->functions = calloc(functions + 1, sizeof(*self->functions));
    self->offsets = calloc(functions + 1, sizeof(*self->offsets));
    self->arguments = calloc(functions + 1, sizeof(*self->arguments));
    self->filters = calloc(functions + 1, sizeof(*self->filters));
    self->expressions = calloc(expressions + 1, sizeof(*self->expressions));
    self->groupings = calloc((size_t)sets + 1, sizeof(*self->groupings));
    if (self->functions == NULL || self->offsets == NULL || self->arguments == NULL ||
        self->filters == NULL || self->expressions == NULL || self->groupings == NULL) {
        return pyr_error_memory(error, expressions * sizeof(*self->expressions));
    }
    self->keys = self->expressions;
    if (!aggregates) {
        PYR_TRY(make_columns(self, error));
    }
    for (int32_t i = 0; i < self->keys_count; ++i) {
        self->expressions[i] = aggregates ? node->as.aggregate.keys[i] : &self->columns[i];
    }
    self->expressions_count = self->keys_count;
    PYR_TRY(add_functions(self, error));
    for (int32_t i = 0; i < (sets > 0 ? sets : 1); ++i) {
        uint64_t set = sets > 0 ? node->as.aggregate.sets[i] : UINT64_MAX;
        ++self->groupings_count;
        PYR_TRY(init_grouping(self, set, &self->groupings[i], error));
    }
    return PYR_OK;
}

pyr_status pyr_aggregate_sink_create(pyr_exec *exec, const pyr_node *node, pyr_sink **out,
                                     pyr_error *error) {
    *out = NULL;
    pyr_aggregate_sink *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->sink.ops = &ops;
    self->sink.node = node->id;
    self->exec = exec;
    self->node = node;
    pyr_status status = init(self, error);
    if (status != PYR_OK) {
        destroy(&self->sink);
        return status;
    }
    *out = &self->sink;
    return PYR_OK;
}
