/* bind_window.c - window functions. */
#include "plan/bind_internal.h"

pyr_status pyr_bind_window_call(pyr_binder *binder, const pyr_place *place, const pyr_expr *call,
                                pyr_bound_expr **out) {
    (void)place;
    (void)out;
    return pyr_bind_refuse(binder, call->offset, "window functions");
}

pyr_status pyr_bind_window_nodes(pyr_binder *binder, pyr_select_state *select, pyr_node **node,
                                 int32_t *places) {
    (void)select;
    (void)node;
    (void)places;
    return pyr_bind_refuse(binder, 0, "window functions");
}
