/* support_tree.h - a parse tree as text: prefix form, one line, for tests to compare. */
#ifndef PYR_TESTS_SUPPORT_TREE_H
#define PYR_TESTS_SUPPORT_TREE_H

#include "sql/tree.h"
#include "unit/sql/support_sql.h"

typedef struct tree_text {
    pyr_arena arena;
    pyr_tree tree;
    pyr_error error;
    pyr_status status;
} tree_text;

tree_text tree_of(const char *sql);
void tree_free(tree_text *text);
/* (+ a (* b 2)); a query is [select a from t where ...]. Columns' names are not printed. */
void tree_print_expr(const pyr_expr *expression, pyr_text *text);
void tree_print_query(const pyr_query_node *query, pyr_text *text);

#endif
