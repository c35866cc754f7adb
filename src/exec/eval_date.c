/* eval_date.c - arithmetic of dates and times with days and intervals, differences, MAKE_DATE.
 * Infinite dates and times stay what they are. */
#include "exec/eval_internal.h"

#include "exec/calendar.h"

/* ---- Days. ---- */

PYR_LOOP_2(add_days, int32_t, int32_t, int32_t, bool infinite = PYR_DATE_INFINITE(x);
           bad = __builtin_add_overflow(x, y, &r); bad |= PYR_DATE_INFINITE(r) | (r == INT32_MIN);
           bad &= !infinite; r = infinite ? x : r)
PYR_LOOP_2(subtract_days, int32_t, int32_t, int32_t, bool infinite = PYR_DATE_INFINITE(x);
           bad = __builtin_sub_overflow(x, y, &r); bad |= PYR_DATE_INFINITE(r) | (r == INT32_MIN);
           bad &= !infinite; r = infinite ? x : r)
PYR_LOOP_2(days_between, int32_t, int32_t, int64_t, r = (int64_t)x - y)

/* ---- Intervals: months first, the day kept within its month; then days, then the time. ---- */

/* false: beyond what a timestamp holds. */
static bool add_interval(int64_t us, const pyr_interval *by, int sign, int64_t *out) {
    int64_t days = pyr_floor_divide(us, PYR_DAY_US), time = pyr_floor_modulo(us, PYR_DAY_US);
    if (by->months != 0) {
        pyr_civil c = pyr_civil_of_days(days);
        int64_t months = (int64_t)c.year * 12 + c.month - 1 + (int64_t)sign * by->months;
        int64_t year = pyr_floor_divide(months, 12);
        int32_t month = (int32_t)(months - year * 12) + 1, last = pyr_month_days(year, month);
        days = pyr_days_of_civil(year, month, c.day < last ? c.day : last);
    }
    days += (int64_t)sign * by->days;
    return !__builtin_mul_overflow(days, PYR_DAY_US, out) &&
           !__builtin_add_overflow(*out, time, out) &&
           !__builtin_add_overflow(*out, sign * (by->nanos / 1000), out) &&
           !PYR_TIME_INFINITE(*out) && *out != INT64_MIN;
}
/* Of days to microseconds: infinite ones stay. false: out of range. */
static bool time_of_days(int32_t days, int64_t *out) {
    if (PYR_DATE_INFINITE(days)) {
        *out = days > 0 ? INT64_MAX : -INT64_MAX;
        return true;
    }
    return !__builtin_mul_overflow((int64_t)days, PYR_DAY_US, out);
}
#define SHIFTED(NAME, IN, SIGN, TO_TIME)                                                        \
    PYR_LOOP_2(NAME, IN, pyr_interval, int64_t, int64_t us = 0; bad = !TO_TIME(x, &us); r = us; \
               bad = bad || (!PYR_TIME_INFINITE(us) && !add_interval(us, &y, SIGN, &r)))
static bool time_itself(int64_t us, int64_t *out) {
    *out = us;
    return true;
}
SHIFTED(add_to_date, int32_t, 1, time_of_days)
SHIFTED(subtract_of_date, int32_t, -1, time_of_days)
SHIFTED(add_to_time, int64_t, 1, time_itself)
SHIFTED(subtract_of_time, int64_t, -1, time_itself)

PYR_LOOP_2(time_between, int64_t, int64_t, pyr_interval, int64_t us = 0;
           bad = PYR_TIME_INFINITE(x) | PYR_TIME_INFINITE(y) | __builtin_sub_overflow(x, y, &us);
           r.months = 0; r.days = (int32_t)(us / PYR_DAY_US); r.nanos = us % PYR_DAY_US * 1000)
#define INTERVALS(NAME, FUNCTION)                                                                  \
    PYR_LOOP_2(NAME, pyr_interval, pyr_interval, pyr_interval,                                     \
               bad = FUNCTION(x.months, y.months, &r.months) | FUNCTION(x.days, y.days, &r.days) | \
                     FUNCTION(x.nanos, y.nanos, &r.nanos))
INTERVALS(add_intervals, __builtin_add_overflow)
INTERVALS(subtract_intervals, __builtin_sub_overflow)

