/* duckdb_overlay.c - what the catalog has beside tables, for one statement.
 *
 * DuckDB holds nothing of ours: a statement that mentions views, macros, types, sequences or
 * schemas gets a database in memory for its connection alone, and what it mentions is made there,
 * in a transaction that is never committed. So no statement sees another's, each sees its own
 * snapshot's, and the database is empty again when the connection goes. Measured: 0.4 ms, and 0.15
 * ms a view.
 *
 * Tables are not there but found when DuckDB asks (duckdb_names.c), except those of other schemas
 * than main, which are views over pyr_scan: DuckDB does not tell which schema it asks about. A
 * statement that lists what there is (duckdb_tables(), information_schema) gets stubs of all tables
 * that it does not mention, so that none of them can be read.
 */
#include "engines/duckdb/duckdb_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* One overlay being made. Most of its texts may fail, for what one object needs may be gone (the
 * file of a view), and some errors end DuckDB's transaction. Then all is made anew without the text
 * that failed; the texts come in the same order each time. */
typedef struct making {
    pyr_duckdb_prepared *prepared;
    const pyr_engine_query *query;
    size_t number;  /* of the texts that may fail: of the next one */
    bool *left_out; /* capacity: by number */
    size_t capacity;
    bool ended; /* the transaction is */
} making;

/* ---- Running DDL of ours. ---- */

static pyr_status execute(const making *self, const char *sql, pyr_error *error) {
    pyr_duckdb_prepared *prepared = self->prepared;
    const pyr_duckdb_api *api = prepared->lease.instance->api;
    dd_result result;
    memset(&result, 0, sizeof(result));
    pyr_duckdb_bound_call call;
    pyr_duckdb_call_begin(&call, prepared, self->query);
    pyr_status status = PYR_OK;
    if (api->query(prepared->lease.connection, sql, &result) != DD_SUCCESS) {
        status = pyr_duckdb_explain_failure(prepared, api->result_error(&result), error);
    }
    pyr_duckdb_call_end(&call);
    api->destroy_result(&result);
    return status;
}

static bool is_fatal(pyr_status status) {
    return status == PYR_ERROR_MEMORY || status == PYR_ERROR_CANCELLED ||
           status == PYR_ERROR_INTERNAL;
}

static pyr_status leave_out(making *self, size_t number, pyr_error *error) {
    if (number >= self->capacity) {
        size_t capacity = 2 * number + 16;
        bool *grown = realloc(self->left_out, capacity * sizeof(*grown));
        if (grown == NULL) {
            return pyr_error_memory(error, capacity * sizeof(*grown));
        }
        memset(grown + self->capacity, 0, (capacity - self->capacity) * sizeof(*grown));
        self->left_out = grown;
        self->capacity = capacity;
    }
    self->left_out[number] = true;
    return PYR_OK;
}

/* What DuckDB would refuse of one object must not hide the others: *made false, and why in
 * *failure, PYR_OK where that was said before. Fails when it is fatal (*failure says why), and when
 * the transaction ended: then self->ended. */
static pyr_status try_text(making *self, pyr_text *text, bool *made, pyr_error *failure) {
    size_t number = self->number++;
    *made = false;
    pyr_error_clear(failure);
    PYR_TRY(pyr_text_check(text, failure));
    if (number < self->capacity && self->left_out[number]) {
        return PYR_OK;
    }
    pyr_status status = execute(self, pyr_text_get(text), failure);
    *made = status == PYR_OK;
    if (*made || is_fatal(status)) {
        return status;
    }
    pyr_duckdb_run_forget(self->prepared->run);
    if (execute(self, "SELECT 1", NULL) == PYR_OK) {
        return PYR_OK;
    }
    PYR_TRY(pyr_cancel_flag_check(self->query->cancel, failure));
    PYR_TRY(leave_out(self, number, failure));
    self->ended = true;
    return status;
}

static void print_qualified(const pyr_table *table, pyr_text *text) {
    pyr_sql_quote_name(table->schema_name, text);
    pyr_text_add_char(text, '.');
    pyr_sql_quote_name(table->name, text);
}

/* ---- Tables. ---- */

