/* conjuncts.c - see conjuncts.h.
 *
 * table_place.c finds the WHERE. Its condition is taken apart at the ANDs outside of brackets, and
 * of the parts those are taken that are a column, an operator and constants to the last token.
 */
#include "sql/conjuncts.h"

#include "sql/keywords.h"
#include "sql/literal.h"
#include "sql/table_place.h"

#include <stdlib.h>
#include <strings.h>

enum { NESTING_MAX = 64 };

typedef struct reader {
    pyr_arena *arena;
    const char *table;
    const pyr_token_list *list;
    const pyr_token *tokens; /* the list's */
    pyr_table_place place;
    bool failed;       /* out of memory */
    int32_t questions; /* ? before questions_to, so that a long list is counted once */
    const pyr_token *questions_to;
    pyr_conjunct *conjuncts;
    size_t conjuncts_count, conjuncts_capacity;
} reader;

static bool is_same_name(const pyr_token *a, const pyr_token *b) {
    size_t a_quotes = a->kind == PYR_TOKEN_QUOTED_NAME ? 1 : 0;
    size_t b_quotes = b->kind == PYR_TOKEN_QUOTED_NAME ? 1 : 0;
    size_t length = a->length - 2 * a_quotes;
    return pyr_token_is_identifier(a) && pyr_token_is_identifier(b) &&
           length == b->length - 2 * b_quotes &&
           strncasecmp(a->text + a_quotes, b->text + b_quotes, length) == 0 &&
           memchr(a->text + a_quotes, '"', length) == NULL;
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
        return PYR_TOKEN_IS_KEYWORD_OF(token, integers); /* the same number, or an error */
    }
    if (string && pyr_token_is_keyword(token, "DATE")) {
        constant->type = PYR_CONSTANT_DATE;
    } else if (string && (pyr_token_is_keyword(token, "TIMESTAMP") ||
                          pyr_token_is_keyword(token, "DATETIME"))) {
        constant->type = PYR_CONSTANT_TIMESTAMP;
    } else if (string && pyr_token_is_keyword(token, "TIMESTAMPTZ")) {
        constant->type = PYR_CONSTANT_TIMESTAMPTZ;
    }
    return constant->type != PYR_CONSTANT_PLAIN;
}

static bool read_parameter(reader *self, const pyr_token *token, pyr_constant *out) {
    if (token->kind == PYR_TOKEN_PARAMETER) {
        long number = token->length < 8 ? strtol(token->text + 1, NULL, 10) : 0;
        out->parameter = (int32_t)number;
        return number > 0;
    }
    if (self->list->numbered) {
        return false;
    }
    if (self->questions_to > token) {
        self->questions_to = self->tokens;
        self->questions = 0;
    }
    for (; self->questions_to <= token; ++self->questions_to) {
        self->questions += self->questions_to->kind == PYR_TOKEN_QUESTION;
    }
    out->parameter = self->questions;
    return true;
}

/* A literal with its sign, or a parameter. */
static bool read_plain(reader *self, size_t *at, size_t end, pyr_constant *out) {
    bool negative = false;
    if (*at < end && (pyr_token_is_operator(&self->tokens[*at], "-") ||
                      pyr_token_is_operator(&self->tokens[*at], "+"))) {
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
        !read_plain(self, at, end, out) || *at + 3 > end ||
        !pyr_token_is_keyword(&self->tokens[*at], "AS") || !is_type(&self->tokens[*at + 1], out) ||
        !pyr_token_is_char(&self->tokens[*at + 2], ')')) {
        return false;
    }
    *at += 3;
    return true;
}

