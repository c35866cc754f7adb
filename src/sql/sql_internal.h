/* sql_internal.h - the parser's state, shared by the files of this folder. */
#ifndef PYR_SQL_SQL_INTERNAL_H
#define PYR_SQL_SQL_INTERNAL_H

#include "sql/lexer.h"
#include "sql/select.h"
#include "sql/statement.h"

#define PYR_PARSE_DEPTH_MAX 4       /* EXPLAIN of PREPARE of ... */
#define PYR_PARSE_COLUMNS_MAX 10000 /* columns of a CREATE TABLE, names of a list */
#define PYR_PARSE_PARAMETERS_MAX 65535
#define PYR_PARSE_OPTIONS_MAX 1000

/* One parse. token is the one looked at; all before previous_end is consumed. */
typedef struct pyr_parser {
    pyr_lexer lexer;
    pyr_token token;
    size_t previous_end;
    pyr_arena *arena;
    pyr_error *error;
    int32_t parameters_count;
    int depth;
} pyr_parser;

void pyr_parser_init(pyr_parser *parser, const char *text, size_t length, pyr_arena *arena,
                     pyr_error *error);
void pyr_parser_next(pyr_parser *parser);
pyr_token pyr_parser_peek(const pyr_parser *parser); /* the token behind the current one */
bool pyr_parser_at_end(const pyr_parser *parser);
bool pyr_parser_at(const pyr_parser *parser, const char *word);
bool pyr_parser_at_char(const pyr_parser *parser, char c);
bool pyr_parser_accept(pyr_parser *parser, const char *word);
bool pyr_parser_accept_char(pyr_parser *parser, char c);
PYR_MUST_CHECK pyr_status pyr_parser_expect(pyr_parser *parser, const char *word);
PYR_MUST_CHECK pyr_status pyr_parser_expect_char(pyr_parser *parser, char c);
PYR_MUST_CHECK pyr_status pyr_parser_expect_end(pyr_parser *parser);
/* IF NOT EXISTS of a CREATE, where it stands. 42601 behind OR REPLACE. */
PYR_MUST_CHECK pyr_status pyr_parser_if_not_exists(pyr_parser *parser, pyr_parsed *out);
/* 42601 at the current token; expected (NULL allowed) says what would have been right. */
pyr_status pyr_parser_syntax(const pyr_parser *parser, const char *expected);
pyr_status pyr_parser_memory(const pyr_parser *parser);

/* A name: a word that is not reserved, or a quoted one; unquoted into the arena. */
PYR_MUST_CHECK pyr_status pyr_parser_name(pyr_parser *parser, char **out);
PYR_MUST_CHECK pyr_status pyr_parser_qualified_name(pyr_parser *parser, pyr_name *out);
/* (a, b, c), the parenthesis included. */
PYR_MUST_CHECK pyr_status pyr_parser_names(pyr_parser *parser, char ***names, size_t *count);
PYR_MUST_CHECK pyr_status pyr_parser_string(pyr_parser *parser, char **out);
/* (name = value, name value, name): appends to parsed's options. */
PYR_MUST_CHECK pyr_status pyr_parser_options(pyr_parser *parser, pyr_parsed *parsed);
PYR_MUST_CHECK pyr_status pyr_parser_add_option(pyr_parser *parser, pyr_parsed *parsed,
                                                const char *name, char *value, size_t offset);
/* One value of an option or setting at the current token, unquoted, in the arena. */
PYR_MUST_CHECK pyr_status pyr_parser_value(pyr_parser *parser, char **out);
/* Consumes tokens until stop says so outside of every bracket, a ',' or closing bracket that was
 * not opened here, or the end. */
PYR_MUST_CHECK pyr_status pyr_parser_expression(pyr_parser *parser,
                                                bool (*stop)(const pyr_parser *parser),
                                                pyr_span *out);
/* From offset to what was consumed last. */
pyr_span pyr_parser_span(const pyr_parser *parser, size_t offset);
/* Everything that is left. */
pyr_span pyr_parser_rest(pyr_parser *parser);
/* Grows an arena array to hold one more. The old place is left to the arena. */
void *pyr_parser_grow(pyr_parser *parser, void *array, size_t count, size_t size_bytes);

