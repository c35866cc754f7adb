/* table_place.c - see table_place.h.
 *
 * A table that the text names elsewhere, too, or that something else of the text may mean, has no
 * such place. Of outer joins the missing side's columns are NULL, which no comparison lets through:
 * leaving out a row that would not pass changes only rows that do not pass, either; but for IS
 * NULL. Joins that choose among rows (ASOF, POSITIONAL, ANTI, SEMI) and samples end the search.
 */
#include "sql/table_place.h"

#include <strings.h>

typedef struct search {
    const pyr_token_list *list;
    const char *table;
    bool function;
    pyr_table_place *out;
} search;

static bool is_string_of(const pyr_token *token, const char *name) {
    return token->kind == PYR_TOKEN_STRING && token->length == strlen(name) + 2 &&
           strncasecmp(token->text + 1, name, strlen(name)) == 0;
}

static bool ends_condition(const pyr_token *token) {
    static const char *const words[] = {"GROUP",     "HAVING",  "ORDER",  "LIMIT", "OFFSET",
                                        "WINDOW",    "UNION",   "FETCH",  "FOR",   "SELECT",
                                        "INTERSECT", "QUALIFY", "EXCEPT", "USING", "RETURNING"};
    return PYR_TOKEN_IS_KEYWORD_OF(token, words) || token->kind == PYR_TOKEN_END ||
           token->kind == PYR_TOKEN_SEMICOLON;
}

/* ---- The one place. ---- */

/* Functions that read a table whose name is made elsewhere, and samples, which depend on what else
 * there is. */
static bool hides_tables(const pyr_token *token) {
    static const char *const functions[] = {"query", "query_table", "pyr_scan"};
    static const char *const samples[] = {"SAMPLE", "TABLESAMPLE"};
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); ++i) {
        if (pyr_token_names(token, functions[i]) && pyr_token_is_char(token + 1, '(')) {
            return true;
        }
    }
    return PYR_TOKEN_IS_KEYWORD_OF(token, samples) || token->kind == PYR_TOKEN_ERROR;
}

/* A string that stands for a table in a way that is not compared here: FROM E't', U&'...'. */
static bool is_strange_name(const pyr_token *token) {
    const pyr_token *before = token - 1;
    bool plain = token->kind == PYR_TOKEN_STRING || token->kind == PYR_TOKEN_QUOTED_NAME;
    if (pyr_token_is_operator(before, "&") && plain && before->text + 1 == token->text) {
        return true;
    }
    return pyr_token_is_string(token) && token->kind != PYR_TOKEN_STRING &&
           (pyr_token_is_word(before, "FROM") || pyr_token_is_word(before, "JOIN") ||
            pyr_token_is_char(before, ',') || pyr_token_is_char(before, '.'));
}

/* pyr_scan_rows('s', 't') from its first token on. */
static bool is_row_scan(const search *self, const pyr_token *token) {
    return pyr_token_is_word(token, "PYR_SCAN_ROWS") &&
           token + 6 <= self->list->tokens + self->list->count &&
           pyr_token_is_char(token + 1, '(') && token[2].kind == PYR_TOKEN_STRING &&
           pyr_token_is_char(token + 3, ',') && token[4].kind == PYR_TOKEN_STRING &&
           pyr_token_is_char(token + 5, ')');
}

/* The alias behind a table, and the token behind that. */
static const pyr_token *skip_alias(const pyr_token *token, const pyr_token **alias) {
    static const char *const words[] = {"WHERE",      "ON",    "USING",   "JOIN",  "INNER",
                                        "CROSS",      "LEFT",  "RIGHT",   "FULL",  "ASOF",
                                        "POSITIONAL", "ANTI",  "SEMI",    "PIVOT", "NATURAL",
                                        "UNPIVOT",    "OUTER", "LATERAL", "AT",    "TABLESAMPLE"};
    *alias = NULL;
    if (pyr_token_is_keyword(token, "AS")) {
        *alias = token + 1;
        return pyr_token_is_identifier(token + 1) ? token + 2 : NULL;
    }
    if (pyr_token_is_identifier(token) && !PYR_TOKEN_IS_KEYWORD_OF(token, words) &&
        !ends_condition(token)) {
        *alias = token;
        return token + 1;
    }
    return token;
}

