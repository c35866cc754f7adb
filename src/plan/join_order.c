/* join_order.c - inner joins: the smallest relation first, then always the one that keeps the
 * result smallest; the larger side probes, the smaller is built.
 */
#include "plan/fold.h"
#include "plan/rule.h"

#include <string.h>

#define RELATIONS_MAX 60 /* bits of a mask; more are joined as they were written */

typedef struct condition {
    pyr_bound_expr *expression; /* over all relations' columns */
    uint64_t relations;
    bool used;
} condition;

typedef struct ordering {
    pyr_plan *plan;
    int32_t count;
    pyr_node **relations;
    int32_t *firsts; /* where a relation's columns begin */
    int32_t columns;
    int32_t conditions_count;
    condition *conditions;
    /* what has been joined */
    pyr_node *node;
    uint64_t joined;
    int32_t *places; /* of all columns in node, -1: not yet */
} ordering;

static int32_t relation_of(const ordering *order, int32_t column) {
    int32_t relation = order->count - 1;
    while (order->firsts[relation] > column) {
        --relation;
    }
    return relation;
}

typedef struct masking {
    const ordering *order;
    uint64_t mask;
} masking;

static bool add_to_mask(void *context, const pyr_bound_expr *expression) {
    masking *with = context;
    if (expression->kind == PYR_BOUND_COLUMN) {
        with->mask |= UINT64_C(1) << relation_of(with->order, expression->column);
    }
    return true;
}

static uint64_t mask_of(const ordering *order, const pyr_bound_expr *expression) {
    masking with = {order, 0};
    pyr_bound_walk(expression, add_to_mask, &with);
    return with.mask;
}

/* ---- Each relation with the conditions about it alone. ---- */

static bool push_own(ordering *order, int32_t relation) {
    pyr_bound_list own = {0, 0, NULL};
    pyr_arena *arena = &order->plan->arena;
    for (int32_t i = 0; i < order->conditions_count; ++i) {
        condition *one = &order->conditions[i];
        /* What may fail waits for the rows that the joins keep, unless there are no joins. */
        if (one->used || one->relations != UINT64_C(1) << relation ||
            (one->expression->may_fail && order->count > 1)) {
            continue;
        }
        one->used = true;
        if (!pyr_bound_list_add(
                arena, &own, pyr_bound_shift(arena, one->expression, -order->firsts[relation]))) {
            return false;
        }
    }
    order->relations[relation] = pyr_push_down(order->plan, order->relations[relation], &own);
    return order->relations[relation] != NULL;
}

/* (a AND b) OR (a AND c): a holds for every row, whatever side it is of. Of an OR whose arms all
 * say something about one relation, what they say about it: a filter for it, beside the OR. */
static pyr_bound_expr *part_about(ordering *order, pyr_bound_expr *disjunction, uint64_t relation) {
    pyr_arena *arena = &order->plan->arena;
    pyr_sql_type boolean = pyr_sql_type_of(PYR_SQL_BOOLEAN);
    pyr_bound_list arms = {0, 0, NULL};
    for (int32_t i = 0; i < disjunction->arguments_count; ++i) {
        pyr_bound_list conjuncts = {0, 0, NULL};
        pyr_bound_list about = {0, 0, NULL};
        if (!pyr_bound_list_conjuncts(arena, &conjuncts, disjunction->arguments[i])) {
            return NULL;
        }
        for (int32_t k = 0; k < conjuncts.count; ++k) {
            if (mask_of(order, conjuncts.items[k]) == relation &&
                !pyr_bound_list_add(arena, &about, conjuncts.items[k])) {
                return NULL;
            }
        }
        if (about.count == 0) {
            return NULL;
        }
        if (!pyr_bound_list_add(
                arena, &arms,
                pyr_bound_of_kind(arena, PYR_BOUND_AND, boolean, about.items, about.count, -1))) {
            return NULL;
        }
    }
    return pyr_bound_of_kind(arena, PYR_BOUND_OR, boolean, arms.items, arms.count, -1);
}

