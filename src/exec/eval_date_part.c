/* eval_date_part.c - EXTRACT and DATE_TRUNC: one loop a part and unit. Infinite times have no parts
 * (NULL), and are their own beginning. */
#include "exec/eval_internal.h"

#include "exec/calendar.h"

#define PARTS_OF_DAYS(X)                \
    X(MILLENNIUM, millennium)           \
    X(CENTURY, century)                 \
    X(DECADE, decade)                   \
    X(YEAR, year)                       \
    X(QUARTER, quarter)                 \
    X(MONTH, month)                     \
    X(WEEK, week)                       \
    X(DAY, day)                         \
    X(DAY_OF_WEEK, day_of_week)         \
    X(ISO_DAY_OF_WEEK, iso_day_of_week) \
    X(DAY_OF_YEAR, day_of_year)         \
    X(ISO_YEAR, iso_year)
#define PARTS_OF_TIME(X)        \
    X(HOUR, hour)               \
    X(MINUTE, minute)           \
    X(SECOND, second)           \
    X(MILLISECOND, millisecond) \
    X(MICROSECOND, microsecond) \
    X(NANOSECOND, nanosecond)

#define DAY_S INT64_C(86400)
#define DAY_MS INT64_C(86400000)
#define DAY_NS INT64_C(86400000000000)

