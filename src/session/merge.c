/* merge.c - MERGE: one query over the join of table and source says for each row which clause acts
 * on it and gives the values; rows go and come in one change, as in change_rows.c.
 *
 * The query's columns: the row's number in the table (NULL: none), the acting clause's number, the
 * table's columns as they are to be (of a deleted row: as they were), then ERROR's message and the
 * action's name for RETURNING.
 *
 * The acting clause is the SELECT's own column, which the values name. DuckDB does not let a name
 * stand for a subquery or for a volatile call: with such conditions it is a LATERAL's column, which
 * costs another join.
 */
#include "arrow/cast.h"
#include "session/model_registry.h"
#include "sql/lexer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ACTING "__pyralog_acting"
#define MARKER "__pyralog_source"
enum { ROWID_COLUMN, ACTING_COLUMN, FIRST_VALUE };

typedef struct merge {
    pyr_execution *execution;
    const pyr_parsed *parsed;
    pyr_table *table; /* borrowed from the execution's snapshot */
    pyr_batch *params;
    const char *target;    /* name of the table inside */
    pyr_span source_name;  /* of the source inside, as written; text NULL where it has none */
    char **source_columns; /* where a clause takes them by place or by name */
    int32_t source_columns_count;
    bool lateral; /* where the acting clause is found */
    pyr_change *change;
    pyr_row_writer *writer;
    pyr_returning *returning;
    pyr_changed_rows rows;
    int32_t *map; /* the query's columns that are the table's, and the action's */
    int64_t affected;
} merge;

/* ---- The source. ---- */

/* The name that the source's columns are called by: its alias, which stands last, before a list of
 * columns if there is one; or first, before a colon. */
static void find_source_name(merge *self) {
    const pyr_span *source = &self->parsed->merge.source;
    pyr_lexer lexer = pyr_lexer_over(source->text, source->length);
    pyr_token last = {.kind = PYR_TOKEN_END}; /* outside of brackets */
    size_t depth = 0;
    for (pyr_token token = pyr_lexer_next(&lexer); token.kind != PYR_TOKEN_END;
         token = pyr_lexer_next(&lexer)) {
        if (depth == 0 && pyr_token_is_char(&token, ':')) {
            break; /* a: t */
        }
        depth += pyr_token_is_char(&token, '(');
        if (depth == 0) {
            last = token;
        }
        depth -= pyr_token_is_char(&token, ')');
    }
    if (pyr_token_is_identifier(&last)) {
        self->source_name = (pyr_span){last.text, last.length, source->offset + last.offset};
    }
}

static void add_source(const merge *self, pyr_made_text *made) {
    pyr_made_add_span(made, &self->parsed->merge.source);
    if (self->source_name.text == NULL) {
        pyr_made_add(made, " AS __pyralog_given");
    }
}

static void add_source_column(const merge *self, pyr_made_text *made, int32_t column) {
    if (self->source_name.text != NULL) {
        pyr_made_add_span(made, &self->source_name);
    } else {
        pyr_made_add(made, "__pyralog_given");
    }
    pyr_made_add(made, ".");
    pyr_made_add_name(made, self->source_columns[column]);
}

static pyr_status keep_source_columns(merge *self, const pyr_schema *schema, pyr_error *error) {
    pyr_arena *arena = &self->execution->arena;
    if (schema == NULL) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42P18",
                                 (int32_t)self->parsed->merge.source.offset,
                                 "the source's columns depend on parameters: name the values");
    }
    int32_t count = schema->fields_count;
    self->source_columns = pyr_arena_array(arena, (size_t)count + 1, sizeof(char *));
    if (self->source_columns == NULL) {
        return pyr_arena_error(arena, error);
    }
    for (int32_t i = 0; i < count; ++i) {
        self->source_columns[i] = pyr_arena_strdup(arena, schema->fields[i]->name);
        if (self->source_columns[i] == NULL) {
            return pyr_arena_error(arena, error);
        }
    }
    self->source_columns_count = count;
    return PYR_OK;
}

