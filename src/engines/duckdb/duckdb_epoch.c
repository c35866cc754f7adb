/* duckdb_epoch.c - a BIGINT compared with a timestamp, or given to a time function, is an epoch.
 *
 * DuckDB's comparisons know no cast that is registered with it, and refuse such a statement with a
 * message that names the types and the place of the operator. So the statement is given to DuckDB
 * as it is, and only when it complains a conversion is put beside the operand, as an operator that
 * a macro gives its meaning:
 *
 *     timestamp > now()          ->  timestamp @@> 0 > now()
 *     now() < timestamp          ->  now() < 0 <@@ timestamp
 *     date_trunc('hour', stamp)  ->  date_trunc('hour', stamp @@> 0)
 *
 * An operator of this kind binds tighter than comparisons, BETWEEN and commas, looser than
 * arithmetic (PostgreSQL's "Operator Precedence", which DuckDB's grammar follows), and from the
 * left: just the operand is taken. Nothing else of the text changes, so places in it can be mapped
 * back. The name of a table function of ours that is given a column is changed in the same way
 * (duckdb_each.c).
 */
#include "engines/duckdb/duckdb_internal.h"
#include "engines/functions/table_function.h"
#include "sql/lexer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Suffix of the operators by what the other side is: timestamps with and without time zone are
 * compared without a cast per row (through ICU) that way. */
static const char wrap_zoned[] = " @@> 0 ";
static const char wrap_plain[] = " @@>> 0 ";
static const char lead_zoned[] = " 0 <@@ ";
static const char lead_plain[] = " 0 <<@@ ";

static bool insert(pyr_duckdb_rewrite *rewrite, size_t place, const char *what) {
    enum { PLACES_MAX = sizeof(rewrite->places) / sizeof(rewrite->places[0]) };
    size_t length = strlen(what);
    if (rewrite->count == PLACES_MAX || place > rewrite->text.length) {
        return false;
    }
    pyr_text changed;
    pyr_text_init(&changed);
    const char *text = pyr_text_get(&rewrite->text);
    pyr_text_append(&changed, text, place);
    pyr_text_append(&changed, what, length);
    pyr_text_append(&changed, text + place, rewrite->text.length - place);
    if (changed.failed) {
        pyr_text_deinit(&changed);
        return false;
    }
    pyr_text_deinit(&rewrite->text);
    rewrite->text = changed;
    /* places are those of the text before this change, ascending: later ones move. */
    size_t at = 0;
    while (at < rewrite->count && rewrite->places[at] < place) {
        ++at;
    }
    for (size_t i = rewrite->count; i > at; --i) {
        rewrite->places[i] = rewrite->places[i - 1] + length;
        rewrite->lengths[i] = rewrite->lengths[i - 1];
    }
    rewrite->places[at] = place;
    rewrite->lengths[at] = length;
    ++rewrite->count;
    return true;
}

int32_t pyr_duckdb_rewrite_origin(const pyr_duckdb_rewrite *rewrite, int32_t position) {
    size_t shift = 0;
    for (size_t i = 0; position >= 0 && i < rewrite->count; ++i) {
        if (rewrite->places[i] < (size_t)position) {
            size_t past = (size_t)position - rewrite->places[i];
            shift += past < rewrite->lengths[i] ? past : rewrite->lengths[i];
        }
    }
    return position < 0 ? position : position - (int32_t)shift;
}

