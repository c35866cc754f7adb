/* query.c - queries: parse, choose an engine, run, and hand out a stream that keeps what it needs.
 */
#include "engines/needed.h"
#include "session/model_registry.h"
#include "sql/select.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Those that the text names, and those that the views in it name. */
static pyr_status need_system_tables(pyr_execution *execution, const char *sql, size_t length,
                                     pyr_error *error) {
    PYR_TRY(pyr_system_tables_need(execution, sql, length, error));
    if (pyr_entries_count(pyr_snapshot_entries(execution->snapshot)) == 0) {
        return PYR_OK;
    }
    pyr_needed needed;
    PYR_TRY(pyr_needed_find(execution->snapshot, NULL, sql, length, NULL, &needed, error));
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < needed.objects_count; ++i) {
        const char *definition = needed.objects[i]->definition;
        status = pyr_system_tables_need(execution, definition, strlen(definition), error);
    }
    pyr_needed_deinit(&needed);
    return status;
}

static pyr_status open_model(void *context, const char *name, pyr_safetensors **out,
                             pyr_error *error) {
    return pyr_registry_open_named(context, name, out, error);
}

static pyr_status open_model_file(void *context, const char *path, pyr_safetensors **out,
                                  pyr_error *error) {
    return pyr_registry_open_file(context, path, out, error);
}

void pyr_execution_query(pyr_execution *execution, const char *sql, size_t length,
                         pyr_batch *params, pyr_engine_query *out) {
    pyr_connection *connection = execution->connection;
    pyr_settings *settings = &execution->settings;
    execution->resolver = (pyr_model_resolver){execution, open_model, open_model_file};
    *out = (pyr_engine_query){
        .sql = sql,
        .length = length,
        .snapshot = execution->snapshot,
        .params = params,
        .all_batches = connection->test_all_batches,
        .morsel_rows = connection->test_morsel_rows,
        .files = &connection->files,
        .models = &execution->resolver,
        .opened = &execution->opened,
        .threads = settings->threads != 0 ? settings->threads : connection->db->cpus,
        .memory_limit_bytes = settings->memory_limit_bytes,
        .time_unit = settings->time_unit,
        .temp_folder = connection->db->temp_folder,
        .schema_name = settings->schema_name[0] != '\0' ? settings->schema_name : NULL,
        .define = execution->define,
        .dialect = &settings->dialect,
        .pool = pyr_database_pool(connection->db),
        .ledger = &execution->ledger,
        .budget = execution->budget,
        .cancel = &execution->cancel,
    };
}

/* The native engine knows the dialect only as it is by default. */
static pyr_status apply_dialect(pyr_execution *execution, pyr_engine_query *query,
                                pyr_error *error) {
    int changed = pyr_dialect_not_native(query->dialect);
    if (changed < 0) {
        return PYR_OK;
    }
    query->select = NULL;
    query->not_covered =
        pyr_arena_printf(&execution->arena, "SET %s", pyr_dialect_setting_at(changed)->name);
    return query->not_covered != NULL ? PYR_OK : pyr_arena_error(&execution->arena, error);
}

/* A query of one stored table, or of none, where no name can mean anything else: the snapshot has
 * what it reads. */
static bool has_all(const pyr_execution *execution, const pyr_select *select) {
    if (select == NULL || !pyr_names_are_plain(execution) ||
        pyr_entries_count(pyr_snapshot_entries(execution->snapshot)) > 0) {
        return false;
    }
    const pyr_from *from = &select->from;
    if (from->kind != PYR_FROM_TABLE) {
        return from->kind == PYR_FROM_VALUES;
    }
    const pyr_table *table =
        pyr_snapshot_find(execution->snapshot, from->table.schema_name, from->table.name);
    return table != NULL && table->external == NULL &&
           !pyr_registry_is_named(table->schema_name, table->name);
}

pyr_status pyr_query_need_tables(pyr_execution *execution, const char *sql, size_t length,
                                 bool describes, pyr_batch *params, pyr_externals *out,
                                 pyr_error *error) {
    PYR_TRY(need_system_tables(execution, sql, length, error));
    return pyr_externals_need(execution, sql, length, describes, params, out, error);
}

/* The plan that the run before left, if it still fits. */
static bool take_plan(pyr_execution *execution, pyr_bound *out) {
    pyr_prepared *plan = out->kept != NULL ? pyr_kept_plan_take(out->kept) : NULL;
    if (plan == NULL) {
        return false;
    }
    if (pyr_router_renew(execution->worker.native, execution->settings.engine, &out->query, plan,
                         &out->why)) {
        out->prepared = plan;
        return true;
    }
    execution->worker.native->engine->ops->prepared_destroy(plan);
    return false;
}

