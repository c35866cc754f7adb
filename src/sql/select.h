/* select.h - what the native engine covers of a query: the tree pyr_sql_parse gives.
 *
 * Covered so far: SELECT of columns from one table or file, COUNT(*) of one, SELECT and VALUES of
 * literals and parameters, WHERE of columns compared with those, ORDER BY columns, LIMIT and
 * OFFSET. The tree lives in the arena of the parse, holds no reference to anything else and is
 * immutable. GROUP BY and expressions join it as further members of pyr_select and kinds of
 * pyr_expression; who walks the tree must refuse kinds it does not know.
 */
#ifndef PYR_SQL_SELECT_H
#define PYR_SQL_SELECT_H

#include "sql/statement.h"

typedef enum pyr_literal_kind {
    PYR_LITERAL_NULL, /* INTEGER where nothing else decides */
    PYR_LITERAL_BOOL,
    PYR_LITERAL_INTEGER, /* fits int32 */
    PYR_LITERAL_BIGINT,
    PYR_LITERAL_DECIMAL, /* at most 38 digits */
    PYR_LITERAL_DOUBLE,
    PYR_LITERAL_STRING
} pyr_literal_kind;

typedef struct pyr_literal {
    pyr_literal_kind kind;
    uint8_t precision, scale; /* DECIMAL */
    union {
        bool boolean;
        int64_t i64;
        double f64;
        struct {
            uint64_t low;
            int64_t high;
        } decimal; /* the unscaled value, 128 bits in two's complement */
        struct {
            const char *text; /* UTF-8 as in the statement, NUL behind it */
            size_t length;
        } string;
    } value;
} pyr_literal;

typedef enum pyr_expression_kind {
    PYR_EXPRESSION_LITERAL,
    PYR_EXPRESSION_PARAMETER, /* $1, ? */
    PYR_EXPRESSION_COLUMN,    /* [qualifier.]name */
    PYR_EXPRESSION_STAR,      /* *, qualifier.*: only as an item of the list */
    PYR_EXPRESSION_COUNT_STAR /* COUNT(*), COUNT(): rows as BIGINT */
} pyr_expression_kind;

typedef struct pyr_expression {
    pyr_expression_kind kind;
    size_t offset; /* in the statement's text, for carets */
    union {
        pyr_literal literal;
        int32_t parameter; /* from 1 */
        struct {
            const char *schema_name; /* NULL where not given */
            const char *qualifier;   /* table or alias, NULL where not given */
            const char *name;        /* COLUMN only */
        } column;
    } as;
} pyr_expression;

typedef struct pyr_select_item {
    pyr_expression expression;
    /* The result's column name: the alias, or DuckDB's name for the expression ("1", "'a'",
     * "count_star()", "$1"). NULL: the table's own name of the column. */
    const char *name;
} pyr_select_item;

typedef enum pyr_from_kind {
    PYR_FROM_NOTHING, /* SELECT 1 */
    PYR_FROM_TABLE,
    PYR_FROM_STRING,   /* FROM 'x.arrow': a table of that name, else a path or glob */
    PYR_FROM_FUNCTION, /* read_arrow('x.arrow'): which functions there are, engines know */
    PYR_FROM_VALUES
} pyr_from_kind;

/* Of a function in FROM: a literal, or a parameter. */
typedef struct pyr_from_argument {
    const char *name; /* name := value, name = value; NULL where it counts by its place */
    pyr_expression value;
} pyr_from_argument;
#define PYR_FROM_ARGUMENTS_MAX 16

typedef struct pyr_from {
    pyr_from_kind kind;
    size_t offset;
    pyr_name table;
    bool quoted;          /* TABLE: the name stood in double quotes: it may be a path, too */
    const char *path;     /* STRING */
    const char *alias;    /* NULL where none */
    const char *function; /* FUNCTION: its name, as written */
    size_t arguments_count;
    const pyr_from_argument *arguments; /* those with names come last */
} pyr_from;

typedef enum pyr_comparison {
    PYR_COMPARISON_EQUAL,
    PYR_COMPARISON_LESS,
    PYR_COMPARISON_LESS_EQUAL,
    PYR_COMPARISON_GREATER,
    PYR_COMPARISON_GREATER_EQUAL,
    PYR_COMPARISON_IN
} pyr_comparison;

/* column comparison value; values are literals or parameters. */
typedef struct pyr_condition {
    pyr_expression column;
    pyr_comparison comparison;
    pyr_expression value;
    size_t values_count; /* of IN (...), 0 else */
    pyr_expression *values;
} pyr_condition;

typedef struct pyr_row_count {
    bool given;        /* false: no LIMIT, or LIMIT ALL or NULL */
    int32_t parameter; /* from 1; 0: value */
    int64_t value;     /* >= 0 */
    size_t offset;
} pyr_row_count;

typedef struct pyr_select {
    size_t items_count; /* 0 for VALUES */
    pyr_select_item *items;
    pyr_from from;
    size_t values_rows, values_columns;
    pyr_expression *values; /* row by row; literals and parameters */
    size_t conditions_count;
    pyr_condition *conditions; /* WHERE: all of them hold; BETWEEN is two */
    size_t order_count;
    pyr_expression *order; /* ORDER BY: columns, ascending, nulls last */
    pyr_row_count limit, offset;
} pyr_select;

#endif
