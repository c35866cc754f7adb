/* create.c - CREATE TABLE, CREATE EXTERNAL TABLE, DROP TABLE. */
#include "base/text.h"
#include "sql/sql_internal.h"

#include <string.h>
#include <strings.h>

static pyr_status not_supported(const pyr_parser *parser, const char *what) {
    return pyr_error_set_sql(parser->error, PYR_ERROR_NOT_SUPPORTED, "0A000",
                             (int32_t)parser->token.offset, "%s is not supported by this version",
                             what);
}

/* Where a DEFAULT expression ends: at the next constraint of the column. */
static bool at_constraint(const pyr_parser *parser) {
    static const char *const words[] = {"PRIMARY",    "UNIQUE",    "CHECK",   "REFERENCES",
                                        "CONSTRAINT", "GENERATED", "DEFAULT", "NULL"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); ++i) {
        if (pyr_parser_at(parser, words[i])) {
            return true;
        }
    }
    pyr_token next = pyr_parser_peek(parser);
    return pyr_parser_at(parser, "NOT") && pyr_token_is_word(&next, "NULL");
}

static pyr_status parse_check(pyr_parser *parser, pyr_span *out) {
    PYR_TRY(pyr_parser_expect_char(parser, '('));
    PYR_TRY(pyr_parser_expression(parser, NULL, out));
    return pyr_parser_expect_char(parser, ')');
}

static pyr_status parse_column_constraints(pyr_parser *parser, pyr_column_definition *column) {
    for (;;) {
        if (pyr_parser_accept(parser, "CONSTRAINT")) {
            char *name = NULL;
            PYR_TRY(pyr_parser_name(parser, &name));
        }
        if (pyr_parser_accept(parser, "NOT")) {
            PYR_TRY(pyr_parser_expect(parser, "NULL"));
            column->not_null = true;
        } else if (pyr_parser_accept(parser, "NULL")) {
            /* What a column is without saying so. */
        } else if (pyr_parser_accept(parser, "PRIMARY")) {
            PYR_TRY(pyr_parser_expect(parser, "KEY"));
            column->primary_key = true;
            column->not_null = true;
        } else if (pyr_parser_accept(parser, "UNIQUE")) {
            column->unique = true;
        } else if (pyr_parser_accept(parser, "DEFAULT")) {
            PYR_TRY(pyr_parser_expression(parser, at_constraint, &column->default_value));
        } else if (pyr_parser_accept(parser, "CHECK")) {
            PYR_TRY(parse_check(parser, &column->check));
        } else if (pyr_parser_at(parser, "REFERENCES")) {
            return not_supported(parser, "a foreign key");
        } else if (pyr_parser_at(parser, "GENERATED") || pyr_parser_at(parser, "AS")) {
            return not_supported(parser, "a generated column");
        } else if (pyr_parser_at(parser, "COLLATE")) {
            return not_supported(parser, "COLLATE of a column");
        } else {
            return PYR_OK;
        }
    }
}

static pyr_column_definition *find_column(const pyr_parsed *parsed, const char *name) {
    for (size_t i = 0; i < parsed->columns_count; ++i) {
        if (strcasecmp(parsed->columns[i].name, name) == 0) {
            return &parsed->columns[i];
        }
    }
    return NULL;
}

static pyr_status print_type(pyr_parser *parser, pyr_column_definition *column) {
    pyr_text text;
    pyr_text_init(&text);
    pyr_sql_type_print(column->field, &text);
    pyr_status status = pyr_text_check(&text, parser->error);
    if (status == PYR_OK) {
        column->sql_type = pyr_arena_strdup(parser->arena, pyr_text_get(&text));
        status = column->sql_type != NULL ? PYR_OK : pyr_parser_memory(parser);
    }
    pyr_text_deinit(&text);
    return status;
}

/* The field says NOT NULL too. */
static pyr_status require_values(pyr_parser *parser, pyr_column_definition *column) {
    if (!column->not_null || !column->field->nullable) {
        return PYR_OK;
    }
    pyr_field *required = NULL;
    PYR_TRY(pyr_field_with(column->field, NULL, false, column->field->metadata, &required,
                           parser->error));
    pyr_field_release(column->field);
    column->field = required;
    return PYR_OK;
}

