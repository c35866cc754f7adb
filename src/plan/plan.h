/* plan.h - a bound query: typed expressions and the operators over them.
 *
 * Invariants:
 *  1. A plan is immutable once the rules have run (rule.h) and may be executed by many threads. It
 *     lives in an arena; the tables it reads are retained by it (pyr_plan_deinit).
 *  2. Every argument of an operation has exactly the type that the operation wants: the binder has
 *     put the casts in. So exec looks types up, and never converts by itself.
 *  3. A COLUMN expression counts the columns of its node's input (a JOIN's: left, then right).
 *  4. Expressions are pure, but may fail (overflow, a cast): they are computed only for rows that
 *     the statement asks about. An expression node may be shared (common subexpressions).
 */
#ifndef PYR_PLAN_PLAN_H
#define PYR_PLAN_PLAN_H

#include "base/arena.h"
#include "catalog/catalog.h"
#include "plan/type.h"

/* ---- Expressions. ---- */

/* What an expression of kind OPERATION does; in brackets its arguments. "n": any numeric type, all
 * arguments the same, result the same unless said. */
typedef enum pyr_op {
    /* arithmetic: 22003 on overflow; DECIMAL: scales already aligned by the binder */
    PYR_OP_ADD,        /* (n, n); (DATE, INTEGER); DATE or TIMESTAMP with INTERVAL */
    PYR_OP_SUBTRACT,   /* the same; (DATE, DATE) -> BIGINT; (TIMESTAMP, TIMESTAMP) -> INTERVAL */
    PYR_OP_MULTIPLY,   /* (n, n); DECIMAL: scales add up to the result's */
    PYR_OP_DIVIDE,     /* "/": (DOUBLE, DOUBLE), (FLOAT, FLOAT); by zero infinite or NaN */
    PYR_OP_INT_DIVIDE, /* "//": (integer, integer), floats; by zero: NULL */
    PYR_OP_MODULO,     /* (n, n); by zero: NULL, of floats NaN */
    PYR_OP_NEGATE,
    PYR_OP_ABS,
    PYR_OP_BIT_AND, /* (integer, integer) */
    PYR_OP_BIT_OR,
    PYR_OP_BIT_XOR,
    PYR_OP_SHIFT_LEFT,
    PYR_OP_SHIFT_RIGHT,
    PYR_OP_FLOOR, /* (DOUBLE) -> DOUBLE and so on; of DECIMAL: scale 0 */
    PYR_OP_CEIL,
    PYR_OP_ROUND, /* (DOUBLE[, INTEGER]), (DECIMAL[, constant]) */
    PYR_OP_SQRT,  /* (DOUBLE) -> DOUBLE, and those below; 22003 or 2201F as DuckDB */
    PYR_OP_POWER, /* (DOUBLE, DOUBLE) */
    PYR_OP_EXP,
    PYR_OP_LN,
    PYR_OP_LOG10,
    PYR_OP_LOG2,
    PYR_OP_SIGN, /* (n) -> TINYINT */
    /* comparison: two of one type -> BOOLEAN. Floats in DuckDB's total order: NaN is the greatest
     * and equals itself, -0.0 equals 0.0 */
    PYR_OP_EQUAL,
    PYR_OP_NOT_EQUAL,
    PYR_OP_LESS,
    PYR_OP_LESS_EQUAL,
    PYR_OP_GREATER,
    PYR_OP_GREATER_EQUAL,
    PYR_OP_DISTINCT, /* IS DISTINCT FROM: never NULL */
    PYR_OP_NOT_DISTINCT,
    PYR_OP_IS_NULL, /* (any) */
    PYR_OP_IS_NOT_NULL,
    PYR_OP_GREATEST, /* (t, t, ...): NULLs left out */
    PYR_OP_LEAST,
    PYR_OP_IN, /* (t, constants of t ...); as SQL has it where one is NULL */
    /* text. LIKE's pattern is argument 1; a third: the escape */
    PYR_OP_LIKE,
    PYR_OP_ILIKE,
    PYR_OP_STARTS_WITH,
    PYR_OP_ENDS_WITH,
    PYR_OP_CONTAINS,
    PYR_OP_REGEXP_MATCHES, /* (text, pattern[, options]): somewhere in it */
    PYR_OP_REGEXP_FULL_MATCH,
    PYR_OP_REGEXP_REPLACE, /* (text, pattern, replacement[, options]) */
    PYR_OP_REGEXP_EXTRACT, /* (text, pattern[, group]) */
    PYR_OP_STRLEN,         /* bytes -> BIGINT */
    PYR_OP_LENGTH,         /* characters -> BIGINT */
    PYR_OP_LOWER,
    PYR_OP_UPPER,
    PYR_OP_SUBSTRING, /* (VARCHAR, BIGINT[, BIGINT]) characters, from 1; negative from the end */
    PYR_OP_LEFT,
    PYR_OP_RIGHT,
    PYR_OP_TRIM, /* (VARCHAR[, VARCHAR]) */
    PYR_OP_LTRIM,
    PYR_OP_RTRIM,
    PYR_OP_REPLACE,
    PYR_OP_REVERSE,
    PYR_OP_REPEAT,
    PYR_OP_LPAD,
    PYR_OP_RPAD,
    PYR_OP_POSITION, /* (text, needle) -> BIGINT, from 1, 0: not there */
    PYR_OP_SPLIT_PART,
    PYR_OP_CONCAT,    /* "||": (VARCHAR, VARCHAR): NULL with a NULL */
    PYR_OP_CONCAT_FN, /* concat(...): NULLs are left out, never NULL */
    PYR_OP_CONCAT_WS,
    PYR_OP_ASCII,
    PYR_OP_CHR,
    /* dates and times; `part` of the expression says which */
    PYR_OP_EXTRACT,    /* (DATE | TIMESTAMP | TIMESTAMPTZ in UTC) -> BIGINT; epoch: DOUBLE */
    PYR_OP_DATE_TRUNC, /* -> TIMESTAMP; of a DATE: DATE where DuckDB says so; with `part` */
    PYR_OP_DATE_DIFF,  /* (TIMESTAMP, TIMESTAMP) with `part`: borders between -> BIGINT */
    PYR_OP_EPOCH,      /* BIGINT since 1970 to TIMESTAMP; `part` is the unit (s, ms, us, ns) */
    PYR_OP_MAKE_DATE,
    /* the rest */
    PYR_OP_NOT,      /* (BOOLEAN) */
    PYR_OP_CAST,     /* (any): to the expression's type; 22003, 22P02 as DuckDB */
    PYR_OP_TRY_CAST, /* NULL instead of an error */
    PYR_OPS_COUNT
} pyr_op;

