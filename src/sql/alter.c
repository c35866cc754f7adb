/* alter.c - ALTER TABLE and ALTER VIEW. One action a statement, as in DuckDB. */
#include "sql/sql_internal.h"

#include <string.h>

static pyr_status not_supported(const pyr_parser *parser, const char *what) {
    return pyr_error_set_sql(parser->error, PYR_ERROR_NOT_SUPPORTED, "0A000",
                             (int32_t)parser->token.offset,
                             "ALTER TABLE: %s is not supported by this version", what);
}

static pyr_status parse_if_exists(pyr_parser *parser, bool *out) {
    if (pyr_parser_accept(parser, "IF")) {
        PYR_TRY(pyr_parser_expect(parser, "EXISTS"));
        *out = true;
    }
    return PYR_OK;
}

/* A column of the table; the fields of a STRUCT are none. */
static pyr_status parse_column_name(pyr_parser *parser, char **out) {
    PYR_TRY(pyr_parser_name(parser, out));
    return pyr_parser_at_char(parser, '.') ? not_supported(parser, "a field of a STRUCT") : PYR_OK;
}

static pyr_status parse_add(pyr_parser *parser, pyr_parsed *out) {
    if (pyr_parser_at_table_constraint(parser)) {
        out->alter = PYR_ALTER_ADD_KEY;
        return pyr_parse_added_constraint(parser, out);
    }
    out->alter = PYR_ALTER_ADD_COLUMN;
    pyr_parser_accept(parser, "COLUMN");
    if (pyr_parser_accept(parser, "IF")) {
        PYR_TRY(pyr_parser_expect(parser, "NOT"));
        PYR_TRY(pyr_parser_expect(parser, "EXISTS"));
        out->if_not_exists = true;
    }
    pyr_token next = pyr_parser_peek(parser);
    if (pyr_token_is_char(&next, '.')) {
        return not_supported(parser, "a field of a STRUCT");
    }
    PYR_TRY(pyr_parse_table_column(parser, out));
    out->name = out->columns[0].name;
    if (out->constraints_count > 0 || out->columns[0].not_null) {
        return pyr_error_set_sql(parser->error, PYR_ERROR_NOT_SUPPORTED, "0A000",
                                 (int32_t)out->columns[0].offset,
                                 "column \"%s\": a column that is added can have a DEFAULT, but no "
                                 "constraint",
                                 out->columns[0].name);
    }
    return PYR_OK;
}

static pyr_status parse_drop(pyr_parser *parser, pyr_parsed *out) {
    pyr_token next = pyr_parser_peek(parser);
    if (pyr_parser_at(parser, "PRIMARY") && pyr_token_is_word(&next, "KEY")) {
        return not_supported(parser, "DROP PRIMARY KEY (there is DROP CONSTRAINT name)");
    }
    bool constraint = pyr_parser_at(parser, "CONSTRAINT") && pyr_token_is_name(&next);
    out->alter = constraint ? PYR_ALTER_DROP_CONSTRAINT : PYR_ALTER_DROP_COLUMN;
    if (constraint) {
        pyr_parser_next(parser);
    } else {
        pyr_parser_accept(parser, "COLUMN");
    }
    bool if_there = false;
    PYR_TRY(parse_if_exists(parser, &if_there));
    out->if_not_exists = if_there; /* of the column: if_exists is the table's */
    PYR_TRY(parse_column_name(parser, &out->name));
    out->cascade = pyr_parser_accept(parser, "CASCADE");
    if (!out->cascade) {
        pyr_parser_accept(parser, "RESTRICT");
    }
    return PYR_OK;
}

static pyr_status parse_rename(pyr_parser *parser, pyr_parsed *out) {
    if (pyr_parser_accept(parser, "TO")) {
        out->alter = PYR_ALTER_RENAME_TABLE;
        return pyr_parser_name(parser, &out->value);
    }
    out->alter = PYR_ALTER_RENAME_COLUMN;
    pyr_parser_accept(parser, "COLUMN");
    PYR_TRY(parse_column_name(parser, &out->name));
    PYR_TRY(pyr_parser_expect(parser, "TO"));
    return pyr_parser_name(parser, &out->value);
}

static pyr_status parse_expression(pyr_parser *parser, pyr_parsed *out) {
    return pyr_parse_piece(parser, PYR_PIECE_EXPRESSION, "an expression", &out->definition);
}

