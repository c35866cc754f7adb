/* made_text.c - see rows.h. */
#include "session/rows.h"
#include "sql/lexer.h"

#include <stdlib.h>
#include <string.h>

void pyr_made_init(pyr_made_text *made, const pyr_span *statement) {
    memset(made, 0, sizeof(*made));
    pyr_text_init(&made->text);
    made->statement = *statement;
    made->has_questions =
        statement->text != NULL && memchr(statement->text, '?', statement->length) != NULL;
}

void pyr_made_deinit(pyr_made_text *made) {
    pyr_text_deinit(&made->text);
    free(made->pieces);
    memset(made, 0, sizeof(*made));
}

void pyr_made_add(pyr_made_text *made, const char *text) {
    pyr_text_add(&made->text, text);
}

void pyr_made_add_name(pyr_made_text *made, const char *name) {
    pyr_sql_quote_name(name, &made->text);
}

/* Appends bytes of the statement as they are. */
static void add_piece(pyr_made_text *made, const char *text, size_t length, size_t origin) {
    if (made->count == made->capacity) {
        size_t wanted = made->capacity > 0 ? made->capacity * 2 : 16;
        pyr_made_piece *grown = realloc(made->pieces, wanted * sizeof(*grown));
        if (grown == NULL) {
            made->text.failed = true;
            return;
        }
        made->pieces = grown;
        made->capacity = wanted;
    }
    made->pieces[made->count++] = (pyr_made_piece){made->text.length, length, origin};
    pyr_text_append(&made->text, text, length);
}

static bool is_of_statement(const pyr_made_text *made, const pyr_span *span) {
    uintptr_t start = (uintptr_t)made->statement.text;
    uintptr_t at = (uintptr_t)span->text;
    return at >= start && at + span->length <= start + made->statement.length;
}

/* Counts the ?s of the statement before offset. Pieces come mostly in the statement's order. */
static void count_questions(pyr_made_text *made, size_t offset) {
    if (offset < made->counted_to || made->counted_to == 0) {
        made->counted_to = made->statement.offset;
        made->questions = 0;
    }
    const char *from = made->statement.text + (made->counted_to - made->statement.offset);
    pyr_lexer lexer = pyr_lexer_over(from, offset - made->counted_to);
    for (pyr_token token = pyr_lexer_next(&lexer); token.kind != PYR_TOKEN_END;
         token = pyr_lexer_next(&lexer)) {
        made->questions += token.kind == PYR_TOKEN_QUESTION;
    }
    made->counted_to = offset;
}

void pyr_made_add_span(pyr_made_text *made, const pyr_span *span) {
    if (!is_of_statement(made, span)) {
        pyr_text_append(&made->text, span->text, span->length);
        return;
    }
    size_t from = 0;
    if (made->has_questions) {
        count_questions(made, span->offset);
        int32_t number = made->questions;
        pyr_lexer lexer = pyr_lexer_over(span->text, span->length);
        for (pyr_token token = pyr_lexer_next(&lexer); token.kind != PYR_TOKEN_END;
             token = pyr_lexer_next(&lexer)) {
            if (token.kind == PYR_TOKEN_QUESTION) {
                add_piece(made, span->text + from, token.offset - from, span->offset + from);
                pyr_text_printf(&made->text, "$%d", ++number);
                from = token.offset + token.length;
            }
        }
    }
    add_piece(made, span->text + from, span->length - from, span->offset + from);
}

void pyr_made_add_with(pyr_made_text *made, const pyr_parsed *parsed) {
    if (parsed->with.text != NULL) {
        pyr_made_add_span(made, &parsed->with);
        pyr_made_add(made, "\n");
    }
}

pyr_status pyr_made_finish(pyr_made_text *made, pyr_arena *arena, pyr_span *out, pyr_error *error) {
    PYR_TRY(pyr_text_check(&made->text, error));
    char *text = pyr_arena_strndup(arena, pyr_text_get(&made->text), made->text.length);
    if (text == NULL) {
        return pyr_arena_error(arena, error);
    }
    *out = (pyr_span){text, made->text.length, 0};
    return PYR_OK;
}

void pyr_made_move_position(const pyr_made_text *made, pyr_error *error) {
    if (error == NULL || error->position < 0) {
        return;
    }
    size_t position = (size_t)error->position;
    error->position = -1;
    for (size_t i = 0; i < made->count; ++i) {
        const pyr_made_piece *piece = &made->pieces[i];
        if (position >= piece->from && position <= piece->from + piece->length) {
            error->position = (int32_t)(position - piece->from + piece->origin);
        }
    }
}

