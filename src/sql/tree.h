/* tree.h - the parse tree of a whole query: what the native engine's binder is given.
 *
 * Names are unresolved and types unknown; nothing here depends on a catalog. The tree lives in the
 * arena of the parse, points into the statement's text or the arena, and is immutable. Every node
 * has the byte where it begins in the text, for carets. Depth is bounded (PYR_TREE_DEPTH_MAX), so a
 * walk may recurse.
 *
 * What the grammar does not know is no error of the statement: pyr_tree_parse says what it met,
 * and the text goes on to another engine. The grammar may be narrower than DuckDB's, never wider,
 * and never gives another meaning.
 */
#ifndef PYR_SQL_TREE_H
#define PYR_SQL_TREE_H

#include "sql/select.h"

#define PYR_TREE_DEPTH_MAX 200

typedef struct pyr_expr pyr_expr;
typedef struct pyr_query_node pyr_query_node;

typedef enum pyr_expr_kind {
    PYR_EXPR_LITERAL,
    PYR_EXPR_INTERVAL,  /* INTERVAL '1' HOUR, INTERVAL 1 HOUR, INTERVAL '1 hour' */
    PYR_EXPR_PARAMETER, /* $1, ? */
    PYR_EXPR_COLUMN,    /* [[schema.]table.]name */
    PYR_EXPR_STAR, /* *, t.*, * EXCLUDE (...) : an item of SELECT, or COUNT(*)'s argument list */
    PYR_EXPR_CALL, /* f(...), and operators and constructs by their names, see as.call */
    PYR_EXPR_AND,  /* as.list, two or more, flattened */
    PYR_EXPR_OR,
    PYR_EXPR_NOT,      /* as.list, one */
    PYR_EXPR_CASE,     /* operand may be NULL */
    PYR_EXPR_CAST,     /* CAST, ::, TRY_CAST, DATE '...', TIMESTAMP '...' */
    PYR_EXPR_BETWEEN,  /* as.list: value, low, high; negated */
    PYR_EXPR_IN_LIST,  /* as.list: value, then the list's; negated */
    PYR_EXPR_IN_QUERY, /* value IN (SELECT ...); negated */
    PYR_EXPR_EXISTS,   /* negated for NOT EXISTS */
    PYR_EXPR_SUBQUERY  /* (SELECT ...) as a value */
} pyr_expr_kind;

typedef struct pyr_expr_list {
    size_t count;
    pyr_expr **items;
} pyr_expr_list;

typedef struct pyr_order_item {
    pyr_expr *expression;
    bool descending;
    bool nulls_first; /* as it holds: said, or DuckDB's default, nulls last in both directions */
    bool direction_given, nulls_given; /* written, so part of a generated column name */
} pyr_order_item;
typedef struct pyr_order_list {
    size_t count;
    pyr_order_item *items;
    bool all; /* ORDER BY ALL: items[0] has the direction and no expression */
} pyr_order_list;

typedef enum pyr_frame_kind { PYR_FRAME_ROWS, PYR_FRAME_RANGE, PYR_FRAME_GROUPS } pyr_frame_kind;
typedef enum pyr_frame_bound {
    PYR_FRAME_UNBOUNDED_PRECEDING,
    PYR_FRAME_PRECEDING, /* by the expression */
    PYR_FRAME_CURRENT,
    PYR_FRAME_FOLLOWING,
    PYR_FRAME_UNBOUNDED_FOLLOWING
} pyr_frame_bound;
typedef struct pyr_window {
    pyr_expr_list partition;
    pyr_order_list order;
    bool frame_given;
    pyr_frame_kind frame;
    pyr_frame_bound start, end;
    pyr_expr *start_by, *end_by; /* PRECEDING, FOLLOWING; else NULL */
    uint16_t height;             /* the highest of its expressions */
} pyr_window;

typedef struct pyr_case_arm {
    pyr_expr *when, *then;
} pyr_case_arm;

struct pyr_expr {
    pyr_expr_kind kind;
    size_t offset, length; /* of the whole expression in the statement's text */
    uint16_t height;       /* levels from here down, queries included: at most PYR_TREE_DEPTH_MAX */
    bool negated;          /* BETWEEN, IN_LIST, IN_QUERY, EXISTS. LIKE and the like are calls with a
                              NOT around that is marked (NOT LIKE, not NOT (a LIKE b)) for the name */
    union {
        pyr_literal literal;
        struct {
            int32_t months, days;
            int64_t micros;
            const char *text; /* what DuckDB makes of it, for names: "to_days(CAST(trunc(..." */
        } interval;
        int32_t parameter; /* from 1 */
        struct {
            const char *schema_name, *table; /* NULL where not given */
            const char *name;
            bool quoted;
        } column;
        struct {
            const char *table; /* NULL: of all */
            size_t exclude_count;
            const char **exclude;
        } star;
        /* Functions by their lower-case names. Operators by their signs: "+" "-" "*" "/" "//" "%"
         * "^" "||" "=" "<>" "<" "<=" ">" ">=" "~" "&" "|" "<<" ">>"; "-", "+" and "~" with one
         * argument are the unary ones ("~" has no other). "~~" LIKE, "~~*" ILIKE (a third argument:
         * ESCAPE), "~~~" GLOB; SIMILAR TO and the binary ~ are "regexp_full_match", as DuckDB has
         * it. "is null", "is not null", "is true", "is false", "is not true", "is not false",
         * "is distinct from", "is not distinct from". "extract" has the part as a string literal
         * first. "substring", "position" (needle, text), "trim", "ltrim", "rtrim" as functions.
         * As DuckDB's parser does it, NOT before a comparison is the opposite comparison. */
        struct {
            const char *name;
            pyr_expr_list arguments;
            bool is_operator; /* written as one, or as a construct, not as name(...) */
            bool distinct;
            bool star;            /* count(*) */
            pyr_order_list order; /* string_agg(x ORDER BY y) */
            pyr_expr *filter;     /* FILTER (WHERE ...) or NULL */
            pyr_window *window;   /* OVER ... (named ones resolved), or NULL */
            bool ignore_nulls;
        } call;
        pyr_expr_list list;
        struct {
            pyr_expr *operand;
            size_t arms_count;
            pyr_case_arm *arms;  /* whens are values where there is an operand */
            pyr_expr *otherwise; /* NULL: NULL */
        } when;
        struct {
            pyr_expr *value;
            const char *type_text; /* as pyr_sql_type_parse takes it */
            pyr_field *field;      /* owned by the tree: pyr_query_deinit */
            bool try_cast;
        } cast;
        struct {
            pyr_expr *value; /* IN_QUERY alone */
            pyr_query_node *query;
        } subquery;
    } as;
};

