/* prune.c - see prune.h. */
#include "engines/prune.h"

#include "catalog/keyed.h"
#include "engines/prune_internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct test {
    int32_t column;
    pyr_conjunct_kind kind;
    pyr_comparison comparison; /* IN: EQUAL; not BETWEEN's */
    pyr_bound *bounds;         /* of one kind */
    size_t count;
    bool is_unsigned, is_float; /* what the zone's ends are; both false: signed, or bytes */
} test;

struct pyr_prune {
    pyr_arena arena; /* owns all below */
    test *tests;
    size_t count;
};

/* ---- From the text. ---- */

bool pyr_prune_knows_dialect(const pyr_dialect *dialect, bool *utc) {
    static const char *const harmless[] = {"preserve_insertion_order", "default_null_order",
                                           "default_order"};
    *utc = true;
    for (int i = 0; dialect != NULL && i < PYR_DIALECT_SETTINGS; ++i) {
        const char *name = pyr_dialect_setting_at(i)->name;
        bool known = dialect->values[i][0] == '\0';
        for (size_t j = 0; j < sizeof(harmless) / sizeof(harmless[0]); ++j) {
            known = known || strcmp(name, harmless[j]) == 0;
        }
        if (!known && strcmp(name, "timezone") == 0) {
            *utc = false;
        } else if (!known) {
            return false;
        }
    }
    return true;
}

static bool is_unsigned(pyr_type_id type) {
    return pyr_type_is_integer(type) && !pyr_type_is_signed(type);
}

static bool is_float(pyr_type_id type) {
    return type == PYR_TYPE_FLOAT32 || type == PYR_TYPE_FLOAT64;
}

static pyr_status read_bounds(pyr_prune *self, const pyr_conjunct *conjunct,
                              const pyr_batch *params, const pyr_field *field, bool utc, test *out,
                              pyr_error *error) {
    out->bounds = pyr_arena_array(&self->arena, conjunct->count, sizeof(*out->bounds));
    if (out->bounds == NULL) {
        return pyr_arena_error(&self->arena, error);
    }
    for (size_t i = 0; i < conjunct->count; ++i) {
        pyr_bound *bound = &out->bounds[i];
        pyr_bound_of(&conjunct->constants[i], params, field, utc, bound);
        if (bound->kind == PYR_BOUND_NONE || bound->kind != out->bounds[0].kind) {
            out->count = 0;
            return PYR_OK;
        }
        if (bound->kind == PYR_BOUND_BYTES) { /* a parameter's go before the table does */
            bound->bytes = (const uint8_t *)pyr_arena_strndup(
                &self->arena, bound->bytes != NULL ? (const char *)bound->bytes : "",
                bound->size_bytes);
            if (bound->bytes == NULL) {
                return pyr_arena_error(&self->arena, error);
            }
        }
        ++out->count;
    }
    return PYR_OK;
}

static pyr_status add_test(pyr_prune *self, const pyr_conjunct *conjunct, const pyr_batch *params,
                           const pyr_table *table, bool utc, pyr_error *error) {
    int32_t column = pyr_schema_find(table->schema, conjunct->column, true);
    if (column < 0) {
        return PYR_OK;
    }
    const pyr_field *field = table->schema->fields[column];
    test made = {.column = column,
                 .kind = conjunct->kind,
                 .comparison = conjunct->kind == PYR_CONJUNCT_IN ? PYR_COMPARISON_EQUAL
                                                                 : conjunct->comparison,
                 .is_unsigned = is_unsigned(field->type),
                 .is_float = is_float(field->type)};
    if (conjunct->count > 0) {
        PYR_TRY(read_bounds(self, conjunct, params, field, utc, &made, error));
    }
    if (made.count > 0 || conjunct->count == 0) {
        self->tests[self->count++] = made;
    }
    return PYR_OK;
}

static pyr_status fill(pyr_prune *self, const pyr_token_list *sql, const pyr_batch *params,
                       bool utc, const pyr_table *table, pyr_error *error) {
    pyr_conjunct *conjuncts = NULL;
    size_t count = 0;
    PYR_TRY(pyr_sql_conjuncts(sql, table->name, table->schema_name[0] == '\0', &self->arena,
                              &conjuncts, &count, error));
    self->tests = pyr_arena_array(&self->arena, count, sizeof(*self->tests));
    if (self->tests == NULL) {
        return pyr_arena_error(&self->arena, error);
    }
    for (size_t i = 0; i < count; ++i) {
        PYR_TRY(add_test(self, &conjuncts[i], params, table, utc, error));
    }
    return PYR_OK;
}

