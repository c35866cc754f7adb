/* returning.c - RETURNING: a query over the rows that a statement wrote or deleted. See rows.h. */
#include "session/rows.h"
#include "sql/lexer.h"

#include <stdlib.h>
#include <string.h>

struct pyr_returning {
    pyr_execution *execution; /* borrowed, as are parsed, table and params */
    const pyr_parsed *parsed;
    const pyr_table *table;
    pyr_batch *params;
    pyr_schema *rows;   /* of what it takes */
    bool described;     /* these are known: */
    pyr_schema *schema; /* of what it gives */
    pyr_schema *parameters;
    pyr_staged staged; /* the rows so far */
    pyr_stream *result;
};

/* ---- The query. ---- */

/* Whether a token is a * that stands for columns: * or t.*, outside of brackets. */
static bool is_star_item(const pyr_token *before, const pyr_token *token) {
    bool star = token->kind == PYR_TOKEN_OPERATOR && token->length == 1 && token->text[0] == '*';
    return star && (before->kind == PYR_TOKEN_END || pyr_token_is_char(before, ',') ||
                    pyr_token_is_char(before, '.'));
}

/* The list of MERGE: merge_action is a column of the rows, but only there when it is named. */
static void add_merge_list(pyr_made_text *made, const pyr_span *list) {
    size_t from = 0;
    size_t depth = 0;
    pyr_token before = {.kind = PYR_TOKEN_END};
    pyr_lexer lexer = pyr_lexer_over(list->text, list->length);
    for (pyr_token token = pyr_lexer_next(&lexer); token.kind != PYR_TOKEN_END;
         before = token, token = pyr_lexer_next(&lexer)) {
        depth += pyr_token_is_char(&token, '(');
        depth -= pyr_token_is_char(&token, ')') && depth > 0;
        if (depth == 0 && is_star_item(&before, &token)) {
            size_t to = token.offset + token.length;
            const pyr_span piece = {list->text + from, to - from, list->offset + from};
            pyr_made_add_span(made, &piece);
            pyr_made_add(made, " EXCLUDE (" PYR_MERGE_ACTION_COLUMN ")");
            from = to;
        }
    }
    const pyr_span rest = {list->text + from, list->length - from, list->offset + from};
    pyr_made_add_span(made, &rest);
}

/* Two EXCLUDEs behind one * would be a syntax error that nobody wrote. */
static pyr_status check_merge_list(const pyr_parsed *parsed, pyr_error *error) {
    const pyr_span *list = &parsed->returning;
    pyr_token before = {.kind = PYR_TOKEN_END};
    pyr_lexer lexer = pyr_lexer_over(list->text, list->length);
    for (pyr_token token = pyr_lexer_next(&lexer);
         token.kind != PYR_TOKEN_END && parsed->kind == PYR_PARSED_MERGE;
         before = token, token = pyr_lexer_next(&lexer)) {
        bool star =
            before.kind == PYR_TOKEN_OPERATOR && before.length == 1 && before.text[0] == '*';
        if (star && pyr_token_is_word(&token, "EXCLUDE")) {
            return pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "0A000",
                                     (int32_t)(list->offset + token.offset),
                                     "EXCLUDE in the RETURNING of MERGE is not supported by this "
                                     "version: name the columns");
        }
    }
    return PYR_OK;
}

/* with_row: a column of the rows before the list. */
static void make_query(pyr_made_text *made, const pyr_returning *self, bool with_row) {
    const pyr_parsed *parsed = self->parsed;
    const char *alias = parsed->alias != NULL ? parsed->alias : self->table->name;
    pyr_made_init(made, &parsed->text);
    pyr_made_add_with(made, parsed);
    pyr_made_add(made, "SELECT ");
    if (with_row) {
        pyr_made_add_name(made, alias);
        pyr_made_add(made, ".");
        pyr_made_add_name(made, self->rows->fields[0]->name);
        pyr_made_add(made, ", ");
    }
    if (parsed->kind == PYR_PARSED_MERGE) {
        add_merge_list(made, &parsed->returning);
    } else {
        pyr_made_add_span(made, &parsed->returning);
    }
    pyr_made_add(made, "\nFROM " PYR_STAGED_TABLE " AS ");
    pyr_made_add_name(made, alias);
}

/* ---- Making one. ---- */

static pyr_status make_rows_schema(pyr_returning *self, pyr_error *error) {
    const pyr_schema *schema = self->table->schema;
    if (self->parsed->kind != PYR_PARSED_MERGE) {
        self->rows = pyr_schema_retain(self->table->schema);
        return PYR_OK;
    }
    size_t count = (size_t)schema->fields_count;
    pyr_field **fields = calloc(count + 1, sizeof(*fields));
    if (fields == NULL) {
        return pyr_error_memory(error, count * sizeof(*fields));
    }
    memcpy(fields, schema->fields, count * sizeof(*fields));
    pyr_status status =
        pyr_field_create(PYR_MERGE_ACTION_COLUMN, PYR_TYPE_UTF8, &fields[count], error);
    if (status == PYR_OK) {
        status = pyr_schema_create(fields, (int32_t)count + 1, NULL, &self->rows, error);
    }
    pyr_field_release(fields[count]);
    free(fields);
    return status;
}