static pyr_status make_table_view(const making *self, const pyr_table *table, pyr_error *error) {
    pyr_text text;
    pyr_text_init(&text);
    pyr_text_add(&text, "CREATE VIEW ");
    print_qualified(table, &text);
    if (table->scan != NULL && table->scan->sql != NULL) {
        char macro[PYR_DUCKDB_EXTERNAL_NAME_BYTES];
        pyr_duckdb_external_name(table, macro, sizeof(macro));
        pyr_text_printf(&text, " AS SELECT * FROM %s()", macro);
    } else {
        pyr_text_add(&text, " AS SELECT * FROM pyr_scan(");
        pyr_sql_quote_string(table->schema_name, &text);
        pyr_text_add(&text, ", ");
        pyr_sql_quote_string(table->name, &text);
        pyr_text_add(&text, ")");
    }
    pyr_status status = pyr_text_check(&text, error);
    if (status == PYR_OK) {
        status = execute(self, pyr_text_get(&text), error);
    }
    pyr_text_deinit(&text);
    return status;
}

static void print_key(const pyr_table *table, const pyr_table_key *key, const char *what,
                      pyr_text *text) {
    pyr_text_printf(text, ", %s (", what);
    for (int32_t i = 0; i < key->columns_count; ++i) {
        pyr_text_add(text, i > 0 ? ", " : "");
        pyr_sql_quote_name(table->schema->fields[key->columns[i]]->name, text);
    }
    pyr_text_add_char(text, ')');
}

static void print_stub(const pyr_table *table, bool constraints, pyr_text *text) {
    const pyr_constraints *rules = constraints ? table->constraints : NULL;
    pyr_text_add(text, "CREATE TABLE ");
    print_qualified(table, text);
    for (int32_t i = 0; i < table->schema->fields_count; ++i) {
        const pyr_field *field = table->schema->fields[i];
        pyr_text_add(text, i == 0 ? " (" : ", ");
        pyr_sql_quote_name(field->name, text);
        pyr_text_add_char(text, ' ');
        pyr_sql_type_print(field, text);
        pyr_text_add(text, field->nullable ? "" : " NOT NULL");
        if (rules != NULL && rules->defaults[i] != NULL) {
            pyr_text_printf(text, " DEFAULT (%s)", rules->defaults[i]);
        }
    }
    if (rules != NULL && rules->primary_key != NULL) {
        print_key(table, rules->primary_key, "PRIMARY KEY", text);
    }
    for (size_t i = 0; rules != NULL && i < rules->uniques_count; ++i) {
        print_key(table, &rules->uniques[i], "UNIQUE", text);
    }
    for (size_t i = 0; rules != NULL && i < rules->checks_count; ++i) {
        pyr_text_printf(text, ", CHECK (%s)", rules->checks[i].expression);
    }
    pyr_text_add_char(text, ')');
}

/* With its rules where DuckDB takes them; one that it does not take at all is left out. */
static pyr_status make_stub(making *self, const pyr_table *table, pyr_error *failure) {
    bool made = false;
    for (int constraints = 1; !made && constraints >= 0; --constraints) {
        pyr_text text;
        pyr_text_init(&text);
        print_stub(table, constraints == 1, &text);
        pyr_status status = try_text(self, &text, &made, failure);
        pyr_text_deinit(&text);
        PYR_TRY(status);
    }
    return PYR_OK;
}

/* ---- Objects. ---- */

/* A definition that says more than its object comes from a record that was tampered with. */
static pyr_status check_single(const pyr_text *text, pyr_error *error) {
    size_t position = 0;
    pyr_span statement;
    bool complete = false;
    bool open = false;
    PYR_TRY(pyr_text_check(text, error));
    bool first = pyr_sql_split(text->data, text->length, &position, &statement, &complete, &open);
    return first &&
                   !pyr_sql_split(text->data, text->length, &position, &statement, &complete, &open)
               ? PYR_OK
               : pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "0A000", -1,
                                   "several statements in one text");
}

/* Keeps the first reason. */
static void note_failure(making *self, const pyr_error *failure) {
    pyr_error *first = &self->prepared->not_made;
    if (first->code == PYR_OK && failure->code != PYR_OK) {
        *first = *failure;
        first->position = -1;
    }
}

