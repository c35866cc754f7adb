/* tree_expression.c - operators, by precedence climbing.
 *
 * The levels are those of DuckDB's grammar, which is PostgreSQL's ("Operator Precedence"), with its
 * rule that a prefix operator takes all that binds tighter than itself wherever it stands:
 * "f = NOT a = b" is f = (NOT (a = b)), "~a + 1" is ~(a + 1). Where that grammar has no
 * associativity ("a = b = c") it is an error there and not covered here.
 */
#include "sql/tree_internal.h"

#include <string.h>

typedef struct binary_operator {
    const char *sign;
    const char *name; /* in the tree */
    pyr_tree_level level;
} binary_operator;

static const binary_operator binary_operators[] = {
    {"=", "=", PYR_LEVEL_COMPARISON},   {"==", "=", PYR_LEVEL_OTHER},
    {"<>", "<>", PYR_LEVEL_COMPARISON}, {"!=", "<>", PYR_LEVEL_COMPARISON},
    {"<", "<", PYR_LEVEL_COMPARISON},   {"<=", "<=", PYR_LEVEL_COMPARISON},
    {">", ">", PYR_LEVEL_COMPARISON},   {">=", ">=", PYR_LEVEL_COMPARISON},
    {"||", "||", PYR_LEVEL_OTHER},      {"&", "&", PYR_LEVEL_OTHER},
    {"|", "|", PYR_LEVEL_OTHER},        {"<<", "<<", PYR_LEVEL_OTHER},
    {">>", ">>", PYR_LEVEL_OTHER},      {"~~", "~~", PYR_LEVEL_OTHER},
    {"~~*", "~~*", PYR_LEVEL_OTHER},    {"~~~", "~~~", PYR_LEVEL_OTHER},
    {"!~~", "~~", PYR_LEVEL_OTHER},     {"!~~*", "~~*", PYR_LEVEL_OTHER},
    {"+", "+", PYR_LEVEL_ADD},          {"-", "-", PYR_LEVEL_ADD},
    {"*", "*", PYR_LEVEL_MULTIPLY},     {"/", "/", PYR_LEVEL_MULTIPLY},
    {"//", "//", PYR_LEVEL_MULTIPLY},   {"%", "%", PYR_LEVEL_MULTIPLY},
    {"^", "^", PYR_LEVEL_POWER},        {"^@", "^@", PYR_LEVEL_OTHER}};

static const binary_operator *find_operator(const pyr_parser *parser) {
    for (size_t i = 0; i < sizeof(binary_operators) / sizeof(binary_operators[0]); ++i) {
        if (pyr_parser_at_operator(parser, binary_operators[i].sign)) {
            return &binary_operators[i];
        }
    }
    return NULL;
}

/* ---- NOT, AND, OR. ---- */

static pyr_status wrap_not(pyr_tree_parser *tree, size_t offset, pyr_expr *value, bool marked,
                           pyr_expr **out) {
    pyr_expr *node = NULL;
    PYR_TRY(pyr_tree_new(tree, PYR_EXPR_NOT, offset, &node));
    PYR_TRY(pyr_tree_append(tree, node, &node->as.list, value));
    node->negated = marked;
    pyr_tree_finish(tree, node);
    *out = node;
    return PYR_OK;
}

/* The comparison that is true where this one is false; NULL where name is none. */
static const char *opposite(const char *name) {
    static const char *const pairs[][2] = {{"=", "<>"},
                                           {"<", ">="},
                                           {">", "<="},
                                           {"is true", "is not true"},
                                           {"is false", "is not false"},
                                           {"is distinct from", "is not distinct from"}};
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); ++i) {
        if (strcmp(name, pairs[i][0]) == 0) {
            return pairs[i][1];
        }
        if (strcmp(name, pairs[i][1]) == 0) {
            return pairs[i][0];
        }
    }
    return NULL;
}

