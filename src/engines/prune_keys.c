/* prune_keys.c - the ranges of row keys that a query may need of a table with a primary key.
 *
 * Of the key's columns, from the first on, those that a condition sets equal to one constant or to
 * one of a list begin every key needed; comparisons with the next column narrow each of these
 * beginnings. A condition that is not understood narrows nothing: the ranges hold more rows then.
 */
#include "catalog/keyed.h"
#include "engines/prune_internal.h"

#include "arrow/builder.h"

#include <stdlib.h>
#include <string.h>

enum {
    COLUMNS_MAX = 16,  /* of a key; those behind narrow nothing */
    RANGES_MAX = 4096, /* a longer list narrows nothing */
};

typedef struct key_column {
    pyr_field *field;    /* borrowed from the table */
    pyr_array **choices; /* malloc'ed: what it may be equal to, one row each; NULL: anything */
    size_t count;
} key_column;

typedef struct key_search {
    const pyr_table *table;
    const int32_t *numbers; /* of the primary key's columns in the table */
    int32_t count;
    const pyr_batch *params;
    bool utc;
    pyr_arena arena;
    pyr_conjunct *conjuncts;
    size_t conjuncts_count;
    key_column columns[COLUMNS_MAX];
    int32_t fixed; /* columns with choices, from the first on */
    pyr_error *error;
} key_search;

/* ---- Values. ---- */

/* One end of a bound as a value of the column; *out NULL: the column has no such value. */
static pyr_status make_value(const key_search *self, pyr_field *field, const pyr_bound *bound,
                             bool high, pyr_array **out) {
    __int128 number = high ? bound->high : bound->low;
    pyr_builder *builder = NULL;
    pyr_status status = PYR_ERROR_SQL;
    *out = NULL;
    if (bound->kind != PYR_BOUND_INTEGERS && bound->kind != PYR_BOUND_BYTES) {
        return PYR_OK;
    }
    PYR_TRY(pyr_builder_create(field, NULL, &builder, self->error));
    if (bound->kind == PYR_BOUND_BYTES) {
        status = pyr_builder_bytes(builder, bound->bytes != NULL ? (const void *)bound->bytes : "",
                                   bound->size_bytes, NULL);
    } else if (number >= INT64_MIN && number <= INT64_MAX) {
        status = pyr_builder_int64(builder, (int64_t)number, NULL);
    }
    if (status == PYR_OK) {
        status = pyr_builder_finish(builder, out, self->error);
    } else if (status == PYR_ERROR_SQL) {
        status = PYR_OK;
    } else {
        status = pyr_error_memory(self->error, bound->size_bytes);
    }
    pyr_builder_destroy(builder);
    return status;
}

static void bound_of(const key_search *self, const pyr_constant *constant, const pyr_field *field,
                     pyr_bound *out) {
    pyr_bound_of(constant, self->params, field, self->utc, out);
}

static bool is_exact(const pyr_bound *bound) {
    return bound->kind == PYR_BOUND_BYTES ||
           (bound->kind == PYR_BOUND_INTEGERS && bound->low == bound->high);
}

static void release_choices(key_column *column) {
    for (size_t i = 0; i < column->count; ++i) {
        pyr_array_release(column->choices[i]);
    }
    free(column->choices);
    column->choices = NULL;
    column->count = 0;
}

/* A condition's constants as the choices of a column, when all are values of it. */
static pyr_status take_choices(const key_search *self, key_column *column,
                               const pyr_conjunct *conjunct) {
    key_column made = {column->field, calloc(conjunct->count, sizeof(*made.choices)), 0};
    if (made.choices == NULL) {
        return pyr_error_memory(self->error, conjunct->count * sizeof(*made.choices));
    }
    pyr_status status = PYR_OK;
    bool all = true;
    for (size_t i = 0; status == PYR_OK && all && i < conjunct->count; ++i) {
        pyr_bound bound;
        pyr_array *value = NULL;
        bound_of(self, &conjunct->constants[i], column->field, &bound);
        if (is_exact(&bound)) {
            status = make_value(self, column->field, &bound, false, &value);
        }
        all = value != NULL;
        if (all) {
            made.choices[made.count++] = value;
        }
    }
    if (status != PYR_OK || !all) {
        release_choices(&made);
        return status;
    }
    release_choices(column);
    *column = made;
    return PYR_OK;
}

/* Which column of the key the condition is about; -1: none. */
static int32_t key_place(const key_search *self, const pyr_conjunct *conjunct) {
    int32_t number = pyr_schema_find(self->table->schema, conjunct->column, true);
    for (int32_t i = 0; number >= 0 && i < self->count; ++i) {
        if (self->numbers[i] == number) {
            return i;
        }
    }
    return -1;
}

static bool is_equality(const pyr_conjunct *conjunct) {
    return conjunct->kind == PYR_CONJUNCT_IN ||
           (conjunct->kind == PYR_CONJUNCT_COMPARE && conjunct->comparison == PYR_COMPARISON_EQUAL);
}

