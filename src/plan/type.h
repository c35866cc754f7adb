/* type.h - the SQL types that the native engine computes with, and how their values lie in memory.
 *
 * A type outside of this list in a column that a query touches makes the query another engine's.
 */
#ifndef PYR_PLAN_TYPE_H
#define PYR_PLAN_TYPE_H

#include "arrow/type.h"
#include "kernels/value.h"

typedef enum pyr_sql_type_id {
    PYR_SQL_NULL, /* of NULL alone, until something decides */
    PYR_SQL_BOOLEAN,
    PYR_SQL_TINYINT,
    PYR_SQL_SMALLINT,
    PYR_SQL_INTEGER,
    PYR_SQL_BIGINT,
    PYR_SQL_UTINYINT,
    PYR_SQL_USMALLINT,
    PYR_SQL_UINTEGER,
    PYR_SQL_UBIGINT,
    PYR_SQL_HUGEINT,
    PYR_SQL_DECIMAL, /* precision 1..38, scale */
    PYR_SQL_FLOAT,
    PYR_SQL_DOUBLE,
    PYR_SQL_VARCHAR,
    PYR_SQL_BLOB,
    PYR_SQL_DATE, /* days since 1970-01-01 */
    PYR_SQL_TIME, /* microseconds */
    PYR_SQL_TIMESTAMP_S,
    PYR_SQL_TIMESTAMP_MS,
    PYR_SQL_TIMESTAMP, /* microseconds */
    PYR_SQL_TIMESTAMP_NS,
    PYR_SQL_TIMESTAMPTZ, /* microseconds, UTC */
    PYR_SQL_INTERVAL,    /* pyr_interval */
    PYR_SQL_TYPES_COUNT
} pyr_sql_type_id;

typedef struct pyr_sql_type {
    pyr_sql_type_id id;
    uint8_t precision, scale; /* DECIMAL; else 0 */
} pyr_sql_type;

/* How its values lie in memory. DATE is I32; TIME and TIMESTAMPs I64. HUGEINT and every DECIMAL
 * I128, as Arrow has them. NULL: I32. */
pyr_physical pyr_sql_type_physical(pyr_sql_type type);
static inline bool pyr_sql_type_equal(pyr_sql_type a, pyr_sql_type b) {
    return a.id == b.id && a.precision == b.precision && a.scale == b.scale;
}
/* false: the field's type is not one of these (ENUM, UUID, nested, other extensions, large strings
 * and views, dictionaries). */
bool pyr_sql_type_of_field(const pyr_field *field, pyr_sql_type *out);
/* A nullable field for a result column. */
PYR_MUST_CHECK pyr_status pyr_sql_type_field(pyr_sql_type type, const char *name, pyr_field **out,
                                             pyr_error *error);
/* "BIGINT", "DECIMAL(18,3)"; in room of 24 bytes, which is returned. */
const char *pyr_sql_type_name(pyr_sql_type type, char *room);

/* DECIMAL(precision, scale). */
static inline pyr_sql_type pyr_sql_decimal(int32_t precision, int32_t scale) {
    return (pyr_sql_type){PYR_SQL_DECIMAL, (uint8_t)precision, (uint8_t)scale};
}
/* A type without parameters. */
static inline pyr_sql_type pyr_sql_type_of(pyr_sql_type_id id) {
    return (pyr_sql_type){id, 0, 0};
}
static inline bool pyr_sql_type_is_integer(pyr_sql_type t) {
    return t.id >= PYR_SQL_TINYINT && t.id <= PYR_SQL_HUGEINT;
}
static inline bool pyr_sql_type_is_numeric(pyr_sql_type t) {
    return t.id >= PYR_SQL_TINYINT && t.id <= PYR_SQL_DOUBLE;
}

#endif