/* Whether DuckDB would find something else by the object's bare name, where it is left out: a
 * function of its own, or what main has. */
static bool stands_before_another(const making *self, size_t index) {
    const pyr_needed *needed = &self->prepared->needed;
    const pyr_snapshot *snapshot = self->prepared->snapshot;
    const pyr_entry *object = needed->objects[index];
    const char *chosen = self->query->schema_name != NULL ? self->query->schema_name : "main";
    bool in_main = strcasecmp(object->schema_name, "main") == 0;
    if (!needed->used[index] || (!in_main && strcasecmp(object->schema_name, chosen) != 0)) {
        return false;
    }
    if (object->kind == PYR_ENTRY_VIEW) {
        return !in_main && (pyr_snapshot_find(snapshot, "main", object->name) != NULL ||
                            pyr_entries_find(pyr_snapshot_entries(snapshot), PYR_ENTRY_VIEW, "main",
                                             object->name, NULL) != NULL);
    }
    return object->kind == PYR_ENTRY_MACRO || object->kind == PYR_ENTRY_TABLE_MACRO;
}

static pyr_status make_object(making *self, size_t index, pyr_error *failure) {
    const pyr_entry *object = self->prepared->needed.objects[index];
    pyr_text text;
    pyr_text_init(&text);
    size_t definition_at = 0;
    bool made = false;
    pyr_entry_print(object, &text, &definition_at);
    pyr_error_clear(failure);
    pyr_status single = check_single(&text, failure);
    if (single == PYR_OK) {
        single = pyr_duckdb_check_definition(self->prepared, object, failure);
    }
    pyr_status status = single == PYR_OK ? try_text(self, &text, &made, failure) : PYR_OK;
    pyr_text_deinit(&text);
    if (made) {
        return PYR_OK;
    }
    bool inside = failure->position >= (int32_t)definition_at;
    failure->position = inside ? failure->position - (int32_t)definition_at : -1;
    if (object != self->query->define && stands_before_another(self, index)) {
        failure->position = -1;
        self->ended = false;
        return failure->code;
    }
    if (is_fatal(single) || object == self->query->define) {
        self->ended = false; /* it is the statement's own */
        return failure->code;
    }
    if (status == PYR_OK || self->ended) {
        note_failure(self, failure);
    }
    return status;
}

/* nextval('s') gives numbers of the catalog's sequence, which the one made here only stands for. */
static pyr_status make_sequence_macros(const making *self, pyr_error *error) {
    const pyr_needed *needed = &self->prepared->needed;
    bool sequences = false;
    for (size_t i = 0; i < needed->objects_count; ++i) {
        sequences = sequences || needed->objects[i]->kind == PYR_ENTRY_SEQUENCE;
    }
    if (!sequences) {
        return PYR_OK;
    }
    PYR_TRY(execute(self,
                    "CREATE MACRO main.nextval(sequence_name) AS "
                    "__pyralog_nextval(CAST(sequence_name AS VARCHAR))",
                    error));
    return execute(self,
                   "CREATE MACRO main.currval(sequence_name) AS "
                   "__pyralog_currval(CAST(sequence_name AS VARCHAR))",
                   error);
}

/* But of what is left out. */
static pyr_status make_comments(making *self, pyr_error *failure) {
    const pyr_entries *objects = pyr_snapshot_entries(self->prepared->snapshot);
    for (size_t i = 0; self->prepared->needed.listing && i < pyr_entries_count(objects); ++i) {
        const pyr_entry *object = pyr_entries_at(objects, i);
        if (object->kind != PYR_ENTRY_COMMENT) {
            continue;
        }
        pyr_text text;
        pyr_text_init(&text);
        bool made = false;
        pyr_entry_print(object, &text, NULL);
        pyr_status status = try_text(self, &text, &made, failure);
        pyr_text_deinit(&text);
        PYR_TRY(status);
    }
    return PYR_OK;
}