static pyr_status negate(pyr_tree_parser *tree, size_t offset, pyr_expr *value, pyr_expr **out) {
    const char *other = value->kind == PYR_EXPR_CALL && value->as.call.is_operator
                            ? opposite(value->as.call.name)
                            : NULL;
    bool has_flag = value->kind == PYR_EXPR_BETWEEN || value->kind == PYR_EXPR_IN_LIST ||
                    value->kind == PYR_EXPR_IN_QUERY || value->kind == PYR_EXPR_EXISTS;
    if (other == NULL && (!has_flag || value->negated)) {
        return wrap_not(tree, offset, value, false, out);
    }
    if (other != NULL) {
        value->as.call.name = other;
    } else {
        value->negated = true;
    }
    value->offset = offset;
    pyr_tree_finish(tree, value);
    *out = value;
    return PYR_OK;
}

/* One side of AND or OR: its own items where it is one of the same kind. */
static pyr_status append_flat(pyr_tree_parser *tree, pyr_expr *node, pyr_expr *side) {
    if (side->kind != node->kind) {
        return pyr_tree_append(tree, node, &node->as.list, side);
    }
    for (size_t i = 0; i < side->as.list.count; ++i) {
        PYR_TRY(pyr_tree_append(tree, node, &node->as.list, side->as.list.items[i]));
    }
    return PYR_OK;
}

/* The list on the left grows, so that a long chain takes linear time. */
static pyr_status parse_junction(pyr_tree_parser *tree, pyr_expr_kind kind, pyr_expr **left) {
    pyr_expr *node = *left;
    pyr_expr *right = NULL;
    pyr_parser_next(&tree->parser);
    PYR_TRY(pyr_tree_expression(tree, kind == PYR_EXPR_AND ? PYR_LEVEL_AND + 1 : PYR_LEVEL_OR + 1,
                                &right));
    if (node->kind != kind) {
        PYR_TRY(pyr_tree_new(tree, kind, (*left)->offset, &node));
        PYR_TRY(append_flat(tree, node, *left));
    }
    PYR_TRY(append_flat(tree, node, right));
    pyr_tree_finish(tree, node);
    *left = node;
    return PYR_OK;
}

/* ---- What stands behind a value. ---- */

/* The other operators may stand behind a value alone for DuckDB's grammar, which takes NOT there
 * for the one of NOT LIKE, and fails. */
static pyr_status refuse_not(pyr_tree_parser *tree) {
    return pyr_parser_at(&tree->parser, "NOT") ? pyr_grammar_stop_here(&tree->grammar) : PYR_OK;
}

static pyr_status parse_binary(pyr_tree_parser *tree, const binary_operator *found,
                               pyr_expr **left) {
    size_t offset = (*left)->offset;
    pyr_expr *arguments[3] = {*left, NULL, NULL};
    pyr_parser_next(&tree->parser);
    if (found->level == PYR_LEVEL_OTHER) {
        PYR_TRY(refuse_not(tree));
    }
    PYR_TRY(pyr_tree_expression(tree, (pyr_tree_level)(found->level + 1), &arguments[1]));
    PYR_TRY(pyr_tree_operator(tree, offset, found->name, arguments, left));
    return found->sign[0] == '!' && found->sign[1] == '~'
               ? wrap_not(tree, offset, *left, true, left)
               : PYR_OK;
}

/* c ~ 'x', c !~ 'x'. */
static pyr_status parse_match(pyr_tree_parser *tree, bool negated, pyr_expr **left) {
    size_t offset = (*left)->offset;
    pyr_expr *arguments[3] = {*left, NULL, NULL};
    PYR_TRY(refuse_not(tree));
    PYR_TRY(pyr_tree_expression(tree, PYR_LEVEL_OTHER + 1, &arguments[1]));
    PYR_TRY(pyr_tree_operator(tree, offset, "regexp_full_match", arguments, left));
    (*left)->as.call.is_operator = false;
    return negated ? wrap_not(tree, offset, *left, false, left) : PYR_OK;
}

static pyr_status parse_between(pyr_tree_parser *tree, bool negated, pyr_expr **left) {
    pyr_expr *node = NULL;
    PYR_TRY(pyr_tree_new(tree, PYR_EXPR_BETWEEN, (*left)->offset, &node));
    node->negated = negated;
    PYR_TRY(pyr_tree_append(tree, node, &node->as.list, *left));
    for (int i = 0; i < 2; ++i) {
        pyr_expr *bound = NULL;
        if (i == 1) {
            PYR_TRY(pyr_tree_expect(tree, "AND"));
        }
        PYR_TRY(i == 0 ? pyr_tree_bare_expression(tree, &bound)
                       : pyr_tree_expression(tree, PYR_LEVEL_OTHER, &bound));
        PYR_TRY(pyr_tree_append(tree, node, &node->as.list, bound));
    }
    pyr_tree_finish(tree, node);
    *left = node;
    return PYR_OK;
}

