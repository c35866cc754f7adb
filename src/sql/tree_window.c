/* tree_window.c - ORDER BY, OVER and WINDOW. */
#include "sql/tree_internal.h"

#include <string.h>
#include <strings.h>

enum { WINDOW_DEFINITIONS_MAX = 64 };

/* ---- ORDER BY. ---- */

static pyr_status parse_order_item(pyr_tree_parser *tree, uint16_t *height, pyr_order_list *list) {
    pyr_parser *parser = &tree->parser;
    list->items = pyr_parser_grow(parser, list->items, list->count, sizeof(*list->items));
    if (list->items == NULL) {
        return PYR_ERROR_MEMORY;
    }
    pyr_order_item *item = &list->items[list->count];
    memset(item, 0, sizeof(*item));
    if (list->count == 0 && pyr_parser_accept(parser, "ALL")) {
        list->all = true;
    } else {
        PYR_TRY(pyr_tree_expression(tree, PYR_LEVEL_ANY, &item->expression));
        PYR_TRY(pyr_tree_raise(tree, height, item->expression->height));
    }
    item->descending = pyr_parser_accept(parser, "DESC");
    item->direction_given = item->descending || pyr_parser_accept(parser, "ASC");
    if (pyr_parser_accept(parser, "NULLS")) {
        item->nulls_given = true;
        item->nulls_first = pyr_parser_accept(parser, "FIRST");
        if (!item->nulls_first) {
            PYR_TRY(pyr_tree_expect(tree, "LAST"));
        }
    }
    ++list->count;
    return PYR_OK;
}

pyr_status pyr_tree_order(pyr_tree_parser *tree, uint16_t *height, pyr_order_list *out) {
    PYR_TRY(pyr_tree_expect(tree, "BY"));
    do {
        PYR_TRY(parse_order_item(tree, height, out));
    } while (!out->all && pyr_parser_accept_char(&tree->parser, ','));
    return PYR_OK;
}

/* ---- Frames. ---- */

static pyr_status parse_bound(pyr_tree_parser *tree, pyr_window *window, bool end,
                              pyr_frame_bound *bound, pyr_expr **by) {
    pyr_parser *parser = &tree->parser;
    pyr_token next = pyr_parser_peek(parser);
    if (pyr_parser_at(parser, "CURRENT") && pyr_token_is_word(&next, "ROW")) {
        pyr_parser_next(parser);
        pyr_parser_next(parser);
        *bound = PYR_FRAME_CURRENT;
        return PYR_OK;
    }
    bool unbounded = pyr_parser_accept(parser, "UNBOUNDED");
    if (!unbounded) {
        PYR_TRY(pyr_tree_expression(tree, PYR_LEVEL_ANY, by));
        PYR_TRY(pyr_tree_raise(tree, &window->height, (*by)->height));
    }
    if (pyr_parser_accept(parser, "PRECEDING")) {
        *bound = unbounded ? PYR_FRAME_UNBOUNDED_PRECEDING : PYR_FRAME_PRECEDING;
    } else {
        PYR_TRY(pyr_tree_expect(tree, "FOLLOWING"));
        *bound = unbounded ? PYR_FRAME_UNBOUNDED_FOLLOWING : PYR_FRAME_FOLLOWING;
    }
    /* Such frames are errors. */
    return *bound == (end ? PYR_FRAME_UNBOUNDED_PRECEDING : PYR_FRAME_UNBOUNDED_FOLLOWING)
               ? pyr_tree_stop(tree, "a frame that ends before it begins")
               : PYR_OK;
}

static pyr_status parse_frame(pyr_tree_parser *tree, pyr_window *window) {
    static const char *const words[] = {"ROWS", "RANGE", "GROUPS"};
    pyr_parser *parser = &tree->parser;
    /* As if RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW stood there. */
    window->frame = PYR_FRAME_RANGE;
    window->start = PYR_FRAME_UNBOUNDED_PRECEDING;
    window->end = PYR_FRAME_CURRENT;
    for (size_t i = 0; i < 3 && !window->frame_given; ++i) {
        if (pyr_parser_accept(parser, words[i])) {
            window->frame_given = true;
            window->frame = (pyr_frame_kind)i;
        }
    }
    if (!window->frame_given) {
        return PYR_OK;
    }
    if (!pyr_parser_accept(parser, "BETWEEN")) {
        PYR_TRY(parse_bound(tree, window, false, &window->start, &window->start_by));
        return window->start == PYR_FRAME_FOLLOWING
                   ? pyr_tree_stop(tree, "a frame that ends before it begins")
                   : PYR_OK;
    }
    PYR_TRY(parse_bound(tree, window, false, &window->start, &window->start_by));
    PYR_TRY(pyr_tree_expect(tree, "AND"));
    PYR_TRY(parse_bound(tree, window, true, &window->end, &window->end_by));
    bool backwards = (window->start == PYR_FRAME_CURRENT && window->end == PYR_FRAME_PRECEDING) ||
                     (window->start == PYR_FRAME_FOLLOWING &&
                      (window->end == PYR_FRAME_CURRENT || window->end == PYR_FRAME_PRECEDING));
    return backwards ? pyr_tree_stop(tree, "a frame that ends before it begins") : PYR_OK;
}