/* For each column the shortest list; columns are fixed as long as the ranges are not too many. */
static pyr_status find_choices(key_search *self, size_t *ranges) {
    for (size_t i = 0; i < self->conjuncts_count; ++i) {
        const pyr_conjunct *conjunct = &self->conjuncts[i];
        int32_t place = key_place(self, conjunct);
        if (place < 0 || !is_equality(conjunct) || conjunct->count == 0 ||
            conjunct->count > RANGES_MAX) {
            continue;
        }
        key_column *column = &self->columns[place];
        if (column->choices == NULL || conjunct->count < column->count) {
            PYR_TRY(take_choices(self, column, conjunct));
        }
    }
    *ranges = 1;
    for (; self->fixed < self->count; ++self->fixed) {
        const key_column *column = &self->columns[self->fixed];
        if (column->choices == NULL || *ranges * column->count > RANGES_MAX) {
            break;
        }
        *ranges *= column->count;
    }
    return PYR_OK;
}

/* ---- Ranges. ---- */

/* Narrows a range by the values of the first `count` columns. */
static pyr_status narrow(const key_search *self, pyr_keyed_range *range,
                         pyr_keyed_comparison comparison, pyr_array *const *values, int32_t count) {
    static const int32_t places[COLUMNS_MAX] = {0, 1, 2,  3,  4,  5,  6,  7,
                                                8, 9, 10, 11, 12, 13, 14, 15};
    pyr_field *fields[COLUMNS_MAX];
    pyr_schema *schema = NULL;
    pyr_batch *batch = NULL;
    for (int32_t i = 0; i < count; ++i) {
        fields[i] = self->columns[i].field;
    }
    PYR_TRY(pyr_schema_create(fields, count, NULL, &schema, self->error));
    pyr_status status = pyr_batch_create(schema, 1, values, count, NULL, &batch, self->error);
    if (status == PYR_OK) {
        status = pyr_keyed_range_narrow(range, self->table, comparison, batch, places, count, 0,
                                        self->error);
    }
    pyr_batch_release(batch);
    pyr_schema_release(schema);
    return status;
}

/* The one end of the bound beyond which surely nothing meets the comparison. */
static pyr_status narrow_next(const key_search *self, pyr_keyed_range *range,
                              pyr_comparison comparison, const pyr_bound *bound,
                              pyr_array **values) {
    static const struct {
        pyr_keyed_comparison comparison;
        bool high;
    } ends[] = {[PYR_COMPARISON_LESS] = {PYR_KEYED_LESS, true},
                [PYR_COMPARISON_LESS_EQUAL] = {PYR_KEYED_LESS_EQUAL, true},
                [PYR_COMPARISON_GREATER] = {PYR_KEYED_GREATER, false},
                [PYR_COMPARISON_GREATER_EQUAL] = {PYR_KEYED_GREATER_EQUAL, false}};
    pyr_array **last = &values[self->fixed];
    PYR_TRY(make_value(self, self->columns[self->fixed].field, bound, ends[comparison].high, last));
    pyr_status status = PYR_OK;
    if (*last != NULL) {
        status = narrow(self, range, ends[comparison].comparison, values, self->fixed + 1);
    }
    pyr_array_release(*last);
    *last = NULL;
    return status;
}

static pyr_status narrow_between(const key_search *self, pyr_keyed_range *range,
                                 const pyr_bound *low, const pyr_bound *high, pyr_array **values) {
    PYR_TRY(narrow_next(self, range, PYR_COMPARISON_GREATER_EQUAL, low, values));
    return narrow_next(self, range, PYR_COMPARISON_LESS_EQUAL, high, values);
}

static pyr_status narrow_by(const key_search *self, pyr_keyed_range *range,
                            const pyr_conjunct *conjunct, pyr_array **values) {
    const pyr_field *field = self->columns[self->fixed].field;
    pyr_bound bound;
    bound_of(self, &conjunct->constants[0], field, &bound);
    if (conjunct->kind == PYR_CONJUNCT_BETWEEN) {
        pyr_bound high;
        bound_of(self, &conjunct->constants[1], field, &high);
        return bound.kind == high.kind ? narrow_between(self, range, &bound, &high, values)
                                       : PYR_OK;
    }
    switch (conjunct->comparison) {
    case PYR_COMPARISON_EQUAL: /* with something between two values */
        return narrow_between(self, range, &bound, &bound, values);
    case PYR_COMPARISON_LESS:
    case PYR_COMPARISON_LESS_EQUAL:
    case PYR_COMPARISON_GREATER:
    case PYR_COMPARISON_GREATER_EQUAL:
        return narrow_next(self, range, conjunct->comparison, &bound, values);
    default:
        return PYR_OK;
    }
}

