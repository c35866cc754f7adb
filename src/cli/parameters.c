/* parameters.c - see parameters.h. */
#include "cli/parameters.h"

#include "arrow/builder.h"
#include "base/text.h"
#include "sql/statement.h"

#include <stdlib.h>
#include <string.h>

#define BIGINT_DIGITS 18 /* every number of as many digits is a BIGINT */
#define DECIMAL_DIGITS 38

static pyr_status text_column(const char *value, pyr_field **field, pyr_array **column,
                              pyr_error *error) {
    pyr_builder *builder = NULL;
    pyr_status status = pyr_field_create("", PYR_TYPE_UTF8, field, error);
    if (status == PYR_OK) {
        status = pyr_builder_create(*field, NULL, &builder, error);
    }
    if (status == PYR_OK) {
        status = pyr_builder_string(builder, value, error);
    }
    if (status == PYR_OK) {
        status = pyr_builder_finish(builder, column, error);
    }
    pyr_builder_destroy(builder);
    return status;
}

pyr_status pyr_parameters_create(const char *const *values, size_t count, pyr_batch **out,
                                 pyr_error *error) {
    *out = NULL;
    if (count == 0) {
        return PYR_OK;
    }
    pyr_field **fields = calloc(count, sizeof(*fields));
    pyr_array **columns = calloc(count, sizeof(*columns));
    if (fields == NULL || columns == NULL) {
        free(fields);
        free(columns);
        return pyr_error_memory(error, count * (sizeof(*fields) + sizeof(*columns)));
    }
    pyr_schema *schema = NULL;
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < count; ++i) {
        status = text_column(values[i], &fields[i], &columns[i], error);
    }
    if (status == PYR_OK) {
        status = pyr_schema_create(fields, (int32_t)count, NULL, &schema, error);
    }
    if (status == PYR_OK) {
        status = pyr_batch_create(schema, 1, columns, (int32_t)count, NULL, out, error);
    }
    for (size_t i = 0; i < count; ++i) {
        pyr_field_release(fields[i]);
        pyr_array_release(columns[i]);
    }
    pyr_schema_release(schema);
    free(fields);
    free(columns);
    return status;
}

/* ---- Types. ---- */

static size_t digits(const char *text, size_t length) {
    size_t count = 0;
    while (count < length && text[count] >= '0' && text[count] <= '9') {
        ++count;
    }
    return count;
}

/* The type SQL gives a number written like this, as in `SELECT 1.50`. false: it is not written as
 * one writes numbers: "007" and "+1" are texts. */
static bool add_number_type(const char *text, size_t length, pyr_text *out) {
    size_t at = length > 0 && text[0] == '-';
    size_t whole = digits(text + at, length - at);
    if (whole == 0 || (whole > 1 && text[at] == '0')) {
        return false;
    }
    at += whole;
    size_t scale = 0;
    if (at < length && text[at] == '.') {
        scale = digits(text + at + 1, length - at - 1);
        at += scale > 0 ? scale + 1 : 0;
    }
    bool exponent = false;
    if (at < length && (text[at] == 'e' || text[at] == 'E')) {
        size_t sign = at + 1 < length && (text[at + 1] == '-' || text[at + 1] == '+');
        size_t count = digits(text + at + 1 + sign, length - at - 1 - sign);
        exponent = count > 0;
        at += exponent ? 1 + sign + count : 0;
    }
    if (at < length) {
        return false;
    }
    if (exponent || whole + scale > DECIMAL_DIGITS) {
        pyr_text_add(out, "DOUBLE");
    } else if (scale > 0) {
        pyr_text_printf(out, "DECIMAL(%zu, %zu)", whole + scale, scale);
    } else {
        pyr_text_add(out, whole <= BIGINT_DIGITS ? "BIGINT" : "HUGEINT");
    }
    return true;
}

static bool is_text_type(pyr_type_id type) {
    return type == PYR_TYPE_UTF8 || type == PYR_TYPE_LARGE_UTF8 || type == PYR_TYPE_UTF8_VIEW;
}

/* Appends "CAST($1 AS T)", or "$1" where the text may stay one; true: there is a cast. */
static bool add_value(const pyr_batch *texts, int32_t index, const pyr_field *wanted, bool numbers,
                      pyr_text *sql) {
    pyr_text type;
    pyr_text_init(&type);
    bool cast = false;
    if (wanted != NULL && wanted->type != PYR_TYPE_NULL) {
        cast = !is_text_type(wanted->type);
        if (cast) {
            pyr_sql_type_print(wanted, &type);
        }
    } else if (numbers) {
        size_t length = 0;
        const uint8_t *text = pyr_array_bytes(texts->columns[index], 0, &length);
        cast = add_number_type((const char *)text, length, &type);
    }
    if (cast) {
        pyr_text_printf(sql, "CAST($%d AS %s)", (int)index + 1, pyr_text_get(&type));
    } else {
        pyr_text_printf(sql, "$%d", (int)index + 1);
    }
    sql->failed = sql->failed || type.failed;
    pyr_text_deinit(&type);
    return cast;
}

/* ---- Values. ---- */

