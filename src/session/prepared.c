/* prepared.c - PREPARE, EXECUTE, DEALLOCATE, and what describes a statement without running it. */
#include "session/session_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static pyr_named_statement **find_statement(pyr_connection *connection, const char *name) {
    pyr_named_statement **link = &connection->statements;
    while (*link != NULL && strcasecmp((*link)->name, name) != 0) {
        link = &(*link)->next;
    }
    return link;
}

/* Takes the statement that link points to out of the list. */
static void forget_statement(pyr_named_statement **link) {
    pyr_named_statement *statement = *link;
    *link = statement->next;
    free(statement->name);
    free(statement->sql);
    free(statement);
}

static pyr_status prepare_named(pyr_execution *execution, const pyr_parsed *parsed, pyr_result *out,
                                pyr_error *error) {
    const pyr_span *text = &parsed->inner->text;
    pyr_parsed_kind kind = parsed->inner->kind;
    if (kind == PYR_PARSED_PREPARE || kind == PYR_PARSED_EXECUTE || kind == PYR_PARSED_DEALLOCATE) {
        return pyr_error_set(error, PYR_ERROR_SQL,
                             "PREPARE takes a query or a statement that writes");
    }
    if (parsed->inner->kind == PYR_PARSED_QUERY) {
        /* Binding now finds what is wrong now. */
        char *sql = pyr_arena_strndup(&execution->arena, text->text, text->length);
        if (sql == NULL) {
            return pyr_arena_error(&execution->arena, error);
        }
        pyr_bound bound;
        pyr_status status = pyr_bound_prepare(execution, sql, text->length, NULL, &bound, error);
        pyr_bound_deinit(&bound);
        if (status != PYR_OK) {
            if (error != NULL && error->position >= 0) {
                error->position += (int32_t)text->offset;
            }
            return status;
        }
    }
    if (kind == PYR_PARSED_INSERT) {
        pyr_schema *schema = NULL;
        pyr_schema *parameters = NULL;
        pyr_status status = pyr_check_insert(execution, parsed->inner, &schema, &parameters, error);
        pyr_schema_release(schema);
        pyr_schema_release(parameters);
        PYR_TRY(status);
    }
    pyr_named_statement **link = find_statement(execution->connection, parsed->name);
    pyr_named_statement *statement = calloc(1, sizeof(*statement));
    if (statement == NULL || (statement->name = strdup(parsed->name)) == NULL ||
        (statement->sql = strndup(text->text, text->length)) == NULL) {
        if (statement != NULL) {
            free(statement->name);
        }
        free(statement);
        return pyr_error_memory(error, text->length);
    }
    if (*link != NULL) {
        forget_statement(link);
    }
    statement->next = execution->connection->statements;
    execution->connection->statements = statement;
    return pyr_result_message(out, error, "PREPARE");
}

/* The arguments' values: one row of SELECT (a1) AS p1, (a2) AS p2. */
static pyr_status evaluate_arguments(pyr_execution *execution, const pyr_parsed *parsed,
                                     pyr_batch *params, pyr_batch **out, pyr_error *error) {
    *out = NULL;
    if (parsed->arguments_count == 0) {
        *out = pyr_batch_retain(params);
        return PYR_OK;
    }
    pyr_text text;
    pyr_text_init(&text);
    pyr_text_add(&text, "SELECT ");
    for (size_t i = 0; i < parsed->arguments_count; ++i) {
        pyr_text_add(&text, i > 0 ? ", " : "");
        pyr_text_append(&text, parsed->arguments[i].text, parsed->arguments[i].length);
    }
    pyr_status status = pyr_text_check(&text, error);
    pyr_result result = {0};
    pyr_span span = {pyr_text_get(&text), text.length, 0};
    if (status == PYR_OK) {
        status = pyr_run_query(execution, &span, params, &result, error);
        if (status != PYR_OK && error != NULL) {
            error->position = (int32_t)parsed->arguments[0].offset;
        }
    }
    if (status == PYR_OK) {
        status = pyr_stream_next(result.stream, out, error);
    }
    if (status == PYR_OK && (*out == NULL || pyr_batch_selected(*out) != 1)) {
        status = pyr_error_set(error, PYR_ERROR_SQL, "EXECUTE: an argument is not one value");
    }
    pyr_text_deinit(&text);
    pyr_stream_destroy(result.stream);
    atomic_store(&execution->ledger.rows, 0); /* the arguments' row is not the statement's */
    return status;
}

static pyr_status execute_named(pyr_execution *execution, const pyr_parsed *parsed,
                                pyr_batch *params, pyr_result *out, pyr_error *error) {
    pyr_named_statement *statement = *find_statement(execution->connection, parsed->name);
    if (statement == NULL) {
        return pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, "26000", -1,
                                 "prepared statement \"%s\" does not exist", parsed->name);
    }
    pyr_batch *values = NULL;
    pyr_parsed *inner = NULL;
    pyr_status status = evaluate_arguments(execution, parsed, params, &values, error);
    if (status == PYR_OK) {
        status =
            pyr_parse_in_session(execution, statement->sql, strlen(statement->sql), &inner, error);
    }
    if (status == PYR_OK) {
        status = pyr_run_parsed(execution, inner, values, out, error);
        if (status != PYR_OK && error != NULL) {
            error->position = -1; /* it points into the text given to PREPARE */
        }
    }
    pyr_parsed_deinit(inner);
    pyr_batch_release(values);
    return status;
}