pyr_status pyr_prune_create(const pyr_token_list *sql, const pyr_batch *params,
                            const pyr_dialect *dialect, const pyr_table *table, pyr_prune **out,
                            pyr_error *error) {
    bool utc = true;
    *out = NULL;
    bool elsewhere = table->external != NULL && table->segments_count == 0;
    if (!pyr_prune_knows_dialect(dialect, &utc) || elsewhere || pyr_table_is_keyed(table)) {
        return PYR_OK;
    }
    pyr_prune *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    pyr_arena_init(&self->arena, NULL);
    pyr_status status = fill(self, sql, params, utc, table, error);
    if (status != PYR_OK || self->count == 0) {
        pyr_prune_destroy(self);
        return status;
    }
    *out = self;
    return PYR_OK;
}

void pyr_prune_destroy(pyr_prune *prune) {
    if (prune != NULL) {
        pyr_arena_deinit(&prune->arena);
        free(prune);
    }
}

/* ---- Zones. ---- */

/* How the zone's ends stand to the bound's, each -1, 0 or 1: the smallest value against the
 * greatest the constant may be, and the other way round. */
typedef struct ends {
    int min_low, min_high; /* the zone's min against low and high */
    int max_low, max_high;
} ends;

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

static int order_bytes(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size) {
    size_t common = a_size < b_size ? a_size : b_size;
    int order = common > 0 ? memcmp(a, b, common) : 0;
    return order != 0 ? ORDER(order, 0) : ORDER(a_size, b_size);
}

static double as_double(const test *self, uint64_t bits) {
    return self->is_unsigned ? (double)bits : (double)(int64_t)bits;
}

static ends compare_ends(const test *self, const pyr_bound *bound, const pyr_zone *zone) {
    if (bound->kind == PYR_BOUND_BYTES) {
        int min = order_bytes(zone->min.str.bytes, zone->min.str.size_bytes, bound->bytes,
                              bound->size_bytes);
        int max = order_bytes(zone->max.str.bytes, zone->max.str.size_bytes, bound->bytes,
                              bound->size_bytes);
        return (ends){min, min, max, max};
    }
    if (bound->kind == PYR_BOUND_DOUBLES) {
        double min = self->is_float ? zone->min.f64 : as_double(self, zone->min.u64);
        double max = self->is_float ? zone->max.f64 : as_double(self, zone->max.u64);
        return (ends){ORDER(min, bound->low_double), ORDER(min, bound->high_double),
                      ORDER(max, bound->low_double), ORDER(max, bound->high_double)};
    }
    __int128 min = self->is_unsigned ? (__int128)zone->min.u64 : zone->min.i64;
    __int128 max = self->is_unsigned ? (__int128)zone->max.u64 : zone->max.i64;
    return (ends){ORDER(min, bound->low), ORDER(min, bound->high), ORDER(max, bound->low),
                  ORDER(max, bound->high)};
}

/* No value between the zone's ends meets the comparison, wherever in its bound the constant is. NaN
 * is greater than everything. */
static bool excludes_bound(const test *self, pyr_comparison comparison, const pyr_bound *bound,
                           const pyr_zone *zone) {
    ends at = compare_ends(self, bound, zone);
    switch (comparison) {
    case PYR_COMPARISON_EQUAL:
        return at.max_low < 0 || at.min_high > 0;
    case PYR_COMPARISON_LESS:
        return at.min_high >= 0;
    case PYR_COMPARISON_LESS_EQUAL:
        return at.min_high > 0;
    case PYR_COMPARISON_GREATER:
        return !zone->has_nan && at.max_low <= 0;
    case PYR_COMPARISON_GREATER_EQUAL:
        return !zone->has_nan && at.max_low < 0;
    default:
        return false;
    }
}

static bool excludes(const test *self, const pyr_zone *zone, int64_t rows) {
    if (!zone->known) {
        return false;
    }
    if (self->kind == PYR_CONJUNCT_IS_NULL) {
        return zone->null_count == 0;
    }
    if (zone->null_count == rows) {
        return true; /* NULL meets nothing else */
    }
    if (self->kind == PYR_CONJUNCT_IS_NOT_NULL || !zone->has_bounds) {
        return false;
    }
    if (self->kind == PYR_CONJUNCT_BETWEEN) {
        return excludes_bound(self, PYR_COMPARISON_GREATER_EQUAL, &self->bounds[0], zone) ||
               excludes_bound(self, PYR_COMPARISON_LESS_EQUAL, &self->bounds[1], zone);
    }
    for (size_t i = 0; i < self->count; ++i) {
        if (!excludes_bound(self, self->comparison, &self->bounds[i], zone)) {
            return false;
        }
    }
    return true;
}

pyr_status pyr_prune_batch(const pyr_prune *prune, pyr_segment *segment, size_t batch, bool *skip,
                           pyr_error *error) {
    int64_t rows = 0;
    *skip = false;
    PYR_TRY(pyr_segment_batch_rows(segment, batch, &rows, error));
    for (size_t i = 0; i < prune->count && !*skip; ++i) {
        pyr_zone zone;
        PYR_TRY(pyr_segment_zone(segment, batch, prune->tests[i].column, &zone, error));
        *skip = excludes(&prune->tests[i], &zone, rows);
    }
    return PYR_OK;
}