/* Of timestamps: the day, and nanoseconds within it. */
#define OF_DAYS(PART, part, unit, DAY)                                         \
    PYR_LOOP_1(part##_of_##unit, int64_t, int64_t, bad = PYR_TIME_INFINITE(x); \
               r = pyr_part_of_days(PYR_PART_##PART, pyr_floor_divide(bad ? 0 : x, DAY)))
#define OF_TIME(PART, part, unit, DAY)                                         \
    PYR_LOOP_1(part##_of_##unit, int64_t, int64_t, bad = PYR_TIME_INFINITE(x); \
               r = pyr_part_of_time(PYR_PART_##PART, pyr_floor_modulo(x, DAY) * (DAY_NS / (DAY))))
#define DATE(PART, part)                                                     \
    PYR_LOOP_1(part##_of_date, int32_t, int64_t, bad = PYR_DATE_INFINITE(x); \
               r = pyr_part_of_days(PYR_PART_##PART, bad ? 0 : x))           \
    OF_DAYS(PART, part, s, DAY_S)                                            \
    OF_DAYS(PART, part, ms, DAY_MS)                                          \
    OF_DAYS(PART, part, us, PYR_DAY_US)                                      \
    OF_DAYS(PART, part, ns, DAY_NS)
#define TIME(PART, part)                                                            \
    PYR_LOOP_1(part##_of_date, int32_t, int64_t, bad = PYR_DATE_INFINITE(x); r = 0) \
    OF_TIME(PART, part, s, DAY_S)                                                   \
    OF_TIME(PART, part, ms, DAY_MS)                                                 \
    OF_TIME(PART, part, us, PYR_DAY_US)                                             \
    OF_TIME(PART, part, ns, DAY_NS)
PARTS_OF_DAYS(DATE)
PARTS_OF_TIME(TIME)
PYR_LOOP_1(epoch_of_date, int32_t, double, bad = PYR_DATE_INFINITE(x); r = (double)x * 86400.0)
PYR_LOOP_1(epoch_of_s, int64_t, double, bad = PYR_TIME_INFINITE(x); r = (double)x)
PYR_LOOP_1(epoch_of_ms, int64_t, double, bad = PYR_TIME_INFINITE(x); r = (double)x / 1e3)
PYR_LOOP_1(epoch_of_us, int64_t, double, bad = PYR_TIME_INFINITE(x); r = (double)x / 1e6)
PYR_LOOP_1(epoch_of_ns, int64_t, double, bad = PYR_TIME_INFINITE(x); r = (double)x / 1e9)

/* ---- DATE_TRUNC, to microseconds: what the plan has. ---- */

#define TRUNC_DAYS(PART, part)                                                                    \
    PYR_LOOP_1(part##_trunc_date, int32_t, int32_t,                                               \
               r = PYR_DATE_INFINITE(x) ? x : (int32_t)pyr_trunc_days(PYR_PART_##PART, x))        \
    PYR_LOOP_1(part##_trunc_date_us, int32_t, int64_t, bool infinite = PYR_DATE_INFINITE(x);      \
               bad = __builtin_mul_overflow(pyr_trunc_days(PYR_PART_##PART, infinite ? 0 : x),    \
                                            PYR_DAY_US, &r);                                      \
               r = !infinite ? r                                                                  \
                   : x > 0   ? INT64_MAX                                                          \
                             : -INT64_MAX)                                                          \
    PYR_LOOP_1(part##_trunc_us, int64_t, int64_t, bool infinite = PYR_TIME_INFINITE(x);           \
               int64_t days = pyr_floor_divide(infinite ? 0 : x, PYR_DAY_US);                     \
               bad =                                                                              \
                   __builtin_mul_overflow(pyr_trunc_days(PYR_PART_##PART, days), PYR_DAY_US, &r); \
               r = infinite ? x : r)
#define TRUNC_TIME(PART, part, UNIT)                                \
    PYR_LOOP_1(part##_trunc_us, int64_t, int64_t,                   \
               uint64_t rest = (uint64_t)pyr_floor_modulo(x, UNIT); \
               r = PYR_TIME_INFINITE(x) ? x : (int64_t)((uint64_t)x - rest))
PARTS_OF_DAYS(TRUNC_DAYS)
TRUNC_TIME(HOUR, hour, INT64_C(3600000000))
TRUNC_TIME(MINUTE, minute, INT64_C(60000000))
TRUNC_TIME(SECOND, second, INT64_C(1000000))
TRUNC_TIME(MILLISECOND, millisecond, INT64_C(1000))
TRUNC_TIME(MICROSECOND, microsecond, INT64_C(1))

/* ---- The choice. ---- */

typedef enum time_unit { OF_DATE, OF_S, OF_MS, OF_US, OF_NS, UNITS_COUNT } time_unit;
static bool unit_of(pyr_sql_type type, time_unit *unit) {
    switch (type.id) {
    case PYR_SQL_DATE:
        *unit = OF_DATE;
        return true;
    case PYR_SQL_TIMESTAMP_S:
        *unit = OF_S;
        return true;
    case PYR_SQL_TIMESTAMP_MS:
        *unit = OF_MS;
        return true;
    case PYR_SQL_TIME:
    case PYR_SQL_TIMESTAMP:
    case PYR_SQL_TIMESTAMPTZ:
        *unit = OF_US;
        return true;
    case PYR_SQL_TIMESTAMP_NS:
        *unit = OF_NS;
        return true;
    default:
        return false;
    }
}
#define ROW(PART, part) \
    [PYR_PART_##PART] = {part##_of_date, part##_of_s, part##_of_ms, part##_of_us, part##_of_ns},
static pyr_loop_function *const extracts[PYR_PART_EPOCH + 1][UNITS_COUNT] = {
    PARTS_OF_DAYS(ROW) PARTS_OF_TIME(ROW) ROW(EPOCH, epoch)};
#define TRUNC_ROW(PART, part) \
    [PYR_PART_##PART] = {part##_trunc_us, part##_trunc_date, part##_trunc_date_us},
static pyr_loop_function *const truncs[PYR_PART_EPOCH + 1][3] = {
    PARTS_OF_DAYS(TRUNC_ROW)[PYR_PART_HOUR] = {hour_trunc_us, day_trunc_date, day_trunc_date_us},
    [PYR_PART_MINUTE] = {minute_trunc_us, day_trunc_date, day_trunc_date_us},
    [PYR_PART_SECOND] = {second_trunc_us, day_trunc_date, day_trunc_date_us},
    [PYR_PART_MILLISECOND] = {millisecond_trunc_us, day_trunc_date, day_trunc_date_us},
    [PYR_PART_MICROSECOND] = {microsecond_trunc_us, day_trunc_date, day_trunc_date_us},
};

static pyr_status fail_null(const pyr_eval_node *node, int32_t row, pyr_error *error) {
    (void)node;
    (void)row;
    (void)error;
    return PYR_OK;
}
static pyr_status fail_trunc(const pyr_eval_node *node, int32_t row, pyr_error *error) {
    (void)row;
    return pyr_eval_error(node, "22018", error, "Date and time not in timestamp range");
}

pyr_status pyr_eval_choose_extract(pyr_eval *eval, pyr_eval_node *node, pyr_error *error) {
    (void)eval;
    const pyr_bound_expr *e = node->expression;
    pyr_sql_type from = e->arguments[0]->type;
    time_unit unit = OF_US;
    node->run = pyr_eval_run_loop;
    node->fail = fail_null;
    node->expensive = true;
    if (!unit_of(from, &unit)) {
        return pyr_eval_not_supported(node, "extract", error);
    }
    if (e->op == PYR_OP_EXTRACT) {
        bool time_alone = from.id == PYR_SQL_TIME;
        if (!time_alone || pyr_part_is_time(e->part) || e->part == PYR_PART_EPOCH) {
            node->loop = extracts[e->part][unit];
        }
        pyr_physical result = e->part == PYR_PART_EPOCH ? PYR_PHYSICAL_F64 : PYR_PHYSICAL_I64;
        if (node->loop == NULL || node->physical != result) {
            return pyr_eval_not_supported(node, "extract of that part", error);
        }
        return PYR_OK;
    }
    node->fail = fail_trunc;
    if (from.id == PYR_SQL_DATE) {
        node->loop = truncs[e->part][e->type.id == PYR_SQL_DATE ? 1 : 2];
    } else if (from.id == PYR_SQL_TIMESTAMP || from.id == PYR_SQL_TIMESTAMPTZ) {
        node->loop = truncs[e->part][0];
    }
    if (node->loop == NULL || (e->type.id != PYR_SQL_DATE && node->physical != PYR_PHYSICAL_I64)) {
        return pyr_eval_not_supported(node, "date_trunc", error);
    }
    return PYR_OK;
}
