/* eval_cast.c - casts among numbers, BOOLEAN and DECIMAL. Texts and times have files of their own
 * (eval_cast_text.c, eval_cast_time.c). TRY_CAST is the same with NULL where a row fails. */
#include "exec/eval_internal.h"

#include "base/text.h"

#include <math.h>
#include <stdio.h>

/* One body serves types of all widths and signs: comparisons with zero and conversions to the
 * type itself are meant where they say nothing. */
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wtype-limits"

/* ---- Integers to integers: a value fits where it comes back, on the same side of zero. ---- */

#define INTEGERS_1(X, ...)             \
    X(I8, i8, int8_t, __VA_ARGS__)     \
    X(I16, i16, int16_t, __VA_ARGS__)  \
    X(I32, i32, int32_t, __VA_ARGS__)  \
    X(I64, i64, int64_t, __VA_ARGS__)  \
    X(U8, u8, uint8_t, __VA_ARGS__)    \
    X(U16, u16, uint16_t, __VA_ARGS__) \
    X(U32, u32, uint32_t, __VA_ARGS__) \
    X(U64, u64, uint64_t, __VA_ARGS__) \
    X(I128, i128, pyr_i128_any, __VA_ARGS__)
#define INTEGERS_2(X, ...)             \
    X(I8, i8, int8_t, __VA_ARGS__)     \
    X(I16, i16, int16_t, __VA_ARGS__)  \
    X(I32, i32, int32_t, __VA_ARGS__)  \
    X(I64, i64, int64_t, __VA_ARGS__)  \
    X(U8, u8, uint8_t, __VA_ARGS__)    \
    X(U16, u16, uint16_t, __VA_ARGS__) \
    X(U32, u32, uint32_t, __VA_ARGS__) \
    X(U64, u64, uint64_t, __VA_ARGS__) \
    X(I128, i128, pyr_i128_any, __VA_ARGS__)

#define INTEGER_TO(OUT_P, out_suffix, OUT, IN_P, in_suffix, IN)  \
    PYR_LOOP_1(in_suffix##_to_##out_suffix, IN, OUT, r = (OUT)x; \
               bad = ((IN)r != x) | ((r < 0) != (x < 0)))
#define INTEGER_FROM(IN_P, in_suffix, IN, ...) INTEGERS_2(INTEGER_TO, IN_P, in_suffix, IN)
INTEGERS_1(INTEGER_FROM, )

/* ---- Floats to integers: rounded half to even, as DuckDB does. What is below the least before, or
 * above the most after, does not fit. (DuckDB lets 127.6 through, as -128.) ---- */

#define FLOAT_TO(suffix, OUT, LOW, HIGH)                                   \
    PYR_LOOP_1(f64_to_##suffix, double, OUT, double v = rint(x);           \
               bad = !((x >= (LOW)) & (v < (HIGH))); r = bad ? 0 : (OUT)v) \
    PYR_LOOP_1(f32_to_##suffix, float, OUT, double v = rint((double)x);    \
               bad = !((x >= (LOW)) & (v < (HIGH))); r = bad ? 0 : (OUT)v)
FLOAT_TO(i8, int8_t, -128.0, 128.0)
FLOAT_TO(i16, int16_t, -32768.0, 32768.0)
FLOAT_TO(i32, int32_t, -2147483648.0, 2147483648.0)
FLOAT_TO(i64, int64_t, -9223372036854775808.0, 9223372036854775808.0)
FLOAT_TO(u8, uint8_t, 0.0, 256.0)
FLOAT_TO(u16, uint16_t, 0.0, 65536.0)
FLOAT_TO(u32, uint32_t, 0.0, 4294967296.0)
FLOAT_TO(u64, uint64_t, 0.0, 18446744073709551616.0)
/* DuckDB does not give out the least of them. */
FLOAT_TO(i128, pyr_i128_any, -0x1.fffffffffffffp126, 0x1p127)

/* ---- Numbers to floats. 128 bits as DuckDB adds their halves up. ---- */

