/* change_rows.c - DELETE, UPDATE, TRUNCATE: a query over pyr_scan_rows finds the rows and their new
 * values; rows become deletion bitmaps, values are appended, both in one change.
 */
#include "arrow/cast.h"
#include "session/model_registry.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- The queries. ---- */

static void add_tables(pyr_made_text *to, const pyr_table *table, const char *alias,
                       const pyr_parsed *parsed) {
    pyr_made_add(to, " FROM pyr_scan_rows(");
    pyr_sql_quote_string(table->schema_name, &to->text);
    pyr_made_add(to, ", ");
    pyr_sql_quote_string(table->name, &to->text);
    pyr_made_add(to, ") AS ");
    pyr_made_add_name(to, alias);
    if (parsed->from.text != NULL) {
        pyr_made_add(to, ", ");
        pyr_made_add_span(to, &parsed->from);
    }
    if (parsed->where.text != NULL) {
        pyr_made_add(to, "\nWHERE (");
        pyr_made_add_span(to, &parsed->where);
        pyr_made_add(to, "\n)");
    }
}

static void add_column(pyr_made_text *to, const char *alias, const char *column) {
    pyr_made_add_name(to, alias);
    pyr_made_add(to, ".");
    pyr_made_add_name(to, column);
}

static void add_rowid(pyr_made_text *to, const char *alias, bool distinct) {
    pyr_made_add(to, "SELECT ");
    /* A row that the other tables match more than once changes once. */
    if (distinct) {
        pyr_made_add(to, "DISTINCT ON (");
        add_column(to, alias, PYR_ROWID_COLUMN);
        pyr_made_add(to, ") ");
    }
    add_column(to, alias, PYR_ROWID_COLUMN);
}

const pyr_assignment *pyr_assignment_of(const pyr_assignments *assignments, const char *column) {
    for (size_t i = 0; i < assignments->count; ++i) {
        if (strcasecmp(assignments->items[i].column, column) == 0) {
            return &assignments->items[i];
        }
    }
    return NULL;
}

pyr_status pyr_check_assignments(const pyr_assignments *assignments, const pyr_table *table,
                                 pyr_error *error) {
    for (size_t i = 0; i < assignments->count; ++i) {
        const pyr_assignment *assignment = &assignments->items[i];
        if (pyr_schema_find(table->schema, assignment->column, true) < 0) {
            return pyr_error_set_sql(error, PYR_ERROR_SQL, "42703", (int32_t)assignment->offset,
                                     "table \"%s\" has no column \"%s\"", table->name,
                                     assignment->column);
        }
        int32_t column = pyr_schema_find(table->schema, assignment->column, true);
        if (pyr_table_generated(table, column) != NULL) {
            return pyr_generated_given(table, column, (int32_t)assignment->offset, error);
        }
        if (pyr_registry_is_seen(table)) {
            PYR_TRY(pyr_registry_check_assigned(column, (int32_t)assignment->offset, error));
        }
        if (pyr_assignment_of(assignments, assignment->column) != assignment) {
            return pyr_error_set_sql(error, PYR_ERROR_SQL, "42701", (int32_t)assignment->offset,
                                     "column \"%s\" is set twice", assignment->column);
        }
    }
    return PYR_OK;
}

void pyr_made_add_assigned(pyr_made_text *made, const pyr_assignment *assignment,
                           const pyr_table *table, int32_t column) {
    if (assignment->is_default) {
        pyr_default_print(table, column, &made->text);
        return;
    }
    pyr_made_add(made, "CAST((");
    pyr_made_add_span(made, &assignment->value);
    pyr_made_add(made, "\n) AS ");
    pyr_sql_type_print(table->schema->fields[column], &made->text);
    pyr_made_add(made, ")");
}

