/* ingest.c - bulk append of batches as they come: pyr_ingest, DoPut, the ingest command. */
#include "arrow/cast.h"
#include "session/model_registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pyr_ingest_writer {
    pyr_execution *execution;
    pyr_schema *schema;     /* of the table */
    int32_t *map;           /* source column of each table column, -1 for NULL */
    bool identity;          /* batches go on as they come */
    bool fills;             /* a column that is not given has a default */
    pyr_table *table;       /* retained; NULL: a new one */
    pyr_appender *appender; /* of a new table */
    pyr_row_writer *rows;   /* of one that is there */
};

/* "table" or "schema.table"; a quoted part keeps its dots. */
static pyr_status split_name(pyr_arena *arena, const char *text, pyr_name *out, pyr_error *error) {
    memset(out, 0, sizeof(*out));
    const char *rest = text;
    for (;;) {
        pyr_text part;
        pyr_text_init(&part);
        bool open_quote = false;
        if (*rest == '"') {
            for (++rest; *rest != '\0' && (*rest != '"' || rest[1] == '"'); ++rest) {
                rest += *rest == '"';
                pyr_text_add_char(&part, *rest);
            }
            open_quote = *rest == '\0';
            rest += open_quote ? 0 : 1;
        } else {
            size_t length = strcspn(rest, ".");
            pyr_text_append(&part, rest, length);
            rest += length;
        }
        pyr_status status = pyr_text_check(&part, error);
        char *copy = status == PYR_OK ? pyr_arena_strdup(arena, pyr_text_get(&part)) : NULL;
        pyr_text_deinit(&part);
        PYR_TRY(status);
        if (copy == NULL) {
            return pyr_arena_error(arena, error);
        }
        out->schema_name = out->name;
        out->name = copy;
        if (*rest == '\0' && !open_quote) {
            break;
        }
        if (*rest != '.' || out->schema_name != NULL) {
            return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                                 "\"%s\" is not a table's name: give table or schema.table", text);
        }
        ++rest;
    }
    if (*out->name == '\0') {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT, "the table's name is empty");
    }
    return PYR_OK;
}

/* Columns are matched by name. */
static pyr_status map_by_name(pyr_ingest_writer *writer, const pyr_schema *source,
                              const char *table, pyr_error *error) {
    int32_t count = writer->schema->fields_count;
    writer->map = calloc((size_t)count + 1, sizeof(*writer->map));
    if (writer->map == NULL) {
        return pyr_error_memory(error, (size_t)count * sizeof(*writer->map));
    }
    int32_t matched = 0;
    writer->identity = count == source->fields_count;
    for (int32_t i = 0; i < count; ++i) {
        writer->map[i] = pyr_schema_find(source, writer->schema->fields[i]->name, true);
        matched += writer->map[i] >= 0;
    }
    if (matched != source->fields_count) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42804", -1,
                                 "table \"%s\": %d of the %d columns given have no place in it",
                                 table, (int)(source->fields_count - matched),
                                 (int)source->fields_count);
    }
    for (int32_t i = 0; i < count; ++i) {
        const pyr_field *to = writer->schema->fields[i];
        int32_t from = writer->map[i];
        if (from >= 0 && !pyr_cast_is_covered(source->fields[from], to)) {
            pyr_text have;
            pyr_text want;
            pyr_text_init(&have);
            pyr_text_init(&want);
            pyr_field_type_print(source->fields[from], &have);
            pyr_field_type_print(to, &want);
            pyr_status status =
                pyr_error_set_sql(error, PYR_ERROR_SQL, "42804", -1,
                                  "table \"%s\", column \"%s\" is %s, but %s was given", table,
                                  to->name, pyr_text_get(&want), pyr_text_get(&have));
            pyr_text_deinit(&have);
            pyr_text_deinit(&want);
            return status;
        }
        if (from != i || !pyr_field_type_equal(source->fields[from], to)) {
            writer->identity = false;
        }
    }
    return PYR_OK;
}

/* A new table takes the stream's schema as it is, but dictionaries become their values' type: a
 * table's column has one type in SQL, and its segments may come from many dictionaries. */
