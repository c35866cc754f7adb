/* duckdb_prepare.c - from a statement's text to a DuckDB prepared statement, and running it. */
#include "engines/duckdb/duckdb_internal.h"
#include "sql/lexer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- What a statement may be. ---- */

/* Functions that a session of another machine must not call: raw pointers as arguments; SQL made at
 * run time, which would hide the others; the bytes of a DuckDB file, which are trusted; what
 * changes the instance for other sessions (its log shows their statements) or writes a file by
 * itself; and glob, which follows links out of a folder that it may list. DuckDB cannot switch
 * functions off; its lexer knows no escapes in names, so a name is found as it is.
 * duckdb_lockdown_test.c knows every table function of the library. */
static const char *const *refused_functions(void) {
    static const char *const refused[] = {"arrow_scan",
                                          "arrow_scan_dumb",
                                          "checkpoint",
                                          "disable_logging",
                                          "disable_peg_parser",
                                          "disable_profiling",
                                          "duckdb_log_contexts",
                                          "duckdb_logs",
                                          "duckdb_logs_parsed",
                                          "enable_logging",
                                          "enable_peg_parser",
                                          "enable_profiling",
                                          "force_checkpoint",
                                          "glob",
                                          "json_execute_serialized_sql",
                                          "json_serialize_plan",
                                          "query",
                                          "read_duckdb",
                                          "seq_scan",
                                          "truncate_duckdb_logs",
                                          "write_log",
                                          NULL};
    return refused;
}

/* The first of names that the text calls, and where; NULL: none. */
static const char *find_call(const char *text, size_t length, const char *const *names,
                             int32_t *position) {
    pyr_lexer lexer = pyr_lexer_over(text, length);
    pyr_token token = pyr_lexer_next(&lexer);
    while (token.kind != PYR_TOKEN_END) {
        pyr_token next = pyr_lexer_next(&lexer);
        for (size_t i = 0; names[i] != NULL && pyr_token_is_char(&next, '('); ++i) {
            if (pyr_token_names(&token, names[i])) {
                *position = (int32_t)token.offset;
                return names[i];
            }
        }
        token = next;
    }
    return NULL;
}

static pyr_status refuse_functions(const char *text, size_t length, pyr_error *error) {
    int32_t position;
    const char *found = find_call(text, length, refused_functions(), &position);
    return found == NULL
               ? PYR_OK
               : pyr_error_set_sql(error, PYR_ERROR_PERMISSION, "42501", position,
                                   "the function %s is not for sessions over the network", found);
}

/* Files are lent to the statement of this lease (duckdb_external.c). */
static pyr_status refuse_files(const pyr_duckdb_lease *lease, const char *text, size_t length,
                               pyr_error *error) {
    int32_t position;
    bool lent = lease->instance->profile.files_count > 0;
    return lent && find_call(text, length, pyr_duckdb_file_functions(), &position) != NULL
               ? pyr_duckdb_lent_refusal(position, error)
               : PYR_OK;
}

static pyr_status statement_refused(size_t offset, pyr_error *error) {
    return pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "0A000", (int32_t)offset,
                             "the DuckDB engine runs queries only (SELECT, FROM, VALUES, WITH, "
                             "PIVOT, SUMMARIZE, DESCRIBE, SHOW)");
}

/* Before DuckDB sees the text: some of its statements (IMPORT DATABASE, PRAGMA) are replaced by
 * others when they are parsed. A word that begins no statement at all is DuckDB's to complain
 * about. */
static pyr_status check_first_word(const pyr_engine_query *query, pyr_error *error) {
    static const char *const others[] = {
        "ALTER",   "ANALYZE",  "ATTACH", "BEGIN",      "CALL",   "CHECKPOINT", "COMMENT",
        "COMMIT",  "COPY",     "CREATE", "DEALLOCATE", "DELETE", "DETACH",     "DROP",
        "EXECUTE", "EXPLAIN",  "EXPORT", "FORCE",      "IMPORT", "INSERT",     "INSTALL",
        "LOAD",    "MERGE",    "PRAGMA", "PREPARE",    "RESET",  "ROLLBACK",   "SET",
        "START",   "TRUNCATE", "UPDATE", "USE",        "VACUUM", "ABORT",      "END",
        "REINDEX", "REPLACE",  "DISCARD"};
    pyr_lexer lexer = pyr_lexer_over(query->sql, query->length);
    pyr_token token = pyr_lexer_next(&lexer);
    if (PYR_TOKEN_IS_ONE_OF(&token, others)) {
        return statement_refused(token.offset, error);
    }
    return PYR_OK;
}

