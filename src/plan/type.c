/* type.c - SQL types: their place in memory, their Arrow fields, their names. */
#include "plan/type.h"

#include "sql/statement.h"

#include <stdio.h>
#include <string.h>

pyr_physical pyr_sql_type_physical(pyr_sql_type type) {
    static const pyr_physical physicals[PYR_SQL_TYPES_COUNT] = {
        [PYR_SQL_NULL] = PYR_PHYSICAL_I32,        [PYR_SQL_BOOLEAN] = PYR_PHYSICAL_BIT,
        [PYR_SQL_TINYINT] = PYR_PHYSICAL_I8,      [PYR_SQL_SMALLINT] = PYR_PHYSICAL_I16,
        [PYR_SQL_INTEGER] = PYR_PHYSICAL_I32,     [PYR_SQL_BIGINT] = PYR_PHYSICAL_I64,
        [PYR_SQL_UTINYINT] = PYR_PHYSICAL_U8,     [PYR_SQL_USMALLINT] = PYR_PHYSICAL_U16,
        [PYR_SQL_UINTEGER] = PYR_PHYSICAL_U32,    [PYR_SQL_UBIGINT] = PYR_PHYSICAL_U64,
        [PYR_SQL_HUGEINT] = PYR_PHYSICAL_I128,    [PYR_SQL_DECIMAL] = PYR_PHYSICAL_I128,
        [PYR_SQL_FLOAT] = PYR_PHYSICAL_F32,       [PYR_SQL_DOUBLE] = PYR_PHYSICAL_F64,
        [PYR_SQL_VARCHAR] = PYR_PHYSICAL_STRING,  [PYR_SQL_BLOB] = PYR_PHYSICAL_STRING,
        [PYR_SQL_DATE] = PYR_PHYSICAL_I32,        [PYR_SQL_TIME] = PYR_PHYSICAL_I64,
        [PYR_SQL_TIMESTAMP_S] = PYR_PHYSICAL_I64, [PYR_SQL_TIMESTAMP_MS] = PYR_PHYSICAL_I64,
        [PYR_SQL_TIMESTAMP] = PYR_PHYSICAL_I64,   [PYR_SQL_TIMESTAMP_NS] = PYR_PHYSICAL_I64,
        [PYR_SQL_TIMESTAMPTZ] = PYR_PHYSICAL_I64, [PYR_SQL_INTERVAL] = PYR_PHYSICAL_INTERVAL,
    };
    return physicals[type.id];
}

static bool timestamp_of_field(const pyr_field *field, pyr_sql_type_id *out) {
    static const pyr_sql_type_id by_unit[] = {[PYR_UNIT_SECOND] = PYR_SQL_TIMESTAMP_S,
                                              [PYR_UNIT_MILLISECOND] = PYR_SQL_TIMESTAMP_MS,
                                              [PYR_UNIT_MICROSECOND] = PYR_SQL_TIMESTAMP,
                                              [PYR_UNIT_NANOSECOND] = PYR_SQL_TIMESTAMP_NS};
    *out = field->timezone == NULL ? by_unit[field->unit] : PYR_SQL_TIMESTAMPTZ;
    return field->timezone == NULL || field->unit == PYR_UNIT_MICROSECOND;
}

static bool id_of_field(const pyr_field *field, pyr_sql_type_id *out) {
    switch (field->type) {
#define CASE(arrow, sql)      \
    case PYR_TYPE_##arrow:    \
        *out = PYR_SQL_##sql; \
        return true
        CASE(BOOL, BOOLEAN);
        CASE(INT8, TINYINT);
        CASE(INT16, SMALLINT);
        CASE(INT32, INTEGER);
        CASE(INT64, BIGINT);
        CASE(UINT8, UTINYINT);
        CASE(UINT16, USMALLINT);
        CASE(UINT32, UINTEGER);
        CASE(UINT64, UBIGINT);
        CASE(FLOAT32, FLOAT);
        CASE(FLOAT64, DOUBLE);
        CASE(UTF8, VARCHAR);
        CASE(BINARY, BLOB);
        CASE(DATE32, DATE);
#undef CASE
    case PYR_TYPE_TIME64:
        *out = PYR_SQL_TIME;
        return field->unit == PYR_UNIT_MICROSECOND;
    case PYR_TYPE_TIMESTAMP:
        return timestamp_of_field(field, out);
    case PYR_TYPE_INTERVAL_MONTH_DAY_NANO:
        *out = PYR_SQL_INTERVAL;
        return true;
    default:
        return false;
    }
}

bool pyr_sql_type_of_field(const pyr_field *field, pyr_sql_type *out) {
    *out = (pyr_sql_type){PYR_SQL_NULL, 0, 0};
    if (pyr_metadata_find(field->metadata, "ARROW:extension:name", NULL) != NULL) {
        return false;
    }
    const char *mark = pyr_metadata_find(field->metadata, PYR_SQL_TYPE_KEY, NULL);
    if (field->type == PYR_TYPE_DECIMAL128) {
        if (mark != NULL) {
            out->id = PYR_SQL_HUGEINT;
            return strcmp(mark, "HUGEINT") == 0 && field->precision == 38 && field->scale == 0;
        }
        if (field->precision < 1 || field->precision > 38 || field->scale < 0 ||
            field->scale > field->precision) {
            return false;
        }
        *out = pyr_sql_decimal(field->precision, field->scale);
        return true;
    }
    return mark == NULL && id_of_field(field, &out->id);
}

