/* change_rows.c - DELETE, UPDATE, TRUNCATE: a query over pyr_scan_rows finds the rows and their new
 * values; rows become deletion bitmaps, values are appended, both in one change.
 */
#include "arrow/cast.h"
#include "session/session_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- Row numbers to bitmaps. ---- */

typedef struct segment_rows {
    uint64_t number;
    pyr_row_bitmap_builder *builder;
} segment_rows;

typedef struct changed_rows {
    segment_rows *segments;
    size_t count, capacity;
} changed_rows;

static void changed_rows_deinit(changed_rows *self) {
    for (size_t i = 0; i < self->count; ++i) {
        pyr_row_bitmap_builder_destroy(self->segments[i].builder);
    }
    free(self->segments);
}

/* Row numbers come segment after segment: the last one used is found at once. */
static pyr_status builder_of(changed_rows *self, uint64_t number, pyr_row_bitmap_builder **out,
                             pyr_error *error) {
    for (size_t i = self->count; i > 0; --i) {
        if (self->segments[i - 1].number == number) {
            *out = self->segments[i - 1].builder;
            return PYR_OK;
        }
    }
    if (self->count == self->capacity) {
        size_t wanted = self->capacity > 0 ? self->capacity * 2 : 8;
        segment_rows *grown = realloc(self->segments, wanted * sizeof(*grown));
        if (grown == NULL) {
            return pyr_error_memory(error, wanted * sizeof(*grown));
        }
        self->segments = grown;
        self->capacity = wanted;
    }
    PYR_TRY(pyr_row_bitmap_builder_create(NULL, out, error));
    self->segments[self->count++] = (segment_rows){number, *out};
    return PYR_OK;
}

static pyr_status take_rowids(changed_rows *self, const pyr_array *rowids, pyr_error *error) {
    for (int64_t i = 0; i < rowids->length; ++i) {
        uint64_t rowid = (uint64_t)pyr_array_int64(rowids, i);
        int64_t row = (int64_t)(rowid & UINT32_MAX);
        pyr_row_bitmap_builder *builder = NULL;
        PYR_TRY(builder_of(self, rowid >> 32, &builder, error));
        PYR_TRY(pyr_row_bitmap_builder_rows(builder, &row, 1, error));
    }
    return PYR_OK;
}

/* What was collected becomes the change's; *rows: how many rows that are. */
static pyr_status delete_collected(changed_rows *self, pyr_change *change, const pyr_table *table,
                                   int64_t *rows, pyr_error *error) {
    *rows = 0;
    for (size_t i = 0; i < self->count; ++i) {
        pyr_row_bitmap *bitmap = NULL;
        PYR_TRY(pyr_row_bitmap_builder_finish(self->segments[i].builder, &bitmap, error));
        *rows += pyr_row_bitmap_cardinality(bitmap);
        pyr_status status =
            pyr_change_delete(change, table, self->segments[i].number, bitmap, error);
        pyr_row_bitmap_release(bitmap);
        PYR_TRY(status);
    }
    return PYR_OK;
}

/* ---- DELETE of everything: needs no query. ---- */

static pyr_status collect_all(changed_rows *self, const pyr_table *table, pyr_error *error) {
    for (size_t i = 0; i < table->segments_count; ++i) {
        const pyr_segment_info *info = pyr_segment_get_info(table->segments[i]);
        pyr_row_bitmap_builder *builder = NULL;
        pyr_row_bitmap_kept kept;
        int64_t start;
        int64_t length;
        PYR_TRY(builder_of(self, info->number, &builder, error));
        pyr_row_bitmap_kept_init(&kept, pyr_table_deleted(table, i), 0, info->rows);
        while (pyr_row_bitmap_kept_next(&kept, &start, &length)) {
            PYR_TRY(pyr_row_bitmap_builder_range(builder, start, start + length, error));
        }
    }
    return PYR_OK;
}

/* ---- The queries. ---- */

/* Where the user's own texts stand in the text made of them, for carets. */
enum { SPANS_MAX = 256 };
typedef struct made_text {
    pyr_text text;
    size_t count;
    struct {
        size_t from, length, origin;
    } spans[SPANS_MAX];
} made_text;

static void add_span(made_text *to, const pyr_span *span) {
    if (to->count < SPANS_MAX) {
        to->spans[to->count].from = to->text.length;
        to->spans[to->count].length = span->length;
        to->spans[to->count++].origin = span->offset;
    }
    pyr_text_append(&to->text, span->text, span->length);
}