static bool takes_source_columns(const pyr_merge_clause *clause) {
    return (clause->act == PYR_MERGE_INSERT || clause->act == PYR_MERGE_UPDATE) &&
           (clause->from == PYR_MERGE_VALUES_BY_PLACE || clause->from == PYR_MERGE_VALUES_BY_NAME);
}

static pyr_status find_source_columns(merge *self, pyr_error *error) {
    const pyr_merge *parsed = &self->parsed->merge;
    bool needed = false;
    for (size_t i = 0; i < parsed->clauses_count; ++i) {
        needed |= takes_source_columns(&parsed->clauses[i]);
    }
    if (!needed) {
        return PYR_OK;
    }
    pyr_made_text made;
    pyr_bound bound;
    pyr_made_init(&made, &self->parsed->text);
    pyr_made_add_with(&made, self->parsed);
    pyr_made_add(&made, "SELECT * FROM ");
    add_source(self, &made);
    pyr_status status = pyr_made_bind(self->execution, &made, self->params, &bound, error);
    if (status == PYR_OK) {
        status = keep_source_columns(self, bound.prepared->schema, error);
    }
    pyr_bound_deinit(&bound);
    pyr_made_deinit(&made);
    return status;
}

/* A column's place among those that are not generated. */
static int32_t place_of(const pyr_table *table, int32_t column) {
    int32_t place = 0;
    for (int32_t i = 0; i < column; ++i) {
        place += pyr_table_generated(table, i) == NULL;
    }
    return place;
}

/* The source column that a clause puts into a column of the table, -1 for none. */
static int32_t source_column_of(const merge *self, const pyr_merge_clause *clause, int32_t column) {
    if (pyr_table_generated(self->table, column) != NULL) {
        return -1;
    }
    if (clause->from == PYR_MERGE_VALUES_BY_PLACE) {
        return place_of(self->table, column);
    }
    for (int32_t i = 0; clause->from == PYR_MERGE_VALUES_BY_NAME && i < self->source_columns_count;
         ++i) {
        if (strcasecmp(self->source_columns[i], self->table->schema->fields[column]->name) == 0) {
            return i;
        }
    }
    return -1;
}

/* ---- What is wrong with a clause. ---- */

static pyr_status check_by_place(const merge *self, const pyr_merge_clause *clause, size_t given,
                                 pyr_error *error) {
    int32_t wanted = place_of(self->table, self->table->schema->fields_count);
    return given == (size_t)wanted
               ? PYR_OK
               : pyr_error_set_sql(error, PYR_ERROR_SQL, "42601", (int32_t)clause->offset,
                                   "table \"%s\": %d columns are to be filled, but %zu values are "
                                   "given",
                                   self->table->name, (int)wanted, given);
}

static pyr_status check_by_name(const merge *self, const pyr_merge_clause *clause,
                                pyr_error *error) {
    for (int32_t i = 0; i < self->source_columns_count; ++i) {
        int32_t column = pyr_schema_find(self->table->schema, self->source_columns[i], true);
        if (column >= 0 && pyr_table_generated(self->table, column) != NULL) {
            return pyr_generated_given(self->table, column, (int32_t)clause->offset, error);
        }
        if (column < 0) {
            return pyr_error_set_sql(error, PYR_ERROR_SQL, "42703", (int32_t)clause->offset,
                                     "table \"%s\" has no column \"%s\"", self->table->name,
                                     self->source_columns[i]);
        }
    }
    return PYR_OK;
}