/* Equal conjuncts of every arm of an OR stand beside it. */
static bool common_of_arms(ordering *order, const pyr_bound_expr *disjunction,
                           pyr_bound_list *out) {
    pyr_arena *arena = &order->plan->arena;
    pyr_bound_list first = {0, 0, NULL};
    if (!pyr_bound_list_conjuncts(arena, &first, disjunction->arguments[0])) {
        return false;
    }
    for (int32_t f = 0; f < first.count; ++f) {
        bool everywhere = true;
        for (int32_t i = 1; i < disjunction->arguments_count && everywhere; ++i) {
            pyr_bound_list other = {0, 0, NULL};
            bool here = false;
            if (!pyr_bound_list_conjuncts(arena, &other, disjunction->arguments[i])) {
                return false;
            }
            for (int32_t k = 0; k < other.count; ++k) {
                here |= pyr_bound_equal(first.items[f], other.items[k]);
            }
            everywhere = here;
        }
        if (everywhere && !pyr_bound_list_add(arena, out, first.items[f])) {
            return false;
        }
    }
    return true;
}

/* ---- What conditions there are. ---- */

static bool add_derived(ordering *order, const pyr_bound_list *given, pyr_bound_list *all) {
    for (int32_t i = 0; i < given->count; ++i) {
        pyr_bound_expr *expression = given->items[i];
        if (!pyr_bound_list_add(&order->plan->arena, all, expression)) {
            return false;
        }
        if (expression->kind != PYR_BOUND_OR || expression->may_fail) {
            continue;
        }
        if (!common_of_arms(order, expression, all)) {
            return false;
        }
        uint64_t mask = mask_of(order, expression);
        for (int32_t r = 0; r < order->count; ++r) {
            uint64_t bit = UINT64_C(1) << r;
            pyr_bound_expr *part =
                (mask & bit) != 0 && mask != bit ? part_about(order, expression, bit) : NULL;
            if (part != NULL && !pyr_bound_list_add(&order->plan->arena, all, part)) {
                return false;
            }
        }
    }
    return true;
}

static bool read_conditions(ordering *order, const pyr_bound_list *given) {
    pyr_bound_list all = {0, 0, NULL};
    if (!add_derived(order, given, &all)) {
        return false;
    }
    order->conditions = pyr_arena_array(&order->plan->arena, (size_t)all.count, sizeof(condition));
    if (order->conditions == NULL) {
        return false;
    }
    order->conditions_count = all.count;
    for (int32_t i = 0; i < all.count; ++i) {
        order->conditions[i].expression = all.items[i];
        order->conditions[i].relations = mask_of(order, all.items[i]);
    }
    return true;
}

/* ---- Greedily. ---- */

/* An equality with one side among what is joined and the other of the relation. */
static bool is_key(const ordering *order, const condition *one, int32_t relation,
                   pyr_bound_expr **joined, pyr_bound_expr **other) {
    uint64_t bit = UINT64_C(1) << relation;
    if (one->used || (!pyr_bound_is_op(one->expression, PYR_OP_EQUAL) &&
                      !pyr_bound_is_op(one->expression, PYR_OP_NOT_DISTINCT))) {
        return false;
    }
    for (int side = 0; side < 2; ++side) {
        uint64_t here = mask_of(order, one->expression->arguments[side]);
        uint64_t there = mask_of(order, one->expression->arguments[1 - side]);
        if (here != 0 && (here & ~order->joined) == 0 && there == bit) {
            *joined = one->expression->arguments[side];
            *other = one->expression->arguments[1 - side];
            return !one->expression->may_fail;
        }
    }
    return false;
}

/* Rows of what is joined with relation; *connected: by a key. A key is taken for unique on the
 * smaller side's distinct values, which are at most its rows. */
