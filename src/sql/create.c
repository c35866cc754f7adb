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
pyr_status pyr_parse_column_finish(pyr_parser *parser, pyr_column_definition *column) {
    if (!column->not_null || column->field == NULL || !column->field->nullable) {
        return PYR_OK;
    }
    pyr_field *required = NULL;
    PYR_TRY(pyr_field_with(column->field, NULL, false, column->field->metadata, &required,
                           parser->error));
    pyr_field_release(column->field);
    column->field = required;
    return PYR_OK;
}

/* [schema.]name[][3] of a type that somebody created. */
static pyr_status parse_created_type(pyr_parser *parser, pyr_column_definition *column) {
    size_t offset = parser->token.offset;
    pyr_name name;
    PYR_TRY(pyr_parser_qualified_name(parser, &name));
    while (pyr_parser_accept_char(parser, '[')) {
        if (parser->token.kind == PYR_TOKEN_INTEGER) {
            pyr_parser_next(parser);
        }
        PYR_TRY(pyr_parser_expect_char(parser, ']'));
    }
    pyr_span span = pyr_parser_span(parser, offset);
    column->sql_type = pyr_arena_strndup(parser->arena, span.text, span.length);
    return column->sql_type != NULL ? PYR_OK : pyr_parser_memory(parser);
}

static pyr_status parse_type(pyr_parser *parser, pyr_column_definition *column) {
    pyr_parser before = *parser;
    pyr_error unknown;
    pyr_error_clear(&unknown);
    parser->error = &unknown;
    pyr_status status = pyr_parse_type(parser, column->name, 0, &column->field);
    parser->error = before.error;
    if (status == PYR_OK) {
        return print_type(parser, column);
    }
    /* Inside of another type it is nobody's. */
    bool whole = unknown.position == (int32_t)before.token.offset;
    if (whole && strcmp(unknown.sqlstate, "42704") == 0 && pyr_token_is_name(&before.token)) {
        *parser = before;
        return parse_created_type(parser, column);
    }
    if (parser->error != NULL) {
        *parser->error = unknown;
    }
    return status;
}

/* name [type]; appended to *columns, counted before the type is there, so that a failure releases
 * what the column holds. */
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
    if (type_needed && (pyr_parser_at(parser, "GENERATED") || pyr_parser_at(parser, "AS"))) {
        return PYR_OK; /* a generated column's type may be left out */
    }
    return parse_type(parser, place);
}

static pyr_status check_key(pyr_parser *parser, const pyr_parsed *out,
                            const pyr_table_constraint *key) {
    for (size_t i = 0; i < key->columns_count; ++i) {
        if (out->columns[key->columns[i]].generated.text != NULL) {
            return pyr_error_set_sql(parser->error, PYR_ERROR_NOT_SUPPORTED, "0A000",
                                     (int32_t)key->offset,
                                     "a key of a generated column is not supported");
        }
    }
    return PYR_OK;
}

static pyr_status check_columns(pyr_parser *parser, const pyr_parsed *out) {
    bool plain = false;
    for (size_t i = 0; i < out->columns_count; ++i) {
        const pyr_column_definition *column = &out->columns[i];
        plain |= column->generated.text == NULL;
        if (find_column(out, column->name) != column) {
            return pyr_error_set_sql(parser->error, PYR_ERROR_SQL, "42701", (int32_t)column->offset,
                                     "column \"%s\" stands twice", column->name);
        }
    }
    if (!plain) {
        return pyr_error_set_sql(parser->error, PYR_ERROR_SQL, "42601", (int32_t)out->table.offset,
                                 "table \"%s\" has no column that is not generated",
                                 out->table.name);
    }
    size_t primary = 0;
    for (size_t i = 0; i < out->constraints_count; ++i) {
        PYR_TRY(check_key(parser, out, &out->constraints[i]));
        primary += out->constraints[i].kind == PYR_CONSTRAINT_PRIMARY_KEY;
        if (primary > 1) {
            return pyr_error_set_sql(parser->error, PYR_ERROR_SQL, "42P16",
                                     (int32_t)out->constraints[i].offset,
                                     "table \"%s\" has more than one PRIMARY KEY", out->table.name);
        }
    }
    return PYR_OK;
}

/* A column of the table with its constraints. */
pyr_status pyr_parse_table_column(pyr_parser *parser, pyr_parsed *out) {
    PYR_TRY(parse_column(parser, &out->columns, &out->columns_count, true));
    PYR_TRY(pyr_parse_column_constraints(parser, out));
    return pyr_parse_column_finish(parser, &out->columns[out->columns_count - 1]);
}

pyr_status pyr_parse_alter_type(pyr_parser *parser, pyr_parsed *out) {
    out->columns = pyr_parser_grow(parser, NULL, 0, sizeof(*out->columns));
    if (out->columns == NULL) {
        return pyr_parser_memory(parser);
    }
    out->columns[0] = (pyr_column_definition){.name = out->name, .offset = parser->token.offset};
    out->columns_count = 1;
    return parse_type(parser, &out->columns[0]);
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
        PYR_TRY(pyr_parser_at_table_constraint(parser) ? pyr_parse_table_constraint(parser, out)
                                                       : pyr_parse_table_column(parser, out));
    } while (pyr_parser_accept_char(parser, ','));
    PYR_TRY(pyr_parser_expect_char(parser, ')'));
    return out->columns_count > 0 ? check_columns(parser, out) : PYR_OK;
}

/* ON COMMIT PRESERVE ROWS of a temporary table: what they do anyway. */
static pyr_status parse_on_commit(pyr_parser *parser, pyr_parsed *out) {
    if (!out->temporary || !pyr_parser_accept(parser, "ON")) {
        return PYR_OK;
    }
    PYR_TRY(pyr_parser_expect(parser, "COMMIT"));
    if (pyr_parser_at(parser, "DELETE") || pyr_parser_at(parser, "DROP")) {
        return not_supported(parser, "ON COMMIT DELETE ROWS or DROP");
    }
    PYR_TRY(pyr_parser_expect(parser, "PRESERVE"));
    return pyr_parser_expect(parser, "ROWS");
}

static pyr_status parse_create_table(pyr_parser *parser, pyr_parsed *out) {
    out->kind = PYR_PARSED_CREATE_TABLE;
    if (pyr_parser_at_char(parser, '(')) {
        PYR_TRY(parse_elements(parser, out));
    }
    if (out->columns_count == 0 && pyr_parser_accept(parser, "CLONE")) {
        return pyr_parser_qualified_name(parser, &out->of);
    }
    if (pyr_parser_accept(parser, "WITH")) {
        PYR_TRY(pyr_parser_options(parser, out));
    }
    PYR_TRY(parse_on_commit(parser, out));
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
        for (size_t i = 0; i < out->columns_count; ++i) {
            if (out->columns[i].generated.text != NULL) {
                return not_supported(parser, "a generated column of an external table");
            }
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
    pyr_token next = pyr_parser_peek(parser);
    if (pyr_parser_at(parser, "UNIQUE") && pyr_token_is_word(&next, "INDEX")) {
        out->unique = true;
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
    PYR_TRY(pyr_parser_if_not_exists(parser, out));
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