char *pyr_token_lower(const pyr_token *token, pyr_arena *arena);
bool pyr_token_is_name(const pyr_token *token);

/* grammar.c: a grammar of queries, and what stopped it. */
typedef struct pyr_grammar {
    pyr_parser *parser;
    int32_t questions; /* ? so far */
    char *not_covered; /* NULL behind a stop: memory */
    size_t not_covered_offset;
} pyr_grammar;
/* PYR_ERROR_NOT_SUPPORTED; PYR_ERROR_MEMORY where what (in the arena) is NULL. */
PYR_MUST_CHECK pyr_status pyr_grammar_stop(pyr_grammar *grammar, char *what);
PYR_MUST_CHECK pyr_status pyr_grammar_stop_with(pyr_grammar *grammar, const char *what);
/* The current token is what stopped us. */
PYR_MUST_CHECK pyr_status pyr_grammar_stop_here(pyr_grammar *grammar);
/* Takes the current token, a name or string, without its quotes. */
PYR_MUST_CHECK pyr_status pyr_grammar_name(pyr_grammar *grammar, const char **out);
/* Takes a parameter; it is in range, as pyr_parser_scan looked at it. */
PYR_MUST_CHECK pyr_status pyr_grammar_parameter(pyr_grammar *grammar, int32_t *out);
/* A literal, or a parameter; *found false: neither stands here. */
PYR_MUST_CHECK pyr_status pyr_grammar_constant(pyr_grammar *grammar, pyr_expression *out,
                                               bool *found);
/* table_function.c: a function in FROM; its name stands at the token and '(' behind it. */
PYR_MUST_CHECK pyr_status pyr_grammar_table_function(pyr_grammar *grammar, pyr_from *out);
/* Whether a column or table may be called as the current token. */
bool pyr_parser_at_name(const pyr_parser *parser);
bool pyr_parser_at_operator(const pyr_parser *parser, const char *sign);

/* Looks at every token once: what no statement may have is refused here, and the parser behind this
 * never meets an ERROR token. The text ends at its ';' then. */
PYR_MUST_CHECK pyr_status pyr_parser_scan(pyr_parser *parser);
PYR_MUST_CHECK pyr_status pyr_parse_statement(pyr_parser *parser, pyr_parsed **out);
PYR_MUST_CHECK pyr_status pyr_parse_create(pyr_parser *parser, pyr_parsed *out);
/* CREATE [OR REPLACE] and DROP go on here where pyr_parser_at_object says so. */
PYR_MUST_CHECK pyr_status pyr_parse_index(pyr_parser *parser, pyr_parsed *out);
bool pyr_parser_at_object(const pyr_parser *parser);
PYR_MUST_CHECK pyr_status pyr_parse_create_object(pyr_parser *parser, pyr_parsed *out);
PYR_MUST_CHECK pyr_status pyr_parse_drop_object(pyr_parser *parser, pyr_parsed *out);
PYR_MUST_CHECK pyr_status pyr_parse_comment(pyr_parser *parser, pyr_parsed *out);
PYR_MUST_CHECK pyr_status pyr_parse_use(pyr_parser *parser, pyr_parsed *out);
/* ALTER EXTERNAL, behind ALTER. */
PYR_MUST_CHECK pyr_status pyr_parse_alter(pyr_parser *parser, pyr_parsed *out);
/* create.c: a column with its type and constraints, and a type alone for the column called name. */
PYR_MUST_CHECK pyr_status pyr_parse_table_column(pyr_parser *parser, pyr_parsed *out);
PYR_MUST_CHECK pyr_status pyr_parse_alter_type(pyr_parser *parser, pyr_parsed *out);
PYR_MUST_CHECK pyr_status pyr_parse_alter_external(pyr_parser *parser, pyr_parsed *out);
/* constraint.c: what stands behind the last column of out, and a constraint by itself. */
PYR_MUST_CHECK pyr_status pyr_parse_column_constraints(pyr_parser *parser, pyr_parsed *out);
bool pyr_parser_at_table_constraint(const pyr_parser *parser);
PYR_MUST_CHECK pyr_status pyr_parse_table_constraint(pyr_parser *parser, pyr_parsed *out);
/* The same for a table that is there: its columns are names. */
PYR_MUST_CHECK pyr_status pyr_parse_added_constraint(pyr_parser *parser, pyr_parsed *out);
/* Makes the column's field say what its constraints do. */
PYR_MUST_CHECK pyr_status pyr_parse_column_finish(pyr_parser *parser,
                                                  pyr_column_definition *column);