static double joined_rows(const ordering *order, int32_t relation, bool *connected) {
    double rows = order->node->rows_estimate * order->relations[relation]->rows_estimate;
    double larger = order->node->rows_estimate > order->relations[relation]->rows_estimate
                        ? order->node->rows_estimate
                        : order->relations[relation]->rows_estimate;
    *connected = false;
    for (int32_t i = 0; i < order->conditions_count; ++i) {
        pyr_bound_expr *joined;
        pyr_bound_expr *other;
        if (is_key(order, &order->conditions[i], relation, &joined, &other)) {
            rows = *connected ? rows * 0.5 : rows / (larger > 1 ? larger : 1);
            *connected = true;
        }
    }
    return rows;
}

static int32_t next_relation(const ordering *order) {
    int32_t best = -1;
    double best_rows = 0;
    bool best_connected = false;
    for (int32_t r = 0; r < order->count; ++r) {
        if ((order->joined >> r & 1) != 0) {
            continue;
        }
        bool connected = false;
        double rows = joined_rows(order, r, &connected);
        if (best < 0 || (connected && !best_connected) ||
            (connected == best_connected && rows < best_rows)) {
            best = r;
            best_rows = rows;
            best_connected = connected;
        }
    }
    return best;
}

static void place_columns(ordering *order, int32_t relation, int32_t first) {
    int32_t width = order->relations[relation]->columns_count;
    for (int32_t i = 0; i < width; ++i) {
        order->places[order->firsts[relation] + i] = first + i;
    }
}

/* Conditions all of whose columns are there now. */
static bool apply_ready(ordering *order) {
    pyr_bound_list ready = {0, 0, NULL};
    pyr_arena *arena = &order->plan->arena;
    for (int32_t i = 0; i < order->conditions_count; ++i) {
        condition *one = &order->conditions[i];
        bool last = order->joined + 1 == UINT64_C(1) << order->count;
        if (one->used || (one->relations & ~order->joined) != 0 ||
            (one->expression->may_fail && !last)) {
            continue;
        }
        one->used = true;
        if (!pyr_bound_list_add(arena, &ready,
                                pyr_bound_remap(arena, one->expression, order->places))) {
            return false;
        }
    }
    double rows = order->node->rows_estimate;
    for (int32_t i = 0; i < ready.count; ++i) {
        rows *= pyr_bound_selectivity(ready.items[i]);
    }
    order->node = pyr_node_filter(order->plan, order->node, ready.items, ready.count);
    if (order->node != NULL) {
        order->node->rows_estimate = rows;
    }
    return order->node != NULL;
}

/* Joins node with relation; the side with more rows becomes the left, which probes. */
static bool join_next(ordering *order, int32_t relation) {
    pyr_arena *arena = &order->plan->arena;
    bool connected = false;
    double rows = joined_rows(order, relation, &connected);
    pyr_node *other = order->relations[relation];
    bool exchanged = other->rows_estimate > order->node->rows_estimate;
    pyr_node *join =
        pyr_node_join(order->plan, PYR_JOIN_TYPE_INNER, exchanged ? other : order->node,
                      exchanged ? order->node : other);
    if (join == NULL) {
        return false;
    }
    for (int32_t i = 0; i < order->conditions_count; ++i) {
        pyr_bound_expr *joined;
        pyr_bound_expr *own;
        condition *one = &order->conditions[i];
        if (!is_key(order, one, relation, &joined, &own)) {
            continue;
        }
        one->used = true;
        joined = pyr_bound_remap(arena, joined, order->places);
        own = pyr_bound_shift(arena, own, -order->firsts[relation]);
        if (!pyr_join_add_key(order->plan, join, exchanged ? own : joined, exchanged ? joined : own,
                              one->expression->op == PYR_OP_NOT_DISTINCT)) {
            return false;
        }
    }
    if (!pyr_join_need_key(order->plan, join)) {
        return false;
    }
    int32_t width = other->columns_count;
    if (exchanged) {
        for (int32_t i = 0; i < order->columns; ++i) {
            order->places[i] += order->places[i] >= 0 ? width : 0;
        }
    }
    place_columns(order, relation, exchanged ? 0 : order->node->columns_count);
    order->node = join;
    join->rows_estimate = rows;
    order->joined |= UINT64_C(1) << relation;
    return apply_ready(order);
}