static void move_position(const made_text *made, pyr_error *error) {
    if (error == NULL || error->position < 0) {
        return;
    }
    size_t position = (size_t)error->position;
    error->position = -1;
    for (size_t i = 0; i < made->count; ++i) {
        if (position >= made->spans[i].from &&
            position <= made->spans[i].from + made->spans[i].length) {
            error->position = (int32_t)(position - made->spans[i].from + made->spans[i].origin);
        }
    }
}

static void add_source(made_text *to, const pyr_table *table, const char *alias,
                       const pyr_parsed *parsed) {
    pyr_text_add(&to->text, " FROM pyr_scan_rows(");
    pyr_sql_quote_string(table->schema_name, &to->text);
    pyr_text_add(&to->text, ", ");
    pyr_sql_quote_string(table->name, &to->text);
    pyr_text_add(&to->text, ") AS ");
    pyr_sql_quote_name(alias, &to->text);
    if (parsed->from.text != NULL) {
        pyr_text_add(&to->text, ", ");
        add_span(to, &parsed->from);
    }
    if (parsed->where.text != NULL) {
        pyr_text_add(&to->text, "\nWHERE (");
        add_span(to, &parsed->where);
        pyr_text_add(&to->text, "\n)");
    }
}

static void add_rowid(made_text *to, const char *alias, bool distinct) {
    pyr_text_add(&to->text, "SELECT ");
    /* A row that the other tables match more than once changes once. */
    if (distinct) {
        pyr_text_add(&to->text, "DISTINCT ON (");
        pyr_sql_quote_name(alias, &to->text);
        pyr_text_add(&to->text, "." PYR_ROWID_COLUMN ") ");
    }
    pyr_sql_quote_name(alias, &to->text);
    pyr_text_add(&to->text, "." PYR_ROWID_COLUMN);
}

static const pyr_assignment *assignment_of(const pyr_parsed *parsed, const char *column) {
    for (size_t i = 0; i < parsed->assignments_count; ++i) {
        if (strcasecmp(parsed->assignments[i].column, column) == 0) {
            return &parsed->assignments[i];
        }
    }
    return NULL;
}

static pyr_status check_assignments(const pyr_parsed *parsed, const pyr_table *table,
                                    pyr_error *error) {
    for (size_t i = 0; i < parsed->assignments_count; ++i) {
        const pyr_assignment *assignment = &parsed->assignments[i];
        if (pyr_schema_find(table->schema, assignment->column, true) < 0) {
            return pyr_error_set_sql(error, PYR_ERROR_SQL, "42703", (int32_t)assignment->offset,
                                     "table \"%s\" has no column \"%s\"", table->name,
                                     assignment->column);
        }
        if (assignment_of(parsed, assignment->column) != assignment) {
            return pyr_error_set_sql(error, PYR_ERROR_SQL, "42701", (int32_t)assignment->offset,
                                     "column \"%s\" is set twice", assignment->column);
        }
    }
    return PYR_OK;
}

/* The assigned values in the statement's order, so that each ? keeps its number; then the columns
 * that stay as they are. map_values says where each column's value stands. */
static void add_new_values(made_text *to, const pyr_table *table, const char *alias,
                           const pyr_parsed *parsed) {
    const pyr_schema *schema = table->schema;
    for (size_t i = 0; i < parsed->assignments_count; ++i) {
        const pyr_assignment *assignment = &parsed->assignments[i];
        int32_t column = pyr_schema_find(schema, assignment->column, true);
        if (assignment->is_default) {
            pyr_text_add(&to->text, ", NULL");
            continue;
        }
        pyr_text_add(&to->text, ", CAST((");
        add_span(to, &assignment->value);
        pyr_text_add(&to->text, "\n) AS ");
        pyr_sql_type_print(schema->fields[column], &to->text); /* check_assignments found it */
        pyr_text_add_char(&to->text, ')');
    }
    for (int32_t i = 0; i < schema->fields_count; ++i) {
        if (assignment_of(parsed, schema->fields[i]->name) == NULL) {
            pyr_text_add(&to->text, ", ");
            pyr_sql_quote_name(alias, &to->text);
            pyr_text_add_char(&to->text, '.');
            pyr_sql_quote_name(schema->fields[i]->name, &to->text);
        }
    }
}