typedef enum pyr_date_part {
    PYR_PART_NONE,
    PYR_PART_MILLENNIUM,
    PYR_PART_CENTURY,
    PYR_PART_DECADE,
    PYR_PART_YEAR,
    PYR_PART_QUARTER,
    PYR_PART_MONTH,
    PYR_PART_WEEK,
    PYR_PART_DAY,
    PYR_PART_DAY_OF_WEEK, /* Sunday 0 */
    PYR_PART_ISO_DAY_OF_WEEK,
    PYR_PART_DAY_OF_YEAR,
    PYR_PART_ISO_YEAR,
    PYR_PART_HOUR,
    PYR_PART_MINUTE,
    PYR_PART_SECOND,
    PYR_PART_MILLISECOND,
    PYR_PART_MICROSECOND,
    PYR_PART_NANOSECOND,
    PYR_PART_EPOCH
} pyr_date_part;

typedef enum pyr_bound_expr_kind {
    PYR_BOUND_COLUMN,    /* of the input */
    PYR_BOUND_CONSTANT,  /* a literal, a parameter's value, or folded */
    PYR_BOUND_OPERATION, /* strict (NULL with a NULL argument) unless its op says otherwise */
    PYR_BOUND_AND,       /* three-valued; arguments in an order that is the cheapest first, where
                            none may fail */
    PYR_BOUND_OR,
    PYR_BOUND_CASE,     /* when, then, when, then, ..., else: always an odd number */
    PYR_BOUND_COALESCE, /* each computed where the ones before are NULL */
    PYR_BOUND_SCALAR    /* the one value of a subquery: plan->subqueries[subquery], run before */
} pyr_bound_expr_kind;

typedef union pyr_value {
    bool boolean;
    int64_t i64;  /* every signed integer, DATE, TIME, TIMESTAMPs */
    uint64_t u64; /* every unsigned one */
    pyr_i128 i128;
    double f64;        /* FLOAT too, exactly */
    pyr_string string; /* in the plan's arena */
    pyr_interval interval;
} pyr_value;