static pyr_status check_clause(const merge *self, const pyr_merge_clause *clause,
                               pyr_error *error) {
    if (clause->act != PYR_MERGE_UPDATE && clause->act != PYR_MERGE_INSERT) {
        return PYR_OK;
    }
    switch (clause->from) {
    case PYR_MERGE_VALUES_BY_PLACE:
        return check_by_place(self, clause, (size_t)self->source_columns_count, error);
    case PYR_MERGE_VALUES_BY_NAME:
        return check_by_name(self, clause, error);
    case PYR_MERGE_VALUES_OF_DEFAULTS:
        return PYR_OK;
    case PYR_MERGE_VALUES_LIST:
        break;
    }
    return clause->values.count > 0 && clause->values.items[0].column == NULL
               ? check_by_place(self, clause, clause->values.count, error)
               : pyr_check_assignments(&clause->values, self->table, error);
}

static pyr_status check_clauses(const merge *self, pyr_error *error) {
    for (size_t i = 0; i < self->parsed->merge.clauses_count; ++i) {
        PYR_TRY(check_clause(self, &self->parsed->merge.clauses[i], error));
    }
    return PYR_OK;
}

/* ---- The query. ---- */

static void add_target_column(const merge *self, pyr_made_text *made, const char *column) {
    pyr_made_add_name(made, self->target);
    pyr_made_add(made, ".");
    pyr_made_add_name(made, column);
}

/* The first clause whose kind and condition fit: its number. One that does nothing: NULL. */
static void add_acting(const merge *self, pyr_made_text *made) {
    const pyr_merge *parsed = &self->parsed->merge;
    pyr_made_add(made, "CASE");
    for (size_t i = 0; i < parsed->clauses_count; ++i) {
        const pyr_merge_clause *clause = &parsed->clauses[i];
        pyr_made_add(made, "\nWHEN ");
        add_target_column(self, made, PYR_ROWID_COLUMN);
        pyr_made_add(made, clause->when == PYR_MERGE_NOT_MATCHED ? " IS NULL" : " IS NOT NULL");
        pyr_made_add(made, clause->when == PYR_MERGE_NOT_MATCHED_BY_SOURCE
                               ? " AND " MARKER ".there IS NULL"
                               : " AND " MARKER ".there IS NOT NULL");
        if (clause->condition.text != NULL) {
            pyr_made_add(made, " AND (");
            pyr_made_add_span(made, &clause->condition);
            pyr_made_add(made, "\n)");
        }
        if (clause->act == PYR_MERGE_NOTHING) {
            pyr_made_add(made, " THEN NULL");
        } else {
            pyr_text_printf(&made->text, " THEN %zu", i);
        }
    }
    pyr_made_add(made, " END AS " ACTING);
}

static void add_lateral(const merge *self, pyr_made_text *made) {
    pyr_made_add(made, "\nCROSS JOIN LATERAL (SELECT ");
    add_acting(self, made);
    pyr_made_add(made, ") AS __pyralog_chosen");
}

/* The value that a clause gives to a column; false: it gives none, and the text is as it was. */
static bool add_given(const merge *self, pyr_made_text *made, const pyr_merge_clause *clause,
                      int32_t column) {
    const pyr_field *field = self->table->schema->fields[column];
    if (takes_source_columns(clause)) {
        int32_t source = source_column_of(self, clause, column);
        if (source >= 0) {
            pyr_made_add(made, "CAST(");
            add_source_column(self, made, source);
            pyr_made_add(made, " AS ");
            pyr_sql_type_print(field, &made->text);
            pyr_made_add(made, ")");
        }
        return source >= 0;
    }
    if (clause->from == PYR_MERGE_VALUES_OF_DEFAULTS || clause->values.count == 0) {
        return false;
    }
    bool by_place = clause->values.items[0].column == NULL;
    if (by_place && pyr_table_generated(self->table, column) != NULL) {
        return false;
    }
    const pyr_assignment *assignment = by_place
                                           ? &clause->values.items[place_of(self->table, column)]
                                           : pyr_assignment_of(&clause->values, field->name);
    if (assignment != NULL) {
        pyr_made_add_assigned(made, assignment, self->table, column);
    }
    return assignment != NULL;
}

