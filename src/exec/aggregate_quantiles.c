/* aggregate_quantiles.c - MEDIAN, QUANTILE_CONT, QUANTILE_DISC: the values of a group in a list, of
 * which the one at a rank is found without sorting.
 *
 * Values are kept widened: integers, dates and times, BOOLEANs as 64 bits, floats as doubles; texts
 * as their lengths, each followed by its bytes. How two values are interpolated is DuckDB's for
 * each type, its roundings included.
 */
#include "exec/aggregate_loops.h"
#include "exec/calendar.h"
#include "exec/select.h"
#include "exec/time_text.h"
#include "exec/value_order.h"

#include <math.h>
#include <stdlib.h>

typedef enum wide { WIDE_I64, WIDE_U64, WIDE_I128, WIDE_F64, WIDE_TEXT, WIDE_NONE } wide;

static wide wide_of(pyr_physical physical) {
    switch (physical) {
    case PYR_PHYSICAL_BIT:
    case PYR_PHYSICAL_I8:
    case PYR_PHYSICAL_I16:
    case PYR_PHYSICAL_I32:
    case PYR_PHYSICAL_I64:
        return WIDE_I64;
    case PYR_PHYSICAL_U8:
    case PYR_PHYSICAL_U16:
    case PYR_PHYSICAL_U32:
    case PYR_PHYSICAL_U64:
        return WIDE_U64;
    case PYR_PHYSICAL_I128:
        return WIDE_I128;
    case PYR_PHYSICAL_F32:
    case PYR_PHYSICAL_F64:
        return WIDE_F64;
    case PYR_PHYSICAL_STRING:
        return WIDE_TEXT;
    default:
        return WIDE_NONE;
    }
}

/* ---- Values into lists. ---- */

#define DEFINE_UPDATE(NAME, FROM, TO)                                                            \
    static pyr_status NAME(const pyr_aggregate_function *self, const pyr_aggregate_input *input, \
                           pyr_error *error) {                                                   \
        const pyr_vector *vector = &input->arguments[0];                                         \
        PYR_FOR_VALUES(input, vector, FROM, {                                                    \
            pyr_list_state *of = (pyr_list_state *)(void *)state;                                \
            TO widened = value;                                                                  \
            PYR_TRY(pyr_list_append(self, of, &widened, sizeof(widened), error));                \
            ++of->values;                                                                        \
        });                                                                                      \
        return PYR_OK;                                                                           \
    }
DEFINE_UPDATE(update_i8, int8_t, int64_t)
DEFINE_UPDATE(update_i16, int16_t, int64_t)
DEFINE_UPDATE(update_i32, int32_t, int64_t)
DEFINE_UPDATE(update_i64, int64_t, int64_t)
DEFINE_UPDATE(update_u8, uint8_t, uint64_t)
DEFINE_UPDATE(update_u16, uint16_t, uint64_t)
DEFINE_UPDATE(update_u32, uint32_t, uint64_t)
DEFINE_UPDATE(update_u64, uint64_t, uint64_t)
DEFINE_UPDATE(update_i128, pyr_i128, pyr_i128)
DEFINE_UPDATE(update_f32, float, double)
DEFINE_UPDATE(update_f64, double, double)

static pyr_status update_bit(const pyr_aggregate_function *self, const pyr_aggregate_input *input,
                             pyr_error *error) {
    const pyr_vector *vector = &input->arguments[0];
    PYR_FOR_ROWS(input, {
        if (!pyr_vector_is_null(vector, row)) {
            pyr_list_state *of = (pyr_list_state *)(void *)state;
            int64_t value = pyr_bit_get(vector->data, vector->constant ? 0 : row);
            PYR_TRY(pyr_list_append(self, of, &value, sizeof(value), error));
            ++of->values;
        }
    })
    return PYR_OK;
}

static pyr_status update_text(const pyr_aggregate_function *self, const pyr_aggregate_input *input,
                              pyr_error *error) {
    const pyr_vector *vector = &input->arguments[0];
    PYR_FOR_ROWS(input, {
        if (!pyr_vector_is_null(vector, row)) {
            pyr_list_state *of = (pyr_list_state *)(void *)state;
            pyr_string value = pyr_vector_string(vector, row);
            PYR_TRY(pyr_list_append(self, of, &value.length, sizeof(value.length), error));
            PYR_TRY(pyr_list_append(self, of, value.bytes, value.length, error));
            ++of->values;
        }
    })
    return PYR_OK;
}

/* ---- The value at a rank. ---- */

/* NaN is the greatest. */
static bool less_f64(double a, double b) {
    return a != a ? false : b != b || a < b;
}
static bool less_text(pyr_string a, pyr_string b) {
    return pyr_order_strings(a, b) < 0;
}
PYR_DEFINE_SELECT(select_i64, int64_t, PYR_LESS_NUMBER)
PYR_DEFINE_SELECT(select_u64, uint64_t, PYR_LESS_NUMBER)
PYR_DEFINE_SELECT(select_i128, pyr_i128, PYR_LESS_NUMBER)
PYR_DEFINE_SELECT(select_f64, double, less_f64)
PYR_DEFINE_SELECT(select_text, pyr_string, less_text)

