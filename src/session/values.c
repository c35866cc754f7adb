/* values.c - INSERT ... VALUES as DuckDB binds it: every value is cast to its column's type, by
 * itself, and DEFAULT is the column's. Columns that the rows do not give are put behind them.
 *
 * Without that the values of one column in several rows must have a common type, and (3), ('true')
 * has none but the wrong one. Only the rows of a plain VALUES list are rewritten; their expressions
 * stay text that an engine parses.
 */
#include "session/rows.h"
#include "sql/lexer.h"

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
    pyr_token token; /* the one looked at */
    const pyr_span *source;
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
        pyr_lexer lexer = pyr_lexer_over(self->source->text + from, end - from);
        pyr_lexer_next(&lexer);
        pyr_token second = pyr_lexer_next(&lexer);
        if (second.kind == PYR_TOKEN_END) {
            pyr_default_print(self->table, column, &self->out);
            return true;
        }
    }
    pyr_text_add(&self->out, "CAST(");
    if (!note_value(self, from, end - from)) {
        return false;
    }
    pyr_text_append(&self->out, self->source->text + from, end - from);
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

pyr_status pyr_values_cast(pyr_arena *arena, const pyr_span *source, const pyr_table *table,
                           const pyr_insert_places *places, pyr_values_text **out,
                           pyr_error *error) {
    *out = NULL;
    rewriter self = {.lexer = pyr_lexer_over(source->text, source->length),
                     .source = source,
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