/* By the conditions on the column behind the fixed ones. */
static pyr_status narrow_by_next(const key_search *self, pyr_keyed_range *range,
                                 pyr_array **values) {
    for (size_t i = 0; self->fixed < self->count && i < self->conjuncts_count; ++i) {
        const pyr_conjunct *conjunct = &self->conjuncts[i];
        bool narrows =
            conjunct->kind == PYR_CONJUNCT_COMPARE || conjunct->kind == PYR_CONJUNCT_BETWEEN;
        if (narrows && key_place(self, conjunct) == self->fixed) {
            PYR_TRY(narrow_by(self, range, conjunct, values));
        }
    }
    return PYR_OK;
}

/* The range of one combination of choices, by its number. */
static pyr_status make_range(const key_search *self, size_t number, pyr_keyed_range *out) {
    pyr_array *values[COLUMNS_MAX] = {NULL};
    for (int32_t i = 0; i < self->fixed; ++i) {
        values[i] = self->columns[i].choices[number % self->columns[i].count];
        number /= self->columns[i].count;
    }
    if (self->fixed > 0) {
        PYR_TRY(narrow(self, out, PYR_KEYED_EQUAL, values, self->fixed));
    }
    return narrow_by_next(self, out, values);
}

static int order_texts(const pyr_text *a, const pyr_text *b) {
    size_t common = a->length < b->length ? a->length : b->length;
    int order = common > 0 ? memcmp(pyr_text_get(a), pyr_text_get(b), common) : 0;
    return order != 0 ? order : (a->length > b->length) - (a->length < b->length);
}

static int order_ranges(const void *a, const void *b) {
    return order_texts(&((const pyr_keyed_range *)a)->lower, &((const pyr_keyed_range *)b)->lower);
}

/* Into key order, without those that are empty or there already. Beginnings of one length are equal
 * or have no key in common. */
static void order(pyr_keyed_range *ranges, size_t *count) {
    size_t kept = 0;
    qsort(ranges, *count, sizeof(*ranges), order_ranges);
    for (size_t i = 0; i < *count; ++i) {
        bool again = kept > 0 && order_ranges(&ranges[kept - 1], &ranges[i]) == 0;
        if (ranges[i].empty || again) {
            pyr_keyed_range_deinit(&ranges[i]);
        } else {
            ranges[kept++] = ranges[i];
        }
    }
    *count = kept;
}

static pyr_status make_ranges(const key_search *self, pyr_keyed_range *ranges, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        PYR_TRY(make_range(self, i, &ranges[i]));
    }
    return PYR_OK;
}

/* Whether any condition narrowed anything. */
static bool is_everything(const pyr_keyed_range *range) {
    return range->lower.length == 0 && !range->bounded && !range->empty;
}

static pyr_status search(key_search *self, const pyr_token_list *sql, pyr_keyed_range **out,
                         size_t *count) {
    size_t total = 0;
    PYR_TRY(pyr_sql_conjuncts(sql, self->table->name, false, &self->arena, &self->conjuncts,
                              &self->conjuncts_count, self->error));
    PYR_TRY(find_choices(self, &total));
    pyr_keyed_range *ranges = calloc(total, sizeof(*ranges));
    if (ranges == NULL) {
        return pyr_error_memory(self->error, total * sizeof(*ranges));
    }
    for (size_t i = 0; i < total; ++i) {
        pyr_keyed_range_init(&ranges[i]);
    }
    pyr_status status = make_ranges(self, ranges, total);
    if (status != PYR_OK || is_everything(&ranges[0])) {
        pyr_keyed_ranges_free(ranges, total);
        return status;
    }
    order(ranges, &total);
    *out = ranges;
    *count = total;
    return PYR_OK;
}

pyr_status pyr_prune_keys(const pyr_token_list *sql, const pyr_batch *params,
                          const pyr_dialect *dialect, const pyr_table *table, pyr_keyed_range **out,
                          size_t *count, pyr_error *error) {
    key_search self = {.table = table, .params = params, .error = error};
    *out = NULL;
    *count = 0;
    if (!pyr_table_is_keyed(table) || !pyr_prune_knows_dialect(dialect, &self.utc)) {
        return PYR_OK;
    }
    self.numbers = pyr_keyed_columns(table, PYR_KEYED_PRIMARY_KEY, &self.count);
    self.count = self.count < COLUMNS_MAX ? self.count : COLUMNS_MAX;
    if (self.count == 0) {
        return PYR_OK;
    }
    for (int32_t i = 0; i < self.count; ++i) {
        self.columns[i].field = table->schema->fields[self.numbers[i]];
    }
    pyr_arena_init(&self.arena, NULL);
    pyr_status status = search(&self, sql, out, count);
    for (int32_t i = 0; i < self.count; ++i) {
        release_choices(&self.columns[i]);
    }
    pyr_arena_deinit(&self.arena);
    return status;
}