/* name type constraints; appended to *columns, counted before the type is there, so that a failure
 * releases what the column holds. */
static pyr_status parse_column(pyr_parser *parser, pyr_column_definition **columns, size_t *count,
                               bool type_needed) {
    pyr_column_definition column = {.offset = parser->token.offset};
    if (*count >= PYR_PARSE_COLUMNS_MAX) {
        return pyr_error_set_sql(parser->error, PYR_ERROR_LIMIT, "54011", (int32_t)column.offset,
                                 "a table has at most %d columns", PYR_PARSE_COLUMNS_MAX);
    }
    PYR_TRY(pyr_parser_name(parser, &column.name));
    pyr_column_definition *grown = pyr_parser_grow(parser, *columns, *count, sizeof(**columns));
    if (grown == NULL) {
        return pyr_parser_memory(parser);
    }
    *columns = grown;
    pyr_column_definition *place = &grown[(*count)++];
    *place = column;
    if (!type_needed && (pyr_parser_at_char(parser, ',') || pyr_parser_at_char(parser, ')'))) {
        return PYR_OK;
    }
    if (pyr_parser_at(parser, "GENERATED") || pyr_parser_at(parser, "AS")) {
        return not_supported(parser, "a generated column"); /* its type may be left out */
    }
    PYR_TRY(pyr_parse_type(parser, place->name, 0, &place->field));
    PYR_TRY(print_type(parser, place));
    PYR_TRY(parse_column_constraints(parser, place));
    return require_values(parser, place);
}

static pyr_status key_columns(pyr_parser *parser, pyr_parsed *out,
                              pyr_table_constraint *constraint) {
    size_t offset = parser->token.offset;
    char **names = NULL;
    size_t count = 0;
    PYR_TRY(pyr_parser_names(parser, &names, &count));
    constraint->columns = pyr_arena_array(parser->arena, count, sizeof(*constraint->columns));
    if (constraint->columns == NULL) {
        return pyr_parser_memory(parser);
    }
    for (size_t i = 0; i < count; ++i) {
        pyr_column_definition *column = find_column(out, names[i]);
        if (column == NULL) {
            return pyr_error_set_sql(parser->error, PYR_ERROR_SQL, "42703", (int32_t)offset,
                                     "table \"%s\" has no column \"%s\"", out->table.name,
                                     names[i]);
        }
        constraint->columns[constraint->columns_count++] = (size_t)(column - out->columns);
        if (constraint->kind == PYR_CONSTRAINT_PRIMARY_KEY) {
            column->primary_key = true;
            column->not_null = true;
            PYR_TRY(require_values(parser, column));
        } else if (count == 1) {
            column->unique = true;
        }
    }
    return PYR_OK;
}

static bool at_table_constraint(const pyr_parser *parser) {
    pyr_token next = pyr_parser_peek(parser);
    /* These words are reserved: no column is called so. */
    return pyr_parser_at(parser, "PRIMARY") || pyr_parser_at(parser, "UNIQUE") ||
           pyr_parser_at(parser, "CHECK") || pyr_parser_at(parser, "FOREIGN") ||
           (pyr_parser_at(parser, "CONSTRAINT") && pyr_token_is_name(&next));
}

static pyr_status parse_table_constraint(pyr_parser *parser, pyr_parsed *out) {
    if (pyr_parser_accept(parser, "CONSTRAINT")) {
        char *name = NULL;
        PYR_TRY(pyr_parser_name(parser, &name));
    }
    if (pyr_parser_at(parser, "FOREIGN")) {
        return not_supported(parser, "a foreign key");
    }
    out->constraints = pyr_parser_grow(parser, out->constraints, out->constraints_count,
                                       sizeof(*out->constraints));
    if (out->constraints == NULL) {
        return pyr_parser_memory(parser);
    }
    pyr_table_constraint *constraint = &out->constraints[out->constraints_count++];
    *constraint = (pyr_table_constraint){.offset = parser->token.offset};
    if (pyr_parser_accept(parser, "CHECK")) {
        constraint->kind = PYR_CONSTRAINT_CHECK;
        return parse_check(parser, &constraint->check);
    }
    if (pyr_parser_accept(parser, "UNIQUE")) {
        constraint->kind = PYR_CONSTRAINT_UNIQUE;
        return key_columns(parser, out, constraint);
    }
    PYR_TRY(pyr_parser_expect(parser, "PRIMARY"));
    PYR_TRY(pyr_parser_expect(parser, "KEY"));
    constraint->kind = PYR_CONSTRAINT_PRIMARY_KEY;
    return key_columns(parser, out, constraint);
}

