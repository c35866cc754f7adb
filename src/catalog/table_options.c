/* table_options.c - see table_options.h. */
#include "catalog/table_options.h"

#include "catalog/compact_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *option_of(const pyr_table_definition *definition, const char *name) {
    for (size_t i = 0; i < definition->options_count; ++i) {
        if (strcasecmp(definition->options[i].name, name) == 0) {
            return definition->options[i].value;
        }
    }
    return NULL;
}

pyr_sync_mode pyr_table_sync_mode(const pyr_table *table) {
    const char *sync = pyr_table_get_option(table, "sync");
    if (sync != NULL && strcasecmp(sync, "none") == 0) {
        return PYR_SYNC_NONE;
    }
    return sync != NULL && strcasecmp(sync, "interval") == 0 ? PYR_SYNC_INTERVAL : PYR_SYNC_COMMIT;
}

/* ---- Retention. ---- */

static pyr_status parse_age(const char *text, int64_t *out, pyr_error *error) {
    static const struct {
        const char *letter, *word, *words;
        int64_t seconds;
    } units[] = {{"s", "second", "seconds", 1},
                 {"m", "minute", "minutes", 60},
                 {"h", "hour", "hours", 3600},
                 {"d", "day", "days", 86400},
                 {"w", "week", "weeks", 604800}};
    char *end = NULL;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    const char *unit = end + strspn(end, " ");
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); ++i) {
        bool is = strcasecmp(unit, units[i].letter) == 0 || strcasecmp(unit, units[i].word) == 0 ||
                  strcasecmp(unit, units[i].words) == 0;
        if (is && errno == 0 && end != text && number > 0 &&
            number <= INT64_MAX / 1000000 / units[i].seconds) {
            *out = (int64_t)number * units[i].seconds * 1000000;
            return PYR_OK;
        }
    }
    return pyr_error_set_sql(error, PYR_ERROR_SQL, "22023", -1,
                             "retention = '%s': a number and a unit were expected, as '1 hour'",
                             text);
}

/* 0 for days, -1 where the column tells no time. */
static int64_t unit_of(const pyr_field *field, const char *time_unit) {
    static const int64_t units[] = {1000000000, 1000000, 1000, 1};
    static const char *const names[] = {"s", "ms", "us", "ns"};
    if (field->type == PYR_TYPE_DATE32) {
        return 0;
    }
    if (field->type == PYR_TYPE_TIMESTAMP) {
        return units[field->unit];
    }
    for (size_t i = 0; field->type == PYR_TYPE_INT64 && i < 4; ++i) {
        if (strcasecmp(names[i], time_unit != NULL ? time_unit : "ms") == 0) {
            return units[i];
        }
    }
    return -1;
}

static int32_t find_time_column(const pyr_table_definition *definition) {
    static const char *const names[] = {"timestamp", "time", "ts", "event_time"};
    const pyr_schema *schema = definition->schema;
    const char *given = option_of(definition, "retention_column");
    if (given != NULL) {
        return pyr_schema_find(schema, given, true);
    }
    for (int32_t i = 0; i < schema->fields_count; ++i) {
        if (schema->fields[i]->type == PYR_TYPE_TIMESTAMP) {
            return i;
        }
    }
    int32_t found = -1;
    for (size_t i = 0; found < 0 && i < sizeof(names) / sizeof(names[0]); ++i) {
        found = pyr_schema_find(schema, names[i], true);
    }
    return found;
}

pyr_status pyr_retention_of(const pyr_table_definition *definition, bool *found, pyr_retention *out,
                            pyr_error *error) {
    const char *text = option_of(definition, "retention");
    *found = text != NULL;
    if (text == NULL) {
        return PYR_OK;
    }
    PYR_TRY(parse_age(text, &out->age_us, error));
    out->column = find_time_column(definition);
    out->unit_ns = out->column < 0 ? -1
                                   : unit_of(definition->schema->fields[out->column],
                                             option_of(definition, "time_unit"));
    return out->unit_ns >= 0
               ? PYR_OK
               : pyr_error_set_sql(error, PYR_ERROR_SQL, "22023", -1,
                                   "retention needs a time column: name a TIMESTAMP, DATE or "
                                   "BIGINT by retention_column");
}

/* ---- Checking. ---- */

pyr_status pyr_table_options_check(const pyr_table_definition *definition, pyr_error *error) {
    const char *sort_key = option_of(definition, "sort_key");
    pyr_retention retention;
    bool found = false;
    PYR_TRY(sort_key != NULL ? pyr_sort_key_check(definition->schema, sort_key, error) : PYR_OK);
    return pyr_retention_of(definition, &found, &retention, error);
}
