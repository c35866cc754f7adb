/* native.c - the native engine behind engine.h: binds, builds operators, explains.
 *
 * Invariants:
 *  1. A stream holds what it reads (table version, result schema, budget); it needs neither the
 *     prepared query nor the engine.
 *  2. No column byte is copied but those of literals, which have to be made.
 */
#include "base/checked.h"
#include "base/text.h"
#include "catalog/keyed.h"
#include "engines/native/native_internal.h"
#include "exec/operator.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct native_prepared {
    pyr_prepared prepared;
    /* The binding made by prepare, used again for the same tree and snapshot. Of these two one:
     * what only reads columns needs no pipeline. */
    pyr_native_query *query;
    pyr_native_plan plan;
    const struct pyr_select *select;
    pyr_batch *params; /* retained, so that its address is not used again meanwhile */
    uint64_t snapshot_version;
} native_prepared;

static void destroy(pyr_engine *engine) {
    free(engine);
}

static pyr_status session_create(pyr_engine *engine, const pyr_file_access *files,
                                 pyr_engine_session **out, pyr_error *error) {
    (void)files; /* each query brings its own */
    *out = calloc(1, sizeof(**out));
    if (*out == NULL) {
        return pyr_error_memory(error, sizeof(**out));
    }
    (*out)->engine = engine;
    return PYR_OK;
}

static void session_destroy(pyr_engine_session *session) {
    free(session);
}

/* ---- EXPLAIN. ---- */

static void explain_columns(const pyr_native_plan *plan, pyr_text *text) {
    for (int32_t i = 0; i < plan->scan_count; ++i) {
        pyr_text_add(text, i > 0 ? ", " : "");
        pyr_sql_quote_name(plan->table->schema->fields[plan->scan[i]]->name, text);
    }
}

/* Which columns of the key the conditions are about. */
static void explain_keys(const pyr_native_plan *plan, pyr_text *text) {
    int32_t count;
    const int32_t *columns = pyr_keyed_columns(plan->table, PYR_KEYED_PRIMARY_KEY, &count);
    pyr_text_add(text, plan->points > 0 ? ": point look-up by " : ": key range of ");
    for (int32_t i = 0; i < plan->range_columns; ++i) {
        pyr_text_add(text, i > 0 ? ", " : "");
        pyr_sql_quote_name(plan->table->schema->fields[columns[i]]->name, text);
    }
    if (plan->points > 1) {
        pyr_text_printf(text, " (%zu keys)", plan->points);
    }
}

static void explain_plan(const pyr_native_plan *plan, const pyr_select *select, pyr_text *text) {
    int depth = 0;
    if (!plan->limits_known) {
        pyr_text_add(text, "LIMIT by parameter\n");
        ++depth;
    } else if (plan->limit >= 0 || plan->offset > 0) {
        pyr_text_add(text, "LIMIT ");
        if (plan->limit >= 0) {
            pyr_text_printf(text, "%lld", (long long)plan->limit);
        } else {
            pyr_text_add(text, "ALL");
        }
        if (plan->offset > 0) {
            pyr_text_printf(text, " OFFSET %lld", (long long)plan->offset);
        }
        pyr_text_add(text, "\n");
        ++depth;
    }
    if (plan->table == NULL) {
        pyr_text_printf(text, "%*sROWS of literals: %zu", depth * 2, "",
                        select->from.kind == PYR_FROM_VALUES ? select->values_rows : (size_t)1);
        return;
    }
    if (plan->count) {
        pyr_text_printf(text, "%*sCOUNT from metadata\n", depth * 2, "");
    } else {
        pyr_text_printf(text, "%*sPROJECT %d columns, by reference\n", depth * 2, "",
                        (int)plan->output_count);
    }
    ++depth;
    pyr_text_printf(text, "%*sSCAN ", depth * 2, "");
    pyr_sql_quote_name(plan->table->name, text);
    if (plan->by_key && plan->range_columns > 0) {
        explain_keys(plan, text);
    } else if (pyr_table_is_keyed(plan->table)) {
        pyr_text_add(text, ": in key order");
    } else {
        pyr_text_printf(text, ": %zu segments", plan->table->segments_count);
    }
    if (plan->table->rows >= 0) {
        pyr_text_printf(text, ", %lld rows", (long long)plan->table->rows);
    }
    if (!plan->count) {
        pyr_text_add(text, ", columns ");
        explain_columns(plan, text);
    }
}