static pyr_status check_columns(pyr_parser *parser, const pyr_parsed *out) {
    size_t keys = 0;
    for (size_t i = 0; i < out->columns_count; ++i) {
        const pyr_column_definition *column = &out->columns[i];
        if (find_column(out, column->name) != column) {
            return pyr_error_set_sql(parser->error, PYR_ERROR_SQL, "42701", (int32_t)column->offset,
                                     "column \"%s\" stands twice", column->name);
        }
        keys += column->primary_key;
    }
    size_t named = 0;
    for (size_t i = 0; i < out->constraints_count; ++i) {
        if (out->constraints[i].kind == PYR_CONSTRAINT_PRIMARY_KEY) {
            keys -= named == 0 ? out->constraints[i].columns_count : 0;
            ++named;
        }
    }
    if (named > 1 || keys > (named == 0 ? 1 : 0)) {
        return pyr_error_set_sql(parser->error, PYR_ERROR_SQL, "42P16", (int32_t)out->table.offset,
                                 "table \"%s\" has more than one PRIMARY KEY", out->table.name);
    }
    return PYR_OK;
}

/* ( columns and constraints ), or names alone before AS. */
static pyr_status parse_elements(pyr_parser *parser, pyr_parsed *out) {
    pyr_lexer lexer = parser->lexer; /* behind the '(' */
    pyr_lexer_next(&lexer);
    pyr_token second = pyr_lexer_next(&lexer);
    if (pyr_token_is_char(&second, ',') || pyr_token_is_char(&second, ')')) {
        return pyr_parser_names(parser, &out->names, &out->names_count);
    }
    PYR_TRY(pyr_parser_expect_char(parser, '('));
    do {
        if (pyr_parser_at_char(parser, ')') && out->columns_count > 0) {
            break; /* a comma behind the last one is allowed */
        }
        if (at_table_constraint(parser)) {
            PYR_TRY(parse_table_constraint(parser, out));
        } else {
            PYR_TRY(parse_column(parser, &out->columns, &out->columns_count, true));
        }
    } while (pyr_parser_accept_char(parser, ','));
    PYR_TRY(pyr_parser_expect_char(parser, ')'));
    return check_columns(parser, out);
}

static pyr_status parse_create_table(pyr_parser *parser, pyr_parsed *out) {
    out->kind = PYR_PARSED_CREATE_TABLE;
    if (pyr_parser_at_char(parser, '(')) {
        PYR_TRY(parse_elements(parser, out));
    }
    if (pyr_parser_at(parser, "CLONE")) {
        return not_supported(parser, "CREATE TABLE ... CLONE");
    }
    if (pyr_parser_accept(parser, "WITH")) {
        PYR_TRY(pyr_parser_options(parser, out));
    }
    if (pyr_parser_accept(parser, "AS")) {
        if (out->columns_count > 0) {
            return not_supported(parser, "CREATE TABLE with column types and AS");
        }
        if (pyr_parser_at_end(parser)) {
            return pyr_parser_syntax(parser, "a query");
        }
        out->query = pyr_parser_rest(parser);
        return PYR_OK;
    }
    return out->columns_count > 0 ? pyr_parser_expect_end(parser) : pyr_parser_syntax(parser, "AS");
}

static pyr_status parse_partitions(pyr_parser *parser, pyr_parsed *out) {
    PYR_TRY(pyr_parser_expect(parser, "BY"));
    PYR_TRY(pyr_parser_expect_char(parser, '('));
    do {
        PYR_TRY(parse_column(parser, &out->partitions, &out->partitions_count, false));
    } while (pyr_parser_accept_char(parser, ','));
    return pyr_parser_expect_char(parser, ')');
}

