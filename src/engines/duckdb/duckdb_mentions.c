/* duckdb_mentions.c - the names of a text that stand where a table stands: "s.t", "t".
 *
 * DuckDB lists them too (duckdb_get_table_names), but not of a text with parameters or a PIVOT, and
 * a name that is missing there would be looked up in the wrong schema. So the places are found by
 * the words before them: FROM, JOIN, a comma of a FROM list, PIVOT, SUMMARIZE and the like. What is
 * listed too much does no harm but to the same name of another schema, which is then refused as
 * ambiguous; what is listed too little would.
 */
#include "engines/duckdb/duckdb_internal.h"
#include "sql/lexer.h"

#include <stdlib.h>
#include <string.h>

enum { NESTING_MAX = 1000 };

/* One level of parentheses. */
typedef struct level {
    bool from;   /* in a FROM clause: a comma is followed by a table */
    bool select; /* SELECT was seen */
    bool call;   /* of a function whose arguments may have a FROM: EXTRACT(hour FROM x) */
    bool tables; /* of query_table: strings are names */
} level;

typedef struct reader {
    pyr_lexer lexer;
    level levels[NESTING_MAX + 1];
    size_t depth;
    bool expected; /* a table's name may stand here */
    pyr_token previous;
    char **names;
    size_t count, capacity;
    pyr_error *error;
} reader;

static pyr_token peek(const reader *r) {
    pyr_lexer ahead = r->lexer;
    return pyr_lexer_next(&ahead);
}

static pyr_status add(reader *r, const pyr_text *name) {
    PYR_TRY(pyr_text_check(name, r->error));
    if (r->count == r->capacity) {
        size_t capacity = r->capacity > 0 ? r->capacity * 2 : 8;
        char **grown = realloc(r->names, capacity * sizeof(*grown));
        if (grown == NULL) {
            return pyr_error_memory(r->error, capacity * sizeof(*grown));
        }
        r->names = grown;
        r->capacity = capacity;
    }
    char *copy = strdup(pyr_text_get(name));
    if (copy == NULL) {
        return pyr_error_memory(r->error, name->length);
    }
    r->names[r->count++] = copy;
    return PYR_OK;
}

/* name, s.name, c.s.name from first on. A function's name and an alias before a colon are none. */
static pyr_status read_name(reader *r, const pyr_token *first) {
    pyr_text name;
    pyr_text_init(&name);
    pyr_text_append(&name, first->text, first->length);
    pyr_token next = peek(r);
    while (pyr_token_is_char(&next, '.')) {
        (void)pyr_lexer_next(&r->lexer);
        pyr_token part = pyr_lexer_next(&r->lexer);
        pyr_text_add_char(&name, '.');
        pyr_text_append(&name, part.text, part.length);
        next = peek(r);
    }
    pyr_status status = PYR_OK;
    r->expected = pyr_token_is_char(&next, ':');
    if (r->expected) {
        (void)pyr_lexer_next(&r->lexer);
    } else if (!pyr_token_is_char(&next, '(')) {
        status = add(r, &name);
    }
    pyr_text_deinit(&name);
    return status;
}

/* 's.t' as query_table has it. */
static pyr_status read_string(reader *r, const pyr_token *token) {
    pyr_text name;
    pyr_text_init(&name);
    pyr_text_append(&name, token->text + 1, token->length - 2);
    pyr_status status = add(r, &name);
    pyr_text_deinit(&name);
    return status;
}

static pyr_status open_level(reader *r, const pyr_token *token) {
    static const char *const callers[] = {"EXTRACT", "TRIM", "SUBSTRING", "OVERLAY", "POSITION"};
    if (r->depth == NESTING_MAX) {
        return pyr_error_set_sql(r->error, PYR_ERROR_LIMIT, "54001", (int32_t)token->offset,
                                 "more than %d levels of parentheses", NESTING_MAX);
    }
    bool round = pyr_token_is_char(token, '(');
    level inner = {.from = round && r->expected,
                   .call = round && PYR_TOKEN_IS_ONE_OF(&r->previous, callers),
                   .tables = r->levels[r->depth].tables ||
                             (round && pyr_token_is_word(&r->previous, "QUERY_TABLE"))};
    r->levels[++r->depth] = inner;
    r->expected = inner.from;
    return PYR_OK;
}