typedef struct pyr_bound_expr pyr_bound_expr;
struct pyr_bound_expr {
    pyr_bound_expr_kind kind;
    pyr_sql_type type;
    int32_t offset; /* in the statement's text, for carets; -1: none */
    bool may_fail;  /* it, or an argument, may raise an error */
    bool is_null;   /* CONSTANT: NULL */
    bool literal;   /* CONSTANT: as it was written: its type adapts to what it stands beside */
    pyr_op op;      /* OPERATION */
    pyr_date_part part;
    int32_t column;   /* COLUMN */
    int32_t subquery; /* SCALAR */
    pyr_value value;  /* CONSTANT */
    int32_t arguments_count;
    pyr_bound_expr **arguments;
};

/* ---- Aggregates. ---- */

typedef enum pyr_aggregate_op {
    PYR_AGGREGATE_COUNT_STAR,
    PYR_AGGREGATE_COUNT,
    PYR_AGGREGATE_SUM, /* integers up to BIGINT, BOOLEAN: HUGEINT; DECIMAL: DECIMAL(38, s); else
                          DOUBLE */
    PYR_AGGREGATE_SUM_NO_OVERFLOW, /* of integers, as BIGINT: for rules that merge counts */
    PYR_AGGREGATE_FSUM,            /* Kahan's */
    PYR_AGGREGATE_AVG,             /* DOUBLE; of integers and DECIMAL exactly summed first */
    PYR_AGGREGATE_MIN,
    PYR_AGGREGATE_MAX,
    PYR_AGGREGATE_STDDEV_SAMP, /* (DOUBLE): Welford's */
    PYR_AGGREGATE_STDDEV_POP,
    PYR_AGGREGATE_VAR_SAMP,
    PYR_AGGREGATE_VAR_POP,
    PYR_AGGREGATE_CORR, /* (DOUBLE, DOUBLE) */
    PYR_AGGREGATE_COVAR_SAMP,
    PYR_AGGREGATE_COVAR_POP,
    PYR_AGGREGATE_MEDIAN,        /* as QUANTILE_CONT 0.5 */
    PYR_AGGREGATE_QUANTILE_CONT, /* of integers as DOUBLE, of DATE: TIMESTAMP; else its type */
    PYR_AGGREGATE_QUANTILE_DISC,
    PYR_AGGREGATE_ARG_MIN, /* (any, ordered) */
    PYR_AGGREGATE_ARG_MAX,
    PYR_AGGREGATE_ANY_VALUE, /* the first that is not NULL */
    PYR_AGGREGATE_FIRST,
    PYR_AGGREGATE_LAST,
    PYR_AGGREGATE_STRING_AGG, /* (VARCHAR, constant separator) */
    PYR_AGGREGATE_BOOL_AND,
    PYR_AGGREGATE_BOOL_OR,
    PYR_AGGREGATE_BIT_AND,
    PYR_AGGREGATE_BIT_OR,
    PYR_AGGREGATE_BIT_XOR,
    PYR_AGGREGATE_SET, /* BIGINT: the set of keys that a group is of, as its mask in `sets` */
    PYR_AGGREGATES_COUNT
} pyr_aggregate_op;

typedef struct pyr_aggregate {
    pyr_aggregate_op op;
    bool distinct;
    pyr_sql_type type; /* of the result */
    int32_t arguments_count;
    pyr_bound_expr *arguments[2]; /* over the AGGREGATE node's input */
    pyr_bound_expr *filter;       /* BOOLEAN, or NULL */
    pyr_value parameter;          /* a quantile's share (f64), STRING_AGG's separator (string) */
    int64_t share, share_of; /* QUANTILE_DISC by a DECIMAL: exactly this; share_of 0: not by one */
    int32_t offset;
} pyr_aggregate;

/* ---- Nodes. ---- */

