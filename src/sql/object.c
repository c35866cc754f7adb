/* object.c - CREATE, DROP and COMMENT ON of what is no table: schemas, types, sequences, macros,
 * views. What such an object is made of is text to us; whether it is right is found when it is made
 * for the first time. */
#include "base/text.h"
#include "sql/sql_internal.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static bool kind_of(const pyr_token *token, pyr_entry_kind *out) {
    static const struct {
        const char *word;
        pyr_entry_kind kind;
    } words[] = {{"SCHEMA", PYR_ENTRY_SCHEMA},     {"TYPE", PYR_ENTRY_TYPE},
                 {"SEQUENCE", PYR_ENTRY_SEQUENCE}, {"MACRO", PYR_ENTRY_MACRO},
                 {"FUNCTION", PYR_ENTRY_MACRO},    {"VIEW", PYR_ENTRY_VIEW},
                 {"INDEX", PYR_ENTRY_INDEX}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); ++i) {
        if (pyr_token_is_word(token, words[i].word)) {
            *out = words[i].kind;
            return true;
        }
    }
    return false;
}

bool pyr_parser_at_object(const pyr_parser *parser) {
    pyr_entry_kind kind;
    return kind_of(&parser->token, &kind);
}

/* Of a schema the name is the schema's. */
static pyr_status parse_object_name(pyr_parser *parser, pyr_parsed *out) {
    PYR_TRY(pyr_parser_qualified_name(parser, &out->table));
    if (out->object_kind == PYR_ENTRY_SCHEMA) {
        if (out->table.schema_name != NULL) {
            return pyr_error_set_sql(parser->error, PYR_ERROR_NOT_SUPPORTED, "0A000",
                                     (int32_t)out->table.offset,
                                     "a schema of another database is not supported by this "
                                     "version");
        }
        out->table.schema_name = out->table.name;
    }
    return PYR_OK;
}

/* ---- CREATE SEQUENCE. ---- */

typedef struct sequence_options {
    pyr_sequence_definition definition;
    bool start, increment, minimum, maximum, cycle; /* given */
} sequence_options;

static pyr_status parse_number(pyr_parser *parser, int64_t *out) {
    bool negative = parser->token.kind == PYR_TOKEN_OPERATOR && parser->token.length == 1 &&
                    parser->token.text[0] == '-';
    if (negative) {
        pyr_parser_next(parser);
    }
    char digits[32] = "-";
    if (parser->token.kind != PYR_TOKEN_INTEGER || parser->token.length > sizeof(digits) - 2) {
        return pyr_parser_syntax(parser, "a whole number");
    }
    memcpy(digits + 1, parser->token.text, parser->token.length);
    errno = 0;
    char *end = NULL;
    *out = strtoll(digits + (negative ? 0 : 1), &end, 10);
    if (errno != 0 || *end != '\0') {
        return pyr_error_set_sql(parser->error, PYR_ERROR_SQL, "22003",
                                 (int32_t)parser->token.offset, "\"%s\" is no BIGINT",
                                 digits + (negative ? 0 : 1));
    }
    pyr_parser_next(parser);
    return PYR_OK;
}

static pyr_status twice(const pyr_parser *parser, const char *what) {
    return pyr_error_set_sql(parser->error, PYR_ERROR_SQL, "42601", (int32_t)parser->token.offset,
                             "%s should be passed at most once", what);
}