typedef union ranked {
    int64_t i64;
    uint64_t u64;
    pyr_i128 i128;
    double f64;
    pyr_string text;
} ranked;

/* malloc aligns the list for any of these. */
static ranked at_rank(wide kind, void *values, int64_t count, int64_t at) {
    ranked out;
    switch (kind) {
    case WIDE_I64:
        select_i64(values, count, at);
        out.i64 = ((const int64_t *)values)[at];
        break;
    case WIDE_U64:
        select_u64(values, count, at);
        out.u64 = ((const uint64_t *)values)[at];
        break;
    case WIDE_I128:
        select_i128(values, count, at);
        out.i128 = ((const pyr_i128 *)values)[at];
        break;
    case WIDE_F64:
        select_f64(values, count, at);
        out.f64 = ((const double *)values)[at];
        break;
    default:
        select_text(values, count, at);
        out.text = ((const pyr_string *)values)[at];
        break;
    }
    return out;
}

/* ---- QUANTILE_DISC: one of the values. ---- */

static int64_t disc_rank(const pyr_aggregate *aggregate, int64_t count) {
    int64_t behind;
    if (aggregate->share_of > 0) {
        behind = (int64_t)((pyr_i128)count * (aggregate->share_of - aggregate->share) /
                           aggregate->share_of);
    } else {
        behind = (int64_t)floor((double)count - (double)count * aggregate->parameter.f64);
    }
    return count - behind > 1 ? count - behind - 1 : 0;
}

static void put_wide(pyr_physical physical, ranked value, void *data, int32_t i) {
    if (physical == PYR_PHYSICAL_BIT) {
        pyr_bit_put(data, i, value.i64 != 0);
    } else if (physical == PYR_PHYSICAL_F32) {
        ((float *)data)[i] = (float)value.f64;
    } else { /* the low bytes of the widened */
        size_t width = pyr_physical_bytes(physical);
        memcpy((uint8_t *)data + (size_t)i * width, &value, width);
    }
}

/* The list of texts as strings, which point into it. */
static pyr_status text_at_rank(const pyr_aggregate_function *self, const pyr_list_state *of,
                               int64_t at, ranked *out, pyr_error *error) {
    uint64_t bytes = of->values * sizeof(pyr_string);
    if (self->budget != NULL && !pyr_budget_take(self->budget, bytes)) {
        return pyr_error_set(error, PYR_ERROR_MEMORY, "a group's values pass the memory limit");
    }
    pyr_string *texts = malloc(bytes);
    const uint8_t *next = of->bytes;
    for (uint64_t i = 0; texts != NULL && i < of->values; ++i) {
        memcpy(&texts[i].length, next, sizeof(texts[i].length));
        texts[i].bytes = next + sizeof(texts[i].length);
        next = texts[i].bytes + texts[i].length;
    }
    if (texts != NULL) {
        *out = at_rank(WIDE_TEXT, texts, (int64_t)of->values, at);
    }
    if (self->budget != NULL) {
        pyr_budget_give(self->budget, bytes);
    }
    free(texts);
    return texts != NULL ? PYR_OK : pyr_error_memory(error, bytes);
}

static pyr_status disc_finalize(const pyr_aggregate_function *self, uint8_t *states, size_t stride,
                                int32_t count, void *data, uint64_t *validity, pyr_error *error) {
    wide kind = wide_of(self->physical);
    for (int32_t i = 0; i < count; ++i) {
        pyr_list_state *of = (pyr_list_state *)(void *)(states + (size_t)i * stride);
        ranked value;
        memset(&value, 0, sizeof(value));
        if (of->values == 0) {
            pyr_result_null(validity, i);
        } else if (kind == WIDE_TEXT) {
            int64_t at = disc_rank(self->aggregate, (int64_t)of->values);
            PYR_TRY(text_at_rank(self, of, at, &value, error));
        } else {
            int64_t at = disc_rank(self->aggregate, (int64_t)of->values);
            value = at_rank(kind, of->bytes, (int64_t)of->values, at);
        }
        put_wide(self->result, value, data, i);
    }
    return PYR_OK;
}

/* ---- MEDIAN, QUANTILE_CONT: between two of them. ---- */

/* Microseconds; infinite ones stay so. The error has no place, as DuckDB's has none. */
static pyr_status date_to_us(int64_t days, int64_t *us, pyr_error *error) {
    char text[PYR_TIME_TEXT_MAX];
    if (PYR_DATE_INFINITE(days)) {
        *us = days > 0 ? INT64_MAX : -INT64_MAX;
        return PYR_OK;
    }
    if (!__builtin_mul_overflow(days, PYR_DAY_US, us)) {
        return PYR_OK;
    }
    pyr_date_print((int32_t)days, text);
    return pyr_error_set_sql(error, PYR_ERROR_SQL, "22023", -1,
                             "Type INT32 with value %s can't be cast to the destination type INT64",
                             text);
}