/* IN (a, b), IN (SELECT ...). */
static pyr_status parse_in(pyr_tree_parser *tree, bool negated, pyr_expr **left) {
    pyr_expr *node = NULL;
    PYR_TRY(pyr_tree_new(tree, PYR_EXPR_IN_LIST, (*left)->offset, &node));
    node->negated = negated;
    PYR_TRY(pyr_tree_expect_char(tree, '('));
    if (pyr_tree_at_query(tree)) {
        node->kind = PYR_EXPR_IN_QUERY;
        node->as.subquery.value = *left;
        PYR_TRY(pyr_tree_query(tree, false, &node->as.subquery.query));
        PYR_TRY(pyr_tree_raise(tree, &node->height, (*left)->height));
        PYR_TRY(pyr_tree_raise(tree, &node->height, node->as.subquery.query->height));
    } else {
        PYR_TRY(pyr_tree_append(tree, node, &node->as.list, *left));
        bool brackets = pyr_parser_at_char(&tree->parser, '(');
        do {
            pyr_expr *item = NULL;
            PYR_TRY(pyr_tree_expression(tree, PYR_LEVEL_ANY, &item));
            PYR_TRY(pyr_tree_append(tree, node, &node->as.list, item));
        } while (pyr_parser_accept_char(&tree->parser, ','));
        /* IN ((SELECT ...)) is no list. */
        if (brackets && node->as.list.count == 2 &&
            node->as.list.items[1]->kind == PYR_EXPR_SUBQUERY) {
            return pyr_tree_stop(tree, "IN with a query in two brackets");
        }
    }
    PYR_TRY(pyr_tree_expect_char(tree, ')'));
    pyr_tree_finish(tree, node);
    *left = node;
    return PYR_OK;
}

/* LIKE, ILIKE with ESCAPE. */
static pyr_status parse_like(pyr_tree_parser *tree, const char *name, bool negated,
                             pyr_expr **left) {
    size_t offset = (*left)->offset;
    pyr_expr *arguments[3] = {*left, NULL, NULL};
    PYR_TRY(pyr_tree_expression(tree, PYR_LEVEL_OTHER, &arguments[1]));
    if (pyr_parser_at(&tree->parser, "ESCAPE")) {
        if (strcmp(name, "~~~") == 0) {
            return pyr_grammar_stop_here(&tree->grammar);
        }
        pyr_parser_next(&tree->parser);
        PYR_TRY(pyr_tree_expression(tree, PYR_LEVEL_OTHER, &arguments[2]));
    }
    PYR_TRY(pyr_tree_operator(tree, offset, name, arguments, left));
    return negated ? wrap_not(tree, offset, *left, true, left) : PYR_OK;
}

static pyr_status parse_similar(pyr_tree_parser *tree, bool negated, pyr_expr **left) {
    size_t offset = (*left)->offset;
    pyr_expr *arguments[3] = {*left, NULL, NULL};
    PYR_TRY(pyr_tree_expect(tree, "TO"));
    PYR_TRY(pyr_tree_expression(tree, PYR_LEVEL_OTHER, &arguments[1]));
    if (pyr_parser_at(&tree->parser, "ESCAPE")) {
        return pyr_grammar_stop_here(&tree->grammar);
    }
    PYR_TRY(pyr_tree_operator(tree, offset, "regexp_full_match", arguments, left));
    (*left)->as.call.is_operator = false;
    return negated ? wrap_not(tree, offset, *left, false, left) : PYR_OK;
}

/* IS [NOT] NULL, TRUE, FALSE, UNKNOWN, DISTINCT FROM; IS is consumed. *chains: whether another
 * operator of this level may follow. */
