/* conjuncts_place.c - the one place of a query where a table is named, and its WHERE.
 *
 * A table that the text names elsewhere, too, or that something else of the text may mean, has no
 * such place. Of outer joins the missing side's columns are NULL, which no comparison lets through:
 * leaving out a row that would not pass changes only rows that do not pass, either; but for IS
 * NULL. Joins that choose among rows (ASOF, POSITIONAL, ANTI, SEMI) and samples end the search.
 */
#include "sql/conjuncts_internal.h"

static bool is_string_of(const pyr_token *token, const char *name) {
    return token->kind == PYR_TOKEN_STRING && token->length == strlen(name) + 2 &&
           strncasecmp(token->text + 1, name, strlen(name)) == 0;
}

static bool ends_condition(const pyr_token *token) {
    static const char *const words[] = {"GROUP",     "HAVING",  "ORDER",  "LIMIT", "OFFSET",
                                        "WINDOW",    "UNION",   "FETCH",  "FOR",   "SELECT",
                                        "INTERSECT", "QUALIFY", "EXCEPT", "USING", "RETURNING"};
    return IS_ONE_OF(token, words) || token->kind == PYR_TOKEN_END ||
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
    return IS_ONE_OF(token, samples) || token->kind == PYR_TOKEN_ERROR;
}

/* A string that stands for a table in a way that is not compared here: FROM E't', U&'...'. */
static bool is_strange_name(const pyr_token *token) {
    const pyr_token *before = token - 1;
    bool plain = token->kind == PYR_TOKEN_STRING || token->kind == PYR_TOKEN_QUOTED_NAME;
    if (is_operator(before, "&") && plain && before->text + 1 == token->text) {
        return true;
    }
    return pyr_token_is_string(token) && token->kind != PYR_TOKEN_STRING &&
           (pyr_token_is_word(before, "FROM") || pyr_token_is_word(before, "JOIN") ||
            pyr_token_is_char(before, ',') || pyr_token_is_char(before, '.'));
}

/* pyr_scan_rows('s', 't') from its first token on. */
static bool is_row_scan(const pyr_conjunct_reader *self, const pyr_token *token) {
    return pyr_token_is_word(token, "PYR_SCAN_ROWS") && token + 6 <= self->tokens + self->count &&
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
    if (is_word(token, "AS")) {
        *alias = token + 1;
        return pyr_token_is_identifier(token + 1) ? token + 2 : NULL;
    }
    if (pyr_token_is_identifier(token) && !IS_ONE_OF(token, words) && !ends_condition(token)) {
        *alias = token;
        return token + 1;
    }
    return token;
}

/* *first and *next: the table's one place from its first token to the one behind its alias. */
static bool find_place(pyr_conjunct_reader *self, size_t *first, size_t *next) {
    const pyr_token *found = NULL;
    const pyr_token *behind = NULL;
    for (const pyr_token *token = self->tokens; token < self->tokens + self->count; ++token) {
        const pyr_token *start = NULL;
        const pyr_token *end = NULL;
        if (hides_tables(token) || is_strange_name(token)) {
            return false;
        }
        if (found != NULL && token == self->alias) {
            continue; /* one of the same name is no second place */
        }
        if (pyr_token_names(token, "pyr_scan_rows")) {
            if (!is_row_scan(self, token)) {
                return false;
            }
            start = is_string_of(token + 4, self->table) ? token : NULL;
            end = token + 6;
            token += start != NULL ? 5 : 4;
        } else if (is_string_of(token, self->table)) {
            return false;
        } else if (pyr_token_names(token, self->table) && !pyr_token_is_char(token + 1, '.')) {
            start =
                token > self->tokens + 1 && pyr_token_is_char(token - 1, '.') ? token - 2 : token;
            end = token + 1;
        }
        if (start != NULL) {
            if (found != NULL) {
                return false;
            }
            found = start;
            behind = skip_alias(end, &self->alias);
            if (behind == NULL) {
                return false;
            }
        }
    }
    if (found == NULL || pyr_token_is_char(behind, '(')) {
        return false; /* or the columns have other names */
    }
    *first = (size_t)(found - self->tokens);
    *next = (size_t)(behind - self->tokens);
    return true;
}

/* Whether a FROM may have it at all; notes what kind of join it makes. */
static bool allows(pyr_conjunct_reader *self, const pyr_token *token) {
    static const char *const refused[] = {"ASOF",  "POSITIONAL", "ANTI",           "SEMI",
                                          "PIVOT", "UNPIVOT",    "MATCH_RECOGNIZE"};
    static const char *const outer[] = {"LEFT", "RIGHT", "FULL", "OUTER"};
    static const char *const merging[] = {"USING", "NATURAL"};
    self->outer = self->outer || IS_ONE_OF(token, outer);
    self->merged = self->merged || IS_ONE_OF(token, merging);
    return !IS_ONE_OF(token, refused);
}

/* Whether a FROM leads to the table, with nothing before it that would be in the way. */
static bool leads_from(pyr_conjunct_reader *self, size_t first) {
    const pyr_token *tokens = self->tokens;
    const pyr_token *before = &tokens[first] - 1;
    if (!is_word(before, "FROM") && !is_word(before, "JOIN") && !pyr_token_is_char(before, ',')) {
        return false;
    }
    int depth = 0;
    for (size_t at = first; at-- > 0;) {
        const pyr_token *token = &tokens[at];
        depth -= depth_change(token);
        if (depth < 0 || (depth == 0 && (!allows(self, token) || is_word(token, "WHERE") ||
                                         (ends_condition(token) && !is_word(token, "USING"))))) {
            return false;
        }
        if (depth == 0 && is_word(token, "FROM") && !is_word(token - 1, "DISTINCT")) {
            return true;
        }
    }
    return false;
}

size_t pyr_conjuncts_find_where(pyr_conjunct_reader *self) {
    size_t first = 0;
    size_t at = 0;
    if (!find_place(self, &first, &at) || !leads_from(self, first)) {
        return 0;
    }
    int depth = 0;
    for (; at < self->count; ++at) {
        const pyr_token *token = &self->tokens[at];
        if (depth == 0 && is_word(token, "WHERE")) {
            return at + 1;
        }
        depth += depth_change(token);
        if (depth < 0 || (depth == 0 && (!allows(self, token) ||
                                         (ends_condition(token) && !is_word(token, "USING"))))) {
            return 0;
        }
    }
    return 0;
}

size_t pyr_conjuncts_find_end(const pyr_conjunct_reader *self, size_t first) {
    int depth = 0;
    size_t at = first;
    for (; at < self->count; ++at) {
        int change = depth_change(&self->tokens[at]);
        if (depth + change < 0 || (depth == 0 && ends_condition(&self->tokens[at]))) {
            break;
        }
        depth += change;
    }
    return at;
}
