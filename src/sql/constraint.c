/* constraint.c - what CREATE TABLE demands of rows: NOT NULL, DEFAULT, CHECK, PRIMARY KEY, UNIQUE,
 * behind a column and by themselves. */
#include "sql/sql_internal.h"

#include <assert.h>
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
    pyr_token next = pyr_parser_peek(parser);
    return PYR_TOKEN_IS_ONE_OF(&parser->token, words) ||
           (pyr_parser_at(parser, "NOT") && pyr_token_is_word(&next, "NULL"));
}

static pyr_status add_constraint(pyr_parser *parser, pyr_parsed *out, pyr_constraint_kind kind,
                                 char *name, pyr_table_constraint **added) {
    if (out->constraints_count >= PYR_PARSE_COLUMNS_MAX) {
        return pyr_error_set_sql(parser->error, PYR_ERROR_LIMIT, "54011",
                                 (int32_t)parser->token.offset,
                                 "a table has at most %d constraints", PYR_PARSE_COLUMNS_MAX);
    }
    out->constraints = pyr_parser_grow(parser, out->constraints, out->constraints_count,
                                       sizeof(*out->constraints));
    if (out->constraints == NULL) {
        return pyr_parser_memory(parser);
    }
    *added = &out->constraints[out->constraints_count++];
    **added = (pyr_table_constraint){.kind = kind, .name = name, .offset = parser->token.offset};
    return PYR_OK;
}

/* CONSTRAINT name, where it stands. */
static pyr_status parse_constraint_name(pyr_parser *parser, char **name) {
    *name = NULL;
    return pyr_parser_accept(parser, "CONSTRAINT") ? pyr_parser_name(parser, name) : PYR_OK;
}

static pyr_status parse_check(pyr_parser *parser, pyr_parsed *out, char *name) {
    pyr_table_constraint *constraint = NULL;
    PYR_TRY(add_constraint(parser, out, PYR_CONSTRAINT_CHECK, name, &constraint));
    PYR_TRY(pyr_parser_expect(parser, "CHECK"));
    PYR_TRY(pyr_parser_expect_char(parser, '('));
    PYR_TRY(pyr_parser_expression(parser, NULL, &constraint->check));
    return pyr_parser_expect_char(parser, ')');
}

/* PRIMARY KEY, UNIQUE: the words alone. */
static pyr_status parse_key_words(pyr_parser *parser, pyr_constraint_kind *kind) {
    if (pyr_parser_accept(parser, "UNIQUE")) {
        *kind = PYR_CONSTRAINT_UNIQUE;
        return PYR_OK;
    }
    *kind = PYR_CONSTRAINT_PRIMARY_KEY;
    PYR_TRY(pyr_parser_expect(parser, "PRIMARY"));
    return pyr_parser_expect(parser, "KEY");
}

static void note_key(pyr_column_definition *column, pyr_constraint_kind kind, size_t columns) {
    if (kind == PYR_CONSTRAINT_PRIMARY_KEY) {
        column->primary_key = true;
        column->not_null = true;
    } else if (columns == 1) {
        column->unique = true;
    }
}

/* Behind the last column of out. */
static pyr_status parse_column_key(pyr_parser *parser, pyr_parsed *out, char *name) {
    pyr_table_constraint *constraint = NULL;
    PYR_TRY(add_constraint(parser, out, PYR_CONSTRAINT_UNIQUE, name, &constraint));
    assert(constraint != NULL);
    PYR_TRY(parse_key_words(parser, &constraint->kind));
    constraint->columns = pyr_arena_array(parser->arena, 1, sizeof(*constraint->columns));
    if (constraint->columns == NULL) {
        return pyr_parser_memory(parser);
    }
    constraint->columns[0] = out->columns_count - 1;
    constraint->columns_count = 1;
    note_key(&out->columns[out->columns_count - 1], constraint->kind, 1);
    return PYR_OK;
}

static pyr_status generated_error(const pyr_parser *parser, const pyr_column_definition *column,
                                  const char *what) {
    return pyr_error_set_sql(parser->error, PYR_ERROR_SQL, "42601", (int32_t)column->offset,
                             "column \"%s\" is generated, %s", column->name, what);
}

/* [GENERATED ALWAYS] AS (expression) [VIRTUAL | STORED]. The value is kept with the row, which both
 * words allow: what it is made of changes with the row alone. */
static pyr_status parse_generated(pyr_parser *parser, pyr_column_definition *column) {
    if (column->generated.text != NULL) {
        return generated_error(parser, column, "twice");
    }
    if (pyr_parser_accept(parser, "GENERATED")) {
        PYR_TRY(pyr_parser_expect(parser, "ALWAYS"));
    }
    PYR_TRY(pyr_parser_expect(parser, "AS"));
    PYR_TRY(pyr_parser_expect_char(parser, '('));
    PYR_TRY(pyr_parser_expression(parser, NULL, &column->generated));
    PYR_TRY(pyr_parser_expect_char(parser, ')'));
    if (!pyr_parser_accept(parser, "VIRTUAL")) {
        pyr_parser_accept(parser, "STORED");
    }
    return PYR_OK;
}