static pyr_status fail_date(const pyr_eval_node *node, int32_t row, pyr_error *error) {
    (void)row;
    return pyr_eval_error(node, "22003", error, "Date out of range");
}
static pyr_status fail_time(const pyr_eval_node *node, int32_t row, pyr_error *error) {
    (void)row;
    return pyr_eval_error(node, "22018", error, "Date and time not in timestamp range");
}
static pyr_status fail_between(const pyr_eval_node *node, int32_t row, pyr_error *error) {
    bool infinite = false;
    for (int32_t i = 0; i < 2; ++i) {
        const pyr_vector *v = pyr_eval_argument(node, i);
        int64_t us = ((const int64_t *)v->data)[v->constant ? 0 : row];
        infinite |= PYR_TIME_INFINITE(us);
    }
    return infinite ? pyr_eval_error(node, "22023", error, "Cannot subtract infinite timestamps")
                    : pyr_eval_error(node, "22003", error, "Timestamp difference is out of bounds");
}
static pyr_status fail_interval(const pyr_eval_node *node, int32_t row, pyr_error *error) {
    (void)row;
    return pyr_eval_error(node, "22003", error, "Interval value is out of range");
}

static bool is_time(pyr_sql_type type) {
    return type.id == PYR_SQL_TIMESTAMP || type.id == PYR_SQL_TIMESTAMPTZ;
}
typedef struct arithmetic {
    pyr_loop_function *add, *subtract;
    pyr_eval_fail_function *fail;
} arithmetic;
static arithmetic arithmetic_of(pyr_sql_type a, pyr_sql_type b) {
    static const arithmetic none = {NULL, NULL, NULL};
    if (a.id == PYR_SQL_DATE && b.id == PYR_SQL_INTEGER) {
        return (arithmetic){add_days, subtract_days, fail_date};
    }
    if (a.id == PYR_SQL_DATE && b.id == PYR_SQL_DATE) {
        return (arithmetic){NULL, days_between, NULL};
    }
    if (a.id == PYR_SQL_DATE && b.id == PYR_SQL_INTERVAL) {
        return (arithmetic){add_to_date, subtract_of_date, fail_time};
    }
    if (a.id == PYR_SQL_TIMESTAMP && b.id == PYR_SQL_INTERVAL) {
        return (arithmetic){add_to_time, subtract_of_time, fail_time};
    }
    if (is_time(a) && pyr_sql_type_equal(a, b)) {
        return (arithmetic){NULL, time_between, fail_between};
    }
    if (a.id == PYR_SQL_INTERVAL && b.id == PYR_SQL_INTERVAL) {
        return (arithmetic){add_intervals, subtract_intervals, fail_interval};
    }
    return none;
}
static pyr_status choose_arithmetic(pyr_eval_node *node, pyr_error *error) {
    const pyr_bound_expr *e = node->expression;
    if (e->op > PYR_OP_SUBTRACT) {
        return pyr_eval_not_supported(node, "arithmetic of dates and times", error);
    }
    pyr_sql_type first = e->arguments[0]->type, second = e->arguments[1]->type;
    bool turned = e->op == PYR_OP_ADD &&
                  (first.id == PYR_SQL_INTERVAL || first.id == PYR_SQL_INTEGER) &&
                  second.id != PYR_SQL_INTERVAL;
    if (turned) { /* 1 + date */
        pyr_eval_node *argument = node->arguments[0];
        node->arguments[0] = node->arguments[1];
        node->arguments[1] = argument;
        node->swapped = true;
    }
    arithmetic of = turned ? arithmetic_of(second, first) : arithmetic_of(first, second);
    node->loop = e->op == PYR_OP_ADD ? of.add : of.subtract;
    node->fail = of.fail;
    node->run = pyr_eval_run_loop;
    node->expensive = true;
    pyr_physical result = node->loop == add_days || node->loop == subtract_days ? PYR_PHYSICAL_I32
                          : node->loop == time_between || node->loop == add_intervals ||
                                  node->loop == subtract_intervals
                              ? PYR_PHYSICAL_INTERVAL
                              : PYR_PHYSICAL_I64;
    if (node->loop == NULL || node->physical != result) {
        return pyr_eval_not_supported(node, e->op == PYR_OP_ADD ? "+" : "-", error);
    }
    return PYR_OK;
}

/* ---- DATE_DIFF: borders between two times; NULL of infinite ones. ---- */