static bool is_row_of_parameters(const pyr_select *select) {
    if (select == NULL || select->from.kind != PYR_FROM_VALUES || select->values_rows != 1 ||
        select->order_count > 0 || select->limit.given || select->offset.given) {
        return false;
    }
    for (size_t i = 0; i < select->values_columns; ++i) {
        if (select->values[i].kind != PYR_EXPRESSION_PARAMETER) {
            return false;
        }
    }
    return true;
}

static pyr_status choose_engine(pyr_execution *execution, pyr_bound *out, pyr_error *error) {
    const pyr_batch *params = out->query.params;
    if (params != NULL && params->rows != 1 && !is_row_of_parameters(out->query.select)) {
        return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                             "many rows of parameters but for a row of VALUES that they are");
    }
    return pyr_router_prepare(execution->worker.native, execution->worker.duckdb,
                              execution->settings.engine, &out->query, &execution->arena,
                              &out->prepared, &out->why, error);
}

static pyr_status prepare(pyr_execution *execution, const char *sql, size_t length,
                          pyr_batch *params, pyr_bound *out, pyr_error *error) {
    const pyr_parsed *parsed = NULL;
    pyr_parsed *own = NULL;
    PYR_TRY(pyr_spool_text(execution, &sql, &length, error));
    PYR_TRY(pyr_model_functions_run(execution, params, execution->describes, &sql, &length, error));
    PYR_TRY(pyr_execution_parse(execution, sql, length, &parsed, &own, error));
    const struct pyr_select *select = parsed->select;
    const char *not_covered = parsed->not_covered;
    const char *search = NULL;
    bool is_query = parsed->kind == PYR_PARSED_QUERY;
    bool describes = parsed->parameters_count > 0 && params == NULL;
    pyr_parsed_deinit(own);
    if (!is_query) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42601", 0, "a query was expected here");
    }
    bool all = has_all(execution, select);
    if (!all) {
        PYR_TRY(pyr_query_need_tables(execution, sql, length, describes, params, &out->externals,
                                      error));
    }
    PYR_TRY(pyr_execution_search(execution, sql, length, &search, error));
    pyr_execution_query(execution, sql, length, params, &out->query);
    out->query.schema_name = search;
    out->query.select = select;
    out->query.not_covered = not_covered;
    PYR_TRY(apply_dialect(execution, &out->query, error));
    if (all && out->query.select != NULL && select->from.kind == PYR_FROM_TABLE) {
        out->kept = pyr_parse_memo_plan(execution->memo, out->query.select);
    }
    pyr_status status = take_plan(execution, out) ? PYR_OK : choose_engine(execution, out, error);
    if (status == PYR_OK) {
        assert(out->prepared != NULL);
        out->engine = out->prepared->session->engine->ops->name;
        out->arena = &execution->arena;
        out->other =
            strcasecmp(execution->settings.engine, "auto") == 0 ? execution->worker.duckdb : NULL;
        out->memo = out->kept != NULL ? pyr_parse_memo_retain(execution->memo) : NULL;
    }
    return status;
}

pyr_status pyr_bound_prepare(pyr_execution *execution, const char *sql, size_t length,
                             pyr_batch *params, pyr_bound *out, pyr_error *error) {
    memset(out, 0, sizeof(*out));
    pyr_status status = prepare(execution, sql, length, params, out, error);
    if (status != PYR_OK) {
        pyr_bound_deinit(out);
    }
    return status;
}

void pyr_bound_deinit(pyr_bound *bound) {
    const pyr_engine_ops *ops =
        bound->prepared != NULL ? bound->prepared->session->engine->ops : NULL;
    if (ops != NULL && ops->rest != NULL && bound->kept != NULL) {
        pyr_kept_plan_leave(bound->kept, bound->prepared);
    } else if (ops != NULL) {
        ops->prepared_destroy(bound->prepared);
    }
    pyr_parse_memo_release(bound->memo);
    pyr_externals_deinit(&bound->externals);
    memset(bound, 0, sizeof(*bound));
}

/* ---- The stream a client holds. ---- */

typedef struct result_stream {
    pyr_stream stream;
    pyr_stream *inner;
    pyr_bound bound;
    pyr_execution *execution;
    bool done;
    bool is_last; /* the statement ends with this stream */
} result_stream;