/* A column of the table by the acting clause. */
static void add_value(const merge *self, pyr_made_text *made, int32_t column) {
    const pyr_merge *parsed = &self->parsed->merge;
    pyr_made_add(made, ",\nCASE " ACTING);
    for (size_t i = 0; i < parsed->clauses_count; ++i) {
        const pyr_merge_clause *clause = &parsed->clauses[i];
        bool writes = clause->act == PYR_MERGE_UPDATE || clause->act == PYR_MERGE_INSERT;
        pyr_text_printf(&made->text, " WHEN %zu THEN ", i);
        if (writes && add_given(self, made, clause, column)) {
            continue;
        }
        if (clause->act == PYR_MERGE_INSERT) {
            pyr_default_print(self->table, column, &made->text);
        } else {
            add_target_column(self, made, self->table->schema->fields[column]->name);
        }
    }
    pyr_made_add(made, " END");
}

static const char *action_name(const pyr_merge_clause *clause) {
    return clause->act == PYR_MERGE_UPDATE   ? "UPDATE"
           : clause->act == PYR_MERGE_INSERT ? "INSERT"
                                             : "DELETE";
}

static void add_message_and_name(const merge *self, pyr_made_text *made) {
    const pyr_merge *parsed = &self->parsed->merge;
    pyr_made_add(made, ",\nCASE " ACTING);
    for (size_t i = 0; i < parsed->clauses_count; ++i) {
        const pyr_merge_clause *clause = &parsed->clauses[i];
        pyr_text_printf(&made->text, " WHEN %zu THEN ", i);
        if (clause->act == PYR_MERGE_FAIL && clause->message.text != NULL) {
            pyr_made_add(made, "CAST((");
            pyr_made_add_span(made, &clause->message);
            pyr_made_add(made, "\n) AS VARCHAR)");
        } else {
            pyr_made_add(made, "CAST(NULL AS VARCHAR)");
        }
    }
    pyr_made_add(made, " END,\nCASE " ACTING);
    for (size_t i = 0; i < parsed->clauses_count; ++i) {
        pyr_text_printf(&made->text, " WHEN %zu THEN '%s'", i, action_name(&parsed->clauses[i]));
    }
    pyr_made_add(made, " END");
}

static const char *join_of(const pyr_merge *parsed) {
    bool source_alone = false;
    bool table_alone = false;
    for (size_t i = 0; i < parsed->clauses_count; ++i) {
        source_alone |= parsed->clauses[i].when == PYR_MERGE_NOT_MATCHED;
        table_alone |= parsed->clauses[i].when == PYR_MERGE_NOT_MATCHED_BY_SOURCE;
    }
    return source_alone && table_alone ? " FULL JOIN ("
           : source_alone              ? " RIGHT JOIN ("
           : table_alone               ? " LEFT JOIN ("
                                       : " JOIN (";
}

static void add_join(const merge *self, pyr_made_text *made) {
    const pyr_merge *parsed = &self->parsed->merge;
    pyr_made_add(made, "\nFROM pyr_scan_rows(");
    pyr_sql_quote_string(self->table->schema_name, &made->text);
    pyr_made_add(made, ", ");
    pyr_sql_quote_string(self->table->name, &made->text);
    pyr_made_add(made, ") AS ");
    pyr_made_add_name(made, self->target);
    pyr_made_add(made, join_of(parsed));
    add_source(self, made);
    pyr_made_add(made, "\nCROSS JOIN (SELECT true AS there) AS " MARKER ")");
    if (parsed->on.text != NULL) {
        pyr_made_add(made, " ON (");
        pyr_made_add_span(made, &parsed->on);
        pyr_made_add(made, "\n)");
        return;
    }
    for (size_t i = 0; i < parsed->columns_count; ++i) {
        pyr_made_add(made, i > 0 ? ", " : " USING (");
        pyr_made_add_name(made, parsed->columns[i]);
    }
    pyr_made_add(made, ")");
}

