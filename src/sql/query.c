/* query.c - the part of a query's grammar that the native engine covers.
 *
 * Nothing here is an error of the statement: what does not fit is named (pyr_parsed.not_covered)
 * and the text goes on to an engine that knows all of the grammar. So a rule may be narrower than
 * DuckDB's, never wider with another meaning.
 */
#include "sql/keywords.h"
#include "sql/literal.h"
#include "sql/select.h"
#include "sql/sql_internal.h"

#include <string.h>

/* LIMIT beyond this is refused by DuckDB. */
#define ROW_COUNT_MAX ((int64_t)1 << 62)

typedef struct query_parse {
    pyr_parser *parser;
    pyr_grammar grammar;
    pyr_select *select;
} query_parse;

/* ---- Expressions. ---- */

/* COUNT(*) or COUNT(); the name stands at the current token. */
static pyr_status parse_function(query_parse *query, pyr_expression *out) {
    pyr_parser *parser = query->parser;
    if (!pyr_parser_at(parser, "COUNT")) {
        return pyr_grammar_stop_here(&query->grammar);
    }
    pyr_lexer lexer = parser->lexer; /* behind the name */
    pyr_lexer_next(&lexer);
    pyr_token argument = pyr_lexer_next(&lexer);
    bool star =
        argument.kind == PYR_TOKEN_OPERATOR && argument.length == 1 && argument.text[0] == '*';
    pyr_token close = star ? pyr_lexer_next(&lexer) : argument;
    if (!pyr_token_is_char(&close, ')')) {
        return pyr_grammar_stop_here(&query->grammar);
    }
    for (int i = star ? 4 : 3; i > 0; --i) {
        pyr_parser_next(parser);
    }
    out->kind = PYR_EXPRESSION_COUNT_STAR;
    return PYR_OK;
}

/* name, table.name, schema.table.name, table.*; the name stands at the current token. */
static pyr_status parse_column(query_parse *query, pyr_expression *out) {
    pyr_parser *parser = query->parser;
    pyr_token next = pyr_parser_peek(parser);
    if (pyr_token_is_char(&next, '(')) {
        return parse_function(query, out);
    }
    out->kind = PYR_EXPRESSION_COLUMN;
    PYR_TRY(pyr_grammar_name(&query->grammar, &out->as.column.name));
    while (pyr_parser_accept_char(parser, '.')) {
        if (out->as.column.schema_name != NULL) {
            return pyr_grammar_stop_with(&query->grammar, "a name of four parts");
        }
        out->as.column.schema_name = out->as.column.qualifier;
        out->as.column.qualifier = out->as.column.name;
        out->as.column.name = NULL;
        if (pyr_parser_at_operator(parser, "*")) {
            out->kind = PYR_EXPRESSION_STAR;
            pyr_parser_next(parser);
            return PYR_OK;
        }
        /* Behind a point every word is a name. */
        next = pyr_parser_peek(parser);
        if (!pyr_token_is_identifier(&parser->token) || pyr_token_is_char(&next, '(')) {
            return pyr_grammar_stop_here(&query->grammar);
        }
        PYR_TRY(pyr_grammar_name(&query->grammar, &out->as.column.name));
    }
    return PYR_OK;
}

static pyr_status result_name(query_parse *query, pyr_select_item *item) {
    pyr_arena *arena = query->parser->arena;
    switch (item->expression.kind) {
    case PYR_EXPRESSION_LITERAL:
        item->name = pyr_literal_name(&item->expression.as.literal, arena);
        break;
    case PYR_EXPRESSION_PARAMETER:
        item->name = pyr_arena_printf(arena, "$%d", (int)item->expression.as.parameter);
        break;
    case PYR_EXPRESSION_COUNT_STAR:
        item->name = pyr_arena_strdup(arena, "count_star()");
        break;
    default:
        return PYR_OK; /* the table says it */
    }
    return item->name != NULL ? PYR_OK : PYR_ERROR_MEMORY;
}