pyr_status pyr_run_prepared(pyr_execution *execution, const pyr_parsed *parsed, pyr_batch *params,
                            pyr_result *out, pyr_error *error) {
    if (parsed->kind == PYR_PARSED_PREPARE) {
        return prepare_named(execution, parsed, out, error);
    }
    if (parsed->kind == PYR_PARSED_EXECUTE) {
        return execute_named(execution, parsed, params, out, error);
    }
    if (strcasecmp(parsed->name, "all") == 0) {
        while (execution->connection->statements != NULL) {
            forget_statement(&execution->connection->statements);
        }
        return pyr_result_message(out, error, "DEALLOCATE");
    }
    pyr_named_statement **link = find_statement(execution->connection, parsed->name);
    if (*link == NULL) {
        return pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, "26000", -1,
                                 "prepared statement \"%s\" does not exist", parsed->name);
    }
    forget_statement(link);
    return pyr_result_message(out, error, "DEALLOCATE");
}

/* What the parts of pyr_session_describe find out. */
typedef struct description {
    pyr_schema *schema;
    pyr_schema *parameters;
    bool is_update;
} description;

static pyr_status describe_query(pyr_execution *execution, const pyr_parsed *parsed,
                                 description *out, pyr_error *error) {
    pyr_bound bound;
    pyr_status status =
        pyr_bound_prepare(execution, parsed->text.text, parsed->text.length, NULL, &bound, error);
    if (status == PYR_OK) {
        out->schema = pyr_schema_retain(bound.prepared->schema);
        out->parameters = pyr_schema_retain(bound.prepared->parameters);
    }
    pyr_bound_deinit(&bound);
    return status;
}

/* SHOW, DESCRIBE, EXPLAIN: what they give is made from the catalog and plans, so they are run. */
static pyr_status describe_by_running(pyr_execution *execution, const pyr_parsed *parsed,
                                      description *out, pyr_error *error) {
    pyr_result result = {0};
    pyr_parsed plain = *parsed;
    plain.analyze = false; /* which would run the query */
    pyr_status status = pyr_run_parsed(execution, &plain, NULL, &result, error);
    if (status == PYR_OK && result.has_rows) {
        out->schema = pyr_schema_retain(result.stream->schema);
    }
    pyr_stream_destroy(result.stream);
    free(result.message);
    return status;
}

static pyr_status describe_parsed(pyr_execution *execution, const char *sql, size_t length,
                                  description *out, pyr_error *error);

/* The statement that PREPARE kept, which is no EXECUTE itself; its parameters are the arguments. */
static pyr_status describe_execute(pyr_execution *execution, const char *name, description *out,
                                   pyr_error *error) {
    const pyr_named_statement *statement = *find_statement(execution->connection, name);
    if (statement == NULL) {
        return pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, "26000", -1,
                                 "prepared statement \"%s\" does not exist", name);
    }
    pyr_status status =
        describe_parsed(execution, statement->sql, strlen(statement->sql), out, error);
    if (status != PYR_OK && error != NULL) {
        error->position = -1; /* it points into the text given to PREPARE */
    }
    pyr_schema_release(out->parameters);
    out->parameters = NULL;
    return status;
}

static pyr_status describe_parsed(pyr_execution *execution, const char *sql, size_t length,
                                  description *out, pyr_error *error) {
    pyr_parsed *parsed = NULL;
    PYR_TRY(pyr_parse_in_session(execution, sql, length, &parsed, error));
    pyr_status status = PYR_OK;
    switch (parsed->kind) {
    case PYR_PARSED_QUERY:
        status = describe_query(execution, parsed, out, error);
        break;
    case PYR_PARSED_EXECUTE:
        status = describe_execute(execution, parsed->name, out, error);
        break;
    case PYR_PARSED_SHOW_TABLES:
    case PYR_PARSED_SHOW_CREATE_TABLE:
    case PYR_PARSED_DESCRIBE:
    case PYR_PARSED_SHOW_SETTING:
    case PYR_PARSED_EXPLAIN:
        status = describe_by_running(execution, parsed, out, error);
        break;
    case PYR_PARSED_INSERT:
        status = pyr_check_insert(execution, parsed, &out->schema, &out->parameters, error);
        out->is_update = parsed->returning.text == NULL;
        break;
    case PYR_PARSED_DELETE:
    case PYR_PARSED_UPDATE:
    case PYR_PARSED_TRUNCATE:
        status = pyr_check_change_rows(execution, parsed, &out->schema, &out->parameters, error);
        out->is_update = parsed->returning.text == NULL;
        break;
    case PYR_PARSED_MERGE:
        status = pyr_check_merge(execution, parsed, &out->schema, &out->parameters, error);
        out->is_update = parsed->returning.text == NULL;
        break;
    case PYR_PARSED_UNKNOWN:
        /* Running it is what says that it is not supported. */
        status = describe_by_running(execution, parsed, out, error);
        break;
    default:
        out->is_update = true;
        break;
    }
    pyr_parsed_deinit(parsed);
    return status;
}

pyr_status pyr_session_describe(pyr_connection *connection, const char *sql, size_t length,
                                pyr_schema **schema, bool *is_update, pyr_schema **parameters,
                                pyr_error *error) {
    *schema = NULL;
    *parameters = NULL;
    *is_update = false;
    description found = {NULL, NULL, false};
    pthread_mutex_lock(&connection->call_lock);
    pyr_execution *execution = NULL;
    pyr_status status = pyr_execution_create(connection, NULL, 0, 0, &execution, error);
    if (status == PYR_OK) {
        execution->describes = true;
        status = describe_parsed(execution, sql, length, &found, error);
        pyr_execution_finish(execution);
    }
    if (status == PYR_OK) {
        *schema = found.schema;
        *parameters = found.parameters;
        *is_update = found.is_update;
    } else {
        pyr_schema_release(found.schema);
        pyr_schema_release(found.parameters);
    }
    pyr_execution_release(execution);
    pthread_mutex_unlock(&connection->call_lock);
    return status;
}