static void map_values(const pyr_table *table, const pyr_parsed *parsed, int32_t *map) {
    int32_t kept =
        1 + (int32_t)parsed->assignments_count; /* behind the row number and the values */
    for (int32_t i = 0; i < table->schema->fields_count; ++i) {
        const pyr_assignment *assignment = assignment_of(parsed, table->schema->fields[i]->name);
        map[i] = assignment != NULL ? 1 + (int32_t)(assignment - parsed->assignments) : kept++;
    }
}

/* ---- Running. ---- */

typedef struct row_change {
    pyr_execution *execution;
    pyr_table *table; /* borrowed from the execution's snapshot */
    pyr_change *change;
    pyr_appender *appender; /* of an UPDATE */
    changed_rows rows;
    pyr_schema *parameters; /* found by bind_made_text; retained */
} row_change;

static pyr_status take_batch(row_change *self, pyr_batch *batch, const int32_t *map,
                             pyr_error *error) {
    pyr_execution *execution = self->execution;
    pyr_batch *dense = NULL;
    pyr_batch *values = NULL;
    PYR_TRY(pyr_batch_dense(batch, &execution->ledger, execution->budget, &dense, error));
    pyr_status status = take_rowids(&self->rows, dense->columns[0], error);
    if (status == PYR_OK && self->appender != NULL) {
        status = pyr_batch_cast(dense, self->table->schema, map, &execution->ledger,
                                execution->budget, &values, error);
    }
    if (status == PYR_OK && self->appender != NULL) {
        status = pyr_appender_batch(self->appender, values, error);
    }
    pyr_batch_release(values);
    pyr_batch_release(dense);
    return status;
}

static pyr_status take_stream(row_change *self, const pyr_parsed *parsed, pyr_stream *stream,
                              pyr_error *error) {
    int32_t count = self->table->schema->fields_count;
    int32_t *map = pyr_arena_array(&self->execution->arena, (size_t)count + 1, sizeof(*map));
    if (map == NULL) {
        return pyr_arena_error(&self->execution->arena, error);
    }
    map_values(self->table, parsed, map);
    for (;;) {
        pyr_batch *batch = NULL;
        PYR_TRY(pyr_stream_next(stream, &batch, error));
        if (batch == NULL) {
            return PYR_OK;
        }
        pyr_status status = take_batch(self, batch, map, error);
        pyr_batch_release(batch);
        PYR_TRY(status);
    }
}

/* Brackets keep an expression one; (*) in them is still many columns. */
static pyr_status check_width(const row_change *self, const pyr_parsed *parsed,
                              const pyr_schema *schema, pyr_error *error) {
    int32_t wanted =
        1 + (parsed->kind == PYR_PARSED_UPDATE ? self->table->schema->fields_count : 0);
    return schema->fields_count == wanted
               ? PYR_OK
               : pyr_error_set_sql(error, PYR_ERROR_SQL, "42601", -1,
                                   "an assigned expression has more than one value");
}

static pyr_status run_made_text(row_change *self, const pyr_parsed *parsed, const pyr_span *text,
                                pyr_batch *params, pyr_error *error) {
    pyr_result result = {0};
    pyr_status status = pyr_run_query(self->execution, text, params, &result, error);
    if (status == PYR_OK) {
        status = check_width(self, parsed, result.stream->schema, error);
    }
    if (status == PYR_OK) {
        status = take_stream(self, parsed, result.stream, error);
    }
    pyr_stream_destroy(result.stream);
    return status;
}

/* Gives the query to use, with the errors' places in the user's text. */
static pyr_status with_made_text(row_change *self, const pyr_parsed *parsed,
                                 pyr_status (*use)(row_change *self, const pyr_parsed *parsed,
                                                   const pyr_span *text, pyr_batch *params,
                                                   pyr_error *error),
                                 pyr_batch *params, pyr_error *error) {
    bool update = parsed->kind == PYR_PARSED_UPDATE;
    made_text *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return pyr_error_memory(error, sizeof(*made));
    }
    const char *alias = parsed->alias != NULL ? parsed->alias : self->table->name;
    pyr_text_init(&made->text);
    add_rowid(made, alias, update && parsed->from.text != NULL);
    if (update) {
        add_new_values(made, self->table, alias, parsed);
    }
    add_source(made, self->table, alias, parsed);
    pyr_status status = pyr_text_check(&made->text, error);
    if (status == PYR_OK) {
        const pyr_span text = {pyr_text_get(&made->text), made->text.length, 0};
        status = use(self, parsed, &text, params, error);
        if (status != PYR_OK) {
            move_position(made, error);
        }
    }
    pyr_text_deinit(&made->text);
    free(made);
    return status;
}

