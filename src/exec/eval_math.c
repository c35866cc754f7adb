/* eval_math.c - functions of numbers: ABS, FLOOR, CEIL, ROUND, SIGN, roots, powers, logarithms. */
#include "exec/eval_internal.h"

#include <math.h>

/* One body serves types of all widths and signs: comparisons with zero and conversions to the
 * type itself are meant where they say nothing. */
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wtype-limits"

#define I128_MIN (-(pyr_i128)(~(pyr_u128)0 >> 1) - 1)

PYR_LOOP_1(abs_i8, int8_t, int8_t, bad = x == INT8_MIN; r = x < 0 && !bad ? (int8_t)-x : x)
PYR_LOOP_1(abs_i16, int16_t, int16_t, bad = x == INT16_MIN; r = x < 0 && !bad ? (int16_t)-x : x)
PYR_LOOP_1(abs_i32, int32_t, int32_t, bad = x == INT32_MIN; r = x < 0 && !bad ? -x : x)
PYR_LOOP_1(abs_i64, int64_t, int64_t, bad = x == INT64_MIN; r = x < 0 && !bad ? -x : x)
PYR_LOOP_1(abs_i128, pyr_i128_any, pyr_i128_any, bad = x == I128_MIN; r = x < 0 && !bad ? -x : x)
PYR_LOOP_1(abs_u8, uint8_t, uint8_t, r = x)
PYR_LOOP_1(abs_u16, uint16_t, uint16_t, r = x)
PYR_LOOP_1(abs_u32, uint32_t, uint32_t, r = x)
PYR_LOOP_1(abs_u64, uint64_t, uint64_t, r = x)
PYR_LOOP_1(abs_f32, float, float, r = fabsf(x))
PYR_LOOP_1(abs_f64, double, double, r = fabs(x))

#define SIGN_OF(NAME, TYPE) PYR_LOOP_1(NAME, TYPE, int8_t, r = (int8_t)((x > 0) - (x < 0)))
SIGN_OF(sign_i8, int8_t)
SIGN_OF(sign_i16, int16_t)
SIGN_OF(sign_i32, int32_t)
SIGN_OF(sign_i64, int64_t)
SIGN_OF(sign_i128, pyr_i128_any)
SIGN_OF(sign_u8, uint8_t)
SIGN_OF(sign_u16, uint16_t)
SIGN_OF(sign_u32, uint32_t)
SIGN_OF(sign_u64, uint64_t)
SIGN_OF(sign_f32, float)
SIGN_OF(sign_f64, double)

PYR_LOOP_1(floor_f32, float, float, r = floorf(x))
PYR_LOOP_1(floor_f64, double, double, r = floor(x))
PYR_LOOP_1(ceil_f32, float, float, r = ceilf(x))
PYR_LOOP_1(ceil_f64, double, double, r = ceil(x))
PYR_LOOP_1(round_f32, float, float, r = roundf(x))
PYR_LOOP_1(round_f64, double, double, r = round(x))
/* Of what is not finite: the value as it was, or 0 before the point. */
PYR_LOOP_2(round_digits_f64, double, int32_t, double,
           double power = pow(10, y < 0 ? -(double)y : y);
           r = y < 0 ? round(x / power) * power : round(x * power) / power; r = isfinite(r) ? r
                                                                                : y < 0     ? 0
                                                                                            : x)
PYR_LOOP_2(round_digits_f32, float, int32_t, float, double power = pow(10, y < 0 ? -(double)y : y);
           float s = y < 0 ? (float)(round((double)x / power) * power)
                           : (float)(round((double)x * power) / power);
           r = isfinite(s) ? s
               : y < 0     ? 0
                           : x)
PYR_LOOP_1(sqrt_f64, double, double, bad = x < 0; r = bad ? 0 : sqrt(x))
PYR_LOOP_1(exp_f64, double, double, r = exp(x))
PYR_LOOP_1(ln_f64, double, double, bad = x <= 0; r = bad ? 0 : log(x))
PYR_LOOP_1(log10_f64, double, double, bad = x <= 0; r = bad ? 0 : log10(x))
PYR_LOOP_1(log2_f64, double, double, bad = x <= 0; r = bad ? 0 : log2(x))
PYR_LOOP_2(power_f64, double, double, double, r = pow(x, y))