/* A call of the function, up to the token behind its bracket. */
static bool read_call(const search *self, const pyr_token *token, const pyr_token **start,
                      const pyr_token **end) {
    const pyr_token *stop = self->list->tokens + self->list->count;
    *end = NULL;
    if (!pyr_token_names(token, self->table)) {
        return true;
    }
    const pyr_token *at = token + 1;
    if (!pyr_token_is_char(at, '(')) {
        return false; /* a table of the function's name, or a column */
    }
    do {
        ++at;
    } while (at < stop && pyr_token_bracket(at) == 0);
    if (at >= stop || !pyr_token_is_char(at, ')')) {
        return false;
    }
    *start = token;
    *end = at + 1;
    return true;
}

/* The name at token, from its first part to the one behind; *end NULL where there is none. */
static bool read_name(const search *self, const pyr_token *token, const pyr_token **start,
                      const pyr_token **end) {
    *end = NULL;
    if (self->function) {
        return read_call(self, token, start, end);
    }
    if (pyr_token_names(token, "pyr_scan_rows")) {
        if (!is_row_scan(self, token)) {
            return false;
        }
        if (is_string_of(token + 4, self->table)) {
            *start = token;
            *end = token + 6;
        }
        return true;
    }
    if (pyr_token_names(token, self->table) && !pyr_token_is_char(token + 1, '.')) {
        bool qualified = token > self->list->tokens + 1 && pyr_token_is_char(token - 1, '.');
        *start = qualified ? token - 2 : token;
        *end = token + 1;
    }
    return true;
}

/* *first and *next: the table's one place from its first token to the one behind its alias. */
static bool find_name(const search *self, const pyr_token **first, const pyr_token **next) {
    const pyr_token *stop = self->list->tokens + self->list->count;
    *first = NULL;
    *next = NULL;
    for (const pyr_token *token = self->list->tokens; token < stop; ++token) {
        const pyr_token *start = NULL;
        const pyr_token *end = NULL;
        if (*first != NULL && token == self->out->alias) {
            continue; /* one of the same name is no second place */
        }
        if (hides_tables(token) || is_strange_name(token) || is_string_of(token, self->table) ||
            !read_name(self, token, &start, &end)) {
            return false;
        }
        if (end == NULL) {
            continue;
        }
        if (*first != NULL) {
            return false;
        }
        *first = start;
        *next = skip_alias(end, &self->out->alias);
        if (*next == NULL) {
            return false;
        }
        token = pyr_token_is_char(end - 1, ')') ? end - 1 : token;
    }
    return *first != NULL && !pyr_token_is_char(*next, '('); /* or the columns have other names */
}

/* Whether a FROM may have it at all; notes what kind of join it makes. */
static bool allows(const search *self, const pyr_token *token) {
    static const char *const refused[] = {"ASOF",  "POSITIONAL", "ANTI",           "SEMI",
                                          "PIVOT", "UNPIVOT",    "MATCH_RECOGNIZE"};
    static const char *const outer[] = {"LEFT", "RIGHT", "FULL", "OUTER"};
    static const char *const merging[] = {"USING", "NATURAL"};
    self->out->outer = self->out->outer || PYR_TOKEN_IS_KEYWORD_OF(token, outer);
    self->out->merged = self->out->merged || PYR_TOKEN_IS_KEYWORD_OF(token, merging);
    return !PYR_TOKEN_IS_KEYWORD_OF(token, refused);
}

/* Whether a FROM leads to the table, with nothing before it that would be in the way. */
static bool leads_from(const search *self, const pyr_token *first) {
    const pyr_token *before = first - 1;
    if (!pyr_token_is_keyword(before, "FROM") && !pyr_token_is_keyword(before, "JOIN") &&
        !pyr_token_is_char(before, ',')) {
        return false;
    }
    int depth = 0;
    for (const pyr_token *token = before; token >= self->list->tokens; --token) {
        depth -= pyr_token_bracket(token);
        if (depth < 0 ||
            (depth == 0 && (!allows(self, token) || pyr_token_is_keyword(token, "WHERE") ||
                            (ends_condition(token) && !pyr_token_is_keyword(token, "USING"))))) {
            return false;
        }
        if (depth == 0 && pyr_token_is_keyword(token, "FROM") &&
            !pyr_token_is_keyword(token - 1, "DISTINCT")) {
            return true;
        }
        self->out->joined = true;
    }
    return false;
}