/* ---- Windows. ---- */

pyr_status pyr_tree_window(pyr_tree_parser *tree, pyr_window *out) {
    pyr_parser *parser = &tree->parser;
    PYR_TRY(pyr_tree_expect_char(tree, '('));
    if (pyr_parser_accept(parser, "PARTITION")) {
        PYR_TRY(pyr_tree_expect(tree, "BY"));
        do {
            pyr_expr holder = {.height = out->height};
            pyr_expr *key = NULL;
            PYR_TRY(pyr_tree_expression(tree, PYR_LEVEL_ANY, &key));
            PYR_TRY(pyr_tree_append(tree, &holder, &out->partition, key));
            out->height = holder.height;
        } while (pyr_parser_accept_char(parser, ','));
    }
    if (pyr_parser_accept(parser, "ORDER")) {
        PYR_TRY(pyr_tree_order(tree, &out->height, &out->order));
        if (out->order.all) {
            return pyr_tree_stop(tree, "ORDER BY ALL of a window");
        }
    }
    PYR_TRY(parse_frame(tree, out));
    /* The name of another window, EXCLUDE. */
    return pyr_tree_expect_char(tree, ')');
}

pyr_status pyr_tree_over(pyr_tree_parser *tree, pyr_expr *call) {
    pyr_parser *parser = &tree->parser;
    pyr_window *window = pyr_arena_alloc(parser->arena, sizeof(*window));
    if (window == NULL) {
        return PYR_ERROR_MEMORY;
    }
    call->as.call.window = window;
    if (pyr_parser_at_char(parser, '(')) {
        PYR_TRY(pyr_tree_window(tree, window));
        return pyr_tree_raise(tree, &call->height, window->height);
    }
    pyr_tree_pending pending = {.offset = parser->token.offset, .window = window};
    PYR_TRY(pyr_tree_name(tree, &pending.name));
    tree->pending =
        pyr_parser_grow(parser, tree->pending, tree->pending_count, sizeof(*tree->pending));
    if (tree->pending == NULL) {
        return PYR_ERROR_MEMORY;
    }
    tree->pending[tree->pending_count++] = pending;
    return pyr_tree_raise(tree, &call->height, PYR_TREE_NAMED_WINDOW_HEIGHT);
}

pyr_status pyr_tree_windows(pyr_tree_parser *tree, pyr_tree_windows_defined *out) {
    pyr_parser *parser = &tree->parser;
    if (!pyr_parser_accept(parser, "WINDOW")) {
        return PYR_OK;
    }
    do {
        out->items = pyr_parser_grow(parser, out->items, out->count, sizeof(*out->items));
        if (out->items == NULL) {
            return PYR_ERROR_MEMORY;
        }
        pyr_tree_pending *item = &out->items[out->count];
        memset(item, 0, sizeof(*item));
        item->offset = parser->token.offset;
        item->window = pyr_arena_alloc(parser->arena, sizeof(*item->window));
        if (item->window == NULL) {
            return PYR_ERROR_MEMORY;
        }
        PYR_TRY(pyr_tree_name(tree, &item->name));
        for (size_t i = 0; i < out->count; ++i) {
            if (strcasecmp(out->items[i].name, item->name) == 0) {
                return pyr_tree_stop(tree, "a window that is defined twice");
            }
        }
        /* Each is compared with all others, and with all that are pending. */
        if (++out->count > WINDOW_DEFINITIONS_MAX) {
            return pyr_tree_stop(tree, "this many windows");
        }
        size_t before = tree->pending_count;
        PYR_TRY(pyr_tree_expect(tree, "AS"));
        PYR_TRY(pyr_tree_window(tree, item->window));
        if (item->window->height > PYR_TREE_NAMED_WINDOW_HEIGHT || tree->pending_count > before) {
            return pyr_tree_stop(tree, "a window this deep");
        }
    } while (pyr_parser_accept_char(parser, ','));
    return PYR_OK;
}

pyr_status pyr_tree_resolve_windows(pyr_tree_parser *tree, size_t first,
                                    const pyr_tree_windows_defined *defined) {
    for (size_t i = first; i < tree->pending_count; ++i) {
        const pyr_tree_pending *pending = &tree->pending[i];
        size_t found = 0;
        while (found < defined->count &&
               strcasecmp(defined->items[found].name, pending->name) != 0) {
            ++found;
        }
        if (found == defined->count) {
            return pyr_tree_stop(tree, "a window whose name is not defined");
        }
        *pending->window = *defined->items[found].window;
    }
    tree->pending_count = first;
    return PYR_OK;
}