static bool takes_all(const pyr_parsed *parsed) {
    return parsed->kind != PYR_PARSED_UPDATE && parsed->where.text == NULL &&
           parsed->from.text == NULL;
}

static pyr_status find_rows(row_change *self, const pyr_parsed *parsed, pyr_batch *params,
                            pyr_error *error) {
    return takes_all(parsed) ? collect_all(&self->rows, self->table, error)
                             : with_made_text(self, parsed, run_made_text, params, error);
}

static pyr_status open_appender(row_change *self, pyr_error *error) {
    pyr_appender_options options = {.change = self->change};
    return pyr_appender_create(self->execution->connection->db->catalog, self->table->schema_name,
                               self->table->name, self->table->schema, &options,
                               &self->execution->ledger, &self->appender, error);
}

/* The rows found are deleted first: what is appended is not among them. */
static pyr_status apply(row_change *self, const pyr_parsed *parsed, pyr_batch *params,
                        int64_t *rows, pyr_error *error) {
    if (parsed->kind == PYR_PARSED_UPDATE) {
        PYR_TRY(check_assignments(parsed, self->table, error));
        PYR_TRY(open_appender(self, error));
    }
    PYR_TRY(find_rows(self, parsed, params, error));
    PYR_TRY(delete_collected(&self->rows, self->change, self->table, rows, error));
    return self->appender != NULL ? pyr_appender_commit(self->appender, NULL, error) : PYR_OK;
}

static pyr_status bind_made_text(row_change *self, const pyr_parsed *parsed, const pyr_span *text,
                                 pyr_batch *params, pyr_error *error) {
    char *sql = pyr_arena_strndup(&self->execution->arena, text->text, text->length);
    if (sql == NULL) {
        return pyr_arena_error(&self->execution->arena, error);
    }
    pyr_bound bound;
    PYR_TRY(pyr_bound_prepare(self->execution, sql, text->length, params, &bound, error));
    pyr_status status = bound.prepared->schema != NULL
                            ? check_width(self, parsed, bound.prepared->schema, error)
                            : PYR_OK;
    if (status == PYR_OK && bound.prepared->parameters != NULL) {
        self->parameters = pyr_schema_retain(bound.prepared->parameters);
    }
    pyr_bound_deinit(&bound);
    return status;
}

pyr_status pyr_check_change_rows(pyr_execution *execution, const pyr_parsed *parsed,
                                 pyr_schema **parameters, pyr_error *error) {
    *parameters = NULL;
    row_change self = {.execution = execution};
    PYR_TRY(pyr_resolve_table(execution, &parsed->table, &self.table, error));
    PYR_TRY(check_assignments(parsed, self.table, error));
    if (!takes_all(parsed)) {
        PYR_TRY(with_made_text(&self, parsed, bind_made_text, NULL, error));
    }
    *parameters = self.parameters;
    return PYR_OK;
}

pyr_status pyr_run_change_rows(pyr_execution *execution, const pyr_parsed *parsed,
                               pyr_batch *params, pyr_result *out, pyr_error *error) {
    const char *what = parsed->kind == PYR_PARSED_UPDATE     ? "UPDATE"
                       : parsed->kind == PYR_PARSED_TRUNCATE ? "TRUNCATE"
                                                             : "DELETE";
    PYR_TRY(pyr_check_writable(execution, what, error));
    if (parsed->returning) {
        return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                             "%s: RETURNING is not supported by this version", what);
    }
    row_change self = {.execution = execution};
    PYR_TRY(pyr_resolve_table(execution, &parsed->table, &self.table, error));
    pyr_change *own = NULL;
    if (execution->change == NULL) {
        PYR_TRY(pyr_change_create(execution->connection->db->catalog, execution->snapshot, &own,
                                  error));
    }
    self.change = own != NULL ? own : execution->change;
    int64_t rows = 0;
    pyr_status status = apply(&self, parsed, params, &rows, error);
    if (status == PYR_OK && own != NULL) {
        const char *sync = pyr_table_get_option(self.table, "sync");
        status = pyr_change_commit(own, sync == NULL || strcasecmp(sync, "none") != 0, error);
    }
    if (status == PYR_OK) {
        out->rows_changed = rows;
        status = pyr_result_message(out, error, "%s %lld", what, (long long)rows);
    }
    pyr_appender_destroy(self.appender);
    changed_rows_deinit(&self.rows);
    pyr_change_destroy(own);
    return status;
}
