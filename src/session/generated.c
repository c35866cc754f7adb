/* generated.c - generated columns: computed by an engine from the other columns of their row when
 * it is written, and kept with it. See rows.h.
 *
 * The query has a level for each: SELECT *, CAST((e2) AS T2) AS g2 FROM (SELECT *, CAST((e1) AS T1)
 * AS g1 FROM (SELECT the plain columns FROM rows) AS t) AS t, in an order in which each finds the
 * ones it needs.
 */
#include "arrow/cast.h"
#include "session/rows.h"
#include "sql/lexer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A column of the table, for both CREATE TABLE and rows. */
typedef struct one_column {
    const char *name;
    pyr_span expression; /* text NULL: a plain one */
    const pyr_field *field;
} one_column;

typedef struct columns {
    const char *table; /* the name it has inside of expressions */
    one_column *items;
    int32_t count;
    int32_t *order; /* the generated ones: each behind those it needs */
    int32_t generated;
} columns;

static pyr_status columns_init(columns *self, pyr_arena *arena, const char *table, int32_t count,
                               pyr_error *error) {
    *self = (columns){.table = table, .count = count};
    self->items = pyr_arena_array(arena, (size_t)count + 1, sizeof(*self->items));
    self->order = pyr_arena_array(arena, (size_t)count + 1, sizeof(*self->order));
    return self->items != NULL && self->order != NULL ? PYR_OK : pyr_arena_error(arena, error);
}

/* ---- Order. ---- */

/* Whether an expression mentions a name. One that is something else there (a function's) makes no
 * harm but in a circle. */
static bool mentions(const pyr_span *expression, const char *name) {
    pyr_lexer lexer = pyr_lexer_over(expression->text, expression->length);
    for (pyr_token token = pyr_lexer_next(&lexer); token.kind != PYR_TOKEN_END;
         token = pyr_lexer_next(&lexer)) {
        if (pyr_token_names(&token, name)) {
            return true;
        }
    }
    return false;
}

static bool is_ready(const columns *self, int32_t index, const bool *placed) {
    for (int32_t i = 0; i < self->count; ++i) {
        if (self->items[i].expression.text != NULL && !placed[i] &&
            mentions(&self->items[index].expression, self->items[i].name)) {
            return false;
        }
    }
    return true;
}

static pyr_status find_order(columns *self, pyr_error *error) {
    bool *placed = calloc((size_t)self->count + 1, sizeof(*placed));
    int32_t left = 0;
    if (placed == NULL) {
        return pyr_error_memory(error, (size_t)self->count);
    }
    for (int32_t i = 0; i < self->count; ++i) {
        left += self->items[i].expression.text != NULL;
    }
    pyr_status status = PYR_OK;
    while (status == PYR_OK && left > 0) {
        int32_t before = left;
        for (int32_t i = 0; i < self->count; ++i) {
            if (self->items[i].expression.text != NULL && !placed[i] && is_ready(self, i, placed)) {
                placed[i] = true;
                self->order[self->generated++] = i;
                --left;
            }
        }
        if (left == before) {
            status = pyr_error_set_sql(error, PYR_ERROR_SQL, "42P17", -1,
                                       "table \"%s\": generated columns depend on each other in a "
                                       "circle",
                                       self->table);
        }
    }
    free(placed);
    return status;
}

/* ---- Texts. ---- */

/* FROM the levels of the first `levels` generated columns. */
static void add_levels(pyr_made_text *made, const columns *self, int32_t levels) {
    for (int32_t i = levels - 1; i >= 0; --i) {
        const one_column *generated = &self->items[self->order[i]];
        pyr_made_add(made, "(SELECT *, CAST((");
        pyr_made_add_span(made, &generated->expression);
        pyr_made_add(made, "\n) AS ");
        pyr_sql_type_print(generated->field, &made->text);
        pyr_made_add(made, ") AS ");
        pyr_made_add_name(made, generated->name);
        pyr_made_add(made, " FROM ");
    }
    pyr_made_add(made, "(SELECT ");
    bool any = false;
    for (int32_t i = 0; i < self->count; ++i) {
        if (self->items[i].expression.text == NULL) {
            pyr_made_add(made, any ? ", " : "");
            pyr_made_add_name(made, self->items[i].name);
            any = true;
        }
    }
    pyr_made_add(made, " FROM " PYR_STAGED_TABLE ") AS ");
    pyr_made_add_name(made, self->table);
    for (int32_t i = 0; i < levels; ++i) {
        pyr_made_add(made, ") AS ");
        pyr_made_add_name(made, self->table);
    }
}

/* ---- CREATE TABLE. ---- */