static pyr_status schema_for_new_table(const pyr_schema *source, pyr_schema **out,
                                       pyr_error *error) {
    size_t count = (size_t)source->fields_count;
    pyr_field **fields = calloc(count + 1, sizeof(*fields));
    if (fields == NULL) {
        return pyr_error_memory(error, count * sizeof(*fields));
    }
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < count; ++i) {
        status = pyr_cast_plain_field(source->fields[i], &fields[i], error);
    }
    if (status == PYR_OK) {
        status = pyr_schema_create(fields, source->fields_count, NULL, out, error);
    }
    for (size_t i = 0; i < count; ++i) {
        pyr_field_release(fields[i]);
    }
    free(fields);
    return status;
}

/* REPLACE goes by the primary key, or the only UNIQUE one; IGNORE by any. */
static pyr_status conflict_options(const pyr_table *table, const char *name, pyr_keyed_mode mode,
                                   pyr_row_writer_options *options, pyr_error *error) {
    int32_t columns = 0;
    if (mode == PYR_KEYED_INSERT) {
        return PYR_OK;
    }
    if (table == NULL || !pyr_table_is_keyed(table)) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42P10", -1,
                                 "table \"%s\" has neither a PRIMARY KEY nor UNIQUE, which "
                                 "on_conflict goes by",
                                 name);
    }
    bool primary = pyr_keyed_columns(table, PYR_KEYED_PRIMARY_KEY, &columns) != NULL;
    if (mode == PYR_KEYED_REPLACE && !primary && table->constraints->uniques_count > 1) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42P10", -1,
                                 "table \"%s\" has several UNIQUE keys and no PRIMARY KEY: "
                                 "on_conflict=replace does not say which one is meant",
                                 name);
    }
    options->mode = mode;
    options->conflict_key = mode == PYR_KEYED_IGNORE ? PYR_KEYED_ANY_KEY
                            : primary                ? PYR_KEYED_PRIMARY_KEY
                                                     : 0;
    return PYR_OK;
}

static pyr_status open_writer(pyr_ingest_writer *writer, const char *name, pyr_schema *source,
                              bool create, bool replace, pyr_keyed_mode on_conflict,
                              pyr_error *error) {
    pyr_execution *execution = writer->execution;
    PYR_TRY(pyr_check_writable(execution, "ingest", error));
    pyr_name target;
    PYR_TRY(split_name(&execution->arena, name, &target, error));
    pyr_name_in_session(execution, &target);
    if (pyr_registry_is_named(target.schema_name, target.name)) {
        PYR_TRY(pyr_registry_need(execution, false, error));
    }
    pyr_table *table = pyr_snapshot_find(execution->snapshot, target.schema_name, target.name);
    if (table != NULL && replace && pyr_registry_is_seen(table)) {
        return pyr_error_set(error, PYR_ERROR_PERMISSION,
                             "model_registry is the system's: it cannot be replaced");
    }
    if (table != NULL && table->external != NULL) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42809", -1,
                                 "\"%s\" is an external table: its files are only read", name);
    }
    bool is_new = table == NULL || replace;
    pyr_appender_options options = {.create = is_new,
                                    .change = execution->change,
                                    .mode = replace ? PYR_CREATE_OR_REPLACE : PYR_CREATE_NEW};
    if (is_new && !create) {
        return pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, "42P01", -1,
                                 "table \"%s\" does not exist", name);
    }
    if (is_new && target.schema_name == NULL && execution->settings.schema_name[0] != '\0') {
        target.schema_name = execution->settings.schema_name; /* made where CREATE TABLE would */
    }
    if (is_new) {
        PYR_TRY(schema_for_new_table(source, &writer->schema, error));
    } else {
        writer->schema = pyr_schema_retain(table->schema);
    }
    PYR_TRY(map_by_name(writer, source, name, error));
    pyr_row_writer_options options_of_rows = {.change = execution->change};
    PYR_TRY(conflict_options(is_new ? NULL : table, name, on_conflict, &options_of_rows, error));
    if (!is_new) {
        writer->table = pyr_table_retain(table);
        for (int32_t i = 0; i < table->schema->fields_count; ++i) {
            if (writer->map[i] >= 0 && pyr_table_generated(table, i) != NULL) {
                return pyr_generated_given(table, i, -1, error);
            }
            writer->fills |= writer->map[i] < 0 && pyr_table_default(table, i) != NULL;
        }
        return pyr_row_writer_create(execution, table, &options_of_rows, &writer->rows, error);
    }
    return pyr_appender_create(execution->connection->db->catalog, target.schema_name, target.name,
                               writer->schema, &options, &execution->ledger, &writer->appender,
                               error);
}