static bool has_pivot(const pyr_engine_query *query) {
    pyr_lexer lexer = pyr_lexer_over(query->sql, query->length);
    pyr_token token = pyr_lexer_next(&lexer);
    while (token.kind != PYR_TOKEN_END && token.kind != PYR_TOKEN_ERROR) {
        if (pyr_token_is_word(&token, "PIVOT") || pyr_token_is_word(&token, "PIVOT_WIDER")) {
            return true;
        }
        token = pyr_lexer_next(&lexer);
    }
    return false;
}

/* ---- Parameters. ---- */

static int compare_numbers(const void *a, const void *b) {
    int32_t x = *(const int32_t *)a;
    int32_t y = *(const int32_t *)b;
    return x < y ? -1 : x > y;
}

/* The numbers n of $n in the text, ascending, each once. */
static pyr_status list_numbers(const char *text, size_t length, int32_t **out, size_t *count,
                               pyr_error *error) {
    size_t capacity = 0;
    *out = NULL;
    *count = 0;
    pyr_lexer lexer = pyr_lexer_over(text, length);
    pyr_token token = pyr_lexer_next(&lexer);
    for (; token.kind != PYR_TOKEN_END; token = pyr_lexer_next(&lexer)) {
        if (token.kind != PYR_TOKEN_PARAMETER) {
            continue;
        }
        if (*count == capacity) {
            capacity = capacity > 0 ? capacity * 2 : 8;
            int32_t *grown = realloc(*out, capacity * sizeof(*grown));
            if (grown == NULL) {
                free(*out);
                *out = NULL;
                *count = 0;
                return pyr_error_memory(error, capacity * sizeof(*grown));
            }
            *out = grown;
        }
        long number = strtol(token.text + 1, NULL, 10);
        if (number < 1 || number > 65535) {
            free(*out);
            *out = NULL;
            *count = 0;
            return pyr_error_set_sql(error, PYR_ERROR_SQL, "42P02", (int32_t)token.offset,
                                     "there is no parameter %.*s", (int)token.length, token.text);
        }
        (*out)[(*count)++] = (int32_t)number;
    }
    if (*count > 1) {
        qsort(*out, *count, sizeof(**out), compare_numbers);
        size_t kept = 1;
        for (size_t i = 1; i < *count; ++i) {
            if ((*out)[i] != (*out)[kept - 1]) {
                (*out)[kept++] = (*out)[i];
            }
        }
        *count = kept;
    }
    return PYR_OK;
}

/* DuckDB's C API binds by position and knows no gap ($1 and $3 alone): the numbers are made dense
 * in the text, in the same number of bytes, and prepared->numbers says what they were. */
static pyr_status close_gaps(pyr_duckdb_prepared *prepared, pyr_text *text, pyr_error *error) {
    PYR_TRY(list_numbers(pyr_text_get(text), text->length, &prepared->numbers,
                         &prepared->numbers_count, error));
    size_t count = prepared->numbers_count;
    if (count == 0 || (size_t)prepared->numbers[count - 1] == count) {
        return PYR_OK;
    }
    pyr_lexer lexer = pyr_lexer_over(text->data, text->length);
    pyr_token token = pyr_lexer_next(&lexer);
    for (; token.kind != PYR_TOKEN_END; token = pyr_lexer_next(&lexer)) {
        if (token.kind != PYR_TOKEN_PARAMETER) {
            continue;
        }
        int32_t number = (int32_t)strtol(token.text + 1, NULL, 10);
        const int32_t *found =
            bsearch(&number, prepared->numbers, count, sizeof(number), compare_numbers);
        char digits[24];
        int length = snprintf(digits, sizeof(digits), "$%-*d", (int)token.length - 1,
                              (int)(found - prepared->numbers) + 1);
        memcpy(text->data + token.offset, digits, (size_t)length);
    }
    return PYR_OK;
}

static void free_names(pyr_duckdb_prepared *prepared) {
    pyr_duckdb_mentions_free(prepared->qualified, prepared->qualified_count);
    prepared->qualified = NULL;
    prepared->qualified_count = 0;
}