pyr_status pyr_parse_column_constraints(pyr_parser *parser, pyr_parsed *out) {
    for (;;) {
        pyr_column_definition *column = &out->columns[out->columns_count - 1];
        char *name = NULL;
        PYR_TRY(parse_constraint_name(parser, &name));
        if (pyr_parser_accept(parser, "NOT")) {
            PYR_TRY(pyr_parser_expect(parser, "NULL"));
            column->not_null = true;
        } else if (pyr_parser_accept(parser, "NULL")) {
            /* What a column is without saying so. */
        } else if (pyr_parser_at(parser, "PRIMARY") || pyr_parser_at(parser, "UNIQUE")) {
            PYR_TRY(parse_column_key(parser, out, name));
        } else if (pyr_parser_accept(parser, "DEFAULT")) {
            PYR_TRY(pyr_parser_expression(parser, at_constraint, &column->default_value));
        } else if (pyr_parser_at(parser, "CHECK")) {
            PYR_TRY(parse_check(parser, out, name));
        } else if (pyr_parser_at(parser, "REFERENCES")) {
            return not_supported(parser, "a foreign key");
        } else if (pyr_parser_at(parser, "GENERATED") || pyr_parser_at(parser, "AS")) {
            PYR_TRY(parse_generated(parser, column));
        } else if (pyr_parser_at(parser, "COLLATE")) {
            return not_supported(parser, "COLLATE of a column");
        } else {
            if (column->generated.text != NULL && column->default_value.text != NULL) {
                return generated_error(parser, column, "so it has no DEFAULT");
            }
            return name == NULL ? PYR_OK : pyr_parser_syntax(parser, "a constraint");
        }
    }
}

static bool names_column_before(const pyr_table_constraint *constraint, size_t column) {
    for (size_t i = 0; i < constraint->columns_count; ++i) {
        if (constraint->columns[i] == column) {
            return true;
        }
    }
    return false;
}

/* The columns of the list must stand before it, as DuckDB demands. */
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
        size_t column = 0;
        while (column < out->columns_count &&
               strcasecmp(out->columns[column].name, names[i]) != 0) {
            ++column;
        }
        if (column == out->columns_count) {
            return pyr_error_set_sql(parser->error, PYR_ERROR_SQL, "42703", (int32_t)offset,
                                     "table \"%s\" has no column \"%s\"", out->table.name,
                                     names[i]);
        }
        if (names_column_before(constraint, column)) {
            return pyr_error_set_sql(parser->error, PYR_ERROR_SQL, "42701", (int32_t)offset,
                                     "column \"%s\" stands twice in the key", names[i]);
        }
        constraint->columns[constraint->columns_count++] = column;
        note_key(&out->columns[column], constraint->kind, count);
        PYR_TRY(pyr_parse_column_finish(parser, &out->columns[column]));
    }
    return PYR_OK;
}

bool pyr_parser_at_table_constraint(const pyr_parser *parser) {
    pyr_token next = pyr_parser_peek(parser);
    /* These words are reserved: no column is called so. */
    return pyr_parser_at(parser, "PRIMARY") || pyr_parser_at(parser, "UNIQUE") ||
           pyr_parser_at(parser, "CHECK") || pyr_parser_at(parser, "FOREIGN") ||
           (pyr_parser_at(parser, "CONSTRAINT") && pyr_token_is_name(&next));
}

pyr_status pyr_parse_table_constraint(pyr_parser *parser, pyr_parsed *out) {
    char *name = NULL;
    PYR_TRY(parse_constraint_name(parser, &name));
    if (pyr_parser_at(parser, "FOREIGN")) {
        return not_supported(parser, "a foreign key");
    }
    if (pyr_parser_at(parser, "CHECK")) {
        return parse_check(parser, out, name);
    }
    pyr_table_constraint *constraint = NULL;
    PYR_TRY(add_constraint(parser, out, PYR_CONSTRAINT_UNIQUE, name, &constraint));
    assert(constraint != NULL);
    PYR_TRY(parse_key_words(parser, &constraint->kind));
    return key_columns(parser, out, constraint);
}

pyr_status pyr_parse_added_constraint(pyr_parser *parser, pyr_parsed *out) {
    char *name = NULL;
    pyr_table_constraint *constraint = NULL;
    PYR_TRY(parse_constraint_name(parser, &name));
    if (pyr_parser_at(parser, "FOREIGN") || pyr_parser_at(parser, "CHECK")) {
        return not_supported(parser, "ALTER TABLE ADD of a CHECK or a foreign key");
    }
    PYR_TRY(add_constraint(parser, out, PYR_CONSTRAINT_UNIQUE, name, &constraint));
    assert(constraint != NULL);
    PYR_TRY(parse_key_words(parser, &constraint->kind));
    return pyr_parser_names(parser, &out->names, &out->names_count);
}