static pyr_status parse_sequence_option(pyr_parser *parser, sequence_options *to) {
    pyr_sequence_definition *definition = &to->definition;
    bool *given = NULL;
    int64_t *number = NULL;
    const char *what = "CYCLE";
    bool no = pyr_parser_accept(parser, "NO");
    if (!no && pyr_parser_accept(parser, "START")) {
        pyr_parser_accept(parser, "WITH");
        given = &to->start;
        number = &definition->start;
        what = "START";
    } else if (!no && pyr_parser_accept(parser, "INCREMENT")) {
        pyr_parser_accept(parser, "BY");
        given = &to->increment;
        number = &definition->increment;
        what = "INCREMENT";
    } else if (pyr_parser_accept(parser, "MINVALUE")) {
        given = &to->minimum;
        number = no ? NULL : &definition->minimum;
        what = "MINVALUE";
    } else if (pyr_parser_accept(parser, "MAXVALUE")) {
        given = &to->maximum;
        number = no ? NULL : &definition->maximum;
        what = "MAXVALUE";
    } else if (pyr_parser_accept(parser, "CYCLE")) {
        given = &to->cycle;
        definition->cycle = !no;
    } else {
        return pyr_parser_syntax(parser, "START, INCREMENT, MINVALUE, MAXVALUE or CYCLE");
    }
    if (*given) {
        return twice(parser, what);
    }
    *given = number != NULL || what[0] == 'C';
    return number != NULL ? parse_number(parser, number) : PYR_OK;
}

static pyr_status wrong_sequence(const pyr_parsed *out, const pyr_parser *parser, const char *why) {
    return pyr_error_set_sql(parser->error, PYR_ERROR_SQL, "22023", (int32_t)out->table.offset,
                             "sequence \"%s\": %s", out->table.name, why);
}

/* What is not said follows from the direction. */
static pyr_status complete_sequence(pyr_parser *parser, const pyr_parsed *out,
                                    sequence_options *options) {
    pyr_sequence_definition *definition = &options->definition;
    definition->increment = options->increment ? definition->increment : 1;
    bool up = definition->increment > 0;
    if (definition->increment == 0) {
        return wrong_sequence(out, parser, "INCREMENT must not be zero");
    }
    definition->minimum = options->minimum ? definition->minimum : up ? 1 : INT64_MIN;
    definition->maximum = options->maximum ? definition->maximum : up ? INT64_MAX : -1;
    if (!options->start) {
        definition->start = up ? definition->minimum : definition->maximum;
    }
    if (definition->maximum <= definition->minimum) {
        return wrong_sequence(out, parser, "MINVALUE must be less than MAXVALUE");
    }
    if (definition->start < definition->minimum || definition->start > definition->maximum) {
        return wrong_sequence(out, parser, "START lies beyond MINVALUE and MAXVALUE");
    }
    return PYR_OK;
}

static pyr_status parse_sequence(pyr_parser *parser, pyr_parsed *out) {
    sequence_options options = {0};
    while (!pyr_parser_at_end(parser)) {
        PYR_TRY(parse_sequence_option(parser, &options));
    }
    PYR_TRY(complete_sequence(parser, out, &options));
    pyr_text text;
    pyr_text_init(&text);
    pyr_sequence_print(&options.definition, &text);
    pyr_status status = pyr_text_check(&text, parser->error);
    if (status == PYR_OK) {
        out->value = pyr_arena_strdup(parser->arena, pyr_text_get(&text));
        status = out->value != NULL ? PYR_OK : pyr_parser_memory(parser);
    }
    pyr_text_deinit(&text);
    return status;
}

/* ---- CREATE. ---- */

/* Behind its parameters a macro of rows says AS TABLE. */
static bool is_table_macro(const pyr_parser *parser) {
    pyr_lexer lexer = parser->lexer;
    pyr_token token = parser->token;
    int depth = 0;
    for (; token.kind != PYR_TOKEN_END; token = pyr_lexer_next(&lexer)) {
        depth += pyr_token_is_char(&token, '(');
        depth -= pyr_token_is_char(&token, ')');
        if (depth == 0 && pyr_token_is_word(&token, "AS")) {
            token = pyr_lexer_next(&lexer);
            return pyr_token_is_word(&token, "TABLE");
        }
    }
    return false;
}