/* ---- Calls into DuckDB that bind. ---- */

void pyr_duckdb_call_begin(pyr_duckdb_bound_call *call, pyr_duckdb_prepared *prepared,
                           const pyr_engine_query *query) {
    pyr_duckdb_instance *instance = prepared->lease.instance;
    const pyr_file_access *files = ((pyr_duckdb_session *)prepared->prepared.session)->files;
    call->binding = (pyr_duckdb_binding){.query = query,
                                         .files = files,
                                         .run = prepared->run,
                                         .qualified = prepared->qualified,
                                         .qualified_count = prepared->qualified_count,
                                         .overlay = prepared->lease.overlay > 0};
    call->call = (pyr_duckdb_call){
        .api = instance->api, .connection = prepared->lease.connection, .cancel = query->cancel};
    call->watch = &instance->engine->watch;
    pyr_duckdb_binding_set(&call->binding);
    pyr_duckdb_watch_begin(call->watch, &call->call);
}

void pyr_duckdb_call_end(pyr_duckdb_bound_call *call) {
    pyr_duckdb_watch_end(call->watch, &call->call);
    pyr_duckdb_binding_set(NULL);
}

pyr_status pyr_duckdb_explain_failure(pyr_duckdb_prepared *prepared, const char *message,
                                      pyr_error *error) {
    pyr_duckdb_run *run = prepared->run;
    PYR_TRY(pyr_cancel_flag_check(run->cancel, error));
    PYR_TRY(pyr_duckdb_run_check(run, error));
    PYR_TRY(pyr_duckdb_run_check_mappings(run, error));
    return pyr_duckdb_error_set(prepared->lease.instance, message, error);
}

/* Which of the two holds the message depends on where it went wrong. */
static const char *run_message(const pyr_duckdb_api *api, dd_pending pending, dd_result *result) {
    const char *message = pending != NULL ? api->pending_error(pending) : NULL;
    if (message == NULL || *message == '\0') {
        message = result->internal != NULL ? api->result_error(result) : NULL;
    }
    return message;
}

/* ---- Prepare. ---- */

/* PIVOT without IN is two statements: DuckDB first makes an enum type of the values, which goes
 * with the connection. */
static pyr_status run_helper(pyr_duckdb_prepared *prepared, dd_extracted extracted, uint64_t index,
                             const pyr_engine_query *query, pyr_error *error) {
    const pyr_duckdb_api *api = prepared->lease.instance->api;
    dd_prepared statement = NULL;
    dd_pending pending = NULL;
    dd_result result;
    memset(&result, 0, sizeof(result));
    pyr_status status = PYR_OK;
    pyr_duckdb_bound_call call;
    pyr_duckdb_call_begin(&call, prepared, query);
    if (api->prepare_extracted_statement(prepared->lease.connection, extracted, index,
                                         &statement) != DD_SUCCESS) {
        status = pyr_duckdb_explain_failure(prepared, api->prepare_error(statement), error);
    } else if (api->prepared_statement_type(statement) != DD_STATEMENT_CREATE) {
        status = pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "0A000", 0,
                                   "several statements in one text");
    } else if (api->pending_prepared_streaming(statement, &pending) != DD_SUCCESS ||
               api->execute_pending(pending, &result) != DD_SUCCESS) {
        status = pyr_duckdb_explain_failure(prepared, run_message(api, pending, &result), error);
    }
    pyr_duckdb_call_end(&call);
    api->destroy_result(&result);
    api->destroy_pending(&pending);
    api->destroy_prepare(&statement);
    return status;
}

/* The scanner and the grammar of DuckDB, which are PostgreSQL's, count characters; all that comes
 * after them counts bytes. Their messages end alike. */
static void place_in_bytes(const char *text, pyr_error *error) {
    if (error == NULL || error->position < 0 ||
        (strstr(error->message, " at or near \"") == NULL &&
         strstr(error->message, " at end of input") == NULL)) {
        return;
    }
    size_t at = 0;
    for (int32_t characters = error->position; characters > 0 && text[at] != '\0'; --characters) {
        ++at;
        while (((unsigned char)text[at] & 0xC0) == 0x80) {
            ++at;
        }
    }
    error->position = (int32_t)at;
}

