/* tree_group.c - GROUP BY with its sets, multiplied out. */
#include "sql/tree_internal.h"

#include <string.h>
#include <strings.h>

/* CUBE and lists of ROLLUP grow faster than their text. */
#define SETS_MAX 4096
#define ENTRIES_MAX ((size_t)1 << 16)

typedef struct pyr_group_set group_set;
typedef struct set_list {
    size_t count;
    group_set *sets;
} set_list;

typedef struct group_parse {
    pyr_tree_parser *tree;
    pyr_group_by *out;
    uint16_t *height;
    size_t entries; /* of all sets made so far */
    bool several;   /* sets: equal keys must be found to be equal */
} group_parse;

/* ---- Keys. ---- */

static bool same_text(const char *a, const char *b) {
    return a == b || (a != NULL && b != NULL && strcasecmp(a, b) == 0);
}

static bool same_literal(const pyr_literal *a, const pyr_literal *b) {
    if (a->kind != b->kind || a->precision != b->precision || a->scale != b->scale) {
        return false;
    }
    switch (a->kind) {
    case PYR_LITERAL_STRING:
        return strcmp(a->value.string.text, b->value.string.text) == 0;
    case PYR_LITERAL_DECIMAL:
        return a->value.decimal.low == b->value.decimal.low &&
               a->value.decimal.high == b->value.decimal.high;
    case PYR_LITERAL_DOUBLE:
        return memcmp(&a->value.f64, &b->value.f64, sizeof(double)) == 0;
    case PYR_LITERAL_BOOL:
        return a->value.boolean == b->value.boolean;
    case PYR_LITERAL_NULL:
        return true;
    default:
        return a->value.i64 == b->value.i64;
    }
}

/* Columns, literals and plain calls of those; *known false where another thing is met. */
static bool same_expression(const pyr_expr *a, const pyr_expr *b, bool *known) {
    if (a->kind != b->kind) {
        return false;
    }
    if (a->kind == PYR_EXPR_COLUMN) {
        return same_text(a->as.column.name, b->as.column.name) &&
               same_text(a->as.column.table, b->as.column.table) &&
               same_text(a->as.column.schema_name, b->as.column.schema_name);
    }
    if (a->kind == PYR_EXPR_LITERAL) {
        return same_literal(&a->as.literal, &b->as.literal);
    }
    if (a->kind != PYR_EXPR_CALL || a->as.call.window != NULL || b->as.call.window != NULL ||
        a->as.call.filter != NULL || b->as.call.filter != NULL || a->as.call.order.count > 0 ||
        b->as.call.order.count > 0) {
        *known = false;
        return false;
    }
    const pyr_expr_list *left = &a->as.call.arguments;
    const pyr_expr_list *right = &b->as.call.arguments;
    bool same = strcmp(a->as.call.name, b->as.call.name) == 0 && left->count == right->count &&
                a->as.call.distinct == b->as.call.distinct;
    for (size_t i = 0; i < left->count && same; ++i) {
        same = same_expression(left->items[i], right->items[i], known);
    }
    return same;
}

/* Where the keys are few, equal ones are one: a set that leaves out one of two equal keys would
 * leave out a key that another set has. */
#define COMPARED_KEYS_MAX 64

static pyr_status add_key(group_parse *group, pyr_expr *key, size_t *index) {
    pyr_group_by *out = group->out;
    bool known = true;
    for (size_t i = 0; i < out->keys_count && i < COMPARED_KEYS_MAX; ++i) {
        if (same_expression(out->keys[i], key, &known)) {
            *index = i;
            return PYR_OK;
        }
    }
    if (group->several && (!known || out->keys_count >= COMPARED_KEYS_MAX)) {
        return pyr_tree_stop(group->tree, "this kind of GROUPING SETS");
    }
    out->keys =
        pyr_parser_grow(&group->tree->parser, out->keys, out->keys_count, sizeof(pyr_expr *));
    if (out->keys == NULL) {
        return PYR_ERROR_MEMORY;
    }
    *index = out->keys_count;
    out->keys[out->keys_count++] = key;
    return pyr_tree_raise(group->tree, group->height, key->height);
}

/* ---- Sets. ---- */

/* *out: both, ascending, each key once. */
static pyr_status merge_sets(group_parse *group, const group_set *a, const group_set *b,
                             group_set *out) {
    group->entries += a->count + b->count + 1;
    if (group->entries > ENTRIES_MAX + group->tree->parser.lexer.length) {
        return pyr_tree_stop(group->tree, "this many GROUPING SETS");
    }
    out->count = 0;
    out->keys = pyr_arena_array(group->tree->parser.arena, a->count + b->count, sizeof(size_t));
    if (out->keys == NULL) {
        return PYR_ERROR_MEMORY;
    }
    size_t i = 0;
    size_t j = 0;
    while (i < a->count || j < b->count) {
        size_t key = 0;
        if (j == b->count || (i < a->count && a->keys[i] < b->keys[j])) {
            key = a->keys[i++];
        } else {
            key = b->keys[j++];
            i += i < a->count && a->keys[i] == key;
        }
        out->keys[out->count++] = key;
    }
    return PYR_OK;
}