static pyr_status bind_expression(pyr_execution *execution, const pyr_parsed *parsed,
                                  const columns *self, int32_t level, bool as_condition,
                                  pyr_field **field, pyr_error *error) {
    const one_column *generated = &self->items[self->order[level]];
    pyr_made_text made;
    pyr_bound bound;
    pyr_made_init(&made, &parsed->text);
    pyr_made_add(&made, as_condition ? "SELECT 1 FROM " : "SELECT (");
    if (!as_condition) {
        pyr_made_add_span(&made, &generated->expression);
        pyr_made_add(&made, "\n) FROM ");
    }
    add_levels(&made, self, level);
    if (as_condition) {
        pyr_made_add(&made, " WHERE ((");
        pyr_made_add_span(&made, &generated->expression);
        pyr_made_add(&made, "\n) IS NULL)");
    }
    pyr_status status = pyr_made_bind(execution, &made, NULL, &bound, error);
    if (status == PYR_OK && !as_condition &&
        (bound.prepared->schema == NULL || bound.prepared->schema->fields_count != 1)) {
        status =
            pyr_error_set_sql(error, PYR_ERROR_SQL, "42601", (int32_t)generated->expression.offset,
                              "a generated column is one expression");
    }
    if (status == PYR_OK && !as_condition) {
        status = pyr_field_with(bound.prepared->schema->fields[0], generated->name, true,
                                bound.prepared->schema->fields[0]->metadata, field, error);
    }
    pyr_bound_deinit(&bound);
    pyr_made_deinit(&made);
    if (status != PYR_OK && error != NULL && error->position < 0) {
        error->position = (int32_t)generated->expression.offset;
    }
    return status;
}

static pyr_status set_type(pyr_execution *execution, pyr_column_definition *definition,
                           pyr_field *field, pyr_error *error) {
    pyr_text text;
    pyr_text_init(&text);
    pyr_sql_type_print(field, &text);
    pyr_status status = pyr_text_check(&text, error);
    if (status == PYR_OK) {
        definition->sql_type = pyr_arena_strdup(&execution->arena, pyr_text_get(&text));
        status = definition->sql_type != NULL ? PYR_OK : pyr_arena_error(&execution->arena, error);
    }
    if (status == PYR_OK) {
        definition->field = pyr_field_retain(field);
    }
    pyr_text_deinit(&text);
    return status;
}

static pyr_status resolve_one(pyr_execution *execution, const pyr_parsed *parsed, columns *self,
                              int32_t level, pyr_error *error) {
    int32_t index = self->order[level];
    pyr_column_definition *definition = &parsed->columns[index];
    pyr_field *field = NULL;
    PYR_TRY(pyr_constraint_check_tokens(&definition->generated, "a generated column", error));
    if (pyr_constraint_names_table(parsed, &definition->generated)) {
        return pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "0A000",
                                 (int32_t)definition->generated.offset,
                                 "a generated column names columns without their table, which may "
                                 "be renamed");
    }
    PYR_TRY(bind_expression(execution, parsed, self, level, true, NULL, error));
    PYR_TRY(bind_expression(execution, parsed, self, level, false, &field, error));
    pyr_status status =
        definition->field == NULL ? set_type(execution, definition, field, error) : PYR_OK;
    pyr_field_release(field);
    self->items[index].field = definition->field;
    return status;
}

/* The plain columns as a table without rows. */
static pyr_status stage_plain(pyr_execution *execution, const pyr_parsed *parsed,
                              pyr_staged *staged, pyr_error *error) {
    pyr_field **fields = calloc(parsed->columns_count + 1, sizeof(*fields));
    pyr_schema *schema = NULL;
    int32_t count = 0;
    if (fields == NULL) {
        return pyr_error_memory(error, parsed->columns_count * sizeof(*fields));
    }
    for (size_t i = 0; i < parsed->columns_count; ++i) {
        if (parsed->columns[i].generated.text == NULL) {
            fields[count++] = parsed->columns[i].field; /* borrowed */
        }
    }
    pyr_status status = pyr_schema_create(fields, count, NULL, &schema, error);
    if (status == PYR_OK) {
        status = pyr_staged_init(staged, execution, schema, error);
    }
    if (status == PYR_OK) {
        status = pyr_staged_show(staged, error);
    }
    pyr_schema_release(schema);
    free(fields);
    return status;
}