/* Every column: as it is to be, or as it is. */
static void add_values(pyr_made_text *to, const pyr_table *table, const char *alias,
                       const pyr_parsed *parsed) {
    for (int32_t i = 0; i < table->schema->fields_count; ++i) {
        const char *column = table->schema->fields[i]->name;
        const pyr_assignment *assignment = pyr_assignment_of(&parsed->assignments, column);
        pyr_made_add(to, ", ");
        if (assignment != NULL) {
            pyr_made_add_assigned(to, assignment, table, i);
        } else {
            add_column(to, alias, column);
        }
    }
}

/* ---- Running. ---- */

typedef struct row_change {
    pyr_execution *execution;
    const pyr_parsed *parsed;
    pyr_table *table; /* borrowed from the execution's snapshot */
    pyr_batch *params;
    pyr_change *change;
    pyr_row_writer *writer; /* of an UPDATE */
    pyr_returning *returning;
    pyr_changed_rows rows;
    int32_t *map; /* the query's columns that are the table's */
} row_change;

static bool is_update(const row_change *self) {
    return self->parsed->kind == PYR_PARSED_UPDATE;
}

/* Whether the query gives the table's columns too: behind the row's number. */
static bool gives_values(const row_change *self) {
    return is_update(self) || self->parsed->returning.text != NULL;
}

static pyr_status take_values(row_change *self, pyr_batch *dense, pyr_error *error) {
    pyr_execution *execution = self->execution;
    pyr_batch *values = NULL;
    PYR_TRY(pyr_batch_cast(dense, self->table->schema, self->map, &execution->ledger,
                           execution->budget, &values, error));
    pyr_status status = self->writer != NULL ? pyr_row_writer_batch(self->writer, values, error)
                                             : pyr_returning_batch(self->returning, values, error);
    pyr_batch_release(values);
    return status;
}

static pyr_status take_batch(void *context, pyr_batch *batch, pyr_error *error) {
    row_change *self = context;
    PYR_TRY(pyr_changed_rows_take(&self->rows, batch->columns[0], error));
    return gives_values(self) ? take_values(self, batch, error) : PYR_OK;
}

/* The row's number, and the table's columns. */
static int32_t width_of(const row_change *self) {
    return 1 + (gives_values(self) ? self->table->schema->fields_count : 0);
}

static void make_query(const row_change *self, pyr_made_text *made) {
    const pyr_parsed *parsed = self->parsed;
    const char *alias = parsed->alias != NULL ? parsed->alias : self->table->name;
    pyr_made_init(made, &parsed->text);
    pyr_made_add_with(made, parsed);
    add_rowid(made, alias, gives_values(self) && parsed->from.text != NULL);
    if (gives_values(self)) {
        add_values(made, self->table, alias, parsed);
    }
    add_tables(made, self->table, alias, parsed);
    if (is_update(self) && parsed->from.text != NULL) {
        /* A join gives rows in any order; new values follow each other as the old ones did. */
        pyr_made_add(made, "\nORDER BY ");
        add_column(made, alias, PYR_ROWID_COLUMN);
    }
}

static pyr_status run_query(row_change *self, pyr_error *error) {
    pyr_made_text made;
    PYR_TRY(pyr_columns_from(&self->execution->arena, 1, self->table->schema->fields_count,
                             &self->map, error));
    make_query(self, &made);
    pyr_status status = pyr_made_each(self->execution, &made, self->params, width_of(self),
                                      take_batch, self, error);
    pyr_made_deinit(&made);
    return status;
}

/* Without a condition and a wish for the rows no query is needed. */
static bool takes_all(const row_change *self) {
    const pyr_parsed *parsed = self->parsed;
    return !gives_values(self) && parsed->where.text == NULL && parsed->from.text == NULL &&
           parsed->with.text == NULL;
}

