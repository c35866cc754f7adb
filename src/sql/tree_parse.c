/* tree_parse.c - a query's text into a tree: the entry, and the tools of the other tree_*.c. */
#include "sql/tree_internal.h"

#include <assert.h>
#include <string.h>

pyr_status pyr_tree_stop(pyr_tree_parser *tree, const char *what) {
    return pyr_grammar_stop_with(&tree->grammar, what);
}

pyr_status pyr_tree_enter(pyr_tree_parser *tree) {
    return ++tree->depth > PYR_TREE_DEPTH_MAX ? pyr_tree_stop(tree, "nesting this deep") : PYR_OK;
}

pyr_status pyr_tree_raise(pyr_tree_parser *tree, uint16_t *height, unsigned child) {
    if (child >= PYR_TREE_DEPTH_MAX) {
        return pyr_tree_stop(tree, "nesting this deep");
    }
    *height = *height > child ? *height : (uint16_t)(child + 1);
    return PYR_OK;
}

pyr_status pyr_tree_expect(pyr_tree_parser *tree, const char *word) {
    return pyr_parser_accept(&tree->parser, word) ? PYR_OK : pyr_grammar_stop_here(&tree->grammar);
}

pyr_status pyr_tree_expect_char(pyr_tree_parser *tree, char c) {
    return pyr_parser_accept_char(&tree->parser, c) ? PYR_OK
                                                    : pyr_grammar_stop_here(&tree->grammar);
}

pyr_status pyr_tree_name(pyr_tree_parser *tree, const char **out) {
    return pyr_parser_at_name(&tree->parser) ? pyr_grammar_name(&tree->grammar, out)
                                             : pyr_grammar_stop_here(&tree->grammar);
}

pyr_status pyr_tree_names(pyr_tree_parser *tree, const char ***out, size_t *count) {
    PYR_TRY(pyr_tree_expect_char(tree, '('));
    do {
        *out = pyr_parser_grow(&tree->parser, *out, *count, sizeof(**out));
        if (*out == NULL) {
            return PYR_ERROR_MEMORY;
        }
        PYR_TRY(pyr_tree_name(tree, &(*out)[*count]));
        ++*count;
    } while (pyr_parser_accept_char(&tree->parser, ','));
    return pyr_tree_expect_char(tree, ')');
}

pyr_status pyr_tree_new(pyr_tree_parser *tree, pyr_expr_kind kind, size_t offset, pyr_expr **out) {
    *out = pyr_arena_alloc(tree->parser.arena, sizeof(**out));
    if (*out == NULL) {
        return PYR_ERROR_MEMORY;
    }
    (*out)->kind = kind;
    (*out)->offset = offset;
    (*out)->height = 1;
    return PYR_OK;
}

void pyr_tree_finish(const pyr_tree_parser *tree, pyr_expr *node) {
    node->length = tree->parser.previous_end - node->offset;
}

pyr_status pyr_tree_append(pyr_tree_parser *tree, pyr_expr *parent, pyr_expr_list *list,
                           pyr_expr *child) {
    PYR_TRY(pyr_tree_raise(tree, &parent->height, child->height));
    list->items = pyr_parser_grow(&tree->parser, list->items, list->count, sizeof(pyr_expr *));
    if (list->items == NULL) {
        return PYR_ERROR_MEMORY;
    }
    list->items[list->count++] = child;
    return PYR_OK;
}

pyr_status pyr_tree_operator(pyr_tree_parser *tree, size_t offset, const char *name,
                             pyr_expr *const arguments[3], pyr_expr **out) {
    pyr_expr *node = NULL;
    PYR_TRY(pyr_tree_new(tree, PYR_EXPR_CALL, offset, &node));
    node->as.call.name = name;
    node->as.call.is_operator = true;
    for (size_t i = 0; i < 3 && arguments[i] != NULL; ++i) {
        PYR_TRY(pyr_tree_append(tree, node, &node->as.call.arguments, arguments[i]));
    }
    pyr_tree_finish(tree, node);
    *out = node;
    return PYR_OK;
}

bool pyr_tree_at_query(const pyr_tree_parser *tree) {
    const pyr_parser *parser = &tree->parser;
    static const char *const words[] = {"SELECT", "WITH", "FROM", "TABLE"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); ++i) {
        if (pyr_parser_at(parser, words[i])) {
            return true;
        }
    }
    if (!pyr_parser_at(parser, "VALUES")) {
        return false;
    }
    pyr_token next = pyr_parser_peek(parser);
    return pyr_token_is_char(&next, '(');
}

/* PYR_ERROR_NOT_SUPPORTED where the text is none that any parser takes. */
static pyr_status parse(pyr_tree_parser *tree, pyr_error *problem) {
    pyr_status status = pyr_parser_scan(&tree->parser);
    if (status != PYR_OK) {
        tree->grammar.not_covered = pyr_arena_strdup(tree->parser.arena, problem->message);
        tree->grammar.not_covered_offset = problem->position >= 0 ? (size_t)problem->position : 0;
        return tree->grammar.not_covered != NULL ? PYR_ERROR_NOT_SUPPORTED : PYR_ERROR_MEMORY;
    }
    tree->tree->parameters_count = tree->parser.parameters_count;
    PYR_TRY(pyr_tree_query(tree, true, &tree->tree->root));
    return pyr_parser_at_end(&tree->parser) ? PYR_OK : pyr_grammar_stop_here(&tree->grammar);
}

pyr_status pyr_tree_parse(const char *text, size_t length, pyr_arena *arena, pyr_tree *out,
                          pyr_error *error) {
    assert(text != NULL || length == 0);
    memset(out, 0, sizeof(*out));
    pyr_error problem;
    memset(&problem, 0, sizeof(problem));
    pyr_tree_parser tree = {.tree = out};
    tree.grammar.parser = &tree.parser;
    /* Positions of errors are 32 bits wide. */
    if (length > INT32_MAX) {
        out->not_covered = "a statement of more than 2 GiB";
        return PYR_OK;
    }
    pyr_parser_init(&tree.parser, text, length, arena, &problem);
    pyr_status status = parse(&tree, &problem);
    if (status == PYR_OK) {
        return PYR_OK;
    }
    pyr_tree_deinit(out);
    if (status != PYR_ERROR_NOT_SUPPORTED) {
        return pyr_arena_error(arena, error);
    }
    out->not_covered = tree.grammar.not_covered;
    out->not_covered_offset = tree.grammar.not_covered_offset;
    return PYR_OK;
}

void pyr_tree_deinit(pyr_tree *tree) {
    for (size_t i = 0; i < tree->fields_count; ++i) {
        pyr_field_release(tree->fields[i]);
    }
    memset(tree, 0, sizeof(*tree));
}