static pyr_status parse_type(pyr_parser *parser, pyr_parsed *out) {
    out->alter = PYR_ALTER_SET_TYPE;
    PYR_TRY(pyr_parse_alter_type(parser, out));
    if (pyr_parser_at(parser, "COLLATE")) {
        return not_supported(parser, "COLLATE of a column");
    }
    if (pyr_parser_accept(parser, "USING")) {
        return parse_expression(parser, out);
    }
    return PYR_OK;
}

static pyr_status parse_set_of_column(pyr_parser *parser, pyr_parsed *out) {
    if (pyr_parser_accept(parser, "DEFAULT")) {
        out->alter = PYR_ALTER_SET_DEFAULT;
        return parse_expression(parser, out);
    }
    if (pyr_parser_accept(parser, "NOT")) {
        out->alter = PYR_ALTER_SET_NOT_NULL;
        return pyr_parser_expect(parser, "NULL");
    }
    PYR_TRY(pyr_parser_expect(parser, "DATA"));
    PYR_TRY(pyr_parser_expect(parser, "TYPE"));
    return parse_type(parser, out);
}

static pyr_status parse_alter_column(pyr_parser *parser, pyr_parsed *out) {
    pyr_parser_accept(parser, "COLUMN");
    PYR_TRY(parse_column_name(parser, &out->name));
    if (pyr_parser_accept(parser, "SET")) {
        return parse_set_of_column(parser, out);
    }
    if (pyr_parser_accept(parser, "DROP")) {
        bool value = pyr_parser_accept(parser, "DEFAULT");
        out->alter = value ? PYR_ALTER_DROP_DEFAULT : PYR_ALTER_DROP_NOT_NULL;
        if (value) {
            return PYR_OK;
        }
        PYR_TRY(pyr_parser_expect(parser, "NOT"));
        return pyr_parser_expect(parser, "NULL");
    }
    PYR_TRY(pyr_parser_expect(parser, "TYPE"));
    return parse_type(parser, out);
}

static pyr_status parse_action(pyr_parser *parser, pyr_parsed *out) {
    if (pyr_parser_accept(parser, "ADD")) {
        return parse_add(parser, out);
    }
    if (pyr_parser_accept(parser, "DROP")) {
        return parse_drop(parser, out);
    }
    if (pyr_parser_accept(parser, "RENAME")) {
        return parse_rename(parser, out);
    }
    if (pyr_parser_accept(parser, "ALTER")) {
        return parse_alter_column(parser, out);
    }
    bool set = pyr_parser_accept(parser, "SET");
    if (!set && !pyr_parser_accept(parser, "RESET")) {
        return pyr_parser_syntax(parser, "ADD, DROP, RENAME, ALTER, SET or RESET");
    }
    if (!pyr_parser_at_char(parser, '(')) {
        return not_supported(parser, "SET of what is no option");
    }
    out->alter = set ? PYR_ALTER_SET_OPTIONS : PYR_ALTER_RESET_OPTIONS;
    return pyr_parser_options(parser, out);
}

pyr_status pyr_parse_alter(pyr_parser *parser, pyr_parsed *out) {
    pyr_token what = parser->token;
    if (pyr_parser_at(parser, "EXTERNAL")) {
        return pyr_parse_alter_external(parser, out);
    }
    bool view = pyr_parser_at(parser, "VIEW");
    if (!view && !pyr_parser_at(parser, "TABLE")) {
        return pyr_parse_unknown(parser, out, "ALTER", &what);
    }
    pyr_parser_next(parser);
    out->kind = PYR_PARSED_ALTER_TABLE;
    out->object_kind = view ? PYR_ENTRY_VIEW : (pyr_entry_kind)0;
    PYR_TRY(parse_if_exists(parser, &out->if_exists));
    PYR_TRY(pyr_parser_qualified_name(parser, &out->table));
    if (view) {
        PYR_TRY(pyr_parser_expect(parser, "RENAME"));
        PYR_TRY(pyr_parser_expect(parser, "TO"));
        out->alter = PYR_ALTER_RENAME_TABLE;
        return pyr_parser_name(parser, &out->value);
    }
    PYR_TRY(parse_action(parser, out));
    return pyr_parser_at_char(parser, ',') ? not_supported(parser, "more than one action") : PYR_OK;
}