typedef struct pyr_item {
    pyr_expr *expression;
    const char *alias; /* NULL where none */
    /* What DuckDB calls the column: the alias, a column's own name (as the table has it, so NULL
     * here), or the expression's text in DuckDB's normal form: "count_star()", "sum(v1)",
     * "(a + 1)". NULL, too, where nobody sees it: in subqueries inside of expressions, on the right
     * of a UNION and the like. A COLUMN may turn out to be none (current_date): it is called as
     * written. */
    const char *name;
} pyr_item;

typedef enum pyr_join_kind {
    PYR_JOIN_INNER,
    PYR_JOIN_LEFT,
    PYR_JOIN_RIGHT,
    PYR_JOIN_FULL,
    PYR_JOIN_CROSS, /* and the comma */
    PYR_JOIN_SEMI,
    PYR_JOIN_ANTI
} pyr_join_kind;

typedef enum pyr_source_kind {
    PYR_SOURCE_TABLE,    /* name, or a file's path in quotes: from.kind says which */
    PYR_SOURCE_SUBQUERY, /* (SELECT ...) AS a(b, c) */
    PYR_SOURCE_VALUES,
    PYR_SOURCE_JOIN
} pyr_source_kind;
typedef struct pyr_source pyr_source;
struct pyr_source {
    pyr_source_kind kind;
    size_t offset;
    uint16_t height;   /* as an expression's */
    const char *alias; /* NULL where none */
    size_t columns_count;
    const char **columns;  /* AS a(b, c) */
    pyr_from from;         /* TABLE */
    pyr_query_node *query; /* SUBQUERY, VALUES */
    pyr_join_kind join;
    pyr_source *left, *right; /* JOIN */
    pyr_expr *on;             /* NULL: USING, NATURAL, CROSS */
    size_t using_count;
    const char **using_columns;
    bool natural;
};

/* GROUP BY: the sets of it, each a list of indices into `keys`, ascending. GROUP BY a, b is one set
 * of all; ROLLUP, CUBE and GROUPING SETS are expanded, GROUP BY () is one empty set. Keys that are
 * written alike are one. No GROUP BY: keys_count 0, sets_count 0. */
typedef struct pyr_group_by {
    size_t keys_count;
    pyr_expr **keys;
    bool all; /* GROUP BY ALL */
    size_t sets_count;
    struct pyr_group_set {
        size_t count;
        size_t *keys;
    } * sets;
} pyr_group_by;

typedef enum pyr_query_kind {
    PYR_QUERY_SELECT,
    PYR_QUERY_VALUES,
    PYR_QUERY_UNION, /* left, right; all */
    PYR_QUERY_EXCEPT,
    PYR_QUERY_INTERSECT
} pyr_query_kind;
typedef struct pyr_cte {
    const char *name;
    size_t offset;
    size_t columns_count;
    const char **columns;
    pyr_query_node *query;
} pyr_cte;

struct pyr_query_node {
    pyr_query_kind kind;
    size_t offset;
    uint16_t height;   /* as an expression's */
    size_t ctes_count; /* WITH; RECURSIVE is not covered */
    pyr_cte *ctes;
    /* SELECT */
    bool distinct;
    size_t items_count;
    pyr_item *items;
    pyr_source *source; /* NULL: no FROM */
    pyr_expr *where, *having, *qualify;
    pyr_group_by group;
    /* VALUES: rows of items, row by row */
    size_t rows_count, columns_count;
    pyr_expr **values;
    /* UNION, EXCEPT, INTERSECT */
    bool all;
    bool by_name; /* UNION: columns of one name are one */
    pyr_query_node *left, *right;
    /* of any kind */
    pyr_order_list order;
    pyr_expr *limit, *offset_rows; /* NULL where none; LIMIT ALL and NULL are none. A parameter, or
                                      an INTEGER or BIGINT literal that is not negative */
};

typedef struct pyr_tree {
    pyr_query_node *root; /* NULL: see not_covered */
    int32_t parameters_count;
    size_t fields_count; /* of casts: released by pyr_tree_deinit */
    pyr_field **fields;
    const char *not_covered; /* what the grammar does not know, for EXPLAIN; in the arena */
    size_t not_covered_offset;
} pyr_tree;

/* Reads one statement that is a query. PYR_OK with root NULL where it is beyond the grammar (or
 * wrong: the other engine's error is the one to show). Fails only for want of memory. */
PYR_MUST_CHECK pyr_status pyr_tree_parse(const char *text, size_t length, pyr_arena *arena,
                                         pyr_tree *out, pyr_error *error);
void pyr_tree_deinit(pyr_tree *tree); /* zeroed: nothing */

#endif