static pyr_status add_set(group_parse *group, set_list *list, const group_set *set) {
    if (list->count >= SETS_MAX) {
        return pyr_tree_stop(group->tree, "this many GROUPING SETS");
    }
    list->sets =
        pyr_parser_grow(&group->tree->parser, list->sets, list->count, sizeof(*list->sets));
    if (list->sets == NULL) {
        return PYR_ERROR_MEMORY;
    }
    list->sets[list->count++] = *set;
    return PYR_OK;
}

/* Each of a with each of b. */
static pyr_status multiply(group_parse *group, const set_list *a, const set_list *b,
                           set_list *out) {
    set_list product = {0, NULL};
    for (size_t i = 0; i < a->count; ++i) {
        for (size_t j = 0; j < b->count; ++j) {
            group_set set;
            PYR_TRY(merge_sets(group, &a->sets[i], &b->sets[j], &set));
            PYR_TRY(add_set(group, &product, &set));
        }
    }
    *out = product;
    return PYR_OK;
}

/* ---- Grammar. ---- */

static pyr_status parse_key(group_parse *group, group_set *set) {
    pyr_expr *key = NULL;
    group_set one = {1, NULL};
    size_t index = 0;
    PYR_TRY(pyr_tree_expression(group->tree, PYR_LEVEL_ANY, &key));
    PYR_TRY(add_key(group, key, &index));
    one.keys = &index;
    group_set merged;
    PYR_TRY(merge_sets(group, set, &one, &merged));
    *set = merged;
    return PYR_OK;
}

/* One thing that ROLLUP, CUBE and GROUPING SETS list: a key, (a, b), (). */
static pyr_status parse_element(group_parse *group, group_set *out) {
    pyr_parser *parser = &group->tree->parser;
    *out = (group_set){0, NULL};
    if (!pyr_parser_accept_char(parser, '(')) {
        return parse_key(group, out);
    }
    if (!pyr_parser_at_char(parser, ')')) {
        if (pyr_tree_at_query(group->tree)) {
            return pyr_tree_stop(group->tree, "a query in GROUPING SETS");
        }
        do {
            PYR_TRY(parse_key(group, out));
        } while (pyr_parser_accept_char(parser, ','));
    }
    PYR_TRY(pyr_tree_expect_char(group->tree, ')'));
    /* (a) + 1 */
    return pyr_parser_at_char(parser, ',') || pyr_parser_at_char(parser, ')')
               ? PYR_OK
               : pyr_grammar_stop_here(&group->tree->grammar);
}

static pyr_status parse_elements(group_parse *group, set_list *out) {
    PYR_TRY(pyr_tree_expect_char(group->tree, '('));
    do {
        group_set set;
        PYR_TRY(parse_element(group, &set));
        PYR_TRY(add_set(group, out, &set));
    } while (pyr_parser_accept_char(&group->tree->parser, ','));
    return pyr_tree_expect_char(group->tree, ')');
}

/* All of the list, all but the last, ..., none. */
static pyr_status parse_rollup(group_parse *group, set_list *out) {
    set_list elements = {0, NULL};
    PYR_TRY(parse_elements(group, &elements));
    for (size_t taken = elements.count + 1; taken-- > 0;) {
        group_set set = {0, NULL};
        for (size_t i = 0; i < taken; ++i) {
            group_set merged;
            PYR_TRY(merge_sets(group, &set, &elements.sets[i], &merged));
            set = merged;
        }
        PYR_TRY(add_set(group, out, &set));
    }
    return PYR_OK;
}

/* Every part of the list, the whole first. */
static pyr_status parse_cube(group_parse *group, set_list *out) {
    set_list elements = {0, NULL};
    const group_set none = {0, NULL};
    PYR_TRY(parse_elements(group, &elements));
    PYR_TRY(add_set(group, out, &none));
    for (size_t i = 0; i < elements.count; ++i) {
        set_list choice = {0, NULL};
        PYR_TRY(add_set(group, &choice, &elements.sets[i]));
        PYR_TRY(add_set(group, &choice, &none));
        PYR_TRY(multiply(group, out, &choice, out));
    }
    return PYR_OK;
}

/* Whether word stands before a bracket. */
static bool at_call(const pyr_parser *parser, const char *word) {
    pyr_token next = pyr_parser_peek(parser);
    return pyr_parser_at(parser, word) && pyr_token_is_char(&next, '(');
}