const char *pyr_sql_type_name(pyr_sql_type type, char *room) {
    static const char *const names[PYR_SQL_TYPES_COUNT] = {"\"NULL\"",
                                                           "BOOLEAN",
                                                           "TINYINT",
                                                           "SMALLINT",
                                                           "INTEGER",
                                                           "BIGINT",
                                                           "UTINYINT",
                                                           "USMALLINT",
                                                           "UINTEGER",
                                                           "UBIGINT",
                                                           "HUGEINT",
                                                           "DECIMAL",
                                                           "FLOAT",
                                                           "DOUBLE",
                                                           "VARCHAR",
                                                           "BLOB",
                                                           "DATE",
                                                           "TIME",
                                                           "TIMESTAMP_S",
                                                           "TIMESTAMP_MS",
                                                           "TIMESTAMP",
                                                           "TIMESTAMP_NS",
                                                           "TIMESTAMP WITH TIME ZONE",
                                                           "INTERVAL"};
    if (type.id == PYR_SQL_DECIMAL) {
        snprintf(room, 24, "DECIMAL(%u,%u)", type.precision, type.scale);
    } else {
        snprintf(room, 24, "%s", type.id == PYR_SQL_TIMESTAMPTZ ? "TIMESTAMPTZ" : names[type.id]);
    }
    return room;
}

static pyr_status hugeint_field(const char *name, pyr_field **out, pyr_error *error) {
    static const char key[] = PYR_SQL_TYPE_KEY;
    static const char value[] = "HUGEINT";
    pyr_field *plain = NULL;
    pyr_metadata *metadata = NULL;
    PYR_TRY(pyr_field_create_decimal(name, PYR_TYPE_DECIMAL128, 38, 0, &plain, error));
    pyr_status status = pyr_metadata_create(&metadata, error);
    if (status == PYR_OK) {
        status = pyr_metadata_add(metadata, key, sizeof(key) - 1, value, sizeof(value) - 1, error);
    }
    if (status == PYR_OK) {
        status = pyr_field_with(plain, NULL, true, metadata, out, error);
    }
    pyr_metadata_release(metadata);
    pyr_field_release(plain);
    return status;
}

pyr_status pyr_sql_type_field(pyr_sql_type type, const char *name, pyr_field **out,
                              pyr_error *error) {
    static const pyr_type_id plain[PYR_SQL_TYPES_COUNT] = {
        [PYR_SQL_NULL] = PYR_TYPE_INT32,      [PYR_SQL_BOOLEAN] = PYR_TYPE_BOOL,
        [PYR_SQL_TINYINT] = PYR_TYPE_INT8,    [PYR_SQL_SMALLINT] = PYR_TYPE_INT16,
        [PYR_SQL_INTEGER] = PYR_TYPE_INT32,   [PYR_SQL_BIGINT] = PYR_TYPE_INT64,
        [PYR_SQL_UTINYINT] = PYR_TYPE_UINT8,  [PYR_SQL_USMALLINT] = PYR_TYPE_UINT16,
        [PYR_SQL_UINTEGER] = PYR_TYPE_UINT32, [PYR_SQL_UBIGINT] = PYR_TYPE_UINT64,
        [PYR_SQL_FLOAT] = PYR_TYPE_FLOAT32,   [PYR_SQL_DOUBLE] = PYR_TYPE_FLOAT64,
        [PYR_SQL_VARCHAR] = PYR_TYPE_UTF8,    [PYR_SQL_BLOB] = PYR_TYPE_BINARY,
        [PYR_SQL_DATE] = PYR_TYPE_DATE32,     [PYR_SQL_INTERVAL] = PYR_TYPE_INTERVAL_MONTH_DAY_NANO,
    };
    *out = NULL;
    switch (type.id) {
    case PYR_SQL_HUGEINT:
        return hugeint_field(name, out, error);
    case PYR_SQL_DECIMAL:
        return pyr_field_create_decimal(name, PYR_TYPE_DECIMAL128, type.precision, type.scale, out,
                                        error);
    case PYR_SQL_TIME:
        return pyr_field_create_time(name, PYR_TYPE_TIME64, PYR_UNIT_MICROSECOND, NULL, out, error);
    case PYR_SQL_TIMESTAMP_S:
        return pyr_field_create_time(name, PYR_TYPE_TIMESTAMP, PYR_UNIT_SECOND, NULL, out, error);
    case PYR_SQL_TIMESTAMP_MS:
        return pyr_field_create_time(name, PYR_TYPE_TIMESTAMP, PYR_UNIT_MILLISECOND, NULL, out,
                                     error);
    case PYR_SQL_TIMESTAMP:
        return pyr_field_create_time(name, PYR_TYPE_TIMESTAMP, PYR_UNIT_MICROSECOND, NULL, out,
                                     error);
    case PYR_SQL_TIMESTAMP_NS:
        return pyr_field_create_time(name, PYR_TYPE_TIMESTAMP, PYR_UNIT_NANOSECOND, NULL, out,
                                     error);
    case PYR_SQL_TIMESTAMPTZ:
        return pyr_field_create_time(name, PYR_TYPE_TIMESTAMP, PYR_UNIT_MICROSECOND, "UTC", out,
                                     error);
    default:
        return pyr_field_create(name, plain[type.id], out, error);
    }
}