static void note_failure(pyr_ingest_writer *writer, pyr_status status) {
    if (status != PYR_OK && writer->execution != NULL) {
        pyr_execution_note_outcome(writer->execution, status);
    }
}

pyr_status pyr_ingest_open_held(pyr_connection *connection, const char *name, pyr_schema *schema,
                                bool create, bool replace, pyr_keyed_mode on_conflict,
                                pyr_ingest_writer **out, pyr_error *error) {
    *out = NULL;
    pyr_ingest_writer *writer = calloc(1, sizeof(*writer));
    if (writer == NULL) {
        return pyr_error_memory(error, sizeof(*writer));
    }
    char what[PYR_NAME_BYTES_MAX * 2 + 16];
    int length = snprintf(what, sizeof(what), "INGEST INTO %s", name);
    size_t shown = (size_t)length < sizeof(what) ? (size_t)length : sizeof(what) - 1;
    pyr_status status = pyr_execution_create(connection, what, shown, 0, &writer->execution, error);
    if (status == PYR_OK) {
        status = pyr_transaction_check(writer->execution, NULL, error);
    }
    if (status == PYR_OK) {
        status = open_writer(writer, name, schema, create, replace, on_conflict, error);
    }
    if (status != PYR_OK) {
        note_failure(writer, status);
        pyr_ingest_close(writer);
        return status;
    }
    *out = writer;
    return PYR_OK;
}

pyr_status pyr_ingest_open(pyr_connection *connection, const char *name, pyr_schema *schema,
                           bool create, bool replace, pyr_ingest_writer **out, pyr_error *error) {
    pthread_mutex_lock(&connection->call_lock);
    pyr_status status = pyr_ingest_open_held(connection, name, schema, create, replace,
                                             PYR_KEYED_INSERT, out, error);
    pthread_mutex_unlock(&connection->call_lock);
    return status;
}

static pyr_status cast_batch(pyr_ingest_writer *writer, pyr_batch *batch, pyr_batch **out,
                             pyr_error *error) {
    pyr_execution *execution = writer->execution;
    return pyr_batch_cast(batch, writer->schema, writer->map, &execution->ledger, execution->budget,
                          out, error);
}

static pyr_status append(pyr_ingest_writer *writer, pyr_batch *batch, pyr_error *error) {
    return writer->rows != NULL ? pyr_row_writer_batch(writer->rows, batch, error)
                                : pyr_appender_batch(writer->appender, batch, error);
}

/* SELECT a, CAST((default) AS T), ... over the rows given: the columns that are not get their
 * defaults, a value a row. */
static void print_filled(const pyr_ingest_writer *writer, pyr_text *out) {
    pyr_text_add(out, "SELECT ");
    for (int32_t i = 0; i < writer->schema->fields_count; ++i) {
        pyr_text_add(out, i > 0 ? ", " : "");
        if (writer->map[i] < 0) {
            pyr_default_print(writer->table, i, out);
        } else {
            pyr_sql_quote_name(writer->schema->fields[i]->name, out);
        }
    }
    pyr_text_add(out, " FROM " PYR_STAGED_TABLE);
}

/* identity: of the columns, for the cast to the table's own types. */
static pyr_status append_filled(pyr_ingest_writer *writer, pyr_stream *stream,
                                const int32_t *identity, pyr_error *error) {
    pyr_execution *execution = writer->execution;
    for (;;) {
        pyr_batch *batch = NULL;
        pyr_batch *cast = NULL;
        PYR_TRY(pyr_stream_next(stream, &batch, error));
        if (batch == NULL) {
            return PYR_OK;
        }
        pyr_status status = pyr_batch_cast(batch, writer->schema, identity, &execution->ledger,
                                           execution->budget, &cast, error);
        if (status == PYR_OK) {
            status = append(writer, cast, error);
        }
        pyr_batch_release(cast);
        pyr_batch_release(batch);
        PYR_TRY(status);
    }
}