static pyr_status make_once(making *self, pyr_error *error) {
    const pyr_needed *needed = &self->prepared->needed;
    size_t i = 0;
    self->number = 0;
    self->ended = false;
    PYR_TRY(execute(self, "BEGIN TRANSACTION", error));
    /* DuckDB asks only about schemas that it knows. */
    PYR_TRY(execute(self, "CREATE SCHEMA pyralog", error));
    PYR_TRY(make_sequence_macros(self, error));
    for (; i < needed->objects_count && needed->objects[i]->kind == PYR_ENTRY_SCHEMA; ++i) {
        PYR_TRY(make_object(self, i, error));
    }
    for (size_t j = 0; j < needed->tables_count; ++j) {
        PYR_TRY(make_table_view(self, needed->tables[j], error));
    }
    /* Defaults of tables name sequences, views name tables. */
    for (int views = 0; views < 2; ++views) {
        for (size_t j = i; j < needed->objects_count; ++j) {
            bool behind = needed->objects[j]->kind != PYR_ENTRY_SEQUENCE &&
                          needed->objects[j]->kind != PYR_ENTRY_TYPE;
            if (behind == (views == 1)) {
                PYR_TRY(make_object(self, j, error));
            }
        }
        for (size_t j = 0; views == 0 && j < needed->stubs_count; ++j) {
            PYR_TRY(make_stub(self, needed->stubs[j], error));
        }
    }
    return make_comments(self, error);
}

static pyr_status make_all(pyr_duckdb_prepared *prepared, const pyr_engine_query *query,
                           pyr_error *error) {
    making self = {.prepared = prepared, .query = query};
    pyr_error failure;
    pyr_status status = make_once(&self, &failure);
    while (status != PYR_OK && self.ended) {
        status = execute(&self, "ROLLBACK", &failure);
        self.ended = false;
        if (status == PYR_OK) {
            status = make_once(&self, &failure);
        }
    }
    free(self.left_out);
    if (status != PYR_OK && error != NULL) {
        *error = failure;
    }
    return status;
}

pyr_status pyr_duckdb_overlay_make(pyr_duckdb_prepared *prepared, const pyr_engine_query *query,
                                   pyr_error *error) {
    if (query->schema_name != NULL && strcmp(query->schema_name, "main") != 0) {
        bool there = pyr_snapshot_has_schema(query->snapshot, query->schema_name);
        if (!there) {
            return pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, "3F000", -1,
                                     "schema \"%s\" does not exist any more: USE another",
                                     query->schema_name);
        }
    }
    PYR_TRY(pyr_duckdb_lease_overlay(&prepared->lease, error));
    PYR_TRY(pyr_duckdb_overlay_mentions(prepared, error));
    PYR_TRY(make_all(prepared, query, error));
    return pyr_duckdb_lease_search(&prepared->lease, query->schema_name, error);
}

pyr_status pyr_duckdb_overlay_renew(pyr_duckdb_prepared *prepared, const pyr_engine_query *query,
                                    pyr_error *error) {
    prepared->aborted = false;
    const making ended = {.prepared = prepared, .query = query};
    PYR_TRY(execute(&ended, "ROLLBACK", error));
    return make_all(prepared, query, error);
}

/* ---- Names. ---- */

static pyr_status add_names(pyr_duckdb_prepared *prepared, const char *text, pyr_error *error) {
    char **names = NULL;
    size_t count = 0;
    PYR_TRY(pyr_duckdb_mentions(text, strlen(text), &names, &count, error));
    size_t total = prepared->qualified_count + count;
    char **grown = realloc(prepared->qualified, (total + 1) * sizeof(*grown));
    if (grown == NULL) {
        pyr_duckdb_mentions_free(names, count);
        return pyr_error_memory(error, total * sizeof(*grown));
    }
    prepared->qualified = grown;
    for (size_t i = 0; i < count; ++i) {
        grown[prepared->qualified_count++] = names[i];
    }
    free(names);
    return PYR_OK;
}

pyr_status pyr_duckdb_overlay_mentions(pyr_duckdb_prepared *prepared, pyr_error *error) {
    for (size_t i = 0; i < prepared->needed.objects_count; ++i) {
        pyr_entry_kind kind = prepared->needed.objects[i]->kind;
        if (kind != PYR_ENTRY_SCHEMA && kind != PYR_ENTRY_SEQUENCE) {
            PYR_TRY(add_names(prepared, prepared->needed.objects[i]->definition, error));
        }
    }
    return PYR_OK;
}