static pyr_status parse_item(query_parse *query, pyr_select_item *item) {
    pyr_parser *parser = query->parser;
    memset(item, 0, sizeof(*item));
    item->expression.offset = parser->token.offset;
    bool found = false;
    PYR_TRY(pyr_grammar_constant(&query->grammar, &item->expression, &found));
    if (!found && pyr_parser_at_operator(parser, "*")) {
        item->expression.kind = PYR_EXPRESSION_STAR;
        memset(&item->expression.as, 0, sizeof(item->expression.as));
        pyr_parser_next(parser);
    } else if (!found && pyr_parser_at_name(parser)) {
        memset(&item->expression.as, 0, sizeof(item->expression.as));
        PYR_TRY(parse_column(query, &item->expression));
    } else if (!found) {
        return pyr_grammar_stop_here(&query->grammar);
    }
    if (item->expression.kind == PYR_EXPRESSION_STAR) {
        return PYR_OK;
    }
    if (pyr_parser_accept(parser, "AS")) {
        /* Any word at all, or a string. */
        if (!pyr_token_is_identifier(&parser->token) && !pyr_token_is_string(&parser->token)) {
            return pyr_grammar_stop_here(&query->grammar);
        }
        return pyr_grammar_name(&query->grammar, &item->name);
    }
    if (parser->token.kind == PYR_TOKEN_QUOTED_NAME ||
        (parser->token.kind == PYR_TOKEN_WORD &&
         pyr_keyword_classify(parser->token.text, parser->token.length) == PYR_KEYWORD_NONE)) {
        return pyr_grammar_name(&query->grammar, &item->name);
    }
    return result_name(query, item);
}

static pyr_status parse_items(query_parse *query) {
    pyr_select *select = query->select;
    do {
        select->items = pyr_parser_grow(query->parser, select->items, select->items_count,
                                        sizeof(*select->items));
        if (select->items == NULL) {
            return PYR_ERROR_MEMORY;
        }
        PYR_TRY(parse_item(query, &select->items[select->items_count]));
        ++select->items_count;
    } while (pyr_parser_accept_char(query->parser, ','));
    return PYR_OK;
}

/* ---- FROM, VALUES, LIMIT. ---- */

static pyr_status parse_table_name(query_parse *query) {
    pyr_parser *parser = query->parser;
    pyr_from *from = &query->select->from;
    const char *first = NULL;
    from->kind = PYR_FROM_TABLE;
    from->table.offset = from->offset;
    from->quoted = parser->token.kind == PYR_TOKEN_QUOTED_NAME;
    PYR_TRY(pyr_grammar_name(&query->grammar, &first));
    const char *name = first;
    if (pyr_parser_accept_char(parser, '.')) {
        if (!pyr_parser_at_name(parser)) {
            return pyr_grammar_stop_here(&query->grammar);
        }
        from->table.offset = parser->token.offset;
        from->quoted = false;
        PYR_TRY(pyr_grammar_name(&query->grammar, &name));
        from->table.schema_name = pyr_arena_strdup(parser->arena, first);
        if (from->table.schema_name == NULL) {
            return PYR_ERROR_MEMORY;
        }
    }
    if (pyr_parser_at_char(parser, '.') || pyr_parser_at_char(parser, '(')) {
        return pyr_grammar_stop_with(&query->grammar, "this kind of table");
    }
    from->table.name = pyr_arena_strdup(parser->arena, name);
    return from->table.name != NULL ? PYR_OK : PYR_ERROR_MEMORY;
}

static pyr_status parse_from(query_parse *query) {
    pyr_parser *parser = query->parser;
    pyr_from *from = &query->select->from;
    from->offset = parser->token.offset;
    pyr_token next = pyr_parser_peek(parser);
    if (pyr_token_is_string(&parser->token)) {
        from->kind = PYR_FROM_STRING;
        PYR_TRY(pyr_grammar_name(&query->grammar, &from->path));
    } else if (pyr_parser_at_char(parser, '(')) {
        return pyr_grammar_stop_with(&query->grammar, "a subquery");
    } else if (parser->token.kind == PYR_TOKEN_WORD && pyr_token_is_char(&next, '(')) {
        PYR_TRY(pyr_grammar_table_function(&query->grammar, from));
    } else if (pyr_parser_at_name(parser)) {
        PYR_TRY(parse_table_name(query));
    } else {
        return pyr_grammar_stop_here(&query->grammar);
    }
    bool as = pyr_parser_accept(parser, "AS");
    if (pyr_parser_at_name(parser)) {
        PYR_TRY(pyr_grammar_name(&query->grammar, &from->alias));
    } else if (as) {
        return pyr_grammar_stop_here(&query->grammar);
    }
    if (pyr_parser_at_char(parser, ',')) {
        return pyr_grammar_stop_with(&query->grammar, "JOIN");
    }
    return pyr_parser_at_char(parser, '(')
               ? pyr_grammar_stop_with(&query->grammar, "column aliases")
               : PYR_OK;
}

