/* index.c - CREATE INDEX name ON table [USING method] (expression, ...). */
#include "sql/sql_internal.h"

static bool at_order(const pyr_parser *parser) {
    return pyr_parser_at(parser, "ASC") || pyr_parser_at(parser, "DESC") ||
           pyr_parser_at(parser, "NULLS");
}

static pyr_status parse_key(pyr_parser *parser, pyr_parsed *out) {
    if (out->arguments_count >= PYR_PARSE_PARAMETERS_MAX) {
        return pyr_parser_syntax(parser, "\")\"");
    }
    out->arguments =
        pyr_parser_grow(parser, out->arguments, out->arguments_count, sizeof(*out->arguments));
    if (out->arguments == NULL) {
        return pyr_parser_memory(parser);
    }
    PYR_TRY(pyr_parser_expression(parser, at_order, &out->arguments[out->arguments_count]));
    ++out->arguments_count;
    if (!pyr_parser_accept(parser, "ASC")) {
        pyr_parser_accept(parser, "DESC");
    }
    if (pyr_parser_accept(parser, "NULLS") && !pyr_parser_accept(parser, "FIRST")) {
        return pyr_parser_expect(parser, "LAST");
    }
    return PYR_OK;
}

pyr_status pyr_parse_index(pyr_parser *parser, pyr_parsed *out) {
    PYR_TRY(pyr_parser_expect(parser, "ON"));
    PYR_TRY(pyr_parser_qualified_name(parser, &out->of));
    size_t offset = parser->token.offset;
    if (pyr_parser_accept(parser, "USING")) {
        char *method = NULL;
        PYR_TRY(pyr_parser_name(parser, &method));
    }
    PYR_TRY(pyr_parser_expect_char(parser, '('));
    do {
        PYR_TRY(parse_key(parser, out));
    } while (pyr_parser_accept_char(parser, ','));
    PYR_TRY(pyr_parser_expect_char(parser, ')'));
    out->definition = pyr_parser_span(parser, offset);
    return PYR_OK;
}