/* A word that says what follows. */
static bool read_keyword(reader *r, const pyr_token *token) {
    static const char *const ends[] = {"WHERE", "GROUP",  "HAVING",   "ORDER",
                                       "LIMIT", "OFFSET", "QUALIFY",  "WINDOW",
                                       "UNION", "EXCEPT", "INTERSECT"};
    static const char *const starts[] = {"JOIN",         "PIVOT",     "UNPIVOT",  "PIVOT_WIDER",
                                         "PIVOT_LONGER", "SUMMARIZE", "DESCRIBE", "DESC",
                                         "SHOW",         "TABLE"};
    static const char *const passed[] = {"LATERAL", "ONLY"};
    level *here = &r->levels[r->depth];
    if (pyr_token_is_word(token, "FROM")) {
        bool clause = !pyr_token_is_word(&r->previous, "DISTINCT") && (!here->call || here->select);
        here->from = here->from || clause;
        r->expected = clause;
        return true;
    }
    if (pyr_token_is_word(token, "SELECT")) {
        here->select = true;
        here->from = false;
        r->expected = false;
        return true;
    }
    if (PYR_TOKEN_IS_ONE_OF(token, starts)) {
        r->expected = true;
        return true;
    }
    if (PYR_TOKEN_IS_ONE_OF(token, ends)) {
        here->from = false;
        r->expected = false;
        return true;
    }
    return r->expected && PYR_TOKEN_IS_ONE_OF(token, passed);
}

static pyr_status read_token(reader *r, const pyr_token *token) {
    if (pyr_token_is_char(token, '(') || pyr_token_is_char(token, '[') ||
        pyr_token_is_char(token, '{')) {
        return open_level(r, token);
    }
    if (pyr_token_is_char(token, ')') || pyr_token_is_char(token, ']') ||
        pyr_token_is_char(token, '}')) {
        r->depth -= r->depth > 0 ? 1 : 0;
        r->expected = false;
        return PYR_OK;
    }
    if (pyr_token_is_char(token, ',')) {
        r->expected = r->levels[r->depth].from;
        return PYR_OK;
    }
    if (token->kind == PYR_TOKEN_STRING && r->levels[r->depth].tables) {
        return read_string(r, token);
    }
    if (read_keyword(r, token)) {
        return PYR_OK;
    }
    if (r->expected && pyr_token_is_identifier(token) && !pyr_token_is_word(token, "WITH")) {
        return read_name(r, token);
    }
    r->expected = false;
    return PYR_OK;
}

void pyr_duckdb_mentions_free(char **names, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        free(names[i]);
    }
    free(names);
}

pyr_status pyr_duckdb_mentions(const char *text, size_t length, char ***names, size_t *count,
                               pyr_error *error) {
    *names = NULL;
    *count = 0;
    reader *r = calloc(1, sizeof(*r));
    if (r == NULL) {
        return pyr_error_memory(error, sizeof(*r));
    }
    r->lexer = pyr_lexer_over(text, length);
    r->error = error;
    pyr_status status = PYR_OK;
    pyr_token token = pyr_lexer_next(&r->lexer);
    while (status == PYR_OK && token.kind != PYR_TOKEN_END) {
        status = read_token(r, &token);
        r->previous = token;
        token = pyr_lexer_next(&r->lexer);
    }
    if (status == PYR_OK) {
        *names = r->names;
        *count = r->count;
    } else {
        pyr_duckdb_mentions_free(r->names, r->count);
    }
    free(r);
    return status;
}