static pyr_status parse_values(query_parse *query) {
    pyr_parser *parser = query->parser;
    pyr_select *select = query->select;
    size_t count = 0;
    select->from.kind = PYR_FROM_VALUES;
    do {
        if (!pyr_parser_accept_char(parser, '(')) {
            return pyr_grammar_stop_here(&query->grammar);
        }
        size_t columns = 0;
        do {
            select->values =
                pyr_parser_grow(parser, select->values, count, sizeof(*select->values));
            if (select->values == NULL) {
                return PYR_ERROR_MEMORY;
            }
            pyr_expression *value = &select->values[count];
            memset(value, 0, sizeof(*value));
            value->offset = parser->token.offset;
            bool found = false;
            PYR_TRY(pyr_grammar_constant(&query->grammar, value, &found));
            if (!found) {
                return pyr_grammar_stop_here(&query->grammar);
            }
            ++count;
            ++columns;
        } while (pyr_parser_accept_char(parser, ','));
        if (!pyr_parser_accept_char(parser, ')')) {
            return pyr_grammar_stop_here(&query->grammar);
        }
        if (select->values_rows > 0 && columns != select->values_columns) {
            return pyr_grammar_stop_with(&query->grammar, "VALUES rows of different lengths");
        }
        select->values_columns = columns;
        ++select->values_rows;
    } while (pyr_parser_accept_char(parser, ','));
    return PYR_OK;
}

/* all: whether ALL may stand here. */
static pyr_status parse_row_count(query_parse *query, bool all, pyr_row_count *out) {
    pyr_parser *parser = query->parser;
    out->offset = parser->token.offset;
    if ((all && pyr_parser_accept(parser, "ALL")) || pyr_parser_accept(parser, "NULL")) {
        return PYR_OK;
    }
    out->given = true;
    pyr_expression value = {.offset = out->offset};
    bool found = false;
    PYR_TRY(pyr_grammar_constant(&query->grammar, &value, &found));
    if (found && value.kind == PYR_EXPRESSION_PARAMETER) {
        out->parameter = value.as.parameter;
        return PYR_OK;
    }
    if (!found ||
        (value.as.literal.kind != PYR_LITERAL_INTEGER &&
         value.as.literal.kind != PYR_LITERAL_BIGINT) ||
        value.as.literal.value.i64 < 0 || value.as.literal.value.i64 > ROW_COUNT_MAX) {
        return pyr_grammar_stop_with(&query->grammar, "this kind of LIMIT or OFFSET");
    }
    out->value = value.as.literal.value.i64;
    return PYR_OK;
}

static pyr_status parse_limits(query_parse *query) {
    bool limit = false;
    bool offset = false;
    for (;;) {
        if (!limit && pyr_parser_accept(query->parser, "LIMIT")) {
            limit = true;
            PYR_TRY(parse_row_count(query, true, &query->select->limit));
        } else if (!offset && pyr_parser_accept(query->parser, "OFFSET")) {
            offset = true;
            PYR_TRY(parse_row_count(query, false, &query->select->offset));
        } else {
            return pyr_parser_at_end(query->parser) ? PYR_OK
                                                    : pyr_grammar_stop_here(&query->grammar);
        }
    }
}

/* ---- WHERE, ORDER BY. ---- */

static bool parse_comparison(query_parse *query, pyr_comparison *out) {
    static const struct {
        const char *text;
        pyr_comparison comparison;
    } known[] = {{"=", PYR_COMPARISON_EQUAL},   {"==", PYR_COMPARISON_EQUAL},
                 {"<", PYR_COMPARISON_LESS},    {"<=", PYR_COMPARISON_LESS_EQUAL},
                 {">", PYR_COMPARISON_GREATER}, {">=", PYR_COMPARISON_GREATER_EQUAL}};
    const pyr_token *token = &query->parser->token;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); ++i) {
        if (token->kind == PYR_TOKEN_OPERATOR && token->length == strlen(known[i].text) &&
            memcmp(token->text, known[i].text, token->length) == 0) {
            *out = known[i].comparison;
            pyr_parser_next(query->parser);
            return true;
        }
    }
    return false;
}

/* a < 1 for 1 > a. */
static pyr_comparison turn(pyr_comparison comparison) {
    static const pyr_comparison turned[] = {
        [PYR_COMPARISON_EQUAL] = PYR_COMPARISON_EQUAL,
        [PYR_COMPARISON_LESS] = PYR_COMPARISON_GREATER,
        [PYR_COMPARISON_LESS_EQUAL] = PYR_COMPARISON_GREATER_EQUAL,
        [PYR_COMPARISON_GREATER] = PYR_COMPARISON_LESS,
        [PYR_COMPARISON_GREATER_EQUAL] = PYR_COMPARISON_LESS_EQUAL};
    return turned[comparison];
}