/* ---- Prepare. ---- */

static uint64_t version_of(const pyr_engine_query *query) {
    return query->snapshot != NULL ? pyr_snapshot_version(query->snapshot) : 0;
}

static void prepared_destroy(pyr_prepared *prepared) {
    native_prepared *self = (native_prepared *)prepared;
    if (self == NULL) {
        return;
    }
    pyr_native_plan_deinit(&self->plan);
    pyr_native_query_release(self->query);
    pyr_batch_release(self->params);
    pyr_schema_release(prepared->schema);
    pyr_schema_release(prepared->parameters);
    free(self);
}

/* The narrow binding, or else the whole query's; which word about what is not covered is the better
 * one depends on how far each of them came. */
static pyr_status bind_either(const pyr_engine_query *query, native_prepared *self,
                              pyr_error *error) {
    pyr_error narrow;
    pyr_error_clear(&narrow);
    pyr_status status = pyr_native_bind(query, &self->plan, &narrow);
    if (status == PYR_OK) {
        self->prepared.schema = pyr_schema_retain(self->plan.schema);
        return query->params != NULL ? PYR_OK
                                     : pyr_native_parameters(query->select, self->plan.table,
                                                             &self->prepared.parameters, error);
    }
    bool many = query->params != NULL && query->params->rows != 1;
    if (status != PYR_ERROR_NOT_SUPPORTED || strcmp(narrow.sqlstate, "42P01") == 0 || many) {
        return pyr_error_set_sql(error, status, narrow.sqlstate, narrow.position, "%s",
                                 narrow.message);
    }
    PYR_TRY(pyr_native_query_create(query, &self->query, error));
    self->prepared.schema = pyr_schema_retain(pyr_native_query_schema(self->query));
    self->prepared.may_refuse = true;
    return PYR_OK;
}

static pyr_status prepare(pyr_engine_session *session, const pyr_engine_query *query,
                          pyr_prepared **out, pyr_error *error) {
    *out = NULL;
    native_prepared *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->prepared.session = session;
    self->select = query->select;
    self->params = pyr_batch_retain(query->params);
    self->snapshot_version = version_of(query);
    pyr_status status = bind_either(query, self, error);
    if (status != PYR_OK) {
        prepared_destroy(&self->prepared);
        return status;
    }
    *out = &self->prepared;
    return PYR_OK;
}

/* A whole query's binding is made anew each time. */
static void rest(pyr_prepared *prepared) {
    native_prepared *self = (native_prepared *)prepared;
    pyr_native_plan_rest(&self->plan);
    pyr_native_query_release(self->query);
    self->query = NULL;
    pyr_batch_release(self->params);
    self->params = NULL;
    prepared->session = NULL;
}

static bool renew(pyr_prepared *prepared, pyr_engine_session *session,
                  const pyr_engine_query *query) {
    native_prepared *self = (native_prepared *)prepared;
    assert(query->select == self->select);
    if (!pyr_native_bind_again(query, &self->plan)) {
        return false;
    }
    prepared->session = session;
    self->params = pyr_batch_retain(query->params);
    self->snapshot_version = version_of(query);
    return true;
}

static pyr_status explain(pyr_prepared *prepared, pyr_text *out, pyr_error *error) {
    native_prepared *self = (native_prepared *)prepared;
    if (self->query != NULL) {
        pyr_native_query_explain(self->query, out);
    } else {
        explain_plan(&self->plan, self->select, out);
    }
    return pyr_text_check(out, error);
}