static pyr_status result_next(pyr_stream *stream, pyr_batch **out, pyr_error *error) {
    result_stream *self = (result_stream *)stream;
    *out = NULL;
    if (self->done) {
        return PYR_OK;
    }
    pyr_status status = pyr_cancel_flag_check(&self->execution->cancel, error);
    if (status == PYR_OK) {
        status = pyr_stream_next(self->inner, out, error);
        /* Where it failed because a file changed, that is what to say. */
        if (status != PYR_ERROR_CANCELLED && status != PYR_ERROR_TIMEOUT && *out == NULL) {
            pyr_status unchanged = pyr_externals_check(&self->bound.externals, error);
            status = unchanged != PYR_OK ? unchanged : status;
        }
    }
    if (status == PYR_OK && *out != NULL) {
        pyr_ledger_add_rows(&self->execution->ledger, pyr_batch_selected(*out));
    }
    if (status != PYR_OK || *out == NULL) {
        self->done = true;
    }
    if (status != PYR_OK) {
        pyr_execution_note_outcome(self->execution, status);
    }
    pyr_ledger_finish(&self->execution->ledger);
    return status;
}

static void result_destroy(pyr_stream *stream) {
    result_stream *self = (result_stream *)stream;
    pyr_stream_destroy(self->inner);
    pyr_bound_deinit(&self->bound);
    if (self->is_last) {
        pyr_execution_finish(self->execution);
    }
    pyr_execution_release(self->execution);
    pyr_schema_release(self->stream.schema);
    free(self);
}

static const pyr_stream_ops result_ops = {result_next, result_destroy};

pyr_status pyr_result_stream_wrap(pyr_execution *execution, pyr_bound *bound, pyr_stream *stream,
                                  pyr_stream **out, pyr_error *error) {
    *out = NULL;
    result_stream *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        pyr_stream_destroy(stream);
        return pyr_error_memory(error, sizeof(*self));
    }
    self->stream.ops = &result_ops;
    self->stream.schema = pyr_schema_retain(stream->schema);
    self->inner = stream;
    self->execution = pyr_execution_retain(execution);
    if (bound != NULL) {
        self->bound = *bound;
        memset(bound, 0, sizeof(*bound));
    }
    *out = &self->stream;
    return PYR_OK;
}

void pyr_result_stream_set_last(pyr_stream *stream) {
    assert(stream->ops == &result_ops);
    ((result_stream *)stream)->is_last = true;
}

pyr_status pyr_bound_run(pyr_execution *execution, pyr_bound *bound, pyr_result *out,
                         pyr_error *error) {
    pyr_stream *stream = NULL;
    PYR_TRY(pyr_bound_execute(bound, &stream, error));
    PYR_TRY(pyr_result_stream_wrap(execution, bound, stream, &out->stream, error));
    out->has_rows = true;
    return PYR_OK;
}

pyr_status pyr_run_query(pyr_execution *execution, const pyr_span *text, pyr_batch *params,
                         pyr_result *out, pyr_error *error) {
    /* The engines borrow the text for as long as the stream lives. */
    const char *sql = text->text;
    if (!pyr_parse_memo_owns(execution->memo, sql, text->length)) {
        sql = pyr_arena_strndup(&execution->arena, sql, text->length);
    }
    if (sql == NULL) {
        return pyr_arena_error(&execution->arena, error);
    }
    pyr_bound bound;
    pyr_status status = pyr_bound_prepare(execution, sql, text->length, params, &bound, error);
    if (status == PYR_OK) {
        status = pyr_bound_run(execution, &bound, out, error);
    }
    if (status != PYR_OK && error != NULL && error->position >= 0) {
        error->position += (int32_t)text->offset;
    }
    pyr_bound_deinit(&bound);
    return status;
}

/* ---- Results we make ourselves. ---- */

void pyr_execution_notice(pyr_execution *execution, const char *format, ...) {
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    for (char *c = line; *c != '\0'; ++c) {
        *c = *c == '\n' ? ' ' : *c;
    }
    pthread_mutex_lock(&execution->connection->state_lock); /* an engine's threads say some, too */
    if (strstr(pyr_text_get(&execution->notices), line) == NULL) {
        pyr_text_add(&execution->notices, line);
        pyr_text_add_char(&execution->notices, '\n');
    }
    pthread_mutex_unlock(&execution->connection->state_lock);
}

/* What it tells of is done: a statement must not fail for want of its message. */
pyr_status pyr_result_message(pyr_result *out, pyr_error *error, const char *format, ...) {
    va_list arguments;
    (void)error;
    va_start(arguments, format);
    if (vasprintf(&out->message, format, arguments) < 0) {
        out->message = NULL;
    }
    va_end(arguments);
    return PYR_OK;
}