/* ROLLUP (...), CUBE (...), GROUPING SETS (...), (). *found false: none of these. */
static pyr_status parse_sets(group_parse *group, bool *found, set_list *out) {
    pyr_parser *parser = &group->tree->parser;
    pyr_token next = pyr_parser_peek(parser);
    *found = true;
    if (at_call(parser, "ROLLUP")) {
        pyr_parser_next(parser);
        return parse_rollup(group, out);
    }
    if (at_call(parser, "CUBE")) {
        pyr_parser_next(parser);
        return parse_cube(group, out);
    }
    if (pyr_parser_at(parser, "GROUPING") && pyr_token_is_word(&next, "SETS")) {
        pyr_parser_next(parser);
        pyr_parser_next(parser);
        PYR_TRY(pyr_tree_expect_char(group->tree, '('));
        PYR_TRY(pyr_tree_enter(group->tree));
        do {
            bool nested = false;
            set_list sets = {0, NULL};
            PYR_TRY(parse_sets(group, &nested, &sets));
            if (!nested) {
                group_set set;
                PYR_TRY(parse_element(group, &set));
                PYR_TRY(add_set(group, &sets, &set));
            }
            for (size_t i = 0; i < sets.count; ++i) {
                PYR_TRY(add_set(group, out, &sets.sets[i]));
            }
        } while (pyr_parser_accept_char(parser, ','));
        --group->tree->depth;
        return pyr_tree_expect_char(group->tree, ')');
    }
    if (pyr_parser_at_char(parser, '(') && pyr_token_is_char(&next, ')')) {
        const group_set none = {0, NULL};
        pyr_parser_next(parser);
        pyr_parser_next(parser);
        return add_set(group, out, &none);
    }
    *found = false;
    return PYR_OK;
}

/* Keys are merged where there are sets, and sets may follow keys: a look ahead is cheaper than
 * doing it again. Words in strings and quotes are other tokens. */
static bool has_sets(const pyr_parser *parser) {
    pyr_lexer lexer = parser->lexer;
    int depth = 0;
    for (pyr_token token = parser->token; token.kind != PYR_TOKEN_END && depth >= 0;
         token = pyr_lexer_next(&lexer)) {
        depth += pyr_token_is_char(&token, '(') - pyr_token_is_char(&token, ')');
        if (pyr_token_is_word(&token, "ROLLUP") || pyr_token_is_word(&token, "CUBE") ||
            pyr_token_is_word(&token, "SETS")) {
            return true;
        }
        if (pyr_token_is_word(&token, "HAVING") || pyr_token_is_word(&token, "ORDER") ||
            pyr_token_is_word(&token, "UNION")) {
            return false;
        }
    }
    return false;
}

/* Ascending, each key once. */
static pyr_status sort_set(group_parse *group, group_set *set) {
    bool *member = pyr_arena_array(group->tree->parser.arena, group->out->keys_count, sizeof(bool));
    if (member == NULL) {
        return PYR_ERROR_MEMORY;
    }
    for (size_t i = 0; i < set->count; ++i) {
        member[set->keys[i]] = true;
    }
    set->count = 0;
    for (size_t key = 0; key < group->out->keys_count; ++key) {
        if (member[key]) {
            set->keys[set->count++] = key;
        }
    }
    return PYR_OK;
}

pyr_status pyr_tree_group_by(pyr_tree_parser *tree, uint16_t *height, pyr_group_by *out) {
    pyr_parser *parser = &tree->parser;
    PYR_TRY(pyr_tree_expect(tree, "BY"));
    if (pyr_parser_accept(parser, "ALL")) {
        out->all = true;
        return PYR_OK;
    }
    group_parse group = {.tree = tree, .out = out, .height = height, .several = has_sets(parser)};
    const group_set none = {0, NULL};
    set_list all = {0, NULL};
    group_set plain = {0, NULL}; /* the keys outside of ROLLUP and the like are in every set */
    PYR_TRY(add_set(&group, &all, &none));
    do {
        bool found = false;
        set_list sets = {0, NULL};
        PYR_TRY(parse_sets(&group, &found, &sets));
        if (found) {
            PYR_TRY(multiply(&group, &all, &sets, &all));
        } else {
            pyr_expr *key = NULL;
            size_t index = 0;
            PYR_TRY(pyr_tree_expression(tree, PYR_LEVEL_ANY, &key));
            PYR_TRY(add_key(&group, key, &index));
            plain.keys = pyr_parser_grow(parser, plain.keys, plain.count, sizeof(size_t));
            if (plain.keys == NULL) {
                return PYR_ERROR_MEMORY;
            }
            plain.keys[plain.count++] = index;
        }
    } while (pyr_parser_accept_char(parser, ','));
    if (plain.count > 0) {
        PYR_TRY(sort_set(&group, &plain));
        set_list rest = {1, &plain};
        PYR_TRY(multiply(&group, &all, &rest, &all));
    }
    out->sets = all.sets;
    out->sets_count = all.count;
    return PYR_OK;
}