/* The rows found are deleted first: what is appended is not among them. */
static pyr_status apply(row_change *self, int64_t *rows, pyr_error *error) {
    PYR_TRY(pyr_check_assignments(&self->parsed->assignments, self->table, error));
    PYR_TRY(pyr_returning_create(self->execution, self->parsed, self->table, self->params,
                                 &self->returning, error));
    if (is_update(self)) {
        const pyr_row_writer_options options = {
            .change = self->change,
            .anew = pyr_assignment_of(&self->parsed->assignments, "path") != NULL,
            .hold = true};
        PYR_TRY(
            pyr_row_writer_create(self->execution, self->table, &options, &self->writer, error));
        pyr_row_writer_set_returning(self->writer, self->returning);
    }
    PYR_TRY(takes_all(self) ? pyr_changed_rows_take_all(&self->rows, error)
                            : run_query(self, error));
    PYR_TRY(pyr_changed_rows_delete(&self->rows, rows, error));
    if (self->writer != NULL) {
        PYR_TRY(pyr_row_writer_flush(self->writer, error));
    }
    PYR_TRY(pyr_returning_evaluate(self->returning, error));
    return self->writer != NULL ? pyr_row_writer_commit(self->writer, NULL, error) : PYR_OK;
}

static pyr_status bind_query(row_change *self, pyr_schema **parameters, pyr_error *error) {
    pyr_made_text made;
    pyr_bound bound;
    make_query(self, &made);
    pyr_status status = pyr_made_bind(self->execution, &made, NULL, &bound, error);
    if (status == PYR_OK) {
        status = pyr_check_width(bound.prepared->schema, width_of(self), error);
    }
    if (status == PYR_OK) {
        status = pyr_parameters_merge(parameters, bound.prepared->parameters, error);
    }
    pyr_bound_deinit(&bound);
    pyr_made_deinit(&made);
    return status;
}

pyr_status pyr_check_change_rows(pyr_execution *execution, const pyr_parsed *parsed,
                                 pyr_schema **schema, pyr_schema **parameters, pyr_error *error) {
    *schema = NULL;
    *parameters = NULL;
    row_change self = {.execution = execution, .parsed = parsed};
    PYR_TRY(pyr_resolve_table(execution, &parsed->table, &self.table, error));
    PYR_TRY(pyr_check_assignments(&parsed->assignments, self.table, error));
    pyr_status status =
        pyr_returning_create(execution, parsed, self.table, NULL, &self.returning, error);
    if (status == PYR_OK) {
        status = pyr_returning_describe(self.returning, schema, parameters, error);
    }
    if (status == PYR_OK && !takes_all(&self)) {
        status = bind_query(&self, parameters, error);
    }
    pyr_returning_destroy(self.returning);
    return status;
}

static pyr_status finish(row_change *self, pyr_own_change *own, const char *what, int64_t rows,
                         pyr_result *out, pyr_error *error) {
    PYR_TRY(pyr_own_change_commit(own, self->table, error));
    out->rows_changed = rows;
    return self->returning != NULL
               ? pyr_returning_give(self->returning, out, error)
               : pyr_result_message(out, error, "%s %lld", what, (long long)rows);
}

pyr_status pyr_run_change_rows(pyr_execution *execution, const pyr_parsed *parsed,
                               pyr_batch *params, pyr_result *out, pyr_error *error) {
    const char *what = parsed->kind == PYR_PARSED_UPDATE     ? "UPDATE"
                       : parsed->kind == PYR_PARSED_TRUNCATE ? "TRUNCATE"
                                                             : "DELETE";
    PYR_TRY(pyr_check_writable(execution, what, error));
    row_change self = {.execution = execution, .parsed = parsed, .params = params};
    PYR_TRY(pyr_resolve_table(execution, &parsed->table, &self.table, error));
    pyr_own_change own;
    PYR_TRY(pyr_own_change_begin(execution, &own, error));
    self.change = own.change;
    pyr_changed_rows_init(&self.rows, self.table, self.change);
    int64_t rows = 0;
    pyr_status status = apply(&self, &rows, error);
    if (status == PYR_OK) {
        status = finish(&self, &own, what, rows, out, error);
    }
    pyr_row_writer_destroy(self.writer);
    pyr_returning_destroy(self.returning);
    pyr_changed_rows_deinit(&self.rows);
    pyr_own_change_deinit(&own);
    return status;
}