pyr_status pyr_made_run(pyr_execution *execution, pyr_made_text *made, pyr_batch *params,
                        pyr_result *out, pyr_error *error) {
    PYR_TRY(pyr_text_check(&made->text, error));
    const pyr_span text = {pyr_text_get(&made->text), made->text.length, 0};
    pyr_status status = pyr_run_query(execution, &text, params, out, error);
    if (status != PYR_OK) {
        pyr_made_move_position(made, error);
    }
    return status;
}

pyr_status pyr_made_bind(pyr_execution *execution, pyr_made_text *made, pyr_batch *params,
                         pyr_bound *out, pyr_error *error) {
    memset(out, 0, sizeof(*out));
    pyr_span text = {0};
    PYR_TRY(pyr_made_finish(made, &execution->arena, &text, error));
    pyr_status status = pyr_bound_prepare(execution, text.text, text.length, params, out, error);
    if (status != PYR_OK) {
        pyr_made_move_position(made, error);
    }
    return status;
}

/* ---- Rows of a query. ---- */

pyr_status pyr_check_width(const pyr_schema *schema, int32_t width, pyr_error *error) {
    return schema == NULL || schema->fields_count == width
               ? PYR_OK
               : pyr_error_set_sql(error, PYR_ERROR_SQL, "42601", -1,
                                   "an assigned expression has more than one value");
}

static pyr_status take_all(pyr_execution *execution, pyr_stream *stream, pyr_take_batch take,
                           void *context, pyr_error *error) {
    for (;;) {
        pyr_batch *batch = NULL;
        pyr_batch *dense = NULL;
        PYR_TRY(pyr_stream_next(stream, &batch, error));
        if (batch == NULL) {
            return PYR_OK;
        }
        pyr_status status =
            pyr_batch_dense(batch, &execution->ledger, execution->budget, &dense, error);
        if (status == PYR_OK) {
            status = take(context, dense, error);
        }
        pyr_batch_release(dense);
        pyr_batch_release(batch);
        PYR_TRY(status);
    }
}

pyr_status pyr_bound_each(pyr_execution *execution, pyr_bound *bound, int32_t width,
                          pyr_take_batch take, void *context, pyr_error *error) {
    pyr_result result = {0};
    pyr_status status = pyr_bound_run(execution, bound, &result, error);
    if (status == PYR_OK) {
        status = pyr_check_width(result.stream->schema, width, error);
    }
    if (status == PYR_OK) {
        status = take_all(execution, result.stream, take, context, error);
    }
    pyr_stream_destroy(result.stream);
    return status;
}

pyr_status pyr_made_each(pyr_execution *execution, pyr_made_text *made, pyr_batch *params,
                         int32_t width, pyr_take_batch take, void *context, pyr_error *error) {
    pyr_bound bound;
    pyr_status status = pyr_made_bind(execution, made, params, &bound, error);
    if (status == PYR_OK) {
        status = pyr_bound_each(execution, &bound, width, take, context, error);
    }
    pyr_bound_deinit(&bound);
    return status;
}

pyr_status pyr_columns_from(pyr_arena *arena, int32_t first, int32_t count, int32_t **out,
                            pyr_error *error) {
    *out = pyr_arena_array(arena, (size_t)count + 1, sizeof(**out));
    if (*out == NULL) {
        return pyr_arena_error(arena, error);
    }
    for (int32_t i = 0; i < count; ++i) {
        (*out)[i] = first + i;
    }
    return PYR_OK;
}

/* ---- Parameters. ---- */

static const pyr_field *parameter_of(const pyr_schema *schema, int32_t index) {
    return schema != NULL && index < schema->fields_count ? schema->fields[index] : NULL;
}

pyr_status pyr_parameters_merge(pyr_schema **into, const pyr_schema *with, pyr_error *error) {
    int32_t count = *into != NULL ? (*into)->fields_count : 0;
    if (with == NULL) {
        return PYR_OK;
    }
    count = with->fields_count > count ? with->fields_count : count;
    pyr_field **fields = calloc((size_t)count + 1, sizeof(*fields));
    if (fields == NULL) {
        return pyr_error_memory(error, (size_t)count * sizeof(*fields));
    }
    for (int32_t i = 0; i < count; ++i) {
        const pyr_field *known = parameter_of(*into, i);
        const pyr_field *other = parameter_of(with, i);
        bool use_other = known == NULL || (known->type == PYR_TYPE_NULL && other != NULL);
        fields[i] = (pyr_field *)(use_other ? other : known); /* borrowed */
    }
    pyr_schema *merged = NULL;
    pyr_status status = pyr_schema_create(fields, count, NULL, &merged, error);
    free(fields);
    if (status == PYR_OK) {
        pyr_schema_release(*into);
        *into = merged;
    }
    return status;
}