static void make_query(const merge *self, pyr_made_text *made) {
    pyr_made_init(made, &self->parsed->text);
    pyr_made_add_with(made, self->parsed);
    pyr_made_add(made, "SELECT * FROM (SELECT ");
    add_target_column(self, made, PYR_ROWID_COLUMN);
    pyr_made_add(made, ",\n");
    if (self->lateral) {
        pyr_made_add(made, ACTING);
    } else {
        add_acting(self, made);
    }
    for (int32_t i = 0; i < self->table->schema->fields_count; ++i) {
        add_value(self, made, i);
    }
    add_message_and_name(self, made);
    add_join(self, made);
    if (self->lateral) {
        add_lateral(self, made);
    }
    pyr_made_add(made, ") AS __pyralog_merged WHERE " ACTING " IS NOT NULL");
}

/* Binds the query, as it can be bound. made: it, deinit after a failure too; as bound. */
static pyr_status bind_query(merge *self, pyr_made_text *made, pyr_bound *out, pyr_error *error) {
    pyr_error first;
    make_query(self, made);
    pyr_status status = pyr_made_bind(self->execution, made, self->params, out, &first);
    if (status != PYR_OK && !self->lateral && strstr(first.message, ACTING) != NULL) {
        pyr_made_deinit(made);
        self->lateral = true;
        return bind_query(self, made, out, error);
    }
    if (status != PYR_OK && error != NULL) {
        *error = first;
    }
    return status;
}

/* ---- Rows. ---- */

/* Rows whose clause does one of the two; NULL where there are none. */
static pyr_status select_rows(const merge *self, pyr_batch *batch, pyr_merge_act first,
                              pyr_merge_act second, pyr_batch **out, pyr_error *error) {
    const pyr_merge *parsed = &self->parsed->merge;
    pyr_buffer *buffer = NULL;
    pyr_selection *selection = NULL;
    int64_t count = 0;
    *out = NULL;
    PYR_TRY(pyr_buffer_create((size_t)batch->rows * sizeof(int32_t), self->execution->budget,
                              &buffer, error));
    int32_t *rows = (int32_t *)buffer->data;
    for (int64_t i = 0; i < batch->rows; ++i) {
        size_t acting = (size_t)pyr_array_int64(batch->columns[ACTING_COLUMN], i);
        pyr_merge_act act = parsed->clauses[acting].act;
        if (act == first || act == second) {
            rows[count++] = (int32_t)i;
        }
    }
    pyr_status status = PYR_OK;
    if (count > 0) {
        status = pyr_selection_create(buffer, count, &selection, error);
        if (status == PYR_OK) {
            status = pyr_batch_select(batch, selection, out, error);
        }
    }
    pyr_selection_release(selection);
    pyr_buffer_release(buffer);
    return status;
}

static pyr_status fail_where_asked(const merge *self, pyr_batch *batch, pyr_error *error) {
    const pyr_merge *parsed = &self->parsed->merge;
    const pyr_array *messages = batch->columns[FIRST_VALUE + self->table->schema->fields_count];
    for (int64_t i = 0; i < batch->rows; ++i) {
        size_t acting = (size_t)pyr_array_int64(batch->columns[ACTING_COLUMN], i);
        if (parsed->clauses[acting].act != PYR_MERGE_FAIL) {
            continue;
        }
        const pyr_merge_clause *clause = &parsed->clauses[acting];
        if (pyr_array_is_null(messages, i)) {
            return pyr_error_set_sql(error, PYR_ERROR_SQL, "P0001", (int32_t)clause->offset,
                                     "MERGE: a row meets the clause with ERROR");
        }
        size_t length = 0;
        const uint8_t *text = pyr_array_bytes(messages, i, &length);
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "P0001", (int32_t)clause->offset, "%.*s",
                                 length > 400 ? 400 : (int)length, (const char *)text);
    }
    return PYR_OK;
}

