/* repeats.c - whether a query can be run a second time: it reads stored tables, or none, and no
 * file, which may be a pipe that is empty by then. What stands where a table may is looked at; of
 * what is not understood the answer is no.
 */
#include "engines/needed.h"
#include "session/session_internal.h"
#include "sql/lexer.h"

#include <string.h>

enum { DEPTH_MAX = 64 };

typedef struct walk {
    pyr_execution *execution;
    pyr_lexer lexer;
    pyr_token token;         /* the one looked at */
    bool in_from[DEPTH_MAX]; /* in each bracket: a ',' comes before another source */
    size_t depth;
} walk;

static void advance(walk *self) {
    self->token = pyr_lexer_next(&self->lexer);
}

static bool is_one_of(const pyr_token *token, const char *const *words, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        if (pyr_token_is_word(token, words[i])) {
            return true;
        }
    }
    return false;
}

/* The table of the snapshot that a token names; schema NULL: none is given. */
static bool is_stored(const walk *self, const pyr_token *schema, const pyr_token *name) {
    char texts[2][PYR_NAME_BYTES_MAX + 1];
    const pyr_token *const tokens[] = {schema, name};
    for (size_t i = 0; i < 2; ++i) {
        size_t quotes = tokens[i] != NULL && tokens[i]->kind == PYR_TOKEN_QUOTED_NAME;
        size_t length = tokens[i] != NULL ? tokens[i]->length - 2 * quotes : 0;
        if (length > PYR_NAME_BYTES_MAX) {
            return false;
        }
        memcpy(texts[i], tokens[i] != NULL ? tokens[i]->text + quotes : "", length);
        texts[i][length] = '\0';
    }
    pyr_name found = {.schema_name = schema != NULL ? texts[0] : NULL, .name = texts[1]};
    pyr_name_in_session(self->execution, &found);
    const pyr_table *table =
        pyr_snapshot_find(self->execution->snapshot, found.schema_name, found.name);
    return table != NULL && table->external == NULL;
}

/* Whether the source that begins here is a stored table, a list of numbers, or a bracket, which is
 * looked at as all that follows. */
static bool look_at_source(walk *self) {
    static const char *const lists[] = {"RANGE", "GENERATE_SERIES", "UNNEST"};
    if (pyr_token_is_word(&self->token, "LATERAL")) {
        advance(self);
    }
    if (pyr_token_is_char(&self->token, '(') || pyr_token_is_word(&self->token, "VALUES")) {
        return true;
    }
    if (!pyr_token_is_identifier(&self->token)) {
        return false;
    }
    pyr_token first = self->token;
    pyr_token second = first;
    advance(self);
    bool has_schema = pyr_token_is_char(&self->token, '.');
    if (has_schema) {
        advance(self);
        second = self->token;
        advance(self);
    }
    if (pyr_token_is_char(&self->token, '(')) {
        return !has_schema && is_one_of(&first, lists, sizeof(lists) / sizeof(lists[0]));
    }
    return pyr_token_is_identifier(&second) && !pyr_token_is_char(&self->token, '.') &&
           !pyr_token_is_char(&self->token, ':') &&
           is_stored(self, has_schema ? &first : NULL, &second);
}

/* Steps into a bracket. as_source: it stands where a table may, so that joins may be in it. */
static bool open_bracket(walk *self, bool as_source) {
    static const char *const queries[] = {"SELECT", "FROM", "VALUES"};
    if (++self->depth == DEPTH_MAX) {
        return false;
    }
    self->in_from[self->depth] = false;
    advance(self);
    if (pyr_token_is_word(&self->token, "DESC")) { /* elsewhere it is an order */
        return false;
    }
    if (!as_source || is_one_of(&self->token, queries, sizeof(queries) / sizeof(queries[0]))) {
        return true;
    }
    self->in_from[self->depth] = true;
    return pyr_token_is_char(&self->token, '(') ? open_bracket(self, true) : look_at_source(self);
}

static bool is_bracket(const pyr_token *token, const char *three) {
    return pyr_token_is_char(token, three[0]) || pyr_token_is_char(token, three[1]) ||
           pyr_token_is_char(token, three[2]);
}

/* One token of a query, or a source. false: nobody knows what is read. */
static bool look_at_token(walk *self) {
    static const char *const unknown[] = {"WITH",  "TABLE",     "DESCRIBE",    "SHOW",
                                          "PIVOT", "SUMMARIZE", "PIVOT_WIDER", "PIVOT_LONGER",
                                          "CALL",  "UNPIVOT"};
    static const char *const ends[] = {"SELECT", "WHERE", "GROUP",  "HAVING",
                                       "ORDER",  "LIMIT", "OFFSET", "QUALIFY",
                                       "WINDOW", "UNION", "EXCEPT", "INTERSECT"};
    bool comma = pyr_token_is_char(&self->token, ',') && self->in_from[self->depth];
    if (comma || pyr_token_is_word(&self->token, "FROM") ||
        pyr_token_is_word(&self->token, "JOIN")) {
        self->in_from[self->depth] = true;
        advance(self);
        return pyr_token_is_char(&self->token, '(') ? open_bracket(self, true)
                                                    : look_at_source(self);
    }
    if (is_bracket(&self->token, "([{")) {
        return open_bracket(self, false);
    }
    if (is_one_of(&self->token, ends, sizeof(ends) / sizeof(ends[0]))) {
        self->in_from[self->depth] = false;
    }
    self->depth -= is_bracket(&self->token, ")]}") && self->depth > 0;
    bool known = !is_one_of(&self->token, unknown, sizeof(unknown) / sizeof(unknown[0]));
    advance(self);
    return known;
}

/* Views and macros may hold anything. */
static bool means_objects(const pyr_execution *execution, const char *sql, size_t length) {
    const char *schema = execution->settings.schema_name;
    pyr_needed needed;
    if (pyr_entries_count(pyr_snapshot_entries(execution->snapshot)) == 0) {
        return false;
    }
    if (pyr_needed_find(execution->snapshot, schema[0] != '\0' ? schema : NULL, sql, length, NULL,
                        &needed, NULL) != PYR_OK) {
        return true;
    }
    bool any = false;
    for (size_t i = 0; i < needed.objects_count; ++i) {
        pyr_entry_kind kind = needed.objects[i]->kind;
        any |= kind == PYR_ENTRY_VIEW || kind == PYR_ENTRY_MACRO || kind == PYR_ENTRY_TABLE_MACRO;
    }
    pyr_needed_deinit(&needed);
    return any;
}

bool pyr_query_repeats(pyr_execution *execution, const char *sql, size_t length) {
    walk self = {.execution = execution, .lexer = pyr_lexer_over(sql, length)};
    advance(&self);
    while (self.token.kind != PYR_TOKEN_END && self.token.kind != PYR_TOKEN_ERROR) {
        if (!look_at_token(&self)) {
            return false;
        }
    }
    return self.token.kind == PYR_TOKEN_END && !means_objects(execution, sql, length);
}
