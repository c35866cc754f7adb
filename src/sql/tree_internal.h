/* tree_internal.h - the state of one parse into a tree, shared by tree_*.c. */
#ifndef PYR_SQL_TREE_INTERNAL_H
#define PYR_SQL_TREE_INTERNAL_H

#include "sql/sql_internal.h"
#include "sql/tree.h"

/* OVER name: found when the query's WINDOW clause is read, which stands behind. Until then its
 * height is taken to be the most that it may be. */
#define PYR_TREE_NAMED_WINDOW_HEIGHT 20
typedef struct pyr_tree_pending {
    const char *name;
    size_t offset;
    pyr_window *window;
} pyr_tree_pending;
typedef struct pyr_tree_windows_defined {
    size_t count;
    pyr_tree_pending *items;
} pyr_tree_windows_defined;

typedef struct pyr_tree_parser {
    pyr_parser parser;
    pyr_grammar grammar;
    pyr_tree *tree;
    unsigned depth;  /* of the recursion: each cycle of it passes pyr_tree_enter */
    bool bare;       /* in an expression before a word of its own (BETWEEN a AND): no NOT there */
    bool names_seen; /* whether the columns of the query that is read have names that count */
    size_t pending_count;
    pyr_tree_pending *pending;
} pyr_tree_parser;

/* How tightly operators bind, as DuckDB's grammar (PostgreSQL's) has it. */
typedef enum pyr_tree_level {
    PYR_LEVEL_ANY = 0,
    PYR_LEVEL_OR,
    PYR_LEVEL_AND,
    PYR_LEVEL_NOT,
    PYR_LEVEL_IS,
    PYR_LEVEL_COMPARISON,
    PYR_LEVEL_LIKE, /* BETWEEN, IN, GLOB, SIMILAR TO too */
    PYR_LEVEL_OTHER,
    PYR_LEVEL_ADD,
    PYR_LEVEL_MULTIPLY,
    PYR_LEVEL_POWER,
    PYR_LEVEL_SIGN
} pyr_tree_level;

/* All fail with PYR_ERROR_NOT_SUPPORTED (grammar.not_covered says what) or PYR_ERROR_MEMORY. */

/* tree_parse.c */
PYR_MUST_CHECK pyr_status pyr_tree_enter(pyr_tree_parser *tree); /* leave by --depth */
PYR_MUST_CHECK pyr_status pyr_tree_stop(pyr_tree_parser *tree, const char *what);
PYR_MUST_CHECK pyr_status pyr_tree_expect(pyr_tree_parser *tree, const char *word);
PYR_MUST_CHECK pyr_status pyr_tree_expect_char(pyr_tree_parser *tree, char c);
PYR_MUST_CHECK pyr_status pyr_tree_name(pyr_tree_parser *tree, const char **out);
/* (a, b), the parenthesis included. */
PYR_MUST_CHECK pyr_status pyr_tree_names(pyr_tree_parser *tree, const char ***out, size_t *count);
PYR_MUST_CHECK pyr_status pyr_tree_new(pyr_tree_parser *tree, pyr_expr_kind kind, size_t offset,
                                       pyr_expr **out);
/* A node of *height gets a child of this height. */
PYR_MUST_CHECK pyr_status pyr_tree_raise(pyr_tree_parser *tree, uint16_t *height, unsigned child);
/* Gives parent a child: into list, and its height. */
PYR_MUST_CHECK pyr_status pyr_tree_append(pyr_tree_parser *tree, pyr_expr *parent,
                                          pyr_expr_list *list, pyr_expr *child);
/* A call of a construct or operator with up to three arguments (NULL: fewer), as long as what was
 * consumed. */
PYR_MUST_CHECK pyr_status pyr_tree_operator(pyr_tree_parser *tree, size_t offset, const char *name,
                                            pyr_expr *const arguments[3], pyr_expr **out);
void pyr_tree_finish(const pyr_tree_parser *tree, pyr_expr *node); /* its length */
/* Whether a query begins at the token: SELECT, WITH, FROM, TABLE, VALUES (. */
bool pyr_tree_at_query(const pyr_tree_parser *tree);

/* tree_expression.c: operators; tree_primary.c: what they stand between; tree_call.c: functions. */
PYR_MUST_CHECK pyr_status pyr_tree_expression(pyr_tree_parser *tree, pyr_tree_level level,
                                              pyr_expr **out);
PYR_MUST_CHECK pyr_status pyr_tree_bare_expression(pyr_tree_parser *tree, pyr_expr **out);
PYR_MUST_CHECK pyr_status pyr_tree_primary(pyr_tree_parser *tree, pyr_expr **out);
/* A call; the name stands at the token and '(' behind it. */
PYR_MUST_CHECK pyr_status pyr_tree_call(pyr_tree_parser *tree, pyr_expr **out);
PYR_MUST_CHECK pyr_status pyr_tree_construct(pyr_tree_parser *tree, bool *found, pyr_expr **out);
PYR_MUST_CHECK pyr_status pyr_tree_cast(pyr_tree_parser *tree, size_t offset, pyr_expr *value,
                                        bool try_cast, pyr_expr **out); /* at the type */
PYR_MUST_CHECK pyr_status pyr_tree_interval(pyr_tree_parser *tree, pyr_expr **out);
/* BY and what is behind it. *height is raised. */
PYR_MUST_CHECK pyr_status pyr_tree_order(pyr_tree_parser *tree, uint16_t *height,
                                         pyr_order_list *out);
/* (PARTITION BY ...); tree_window.c. */
PYR_MUST_CHECK pyr_status pyr_tree_window(pyr_tree_parser *tree, pyr_window *out);
PYR_MUST_CHECK pyr_status pyr_tree_over(pyr_tree_parser *tree, pyr_expr *call);
/* [WINDOW name AS (...), ...] */
PYR_MUST_CHECK pyr_status pyr_tree_windows(pyr_tree_parser *tree, pyr_tree_windows_defined *out);
/* Who is pending from `first` on finds its window there. */
PYR_MUST_CHECK pyr_status pyr_tree_resolve_windows(pyr_tree_parser *tree, size_t first,
                                                   const pyr_tree_windows_defined *defined);

/* tree_query.c, tree_source.c, tree_group.c */
PYR_MUST_CHECK pyr_status pyr_tree_query(pyr_tree_parser *tree, bool names_seen,
                                         pyr_query_node **out);
PYR_MUST_CHECK pyr_status pyr_tree_sources(pyr_tree_parser *tree, pyr_source **out);
/* name, schema.name, 'path', function('path'), without an alias. */
PYR_MUST_CHECK pyr_status pyr_tree_table(pyr_tree_parser *tree, pyr_from *out);
PYR_MUST_CHECK pyr_status pyr_tree_group_by(pyr_tree_parser *tree, uint16_t *height,
                                            pyr_group_by *out);

/* tree_name.c: DuckDB's name of a result that is this expression; *out NULL where we are not sure
 * of it. */
PYR_MUST_CHECK pyr_status pyr_tree_result_name(pyr_tree_parser *tree, const pyr_expr *expression,
                                               const char **out);
/* Whether a simple type is called so; in lower case. */
bool pyr_tree_is_type(const char *name);

#endif
