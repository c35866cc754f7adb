/* conjuncts.c - see conjuncts.h.
 *
 * Only a text that names the table once is looked at, in a FROM with joins followed by WHERE. Of
 * outer joins the missing side's columns are NULL, which no comparison lets through: leaving out a
 * row that would not pass changes only rows that do not pass, either; but for IS NULL. Joins that
 * choose among rows (ASOF, POSITIONAL, ANTI, SEMI) and samples end the search. The condition is
 * taken apart at the ANDs outside of brackets, and of its parts those are taken that are a column,
 * an operator and constants to the last token.
 */
#include "sql/conjuncts.h"

#include "sql/keywords.h"
#include "sql/literal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { NESTING_MAX = 64 };

typedef struct reader {
    pyr_arena *arena;
    const char *table;
    pyr_token *tokens; /* an END before the first and behind the last */
    size_t count;
    const pyr_token *alias; /* what the table is called; NULL: its name */
    bool outer;             /* an outer join: columns are NULL that are not in the table */
    bool merged;            /* USING, NATURAL: a bare column may be another table's */
    bool failed;            /* out of memory */
    pyr_conjunct *conjuncts;
    size_t conjuncts_count, conjuncts_capacity;
} reader;

/* ---- Tokens. ---- */

static bool read_tokens(reader *self, const char *sql, size_t length) {
    pyr_lexer lexer = pyr_lexer_over(sql, length);
    size_t total = 2;
    while (pyr_lexer_next(&lexer).kind != PYR_TOKEN_END) {
        ++total;
    }
    pyr_token *tokens = pyr_arena_array(self->arena, total, sizeof(*tokens));
    if (tokens == NULL) {
        return false;
    }
    tokens[0].kind = PYR_TOKEN_END;
    tokens[0].text = sql;
    lexer = pyr_lexer_over(sql, length);
    for (size_t i = 1; i < total; ++i) {
        tokens[i] = pyr_lexer_next(&lexer);
    }
    self->tokens = tokens + 1;
    self->count = total - 2;
    return true;
}

/* Quoted names with quotes inside are none of those looked for. */
static bool is_named(const pyr_token *token, const char *name) {
    size_t quotes = token->kind == PYR_TOKEN_QUOTED_NAME ? 1 : 0;
    size_t length = strlen(name);
    return (token->kind == PYR_TOKEN_WORD || quotes == 1) && token->length == length + 2 * quotes &&
           strncasecmp(token->text + quotes, name, length) == 0;
}

static bool is_name(const pyr_token *token) {
    return token->kind == PYR_TOKEN_WORD || token->kind == PYR_TOKEN_QUOTED_NAME;
}

static bool is_same_name(const pyr_token *a, const pyr_token *b) {
    size_t a_quotes = a->kind == PYR_TOKEN_QUOTED_NAME ? 1 : 0;
    size_t b_quotes = b->kind == PYR_TOKEN_QUOTED_NAME ? 1 : 0;
    size_t length = a->length - 2 * a_quotes;
    return is_name(a) && is_name(b) && length == b->length - 2 * b_quotes &&
           strncasecmp(a->text + a_quotes, b->text + b_quotes, length) == 0 &&
           memchr(a->text + a_quotes, '"', length) == NULL;
}

static bool is_string_of(const pyr_token *token, const char *name) {
    return token->kind == PYR_TOKEN_STRING && token->length == strlen(name) + 2 &&
           strncasecmp(token->text + 1, name, strlen(name)) == 0;
}

/* A keyword; what follows a point is a name whatever it is. */
static bool is_word(const pyr_token *token, const char *word) {
    return pyr_token_is_word(token, word) && !pyr_token_is_char(token - 1, '.');
}

static bool is_one_of(const pyr_token *token, const char *const *words, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        if (is_word(token, words[i])) {
            return true;
        }
    }
    return false;
}
#define IS_ONE_OF(token, words) is_one_of(token, words, sizeof(words) / sizeof((words)[0]))

static bool is_operator(const pyr_token *token, const char *operator) {
    return token->kind == PYR_TOKEN_OPERATOR && token->length == strlen(operator) &&
           memcmp(token->text, operator, token->length) == 0;
}

