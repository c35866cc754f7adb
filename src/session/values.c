/* values.c - INSERT ... VALUES as DuckDB binds it: every value is cast to its column's type, by
 * itself, and DEFAULT is the column's. Columns that the rows do not give are put behind them.
 *
 * Without that the values of one column in several rows must have a common type, and (3), ('true')
 * has none but the wrong one; (1), ('0.5') has one that makes 1 of both. A list whose values look
 * alike needs none of this, as their common type keeps them. Only the rows of a plain VALUES list
 * are rewritten; their expressions stay text that an engine parses.
 */
#include "session/rows.h"
#include "sql/lexer.h"

#include <stdlib.h>

/* One expression of the list: its place in the source, and where it went. */
typedef struct moved_value {
    size_t from, length, to;
} moved_value;

struct pyr_values_text {
    pyr_span text; /* the rewritten list */
    moved_value *values;
    size_t count;
};

typedef struct rewriter {
    pyr_lexer lexer;
    pyr_token token;  /* the one looked at */
    const char *list; /* of the source, where it begins at start */
    size_t start;
    pyr_text out;
    pyr_arena *arena;
    const pyr_table *table;
    const pyr_insert_places *places;
    moved_value *values;
    size_t values_count, values_capacity;
} rewriter;

static void advance(rewriter *self) {
    self->token = pyr_lexer_next(&self->lexer);
}

static bool note_value(rewriter *self, size_t from, size_t length) {
    if (self->values_count == self->values_capacity) {
        size_t capacity = self->values_capacity > 0 ? self->values_capacity * 2 : 16;
        moved_value *grown = pyr_arena_array(self->arena, capacity, sizeof(*grown));
        if (grown == NULL) {
            return false;
        }
        for (size_t i = 0; i < self->values_count; ++i) {
            grown[i] = self->values[i];
        }
        self->values = grown;
        self->values_capacity = capacity;
    }
    self->values[self->values_count++] = (moved_value){from, length, self->out.length};
    return true;
}

/* An expression up to the ',' or ')' that ends it; *end is that token's offset. false: not plain.
 */
static bool skip_expression(rewriter *self, size_t *end) {
    int depth = 0;
    bool any = false;
    for (;; advance(self)) {
        const pyr_token *token = &self->token;
        if (token->kind == PYR_TOKEN_END || token->kind == PYR_TOKEN_ERROR) {
            return false;
        }
        bool closes = pyr_token_is_char(token, ')') || pyr_token_is_char(token, ']') ||
                      pyr_token_is_char(token, '}');
        if (depth == 0 && (closes || pyr_token_is_char(token, ','))) {
            *end = token->offset;
            return any;
        }
        any = true;
        depth += pyr_token_is_char(token, '(') || pyr_token_is_char(token, '[') ||
                 pyr_token_is_char(token, '{');
        depth -= closes;
    }
}

/* One value for the column: an expression, or DEFAULT alone. */
static bool rewrite_value(rewriter *self, int32_t column) {
    size_t from = self->token.offset;
    size_t end = 0;
    bool is_default = pyr_token_is_word(&self->token, "DEFAULT");
    if (!skip_expression(self, &end)) {
        return false;
    }
    if (is_default && end - from > 0) {
        pyr_lexer lexer = pyr_lexer_over(self->list + from, end - from);
        pyr_lexer_next(&lexer);
        pyr_token second = pyr_lexer_next(&lexer);
        if (second.kind == PYR_TOKEN_END) {
            pyr_default_print(self->table, column, &self->out);
            return true;
        }
    }
    pyr_text_add(&self->out, "CAST(");
    if (!note_value(self, self->start + from, end - from)) {
        return false;
    }
    pyr_text_append(&self->out, self->list + from, end - from);
    pyr_text_add(&self->out, "\n AS "); /* the line break ends a comment */
    pyr_sql_type_print(self->table->schema->fields[column], &self->out);
    pyr_text_add_char(&self->out, ')');
    return true;
}