static bool starts_with(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool is_time_type(const char *name) {
    return starts_with(name, "TIMESTAMP") || starts_with(name, "DATE ") ||
           strcmp(name, "DATE") == 0;
}

static bool is_zoned(const char *name) {
    return starts_with(name, "TIMESTAMP WITH TIME ZONE");
}

/* "Cannot compare values of type A and type B - an explicit cast is required" */
static bool rewrite_comparison(pyr_duckdb_rewrite *rewrite, const char *text, size_t position) {
    static const char head[] = "Cannot compare values of type ";
    static const char middle[] = " and type ";
    if (!starts_with(text, head)) {
        return false;
    }
    const char *left = text + sizeof(head) - 1;
    const char *right = strstr(left, middle);
    if (right == NULL) {
        return false;
    }
    right += sizeof(middle) - 1;
    if (starts_with(left, "BIGINT and") && is_time_type(right)) {
        return insert(rewrite, position, is_zoned(right) ? wrap_zoned : wrap_plain);
    }
    if (starts_with(right, "BIGINT -") && is_time_type(left)) {
        /* Behind the operator. */
        pyr_lexer lexer = pyr_lexer_over(pyr_text_get(&rewrite->text), rewrite->text.length);
        lexer.position = position;
        pyr_token token = pyr_lexer_next(&lexer);
        if (token.kind != PYR_TOKEN_OPERATOR || token.offset != position) {
            return false;
        }
        return insert(rewrite, position + token.length, is_zoned(left) ? lead_zoned : lead_plain);
    }
    return false;
}

/* "Cannot mix values of type BIGINT and B in BETWEEN clause - ..."; the place is BETWEEN's. */
static bool rewrite_between(pyr_duckdb_rewrite *rewrite, const char *text, size_t position) {
    static const char head[] = "Cannot mix values of type BIGINT and ";
    if (!starts_with(text, head)) {
        return false;
    }
    const char *other = text + sizeof(head) - 1;
    return is_time_type(other) &&
           insert(rewrite, position, is_zoned(other) ? wrap_zoned : wrap_plain);
}

/* The argument's index among "name(T1, T2)" that is BIGINT, or -1. */
static int bigint_argument(const char *call) {
    const char *at = strchr(call, '(');
    int depth = 0;
    int index = 0;
    for (const char *start = at != NULL ? at + 1 : NULL; start != NULL && *at != '\0'; ++at) {
        depth += *at == '(' ? 1 : 0;
        depth -= *at == ')' ? 1 : 0;
        if ((*at == ',' && depth == 1) || (*at == ')' && depth == 0)) {
            if ((size_t)(at - start) == strlen("BIGINT") && starts_with(start, "BIGINT")) {
                return index;
            }
            ++index;
            start = at + 1;
            start += *start == ' ' ? 1 : 0;
        }
    }
    return -1;
}

/* "No function matches ... 'date_trunc(STRING_LITERAL, BIGINT)'" with candidates that take a
 * timestamp; the place is the function's name. */
static bool rewrite_call(pyr_duckdb_rewrite *rewrite, const char *message, size_t position) {
    pyr_text call, candidates;
    pyr_text_init(&call);
    pyr_text_init(&candidates);
    int index = -1;
    if (pyr_duckdb_error_member(message, "call", &call) &&
        pyr_duckdb_error_member(message, "candidates", &candidates) &&
        strstr(pyr_text_get(&candidates), "TIMESTAMP") != NULL) {
        index = bigint_argument(pyr_text_get(&call));
    }
    pyr_text_deinit(&call);
    pyr_text_deinit(&candidates);
    if (index < 0) {
        return false;
    }
    pyr_lexer lexer = pyr_lexer_over(pyr_text_get(&rewrite->text), rewrite->text.length);
    lexer.position = position;
    int depth = 0;
    int argument = 0;
    /* EXTRACT(hour FROM x) is date_part('hour', x): FROM stands for the comma. */
    for (;;) {
        pyr_token token = pyr_lexer_next(&lexer);
        if (token.kind == PYR_TOKEN_END || token.kind == PYR_TOKEN_ERROR) {
            return false;
        }
        if (pyr_token_is_char(&token, '(') || pyr_token_is_char(&token, '[') ||
            pyr_token_is_char(&token, '{')) {
            ++depth;
        } else if (pyr_token_is_char(&token, ')') || pyr_token_is_char(&token, ']') ||
                   pyr_token_is_char(&token, '}')) {
            if (--depth == 0) {
                return argument == index && insert(rewrite, token.offset, wrap_plain);
            }
        } else if (depth == 1 &&
                   (pyr_token_is_char(&token, ',') || pyr_token_is_word(&token, "FROM"))) {
            if (argument++ == index) {
                return insert(rewrite, token.offset, wrap_plain);
            }
        } else if (depth == 0 && token.offset > position && token.kind != PYR_TOKEN_WORD &&
                   !pyr_token_is_char(&token, '.')) {
            return false;
        }
    }
}

/* Table function "f" does not support lateral join column parameters - ...; the place is the
 * column's. Before it stands the call that is meant, the last one of that name. */
static bool rewrite_lateral(pyr_duckdb_rewrite *rewrite, const char *text, size_t position) {
    static const char head[] = "Table function \"";
    static const char tail[] = "\" does not support lateral join column parameters";
    const char *end = starts_with(text, head) ? strstr(text, tail) : NULL;
    char name[64];
    size_t place = 0;
    if (end == NULL || (size_t)(end - text) - (sizeof(head) - 1) >= sizeof(name)) {
        return false;
    }
    size_t length = (size_t)(end - text) - (sizeof(head) - 1);
    memcpy(name, text + sizeof(head) - 1, length);
    name[length] = '\0';
    const pyr_table_function *function = pyr_table_function_find(name);
    pyr_lexer lexer = pyr_lexer_over(pyr_text_get(&rewrite->text), rewrite->text.length);
    pyr_token token = pyr_lexer_next(&lexer);
    for (; token.kind != PYR_TOKEN_END && token.offset < position; token = pyr_lexer_next(&lexer)) {
        if (token.kind == PYR_TOKEN_WORD && token.length == length &&
            strncasecmp(token.text, name, length) == 0) {
            place = token.offset + token.length;
        }
    }
    return function != NULL && function->columns != NULL && place > 0 &&
           insert(rewrite, place, PYR_DUCKDB_EACH_SUFFIX);
}

bool pyr_duckdb_epoch_rewrite(pyr_duckdb_rewrite *rewrite, const char *message) {
    pyr_text text, number;
    pyr_text_init(&text);
    pyr_text_init(&number);
    bool changed = false;
    if (pyr_duckdb_error_member(message, "exception_message", &text) &&
        pyr_duckdb_error_member(message, "position", &number)) {
        size_t position = (size_t)strtoull(pyr_text_get(&number), NULL, 10);
        const char *what = pyr_text_get(&text);
        if (position < rewrite->text.length) {
            changed = rewrite_comparison(rewrite, what, position) ||
                      rewrite_between(rewrite, what, position) ||
                      rewrite_lateral(rewrite, what, position) ||
                      rewrite_call(rewrite, message, position);
        }
    }
    pyr_text_deinit(&text);
    pyr_text_deinit(&number);
    return changed;
}

/* ---- The macros. ---- */

typedef struct unit_texts {
    const char *unit;
    const char *plain; /* x, a BIGINT, as TIMESTAMP */
    const char *zoned; /* as TIMESTAMP WITH TIME ZONE */
} unit_texts;
static const unit_texts units[] = {
    {"s", "make_timestamp(x * 1000000)", "make_timestamptz(x * 1000000)"},
    {"ms", "make_timestamp_ms(x)", "make_timestamptz(x * 1000)"},
    {"us", "make_timestamp(x)", "make_timestamptz(x)"},
    {"ns", "make_timestamp_ns(x)", "make_timestamptz(x // 1000)"}};

static pyr_status define(const pyr_duckdb_api *api, dd_connection connection, const pyr_text *sql,
                         pyr_error *error) {
    PYR_TRY(pyr_text_check(sql, error));
    dd_result result;
    memset(&result, 0, sizeof(result));
    pyr_status status = PYR_OK;
    if (api->query(connection, pyr_text_get(sql), &result) != DD_SUCCESS) {
        status = pyr_duckdb_error_set(NULL, api->result_error(&result), error);
        status = pyr_error_context(error, status, "DuckDB: %s", pyr_text_get(sql));
    }
    api->destroy_result(&result);
    return status;
}

static void add_family(pyr_text *sql, const char *name, const char *before, const char *after,
                       const char *epoch) {
    static const char *const types[] = {"TIMESTAMP",    "TIMESTAMPTZ",  "DATE",
                                        "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S"};
    pyr_text_printf(sql, "CREATE OR REPLACE MACRO %s(x BIGINT) AS %s%s%s", name, before, epoch,
                    after);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); ++i) {
        pyr_text_printf(sql, ", (x %s) AS %sx%s", types[i], before, after);
    }
    pyr_text_printf(sql, ", (x VARCHAR) AS %sCAST(x AS TIMESTAMP)%s; ", before, after);
}