typedef enum pyr_node_kind {
    PYR_NODE_ONE_ROW,   /* no columns, one row: SELECT without FROM */
    PYR_NODE_SCAN,      /* a table's columns; filters are already below */
    PYR_NODE_VALUES,    /* rows of expressions without columns */
    PYR_NODE_FILTER,    /* conjuncts */
    PYR_NODE_PROJECT,   /* expressions */
    PYR_NODE_AGGREGATE, /* keys, then aggregates; no key: one row always */
    PYR_NODE_DISTINCT,  /* of whole rows */
    PYR_NODE_JOIN,
    PYR_NODE_SORT,  /* order */
    PYR_NODE_LIMIT, /* offset, limit; above a SORT: a top-n */
    PYR_NODE_UNION_ALL,
    PYR_NODE_WINDOW,      /* the input's columns, then one a window function */
    PYR_NODE_MATERIALIZED /* a common table expression read more than once: its plan runs first */
} pyr_node_kind;

typedef enum pyr_join_type {
    PYR_JOIN_TYPE_INNER,
    PYR_JOIN_TYPE_LEFT, /* all rows of the left, the right's columns NULL without a match */
    PYR_JOIN_TYPE_FULL,
    PYR_JOIN_TYPE_SEMI,      /* the left's columns alone, once */
    PYR_JOIN_TYPE_ANTI,      /* NOT EXISTS */
    PYR_JOIN_TYPE_ANTI_NULL, /* NOT IN: no row when the right has a NULL key; a NULL key passes
                                only where the right is empty */
    PYR_JOIN_TYPE_MARK,      /* the left's columns, then BOOLEAN: has a match */
    PYR_JOIN_TYPE_SINGLE     /* LEFT, and 21000 where there is more than one match */
} pyr_join_type;

typedef struct pyr_sort_key {
    pyr_bound_expr *expression;
    bool descending, nulls_first;
} pyr_sort_key;

typedef enum pyr_window_op {
    PYR_WINDOW_ROW_NUMBER,
    PYR_WINDOW_RANK,
    PYR_WINDOW_DENSE_RANK,
    PYR_WINDOW_NTILE, /* `distance` parts */
    PYR_WINDOW_PERCENT_RANK,
    PYR_WINDOW_CUME_DIST, /* up to here never NULL */
    PYR_WINDOW_LAG,       /* (value[, constant offset[, default]]) */
    PYR_WINDOW_LEAD,
    PYR_WINDOW_FIRST_VALUE, /* (value), of the frame */
    PYR_WINDOW_LAST_VALUE,
    PYR_WINDOW_NTH_VALUE, /* the frame's row `distance`, from 1 */
    PYR_WINDOW_AGGREGATE  /* `aggregate`, over the frame */
} pyr_window_op;
static inline bool pyr_window_never_null(pyr_window_op op) {
    return op <= PYR_WINDOW_CUME_DIST;
}
/* Where a frame begins, or ends (its last row is in it). */
typedef enum pyr_frame_edge_kind {
    PYR_EDGE_UNBOUNDED,
    PYR_EDGE_ROWS,  /* `rows` behind the current row; negative: before it */
    PYR_EDGE_PEERS, /* with the current row's first or last peer */
    PYR_EDGE_VALUE  /* RANGE: where the rows' key is as near as the current row's value */
} pyr_frame_edge_kind;
typedef struct pyr_frame_edge {
    pyr_frame_edge_kind kind;
    int64_t rows;                /* VALUE: below zero before the current row, else above */
    pyr_bound_expr *value, *key; /* VALUE: of one type; key: what ORDER BY has */
    const pyr_bound_expr *by;    /* VALUE: the constant that lies between */
} pyr_frame_edge;
typedef struct pyr_window_function {
    pyr_window_op op;
    pyr_sql_type type;
    pyr_aggregate aggregate;
    int32_t arguments_count;
    pyr_bound_expr *arguments[3];
    int64_t distance;          /* LAG, LEAD; NTILE, NTH_VALUE */
    pyr_frame_edge start, end; /* of FIRST_VALUE, LAST_VALUE, NTH_VALUE, AGGREGATE */
} pyr_window_function;
/* Frames from the partition's first row on: they only grow from row to row. */
typedef enum pyr_window_frame_kind {
    PYR_WINDOW_WHOLE, /* the partition */
    PYR_WINDOW_ROWS,  /* up to the row */
    PYR_WINDOW_PEERS, /* up to the row's last peer */
    PYR_WINDOW_FRAMES_COUNT
} pyr_window_frame_kind;
/* PYR_WINDOW_FRAMES_COUNT: another frame. */
static inline pyr_window_frame_kind pyr_window_frame_kind_of(const pyr_window_function *function) {
    const pyr_frame_edge *end = &function->end;
    if (function->start.kind != PYR_EDGE_UNBOUNDED) {
        return PYR_WINDOW_FRAMES_COUNT;
    }
    return end->kind == PYR_EDGE_UNBOUNDED                ? PYR_WINDOW_WHOLE
           : end->kind == PYR_EDGE_PEERS                  ? PYR_WINDOW_PEERS
           : end->kind == PYR_EDGE_ROWS && end->rows == 0 ? PYR_WINDOW_ROWS
                                                          : PYR_WINDOW_FRAMES_COUNT;
}