/* A constant from *at on; *at moves behind it. */
static bool read_constant(reader *self, size_t *at, size_t end, pyr_constant *out) {
    memset(out, 0, sizeof(*out));
    if (*at < end && pyr_token_is_keyword(&self->tokens[*at], "CAST")) {
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
    if (*at + 1 < end && pyr_token_is_operator(&self->tokens[*at], "::")) {
        *at += 2;
        return is_type(&self->tokens[*at - 1], out);
    }
    return true;
}

/* Lists and the two ends of BETWEEN are compared in one type, which is that of each where they are
 * of one kind. Of parameters that is known when there are values. */
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
    if (*at + 2 < end && pyr_token_is_identifier(token) && pyr_token_is_char(token + 1, '.')) {
        if (self->place.alias != NULL ? !is_same_name(token, self->place.alias)
                                      : !pyr_token_names(token, self->table)) {
            return NULL;
        }
        qualified = true;
        token += 2;
        *at += 2;
    }
    if (*at >= end || !pyr_token_is_identifier(token) || (!qualified && self->place.merged) ||
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
        if (pyr_token_is_operator(token, operators[i].operator)) {
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
    pyr_constant *ends = pyr_arena_array(self->arena, 2, sizeof(*ends));
    if (ends == NULL) {
        self->failed = true;
        return;
    }
    if (!read_constant(self, &at, end, &ends[0]) || at >= end ||
        !pyr_token_is_keyword(&self->tokens[at], "AND")) {
        return;
    }
    ++at;
    if (read_constant(self, &at, end, &ends[1]) && at == end && same_kind(&ends[0], &ends[1])) {
        add(self,
            &(pyr_conjunct){
                .kind = PYR_CONJUNCT_BETWEEN, .column = column, .constants = ends, .count = 2});
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
    bool negated = at < end && pyr_token_is_keyword(&self->tokens[at], "NOT");
    at += negated;
    if (at + 1 != end || !pyr_token_is_keyword(&self->tokens[at], "NULL") ||
        (!negated && self->place.outer)) {
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
    } else if (pyr_token_is_keyword(token, "BETWEEN")) {
        read_between(self, column, at, to);
    } else if (pyr_token_is_keyword(token, "IN")) {
        read_in(self, column, at, to);
    } else if (pyr_token_is_keyword(token, "IS")) {
        read_is(self, column, at, to);
    }
}

/* ---- The condition. ---- */

/* Whether the bracket at from is closed by the last token. */
static bool is_bracketed(const reader *self, size_t from, size_t to) {
    int depth = 0;
    if (to - from < 2 || !pyr_token_is_char(&self->tokens[from], '(')) {
        return false;
    }
    for (size_t i = from; i < to; ++i) {
        depth += pyr_token_bracket(&self->tokens[i]);
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
    const pyr_token *stop = self->tokens + to;
    if (nesting == NESTING_MAX || pyr_condition_is_whole(self->tokens + from, stop)) {
        return;
    }
    size_t end = (size_t)(pyr_condition_part_end(self->tokens + from, stop) - self->tokens);
    if (end == to) {
        read_part(self, from, to);
        return;
    }
    read_condition(self, from, end, nesting + 1);
    while (end < to) {
        from = end + 1;
        end = (size_t)(pyr_condition_part_end(self->tokens + from, stop) - self->tokens);
        read_condition(self, from, end, nesting + 1);
    }
}

pyr_status pyr_sql_conjuncts(const pyr_token_list *list, const char *table, bool function,
                             pyr_arena *arena, pyr_conjunct **out, size_t *count,
                             pyr_error *error) {
    reader self = {.arena = arena,
                   .table = table,
                   .list = list,
                   .tokens = list->tokens,
                   .questions_to = list->tokens};
    *out = NULL;
    *count = 0;
    if (pyr_sql_find_place(list, table, function, &self.place)) {
        read_condition(&self, (size_t)(self.place.from - self.tokens),
                       (size_t)(self.place.to - self.tokens), 0);
    }
    if (self.failed) {
        return pyr_arena_error(arena, error);
    }
    *out = self.conjuncts;
    *count = self.conjuncts_count;
    return PYR_OK;
}