/* ---- Execute. ---- */

static pyr_status rows_root(const pyr_engine_query *query, pyr_operator **out, pyr_error *error) {
    pyr_schema *schema = NULL;
    pyr_batch *batch = NULL;
    PYR_TRY(pyr_native_rows(query, &schema, &batch, error));
    pyr_status status = pyr_rows_create(batch, out, error);
    pyr_batch_release(batch);
    pyr_schema_release(schema);
    return status;
}

/* From what the catalog knows; of files from the heads of their messages. */
static pyr_status count_rows(pyr_table *table, pyr_query_ledger *ledger, int64_t *out,
                             pyr_error *error) {
    *out = table->rows;
    if (table->rows >= 0) {
        return PYR_OK;
    }
    *out = 0;
    for (size_t i = 0; i < table->segments_count; ++i) {
        size_t batches = 0;
        PYR_TRY(pyr_segment_batches(table->segments[i], ledger, &batches, error));
        for (size_t batch = 0; batch < batches; ++batch) {
            int64_t rows = 0;
            PYR_TRY(pyr_segment_batch_rows(table->segments[i], batch, &rows, error));
            if (!pyr_add_i64(*out, rows, out)) {
                return pyr_error_set_sql(error, PYR_ERROR_SQL, "22003", -1,
                                         "more rows than a BIGINT counts");
            }
        }
    }
    return PYR_OK;
}

static pyr_status count_root(const pyr_native_plan *plan, const pyr_engine_query *query,
                             pyr_operator **out, pyr_error *error) {
    int64_t value = 0;
    PYR_TRY(count_rows(plan->table, query->ledger, &value, error));
    pyr_buffer *buffer = NULL;
    pyr_array *array = NULL;
    pyr_batch *batch = NULL;
    pyr_array **arrays = calloc((size_t)plan->output_count, sizeof(pyr_array *));
    if (arrays == NULL) {
        return pyr_error_memory(error, (size_t)plan->output_count * 8);
    }
    pyr_status status = pyr_buffer_create(sizeof(value), query->budget, &buffer, error);
    if (status == PYR_OK) {
        pyr_ledger_copy(query->ledger, PYR_COPY_RESULT, pyr_buffer_mutable(buffer), &value,
                        sizeof(value));
        pyr_buffer *const buffers[] = {NULL, buffer};
        status = pyr_array_create(plan->schema->fields[0], 1, 0, 0, buffers, 2, NULL, 0, NULL,
                                  &array, error);
    }
    for (int32_t i = 0; i < plan->output_count; ++i) {
        arrays[i] = array;
    }
    if (status == PYR_OK) {
        status = pyr_batch_create(plan->schema, 1, arrays, plan->output_count, NULL, &batch, error);
    }
    if (status == PYR_OK) {
        status = pyr_rows_create(batch, out, error);
    }
    pyr_batch_release(batch);
    pyr_array_release(array);
    pyr_buffer_release(buffer);
    free(arrays);
    return status;
}

/* The rows there may be. */
static pyr_status point_scan(const pyr_native_plan *plan, const pyr_exec_context *context,
                             pyr_operator **out, pyr_error *error) {
    int32_t places[PYR_CONSTRAINTS_MAX];
    pyr_batch *found = NULL;
    for (int32_t i = 0; i < plan->range_columns; ++i) {
        places[i] = i;
    }
    PYR_TRY(pyr_keyed_find_all(plan->table, plan->point, places, plan->scan, plan->scan_count,
                               context->ledger, context->budget, &found, error));
    pyr_status status = pyr_rows_create(found, out, error);
    pyr_batch_release(found);
    return status;
}