static pyr_status parse_is(pyr_tree_parser *tree, pyr_expr **left, bool *chains) {
    static const struct {
        const char *word;
        const char *names[2];
    } known[] = {{"NULL", {"is null", "is not null"}},
                 {"UNKNOWN", {"is null", "is not null"}},
                 {"TRUE", {"is true", "is not true"}},
                 {"FALSE", {"is false", "is not false"}}};
    pyr_parser *parser = &tree->parser;
    size_t offset = (*left)->offset;
    pyr_expr *arguments[3] = {*left, NULL, NULL};
    bool negated = pyr_parser_accept(parser, "NOT");
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); ++i) {
        if (pyr_parser_accept(parser, known[i].word)) {
            return pyr_tree_operator(tree, offset, known[i].names[negated], arguments, left);
        }
    }
    PYR_TRY(pyr_tree_expect(tree, "DISTINCT"));
    PYR_TRY(pyr_tree_expect(tree, "FROM"));
    PYR_TRY(pyr_tree_expression(tree, PYR_LEVEL_IS + 1, &arguments[1]));
    *chains = false;
    return pyr_tree_operator(tree, offset, negated ? "is not distinct from" : "is distinct from",
                             arguments, left);
}

/* ---- The climb. ---- */

/* The level of the operator at the token, LEVEL_ANY where none is there. NOT stands before LIKE
 * and the like here. */
static pyr_tree_level level_here(const pyr_parser *parser, const binary_operator **found) {
    static const struct {
        const char *word;
        pyr_tree_level level;
    } words[] = {{"OR", PYR_LEVEL_OR},     {"AND", PYR_LEVEL_AND},      {"IS", PYR_LEVEL_IS},
                 {"ISNULL", PYR_LEVEL_IS}, {"NOTNULL", PYR_LEVEL_IS},   {"BETWEEN", PYR_LEVEL_LIKE},
                 {"IN", PYR_LEVEL_LIKE},   {"LIKE", PYR_LEVEL_LIKE},    {"ILIKE", PYR_LEVEL_LIKE},
                 {"GLOB", PYR_LEVEL_LIKE}, {"SIMILAR", PYR_LEVEL_LIKE}, {"NOT", PYR_LEVEL_LIKE}};
    *found = NULL;
    if (parser->token.kind == PYR_TOKEN_OPERATOR) {
        *found = find_operator(parser);
        bool match = pyr_parser_at_operator(parser, "~") || pyr_parser_at_operator(parser, "!~");
        return *found != NULL ? (*found)->level : match ? PYR_LEVEL_OTHER : PYR_LEVEL_ANY;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); ++i) {
        if (pyr_parser_at(parser, words[i].word)) {
            return words[i].level;
        }
    }
    return PYR_LEVEL_ANY;
}

/* [NOT] BETWEEN, IN, LIKE, ILIKE, SIMILAR TO; GLOB. */
static pyr_status parse_pattern(pyr_tree_parser *tree, pyr_expr **left, bool *chains) {
    pyr_parser *parser = &tree->parser;
    bool negated = pyr_parser_accept(parser, "NOT");
    *chains = false;
    if (pyr_parser_accept(parser, "BETWEEN")) {
        return parse_between(tree, negated, left);
    }
    if (pyr_parser_accept(parser, "IN")) {
        *chains = true;
        return parse_in(tree, negated, left);
    }
    if (pyr_parser_accept(parser, "LIKE")) {
        return parse_like(tree, "~~", negated, left);
    }
    if (pyr_parser_accept(parser, "ILIKE")) {
        return parse_like(tree, "~~*", negated, left);
    }
    if (!negated && pyr_parser_accept(parser, "GLOB")) {
        return parse_like(tree, "~~~", false, left);
    }
    if (pyr_parser_accept(parser, "SIMILAR")) {
        return parse_similar(tree, negated, left);
    }
    return pyr_grammar_stop_here(&tree->grammar);
}