/* (e, e, ...). The row must have as many places as are given. */
static bool rewrite_row(rewriter *self) {
    const pyr_insert_places *places = self->places;
    if (!pyr_token_is_char(&self->token, '(')) {
        return false;
    }
    pyr_text_add_char(&self->out, '(');
    for (int32_t place = 0; place < places->given; ++place) {
        advance(self);
        pyr_text_add(&self->out, place > 0 ? ", " : "");
        if (!rewrite_value(self, places->columns[place]) ||
            pyr_token_is_char(&self->token, ',') != (place + 1 < places->given)) {
            return false;
        }
    }
    for (int32_t place = places->given; place < places->count; ++place) {
        pyr_text_add(&self->out, ", ");
        pyr_default_print(self->table, places->columns[place], &self->out);
    }
    bool closed = pyr_token_is_char(&self->token, ')');
    pyr_text_add_char(&self->out, ')');
    advance(self);
    return closed;
}

static bool rewrite(rewriter *self) {
    advance(self);
    if (!pyr_token_is_word(&self->token, "VALUES")) {
        return false;
    }
    if (!note_value(self, 0, self->start)) { /* the WITH before it */
        return false;
    }
    pyr_text_append(&self->out, self->list - self->start, self->start);
    pyr_text_add(&self->out, "VALUES ");
    advance(self);
    for (;;) {
        if (!rewrite_row(self)) {
            return false;
        }
        if (self->token.kind == PYR_TOKEN_END) {
            return true;
        }
        if (!pyr_token_is_char(&self->token, ',')) {
            return false; /* ORDER BY, LIMIT, UNION: a query like others */
        }
        pyr_text_add(&self->out, ", ");
        advance(self);
    }
}

pyr_status pyr_values_cast(pyr_arena *arena, const pyr_span *source, size_t start,
                           const pyr_table *table, const pyr_insert_places *places,
                           pyr_values_text **out, pyr_error *error) {
    *out = NULL;
    rewriter self = {.lexer = pyr_lexer_over(source->text + start, source->length - start),
                     .list = source->text + start,
                     .start = start,
                     .arena = arena,
                     .table = table,
                     .places = places};
    pyr_text_init(&self.out);
    pyr_status status = PYR_OK;
    if (places->given > 0 && rewrite(&self)) {
        status = pyr_text_check(&self.out, error);
        pyr_values_text *values = status == PYR_OK ? pyr_arena_alloc(arena, sizeof(*values)) : NULL;
        char *text = values != NULL
                         ? pyr_arena_strndup(arena, pyr_text_get(&self.out), self.out.length)
                         : NULL;
        if (status == PYR_OK && (values == NULL || text == NULL)) {
            status = pyr_arena_error(arena, error);
        } else if (status == PYR_OK) {
            *values = (pyr_values_text){{text, self.out.length, 0}, self.values, self.values_count};
            *out = values;
        }
    }
    pyr_text_deinit(&self.out);
    return status;
}

/* ---- Whether the values of each column are of one kind. ---- */

/* What a value is by its look: a token of its kind, a parameter of its type. */
typedef struct value_look {
    pyr_token_kind kind; /* END: not known yet, for NULL is of every kind */
    const pyr_field *type;
} value_look;

typedef struct look_over {
    pyr_lexer lexer;
    pyr_token token; /* the one looked at */
    const pyr_schema *params;
    int32_t questions;
} look_over;

static void look_on(look_over *self) {
    self->token = pyr_lexer_next(&self->lexer);
}

static const pyr_field *parameter_type(look_over *self) {
    int32_t index = self->questions;
    if (self->token.kind == PYR_TOKEN_QUESTION) {
        ++self->questions;
    } else {
        index = (int32_t)strtol(self->token.text + 1, NULL, 10) - 1;
    }
    return self->params != NULL && index >= 0 && index < self->params->fields_count
               ? self->params->fields[index]
               : NULL;
}