static pyr_status parse_plain_column(query_parse *query, pyr_expression *out) {
    memset(out, 0, sizeof(*out));
    out->offset = query->parser->token.offset;
    if (!pyr_parser_at_name(query->parser)) {
        return pyr_grammar_stop_here(&query->grammar);
    }
    PYR_TRY(parse_column(query, out));
    return out->kind == PYR_EXPRESSION_COLUMN ? PYR_OK : pyr_grammar_stop_here(&query->grammar);
}

static pyr_status parse_value(query_parse *query, pyr_expression *out) {
    memset(out, 0, sizeof(*out));
    out->offset = query->parser->token.offset;
    bool found = false;
    PYR_TRY(pyr_grammar_constant(&query->grammar, out, &found));
    return found ? PYR_OK : pyr_grammar_stop_here(&query->grammar);
}

static pyr_status add_condition(query_parse *query, const pyr_condition *condition) {
    pyr_select *select = query->select;
    select->conditions = pyr_parser_grow(query->parser, select->conditions,
                                         select->conditions_count, sizeof(*select->conditions));
    if (select->conditions == NULL) {
        return PYR_ERROR_MEMORY;
    }
    select->conditions[select->conditions_count++] = *condition;
    return PYR_OK;
}

static pyr_status parse_between(query_parse *query, pyr_condition *condition) {
    condition->comparison = PYR_COMPARISON_GREATER_EQUAL;
    PYR_TRY(parse_value(query, &condition->value));
    PYR_TRY(add_condition(query, condition));
    if (!pyr_parser_accept(query->parser, "AND")) {
        return pyr_grammar_stop_here(&query->grammar);
    }
    condition->comparison = PYR_COMPARISON_LESS_EQUAL;
    PYR_TRY(parse_value(query, &condition->value));
    return add_condition(query, condition);
}

static pyr_status parse_in(query_parse *query, pyr_condition *condition) {
    condition->comparison = PYR_COMPARISON_IN;
    if (!pyr_parser_accept_char(query->parser, '(')) {
        return pyr_grammar_stop_here(&query->grammar);
    }
    do {
        condition->values = pyr_parser_grow(query->parser, condition->values,
                                            condition->values_count, sizeof(*condition->values));
        if (condition->values == NULL) {
            return PYR_ERROR_MEMORY;
        }
        PYR_TRY(parse_value(query, &condition->values[condition->values_count]));
        ++condition->values_count;
    } while (pyr_parser_accept_char(query->parser, ','));
    return pyr_parser_accept_char(query->parser, ')') ? add_condition(query, condition)
                                                      : pyr_grammar_stop_here(&query->grammar);
}

/* column op value, value op column, column BETWEEN value AND value, column IN (values). */
static pyr_status parse_condition(query_parse *query) {
    pyr_condition condition;
    memset(&condition, 0, sizeof(condition));
    condition.value.offset = query->parser->token.offset;
    bool turned = false;
    PYR_TRY(pyr_grammar_constant(&query->grammar, &condition.value, &turned));
    if (!turned) {
        PYR_TRY(parse_plain_column(query, &condition.column));
        if (pyr_parser_accept(query->parser, "BETWEEN")) {
            return parse_between(query, &condition);
        }
        if (pyr_parser_accept(query->parser, "IN")) {
            return parse_in(query, &condition);
        }
    }
    if (!parse_comparison(query, &condition.comparison)) {
        return pyr_grammar_stop_here(&query->grammar);
    }
    if (turned) {
        condition.comparison = turn(condition.comparison);
        PYR_TRY(parse_plain_column(query, &condition.column));
    } else {
        PYR_TRY(parse_value(query, &condition.value));
    }
    return add_condition(query, &condition);
}

static pyr_status parse_conditions(query_parse *query) {
    do {
        PYR_TRY(parse_condition(query));
    } while (pyr_parser_accept(query->parser, "AND"));
    return PYR_OK;
}