static pyr_status parse_external_table(pyr_parser *parser, pyr_parsed *out) {
    out->kind = PYR_PARSED_CREATE_EXTERNAL_TABLE;
    out->external = true;
    if (pyr_parser_at_char(parser, '(')) {
        PYR_TRY(parse_elements(parser, out));
        if (out->columns_count == 0) {
            return pyr_parser_syntax(parser, "columns with their types");
        }
    }
    while (!pyr_parser_at_end(parser)) {
        if (out->stored_as == NULL && pyr_parser_accept(parser, "STORED")) {
            PYR_TRY(pyr_parser_expect(parser, "AS"));
            PYR_TRY(pyr_parser_name(parser, &out->stored_as));
            for (char *c = out->stored_as; *c != '\0'; ++c) {
                *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
            }
        } else if (out->path == NULL && pyr_parser_accept(parser, "LOCATION")) {
            PYR_TRY(pyr_parser_string(parser, &out->path));
        } else if (out->partitions_count == 0 && pyr_parser_accept(parser, "PARTITIONED")) {
            PYR_TRY(parse_partitions(parser, out));
        } else if (out->options_count == 0 && pyr_parser_accept(parser, "WITH")) {
            PYR_TRY(pyr_parser_options(parser, out));
        } else {
            return pyr_parser_syntax(parser, "STORED AS, LOCATION, PARTITIONED BY or WITH");
        }
    }
    if (out->stored_as == NULL || out->path == NULL) {
        return pyr_parser_syntax(parser, out->stored_as == NULL ? "STORED AS" : "LOCATION");
    }
    return PYR_OK;
}

pyr_status pyr_parse_create(pyr_parser *parser, pyr_parsed *out) {
    if (pyr_parser_accept(parser, "OR")) {
        PYR_TRY(pyr_parser_expect(parser, "REPLACE"));
        out->or_replace = true;
    }
    while (pyr_parser_at(parser, "TEMP") || pyr_parser_at(parser, "TEMPORARY") ||
           pyr_parser_at(parser, "LOCAL")) {
        out->temporary = true;
        pyr_parser_next(parser);
    }
    if (pyr_parser_at_object(parser)) {
        return pyr_parse_create_object(parser, out);
    }
    bool external = pyr_parser_accept(parser, "EXTERNAL");
    if (!pyr_parser_at(parser, "TABLE")) {
        if (external || parser->token.kind != PYR_TOKEN_WORD) {
            return pyr_parser_syntax(parser, "TABLE");
        }
        pyr_token what = parser->token;
        return pyr_parse_unknown(parser, out, "CREATE", &what);
    }
    pyr_parser_next(parser);
    if (pyr_parser_accept(parser, "IF")) {
        PYR_TRY(pyr_parser_expect(parser, "NOT"));
        PYR_TRY(pyr_parser_expect(parser, "EXISTS"));
        out->if_not_exists = true;
        if (out->or_replace) {
            return pyr_error_set_sql(parser->error, PYR_ERROR_SQL, "42601",
                                     (int32_t)parser->previous_end,
                                     "OR REPLACE and IF NOT EXISTS contradict each other");
        }
    }
    PYR_TRY(pyr_parser_qualified_name(parser, &out->table));
    return external ? parse_external_table(parser, out) : parse_create_table(parser, out);
}

pyr_status pyr_parse_drop(pyr_parser *parser, pyr_parsed *out) {
    if (pyr_parser_at_object(parser)) {
        return pyr_parse_drop_object(parser, out);
    }
    out->external = pyr_parser_accept(parser, "EXTERNAL");
    if (!pyr_parser_at(parser, "TABLE")) {
        if (out->external || parser->token.kind != PYR_TOKEN_WORD) {
            return pyr_parser_syntax(parser, "TABLE");
        }
        pyr_token what = parser->token;
        return pyr_parse_unknown(parser, out, "DROP", &what);
    }
    pyr_parser_next(parser);
    out->kind = PYR_PARSED_DROP_TABLE;
    if (pyr_parser_accept(parser, "IF")) {
        PYR_TRY(pyr_parser_expect(parser, "EXISTS"));
        out->if_exists = true;
    }
    PYR_TRY(pyr_parser_qualified_name(parser, &out->table));
    if (pyr_parser_at_char(parser, ',')) {
        return not_supported(parser, "DROP TABLE of several tables");
    }
    if (!pyr_parser_accept(parser, "CASCADE")) {
        pyr_parser_accept(parser, "RESTRICT");
    }
    return PYR_OK;
}