PYR_EVAL_INLINE double double_of_i128(pyr_i128 x) {
    int64_t high = (int64_t)(x >> 64);
    uint64_t low = (uint64_t)x;
    return high == -1 ? -(double)(UINT64_MAX - low) - 1 : (double)low + (double)high * 0x1p64;
}
PYR_EVAL_INLINE float float_of_i128(pyr_i128 x) {
    return (float)double_of_i128(x);
}
#define TO_FLOATS(suffix, IN)                              \
    PYR_LOOP_1(suffix##_to_f64, IN, double, r = (double)x) \
    PYR_LOOP_1(suffix##_to_f32, IN, float, r = (float)x)
TO_FLOATS(i8, int8_t)
TO_FLOATS(i16, int16_t)
TO_FLOATS(i32, int32_t)
TO_FLOATS(i64, int64_t)
TO_FLOATS(u8, uint8_t)
TO_FLOATS(u16, uint16_t)
TO_FLOATS(u32, uint32_t)
TO_FLOATS(u64, uint64_t)
PYR_LOOP_1(i128_to_f64, pyr_i128_any, double, r = double_of_i128(x))
PYR_LOOP_1(i128_to_f32, pyr_i128_any, float, r = float_of_i128(x))
PYR_LOOP_1(f32_to_f64, float, double, r = (double)x)
PYR_LOOP_1(f64_to_f64, double, double, r = x)
PYR_LOOP_1(f32_to_f32, float, float, r = x)
PYR_LOOP_1(f64_to_f32, double, float, r = (float)x; bad = isinf(r) & !isinf(x))

/* ---- DECIMAL: integers of 128 bits at a scale. ---- */

typedef struct decimal_cast {
    pyr_i128 factor;     /* 10 to the digits that come or go */
    pyr_i128 limit;      /* results are below it, and above -limit */
    double power, bound; /* of doubles: 10^scale, 10^precision */
} decimal_cast;
#define CAST const decimal_cast *c = l->extra

#define TO_DECIMAL(suffix, IN)                                              \
    PYR_LOOP_1(suffix##_to_decimal, IN, pyr_i128_any, CAST; pyr_i128 v = 0; \
               bad = __builtin_mul_overflow((pyr_i128)x, c->factor, &v);    \
               bad |= (v >= c->limit) | (v <= -c->limit); r = v)
TO_DECIMAL(i8, int8_t)
TO_DECIMAL(i16, int16_t)
TO_DECIMAL(i32, int32_t)
TO_DECIMAL(i64, int64_t)
TO_DECIMAL(u8, uint8_t)
TO_DECIMAL(u16, uint16_t)
TO_DECIMAL(u32, uint32_t)
TO_DECIMAL(u64, uint64_t)
TO_DECIMAL(i128, pyr_i128_any)
#define decimal_up i128_to_decimal
/* Without the last digits, half away from zero. */
PYR_EVAL_INLINE pyr_i128 shorten(pyr_i128 x, pyr_i128 factor) {
    pyr_i128 rest = x % factor, r = x / factor;
    return r + (rest >= factor - rest ? 1 : -rest >= factor + rest ? -1 : 0);
}
PYR_LOOP_1(decimal_down, pyr_i128_any, pyr_i128_any, CAST; r = shorten(x, c->factor);
           bad = (r >= c->limit) | (r <= -c->limit))

#define DECIMAL_TO(OUT_P, suffix, OUT, ...)                                         \
    PYR_LOOP_1(decimal_to_##suffix, pyr_i128_any, OUT, CAST;                        \
               pyr_i128 v = c->factor == 1 ? x : shorten(x, c->factor); r = (OUT)v; \
               bad = ((pyr_i128)r != v) | ((r < 0) != (v < 0)))
INTEGERS_1(DECIMAL_TO, )
/* Where the digits are more than the float holds, whole part and rest apart, as DuckDB does. */
#define DECIMAL_TO_FLOAT(suffix, OUT, EXACT, OF)                        \
    PYR_LOOP_1(decimal_to_##suffix, pyr_i128_any, OUT, CAST;            \
               bool exact = (x <= (EXACT)) & (x >= -(pyr_i128)(EXACT)); \
               r = exact || c->factor == 1                              \
                       ? OF(x) / (OUT)c->power                          \
                       : OF(x / c->factor) + OF(x % c->factor) / (OUT)c->power)
DECIMAL_TO_FLOAT(f64, double, INT64_C(1) << 53, double_of_i128)
DECIMAL_TO_FLOAT(f32, float, INT64_C(1) << 24, float_of_i128)
/* Half away from zero, and then as many digits as the float itself has, as DuckDB does. */
#define FLOAT_TO_DECIMAL(suffix, IN)                                                               \
    PYR_LOOP_1(suffix##_to_decimal, IN, pyr_i128_any, CAST;                                        \
               double v = round((double)x * c->power); double kept = (double)(IN)v;                \
               bad = !((v > -c->bound) & (v < c->bound) & (kept > -c->bound) & (kept < c->bound)); \
               r = bad ? 0 : (pyr_i128)kept)
FLOAT_TO_DECIMAL(f64, double)
FLOAT_TO_DECIMAL(f32, float)

/* ---- BOOLEAN. ---- */

#define TO_BOOLEAN(suffix, IN)                                                   \
    static void suffix##_to_bits(const void *values, int32_t n, uint64_t *out) { \
        const IN *x = values;                                                    \
        for (int32_t i = 0; i < n; i += 64) {                                    \
            uint64_t word = 0;                                                   \
            for (int32_t j = 0; j < 64 && i + j < n; ++j) {                      \
                word |= (uint64_t)(x[i + j] != 0) << j;                          \
            }                                                                    \
            out[i >> 6] = word;                                                  \
        }                                                                        \
    }
TO_BOOLEAN(i8, int8_t)
TO_BOOLEAN(i16, int16_t)
TO_BOOLEAN(i32, int32_t)
TO_BOOLEAN(i64, int64_t)
TO_BOOLEAN(i128, pyr_i128_any)
TO_BOOLEAN(f32, float)
TO_BOOLEAN(f64, double)
typedef void bits_function(const void *values, int32_t n, uint64_t *out);

static pyr_status run_to_boolean(pyr_eval *eval, pyr_eval_node *node, pyr_eval_rows *rows,
                                 pyr_error *error) {
    static bits_function *const to_bits[PYR_PHYSICALS_COUNT] = {
        [PYR_PHYSICAL_I8] = i8_to_bits,     [PYR_PHYSICAL_U8] = i8_to_bits,
        [PYR_PHYSICAL_I16] = i16_to_bits,   [PYR_PHYSICAL_U16] = i16_to_bits,
        [PYR_PHYSICAL_I32] = i32_to_bits,   [PYR_PHYSICAL_U32] = i32_to_bits,
        [PYR_PHYSICAL_I64] = i64_to_bits,   [PYR_PHYSICAL_U64] = i64_to_bits,
        [PYR_PHYSICAL_I128] = i128_to_bits, [PYR_PHYSICAL_F32] = f32_to_bits,
        [PYR_PHYSICAL_F64] = f64_to_bits};
    bool done = false;
    PYR_TRY(pyr_eval_arguments(eval, node, rows, &done, error));
    if (done) {
        return PYR_OK;
    }
    const pyr_vector *v = pyr_eval_argument(node, 0);
    to_bits[v->physical](v->data, v->constant ? 1 : rows->rows, node->buffer.data);
    pyr_eval_set_out(node, v->constant, v->constant ? NULL : v->validity);
    return PYR_OK;
}

/* 0 and 1, times extra (a DECIMAL's 10^scale). */
static pyr_status run_of_boolean(pyr_eval *eval, pyr_eval_node *node, pyr_eval_rows *rows,
                                 pyr_error *error) {
    bool done = false;
    PYR_TRY(pyr_eval_arguments(eval, node, rows, &done, error));
    if (done) {
        return PYR_OK;
    }
    const pyr_vector *v = pyr_eval_argument(node, 0);
    const uint64_t *bits = v->data;
    const decimal_cast *c = node->extra;
    void *out = node->buffer.data;
    size_t width = pyr_physical_bytes(node->physical);
    for (int32_t i = 0; i < (v->constant ? 1 : rows->rows); ++i) {
        bool bit = (bits[i >> 6] >> (i & 63)) & 1;
        if (node->physical == PYR_PHYSICAL_F32) {
            ((float *)out)[i] = bit ? 1 : 0;
        } else if (node->physical == PYR_PHYSICAL_F64) {
            ((double *)out)[i] = bit ? 1 : 0;
        } else {
            pyr_i128 value = bit ? (c != NULL ? c->factor : 1) : 0;
            memcpy((uint8_t *)out + (size_t)i * width, &value, width); /* little-endian */
        }
    }
    pyr_eval_set_out(node, v->constant, v->constant ? NULL : v->validity);
    return PYR_OK;
}

/* The value itself. */
static pyr_status run_same(pyr_eval *eval, pyr_eval_node *node, pyr_eval_rows *rows,
                           pyr_error *error) {
    PYR_TRY(pyr_eval_node_run(eval, node->arguments[0], rows, error));
    node->out = *pyr_eval_argument(node, 0);
    return PYR_OK;
}
static pyr_status run_null(pyr_eval *eval, pyr_eval_node *node, pyr_eval_rows *rows,
                           pyr_error *error) {
    (void)eval;
    (void)rows;
    (void)error;
    pyr_eval_set_null(node);
    return PYR_OK;
}

/* ---- Errors. ---- */

const char *pyr_eval_type_name(pyr_sql_type type, char room[24]) {
    if (type.id == PYR_SQL_DECIMAL) {
        snprintf(room, 24, "DECIMAL(%d,%d)", type.precision, type.scale);
        return room;
    }
    return pyr_eval_physical_name(pyr_sql_type_physical(type));
}
void pyr_decimal_print(pyr_i128 value, int scale, char room[64]) {
    char digits[48];
    size_t length = pyr_eval_print_i128(value < 0 ? -value : value, digits), to = 0;
    if (value < 0) {
        room[to++] = '-';
    }
    if (length <= (size_t)scale) {
        room[to++] = '0';
    } else {
        memcpy(room + to, digits, length - (size_t)scale);
        to += length - (size_t)scale;
    }
    if (scale > 0) {
        room[to++] = '.';
        for (size_t i = length; i < (size_t)scale; ++i) {
            room[to++] = '0';
        }
        size_t rest = length < (size_t)scale ? length : (size_t)scale;
        memcpy(room + to, digits + length - rest, rest);
        to += rest;
    }
    room[to] = '\0';
}

static pyr_status fail_try(const pyr_eval_node *node, int32_t row, pyr_error *error) {
    (void)node;
    (void)row;
    (void)error;
    return PYR_OK;
}
static pyr_status fail_cast(const pyr_eval_node *node, int32_t row, pyr_error *error) {
    const pyr_vector *v = pyr_eval_argument(node, 0);
    pyr_sql_type from = node->expression->arguments[0]->type, to = node->expression->type;
    char value[64], name[24];
    (void)pyr_eval_type_name(to, name);
    pyr_i128 decimal = 0;
    if (from.id == PYR_SQL_DECIMAL) {
        decimal = ((const pyr_i128_any *)v->data)[v->constant ? 0 : row];
    }
    if (from.id == PYR_SQL_DECIMAL && to.id == PYR_SQL_DECIMAL) {
        pyr_decimal_print(decimal, from.scale, value);
        return pyr_eval_error(node, "22003", error,
                              "Casting value \"%s\" to type %s failed: value is out of range!",
                              value, name);
    }
    if (from.id == PYR_SQL_DECIMAL) {
        const decimal_cast *c = node->extra;
        (void)pyr_eval_print_i128(shorten(decimal, c->factor), value);
        return pyr_eval_error(node, "22003", error, "Failed to cast decimal value %s to type %s",
                              value, pyr_eval_type_name(to, name));
    }
    if (to.id == PYR_SQL_DECIMAL) {
        if (v->physical == PYR_PHYSICAL_F64 || v->physical == PYR_PHYSICAL_F32) {
            int32_t i = v->constant ? 0 : row;
            double x = v->physical == PYR_PHYSICAL_F64 ? ((const double *)v->data)[i]
                                                       : (double)((const float *)v->data)[i];
            return pyr_eval_error(node, "22003", error, "Could not cast value %f to %s", x, name);
        }
        return pyr_eval_error(node, "22003", error, "Could not cast value %s to %s",
                              pyr_eval_print(v, row, value), name);
    }
    return pyr_eval_error(node, "22003", error,
                          "Type %s with value %s can't be cast because the value is out of range "
                          "for the destination type %s",
                          pyr_eval_physical_name(v->physical), pyr_eval_print(v, row, value),
                          pyr_eval_type_name(to, name));
}

/* ---- The choice. ---- */

#define ROW(OUT_P, out_suffix, OUT, IN_P, in_suffix, IN) \
    [PYR_PHYSICAL_##IN_P][PYR_PHYSICAL_##OUT_P] = in_suffix##_to_##out_suffix,
#define ROWS(IN_P, in_suffix, IN, ...)                            \
    INTEGERS_2(ROW, IN_P, in_suffix, IN)                          \
    [PYR_PHYSICAL_##IN_P][PYR_PHYSICAL_F32] = in_suffix##_to_f32, \
    [PYR_PHYSICAL_##IN_P][PYR_PHYSICAL_F64] = in_suffix##_to_f64,
#define FLOAT_ROW(OUT_P, out_suffix, OUT, ...)                      \
    [PYR_PHYSICAL_F32][PYR_PHYSICAL_##OUT_P] = f32_to_##out_suffix, \
    [PYR_PHYSICAL_F64][PYR_PHYSICAL_##OUT_P] = f64_to_##out_suffix,
static pyr_loop_function *const numbers[PYR_PHYSICALS_COUNT][PYR_PHYSICALS_COUNT] = {
    INTEGERS_1(ROWS, ) INTEGERS_1(FLOAT_ROW, )[PYR_PHYSICAL_F32][PYR_PHYSICAL_F32] = f32_to_f32,
    [PYR_PHYSICAL_F32][PYR_PHYSICAL_F64] = f32_to_f64,
    [PYR_PHYSICAL_F64][PYR_PHYSICAL_F32] = f64_to_f32,
    [PYR_PHYSICAL_F64][PYR_PHYSICAL_F64] = f64_to_f64,
};
#define TO_DECIMAL_ROW(IN_P, suffix, IN, ...) [PYR_PHYSICAL_##IN_P] = suffix##_to_decimal,
static pyr_loop_function *const to_decimal[PYR_PHYSICALS_COUNT] = {
    INTEGERS_1(TO_DECIMAL_ROW, )[PYR_PHYSICAL_F32] = f32_to_decimal,
    [PYR_PHYSICAL_F64] = f64_to_decimal,
};
#define OF_DECIMAL_ROW(OUT_P, suffix, OUT, ...) [PYR_PHYSICAL_##OUT_P] = decimal_to_##suffix,
static pyr_loop_function *const of_decimal[PYR_PHYSICALS_COUNT] = {
    INTEGERS_1(OF_DECIMAL_ROW, )[PYR_PHYSICAL_F32] = decimal_to_f32,
    [PYR_PHYSICAL_F64] = decimal_to_f64,
};

static pyr_status choose_decimal(pyr_eval *eval, pyr_eval_node *node, pyr_sql_type from,
                                 pyr_sql_type to, pyr_error *error) {
    decimal_cast *c = pyr_arena_alloc(&eval->arena, sizeof *c);
    if (c == NULL) {
        return pyr_arena_error(&eval->arena, error);
    }
    node->extra = c;
    node->expensive = true;
    int32_t scale = from.id == PYR_SQL_DECIMAL ? from.scale : 0;
    int32_t digits = to.id == PYR_SQL_DECIMAL ? to.scale - scale : scale;
    c->factor = pyr_power_of_ten(digits < 0 ? -digits : digits);
    c->limit = to.id == PYR_SQL_DECIMAL ? pyr_power_of_ten(to.precision) : 0;
    c->power = (double)c->factor;
    c->bound = (double)c->limit;
    if (from.id == PYR_SQL_DECIMAL && to.id == PYR_SQL_DECIMAL) {
        node->loop = digits < 0 ? decimal_down : decimal_up;
    } else if (from.id == PYR_SQL_DECIMAL) {
        node->loop = of_decimal[node->physical];
    } else {
        node->loop = to_decimal[node->arguments[0]->physical];
    }
    return PYR_OK;
}

pyr_status pyr_eval_choose_cast(pyr_eval *eval, pyr_eval_node *node, pyr_error *error) {
    pyr_sql_type from = node->expression->arguments[0]->type, to = node->expression->type;
    bool from_number = pyr_sql_type_is_numeric(from), to_number = pyr_sql_type_is_numeric(to);
    node->fail = node->expression->op == PYR_OP_TRY_CAST ? fail_try : fail_cast;
    node->run = pyr_eval_run_loop;
    if (from.id == PYR_SQL_NULL) {
        node->run = run_null;
    } else if (pyr_sql_type_equal(from, to) && from.id != PYR_SQL_NULL) {
        node->run = run_same;
    } else if (from_number && to_number &&
               (from.id == PYR_SQL_DECIMAL || to.id == PYR_SQL_DECIMAL)) {
        PYR_TRY(choose_decimal(eval, node, from, to, error));
    } else if (from_number && to_number) {
        node->loop = numbers[node->arguments[0]->physical][node->physical];
    } else if (from_number && to.id == PYR_SQL_BOOLEAN) {
        node->run = run_to_boolean;
        return PYR_OK;
    } else if (to_number && from.id == PYR_SQL_BOOLEAN) {
        if (to.id == PYR_SQL_DECIMAL && to.scale == to.precision) { /* 1 does not fit */
            return pyr_eval_not_supported(node, "cast to a DECIMAL below 1", error);
        }
        if (to.id == PYR_SQL_DECIMAL) {
            PYR_TRY(choose_decimal(eval, node, from, to, error));
            node->loop = NULL;
        }
        node->run = run_of_boolean;
        return PYR_OK;
    } else if (from.id == PYR_SQL_VARCHAR || to.id == PYR_SQL_VARCHAR) {
        if (pyr_eval_choose_cast_text(node)) {
            return PYR_OK;
        }
        node->run = pyr_eval_run_loop;
    } else {
        (void)pyr_eval_choose_cast_time(node);
    }
    if (node->run == pyr_eval_run_loop && node->loop == NULL) {
        char name[24];
        char what[48];
        snprintf(what, sizeof what, "cast to %s", pyr_sql_type_name(to, name));
        return pyr_eval_not_supported(node, what, error);
    }
    return PYR_OK;
}