/* DECIMAL: extra points to 10 to the digits that go; ROUND before the point puts zeros back. */
typedef struct rounding {
    pyr_i128 divisor, factor;
} rounding;
#define ROUNDING                    \
    const rounding *to_ = l->extra; \
    pyr_i128 d = to_->divisor
PYR_LOOP_1(floor_decimal, pyr_i128_any, pyr_i128_any, ROUNDING; r = x / d - ((x % d < 0) ? 1 : 0))
PYR_LOOP_1(ceil_decimal, pyr_i128_any, pyr_i128_any, ROUNDING; r = x / d + ((x % d > 0) ? 1 : 0))
PYR_LOOP_1(round_decimal, pyr_i128_any, pyr_i128_any, ROUNDING; pyr_i128 rest = x % d; r = x / d;
           r += rest >= d - rest    ? 1
                : -rest >= d + rest ? -1
                                    : 0;
           r *= to_->factor)

static pyr_status fail_abs(const pyr_eval_node *node, int32_t row, pyr_error *error) {
    char value[64];
    return pyr_eval_error(node, "22003", error, "Overflow on abs(%s)",
                          pyr_eval_print(pyr_eval_argument(node, 0), row, value));
}
static pyr_status fail_sqrt(const pyr_eval_node *node, int32_t row, pyr_error *error) {
    (void)row;
    return pyr_eval_error(node, "22003", error, "cannot take square root of a negative number");
}
static pyr_status fail_log(const pyr_eval_node *node, int32_t row, pyr_error *error) {
    const pyr_vector *v = pyr_eval_argument(node, 0);
    bool zero = ((const double *)v->data)[v->constant ? 0 : row] == 0;
    return pyr_eval_error(node, "22003", error, "cannot take logarithm of %s",
                          zero ? "zero" : "a negative number");
}

typedef pyr_loop_function *loops[PYR_PHYSICALS_COUNT];
#define ALL(name)                                                         \
    {                                                                     \
        [PYR_PHYSICAL_I8] = name##_i8, [PYR_PHYSICAL_I16] = name##_i16,   \
        [PYR_PHYSICAL_I32] = name##_i32, [PYR_PHYSICAL_I64] = name##_i64, \
        [PYR_PHYSICAL_I128] = name##_i128, [PYR_PHYSICAL_U8] = name##_u8, \
        [PYR_PHYSICAL_U16] = name##_u16, [PYR_PHYSICAL_U32] = name##_u32, \
        [PYR_PHYSICAL_U64] = name##_u64, [PYR_PHYSICAL_F32] = name##_f32, \
        [PYR_PHYSICAL_F64] = name##_f64                                   \
    }
