/* dialect.c - the table of dialect settings. */
#include "engines/dialect.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* A setting comes in when neither a file, nor the network, nor memory, nor another session is
 * within its reach, and no error can crash what it lets through (max_expression_depth can). */
static const pyr_dialect_setting settings[PYR_DIALECT_SETTINGS] = {
    {"binary_as_string", NULL, "false", "read BINARY of Parquet files as VARCHAR", false},
    {"calendar", NULL, "gregorian", "calendar of dates with a time zone", false},
    {"default_collation", NULL, "", "collation of texts that name none", false},
    {"default_null_order", "null_order", "NULLS_LAST", "where ORDER BY puts NULL", false},
    {"default_order", NULL, "ASCENDING", "order of ORDER BY without ASC or DESC", false},
    {"deprecated_using_key_syntax", NULL, "DEFAULT", "UNION for USING KEY in WITH RECURSIVE",
     false},
    {"disable_timestamptz_casts", NULL, "false", "refuse casts of TIMESTAMP to TIMESTAMPTZ", false},
    {"ieee_floating_point_ops", NULL, "true", "division by zero gives inf and nan, not NULL",
     false},
    {"integer_division", NULL, "false", "/ of two integers gives an integer", false},
    {"lambda_syntax", NULL, "DEFAULT", "whether x -> x + 1 is a lambda", false},
    {"old_implicit_casting", NULL, "false", "casts between VARCHAR and others go unsaid", false},
    {"order_by_non_integer_literal", NULL, "false", "allow ORDER BY of a constant", false},
    {"pivot_limit", NULL, "100000", "columns that a PIVOT may make", false},
    {"preserve_insertion_order", NULL, "true", "results without ORDER BY keep the rows' order",
     true},
    {"scalar_subquery_error_on_multiple_rows", NULL, "true",
     "refuse a scalar subquery of several rows", false},
    {"timezone", NULL, "UTC", "time zone of TIMESTAMPTZ", false},
};

const pyr_dialect_setting *pyr_dialect_setting_at(int index) {
    return &settings[index];
}

int pyr_dialect_find(const char *name) {
    for (int i = 0; i < PYR_DIALECT_SETTINGS; ++i) {
        if (strcasecmp(name, settings[i].name) == 0 ||
            (settings[i].alias != NULL && strcasecmp(name, settings[i].alias) == 0)) {
            return i;
        }
    }
    return -1;
}

const char *pyr_dialect_get(const pyr_dialect *dialect, int index) {
    const char *value = dialect->values[index];
    return *value != '\0' ? value : settings[index].by_default;
}

pyr_status pyr_dialect_set(pyr_dialect *dialect, int index, const char *value, pyr_error *error) {
    size_t length = strlen(value);
    if (length >= PYR_DIALECT_VALUE_BYTES) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "22023", -1,
                                 "%s: a value has at most %d bytes", settings[index].name,
                                 PYR_DIALECT_VALUE_BYTES - 1);
    }
    /* What is set to its default is not set: an empty collation among them. */
    bool is_default = strcasecmp(value, settings[index].by_default) == 0;
    memset(dialect->values[index], 0, PYR_DIALECT_VALUE_BYTES);
    memcpy(dialect->values[index], value, is_default ? 0 : length);
    return PYR_OK;
}

int pyr_dialect_not_native(const pyr_dialect *dialect) {
    for (int i = 0; dialect != NULL && i < PYR_DIALECT_SETTINGS; ++i) {
        if (dialect->values[i][0] != '\0' && !settings[i].native_too) {
            return i;
        }
    }
    return -1;
}