typedef struct pyr_plan_column {
    const char *name;
    pyr_sql_type type;
    bool never_null; /* proven: NOT NULL columns, counts */
} pyr_plan_column;

typedef struct pyr_node pyr_node;
struct pyr_node {
    pyr_node_kind kind;
    int32_t id; /* from 0, of the whole plan: for EXPLAIN ANALYZE's figures */
    int32_t columns_count;
    pyr_plan_column *columns; /* what the node gives */
    double rows_estimate;     /* < 0: unknown */
    pyr_node *input;          /* of all kinds with one; JOIN's left (probe side) */
    pyr_node *right;          /* JOIN's build side */
    union {
        struct {
            pyr_table *table; /* retained by the plan */
            int32_t *columns; /* of the table, one an output column, distinct */
            /* Conditions that hold for every row given out, over the output columns; the scan
             * evaluates them, and tests what it can against zone maps first. */
            int32_t filters_count;
            pyr_bound_expr **filters;
            int32_t
                visible_count; /* the first so many columns go on; those behind are for filters */
        } scan;
        struct {
            int32_t count;
            pyr_bound_expr **conjuncts;
        } filter;
        struct {
            pyr_bound_expr **expressions; /* columns_count of them */
        } project;
        struct {
            int32_t rows;
            pyr_bound_expr **values; /* row by row */
        } values;
        struct {
            int32_t keys_count;
            pyr_bound_expr **keys;
            int32_t aggregates_count;
            pyr_aggregate *aggregates;
            /* ROLLUP and the like: sets of keys as bit masks (bit i: keys[i] is in the set); with
             * sets_count > 1 keys outside of the set are NULL. 0: one set of all. */
            int32_t sets_count;
            uint64_t *sets;
            int64_t groups_max; /* LIMIT without ORDER BY above: any so many groups do; -1 */
        } aggregate;
        struct {
            pyr_join_type type;
            int32_t keys_count;
            pyr_bound_expr **left_keys, **right_keys; /* equal types, pairwise */
            bool *nulls_equal;                        /* IS NOT DISTINCT FROM; NULL: none */
            pyr_bound_expr *residual;                 /* over left then right columns; NULL: none */
        } join;
        struct {
            int32_t count;
            pyr_sort_key *keys;
        } sort;
        struct {
            int64_t limit, offset; /* limit -1: none */
        } limit;
        struct {
            int32_t count;
            pyr_node **inputs; /* equal types, column by column */
        } union_all;
        struct {
            int32_t partition_count;
            pyr_bound_expr **partition;
            int32_t order_count;
            pyr_sort_key *order;
            int32_t functions_count;
            pyr_window_function *functions;
        } window;
        struct {
            int32_t index; /* of plan->materialized */
        } materialized;
    } as;
};

typedef struct pyr_plan {
    pyr_arena arena; /* all of it */
    pyr_node *root;
    pyr_schema *schema; /* the result's: names and types; retained */
    int32_t nodes_count;
    int32_t subqueries_count; /* each gives at most one row of one column; 21000 else. Later ones
                                 may use earlier ones. */
    pyr_node **subqueries;
    int32_t materialized_count;
    pyr_node **materialized;
    size_t tables_count;
    pyr_table **tables; /* retained */
} pyr_plan;

void pyr_plan_deinit(pyr_plan *plan); /* zeroed: nothing */

/* Lines divided by '\n', indented by depth, root first. annotate (NULL allowed) adds to a node's
 * line what an execution found out. */
struct pyr_text;
void pyr_plan_print(const pyr_plan *plan,
                    void (*annotate)(void *context, const pyr_node *node, struct pyr_text *out),
                    void *context, struct pyr_text *out);
/* As SQL would write it: for plans and errors. */
void pyr_bound_print(const pyr_bound_expr *expression, const pyr_node *input, struct pyr_text *out);

#endif