/* From the token behind the table to WHERE; NULL where there is none. */
static const pyr_token *find_where(const search *self, const pyr_token *token) {
    int depth = 0;
    for (; token->kind != PYR_TOKEN_END; ++token) {
        if (depth == 0 && pyr_token_is_keyword(token, "WHERE")) {
            return token;
        }
        self->out->joined = true;
        depth += pyr_token_bracket(token);
        if (depth < 0 ||
            (depth == 0 && (!allows(self, token) ||
                            (ends_condition(token) && !pyr_token_is_keyword(token, "USING"))))) {
            return NULL;
        }
    }
    return NULL;
}

static const pyr_token *find_end(const pyr_token *token) {
    int depth = 0;
    for (; token->kind != PYR_TOKEN_END; ++token) {
        int change = pyr_token_bracket(token);
        if (depth + change < 0 || (depth == 0 && ends_condition(token))) {
            break;
        }
        depth += change;
    }
    return token;
}

bool pyr_sql_find_place(const pyr_token_list *list, const char *table, bool function,
                        pyr_table_place *out) {
    const search self = {list, table, function, out};
    const pyr_token *first = NULL;
    const pyr_token *next = NULL;
    memset(out, 0, sizeof(*out));
    if (list->count == 0 || !find_name(&self, &first, &next) || !leads_from(&self, first)) {
        return false;
    }
    const pyr_token *where = find_where(&self, next);
    if (where == NULL) {
        return false;
    }
    out->from = where + 1;
    out->to = find_end(out->from);
    return out->from < out->to;
}

/* ---- The condition. ---- */

/* Where a walk over a condition stands. Outside of its brackets nothing is called CASE or END but
 * beside a point, so that there those words are a bracket, too. */
typedef struct nesting {
    int brackets, cases;
} nesting;

static void step(nesting *self, const pyr_token *token) {
    self->brackets += pyr_token_bracket(token);
    if (self->brackets == 0 && !pyr_token_is_char(token + 1, '.')) {
        self->cases += pyr_token_is_keyword(token, "CASE")  ? 1
                       : pyr_token_is_keyword(token, "END") ? -1
                                                            : 0;
    }
}

static bool is_outside(const nesting *self) {
    return self->brackets == 0 && self->cases == 0;
}

static bool joins_parts(const pyr_token *token) {
    static const char *const words[] = {"OR",     "SELECT", "WHERE", "WITH",
                                        "VALUES", "TABLE",  "PIVOT", "UNPIVOT"};
    return PYR_TOKEN_IS_KEYWORD_OF(token, words) ||
           (pyr_token_is_keyword(token, "FROM") && !pyr_token_is_keyword(token - 1, "DISTINCT"));
}

bool pyr_condition_is_whole(const pyr_token *from, const pyr_token *to) {
    nesting at = {0, 0};
    for (const pyr_token *token = from; token < to; ++token) {
        step(&at, token);
        if (at.brackets < 0 || at.cases < 0 || (is_outside(&at) && joins_parts(token))) {
            return true;
        }
        if (token->kind == PYR_TOKEN_OPERATOR && memchr(token->text, '>', token->length) != NULL &&
            memchr(token->text, '-', token->length) != NULL) {
            return true;
        }
    }
    return !is_outside(&at);
}

const pyr_token *pyr_condition_part_end(const pyr_token *from, const pyr_token *to) {
    nesting at = {0, 0};
    int between = 0;
    for (const pyr_token *token = from; token < to; ++token) {
        step(&at, token);
        if (!is_outside(&at)) {
            continue;
        }
        if (pyr_token_is_keyword(token, "BETWEEN")) {
            ++between;
        } else if (pyr_token_is_keyword(token, "AND") && between-- <= 0) {
            return token;
        }
    }
    return to;
}