static const loops abs_loops = ALL(abs), sign_loops = ALL(sign);
#define FLOATS(name) \
    { [PYR_PHYSICAL_F32] = name##_f32, [PYR_PHYSICAL_F64] = name##_f64 }
static const loops floor_loops = FLOATS(floor), ceil_loops = FLOATS(ceil),
                   round_loops = FLOATS(round), round_digits_loops = FLOATS(round_digits);
#define DOUBLES(name) \
    { [PYR_PHYSICAL_F64] = name##_f64 }
static const loops sqrt_loops = DOUBLES(sqrt), exp_loops = DOUBLES(exp), ln_loops = DOUBLES(ln),
                   log10_loops = DOUBLES(log10), log2_loops = DOUBLES(log2),
                   power_loops = DOUBLES(power);

static const struct {
    const char *name;
    const loops *loops;
    pyr_eval_fail_function *fail;
} functions[] = {
    [PYR_OP_ABS] = {"abs", &abs_loops, fail_abs},
    [PYR_OP_FLOOR] = {"floor", &floor_loops, NULL},
    [PYR_OP_CEIL] = {"ceil", &ceil_loops, NULL},
    [PYR_OP_ROUND] = {"round", &round_loops, NULL},
    [PYR_OP_SQRT] = {"sqrt", &sqrt_loops, fail_sqrt},
    [PYR_OP_POWER] = {"power", &power_loops, NULL},
    [PYR_OP_EXP] = {"exp", &exp_loops, NULL},
    [PYR_OP_LN] = {"ln", &ln_loops, fail_log},
    [PYR_OP_LOG10] = {"log10", &log10_loops, fail_log},
    [PYR_OP_LOG2] = {"log2", &log2_loops, fail_log},
    [PYR_OP_SIGN] = {"sign", &sign_loops, NULL},
};

pyr_i128 pyr_power_of_ten(int32_t exponent) {
    pyr_i128 power = 1;
    for (int32_t i = 0; i < exponent; ++i) {
        power *= 10;
    }
    return power;
}

/* FLOOR, CEIL and ROUND of DECIMAL; the digits of ROUND are a constant. */
static pyr_status choose_decimal(pyr_eval *eval, pyr_eval_node *node, pyr_error *error) {
    const pyr_bound_expr *e = node->expression;
    pyr_sql_type from = e->arguments[0]->type;
    int32_t digits = 0;
    if (node->arguments_count == 2) {
        const pyr_bound_expr *second = e->arguments[1];
        if (second->kind != PYR_BOUND_CONSTANT || second->is_null ||
            node->arguments[1]->physical == PYR_PHYSICAL_I128 || second->value.i64 > from.scale ||
            second->value.i64 < -38) {
            return pyr_eval_not_supported(node, "round to that many digits", error);
        }
        digits = (int32_t)second->value.i64;
        node->arguments_count = 1; /* the loop has it in extra */
    }
    int32_t gone = from.scale - digits;
    if (gone > 38 || e->type.scale != (digits > 0 ? digits : 0)) {
        return pyr_eval_not_supported(node, "round to that many digits", error);
    }
    rounding *how = pyr_arena_alloc(&eval->arena, sizeof *how);
    if (how == NULL) {
        return pyr_arena_error(&eval->arena, error);
    }
    how->divisor = pyr_power_of_ten(gone);
    how->factor = digits < 0 ? pyr_power_of_ten(-digits) : 1;
    node->extra = how;
    node->expensive = true;
    node->loop = e->op == PYR_OP_FLOOR  ? floor_decimal
                 : e->op == PYR_OP_CEIL ? ceil_decimal
                                        : round_decimal;
    return PYR_OK;
}

pyr_status pyr_eval_choose_math(pyr_eval *eval, pyr_eval_node *node, pyr_error *error) {
    const pyr_bound_expr *e = node->expression;
    pyr_op op = e->op;
    node->run = pyr_eval_run_loop;
    node->fail = functions[op].fail;
    bool round = op == PYR_OP_FLOOR || op == PYR_OP_CEIL || op == PYR_OP_ROUND;
    if (e->arguments[0]->type.id == PYR_SQL_DECIMAL && round) {
        return choose_decimal(eval, node, error);
    }
    const loops *of = functions[op].loops;
    if (op == PYR_OP_ROUND && node->arguments_count == 2) {
        of = &round_digits_loops;
    }
    node->loop = (*of)[node->arguments[0]->physical];
    pyr_physical second = node->arguments_count == 2 ? node->arguments[1]->physical : 0;
    pyr_physical wanted = op == PYR_OP_POWER ? PYR_PHYSICAL_F64 : PYR_PHYSICAL_I32;
    pyr_physical result = op == PYR_OP_SIGN ? PYR_PHYSICAL_I8 : node->arguments[0]->physical;
    if (node->loop == NULL || node->physical != result ||
        (node->arguments_count == 2 && second != wanted)) {
        return pyr_eval_not_supported(node, functions[op].name, error);
    }
    node->expensive = op >= PYR_OP_ROUND && op <= PYR_OP_LOG2;
    return PYR_OK;
}