/* Over no rows: what is wrong in the list is found before any is written. */
static pyr_status bind_query(pyr_returning *self, bool with_row, pyr_error *error) {
    pyr_made_text made;
    pyr_bound bound = {0};
    pyr_staged none = {0};
    make_query(&made, self, with_row);
    pyr_status status = pyr_staged_init(&none, self->execution, self->rows, error);
    if (status == PYR_OK) {
        status = pyr_staged_show(&none, error);
    }
    if (status == PYR_OK) {
        status = pyr_made_bind(self->execution, &made, self->params, &bound, error);
    }
    if (status == PYR_OK && !with_row) {
        self->described = true;
        self->schema = pyr_schema_retain(bound.prepared->schema);
        self->parameters = pyr_schema_retain(bound.prepared->parameters);
    }
    pyr_bound_deinit(&bound);
    pyr_staged_deinit(&none);
    pyr_made_deinit(&made);
    return status;
}

/* An aggregate, which would make one row of all, cannot stand beside a row's column. */
static pyr_status bind_list(pyr_returning *self, pyr_error *error) {
    const pyr_span *list = &self->parsed->returning;
    bool calls = memchr(list->text, '(', list->length) != NULL;
    if (calls && bind_query(self, true, NULL) == PYR_OK) {
        return PYR_OK;
    }
    PYR_TRY(bind_query(self, false, error));
    return !calls ? PYR_OK
                  : pyr_error_set_sql(error, PYR_ERROR_SQL, "42803", (int32_t)list->offset,
                                      "RETURNING cannot contain aggregates");
}

pyr_status pyr_returning_create(pyr_execution *execution, const pyr_parsed *parsed,
                                pyr_table *table, pyr_batch *params, pyr_returning **out,
                                pyr_error *error) {
    *out = NULL;
    if (parsed->returning.text == NULL) {
        return PYR_OK;
    }
    PYR_TRY(check_merge_list(parsed, error));
    pyr_returning *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->execution = execution;
    self->parsed = parsed;
    self->table = table;
    self->params = params;
    pyr_status status = make_rows_schema(self, error);
    if (status == PYR_OK) {
        status = bind_list(self, error);
    }
    if (status == PYR_OK) {
        status = pyr_staged_init(&self->staged, execution, self->rows, error);
    }
    if (status != PYR_OK) {
        pyr_returning_destroy(self);
        return status;
    }
    *out = self;
    return PYR_OK;
}

void pyr_returning_destroy(pyr_returning *returning) {
    if (returning == NULL) {
        return;
    }
    pyr_stream_destroy(returning->result);
    pyr_staged_deinit(&returning->staged);
    pyr_schema_release(returning->rows);
    pyr_schema_release(returning->schema);
    pyr_schema_release(returning->parameters);
    free(returning);
}

pyr_status pyr_returning_describe(pyr_returning *returning, pyr_schema **schema,
                                  pyr_schema **parameters, pyr_error *error) {
    if (returning == NULL) {
        return PYR_OK;
    }
    if (!returning->described) {
        PYR_TRY(bind_query(returning, false, error));
    }
    *schema = pyr_schema_retain(returning->schema);
    return pyr_parameters_merge(parameters, returning->parameters, error);
}

pyr_schema *pyr_returning_rows(const pyr_returning *returning) {
    return returning->rows;
}

/* ---- Rows and result. ---- */

pyr_status pyr_returning_batch(pyr_returning *returning, pyr_batch *batch, pyr_error *error) {
    return returning != NULL ? pyr_staged_add(&returning->staged, batch, error) : PYR_OK;
}

/* All that the stream gives, kept: an error in it must come before the commit. */
static pyr_status drain(pyr_stream *from, pyr_stream **out, pyr_error *error) {
    pyr_kept_batches batches = {0};
    pyr_status status = PYR_OK;
    for (bool more = true; status == PYR_OK && more;) {
        pyr_batch *batch = NULL;
        status = pyr_stream_next(from, &batch, error);
        more = batch != NULL;
        if (status == PYR_OK && more) {
            status = pyr_kept_batches_add(&batches, batch, error);
        }
        pyr_batch_release(batch);
    }
    if (status == PYR_OK) {
        status = pyr_stream_from_batches(from->schema, batches.items, batches.count, out, error);
    }
    pyr_kept_batches_deinit(&batches);
    return status;
}

pyr_status pyr_returning_evaluate(pyr_returning *returning, pyr_error *error) {
    if (returning == NULL) {
        return PYR_OK;
    }
    pyr_made_text made;
    pyr_result result = {0};
    make_query(&made, returning, false);
    pyr_status status = pyr_staged_show(&returning->staged, error);
    if (status == PYR_OK) {
        status = pyr_made_run(returning->execution, &made, returning->params, &result, error);
    }
    if (status == PYR_OK) {
        status = drain(result.stream, &returning->result, error);
    }
    pyr_stream_destroy(result.stream);
    pyr_made_deinit(&made);
    pyr_staged_deinit(&returning->staged);
    return status;
}

pyr_status pyr_returning_give(pyr_returning *returning, pyr_result *out, pyr_error *error) {
    if (returning == NULL) {
        return PYR_OK;
    }
    atomic_store(&returning->execution->ledger.rows, 0); /* they are counted when they are read */
    pyr_stream *stream = returning->result;
    returning->result = NULL;
    PYR_TRY(pyr_result_stream_wrap(returning->execution, NULL, stream, &out->stream, error));
    out->has_rows = true;
    return PYR_OK;
}