/* Looks at one value, which must be one token. *null: it is of every kind. */
static bool look_at_value(look_over *self, value_look *out, bool *null) {
    *out = (value_look){self->token.kind, NULL};
    *null = false;
    switch (self->token.kind) {
    case PYR_TOKEN_WORD:
        *null = pyr_token_is_word(&self->token, "NULL");
        return *null || pyr_token_is_word(&self->token, "TRUE") ||
               pyr_token_is_word(&self->token, "FALSE");
    case PYR_TOKEN_QUESTION:
    case PYR_TOKEN_PARAMETER:
        out->type = parameter_type(self);
        *null = out->type != NULL && out->type->type == PYR_TYPE_NULL;
        return out->type != NULL;
    case PYR_TOKEN_STRING:
    case PYR_TOKEN_INTEGER:
    case PYR_TOKEN_DECIMAL:
    case PYR_TOKEN_FLOAT:
        return true;
    default:
        return false;
    }
}

static bool same_look(const value_look *a, const value_look *b) {
    return a->kind == b->kind && (a->type == b->type || (a->type != NULL && b->type != NULL &&
                                                         pyr_field_type_equal(a->type, b->type)));
}

/* The next value of a column: as those before it. */
static bool look_again(look_over *self, value_look *column) {
    value_look look;
    bool null;
    look_on(self);
    if (self->token.kind == PYR_TOKEN_OPERATOR && self->token.length == 1 &&
        (self->token.text[0] == '-' || self->token.text[0] == '+')) {
        look_on(self);
    }
    if (!look_at_value(self, &look, &null)) {
        return false;
    }
    look_on(self);
    if (!null && column->kind == PYR_TOKEN_END) {
        *column = look;
    }
    return null || same_look(&look, column);
}

/* One row, from its '(' on; the token behind it is looked at then. */
static bool look_at_row(look_over *self, value_look *columns, int32_t count) {
    if (!pyr_token_is_char(&self->token, '(')) {
        return false;
    }
    for (int32_t i = 0; i < count; ++i) {
        if (!look_again(self, &columns[i]) ||
            !pyr_token_is_char(&self->token, i + 1 < count ? ',' : ')')) {
            return false;
        }
    }
    look_on(self);
    return true;
}

static bool all_rows_look_alike(look_over *self, value_look *columns, int32_t count) {
    while (look_at_row(self, columns, count)) {
        if (self->token.kind == PYR_TOKEN_END) {
            return true;
        }
        if (!pyr_token_is_char(&self->token, ',')) {
            return false;
        }
        look_on(self);
    }
    return false;
}

/* Whether a list has more than one row: a ',' outside of brackets. */
static bool has_rows(pyr_lexer lexer) {
    size_t depth = 0;
    for (;;) {
        pyr_token token = pyr_lexer_next(&lexer);
        if (token.kind == PYR_TOKEN_END || token.kind == PYR_TOKEN_ERROR) {
            return false;
        }
        if (depth == 0 && pyr_token_is_char(&token, ',')) {
            return true;
        }
        depth += pyr_token_is_char(&token, '(');
        depth -= pyr_token_is_char(&token, ')') && depth > 0;
    }
}

pyr_status pyr_values_alike(pyr_arena *arena, const pyr_span *source, size_t start,
                            const pyr_insert_places *places, const pyr_schema *params, bool *out,
                            pyr_error *error) {
    look_over self = {.lexer = pyr_lexer_over(source->text + start, source->length - start),
                      .params = params};
    look_on(&self);
    *out = true;
    if (!pyr_token_is_word(&self.token, "VALUES") || !has_rows(self.lexer)) {
        return PYR_OK;
    }
    value_look *columns = pyr_arena_array(arena, (size_t)places->given + 1, sizeof(*columns));
    if (columns == NULL) {
        return pyr_arena_error(arena, error);
    }
    for (int32_t i = 0; i < places->given; ++i) {
        columns[i] = (value_look){PYR_TOKEN_END, NULL};
    }
    look_on(&self);
    *out = all_rows_look_alike(&self, columns, places->given);
    return PYR_OK;
}

/* ---- The rewritten list. ---- */

const pyr_span *pyr_values_span(const pyr_values_text *values) {
    return &values->text;
}

size_t pyr_values_position(const pyr_values_text *values, size_t position) {
    size_t best = 0;
    for (size_t i = 0; i < values->count && values->values[i].to <= position; ++i) {
        const moved_value *value = &values->values[i];
        size_t inside = position - value->to;
        best = value->from + (inside < value->length ? inside : 0);
    }
    return best;
}