pyr_status pyr_parse_create_object(pyr_parser *parser, pyr_parsed *out) {
    out->kind = PYR_PARSED_CREATE_OBJECT;
    (void)kind_of(&parser->token, &out->object_kind);
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
    PYR_TRY(parse_object_name(parser, out));
    if (out->object_kind == PYR_ENTRY_SCHEMA) {
        return PYR_OK;
    }
    if (out->object_kind == PYR_ENTRY_INDEX) {
        return pyr_parse_index(parser, out);
    }
    if (out->object_kind == PYR_ENTRY_SEQUENCE) {
        return parse_sequence(parser, out);
    }
    if (out->object_kind == PYR_ENTRY_MACRO && is_table_macro(parser)) {
        out->object_kind = PYR_ENTRY_TABLE_MACRO;
    }
    bool as = out->object_kind == PYR_ENTRY_TYPE;
    if (parser->token.kind == PYR_TOKEN_END || (as && !pyr_parser_at(parser, "AS"))) {
        return pyr_parser_syntax(parser, "AS");
    }
    out->definition = pyr_parser_rest(parser);
    return PYR_OK;
}

/* ---- DROP. ---- */

pyr_status pyr_parse_drop_object(pyr_parser *parser, pyr_parsed *out) {
    out->kind = PYR_PARSED_DROP_OBJECT;
    (void)kind_of(&parser->token, &out->object_kind);
    pyr_parser_next(parser);
    if (out->object_kind == PYR_ENTRY_MACRO && pyr_parser_accept(parser, "TABLE")) {
        out->object_kind = PYR_ENTRY_TABLE_MACRO;
    }
    if (pyr_parser_accept(parser, "IF")) {
        PYR_TRY(pyr_parser_expect(parser, "EXISTS"));
        out->if_exists = true;
    }
    PYR_TRY(parse_object_name(parser, out));
    if (pyr_parser_at_char(parser, ',')) {
        return pyr_error_set_sql(parser->error, PYR_ERROR_NOT_SUPPORTED, "0A000",
                                 (int32_t)parser->token.offset,
                                 "DROP of several things is not supported by this version");
    }
    out->cascade = pyr_parser_accept(parser, "CASCADE");
    if (!out->cascade) {
        pyr_parser_accept(parser, "RESTRICT");
    }
    return PYR_OK;
}

/* ---- COMMENT ON. ---- */

/* t.a, s.t.a: the last part is the column. */
static pyr_status parse_column_name(pyr_parser *parser, pyr_parsed *out) {
    char *parts[3] = {NULL, NULL, NULL};
    int count = 0;
    out->table.offset = parser->token.offset;
    do {
        if (count == 3) {
            return pyr_parser_syntax(parser, "IS");
        }
        PYR_TRY(pyr_parser_name(parser, &parts[count++]));
    } while (pyr_parser_accept_char(parser, '.'));
    if (count < 2) {
        return pyr_parser_syntax(parser, "a column's name behind its table's");
    }
    out->table.schema_name = count == 3 ? parts[0] : NULL;
    out->table.name = parts[count - 2];
    out->name = parts[count - 1];
    return PYR_OK;
}

pyr_status pyr_parse_comment(pyr_parser *parser, pyr_parsed *out) {
    out->kind = PYR_PARSED_COMMENT;
    out->object_kind = PYR_ENTRY_COMMENT;
    PYR_TRY(pyr_parser_expect(parser, "ON"));
    pyr_token what = parser->token;
    pyr_entry_kind target = PYR_ENTRY_COMMENT;
    bool column = pyr_token_is_word(&what, "COLUMN");
    if (!column && !pyr_token_is_word(&what, "TABLE") && !kind_of(&what, &target)) {
        return pyr_parse_unknown(parser, out, "COMMENT ON", &what);
    }
    pyr_parser_next(parser);
    bool of_rows = target == PYR_ENTRY_MACRO && pyr_parser_accept(parser, "TABLE");
    PYR_TRY(column ? parse_column_name(parser, out)
                   : pyr_parser_qualified_name(parser, &out->table));
    if (target == PYR_ENTRY_SCHEMA) {
        out->table.schema_name = out->table.name;
    }
    out->target_kind = of_rows ? PYR_ENTRY_TABLE_MACRO : target;
    PYR_TRY(pyr_parser_expect(parser, "IS"));
    return pyr_parser_accept(parser, "NULL") ? PYR_OK : pyr_parser_string(parser, &out->value);
}
