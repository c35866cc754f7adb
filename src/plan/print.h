/* print.h - printing expressions with any source of column names. Within this folder. */
#ifndef PYR_PLAN_PRINT_H
#define PYR_PLAN_PRINT_H

#include "base/text.h"
#include "plan/node.h"

typedef struct pyr_column_names {
    const pyr_plan_column *(*of)(void *context, int32_t column); /* NULL: unknown */
    void *context;
} pyr_column_names;

void pyr_bound_print_with(const pyr_bound_expr *expression, const pyr_column_names *names,
                          pyr_text *out);
void pyr_aggregate_print(const pyr_aggregate *aggregate, const pyr_column_names *names,
                         pyr_text *out);

#endif