/* A LIMIT bounds what is decoded. */
static int64_t rows_wanted(const pyr_native_plan *plan) {
    enum { SOME = 8192 };
    return plan->limit >= 0 && plan->limit < SOME && plan->offset < SOME - plan->limit
               ? plan->offset + plan->limit + (plan->limit == 0)
               : 0;
}

static pyr_status scan_root(const pyr_native_plan *plan, const pyr_exec_context *context,
                            pyr_operator **out, pyr_error *error) {
    pyr_operator *scan = NULL;
    bool all = plan->scan_count == plan->table->schema->fields_count;
    if (plan->point != NULL) {
        PYR_TRY(point_scan(plan, context, &scan, error));
    } else if (pyr_table_is_keyed(plan->table)) {
        PYR_TRY(pyr_scan_keyed_create(plan->table, plan->scan, plan->scan_count, &plan->range,
                                      rows_wanted(plan), context, &scan, error));
    } else {
        PYR_TRY(pyr_scan_create(plan->table, all ? NULL : plan->scan, plan->scan_count, context,
                                &scan, error));
    }
    return pyr_project_create(scan, plan->output, plan->output_count, plan->schema, out, error);
}

static pyr_status run(const pyr_native_plan *plan, const pyr_engine_query *query, pyr_stream **out,
                      pyr_error *error) {
    pyr_exec_context context = {query->ledger, query->budget, query->cancel,
                                query->threads > 1 ? query->pool : NULL};
    pyr_operator *root = NULL;
    if (!plan->limits_known || !plan->keys_known) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42P02", -1,
                                 "the statement has parameters and none are given");
    }
    if (plan->table == NULL) {
        PYR_TRY(rows_root(query, &root, error));
    } else if (plan->count) {
        PYR_TRY(count_root(plan, query, &root, error));
    } else {
        PYR_TRY(scan_root(plan, &context, &root, error));
    }
    if (plan->limit >= 0 || plan->offset > 0) {
        PYR_TRY(pyr_limit_create(root, plan->offset, plan->limit, &root, error));
    }
    return pyr_operator_stream(root, &context, out, error);
}

static pyr_status execute_query(native_prepared *self, const pyr_engine_query *query, bool same,
                                pyr_stream **out, pyr_error *error) {
    pyr_native_query *own = NULL;
    if (same) {
        return pyr_native_query_execute(self->query, query, out, error);
    }
    PYR_TRY(pyr_native_query_create(query, &own, error));
    pyr_status status = pyr_native_query_execute(own, query, out, error);
    pyr_native_query_release(own);
    return status;
}

static pyr_status execute(pyr_prepared *prepared, const pyr_engine_query *query, pyr_stream **out,
                          pyr_error *error) {
    native_prepared *self = (native_prepared *)prepared;
    *out = NULL;
    if (query->ledger != NULL) {
        snprintf(query->ledger->engine, sizeof(query->ledger->engine), "native");
    }
    bool same = query->select == self->select && query->params == self->params &&
                version_of(query) == self->snapshot_version;
    if (self->query != NULL) {
        return execute_query(self, query, same, out, error);
    }
    if (same) {
        return run(&self->plan, query, out, error);
    }
    pyr_native_plan plan;
    PYR_TRY(pyr_native_bind(query, &plan, error));
    pyr_status status = run(&plan, query, out, error);
    pyr_native_plan_deinit(&plan);
    return status;
}

static const pyr_engine_ops native_ops = {
    .name = "native",
    .destroy = destroy,
    .session_create = session_create,
    .session_destroy = session_destroy,
    .prepare = prepare,
    .prepared_destroy = prepared_destroy,
    .rest = rest,
    .renew = renew,
    .execute = execute,
    .explain = explain,
};

pyr_status pyr_engine_native_create(pyr_engine **out, pyr_error *error) {
    *out = calloc(1, sizeof(**out));
    if (*out == NULL) {
        return pyr_error_memory(error, sizeof(**out));
    }
    (*out)->ops = &native_ops;
    return PYR_OK;
}