pyr_status pyr_generated_resolve(pyr_execution *execution, const pyr_parsed *parsed,
                                 pyr_error *error) {
    columns self;
    pyr_staged none = {0};
    PYR_TRY(columns_init(&self, &execution->arena, parsed->table.name,
                         (int32_t)parsed->columns_count, error));
    for (int32_t i = 0; i < self.count; ++i) {
        self.items[i] = (one_column){parsed->columns[i].name, parsed->columns[i].generated,
                                     parsed->columns[i].field};
    }
    PYR_TRY(find_order(&self, error));
    if (self.generated == 0) {
        return PYR_OK;
    }
    pyr_status status = stage_plain(execution, parsed, &none, error);
    for (int32_t i = 0; status == PYR_OK && i < self.generated; ++i) {
        status = resolve_one(execution, parsed, &self, i, error);
    }
    pyr_staged_deinit(&none);
    return status;
}

/* ---- Rows. ---- */

const char *pyr_table_generated(const pyr_table *table, int32_t column) {
    return table->constraints != NULL ? table->constraints->generated[column] : NULL;
}

bool pyr_table_has_generated(const pyr_table *table) {
    for (int32_t i = 0; table->constraints != NULL && i < table->schema->fields_count; ++i) {
        if (table->constraints->generated[i] != NULL) {
            return true;
        }
    }
    return false;
}

pyr_status pyr_generated_given(const pyr_table *table, int32_t column, int32_t offset,
                               pyr_error *error) {
    return pyr_error_set_sql(
        error, PYR_ERROR_SQL, "428C9", offset,
        "table \"%s\": column \"%s\" is generated, no value can be given to it", table->name,
        table->schema->fields[column]->name);
}

typedef struct computed {
    pyr_execution *execution;
    const pyr_table *table;
    int32_t *identity;
    pyr_kept_batches *out;
} computed;

/* Casts what the query gives to the table's own types. */
static pyr_status take_batch(void *context, pyr_batch *batch, pyr_error *error) {
    computed *self = context;
    pyr_execution *execution = self->execution;
    pyr_batch *cast = NULL;
    PYR_TRY(pyr_batch_cast(batch, self->table->schema, self->identity, &execution->ledger,
                           execution->budget, &cast, error));
    pyr_status status = pyr_kept_batches_add(self->out, cast, error);
    pyr_batch_release(cast);
    return status;
}

static pyr_status make_query(pyr_execution *execution, const pyr_table *table, pyr_made_text *made,
                             pyr_error *error) {
    columns self;
    pyr_arena *arena = &execution->arena;
    int32_t count = table->schema->fields_count;
    PYR_TRY(columns_init(&self, arena, table->name, count, error));
    for (int32_t i = 0; i < count; ++i) {
        const char *text = pyr_table_generated(table, i);
        self.items[i] = (one_column){table->schema->fields[i]->name,
                                     {text, text != NULL ? strlen(text) : 0, 0},
                                     table->schema->fields[i]};
    }
    PYR_TRY(find_order(&self, error));
    pyr_made_add(made, "SELECT ");
    for (int32_t i = 0; i < count; ++i) {
        pyr_made_add(made, i > 0 ? ", " : "");
        pyr_made_add_name(made, self.items[i].name);
    }
    pyr_made_add(made, " FROM ");
    add_levels(made, &self, self.generated);
    return PYR_OK;
}

static pyr_status stage(pyr_execution *execution, const pyr_table *table, pyr_batch *const *batches,
                        size_t count, pyr_staged *staged, pyr_error *error) {
    PYR_TRY(pyr_staged_init(staged, execution, table->schema, error));
    for (size_t i = 0; i < count; ++i) {
        PYR_TRY(pyr_staged_add(staged, batches[i], error));
    }
    return pyr_staged_show(staged, error);
}

pyr_status pyr_generated_compute(pyr_execution *execution, const pyr_table *table,
                                 pyr_batch *const *batches, size_t count, pyr_kept_batches *out,
                                 pyr_error *error) {
    static const pyr_span nowhere = {0};
    pyr_made_text made;
    pyr_staged staged = {0};
    computed self = {.execution = execution, .table = table, .out = out};
    int32_t width = table->schema->fields_count;
    int64_t rows = atomic_load(&execution->ledger.rows);
    PYR_TRY(pyr_columns_from(&execution->arena, 0, width, &self.identity, error));
    pyr_made_init(&made, &nowhere);
    pyr_status status = make_query(execution, table, &made, error);
    if (status == PYR_OK) {
        status = stage(execution, table, batches, count, &staged, error);
    }
    if (status == PYR_OK) {
        status = pyr_made_each(execution, &made, NULL, width, take_batch, &self, error);
    }
    pyr_staged_deinit(&staged);
    pyr_made_deinit(&made);
    atomic_store(&execution->ledger.rows, rows);
    return status;
}