/* The texts as a statement wants them. types: NULL where nothing is known. *any: some are cast,
 * else *out are the texts themselves. */
static pyr_status convert(pyr_connection *connection, pyr_batch *texts, const pyr_schema *types,
                          bool numbers, bool *any, pyr_batch **out, pyr_error *error) {
    *any = false;
    *out = NULL;
    pyr_text sql;
    pyr_text_init(&sql);
    for (int32_t i = 0; i < texts->columns_count; ++i) {
        const pyr_field *wanted =
            types != NULL && i < types->fields_count ? types->fields[i] : NULL;
        pyr_text_add(&sql, i == 0 ? "SELECT " : ", ");
        *any |= add_value(texts, i, wanted, numbers, &sql);
    }
    pyr_result result;
    memset(&result, 0, sizeof(result));
    pyr_status status = pyr_text_check(&sql, error);
    if (status == PYR_OK && *any) {
        status =
            pyr_session_run(connection, pyr_text_get(&sql), sql.length, texts, 0, &result, error);
    }
    if (status == PYR_OK && *any) {
        status = pyr_stream_next(result.stream, out, error);
    }
    if (status == PYR_OK && *out == NULL) {
        *out = pyr_batch_retain(texts);
    }
    if (status != PYR_OK && error != NULL) {
        error->position = -1; /* in a text nobody wrote */
    }
    pyr_result_deinit(&result);
    pyr_text_deinit(&sql);
    return status;
}

/* How many parameters the statement names; what is wrong with its text the run itself says. *query:
 * it can be described without doing anything (an EXECUTE is run for that). */
static int32_t count_parameters(const char *sql, size_t length, bool *query) {
    pyr_arena arena;
    pyr_arena_init(&arena, NULL);
    pyr_parsed *parsed = NULL;
    int32_t count = 0;
    if (pyr_sql_parse(sql, length, &arena, &parsed, NULL) == PYR_OK) {
        count = parsed->parameters_count;
        *query = parsed->kind == PYR_PARSED_QUERY;
    }
    pyr_parsed_deinit(parsed);
    pyr_arena_deinit(&arena);
    return count;
}

/* The first count of them. */
static pyr_status take_first(pyr_batch *params, int32_t count, pyr_batch **out, pyr_error *error) {
    int32_t *columns = calloc((size_t)count, sizeof(*columns));
    if (columns == NULL) {
        return pyr_error_memory(error, (size_t)count * sizeof(*columns));
    }
    for (int32_t i = 0; i < count; ++i) {
        columns[i] = i;
    }
    pyr_status status = pyr_batch_project(params, columns, count, NULL, out, error);
    free(columns);
    return status;
}

/* The statement cannot be typed with these parameters. Found out before anything ran. */
static bool is_typing_error(const pyr_error *error) {
    return strcmp(error->sqlstate, "42804") == 0 || strcmp(error->sqlstate, "42883") == 0;
}

static pyr_status run_with(pyr_connection *connection, pyr_batch *texts, const pyr_schema *types,
                           const char *sql, size_t length, pyr_result *out, pyr_error *error) {
    bool any;
    pyr_batch *values = NULL;
    PYR_TRY(convert(connection, texts, types, false, &any, &values, error));
    pyr_status status = pyr_session_run(connection, sql, length, values, 0, out, error);
    pyr_batch_release(values);
    if (status == PYR_OK || !is_typing_error(error)) {
        return status;
    }
    pyr_error second;
    pyr_error_clear(&second);
    values = NULL;
    pyr_status again = convert(connection, texts, types, true, &any, &values, &second);
    if (again == PYR_OK && any) {
        again = pyr_session_run(connection, sql, length, values, 0, out, &second);
        if (again == PYR_OK || !is_typing_error(&second)) {
            status = again;
            *error = second;
        }
    }
    pyr_batch_release(values);
    return status;
}

pyr_status pyr_parameters_run(pyr_connection *connection, pyr_batch *params, const char *sql,
                              size_t length, pyr_result *out, pyr_error *error) {
    pyr_error own;
    pyr_error_clear(&own);
    error = error != NULL ? error : &own;
    bool query = false;
    int32_t count = params != NULL ? count_parameters(sql, length, &query) : 0;
    if (count <= 0) {
        return pyr_session_run(connection, sql, length, NULL, 0, out, error);
    }
    if (count > params->columns_count) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42P02", -1,
                                 "the statement has %d parameters, %d given: one --param for each",
                                 (int)count, (int)params->columns_count);
    }
    pyr_batch *texts = NULL;
    PYR_TRY(take_first(params, count, &texts, error));
    pyr_schema *schema = NULL;
    pyr_schema *types = NULL;
    bool is_update = false;
    /* What it cannot describe it may still run. */
    if (query && pyr_session_describe(connection, sql, length, &schema, &is_update, &types, NULL) !=
                     PYR_OK) {
        types = NULL;
    }
    pyr_status status = run_with(connection, texts, types, sql, length, out, error);
    pyr_schema_release(schema);
    pyr_schema_release(types);
    pyr_batch_release(texts);
    return status;
}