/* One operator and its right side. *chains: as parse_is. */
static pyr_status parse_operator(pyr_tree_parser *tree, pyr_tree_level level,
                                 const binary_operator *found, pyr_expr **left, bool *chains) {
    pyr_parser *parser = &tree->parser;
    pyr_expr *const alone[3] = {*left, NULL, NULL};
    *chains = level != PYR_LEVEL_COMPARISON;
    if (found != NULL) {
        return parse_binary(tree, found, left);
    }
    if (level == PYR_LEVEL_OTHER) {
        bool negated = pyr_parser_at_operator(parser, "!~");
        pyr_parser_next(parser);
        return parse_match(tree, negated, left);
    }
    if (level == PYR_LEVEL_OR || level == PYR_LEVEL_AND) {
        return parse_junction(tree, level == PYR_LEVEL_OR ? PYR_EXPR_OR : PYR_EXPR_AND, left);
    }
    if (level == PYR_LEVEL_LIKE) {
        return parse_pattern(tree, left, chains);
    }
    if (pyr_parser_accept(parser, "IS")) {
        return parse_is(tree, left, chains);
    }
    bool null = pyr_parser_at(parser, "ISNULL");
    pyr_parser_next(parser);
    return pyr_tree_operator(tree, alone[0]->offset, null ? "is null" : "is not null", alone, left);
}

static bool negate_literal(pyr_literal *literal) {
    switch (literal->kind) {
    case PYR_LITERAL_INTEGER:
    case PYR_LITERAL_BIGINT: /* never the least int64: no literal is */
        literal->value.i64 = -literal->value.i64;
        return true;
    case PYR_LITERAL_DOUBLE:
        literal->value.f64 = -literal->value.f64;
        return true;
    case PYR_LITERAL_DECIMAL:
        literal->value.decimal.low = 0 - literal->value.decimal.low;
        literal->value.decimal.high =
            (int64_t)(~(uint64_t)literal->value.decimal.high + (literal->value.decimal.low == 0));
        return true;
    default:
        return false;
    }
}

/* -a, +a, ~a, NOT a, or a value. */
static pyr_status parse_prefix(pyr_tree_parser *tree, pyr_expr **out) {
    pyr_parser *parser = &tree->parser;
    size_t offset = parser->token.offset;
    pyr_expr *arguments[3] = {NULL, NULL, NULL};
    if (!tree->bare && pyr_parser_accept(parser, "NOT")) {
        PYR_TRY(pyr_tree_expression(tree, PYR_LEVEL_NOT, &arguments[0]));
        return negate(tree, offset, arguments[0], out);
    }
    static const char *const signs[] = {"-", "+", "~"};
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); ++i) {
        if (!pyr_parser_at_operator(parser, signs[i])) {
            continue;
        }
        pyr_parser_next(parser);
        PYR_TRY(
            pyr_tree_expression(tree, i < 2 ? PYR_LEVEL_SIGN : PYR_LEVEL_OTHER + 1, &arguments[0]));
        if (i == 0 && arguments[0]->kind == PYR_EXPR_LITERAL &&
            negate_literal(&arguments[0]->as.literal)) {
            *out = arguments[0];
            (*out)->offset = offset;
            pyr_tree_finish(tree, *out);
            return PYR_OK;
        }
        return pyr_tree_operator(tree, offset, signs[i], arguments, out);
    }
    return pyr_tree_primary(tree, out);
}

static pyr_status climb(pyr_tree_parser *tree, pyr_tree_level level, pyr_expr **out) {
    PYR_TRY(parse_prefix(tree, out));
    pyr_tree_level ended = PYR_LEVEL_ANY; /* no operator of this level may follow */
    for (;;) {
        const binary_operator *found = NULL;
        pyr_tree_level next = level_here(&tree->parser, &found);
        if (next == PYR_LEVEL_ANY || next < level) {
            return PYR_OK;
        }
        if (next == ended) {
            return pyr_grammar_stop_here(&tree->grammar);
        }
        bool chains = true;
        PYR_TRY(parse_operator(tree, next, found, out, &chains));
        ended = chains ? PYR_LEVEL_ANY : next;
    }
}

pyr_status pyr_tree_expression(pyr_tree_parser *tree, pyr_tree_level level, pyr_expr **out) {
    bool bare = tree->bare;
    PYR_TRY(pyr_tree_enter(tree));
    tree->bare = bare && level != PYR_LEVEL_ANY; /* brackets stand around what takes any */
    PYR_TRY(climb(tree, level, out));
    tree->bare = bare;
    --tree->depth;
    return PYR_OK;
}

pyr_status pyr_tree_bare_expression(pyr_tree_parser *tree, pyr_expr **out) {
    bool bare = tree->bare;
    tree->bare = true;
    PYR_TRY(pyr_tree_expression(tree, PYR_LEVEL_OTHER, out));
    tree->bare = bare;
    return PYR_OK;
}