static bool begin(ordering *order) {
    int32_t smallest = 0;
    for (int32_t r = 1; r < order->count; ++r) {
        if (order->relations[r]->rows_estimate < order->relations[smallest]->rows_estimate) {
            smallest = r;
        }
    }
    order->node = order->relations[smallest];
    order->joined = UINT64_C(1) << smallest;
    place_columns(order, smallest, 0);
    return apply_ready(order);
}

/* The columns in the order that they had. */
static bool restore(ordering *order, pyr_node **out) {
    pyr_bound_list columns = {0, 0, NULL};
    bool same = true;
    for (int32_t i = 0; i < order->columns; ++i) {
        int32_t place = order->places[i];
        same &= place == i;
        if (!pyr_bound_list_add(&order->plan->arena, &columns,
                                pyr_bound_column(&order->plan->arena, place,
                                                 order->node->columns[place].type, -1))) {
            return false;
        }
    }
    double rows = order->node->rows_estimate;
    *out = same ? order->node
                : pyr_node_project(order->plan, order->node, columns.items, NULL, columns.count);
    if (*out != NULL) {
        (*out)->rows_estimate = rows;
    }
    return *out != NULL;
}

static bool as_written(pyr_plan *plan, pyr_node *const *relations, int32_t count,
                       const pyr_bound_list *conjuncts, pyr_node **out) {
    static const pyr_bound_list nothing = {0, 0, NULL};
    pyr_node *node = pyr_push_down(plan, relations[0], &nothing);
    for (int32_t i = 1; i < count && node != NULL; ++i) {
        node = pyr_node_join(plan, PYR_JOIN_TYPE_INNER, node,
                             pyr_push_down(plan, relations[i], &nothing));
        if (node != NULL && !pyr_join_need_key(plan, node)) {
            return false;
        }
    }
    *out = node != NULL ? pyr_node_filter(plan, node, conjuncts->items, conjuncts->count) : NULL;
    return *out != NULL;
}

bool pyr_join_order(pyr_plan *plan, pyr_node *const *relations, int32_t count,
                    const pyr_bound_list *conjuncts, pyr_node **out) {
    if (count > RELATIONS_MAX) {
        return as_written(plan, relations, count, conjuncts, out);
    }
    ordering order = {.plan = plan, .count = count};
    order.relations = pyr_arena_array(&plan->arena, (size_t)count, sizeof(pyr_node *));
    order.firsts = pyr_arena_array(&plan->arena, (size_t)count, sizeof(int32_t));
    if (order.relations == NULL || order.firsts == NULL) {
        return false;
    }
    for (int32_t i = 0; i < count; ++i) {
        order.relations[i] = relations[i];
        order.firsts[i] = order.columns;
        order.columns += relations[i]->columns_count;
    }
    order.places = pyr_arena_array(&plan->arena, (size_t)order.columns, sizeof(int32_t));
    if (order.places == NULL || !read_conditions(&order, conjuncts)) {
        return false;
    }
    for (int32_t i = 0; i < order.columns; ++i) {
        order.places[i] = -1;
    }
    for (int32_t i = 0; i < count; ++i) {
        if (!push_own(&order, i)) {
            return false;
        }
        pyr_node_estimate(order.relations[i]);
    }
    if (!begin(&order)) {
        return false;
    }
    for (int32_t i = 1; i < count; ++i) {
        if (!join_next(&order, next_relation(&order))) {
            return false;
        }
    }
    return restore(&order, out);
}