PYR_EVAL_INLINE int64_t ordinal(pyr_date_part part, int64_t us) {
    int64_t days = pyr_floor_divide(us, PYR_DAY_US);
    pyr_civil c = pyr_civil_of_days(days);
    int64_t year = c.year, month = year * 12 + c.month - 1;
    switch (part) {
    case PYR_PART_MILLENNIUM:
        return year / 1000;
    case PYR_PART_CENTURY:
        return year / 100;
    case PYR_PART_DECADE:
        return year / 10;
    case PYR_PART_YEAR:
        return year;
    case PYR_PART_QUARTER:
        return month / 3;
    case PYR_PART_MONTH:
        return month;
    case PYR_PART_ISO_YEAR:
        return pyr_part_of_days(PYR_PART_ISO_YEAR, days);
    case PYR_PART_HOUR:
        return pyr_floor_divide(us, INT64_C(3600000000));
    case PYR_PART_MINUTE:
        return pyr_floor_divide(us, INT64_C(60000000));
    case PYR_PART_SECOND:
        return pyr_floor_divide(us, INT64_C(1000000));
    case PYR_PART_MILLISECOND:
        return pyr_floor_divide(us, INT64_C(1000));
    case PYR_PART_MICROSECOND:
        return us;
    default:
        return days;
    }
}
#define DIFF(PART, part)                                                   \
    PYR_LOOP_2(diff_##part, int64_t, int64_t, int64_t,                     \
               bad = PYR_TIME_INFINITE(x) | PYR_TIME_INFINITE(y);          \
               r = bad ? 0                                                 \
                       : (int64_t)((uint64_t)ordinal(PYR_PART_##PART, y) - \
                                   (uint64_t)ordinal(PYR_PART_##PART, x)))
DIFF(MILLENNIUM, millennium)
DIFF(CENTURY, century)
DIFF(DECADE, decade)
DIFF(YEAR, year)
DIFF(QUARTER, quarter)
DIFF(MONTH, month)
DIFF(DAY, day)
DIFF(ISO_YEAR, iso_year)
DIFF(HOUR, hour)
DIFF(MINUTE, minute)
DIFF(SECOND, second)
DIFF(MILLISECOND, millisecond)
DIFF(MICROSECOND, microsecond)
/* Weeks are those that have passed, not borders. */
PYR_LOOP_2(diff_week, int64_t, int64_t, int64_t, bad = PYR_TIME_INFINITE(x) | PYR_TIME_INFINITE(y);
           r = (ordinal(PYR_PART_DAY, y) - ordinal(PYR_PART_DAY, x)) / 7)
static pyr_loop_function *const diffs[PYR_PART_EPOCH + 1] = {
    [PYR_PART_MILLENNIUM] = diff_millennium,
    [PYR_PART_CENTURY] = diff_century,
    [PYR_PART_DECADE] = diff_decade,
    [PYR_PART_YEAR] = diff_year,
    [PYR_PART_QUARTER] = diff_quarter,
    [PYR_PART_MONTH] = diff_month,
    [PYR_PART_WEEK] = diff_week,
    [PYR_PART_DAY] = diff_day,
    [PYR_PART_DAY_OF_WEEK] = diff_day,
    [PYR_PART_ISO_DAY_OF_WEEK] = diff_day,
    [PYR_PART_DAY_OF_YEAR] = diff_day,
    [PYR_PART_ISO_YEAR] = diff_iso_year,
    [PYR_PART_HOUR] = diff_hour,
    [PYR_PART_MINUTE] = diff_minute,
    [PYR_PART_SECOND] = diff_second,
    [PYR_PART_EPOCH] = diff_second,
    [PYR_PART_MILLISECOND] = diff_millisecond,
    [PYR_PART_MICROSECOND] = diff_microsecond,
};
static pyr_status fail_null(const pyr_eval_node *node, int32_t row, pyr_error *error) {
    (void)node;
    (void)row;
    (void)error;
    return PYR_OK;
}

/* ---- EPOCH, MAKE_DATE. ---- */

PYR_LOOP_1(epoch_s, int64_t, int64_t, bad = __builtin_mul_overflow(x, INT64_C(1000000), &r))
PYR_LOOP_1(epoch_ms, int64_t, int64_t, bad = __builtin_mul_overflow(x, INT64_C(1000), &r))
PYR_LOOP_1(epoch_us, int64_t, int64_t, r = x; bad = PYR_TIME_INFINITE(x) | (x == INT64_MIN))
static pyr_status fail_epoch(const pyr_eval_node *node, int32_t row, pyr_error *error) {
    char value[64];
    switch (node->expression->part) {
    case PYR_PART_SECOND:
        return pyr_eval_error(node, "22003", error, "Epoch seconds out of range for TIMESTAMP");
    case PYR_PART_MILLISECOND:
        return pyr_eval_error(node, "22018", error,
                              "Could not convert Timestamp(MS) to Timestamp(US)");
    default:
        return pyr_eval_error(node, "22003", error, "Timestamp microseconds out of range: %s",
                              pyr_eval_print(pyr_eval_argument(node, 0), row, value));
    }
}
static pyr_status choose_epoch(pyr_eval_node *node, pyr_error *error) {
    const pyr_bound_expr *e = node->expression;
    node->run = pyr_eval_run_loop;
    node->fail = fail_epoch;
    bool nanos = e->part == PYR_PART_NANOSECOND && e->type.id == PYR_SQL_TIMESTAMP_NS;
    node->loop = e->part == PYR_PART_SECOND                 ? epoch_s
                 : e->part == PYR_PART_MILLISECOND          ? epoch_ms
                 : e->part == PYR_PART_MICROSECOND || nanos ? epoch_us
                                                            : NULL;
    if (node->loop == NULL || node->arguments[0]->physical != PYR_PHYSICAL_I64 ||
        (!nanos && !is_time(e->type))) {
        return pyr_eval_not_supported(node, "a timestamp of that unit", error);
    }
    return PYR_OK;
}

static pyr_status run_make_date(pyr_eval *eval, pyr_eval_node *node, pyr_eval_rows *rows,
                                pyr_error *error) {
    bool done = false;
    PYR_TRY(pyr_eval_arguments(eval, node, rows, &done, error));
    if (done) {
        return PYR_OK;
    }
    bool constant = pyr_eval_all_constant(node);
    const uint64_t *validity = pyr_eval_validity(eval, node, rows->rows);
    const uint16_t *list = NULL;
    int32_t count = constant ? 1 : pyr_eval_pick(eval, rows, validity, &list);
    int32_t *out = node->buffer.data;
    for (int32_t k = 0; k < count; ++k) {
        int32_t row = list != NULL ? list[k] : k;
        int64_t part[3];
        for (int32_t i = 0; i < 3; ++i) {
            const pyr_vector *v = pyr_eval_argument(node, i);
            part[i] = ((const int64_t *)v->data)[v->constant ? 0 : row];
        }
        bool good = part[0] > -5877642 && part[0] < 5881580 && part[1] >= 1 && part[1] <= 12 &&
                    part[2] >= 1 && part[2] <= pyr_month_days(part[0], (int32_t)part[1]);
        if (!good) {
            return pyr_eval_error(node, "22003", error, "Date out of range: %lld-%lld-%lld",
                                  (long long)part[0], (long long)part[1], (long long)part[2]);
        }
        out[row] = (int32_t)pyr_days_of_civil(part[0], (int32_t)part[1], (int32_t)part[2]);
    }
    pyr_eval_set_out(node, constant, validity);
    return PYR_OK;
}

pyr_status pyr_eval_choose_date(pyr_eval *eval, pyr_eval_node *node, pyr_error *error) {
    const pyr_bound_expr *e = node->expression;
    switch (e->op) {
    case PYR_OP_EXTRACT:
    case PYR_OP_DATE_TRUNC:
        return pyr_eval_choose_extract(eval, node, error);
    case PYR_OP_DATE_DIFF:
        node->run = pyr_eval_run_loop;
        node->loop = diffs[e->part];
        node->fail = fail_null;
        node->expensive = true;
        if (node->loop == NULL || !is_time(e->arguments[0]->type) ||
            !is_time(e->arguments[1]->type)) {
            return pyr_eval_not_supported(node, "date_diff", error);
        }
        return PYR_OK;
    case PYR_OP_EPOCH:
        return choose_epoch(node, error);
    case PYR_OP_MAKE_DATE:
        node->run = run_make_date;
        for (int32_t i = 0; i < node->arguments_count; ++i) {
            if (node->arguments_count != 3 || node->arguments[i]->physical != PYR_PHYSICAL_I64) {
                return pyr_eval_not_supported(node, "make_date", error);
            }
        }
        return PYR_OK;
    default:
        return choose_arithmetic(node, error);
    }
}