PYR_MUST_CHECK pyr_status pyr_parse_drop(pyr_parser *parser, pyr_parsed *out);
PYR_MUST_CHECK pyr_status pyr_parse_insert(pyr_parser *parser, pyr_parsed *out);
PYR_MUST_CHECK pyr_status pyr_parse_copy(pyr_parser *parser, pyr_parsed *out);
PYR_MUST_CHECK pyr_status pyr_parse_delete(pyr_parser *parser, pyr_parsed *out);
PYR_MUST_CHECK pyr_status pyr_parse_update(pyr_parser *parser, pyr_parsed *out);
PYR_MUST_CHECK pyr_status pyr_parse_truncate(pyr_parser *parser, pyr_parsed *out);
PYR_MUST_CHECK pyr_status pyr_parse_merge(pyr_parser *parser, pyr_parsed *out);
/* A query, or a statement that writes with names for queries before it. */
PYR_MUST_CHECK pyr_status pyr_parse_with(pyr_parser *parser, pyr_parsed *out);
/* schema.t [AS] a. */
PYR_MUST_CHECK pyr_status pyr_parse_target(pyr_parser *parser, pyr_parsed *out);
/* [RETURNING columns]. */
PYR_MUST_CHECK pyr_status pyr_parse_returning(pyr_parser *parser, pyr_parsed *out);
/* a = 1, b = DEFAULT, (c, d) = (2, 3): what stands behind SET. */
PYR_MUST_CHECK pyr_status pyr_parse_assignments(pyr_parser *parser, pyr_assignments *out);
/* An expression or DEFAULT. */
PYR_MUST_CHECK pyr_status pyr_parse_assigned(pyr_parser *parser, pyr_assignment *out);

typedef enum pyr_piece_kind {
    PYR_PIECE_EXPRESSION,
    PYR_PIECE_TABLES, /* of USING or FROM */
    PYR_PIECE_SOURCE, /* of MERGE's USING: one table or query */
    PYR_PIECE_COLUMNS /* of RETURNING */
} pyr_piece_kind;
/* Consumes one piece: at least a token, brackets and CASE closed. */
PYR_MUST_CHECK pyr_status pyr_parse_piece(pyr_parser *parser, pyr_piece_kind kind,
                                          const char *expected, pyr_span *out);
/* SET, RESET, SHOW, DESCRIBE, BEGIN, COMMIT, ROLLBACK, CHECKPOINT, VACUUM. */
PYR_MUST_CHECK pyr_status pyr_parse_set(pyr_parser *parser, pyr_parsed *out);
PYR_MUST_CHECK pyr_status pyr_parse_pragma(pyr_parser *parser, pyr_parsed *out);
PYR_MUST_CHECK pyr_status pyr_parse_reset(pyr_parser *parser, pyr_parsed *out);
PYR_MUST_CHECK pyr_status pyr_parse_show(pyr_parser *parser, pyr_parsed *out);
PYR_MUST_CHECK pyr_status pyr_parse_describe(pyr_parser *parser, pyr_parsed *out);
PYR_MUST_CHECK pyr_status pyr_parse_backup(pyr_parser *parser, pyr_parsed *out);
PYR_MUST_CHECK pyr_status pyr_parse_transaction(pyr_parser *parser, pyr_parsed *out);
/* A query: select, or what stopped us. Consumes everything. Fails for want of memory alone. */
PYR_MUST_CHECK pyr_status pyr_parse_query(pyr_parser *parser, pyr_parsed *out);
/* An UNKNOWN statement; words taken into keyword. Consumes everything. */
PYR_MUST_CHECK pyr_status pyr_parse_unknown(pyr_parser *parser, pyr_parsed *out, const char *first,
                                            const pyr_token *second);
PYR_MUST_CHECK pyr_status pyr_parse_type(pyr_parser *parser, const char *name, int depth,
                                         pyr_field **out);

#endif