/* Not low + (high - low) * part, which is NaN between two infinities. */
static double between(double low, double high, double part) {
    return low * (1 - part) + high * part;
}

static ranked interpolate(pyr_sql_type type, ranked low, ranked high, double part) {
    ranked out;
    switch (type.id) {
    case PYR_SQL_DOUBLE:
        out.f64 = between(low.f64, high.f64, part);
        break;
    case PYR_SQL_FLOAT: {
        float delta = (float)high.f64 - (float)low.f64;
        out.f64 = (double)((float)low.f64 + (float)((double)delta * part));
        break;
    }
    case PYR_SQL_DECIMAL: /* up to 18 digits DuckDB's are integers of 64 bits */
        out.i128 = type.precision <= 18
                       ? low.i128 + (int64_t)((double)(high.i128 - low.i128) * part)
                       : (pyr_i128)between((double)low.i128, (double)high.i128, part);
        break;
    default:
        out.i64 = llround(between((double)low.i64, (double)high.i64, part));
        break;
    }
    return out;
}

static pyr_status continuous(const pyr_aggregate_function *self, pyr_list_state *of, ranked *out,
                             pyr_error *error) {
    const pyr_aggregate *aggregate = self->aggregate;
    pyr_sql_type type = aggregate->arguments[0]->type;
    wide kind = wide_of(self->physical);
    double share = aggregate->op == PYR_AGGREGATE_MEDIAN ? 0.5 : aggregate->parameter.f64;
    int64_t count = (int64_t)of->values;
    double rank = (double)(count - 1) * share;
    int64_t floor_rank = (int64_t)floor(rank);
    bool exact = (int64_t)ceil(rank) == floor_rank;
    size_t width = kind == WIDE_I128 ? sizeof(pyr_i128) : sizeof(int64_t);
    ranked low = at_rank(kind, of->bytes, count, floor_rank);
    ranked high = low;
    if (!exact) {
        uint8_t *rest = of->bytes + (size_t)(floor_rank + 1) * width;
        high = at_rank(kind, rest, count - floor_rank - 1, 0);
    }
    if (type.id == PYR_SQL_DATE) {
        PYR_TRY(date_to_us(low.i64, &low.i64, error));
        PYR_TRY(date_to_us(high.i64, &high.i64, error));
    }
    *out = exact ? low : interpolate(type, low, high, rank - (double)floor_rank);
    return PYR_OK;
}

static pyr_status continuous_finalize(const pyr_aggregate_function *self, uint8_t *states,
                                      size_t stride, int32_t count, void *data, uint64_t *validity,
                                      pyr_error *error) {
    for (int32_t i = 0; i < count; ++i) {
        pyr_list_state *of = (pyr_list_state *)(void *)(states + (size_t)i * stride);
        ranked value;
        memset(&value, 0, sizeof(value));
        if (of->values == 0) {
            pyr_result_null(validity, i);
        } else {
            PYR_TRY(continuous(self, of, &value, error));
        }
        put_wide(self->result, value, data, i);
    }
    return PYR_OK;
}

/* ---- Both. ---- */

bool pyr_aggregate_quantiles(pyr_aggregate_function *out) {
    static pyr_status (*const updates[PYR_PHYSICALS_COUNT])(
        const pyr_aggregate_function *, const pyr_aggregate_input *,
        pyr_error *) = {[PYR_PHYSICAL_BIT] = update_bit,    [PYR_PHYSICAL_I8] = update_i8,
                        [PYR_PHYSICAL_I16] = update_i16,    [PYR_PHYSICAL_I32] = update_i32,
                        [PYR_PHYSICAL_I64] = update_i64,    [PYR_PHYSICAL_U8] = update_u8,
                        [PYR_PHYSICAL_U16] = update_u16,    [PYR_PHYSICAL_U32] = update_u32,
                        [PYR_PHYSICAL_U64] = update_u64,    [PYR_PHYSICAL_I128] = update_i128,
                        [PYR_PHYSICAL_F32] = update_f32,    [PYR_PHYSICAL_F64] = update_f64,
                        [PYR_PHYSICAL_STRING] = update_text};
    switch (out->aggregate->op) {
    case PYR_AGGREGATE_MEDIAN:
    case PYR_AGGREGATE_QUANTILE_CONT:
        out->finalize = continuous_finalize;
        break;
    case PYR_AGGREGATE_QUANTILE_DISC:
        out->finalize = disc_finalize;
        break;
    default:
        return false;
    }
    out->update = updates[out->physical];
    return out->update != NULL;
}
