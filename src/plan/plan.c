/* plan.c - the end of a plan. */
#include "plan/plan.h"

#include <string.h>

void pyr_plan_deinit(pyr_plan *plan) {
    for (size_t i = 0; i < plan->tables_count; ++i) {
        pyr_table_release(plan->tables[i]);
    }
    pyr_schema_release(plan->schema);
    pyr_arena_deinit(&plan->arena);
    memset(plan, 0, sizeof(*plan));
}
