/* eval_arithmetic.c - + - * // % of numbers, negation, bits and shifts. Sums and products run
 * through the kernels over all rows; where one did not fit, the rows that count are looked at. */
#include "exec/eval_internal.h"

#include <math.h>

/* One body serves types of all widths and signs: comparisons with zero and conversions to the
 * type itself are meant where they say nothing. */
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wtype-limits"

#define SIGNED(X)                   \
    X(I8, i8, int8_t, INT8_MIN)     \
    X(I16, i16, int16_t, INT16_MIN) \
    X(I32, i32, int32_t, INT32_MIN) \
    X(I64, i64, int64_t, INT64_MIN) \
    X(I128, i128, pyr_i128_any, I128_MIN)
#define UNSIGNED(X)          \
    X(U8, u8, uint8_t, 0)    \
    X(U16, u16, uint16_t, 0) \
    X(U32, u32, uint32_t, 0) \
    X(U64, u64, uint64_t, 0)
#define I128_MIN (-(pyr_i128)(~(pyr_u128)0 >> 1) - 1)

/* ---- Exactly, row by row. ---- */

#define CHECKED(PHYSICAL, suffix, TYPE, MIN)                                                \
    PYR_LOOP_2(add_##suffix, TYPE, TYPE, TYPE, bad = __builtin_add_overflow(x, y, &r))      \
    PYR_LOOP_2(subtract_##suffix, TYPE, TYPE, TYPE, bad = __builtin_sub_overflow(x, y, &r)) \
    PYR_LOOP_2(multiply_##suffix, TYPE, TYPE, TYPE, bad = __builtin_mul_overflow(x, y, &r)) \
    PYR_LOOP_2(and_##suffix, TYPE, TYPE, TYPE, r = (TYPE)(x & y))                           \
    PYR_LOOP_2(or_##suffix, TYPE, TYPE, TYPE, r = (TYPE)(x | y))                            \
    PYR_LOOP_2(xor_##suffix, TYPE, TYPE, TYPE, r = (TYPE)(x ^ y))                           \
    PYR_LOOP_2(shift_right_##suffix, TYPE, TYPE, TYPE,                                      \
               r = (y < 0) | (y >= (TYPE)(sizeof(TYPE) * 8)) ? (TYPE)0 : (TYPE)(x >> (int)y))
SIGNED(CHECKED)
UNSIGNED(CHECKED)
/* Division by zero is NULL; what does not fit is an error: fail tells them apart. */
#define DIVISION_SIGNED(PHYSICAL, suffix, TYPE, MIN)                                           \
    PYR_LOOP_2(divide_##suffix, TYPE, TYPE, TYPE, bad = (y == 0) | ((x == (MIN)) & (y == -1)); \
               r = bad ? 0 : (TYPE)(x / y))                                                    \
    PYR_LOOP_2(modulo_##suffix, TYPE, TYPE, TYPE, bad = (y == 0) | ((x == (MIN)) & (y == -1)); \
               r = bad ? 0 : (TYPE)(x % y))                                                    \
    PYR_LOOP_1(negate_##suffix, TYPE, TYPE, bad = x == (MIN); r = bad ? x : (TYPE)(-x))
#define DIVISION_UNSIGNED(PHYSICAL, suffix, TYPE, MIN)                                       \
    PYR_LOOP_2(divide_##suffix, TYPE, TYPE, TYPE, bad = y == 0; r = bad ? 0 : (TYPE)(x / y)) \
    PYR_LOOP_2(modulo_##suffix, TYPE, TYPE, TYPE, bad = y == 0; r = bad ? 0 : (TYPE)(x % y))
SIGNED(DIVISION_SIGNED)
UNSIGNED(DIVISION_UNSIGNED)

/* Left: nothing may be pushed out, and nothing is moved below zero. Zero goes as far as one likes.
 */
#define SHIFT_LEFT(suffix, TYPE, BITS)                                     \
    PYR_LOOP_2(shift_left_##suffix, TYPE, TYPE, TYPE,                      \
               bad = (x < 0) | (y < 0) | ((x != 0) & (y >= (TYPE)(BITS))); \
               int by = bad || y >= (TYPE)(BITS) ? 0 : (int)y;             \
               bad |= (x >> ((BITS)-by)) != 0 && by > 0; r = bad || x == 0 ? 0 : (TYPE)(x << by))
SHIFT_LEFT(i8, int8_t, 7)
SHIFT_LEFT(i16, int16_t, 15)
SHIFT_LEFT(i32, int32_t, 31)
SHIFT_LEFT(i64, int64_t, 63)

#define FLOATS(suffix, TYPE, FMOD)                                                   \
    PYR_LOOP_2(add_##suffix, TYPE, TYPE, TYPE, r = x + y)                            \
    PYR_LOOP_2(subtract_##suffix, TYPE, TYPE, TYPE, r = x - y)                       \
    PYR_LOOP_2(multiply_##suffix, TYPE, TYPE, TYPE, r = x * y)                       \
    PYR_LOOP_2(real_divide_##suffix, TYPE, TYPE, TYPE, r = x / y)                    \
    PYR_LOOP_2(divide_##suffix, TYPE, TYPE, TYPE, bad = y == 0; r = bad ? 0 : x / y) \
    PYR_LOOP_2(modulo_##suffix, TYPE, TYPE, TYPE, r = FMOD(x, y))                    \
    PYR_LOOP_1(negate_##suffix, TYPE, TYPE, r = -x)
FLOATS(f32, float, fmodf)
FLOATS(f64, double, fmod)

/* DECIMAL: as many digits as the result's type has; extra points to the most of it. */
#define DECIMAL_LOOP(NAME, OVERFLOW)                              \
    PYR_LOOP_2(NAME, pyr_i128_any, pyr_i128_any, pyr_i128_any,    \
               const pyr_i128 most = *(const pyr_i128 *)l->extra; \
               bad = OVERFLOW(x, y, &r); bad |= (r > most) | (r < -most))
DECIMAL_LOOP(add_decimal, __builtin_add_overflow)
DECIMAL_LOOP(subtract_decimal, __builtin_sub_overflow)
DECIMAL_LOOP(multiply_decimal, __builtin_mul_overflow)
/* At most 18 digits each: factors of 64 bits. */
PYR_LOOP_2(multiply_short_decimal, pyr_i128_any, pyr_i128_any, pyr_i128_any,
           r = (pyr_i128)(int64_t)x * (int64_t)y)

/* ---- Errors. ---- */

static pyr_status fail_overflow(const pyr_eval_node *node, int32_t row, pyr_error *error) {
    static const char *const names[] = {"addition", "subtraction", "multiplication"};
    static const char signs[] = "+-*";
    char left[64], right[64];
    const pyr_eval_node *const *arguments = (const pyr_eval_node *const *)node->arguments;
    const char *a = pyr_eval_print(&arguments[node->swapped ? 1 : 0]->out, row, left);
    const char *b = pyr_eval_print(&arguments[node->swapped ? 0 : 1]->out, row, right);
    int op = (int)node->arithmetic;
    if (node->expression->type.id != PYR_SQL_DECIMAL) {
        return pyr_eval_error(node, "22003", error, "Overflow in %s of %s (%s %c %s)!", names[op],
                              pyr_eval_physical_name(node->physical), a, signs[op], b);
    }
    const char *advice =
        node->arithmetic == PYR_ARITHMETIC_MULTIPLY
            ? ". You might want to add an explicit cast to a decimal with a smaller scale."
        : node->expression->type.precision == 38
            ? ";"
            : ". You might want to add an explicit cast to a bigger decimal.";
    bool subtract = node->arithmetic == PYR_ARITHMETIC_SUBTRACT;
    return pyr_eval_error(node, "22003", error, "Overflow in %s of DECIMAL(%d) (%s %c %s)%s",
                          subtract ? "subtract" : names[op], node->expression->type.precision, a,
                          signs[op], b, advice);
}
/* Whether argument `index` is zero at row: of integers and floats alike all bits but a sign. */
static bool is_zero(const pyr_eval_node *node, int32_t index, int32_t row) {
    const pyr_vector *v = pyr_eval_argument(node, index);
    size_t width = pyr_physical_bytes(v->physical), i = v->constant ? 0 : (size_t)row;
    if (v->physical == PYR_PHYSICAL_F64) {
        return ((const double *)v->data)[i] == 0;
    }
    if (v->physical == PYR_PHYSICAL_F32) {
        return ((const float *)v->data)[i] == 0;
    }
    static const uint8_t zeros[16];
    return memcmp((const uint8_t *)v->data + i * width, zeros, width) == 0;
}
static pyr_status fail_division(const pyr_eval_node *node, int32_t row, pyr_error *error) {
    if (is_zero(node, 1, row)) {
        return PYR_OK; /* NULL */
    }
    char left[64], right[64];
    return pyr_eval_error(node, "22003", error, "Overflow in division of %s / %s",
                          pyr_eval_print(pyr_eval_argument(node, 0), row, left),
                          pyr_eval_print(pyr_eval_argument(node, 1), row, right));
}
static pyr_status fail_negate(const pyr_eval_node *node, int32_t row, pyr_error *error) {
    (void)row;
    return pyr_eval_error(node, "22003", error, "Overflow in negation of numeric value!");
}
static pyr_status fail_shift(const pyr_eval_node *node, int32_t row, pyr_error *error) {
    char left[64], right[64];
    const char *a = pyr_eval_print(pyr_eval_argument(node, 0), row, left);
    const char *b = pyr_eval_print(pyr_eval_argument(node, 1), row, right);
    if (a[0] == '-') {
        return pyr_eval_error(node, "22003", error, "Cannot left-shift negative number %s", a);
    }
    if (b[0] == '-') {
        return pyr_eval_error(node, "22003", error, "Cannot left-shift by negative number %s", b);
    }
    size_t bits = pyr_physical_bytes(node->physical) * 8;
    long long by = 0;
    for (const char *digit = b; *digit != '\0' && by < 1000; ++digit) {
        by = by * 10 + (*digit - '0');
    }
    if (by >= (long long)bits) {
        return pyr_eval_error(node, "22003", error, "Left-shift value %s is out of range", b);
    }
    return pyr_eval_error(node, "22003", error, "Overflow in left shift (%s << %s)", a, b);
}

/* ---- The choice. ---- */

#define OF(PHYSICAL, suffix, ...) [PYR_PHYSICAL_##PHYSICAL] = MAKE(suffix),
#define OF_FLOATS [PYR_PHYSICAL_F32] = MAKE(f32), [PYR_PHYSICAL_F64] = MAKE(f64),
typedef pyr_loop_function *loops[PYR_PHYSICALS_COUNT];
#define MAKE(suffix) add_##suffix
static const loops add = {SIGNED(OF) UNSIGNED(OF) OF_FLOATS};
#undef MAKE
#define MAKE(suffix) subtract_##suffix
static const loops subtract = {SIGNED(OF) UNSIGNED(OF) OF_FLOATS};
#undef MAKE
#define MAKE(suffix) multiply_##suffix
static const loops multiply = {SIGNED(OF) UNSIGNED(OF) OF_FLOATS};
#undef MAKE
#define MAKE(suffix) divide_##suffix
static const loops divide = {SIGNED(OF) UNSIGNED(OF) OF_FLOATS};
#undef MAKE
#define MAKE(suffix) modulo_##suffix
static const loops modulo = {SIGNED(OF) UNSIGNED(OF) OF_FLOATS};
#undef MAKE
#define MAKE(suffix) negate_##suffix
static const loops negate = {SIGNED(OF) OF_FLOATS};
#undef MAKE
#define MAKE(suffix) and_##suffix
static const loops bit_and = {SIGNED(OF) UNSIGNED(OF)};
#undef MAKE
#define MAKE(suffix) or_##suffix
static const loops bit_or = {SIGNED(OF) UNSIGNED(OF)};
#undef MAKE
#define MAKE(suffix) xor_##suffix
static const loops bit_xor = {SIGNED(OF) UNSIGNED(OF)};
#undef MAKE
#define MAKE(suffix) shift_right_##suffix
static const loops shift_right = {SIGNED(OF) UNSIGNED(OF)};
#undef MAKE
static const loops real_divide = {
    [PYR_PHYSICAL_F32] = real_divide_f32, [PYR_PHYSICAL_F64] = real_divide_f64};
static const loops shift_left = {[PYR_PHYSICAL_I8] = shift_left_i8,
                                 [PYR_PHYSICAL_I16] = shift_left_i16,
                                 [PYR_PHYSICAL_I32] = shift_left_i32,
                                 [PYR_PHYSICAL_I64] = shift_left_i64};

static const struct {
    const char *name;
    const loops *loops;
    pyr_eval_fail_function *fail;
} operations[] = {
    [PYR_OP_ADD] = {"+", &add, fail_overflow},
    [PYR_OP_SUBTRACT] = {"-", &subtract, fail_overflow},
    [PYR_OP_MULTIPLY] = {"*", &multiply, fail_overflow},
    [PYR_OP_DIVIDE] = {"/", &real_divide, NULL},
    [PYR_OP_INT_DIVIDE] = {"//", &divide, fail_division},
    [PYR_OP_MODULO] = {"%", &modulo, fail_division},
    [PYR_OP_NEGATE] = {"-", &negate, fail_negate},
    [PYR_OP_BIT_AND] = {"&", &bit_and, NULL},
    [PYR_OP_BIT_OR] = {"|", &bit_or, NULL},
    [PYR_OP_BIT_XOR] = {"xor", &bit_xor, NULL},
    [PYR_OP_SHIFT_LEFT] = {"<<", &shift_left, fail_shift},
    [PYR_OP_SHIFT_RIGHT] = {">>", &shift_right, NULL},
};

static bool temporal(pyr_sql_type type) {
    return type.id >= PYR_SQL_DATE && type.id <= PYR_SQL_INTERVAL;
}

/* A loop of DECIMAL; false: a sum whose type has a digit more than its arguments, which fits. */
static bool choose_decimal(pyr_eval *eval, pyr_eval_node *node) {
    static pyr_loop_function *const decimals[] = {add_decimal, subtract_decimal, multiply_decimal};
    const pyr_bound_expr *e = node->expression;
    int left = e->arguments[0]->type.precision, right = e->arguments[1]->type.precision;
    int32_t digits = e->type.precision;
    if (e->op == PYR_OP_MULTIPLY && left <= 18 && right <= 18 && digits >= left + right) {
        node->loop = multiply_short_decimal;
        return true;
    }
    if (e->op != PYR_OP_MULTIPLY && digits > left && digits > right) {
        return false;
    }
    pyr_i128 *most = pyr_arena_alloc(&eval->arena, sizeof *most);
    if (most != NULL) {
        *most = pyr_power_of_ten(digits) - 1;
    }
    node->extra = most;
    node->loop = decimals[node->arithmetic];
    node->expensive = true;
    return true;
}

/* Sums, differences and products: kernels where nothing but the type's width is the border. */
static pyr_status choose_kernel(pyr_eval *eval, pyr_eval_node *node, pyr_error *error) {
    const pyr_bound_expr *e = node->expression;
    node->arithmetic = e->op == PYR_OP_ADD        ? PYR_ARITHMETIC_ADD
                       : e->op == PYR_OP_SUBTRACT ? PYR_ARITHMETIC_SUBTRACT
                                                  : PYR_ARITHMETIC_MULTIPLY;
    if (e->op != PYR_OP_SUBTRACT && e->arguments[0]->kind == PYR_BOUND_CONSTANT) {
        pyr_eval_node *first = node->arguments[0];
        node->arguments[0] = node->arguments[1];
        node->arguments[1] = first;
        node->swapped = true;
    }
    if (e->type.id == PYR_SQL_DECIMAL && choose_decimal(eval, node)) {
        bool failed = node->extra == NULL && node->loop != multiply_short_decimal;
        return failed ? pyr_arena_error(&eval->arena, error) : PYR_OK;
    }
    node->dense = eval->kernels->arithmetic[node->arithmetic][node->physical];
    node->dense_constant = eval->kernels->arithmetic_constant[node->arithmetic][node->physical];
    return PYR_OK;
}

pyr_status pyr_eval_choose_arithmetic(pyr_eval *eval, pyr_eval_node *node, pyr_error *error) {
    const pyr_bound_expr *e = node->expression;
    for (int32_t i = 0; i < node->arguments_count; ++i) {
        if (temporal(e->arguments[i]->type)) {
            return pyr_eval_choose_date(eval, node, error);
        }
    }
    node->loop = (*operations[e->op].loops)[node->physical];
    node->fail = operations[e->op].fail;
    node->run = pyr_eval_run_loop;
    for (int32_t i = 0; i < node->arguments_count; ++i) {
        if (node->arguments[i]->physical != node->physical) {
            node->loop = NULL;
        }
    }
    if (node->loop == NULL) {
        return pyr_eval_not_supported(node, operations[e->op].name, error);
    }
    if (e->op == PYR_OP_ADD || e->op == PYR_OP_SUBTRACT || e->op == PYR_OP_MULTIPLY) {
        return choose_kernel(eval, node, error);
    }
    node->expensive |= e->op == PYR_OP_INT_DIVIDE || e->op == PYR_OP_MODULO;
    return PYR_OK;
}
