/* eval_cast_time.c - casts among DATE, TIME and TIMESTAMPs. Infinite ones stay infinite. What
 * depends on a time zone is not covered. */
#include "exec/eval_internal.h"

#include "exec/calendar.h"
#include "exec/time_text.h"

#define DAY_S INT64_C(86400)
#define DAY_MS INT64_C(86400000)
#define DAY_NS INT64_C(86400000000000)

#define OF_DATE(unit, DAY)                                                             \
    PYR_LOOP_1(date_to_##unit, int32_t, int64_t, bool infinite = PYR_DATE_INFINITE(x); \
               bad = __builtin_mul_overflow(infinite ? 0 : (int64_t)x, DAY, &r);       \
               r = !infinite ? r                                                       \
                   : x > 0   ? INT64_MAX                                               \
                             : -INT64_MAX)
OF_DATE(s, DAY_S)
OF_DATE(ms, DAY_MS)
OF_DATE(us, PYR_DAY_US)
OF_DATE(ns, DAY_NS)
#define TO_DATE(unit, DAY)                                                             \
    PYR_LOOP_1(unit##_to_date, int64_t, int32_t, bool infinite = PYR_TIME_INFINITE(x); \
               int64_t days = pyr_floor_divide(x, DAY);                                \
               bad = !infinite && ((days >= INT32_MAX) | (days <= -INT32_MAX));        \
               r = !infinite ? (int32_t)days                                           \
                   : x > 0   ? INT32_MAX                                               \
                             : -INT32_MAX)
TO_DATE(s, DAY_S)
TO_DATE(ms, DAY_MS)
TO_DATE(us, PYR_DAY_US)
TO_DATE(ns, DAY_NS)
/* Finer: exactly. */
#define FINER(NAME, FACTOR)                                                         \
    PYR_LOOP_1(NAME, int64_t, int64_t, bool infinite = PYR_TIME_INFINITE(x);        \
               bad = __builtin_mul_overflow(infinite ? 0 : x, INT64_C(FACTOR), &r); \
               r = infinite ? x : r)
FINER(times_1000, 1000)
FINER(times_1000000, 1000000)
FINER(times_1000000000, 1000000000)
/* Coarser than microseconds: half away from zero. Nanoseconds lose what is left. */
#define COARSER(NAME, DIVISOR)                                                   \
    PYR_LOOP_1(NAME, int64_t, int64_t, int64_t rest = x % INT64_C(DIVISOR);      \
               r = x / INT64_C(DIVISOR) + (rest * 2 >= INT64_C(DIVISOR)    ? 1   \
                                           : rest * 2 <= -INT64_C(DIVISOR) ? -1  \
                                                                           : 0); \
               r = PYR_TIME_INFINITE(x) ? x : r)
COARSER(by_1000, 1000)
COARSER(by_1000000, 1000000)
PYR_LOOP_1(ns_to_us, int64_t, int64_t, r = PYR_TIME_INFINITE(x) ? x : x / 1000)
PYR_LOOP_1(us_to_time, int64_t, int64_t, bad = PYR_TIME_INFINITE(x);
           r = bad ? 0 : pyr_floor_modulo(x, PYR_DAY_US))

static pyr_status fail_try(const pyr_eval_node *node, int32_t row, pyr_error *error) {
    (void)node;
    (void)row;
    (void)error;
    return PYR_OK;
}
static pyr_status fail_cast(const pyr_eval_node *node, int32_t row, pyr_error *error) {
    static const char *const units[] = {"S", "MS", "US", "NS"};
    const pyr_vector *v = pyr_eval_argument(node, 0);
    pyr_sql_type from = node->expression->arguments[0]->type, to = node->expression->type;
    char value[PYR_TIME_TEXT_MAX];
    int32_t i = v->constant ? 0 : row;
    if (from.id == PYR_SQL_DATE) {
        (void)pyr_date_print(((const int32_t *)v->data)[i], value);
        return pyr_eval_error(node, "22018", error,
                              "Type INT32 with value %s can't be cast to the destination type "
                              "INT64",
                              value);
    }
    if (to.id == PYR_SQL_TIME || to.id == PYR_SQL_DATE) {
        (void)pyr_timestamp_print(((const int64_t *)v->data)[i], from.id, value);
        return pyr_eval_error(node, "22023", error,
                              "Type INT64 with value %s can't be cast to the destination type %s",
                              value, to.id == PYR_SQL_TIME ? "INT64" : "INT32");
    }
    return pyr_eval_error(node, "22018", error, "Could not convert Timestamp(%s) to Timestamp(%s)",
                          units[from.id - PYR_SQL_TIMESTAMP_S], units[to.id - PYR_SQL_TIMESTAMP_S]);
}

bool pyr_eval_choose_cast_time(pyr_eval_node *node) {
    pyr_sql_type_id from = node->expression->arguments[0]->type.id, to = node->expression->type.id;
    static pyr_loop_function *const casts[PYR_SQL_TYPES_COUNT][PYR_SQL_TYPES_COUNT] = {
        [PYR_SQL_DATE][PYR_SQL_TIMESTAMP_S] = date_to_s,
        [PYR_SQL_DATE][PYR_SQL_TIMESTAMP_MS] = date_to_ms,
        [PYR_SQL_DATE][PYR_SQL_TIMESTAMP] = date_to_us,
        [PYR_SQL_DATE][PYR_SQL_TIMESTAMP_NS] = date_to_ns,
        [PYR_SQL_TIMESTAMP_S][PYR_SQL_DATE] = s_to_date,
        [PYR_SQL_TIMESTAMP_MS][PYR_SQL_DATE] = ms_to_date,
        [PYR_SQL_TIMESTAMP][PYR_SQL_DATE] = us_to_date,
        [PYR_SQL_TIMESTAMP_NS][PYR_SQL_DATE] = ns_to_date,
        [PYR_SQL_TIMESTAMP_S][PYR_SQL_TIMESTAMP_MS] = times_1000,
        [PYR_SQL_TIMESTAMP_S][PYR_SQL_TIMESTAMP] = times_1000000,
        [PYR_SQL_TIMESTAMP_S][PYR_SQL_TIMESTAMP_NS] = times_1000000000,
        [PYR_SQL_TIMESTAMP_MS][PYR_SQL_TIMESTAMP] = times_1000,
        [PYR_SQL_TIMESTAMP_MS][PYR_SQL_TIMESTAMP_NS] = times_1000000,
        [PYR_SQL_TIMESTAMP][PYR_SQL_TIMESTAMP_NS] = times_1000,
        [PYR_SQL_TIMESTAMP][PYR_SQL_TIMESTAMP_MS] = by_1000,
        [PYR_SQL_TIMESTAMP][PYR_SQL_TIMESTAMP_S] = by_1000000,
        [PYR_SQL_TIMESTAMP_NS][PYR_SQL_TIMESTAMP] = ns_to_us,
        [PYR_SQL_TIMESTAMP][PYR_SQL_TIME] = us_to_time,
    };
    node->loop = casts[from][to];
    node->fail = node->expression->op == PYR_OP_TRY_CAST ? fail_try : fail_cast;
    node->run = pyr_eval_run_loop;
    return node->loop != NULL;
}