pyr_status pyr_duckdb_epoch_register(const pyr_duckdb_api *api, dd_connection connection,
                                     const char *time_unit, pyr_error *error) {
    const unit_texts *unit = NULL;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); ++i) {
        unit = strcmp(units[i].unit, time_unit) == 0 ? &units[i] : unit;
    }
    if (unit == NULL) {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                             "time_unit \"%s\" is not one of s, ms, us, ns", time_unit);
    }
    static const char *const family[][3] = {
        {"toStartOfMinute", "date_trunc('minute', ", ")"},
        {"toStartOfFiveMinutes", "time_bucket(INTERVAL 5 MINUTES, ", ")"},
        {"toStartOfHour", "date_trunc('hour', ", ")"},
        {"toStartOfDay", "date_trunc('day', ", ")"},
        {"toStartOfWeek", "date_trunc('week', ", ")"},
        {"toStartOfMonth", "date_trunc('month', ", ")"}};
    pyr_text sql;
    pyr_text_init(&sql);
    for (size_t i = 0; i < sizeof(family) / sizeof(family[0]); ++i) {
        add_family(&sql, family[i][0], family[i][1], family[i][2], unit->plain);
    }
    pyr_text_printf(&sql,
                    "CREATE OR REPLACE MACRO \"@@>\"(x, y) AS %s; "
                    "CREATE OR REPLACE MACRO \"@@>>\"(x, y) AS %s; "
                    "CREATE OR REPLACE MACRO \"<@@\"(y, x) AS %s; "
                    "CREATE OR REPLACE MACRO \"<<@@\"(y, x) AS %s;",
                    unit->zoned, unit->plain, unit->zoned, unit->plain);
    pyr_status status = define(api, connection, &sql, error);
    pyr_text_deinit(&sql);
    return status;
}
