/* constraints.c - DEFAULT and CHECK: looked at when a table is made, and put into the texts that
 * engines run. Their expressions stay text; an engine is what understands them. */
#include "session/rows.h"
#include "sql/lexer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- CREATE TABLE. ---- */

static pyr_status refuse(const char *where, const char *what, size_t offset, pyr_error *error) {
    return pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "0A000", (int32_t)offset,
                             "%s cannot contain %s", where, what);
}

/* A constraint stands by itself for as long as the table does: it depends on no other table and on
 * no value given from outside. */
pyr_status pyr_constraint_check_tokens(const pyr_span *span, const char *where, pyr_error *error) {
    static const char *const queries[] = {
        "SELECT", "FROM",      "VALUES", "WITH",    "TABLE",       "DESCRIBE",    "DESC",
        "SHOW",   "SUMMARIZE", "PIVOT",  "UNPIVOT", "PIVOT_WIDER", "PIVOT_LONGER"};
    pyr_lexer lexer = pyr_lexer_over(span->text, span->length);
    bool opened = false;
    for (;;) {
        pyr_token token = pyr_lexer_next(&lexer);
        if (token.kind == PYR_TOKEN_END) {
            return PYR_OK;
        }
        if (token.kind == PYR_TOKEN_QUESTION || token.kind == PYR_TOKEN_PARAMETER ||
            token.kind == PYR_TOKEN_NAMED_PARAMETER) {
            return refuse(where, "parameters", span->offset + token.offset, error);
        }
        for (size_t i = 0; opened && i < sizeof(queries) / sizeof(queries[0]); ++i) {
            if (pyr_token_is_word(&token, queries[i])) {
                return refuse(where, "subqueries", span->offset + token.offset, error);
            }
        }
        opened = pyr_token_is_char(&token, '(');
    }
}