/* Starts the query over the batch, which it keeps: the writer may stage rows of its own then. */
static pyr_status start_filling(pyr_ingest_writer *writer, pyr_batch *batch, pyr_result *out,
                                pyr_error *error) {
    pyr_staged staged = {0};
    pyr_text text;
    pyr_text_init(&text);
    print_filled(writer, &text);
    pyr_status status = pyr_text_check(&text, error);
    const pyr_span span = {pyr_text_get(&text), text.length, 0};
    if (status == PYR_OK) {
        status = pyr_staged_init(&staged, writer->execution, writer->schema, error);
    }
    if (status == PYR_OK) {
        status = pyr_staged_add(&staged, batch, error);
    }
    if (status == PYR_OK) {
        status = pyr_staged_show(&staged, error);
    }
    if (status == PYR_OK) {
        status = pyr_run_query(writer->execution, &span, NULL, out, error);
    }
    pyr_staged_deinit(&staged);
    pyr_text_deinit(&text);
    return status;
}

/* batch: of the table's schema, NULLs in the columns not given. */
static pyr_status fill(pyr_ingest_writer *writer, pyr_batch *batch, pyr_error *error) {
    int32_t count = writer->schema->fields_count;
    int64_t rows = atomic_load(&writer->execution->ledger.rows);
    int32_t *identity = calloc((size_t)count + 1, sizeof(*identity));
    if (identity == NULL) {
        return pyr_error_memory(error, (size_t)count * sizeof(*identity));
    }
    for (int32_t i = 0; i < count; ++i) {
        identity[i] = i;
    }
    pyr_result result = {0};
    pyr_status status = start_filling(writer, batch, &result, error);
    if (status == PYR_OK) {
        status = append_filled(writer, result.stream, identity, error);
    }
    pyr_stream_destroy(result.stream);
    free(identity);
    atomic_store(&writer->execution->ledger.rows, rows); /* they were counted as they came */
    return status;
}

static pyr_status take_batch(pyr_ingest_writer *writer, pyr_batch *batch, pyr_error *error) {
    PYR_TRY(pyr_cancel_flag_check(&writer->execution->cancel, error));
    pyr_ledger_add_rows(&writer->execution->ledger, pyr_batch_selected(batch));
    if (writer->identity && batch->selection == NULL) {
        PYR_TRY(append(writer, batch, error));
    } else {
        pyr_batch *cast = NULL;
        PYR_TRY(cast_batch(writer, batch, &cast, error));
        pyr_status status = writer->fills ? fill(writer, cast, error) : append(writer, cast, error);
        pyr_batch_release(cast);
        PYR_TRY(status);
    }
    return pyr_batch_check_mappings(batch, error);
}

pyr_status pyr_ingest_batch(pyr_ingest_writer *writer, pyr_batch *batch, pyr_error *error) {
    pyr_status status = take_batch(writer, batch, error);
    note_failure(writer, status);
    return status;
}

pyr_status pyr_ingest_commit(pyr_ingest_writer *writer, int64_t *rows, pyr_error *error) {
    pyr_status status = writer->rows != NULL ? pyr_row_writer_commit(writer->rows, rows, error)
                                             : pyr_appender_commit(writer->appender, rows, error);
    note_failure(writer, status);
    pyr_ledger_finish(&writer->execution->ledger);
    return status;
}

pyr_query_ledger *pyr_ingest_ledger(pyr_ingest_writer *writer) {
    return &writer->execution->ledger;
}

void pyr_ingest_close(pyr_ingest_writer *writer) {
    if (writer == NULL) {
        return;
    }
    pyr_row_writer_destroy(writer->rows);
    pyr_appender_destroy(writer->appender);
    pyr_table_release(writer->table);
    pyr_schema_release(writer->schema);
    if (writer->execution != NULL) {
        pyr_execution_finish(writer->execution);
        pyr_execution_release(writer->execution);
    }
    free(writer->map);
    free(writer);
}