/* One attempt with the text as it is now. *again: the text was changed, try once more. */
static pyr_status prepare_text(pyr_duckdb_prepared *prepared, pyr_duckdb_rewrite *rewrite,
                               const pyr_engine_query *query, bool *again, pyr_error *error) {
    const pyr_duckdb_api *api = prepared->lease.instance->api;
    dd_connection connection = prepared->lease.connection;
    *again = false;
    free(prepared->sql);
    prepared->sql = strdup(pyr_text_get(&rewrite->text));
    if (prepared->sql == NULL) {
        return pyr_error_memory(error, rewrite->text.length);
    }
    free_names(prepared);
    PYR_TRY(pyr_duckdb_mentions(prepared->sql, rewrite->text.length, &prepared->qualified,
                                &prepared->qualified_count, error));
    PYR_TRY(pyr_duckdb_overlay_mentions(prepared, error));
    dd_extracted extracted = NULL;
    uint64_t count = api->extract_statements(connection, prepared->sql, &extracted);
    pyr_status status = PYR_OK;
    if (count == 0) {
        const char *message = api->extract_statements_error(extracted);
        status = message != NULL
                     ? pyr_duckdb_error_set(prepared->lease.instance, message, error)
                     : pyr_error_set_sql(error, PYR_ERROR_SQL, "42601", 0, "an empty statement");
        place_in_bytes(prepared->sql, error);
    }
    if (status == PYR_OK && count > 1 && !has_pivot(query)) {
        status = pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "0A000", 0,
                                   "several statements in one text");
    }
    for (uint64_t i = 0; status == PYR_OK && i + 1 < count; ++i) {
        status = run_helper(prepared, extracted, i, query, error);
    }
    if (status == PYR_OK) {
        pyr_duckdb_bound_call call;
        pyr_duckdb_call_begin(&call, prepared, query);
        if (api->prepare_extracted_statement(connection, extracted, count - 1,
                                             &prepared->statement) != DD_SUCCESS) {
            const char *message = api->prepare_error(prepared->statement);
            *again = pyr_duckdb_epoch_rewrite(rewrite, message);
            if (!*again) {
                status = pyr_duckdb_explain_failure(prepared, message, error);
            }
        }
        pyr_duckdb_call_end(&call);
        if (status != PYR_OK || *again) {
            api->destroy_prepare(&prepared->statement);
            prepared->statement = NULL;
        }
    }
    api->destroy_extracted(&extracted);
    return status;
}

static pyr_status prepare_loop(pyr_duckdb_prepared *prepared, pyr_duckdb_rewrite *rewrite,
                               const pyr_engine_query *query, pyr_error *error) {
    bool again = true;
    while (again) {
        pyr_status status = prepare_text(prepared, rewrite, query, &again, error);
        if (status != PYR_OK) {
            if (error != NULL) {
                error->position = pyr_duckdb_rewrite_origin(rewrite, error->position);
            }
            return status;
        }
    }
    return PYR_OK;
}

/* The query between prefix and suffix, once it is known to be a query by itself. Nothing of the
 * first preparation is kept. */
static pyr_status prepare_wrapped(pyr_duckdb_prepared *prepared, pyr_duckdb_rewrite *rewrite,
                                  const pyr_engine_query *query, const char *prefix,
                                  const char *suffix, pyr_error *error) {
    const pyr_duckdb_api *api = prepared->lease.instance->api;
    api->destroy_prepare(&prepared->statement);
    prepared->statement = NULL;
    pyr_text wrapped;
    pyr_text_init(&wrapped);
    pyr_text_add(&wrapped, prefix);
    pyr_text_append(&wrapped, pyr_text_get(&rewrite->text), rewrite->text.length);
    pyr_text_add(&wrapped, suffix);
    pyr_status status = pyr_text_check(&wrapped, error);
    if (status == PYR_OK) {
        pyr_duckdb_rewrite whole = {.text = wrapped};
        memset(&wrapped, 0, sizeof(wrapped));
        status = prepare_loop(prepared, &whole, query, error);
        if (status != PYR_OK && error != NULL && error->position >= 0) {
            int32_t inner = error->position - (int32_t)strlen(prefix);
            error->position = inner >= 0 && (size_t)inner < rewrite->text.length
                                  ? pyr_duckdb_rewrite_origin(rewrite, inner)
                                  : -1;
        }
        pyr_text_deinit(&whole.text);
    }
    pyr_text_deinit(&wrapped);
    return status;
}

