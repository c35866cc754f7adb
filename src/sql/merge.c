/* merge.c - MERGE INTO t USING s ON c WHEN ... THEN ...: taken apart into its clauses. */
#include "sql/sql_internal.h"

#include <string.h>

/* WHEN [NOT] MATCHED [BY SOURCE | BY TARGET]. */
static pyr_status parse_when(pyr_parser *parser, pyr_merge_clause *clause) {
    clause->when = pyr_parser_accept(parser, "NOT") ? PYR_MERGE_NOT_MATCHED : PYR_MERGE_MATCHED;
    PYR_TRY(pyr_parser_expect(parser, "MATCHED"));
    if (clause->when == PYR_MERGE_NOT_MATCHED && pyr_parser_accept(parser, "BY")) {
        if (pyr_parser_accept(parser, "SOURCE")) {
            clause->when = PYR_MERGE_NOT_MATCHED_BY_SOURCE;
        } else {
            PYR_TRY(pyr_parser_expect(parser, "TARGET"));
        }
    }
    return PYR_OK;
}

/* BY NAME, BY POSITION or nothing, which is by position. */
static pyr_status parse_by(pyr_parser *parser, pyr_merge_clause *clause) {
    clause->from = PYR_MERGE_VALUES_BY_PLACE;
    if (!pyr_parser_accept(parser, "BY") || pyr_parser_accept(parser, "POSITION")) {
        return PYR_OK;
    }
    clause->from = PYR_MERGE_VALUES_BY_NAME;
    return pyr_parser_expect(parser, "NAME");
}

static bool accept_star(pyr_parser *parser) {
    const pyr_token *token = &parser->token;
    bool star = token->kind == PYR_TOKEN_OPERATOR && token->length == 1 && token->text[0] == '*';
    if (star) {
        pyr_parser_next(parser);
    }
    return star;
}

static pyr_status parse_update_action(pyr_parser *parser, pyr_merge_clause *clause) {
    if (!pyr_parser_accept(parser, "SET")) {
        return parse_by(parser, clause);
    }
    if (accept_star(parser)) {
        clause->from = PYR_MERGE_VALUES_BY_PLACE;
        return PYR_OK;
    }
    return pyr_parse_assignments(parser, &clause->values);
}

static pyr_status parse_insert_value(pyr_parser *parser, pyr_merge_clause *clause, char *name) {
    pyr_assignments *values = &clause->values;
    if (values->count >= PYR_PARSE_COLUMNS_MAX) {
        return pyr_error_set_sql(parser->error, PYR_ERROR_LIMIT, "54011",
                                 (int32_t)parser->token.offset, "more than %d values",
                                 PYR_PARSE_COLUMNS_MAX);
    }
    values->items = pyr_parser_grow(parser, values->items, values->count, sizeof(*values->items));
    if (values->items == NULL) {
        return pyr_parser_memory(parser);
    }
    pyr_assignment value = {.column = name, .offset = parser->token.offset};
    PYR_TRY(pyr_parse_assigned(parser, &value));
    values->items[values->count++] = value;
    return PYR_OK;
}

/* [(a, b)] VALUES (x, y), with the names given before. */
static pyr_status parse_insert_values(pyr_parser *parser, pyr_merge_clause *clause, char **names,
                                      size_t names_count) {
    size_t offset = parser->token.offset;
    PYR_TRY(pyr_parser_expect(parser, "VALUES"));
    PYR_TRY(pyr_parser_expect_char(parser, '('));
    do {
        size_t index = clause->values.count;
        char *name = index < names_count ? names[index] : NULL;
        PYR_TRY(parse_insert_value(parser, clause, name));
    } while (pyr_parser_accept_char(parser, ','));
    PYR_TRY(pyr_parser_expect_char(parser, ')'));
    return names_count == 0 || names_count == clause->values.count
               ? PYR_OK
               : pyr_error_set_sql(parser->error, PYR_ERROR_SQL, "42601", (int32_t)offset,
                                   "%zu columns are to be filled, but %zu values are given",
                                   names_count, clause->values.count);
}

static pyr_status parse_insert_action(pyr_parser *parser, pyr_merge_clause *clause) {
    char **names = NULL;
    size_t names_count = 0;
    if (pyr_parser_accept(parser, "DEFAULT")) {
        clause->from = PYR_MERGE_VALUES_OF_DEFAULTS;
        return pyr_parser_expect(parser, "VALUES");
    }
    if (accept_star(parser)) {
        clause->from = PYR_MERGE_VALUES_BY_PLACE;
        return PYR_OK;
    }
    if (pyr_parser_at_char(parser, '(')) {
        PYR_TRY(pyr_parser_names(parser, &names, &names_count));
    }
    return names_count > 0 || pyr_parser_at(parser, "VALUES")
               ? parse_insert_values(parser, clause, names, names_count)
               : parse_by(parser, clause);
}

static bool at_clause_end(const pyr_parser *parser) {
    return pyr_parser_at_end(parser) || pyr_parser_at(parser, "WHEN") ||
           pyr_parser_at(parser, "RETURNING");
}