static pyr_status parse_order(query_parse *query) {
    pyr_select *select = query->select;
    if (!pyr_parser_accept(query->parser, "BY")) {
        return pyr_grammar_stop_here(&query->grammar);
    }
    do {
        select->order = pyr_parser_grow(query->parser, select->order, select->order_count,
                                        sizeof(*select->order));
        if (select->order == NULL) {
            return PYR_ERROR_MEMORY;
        }
        PYR_TRY(parse_plain_column(query, &select->order[select->order_count]));
        ++select->order_count;
        (void)pyr_parser_accept(query->parser, "ASC");
    } while (pyr_parser_accept_char(query->parser, ','));
    return PYR_OK;
}

/* Behind a clause that goes beyond us stands what does not fit: the clause itself is named. */
static pyr_status parse_clause(query_parse *query, const char *name,
                               pyr_status (*parse)(query_parse *query)) {
    pyr_status status = parse(query);
    return status == PYR_ERROR_NOT_SUPPORTED ? pyr_grammar_stop_with(&query->grammar, name)
                                             : status;
}

static pyr_status parse_filter(query_parse *query) {
    if (query->select->from.kind == PYR_FROM_NOTHING) {
        return PYR_OK;
    }
    if (pyr_parser_accept(query->parser, "WHERE")) {
        PYR_TRY(parse_clause(query, "WHERE", parse_conditions));
        pyr_parser *parser = query->parser;
        /* More of the expression than was read. */
        if (!pyr_parser_at_end(parser) && !pyr_parser_at(parser, "ORDER") &&
            !pyr_parser_at(parser, "LIMIT") && !pyr_parser_at(parser, "OFFSET") &&
            !pyr_parser_at(parser, "GROUP")) {
            return pyr_grammar_stop_with(&query->grammar, "WHERE");
        }
    }
    if (!pyr_parser_accept(query->parser, "ORDER")) {
        return PYR_OK;
    }
    PYR_TRY(parse_clause(query, "ORDER BY", parse_order));
    bool ended = pyr_parser_at_end(query->parser) || pyr_parser_at(query->parser, "LIMIT") ||
                 pyr_parser_at(query->parser, "OFFSET");
    return ended ? PYR_OK : pyr_grammar_stop_with(&query->grammar, "ORDER BY");
}

static pyr_status add_star(query_parse *query) {
    pyr_select *select = query->select;
    select->items = pyr_arena_alloc(query->parser->arena, sizeof(*select->items));
    if (select->items == NULL) {
        return PYR_ERROR_MEMORY;
    }
    select->items[0].expression.kind = PYR_EXPRESSION_STAR;
    select->items[0].expression.offset = select->from.offset;
    select->items_count = 1;
    return PYR_OK;
}

static pyr_status parse_select(query_parse *query) {
    pyr_parser *parser = query->parser;
    if (pyr_parser_accept(parser, "SELECT")) {
        PYR_TRY(parse_items(query));
        if (pyr_parser_accept(parser, "FROM")) {
            PYR_TRY(parse_from(query));
        }
        PYR_TRY(parse_filter(query));
    } else if (pyr_parser_accept(parser, "FROM")) {
        PYR_TRY(parse_from(query));
        if (pyr_parser_accept(parser, "SELECT")) {
            PYR_TRY(parse_items(query));
        } else {
            PYR_TRY(add_star(query));
        }
        PYR_TRY(parse_filter(query));
    } else if (pyr_parser_accept(parser, "TABLE")) {
        if (!pyr_parser_at_name(parser)) {
            return pyr_grammar_stop_here(&query->grammar);
        }
        query->select->from.offset = parser->token.offset;
        PYR_TRY(parse_table_name(query));
        PYR_TRY(add_star(query));
    } else if (pyr_parser_accept(parser, "VALUES")) {
        PYR_TRY(parse_values(query));
    } else {
        return pyr_grammar_stop_here(&query->grammar);
    }
    return parse_limits(query);
}

pyr_status pyr_parse_query(pyr_parser *parser, pyr_parsed *out) {
    out->kind = PYR_PARSED_QUERY;
    bool is_table = pyr_parser_at(parser, "TABLE");
    query_parse query = {.parser = parser, .grammar = {.parser = parser}};
    query.select = pyr_arena_alloc(parser->arena, sizeof(*query.select));
    if (query.select == NULL) {
        return pyr_parser_memory(parser);
    }
    pyr_status status = parse_select(&query);
    if (status == PYR_OK) {
        out->select = query.select;
        if (is_table) {
            out->table = query.select->from.table;
        }
        return PYR_OK;
    }
    if (status != PYR_ERROR_NOT_SUPPORTED) {
        return pyr_parser_memory(parser);
    }
    out->not_covered = query.grammar.not_covered;
    pyr_parser_rest(parser);
    return PYR_OK;
}