static pyr_status check_type(pyr_duckdb_prepared *prepared, pyr_error *error) {
    dd_statement_type type =
        prepared->lease.instance->api->prepared_statement_type(prepared->statement);
    return type == DD_STATEMENT_SELECT ? PYR_OK : statement_refused(0, error);
}

/* ---- Schema and parameters. ---- */

static pyr_status make_schema(pyr_field **fields, uint64_t count, pyr_status status,
                              pyr_schema **out, pyr_error *error) {
    if (status == PYR_OK) {
        status = pyr_schema_create(fields, (int32_t)count, NULL, out, error);
    }
    for (uint64_t i = 0; i < count; ++i) {
        pyr_field_release(fields[i]);
    }
    free(fields);
    return status;
}

/* NULL where a column's type depends on a parameter. */
static pyr_status describe_columns(pyr_duckdb_prepared *prepared, pyr_error *error) {
    const pyr_duckdb_instance *instance = prepared->lease.instance;
    const pyr_duckdb_api *api = instance->api;
    uint64_t count = api->prepared_statement_column_count(prepared->statement);
    pyr_field **fields = calloc(count + 1, sizeof(*fields));
    if (fields == NULL) {
        return pyr_error_memory(error, count * sizeof(*fields));
    }
    pyr_status status = PYR_OK;
    bool known = true;
    for (uint64_t i = 0; status == PYR_OK && known && i < count; ++i) {
        dd_type type = api->prepared_statement_column_logical_type(prepared->statement, i);
        const char *name = api->prepared_statement_column_name(prepared->statement, i);
        known = pyr_duckdb_type_is_known(api, type);
        if (known) {
            status = pyr_duckdb_field_of_type(instance, type, name, &fields[i], error);
        }
        api->free((void *)name);
        api->destroy_logical_type(&type);
    }
    if (!known) {
        for (size_t i = 0; fields[i] != NULL; ++i) {
            pyr_field_release(fields[i]);
        }
        free(fields);
        return status;
    }
    return make_schema(fields, count, status, &prepared->prepared.schema, error);
}

/* $1 to the highest that occurs; those between that do not occur have no type. */
static pyr_status describe_parameters(pyr_duckdb_prepared *prepared, pyr_error *error) {
    const pyr_duckdb_instance *instance = prepared->lease.instance;
    const pyr_duckdb_api *api = instance->api;
    uint64_t bound = api->nparams(prepared->statement);
    size_t known = prepared->numbers_count;
    uint64_t count = known > 0 ? (uint64_t)prepared->numbers[known - 1] : bound;
    if (count == 0) {
        return PYR_OK;
    }
    pyr_field **fields = calloc(count, sizeof(*fields));
    if (fields == NULL) {
        return pyr_error_memory(error, count * sizeof(*fields));
    }
    pyr_status status = PYR_OK;
    uint64_t at = 0;
    for (uint64_t i = 0; status == PYR_OK && i < count; ++i) {
        char name[24];
        snprintf(name, sizeof(name), "$%llu", (unsigned long long)i + 1);
        bool occurs = known == 0 || (uint64_t)prepared->numbers[at] == i + 1;
        dd_type type = occurs ? api->param_logical_type(prepared->statement, ++at) : NULL;
        if (pyr_duckdb_type_is_known(api, type)) {
            status = pyr_duckdb_field_of_type(instance, type, name, &fields[i], error);
        } else {
            status = pyr_field_create(name, PYR_TYPE_NULL, &fields[i], error);
        }
        if (type != NULL) {
            api->destroy_logical_type(&type);
        }
    }
    return make_schema(fields, count, status, &prepared->prepared.parameters, error);
}

/* ---- The whole. ---- */

void pyr_duckdb_prepared_destroy(pyr_duckdb_prepared *prepared) {
    if (prepared == NULL) {
        return;
    }
    if (prepared->lease.instance != NULL) {
        if (prepared->statement != NULL) {
            prepared->lease.instance->api->destroy_prepare(&prepared->statement);
        }
        free_names(prepared);
    }
    pyr_needed_deinit(&prepared->needed);
    free(prepared->schema_name);
    pyr_duckdb_run_release(prepared->run);
    pyr_duckdb_lease_give(&prepared->lease);
    pyr_schema_release(prepared->prepared.schema);
    pyr_schema_release(prepared->prepared.parameters);
    pyr_snapshot_release(prepared->snapshot);
    free(prepared->sql);
    free(prepared->numbers);
    free(prepared);
}

