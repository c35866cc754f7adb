/* table_function.c - what engines are told of a function in FROM: its name and its constants. */
#include "sql/literal.h"
#include "sql/sql_internal.h"

#include <string.h>

/* name := value, name = value; a value alone has no name. */
static pyr_status parse_argument_name(pyr_grammar *grammar, pyr_from_argument *out) {
    pyr_parser *parser = grammar->parser;
    pyr_token next = pyr_parser_peek(parser);
    if (!pyr_parser_at_name(parser) || next.kind != PYR_TOKEN_OPERATOR) {
        return PYR_OK;
    }
    PYR_TRY(pyr_grammar_name(grammar, &out->name));
    if (!pyr_parser_at_operator(parser, ":=") && !pyr_parser_at_operator(parser, "=")) {
        return pyr_grammar_stop_here(grammar);
    }
    pyr_parser_next(parser);
    return PYR_OK;
}

static pyr_status parse_argument(pyr_grammar *grammar, const pyr_from *from,
                                 pyr_from_argument *out) {
    bool found = false;
    PYR_TRY(parse_argument_name(grammar, out));
    if (out->name == NULL && from->arguments_count > 0 &&
        from->arguments[from->arguments_count - 1].name != NULL) {
        return pyr_grammar_stop_with(grammar, "an argument by its place behind one with a name");
    }
    out->value.offset = grammar->parser->token.offset;
    PYR_TRY(pyr_grammar_constant(grammar, &out->value, &found));
    return found ? PYR_OK
                 : pyr_grammar_stop_with(grammar, "a table function of other than constants");
}

pyr_status pyr_grammar_table_function(pyr_grammar *grammar, pyr_from *out) {
    pyr_parser *parser = grammar->parser;
    if (!pyr_parser_at_name(parser)) {
        return pyr_grammar_stop_here(grammar); /* LATERAL (...) */
    }
    pyr_from_argument *arguments =
        pyr_arena_array(parser->arena, PYR_FROM_ARGUMENTS_MAX, sizeof(*arguments));
    if (arguments == NULL) {
        return PYR_ERROR_MEMORY;
    }
    memset(arguments, 0, PYR_FROM_ARGUMENTS_MAX * sizeof(*arguments));
    out->kind = PYR_FROM_FUNCTION;
    out->arguments = arguments;
    PYR_TRY(pyr_grammar_name(grammar, &out->function));
    pyr_parser_next(parser); /* the bracket */
    if (pyr_parser_accept_char(parser, ')')) {
        return PYR_OK;
    }
    do {
        if (out->arguments_count == PYR_FROM_ARGUMENTS_MAX) {
            return pyr_grammar_stop_with(grammar, "a table function of this many arguments");
        }
        PYR_TRY(parse_argument(grammar, out, &arguments[out->arguments_count]));
        ++out->arguments_count;
    } while (pyr_parser_accept_char(parser, ','));
    return pyr_parser_accept_char(parser, ')') ? PYR_OK : pyr_grammar_stop_here(grammar);
}