static int depth_change(const pyr_token *token) {
    static const char opening[] = "([{";
    static const char closing[] = ")]}";
    for (int i = 0; i < 3; ++i) {
        if (pyr_token_is_char(token, opening[i])) {
            return 1;
        }
        if (pyr_token_is_char(token, closing[i])) {
            return -1;
        }
    }
    return is_word(token, "CASE") ? 1 : is_word(token, "END") ? -1 : 0;
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
        if (is_named(token, functions[i]) && pyr_token_is_char(token + 1, '(')) {
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
static bool is_row_scan(const reader *self, const pyr_token *token) {
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
                                        "UNPIVOT",    "OUTER", "LATERAL", "AT"};
    *alias = NULL;
    if (is_word(token, "AS")) {
        *alias = token + 1;
        return is_name(token + 1) ? token + 2 : NULL;
    }
    if (is_name(token) && !IS_ONE_OF(token, words) && !ends_condition(token)) {
        *alias = token;
        return token + 1;
    }
    return token;
}

/* *first and *next: the table's one place from its first token to the one behind its alias. */
static bool find_place(reader *self, size_t *first, size_t *next) {
    const pyr_token *found = NULL;
    const pyr_token *behind = NULL;
    for (const pyr_token *token = self->tokens; token < self->tokens + self->count; ++token) {
        const pyr_token *start = NULL;
        const pyr_token *end = NULL;
        if (hides_tables(token) || is_strange_name(token)) {
            return false;
        }
        if (is_named(token, "pyr_scan_rows")) {
            if (!is_row_scan(self, token)) {
                return false;
            }
            start = is_string_of(token + 4, self->table) ? token : NULL;
            end = token + 6;
            token += start != NULL ? 5 : 4;
        } else if (is_string_of(token, self->table)) {
            return false;
        } else if (is_named(token, self->table) && !pyr_token_is_char(token + 1, '.')) {
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
            token = behind - 1; /* an alias of the same name is no second place */
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
static bool allows(reader *self, const pyr_token *token) {
    static const char *const refused[] = {"ASOF",  "POSITIONAL", "ANTI",           "SEMI",
                                          "PIVOT", "UNPIVOT",    "MATCH_RECOGNIZE"};
    static const char *const outer[] = {"LEFT", "RIGHT", "FULL", "OUTER"};
    static const char *const merging[] = {"USING", "NATURAL"};
    self->outer = self->outer || IS_ONE_OF(token, outer);
    self->merged = self->merged || IS_ONE_OF(token, merging);
    return !IS_ONE_OF(token, refused);
}

/* Whether a FROM leads to the table, with nothing before it that would be in the way. */
static bool leads_from(reader *self, size_t first) {
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

/* The place behind WHERE; 0 where there is none, or what stands before it is not understood. */
static size_t find_where(reader *self) {
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

static size_t find_end(const reader *self, size_t first) {
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

/* ---- Constants. ---- */

static bool is_type(const pyr_token *token, pyr_constant *constant) {
    static const char *const integers[] = {
        "BIGINT",   "INTEGER", "INT",  "SMALLINT", "TINYINT", "UBIGINT", "UINTEGER", "USMALLINT",
        "UTINYINT", "INT8",    "INT4", "INT2",     "INT1",    "LONG",    "SHORT"};
    bool string = constant->parameter == 0 && constant->literal.kind == PYR_LITERAL_STRING;
    bool integer = constant->parameter == 0 && (constant->literal.kind == PYR_LITERAL_INTEGER ||
                                                constant->literal.kind == PYR_LITERAL_BIGINT);
    if (pyr_token_is_char(token + 1, '.') || constant->type != PYR_CONSTANT_PLAIN) {
        return false;
    }
    if (integer) {
        return IS_ONE_OF(token, integers); /* the same number, or an error */
    }
    if (string && is_word(token, "DATE")) {
        constant->type = PYR_CONSTANT_DATE;
    } else if (string && (is_word(token, "TIMESTAMP") || is_word(token, "DATETIME"))) {
        constant->type = PYR_CONSTANT_TIMESTAMP;
    } else if (string && is_word(token, "TIMESTAMPTZ")) {
        constant->type = PYR_CONSTANT_TIMESTAMPTZ;
    }
    return constant->type != PYR_CONSTANT_PLAIN;
}

static bool read_parameter(const reader *self, const pyr_token *token, pyr_constant *out) {
    if (token->kind == PYR_TOKEN_PARAMETER) {
        long number = token->length < 8 ? strtol(token->text + 1, NULL, 10) : 0;
        out->parameter = (int32_t)number;
        return number > 0;
    }
    for (const pyr_token *at = self->tokens; at <= token; ++at) {
        out->parameter += at->kind == PYR_TOKEN_QUESTION;
        if (at->kind == PYR_TOKEN_QUESTION && at[1].kind == PYR_TOKEN_INTEGER) {
            return false; /* ?1 */
        }
    }
    return token[1].kind != PYR_TOKEN_INTEGER;
}

/* A literal with its sign, or a parameter. */
static bool read_plain(reader *self, size_t *at, size_t end, pyr_constant *out) {
    bool negative = false;
    if (*at < end &&
        (is_operator(&self->tokens[*at], "-") || is_operator(&self->tokens[*at], "+"))) {
        negative = self->tokens[*at].text[0] == '-';
        ++*at;
        if (*at < end && self->tokens[*at].kind != PYR_TOKEN_INTEGER &&
            self->tokens[*at].kind != PYR_TOKEN_DECIMAL &&
            self->tokens[*at].kind != PYR_TOKEN_FLOAT) {
            return false;
        }
    }
    if (*at >= end) {
        return false;
    }
    const pyr_token *token = &self->tokens[(*at)++];
    if (token->kind == PYR_TOKEN_PARAMETER || token->kind == PYR_TOKEN_QUESTION) {
        return read_parameter(self, token, out);
    }
    pyr_literal_result result = pyr_literal_from_token(token, negative, self->arena, &out->literal);
    self->failed = self->failed || result == PYR_LITERAL_RESULT_MEMORY;
    return result == PYR_LITERAL_RESULT_OK && out->literal.kind != PYR_LITERAL_NULL;
}

/* CAST(constant AS type), behind CAST. */
static bool read_cast(reader *self, size_t *at, size_t end, pyr_constant *out) {
    if (*at >= end || !pyr_token_is_char(&self->tokens[(*at)++], '(') ||
        !read_plain(self, at, end, out) || *at + 3 > end || !is_word(&self->tokens[*at], "AS") ||
        !is_type(&self->tokens[*at + 1], out) || !pyr_token_is_char(&self->tokens[*at + 2], ')')) {
        return false;
    }
    *at += 3;
    return true;
}

/* A constant from *at on; *at moves behind it. */
static bool read_constant(reader *self, size_t *at, size_t end, pyr_constant *out) {
    memset(out, 0, sizeof(*out));
    if (*at < end && is_word(&self->tokens[*at], "CAST")) {
        ++*at;
        return read_cast(self, at, end, out);
    }
    const pyr_token *type = NULL;
    if (*at + 1 < end && self->tokens[*at].kind == PYR_TOKEN_WORD &&
        pyr_token_is_string(&self->tokens[*at + 1])) {
        type = &self->tokens[(*at)++];
    }
    if (!read_plain(self, at, end, out) || (type != NULL && !is_type(type, out))) {
        return false;
    }
    if (*at + 1 < end && is_operator(&self->tokens[*at], "::")) {
        *at += 2;
        return is_type(&self->tokens[*at - 1], out);
    }
    return true;
}

/* Lists are compared in one type, which is that of each where they are of one kind. */
static bool same_kind(const pyr_constant *a, const pyr_constant *b) {
    bool a_integer =
        a->literal.kind == PYR_LITERAL_INTEGER || a->literal.kind == PYR_LITERAL_BIGINT;
    bool b_integer =
        b->literal.kind == PYR_LITERAL_INTEGER || b->literal.kind == PYR_LITERAL_BIGINT;
    if (a->parameter != 0 || b->parameter != 0) {
        return a->parameter != 0 && b->parameter != 0;
    }
    return a->type == b->type && (a->literal.kind == b->literal.kind || (a_integer && b_integer));
}

/* ---- Parts. ---- */

/* A column from *at on; *at moves behind it. */
static char *read_column(reader *self, size_t *at, size_t end) {
    const pyr_token *token = &self->tokens[*at];
    bool qualified = false;
    if (*at + 2 < end && is_name(token) && pyr_token_is_char(token + 1, '.')) {
        if (self->alias != NULL ? !is_same_name(token, self->alias)
                                : !is_named(token, self->table)) {
            return NULL;
        }
        qualified = true;
        token += 2;
        *at += 2;
    }
    if (*at >= end || !is_name(token) || (!qualified && self->merged) ||
        (token->kind == PYR_TOKEN_WORD && !qualified &&
         pyr_keyword_classify(token->text, token->length) >= PYR_KEYWORD_OPERATOR) ||
        pyr_token_is_char(token + 1, '.')) {
        return NULL;
    }
    size_t quotes = token->kind == PYR_TOKEN_QUOTED_NAME ? 1 : 0;
    size_t length = token->length - 2 * quotes;
    if (memchr(token->text + quotes, '"', length) != NULL) {
        return NULL;
    }
    ++*at;
    char *name = pyr_arena_strndup(self->arena, token->text + quotes, length);
    self->failed = self->failed || name == NULL;
    return name;
}

static void add(reader *self, const pyr_conjunct *conjunct) {
    if (self->conjuncts_count == self->conjuncts_capacity) {
        size_t capacity = self->conjuncts_capacity > 0 ? 2 * self->conjuncts_capacity : 8;
        pyr_conjunct *grown = pyr_arena_array(self->arena, capacity, sizeof(*grown));
        if (grown == NULL) {
            self->failed = true;
            return;
        }
        if (self->conjuncts_count > 0) {
            memcpy(grown, self->conjuncts, self->conjuncts_count * sizeof(*grown));
        }
        self->conjuncts = grown;
        self->conjuncts_capacity = capacity;
    }
    self->conjuncts[self->conjuncts_count++] = *conjunct;
}

static bool read_comparison(const pyr_token *token, bool turned, pyr_comparison *out) {
    static const struct {
        const char *operator;
        pyr_comparison as_is, turned;
    } operators[] = {
        {"=", PYR_COMPARISON_EQUAL, PYR_COMPARISON_EQUAL},
        {"==", PYR_COMPARISON_EQUAL, PYR_COMPARISON_EQUAL},
        {"<", PYR_COMPARISON_LESS, PYR_COMPARISON_GREATER},
        {"<=", PYR_COMPARISON_LESS_EQUAL, PYR_COMPARISON_GREATER_EQUAL},
        {">", PYR_COMPARISON_GREATER, PYR_COMPARISON_LESS},
        {">=", PYR_COMPARISON_GREATER_EQUAL, PYR_COMPARISON_LESS_EQUAL},
    };
    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); ++i) {
        if (is_operator(token, operators[i].operator)) {
            *out = turned ? operators[i].turned : operators[i].as_is;
            return true;
        }
    }
    return false;
}

static void add_comparison(reader *self, const char *column, pyr_comparison comparison,
                           const pyr_constant *constant) {
    pyr_constant *kept = pyr_arena_alloc(self->arena, sizeof(*kept));
    if (kept == NULL) {
        self->failed = true;
        return;
    }
    *kept = *constant;
    add(self, &(pyr_conjunct){PYR_CONJUNCT_COMPARE, column, comparison, kept, 1});
}

/* column BETWEEN constant AND constant, behind BETWEEN. */
static void read_between(reader *self, const char *column, size_t at, size_t end) {
    pyr_constant low;
    pyr_constant high;
    if (!read_constant(self, &at, end, &low) || at >= end || !is_word(&self->tokens[at], "AND")) {
        return;
    }
    ++at;
    if (read_constant(self, &at, end, &high) && at == end && same_kind(&low, &high)) {
        add_comparison(self, column, PYR_COMPARISON_GREATER_EQUAL, &low);
        add_comparison(self, column, PYR_COMPARISON_LESS_EQUAL, &high);
    }
}

/* column IN (constant, ...), behind IN. */
static void read_in(reader *self, const char *column, size_t at, size_t end) {
    size_t capacity = (end - at) / 2 + 1;
    pyr_constant *constants = pyr_arena_array(self->arena, capacity, sizeof(*constants));
    size_t count = 0;
    if (constants == NULL) {
        self->failed = true;
        return;
    }
    if (at >= end || !pyr_token_is_char(&self->tokens[at], '(')) {
        return;
    }
    do {
        ++at;
        if (count == capacity || !read_constant(self, &at, end, &constants[count]) ||
            !same_kind(&constants[0], &constants[count])) {
            return;
        }
        ++count;
    } while (at < end && pyr_token_is_char(&self->tokens[at], ','));
    if (at + 1 == end && pyr_token_is_char(&self->tokens[at], ')')) {
        add(self, &(pyr_conjunct){PYR_CONJUNCT_IN, column, PYR_COMPARISON_IN, constants, count});
    }
}

/* column IS [NOT] NULL, behind IS. */
static void read_is(reader *self, const char *column, size_t at, size_t end) {
    bool negated = at < end && is_word(&self->tokens[at], "NOT");
    at += negated;
    if (at + 1 != end || !is_word(&self->tokens[at], "NULL") || (!negated && self->outer)) {
        return;
    }
    add(self, &(pyr_conjunct){.kind = negated ? PYR_CONJUNCT_IS_NOT_NULL : PYR_CONJUNCT_IS_NULL,
                              .column = column});
}

/* The constant first: 5 < column. */
static void read_turned(reader *self, size_t at, size_t end) {
    pyr_constant constant;
    pyr_comparison comparison;
    if (!read_constant(self, &at, end, &constant) || at >= end ||
        !read_comparison(&self->tokens[at++], true, &comparison) || at >= end) {
        return;
    }
    const char *column = read_column(self, &at, end);
    if (column != NULL && at == end) {
        add_comparison(self, column, comparison, &constant);
    }
}

static void read_part(reader *self, size_t from, size_t to) {
    size_t at = from;
    if (from >= to) {
        return;
    }
    const char *column = read_column(self, &at, to);
    if (column == NULL || at >= to) {
        read_turned(self, from, to);
        return;
    }
    const pyr_token *token = &self->tokens[at++];
    pyr_comparison comparison;
    pyr_constant constant;
    if (read_comparison(token, false, &comparison)) {
        if (read_constant(self, &at, to, &constant) && at == to) {
            add_comparison(self, column, comparison, &constant);
        }
    } else if (is_word(token, "BETWEEN")) {
        read_between(self, column, at, to);
    } else if (is_word(token, "IN")) {
        read_in(self, column, at, to);
    } else if (is_word(token, "IS")) {
        read_is(self, column, at, to);
    }
}

/* ---- The condition. ---- */

/* Whether an AND of the tokens may not be what holds them together: beside an OR, an operator that
 * may bind less, or in a query. */
static bool is_whole(const reader *self, size_t from, size_t to) {
    static const char *const words[] = {"OR", "SELECT", "FROM", "WHERE", "WITH", "VALUES", "TABLE"};
    int depth = 0;
    for (size_t i = from; i < to; ++i) {
        const pyr_token *token = &self->tokens[i];
        depth += depth_change(token);
        if (depth == 0 && IS_ONE_OF(token, words)) {
            return true;
        }
        if (token->kind == PYR_TOKEN_OPERATOR && memchr(token->text, '>', token->length) != NULL &&
            memchr(token->text, '-', token->length) != NULL) {
            return true;
        }
    }
    return false;
}

/* Whether the bracket at from is closed by the last token. */
static bool is_bracketed(const reader *self, size_t from, size_t to) {
    int depth = 0;
    if (to - from < 2 || !pyr_token_is_char(&self->tokens[from], '(')) {
        return false;
    }
    for (size_t i = from; i < to; ++i) {
        depth += depth_change(&self->tokens[i]);
        if (depth == 0) {
            return i + 1 == to;
        }
    }
    return false;
}

/* a AND b BETWEEN 1 AND 2 AND (c AND d): four parts. */
static void read_condition(reader *self, size_t from, size_t to, int nesting) {
    while (is_bracketed(self, from, to)) {
        ++from;
        --to;
    }
    if (nesting == NESTING_MAX || is_whole(self, from, to)) {
        return;
    }
    int depth = 0;
    int between = 0;
    size_t start = from;
    for (size_t i = from; i < to; ++i) {
        const pyr_token *token = &self->tokens[i];
        depth += depth_change(token);
        if (depth > 0) {
            continue;
        }
        if (is_word(token, "BETWEEN")) {
            ++between;
        } else if (is_word(token, "AND") && between-- <= 0) {
            read_condition(self, start, i, nesting + 1);
            start = i + 1;
            between = 0;
        }
    }
    if (start == from) {
        read_part(self, from, to);
    } else {
        read_condition(self, start, to, nesting + 1);
    }
}

pyr_status pyr_sql_conjuncts(const char *sql, size_t length, const char *table, pyr_arena *arena,
                             pyr_conjunct **out, size_t *count, pyr_error *error) {
    reader self = {.arena = arena, .table = table};
    *out = NULL;
    *count = 0;
    if (!read_tokens(&self, sql, length)) {
        return pyr_arena_error(arena, error);
    }
    size_t first = find_where(&self);
    if (first > 0) {
        read_condition(&self, first, find_end(&self, first), 0);
    }
    if (self.failed) {
        return pyr_arena_error(arena, error);
    }
    *out = self.conjuncts;
    *count = self.conjuncts_count;
    return PYR_OK;
}

bool pyr_sql_may_mention(const char *text, size_t length, const char *name) {
    pyr_lexer lexer = pyr_lexer_over(text, length);
    pyr_token token = pyr_lexer_next(&lexer);
    size_t size = strlen(name);
    for (; token.kind != PYR_TOKEN_END; token = pyr_lexer_next(&lexer)) {
        bool whole = token.kind == PYR_TOKEN_WORD;
        bool within = pyr_token_is_string(&token) || token.kind == PYR_TOKEN_QUOTED_NAME ||
                      token.kind == PYR_TOKEN_ERROR;
        for (size_t i = 0; i + size <= token.length && (whole || within); ++i) {
            if (strncasecmp(token.text + i, name, size) == 0 && (within || token.length == size)) {
                return true;
            }
        }
    }
    return false;
}