static pyr_status parse_action(pyr_parser *parser, pyr_merge_clause *clause) {
    if (pyr_parser_accept(parser, "UPDATE")) {
        clause->act = PYR_MERGE_UPDATE;
        return parse_update_action(parser, clause);
    }
    if (pyr_parser_accept(parser, "INSERT")) {
        clause->act = PYR_MERGE_INSERT;
        return parse_insert_action(parser, clause);
    }
    if (pyr_parser_accept(parser, "DELETE")) {
        clause->act = PYR_MERGE_DELETE;
        return PYR_OK;
    }
    if (pyr_parser_accept(parser, "ERROR")) {
        clause->act = PYR_MERGE_FAIL;
        return at_clause_end(parser)
                   ? PYR_OK
                   : pyr_parse_piece(parser, PYR_PIECE_EXPRESSION, "a message", &clause->message);
    }
    clause->act = PYR_MERGE_NOTHING;
    if (!pyr_parser_accept(parser, "DO")) {
        return pyr_parser_syntax(parser, "UPDATE, INSERT, DELETE, DO NOTHING or ERROR");
    }
    return pyr_parser_expect(parser, "NOTHING");
}

/* A row that a clause is for must be there: one of the source alone can be inserted only, one of
 * the table cannot be inserted again. */
static pyr_status check_action(const pyr_parser *parser, const pyr_merge_clause *clause) {
    bool there = clause->when != PYR_MERGE_NOT_MATCHED;
    bool wrong = there ? clause->act == PYR_MERGE_INSERT
                       : clause->act == PYR_MERGE_UPDATE || clause->act == PYR_MERGE_DELETE;
    bool no_source = clause->when == PYR_MERGE_NOT_MATCHED_BY_SOURCE &&
                     clause->act == PYR_MERGE_UPDATE && clause->from != PYR_MERGE_VALUES_LIST;
    if (!wrong && !no_source) {
        return PYR_OK;
    }
    return pyr_error_set_sql(
        parser->error, PYR_ERROR_SQL, "42601", (int32_t)clause->offset,
        no_source ? "WHEN NOT MATCHED BY SOURCE: there is no row of the source to take values from"
        : there   ? "WHEN MATCHED and WHEN NOT MATCHED BY SOURCE cannot be combined with INSERT"
                  : "WHEN NOT MATCHED cannot be combined with UPDATE or DELETE actions");
}

/* Behind a clause without a condition another of its kind could never act. */
static pyr_status check_reachable(const pyr_parser *parser, const pyr_merge *merge,
                                  const pyr_merge_clause *clause) {
    for (size_t i = 0; i < merge->clauses_count; ++i) {
        const pyr_merge_clause *before = &merge->clauses[i];
        if (before->when == clause->when && before->condition.text == NULL &&
            clause->condition.text == NULL) {
            return pyr_error_set_sql(parser->error, PYR_ERROR_SQL, "42601", (int32_t)clause->offset,
                                     "there can be only one unconditional WHEN %s clause",
                                     clause->when == PYR_MERGE_MATCHED ? "MATCHED"
                                     : clause->when == PYR_MERGE_NOT_MATCHED
                                         ? "NOT MATCHED"
                                         : "NOT MATCHED BY SOURCE");
        }
    }
    return PYR_OK;
}

static pyr_status parse_clause(pyr_parser *parser, pyr_merge *merge) {
    if (merge->clauses_count >= PYR_PARSE_COLUMNS_MAX) {
        return pyr_error_set_sql(parser->error, PYR_ERROR_LIMIT, "54011",
                                 (int32_t)parser->token.offset, "more than %d WHEN clauses",
                                 PYR_PARSE_COLUMNS_MAX);
    }
    merge->clauses =
        pyr_parser_grow(parser, merge->clauses, merge->clauses_count, sizeof(*merge->clauses));
    if (merge->clauses == NULL) {
        return pyr_parser_memory(parser);
    }
    pyr_merge_clause clause = {.offset = parser->token.offset};
    PYR_TRY(pyr_parser_expect(parser, "WHEN"));
    PYR_TRY(parse_when(parser, &clause));
    if (pyr_parser_accept(parser, "AND")) {
        PYR_TRY(pyr_parse_piece(parser, PYR_PIECE_EXPRESSION, "a condition", &clause.condition));
    }
    PYR_TRY(pyr_parser_expect(parser, "THEN"));
    PYR_TRY(parse_action(parser, &clause));
    PYR_TRY(check_action(parser, &clause));
    PYR_TRY(check_reachable(parser, merge, &clause));
    merge->clauses[merge->clauses_count++] = clause;
    return PYR_OK;
}

pyr_status pyr_parse_merge(pyr_parser *parser, pyr_parsed *out) {
    pyr_merge *merge = &out->merge;
    out->kind = PYR_PARSED_MERGE;
    PYR_TRY(pyr_parser_expect(parser, "INTO"));
    PYR_TRY(pyr_parse_target(parser, out));
    PYR_TRY(pyr_parser_expect(parser, "USING"));
    PYR_TRY(pyr_parse_piece(parser, PYR_PIECE_SOURCE, "a table or a query", &merge->source));
    if (pyr_parser_accept(parser, "USING")) {
        PYR_TRY(pyr_parser_names(parser, &merge->columns, &merge->columns_count));
    } else {
        PYR_TRY(pyr_parser_expect(parser, "ON"));
        PYR_TRY(pyr_parse_piece(parser, PYR_PIECE_EXPRESSION, "a condition", &merge->on));
    }
    do {
        PYR_TRY(parse_clause(parser, merge));
    } while (!pyr_parser_at_end(parser) && !pyr_parser_at(parser, "RETURNING"));
    return pyr_parse_returning(parser, out);
}