static pyr_status check_text(const pyr_engine_query *query, bool unrestricted, pyr_error *error) {
    if (memchr(query->sql, '\0', query->length) != NULL) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42601", -1,
                                 "the statement contains a zero byte");
    }
    size_t position = 0;
    pyr_span statement;
    bool complete = false;
    bool open = false;
    bool first = pyr_sql_split(query->sql, query->length, &position, &statement, &complete, &open);
    if (first &&
        pyr_sql_split(query->sql, query->length, &position, &statement, &complete, &open)) {
        return pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "0A000", (int32_t)statement.offset,
                                 "several statements in one text");
    }
    PYR_TRY(check_first_word(query, error));
    return unrestricted ? PYR_OK : refuse_functions(query->sql, query->length, error);
}

/* Views and macros are run for who names them, not for who made them: what he may not do they may
 * not do for him. */
pyr_status pyr_duckdb_check_definition(const pyr_duckdb_prepared *prepared, const pyr_entry *object,
                                       pyr_error *error) {
    const pyr_file_access *files = ((pyr_duckdb_session *)prepared->prepared.session)->files;
    size_t length = strlen(object->definition);
    if (files != NULL && files->unrestricted) {
        return PYR_OK;
    }
    pyr_status status = refuse_functions(object->definition, length, error);
    if (status == PYR_OK) {
        status = refuse_files(&prepared->lease, object->definition, length, error);
    }
    if (status != PYR_OK && error != NULL) {
        error->position = -1;
    }
    return status;
}

/* Those that are not used are left out of the overlay. */
static pyr_status check_used(const pyr_duckdb_prepared *prepared, pyr_error *error) {
    const pyr_needed *needed = &prepared->needed;
    for (size_t i = 0; i < needed->objects_count; ++i) {
        if (needed->used[i]) {
            PYR_TRY(pyr_duckdb_check_definition(prepared, needed->objects[i], error));
        }
    }
    return PYR_OK;
}

static pyr_status make_overlay(pyr_duckdb_prepared *prepared, const pyr_engine_query *query,
                               pyr_error *error) {
    PYR_TRY(pyr_needed_find(query->snapshot, query->schema_name, query->sql, query->length,
                            query->define, &prepared->needed, error));
    if (query->schema_name != NULL &&
        (prepared->schema_name = strdup(query->schema_name)) == NULL) {
        return pyr_error_memory(error, strlen(query->schema_name));
    }
    if (pyr_needed_is_empty(&prepared->needed)) {
        return PYR_OK;
    }
    PYR_TRY(check_used(prepared, error));
    return pyr_duckdb_overlay_make(prepared, query, error);
}

static bool takes_numbers(const pyr_needed *needed) {
    bool found = false;
    for (size_t i = 0; i < needed->objects_count; ++i) {
        found = found || needed->objects[i]->kind == PYR_ENTRY_SEQUENCE;
    }
    return found;
}

/* A view that could not be made is no table: why it could not says more. */
static pyr_status prefer_cause(const pyr_duckdb_prepared *prepared, pyr_status status,
                               pyr_error *error) {
    static const char *const unknown[] = {"42P01", "42883", "42704", "3F000", "42000"};
    bool may_be = false;
    for (size_t i = 0; error != NULL && i < sizeof(unknown) / sizeof(unknown[0]); ++i) {
        may_be = may_be || strcmp(error->sqlstate, unknown[i]) == 0;
    }
    if (status == PYR_OK || !may_be || prepared->not_made.code == PYR_OK) {
        return status;
    }
    *error = prepared->not_made;
    return error->code;
}

/* DuckDB binds a macro's query when it is made. */
static pyr_status make_externals(pyr_duckdb_prepared *prepared, const pyr_engine_query *query,
                                 pyr_error *error) {
    pyr_duckdb_bound_call call;
    pyr_duckdb_call_begin(&call, prepared, query);
    pyr_status status = pyr_duckdb_externals_make(&prepared->lease, query->snapshot, error);
    pyr_duckdb_call_end(&call);
    if (status == PYR_OK) {
        return PYR_OK;
    }
    PYR_TRY(pyr_cancel_flag_check(query->cancel, error));
    PYR_TRY(pyr_duckdb_run_check(prepared->run, error)); /* in its own words */
    return status;
}