static pyr_status take_gone(merge *self, pyr_batch *batch, pyr_error *error) {
    pyr_execution *execution = self->execution;
    pyr_batch *gone = NULL;
    pyr_batch *dense = NULL;
    PYR_TRY(select_rows(self, batch, PYR_MERGE_UPDATE, PYR_MERGE_DELETE, &gone, error));
    pyr_status status = PYR_OK;
    if (gone != NULL) {
        status = pyr_batch_dense(gone, &execution->ledger, execution->budget, &dense, error);
    }
    if (dense != NULL) {
        status = pyr_changed_rows_take(&self->rows, dense->columns[ROWID_COLUMN], error);
    }
    pyr_batch_release(dense);
    pyr_batch_release(gone);
    return status;
}

static pyr_status take_written(merge *self, pyr_batch *batch, pyr_error *error) {
    pyr_execution *execution = self->execution;
    pyr_batch *written = NULL;
    pyr_batch *values = NULL;
    PYR_TRY(select_rows(self, batch, PYR_MERGE_UPDATE, PYR_MERGE_INSERT, &written, error));
    pyr_status status = PYR_OK;
    if (written != NULL) {
        status = pyr_batch_cast(written, self->table->schema, self->map, &execution->ledger,
                                execution->budget, &values, error);
    }
    if (values != NULL) {
        status = pyr_row_writer_batch(self->writer, values, error);
    }
    pyr_batch_release(values);
    pyr_batch_release(written);
    return status;
}

static pyr_status take_returning(merge *self, pyr_batch *batch, pyr_error *error) {
    pyr_execution *execution = self->execution;
    if (self->returning == NULL) {
        return PYR_OK;
    }
    pyr_batch *rows = NULL;
    PYR_TRY(pyr_batch_cast(batch, pyr_returning_rows(self->returning), self->map,
                           &execution->ledger, execution->budget, &rows, error));
    pyr_status status = pyr_returning_batch(self->returning, rows, error);
    pyr_batch_release(rows);
    return status;
}

static pyr_status take_batch(void *context, pyr_batch *batch, pyr_error *error) {
    merge *self = context;
    self->affected += batch->rows;
    PYR_TRY(fail_where_asked(self, batch, error));
    PYR_TRY(take_gone(self, batch, error));
    PYR_TRY(take_written(self, batch, error));
    return take_returning(self, batch, error);
}

static int32_t width_of(const merge *self) {
    return FIRST_VALUE + self->table->schema->fields_count + 2;
}

/* ---- Running. ---- */

static pyr_status merge_begin(merge *self, pyr_execution *execution, const pyr_parsed *parsed,
                              pyr_batch *params, pyr_error *error) {
    memset(self, 0, sizeof(*self));
    self->execution = execution;
    self->parsed = parsed;
    self->params = params;
    PYR_TRY(pyr_resolve_table(execution, &parsed->table, &self->table, error));
    if (parsed->returning.text != NULL && pyr_table_has_generated(self->table)) {
        return pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "0A000",
                                 (int32_t)parsed->returning.offset,
                                 "RETURNING of a MERGE into a table with generated columns is not "
                                 "supported by this version");
    }
    self->target = parsed->alias != NULL ? parsed->alias : self->table->name;
    find_source_name(self);
    PYR_TRY(find_source_columns(self, error));
    PYR_TRY(check_clauses(self, error));
    return pyr_returning_create(execution, parsed, self->table, params, &self->returning, error);
}

static void merge_deinit(merge *self) {
    pyr_row_writer_destroy(self->writer);
    pyr_returning_destroy(self->returning);
    pyr_changed_rows_deinit(&self->rows);
}