static bool is_column(const pyr_parsed *parsed, const char *name) {
    for (size_t i = 0; i < parsed->columns_count; ++i) {
        if (strcasecmp(parsed->columns[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Finds the table's own name before a dot, from *lexer on; *from and *to: its place, dot included.
 * What is called as a column is the column's fields. */
static bool find_qualifier(const pyr_parsed *parsed, pyr_lexer *lexer, size_t *from, size_t *to) {
    pyr_token before = {.kind = PYR_TOKEN_END};
    if (is_column(parsed, parsed->table.name)) {
        return false;
    }
    for (pyr_token token = pyr_lexer_next(lexer); token.kind != PYR_TOKEN_END;
         token = pyr_lexer_next(lexer)) {
        pyr_lexer ahead = *lexer;
        pyr_token next = pyr_lexer_next(&ahead);
        if (!pyr_token_is_char(&before, '.') && pyr_token_names(&token, parsed->table.name) &&
            pyr_token_is_char(&next, '.')) {
            *lexer = ahead;
            *from = token.offset;
            *to = next.offset + next.length;
            return true;
        }
        before = token;
    }
    return false;
}

bool pyr_constraint_names_table(const pyr_parsed *parsed, const pyr_span *span) {
    pyr_lexer lexer = pyr_lexer_over(span->text, span->length);
    size_t from;
    size_t to;
    return find_qualifier(parsed, &lexer, &from, &to);
}

/* A CHECK as it is kept: without the table's name, which may change. */
static pyr_status add_check(const pyr_parsed *parsed, const pyr_table_constraint *check,
                            pyr_constraints *constraints, pyr_error *error) {
    const pyr_span *span = &check->check;
    pyr_lexer lexer = pyr_lexer_over(span->text, span->length);
    pyr_text text;
    size_t done = 0;
    size_t from;
    size_t to;
    pyr_text_init(&text);
    while (find_qualifier(parsed, &lexer, &from, &to)) {
        pyr_text_append(&text, span->text + done, from - done);
        done = to;
    }
    pyr_text_append(&text, span->text + done, span->length - done);
    pyr_status status = pyr_text_check(&text, error);
    if (status == PYR_OK) {
        status = pyr_constraints_add_check(constraints, check->name != NULL ? check->name : "",
                                           pyr_text_get(&text), text.length, error);
    }
    pyr_text_deinit(&text);
    return status;
}

static pyr_status bind_only(pyr_execution *execution, pyr_made_text *made, pyr_error *error) {
    pyr_bound bound;
    pyr_status status = pyr_made_bind(execution, made, NULL, &bound, error);
    pyr_bound_deinit(&bound);
    return status;
}

/* A condition over the table's columns. WHERE takes no aggregate and no window. */
static pyr_status check_check(pyr_execution *execution, const pyr_parsed *parsed,
                              const pyr_span *check, pyr_error *error) {
    PYR_TRY(pyr_constraint_check_tokens(check, "a CHECK constraint", error));
    pyr_made_text made;
    pyr_made_init(&made, &parsed->text);
    pyr_made_add(&made, "SELECT 1 FROM " PYR_STAGED_TABLE " AS ");
    pyr_made_add_name(&made, parsed->table.name);
    pyr_made_add(&made, " WHERE (");
    pyr_made_add_span(&made, check);
    pyr_made_add(&made, "\n)");
    pyr_status status = bind_only(execution, &made, error);
    if (status != PYR_OK && error != NULL && error->position < 0) {
        error->position = (int32_t)check->offset;
    }
    pyr_made_deinit(&made);
    return status;
}

static void add_cast(pyr_made_text *made, const pyr_span *value, const pyr_field *field) {
    pyr_made_add(made, "CAST((");
    pyr_made_add_span(made, value);
    pyr_made_add(made, "\n) AS ");
    pyr_sql_type_print(field, &made->text);
    pyr_made_add(made, ")");
}

/* Evaluates a default that calls no function: its value must be one of the column's type. */
static pyr_status try_constant(pyr_execution *execution, const pyr_parsed *parsed,
                               const pyr_column_definition *column, pyr_error *error) {
    if (memchr(column->default_value.text, '(', column->default_value.length) != NULL) {
        return PYR_OK;
    }
    pyr_made_text made;
    pyr_result result = {0};
    pyr_batch *batch = NULL;
    pyr_made_init(&made, &parsed->text);
    pyr_made_add(&made, "SELECT ");
    add_cast(&made, &column->default_value, column->field);
    pyr_status status = pyr_made_run(execution, &made, NULL, &result, error);
    if (status == PYR_OK) {
        status = pyr_stream_next(result.stream, &batch, error);
    }
    if (status == PYR_OK && result.stream->schema->fields_count != 1) {
        status = pyr_error_set_sql(error, PYR_ERROR_SQL, "42601",
                                   (int32_t)column->default_value.offset, "a DEFAULT is one value");
    }
    pyr_batch_release(batch);
    pyr_stream_destroy(result.stream);
    pyr_made_deinit(&made);
    atomic_store(&execution->ledger.rows, 0); /* the value is no row of the statement's */
    return status;
}

/* An expression without columns, aggregates and windows that casts to the column's type. */
static pyr_status check_default(pyr_execution *execution, const pyr_parsed *parsed,
                                const pyr_column_definition *column, pyr_error *error) {
    PYR_TRY(pyr_constraint_check_tokens(&column->default_value, "a DEFAULT value", error));
    pyr_made_text made;
    pyr_made_init(&made, &parsed->text);
    pyr_made_add(&made, "SELECT 1 WHERE (");
    add_cast(&made, &column->default_value, column->field);
    pyr_made_add(&made, ") IS NULL");
    pyr_status status = bind_only(execution, &made, error);
    pyr_made_deinit(&made);
    if (status == PYR_OK) {
        status = try_constant(execution, parsed, column, error);
    }
    if (status != PYR_OK && error != NULL && error->position < 0) {
        error->position = (int32_t)column->default_value.offset;
    }
    return status;
}

static pyr_status add_defaults(pyr_execution *execution, const pyr_parsed *parsed,
                               pyr_constraints *constraints, pyr_error *error) {
    for (size_t i = 0; i < parsed->columns_count; ++i) {
        const pyr_column_definition *column = &parsed->columns[i];
        if (column->generated.text != NULL) { /* pyr_generated_resolve has looked at it */
            PYR_TRY(pyr_constraints_set_generated(constraints, (int32_t)i, column->generated.text,
                                                  column->generated.length, error));
        }
        if (column->default_value.text != NULL) {
            PYR_TRY(check_default(execution, parsed, column, error));
            PYR_TRY(pyr_constraints_set_default(constraints, (int32_t)i, column->default_value.text,
                                                column->default_value.length, error));
        }
    }
    return PYR_OK;
}

static pyr_status add_key(pyr_execution *execution, const pyr_table_constraint *key,
                          pyr_constraints *constraints, pyr_error *error) {
    int32_t *columns = pyr_arena_array(&execution->arena, key->columns_count + 1, sizeof(*columns));
    if (columns == NULL) {
        return pyr_arena_error(&execution->arena, error);
    }
    for (size_t i = 0; i < key->columns_count; ++i) {
        columns[i] = (int32_t)key->columns[i];
    }
    return pyr_constraints_add_key(constraints, key->kind == PYR_CONSTRAINT_PRIMARY_KEY,
                                   key->name != NULL ? key->name : "", columns,
                                   (int32_t)key->columns_count, error);
}

static pyr_status add_constraints(pyr_execution *execution, const pyr_parsed *parsed,
                                  pyr_constraints *constraints, pyr_error *error) {
    for (size_t i = 0; i < parsed->constraints_count; ++i) {
        const pyr_table_constraint *one = &parsed->constraints[i];
        if (one->kind == PYR_CONSTRAINT_CHECK) {
            PYR_TRY(check_check(execution, parsed, &one->check, error));
            PYR_TRY(add_check(parsed, one, constraints, error));
        } else {
            PYR_TRY(add_key(execution, one, constraints, error));
        }
    }
    return PYR_OK;
}

pyr_status pyr_constraints_of(pyr_execution *execution, const pyr_parsed *parsed,
                              pyr_schema *schema, pyr_constraints **out, pyr_error *error) {
    *out = NULL;
    bool any = parsed->constraints_count > 0;
    bool checks = false;
    for (size_t i = 0; i < parsed->constraints_count; ++i) {
        checks |= parsed->constraints[i].kind == PYR_CONSTRAINT_CHECK;
    }
    for (size_t i = 0; i < parsed->columns_count; ++i) {
        any |= parsed->columns[i].default_value.text != NULL;
        any |= parsed->columns[i].generated.text != NULL;
    }
    if (!any) {
        return PYR_OK;
    }
    pyr_staged none = {0}; /* a table without rows to bind against */
    pyr_constraints *constraints = NULL;
    pyr_status status = pyr_constraints_create(schema->fields_count, &constraints, error);
    if (status == PYR_OK) {
        status = add_defaults(execution, parsed, constraints, error);
    }
    if (status == PYR_OK && checks) {
        status = pyr_staged_init(&none, execution, schema, error);
    }
    if (status == PYR_OK && checks) {
        status = pyr_staged_show(&none, error);
    }
    if (status == PYR_OK) {
        status = add_constraints(execution, parsed, constraints, error);
    }
    pyr_staged_deinit(&none);
    if (status != PYR_OK) {
        pyr_constraints_release(constraints);
        return status;
    }
    *out = constraints;
    return PYR_OK;
}

/* ---- Rows. ---- */

const char *pyr_table_default(const pyr_table *table, int32_t column) {
    return table->constraints != NULL ? table->constraints->defaults[column] : NULL;
}

void pyr_default_print(const pyr_table *table, int32_t column, pyr_text *out) {
    const char *value = pyr_table_default(table, column);
    pyr_text_add(out, "CAST((");
    pyr_text_add(out, value != NULL ? value : "NULL");
    pyr_text_add(out, "\n) AS ");
    pyr_sql_type_print(table->schema->fields[column], out);
    pyr_text_add_char(out, ')');
}

/* The number of the first CHECK that a row breaks, of any such row. NULL is no breach. */
static void print_checks(const pyr_table *table, pyr_text *out) {
    const pyr_constraints *constraints = table->constraints;
    pyr_text_add(out, "SELECT CASE");
    for (size_t i = 0; i < constraints->checks_count; ++i) {
        pyr_text_printf(out, " WHEN NOT (%s\n) THEN %zu", constraints->checks[i].expression, i);
    }
    pyr_text_add(out, " END FROM " PYR_STAGED_TABLE " AS ");
    pyr_sql_quote_name(table->name, out);
    for (size_t i = 0; i < constraints->checks_count; ++i) {
        pyr_text_printf(out, "%s NOT (%s\n)", i > 0 ? " OR" : " WHERE",
                        constraints->checks[i].expression);
    }
    pyr_text_add(out, " LIMIT 1");
}

static pyr_status breach(const pyr_table *table, pyr_batch *found, pyr_error *error) {
    size_t index = (size_t)pyr_array_int64(found->columns[0], 0);
    const pyr_constraints *constraints = table->constraints;
    assert(index < constraints->checks_count);
    const pyr_table_check *check = &constraints->checks[index];
    return pyr_error_set_sql(error, PYR_ERROR_CONSTRAINT, "23514", -1,
                             "CHECK constraint%s%s%s failed on table \"%s\": %s",
                             check->name[0] != '\0' ? " \"" : "", check->name,
                             check->name[0] != '\0' ? "\"" : "", table->name, check->expression);
}

static pyr_status find_breach(pyr_execution *execution, const pyr_table *table,
                              const pyr_span *text, pyr_error *error) {
    pyr_result result = {0};
    pyr_batch *found = NULL;
    pyr_batch *dense = NULL;
    int64_t rows = atomic_load(&execution->ledger.rows);
    pyr_status status = pyr_run_query(execution, text, NULL, &result, error);
    if (status == PYR_OK) {
        status = pyr_stream_next(result.stream, &found, error);
    }
    if (status == PYR_OK && found != NULL) {
        status = pyr_batch_dense(found, &execution->ledger, execution->budget, &dense, error);
    }
    if (status == PYR_OK && dense != NULL && dense->rows > 0) {
        status = breach(table, dense, error);
    } else if (status != PYR_OK && error != NULL) {
        error->position = -1; /* it points into a text that is not the user's */
    }
    pyr_batch_release(dense);
    pyr_batch_release(found);
    pyr_stream_destroy(result.stream);
    atomic_store(&execution->ledger.rows, rows);
    return status;
}

pyr_status pyr_checks_run(pyr_execution *execution, const pyr_table *table, pyr_error *error) {
    pyr_text text;
    pyr_text_init(&text);
    print_checks(table, &text);
    pyr_status status = pyr_text_check(&text, error);
    if (status == PYR_OK) {
        const pyr_span span = {pyr_text_get(&text), text.length, 0};
        status = find_breach(execution, table, &span, error);
    }
    pyr_text_deinit(&text);
    return status;
}