pyr_status pyr_duckdb_prepare(pyr_duckdb_session *session, const pyr_engine_query *query,
                              const char *prefix, const char *suffix, pyr_duckdb_wrap wrap,
                              pyr_duckdb_prepared **out, pyr_error *error) {
    *out = NULL;
    const pyr_file_access *files = session->files;
    PYR_TRY(check_text(query, files != NULL && files->unrestricted, error));
    pyr_duckdb_prepared *prepared = calloc(1, sizeof(*prepared));
    if (prepared == NULL) {
        return pyr_error_memory(error, sizeof(*prepared));
    }
    prepared->prepared.session = &session->session;
    prepared->snapshot = query->snapshot != NULL ? pyr_snapshot_retain(query->snapshot) : NULL;
    if (query->dialect != NULL) {
        prepared->dialect = *query->dialect;
    }
    pyr_duckdb_rewrite rewrite = {.count = 0};
    pyr_text_init(&rewrite.text);
    pyr_text_append(&rewrite.text, query->sql, query->length);
    pyr_status status = pyr_text_check(&rewrite.text, error);
    if (status == PYR_OK) {
        status = close_gaps(prepared, &rewrite.text, error);
    }
    if (status == PYR_OK) {
        status = pyr_duckdb_lease_take((pyr_duckdb_engine *)session->session.engine, files, query,
                                       &prepared->lease, error);
    }
    if (status == PYR_OK) {
        status = refuse_files(&prepared->lease, query->sql, query->length, error);
    }
    if (status == PYR_OK) {
        status = pyr_duckdb_run_create(&prepared->lease, &prepared->run, error);
    }
    if (status == PYR_OK) {
        pyr_duckdb_run_begin(prepared->run, query);
        status = make_externals(prepared, query, error);
    }
    if (status == PYR_OK) {
        status = make_overlay(prepared, query, error);
    }
    if (status == PYR_OK) {
        prepared->once = takes_numbers(&prepared->needed);
        status = pyr_duckdb_skip_note(prepared->run, &prepared->needed, query, error);
    }
    if (status == PYR_OK) {
        status = prepare_loop(prepared, &rewrite, query, error);
        status = prefer_cause(prepared, status, error);
    }
    if (status == PYR_OK) {
        status = check_type(prepared, error);
    }
    if (status == PYR_OK && wrap != PYR_DUCKDB_QUERY) {
        status = prepare_wrapped(prepared, &rewrite, query, prefix, suffix, error);
    }
    if (status == PYR_OK && wrap == PYR_DUCKDB_QUERY) {
        status = describe_columns(prepared, error);
    }
    if (status == PYR_OK) {
        status = describe_parameters(prepared, error);
    }
    pyr_text_deinit(&rewrite.text);
    if (status != PYR_OK) {
        pyr_duckdb_prepared_destroy(prepared);
        return status;
    }
    *out = prepared;
    return PYR_OK;
}

/* ---- Run. ---- */

/* With its parameters bound. *result is zeroed on failure. */
static pyr_status start_bound(pyr_duckdb_prepared *prepared, const pyr_engine_query *query,
                              dd_result *result, pyr_error *error) {
    const pyr_duckdb_api *api = prepared->lease.instance->api;
    memset(result, 0, sizeof(*result));
    dd_pending pending = NULL;
    pyr_status status = PYR_OK;
    pyr_duckdb_bound_call call;
    pyr_duckdb_call_begin(&call, prepared, query);
    if (api->pending_prepared_streaming(prepared->statement, &pending) != DD_SUCCESS ||
        api->execute_pending(pending, result) != DD_SUCCESS) {
        status = pyr_duckdb_explain_failure(prepared, run_message(api, pending, result), error);
    }
    pyr_duckdb_call_end(&call);
    api->destroy_pending(&pending);
    if (status != PYR_OK) {
        prepared->aborted = prepared->lease.overlay > 0;
        api->destroy_result(result);
        memset(result, 0, sizeof(*result));
    }
    return status;
}

/* "Interrupted!" although nobody interrupts: a task of a streaming query failed on another thread,
 * and the thread that fetches is told before the error is (seen once in some hundred failing
 * queries, 1.5.6; the error itself is not to be had but by running the statement again). */