static pyr_status run_query(merge *self, pyr_error *error) {
    pyr_made_text made;
    pyr_bound bound;
    int32_t count = self->table->schema->fields_count;
    PYR_TRY(pyr_columns_from(&self->execution->arena, FIRST_VALUE, count, &self->map, error));
    self->map[count] = FIRST_VALUE + count + 1; /* the action's name */
    pyr_status status = bind_query(self, &made, &bound, error);
    if (status == PYR_OK) {
        status = pyr_bound_each(self->execution, &bound, width_of(self), take_batch, self, error);
    }
    pyr_bound_deinit(&bound);
    pyr_made_deinit(&made);
    return status;
}

/* Which of two values a row should get nobody could say. */
static pyr_status delete_gone(merge *self, pyr_error *error) {
    int64_t rows = 0;
    PYR_TRY(pyr_changed_rows_delete(&self->rows, &rows, error));
    return rows == self->rows.taken
               ? PYR_OK
               : pyr_error_set_sql(error, PYR_ERROR_SQL, "21000",
                                   (int32_t)self->parsed->merge.source.offset,
                                   "MERGE: %" PRId64 " rows of table \"%s\" are to be changed by "
                                   "more than one row of the source",
                                   self->rows.taken - rows, self->table->name);
}

static pyr_status apply(merge *self, pyr_error *error) {
    const pyr_row_writer_options options = {.change = self->change, .hold = true};
    PYR_TRY(pyr_row_writer_create(self->execution, self->table, &options, &self->writer, error));
    PYR_TRY(run_query(self, error));
    PYR_TRY(delete_gone(self, error));
    PYR_TRY(pyr_row_writer_flush(self->writer, error));
    PYR_TRY(pyr_returning_evaluate(self->returning, error));
    return pyr_row_writer_commit(self->writer, NULL, error);
}

pyr_status pyr_run_merge(pyr_execution *execution, const pyr_parsed *parsed, pyr_batch *params,
                         pyr_result *out, pyr_error *error) {
    PYR_TRY(pyr_check_writable(execution, "MERGE", error));
    merge self;
    pyr_own_change own = {0};
    pyr_status status = merge_begin(&self, execution, parsed, params, error);
    if (status == PYR_OK) {
        status = pyr_registry_ready(execution, self.table, error);
    }
    if (status == PYR_OK) {
        status = pyr_own_change_begin(execution, &own, error);
    }
    if (status == PYR_OK) {
        self.change = own.change;
        pyr_changed_rows_init(&self.rows, self.table, self.change);
        status = apply(&self, error);
    }
    if (status == PYR_OK) {
        status = pyr_own_change_commit(&own, self.table, error);
    }
    if (status == PYR_OK) {
        out->rows_changed = self.affected;
        status = self.returning != NULL
                     ? pyr_returning_give(self.returning, out, error)
                     : pyr_result_message(out, error, "MERGE %" PRId64, self.affected);
    }
    merge_deinit(&self);
    pyr_own_change_deinit(&own);
    return status;
}

pyr_status pyr_check_merge(pyr_execution *execution, const pyr_parsed *parsed, pyr_schema **schema,
                           pyr_schema **parameters, pyr_error *error) {
    merge self;
    pyr_made_text made;
    pyr_bound bound = {0};
    *schema = NULL;
    *parameters = NULL;
    pyr_status status = merge_begin(&self, execution, parsed, NULL, error);
    if (status == PYR_OK) {
        status = pyr_returning_describe(self.returning, schema, parameters, error);
    }
    if (status == PYR_OK) {
        status = bind_query(&self, &made, &bound, error);
        pyr_made_deinit(&made);
    }
    if (status == PYR_OK) {
        status = pyr_check_width(bound.prepared->schema, width_of(&self), error);
    }
    if (status == PYR_OK) {
        status = pyr_parameters_merge(parameters, bound.prepared->parameters, error);
    }
    pyr_bound_deinit(&bound);
    merge_deinit(&self);
    return status;
}