enum { RETRIES_MAX = 4 };
static bool is_spurious(const pyr_duckdb_prepared *prepared, pyr_status status) {
    return status == PYR_ERROR_CANCELLED &&
           pyr_cancel_flag_check(prepared->run->cancel, NULL) == PYR_OK;
}

static pyr_status fail_without_cause(pyr_error *error) {
    return pyr_error_set_sql(error, PYR_ERROR_SQL, "58000", -1,
                             "the statement failed, and DuckDB did not say why: run it again");
}

/* Runs the statement again until it says what is wrong. */
static pyr_status find_real_error(pyr_duckdb_prepared *prepared, pyr_status status,
                                  pyr_error *error) {
    pyr_duckdb_run *run = prepared->run;
    const pyr_duckdb_api *api = prepared->lease.instance->api;
    const pyr_engine_query query = {.snapshot = prepared->snapshot,
                                    .threads = run->threads,
                                    .schema_name = prepared->schema_name,
                                    .dialect = &prepared->dialect,
                                    .ledger = run->ledger,
                                    .budget = run->budget,
                                    .cancel = run->cancel};
    for (int i = 0; i < RETRIES_MAX && !prepared->once && is_spurious(prepared, status); ++i) {
        dd_result again;
        if (prepared->aborted) {
            PYR_TRY(pyr_duckdb_overlay_renew(prepared, &query, error));
        }
        pyr_status tried = start_bound(prepared, &query, &again, error);
        while (tried == PYR_OK) {
            dd_chunk chunk = api->fetch_chunk(again);
            const char *message = chunk == NULL ? api->result_error(&again) : NULL;
            tried = message != NULL ? pyr_duckdb_explain_failure(prepared, message, error)
                                    : pyr_cancel_flag_check(run->cancel, error);
            if (chunk == NULL) {
                break;
            }
            api->destroy_data_chunk(&chunk);
        }
        api->destroy_result(&again);
        status = tried != PYR_OK ? tried : status;
    }
    return is_spurious(prepared, status) ? fail_without_cause(error) : status;
}

pyr_status pyr_duckdb_start(pyr_duckdb_prepared *prepared, const pyr_engine_query *query,
                            dd_result *result, pyr_error *error) {
    const pyr_duckdb_api *api = prepared->lease.instance->api;
    memset(result, 0, sizeof(*result));
    pyr_duckdb_run_begin(prepared->run, query);
    api->clear_bindings(prepared->statement);
    PYR_TRY(pyr_duckdb_bind_params(prepared, query->params, error));
    PYR_TRY(pyr_cancel_flag_check(query->cancel, error));
    pyr_status status = start_bound(prepared, query, result, error);
    return is_spurious(prepared, status) ? find_real_error(prepared, status, error) : status;
}

pyr_status pyr_duckdb_fetch(pyr_duckdb_prepared *prepared, dd_result *result, dd_chunk *out,
                            pyr_error *error) {
    const pyr_duckdb_api *api = prepared->lease.instance->api;
    pyr_duckdb_run *run = prepared->run;
    pyr_duckdb_watch *watch = &prepared->lease.instance->engine->watch;
    pyr_duckdb_call call = {
        .api = api, .connection = prepared->lease.connection, .cancel = run->cancel};
    *out = NULL;
    PYR_TRY(pyr_cancel_flag_check(run->cancel, error));
    pyr_duckdb_watch_begin(watch, &call);
    dd_chunk chunk = api->fetch_chunk(*result);
    pyr_duckdb_watch_end(watch, &call);
    const char *message = chunk == NULL ? api->result_error(result) : NULL;
    if (message != NULL) {
        prepared->aborted = prepared->lease.overlay > 0;
        pyr_status failed = pyr_duckdb_explain_failure(prepared, message, error);
        if (is_spurious(prepared, failed)) {
            api->destroy_result(result); /* its connection runs one query at a time */
            memset(result, 0, sizeof(*result));
            failed = find_real_error(prepared, failed, error);
        }
        return failed;
    }
    pyr_status status = pyr_duckdb_run_check(run, error);
    if (status == PYR_OK) {
        status = pyr_duckdb_run_check_mappings(run, error);
    }
    if (chunk == NULL && status == PYR_OK) {
        /* A cancelled stream may simply end. */
        status = pyr_cancel_flag_check(run->cancel, error);
    }
    if (status != PYR_OK && chunk != NULL) {
        api->destroy_data_chunk(&chunk);
    }
    *out = chunk;
    return status;
}
