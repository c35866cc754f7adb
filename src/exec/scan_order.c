/* scan_order.c - what a top-n tells the source of its rows: which batches of a scan to look at
 * first, by their zone maps, and what need not be looked at any more. */
#include "exec/exec_internal.h"
#include "exec/sort_key.h"

/* A zone's bound as a value of the column's physical type. */
static void zone_value(pyr_physical physical, const pyr_zone *zone, bool max, pyr_value *out) {
    int64_t integer = max ? zone->max.i64 : zone->min.i64;
    double real = max ? zone->max.f64 : zone->min.f64;
    float narrow = (float)real;
    switch (physical) {
    case PYR_PHYSICAL_F32:
        __builtin_memcpy(out, &narrow, sizeof(narrow));
        break;
    case PYR_PHYSICAL_F64:
        out->f64 = real;
        break;
    default: /* the lower bytes of an integer are the narrower one: little-endian */
        out->i64 = integer;
        break;
    }
}

uint64_t pyr_scan_order_prefix(const pyr_source_order *order, const pyr_zone *zone) {
    if (order->physical == PYR_PHYSICAL_STRING) {
        return 0; /* zones of text may be cut; they are in no order here */
    }
    bool nan_first = zone->has_nan && order->descending;
    bool null_first = zone->null_count > 0 && order->nulls_first;
    if (!zone->known || !zone->has_bounds || nan_first || null_first) {
        return 0;
    }
    pyr_value value = {0};
    zone_value(order->physical, zone, order->descending, &value);
    pyr_sort_column column = {order->physical, order->descending, order->nulls_first,
                              order->never_null};
    pyr_vector vector = {.physical = order->physical, .data = &value};
    uint64_t least = 0;
    return pyr_sort_first_prefixes(&column, &vector, 1, NULL, &least) ? least : 0;
}

bool pyr_source_order_excludes(const pyr_source_order *order, const pyr_vector *vector,
                               int32_t rows) {
    uint64_t prefixes[PYR_VECTOR_ROWS];
    uint64_t bound = atomic_load_explicit(order->bound, memory_order_relaxed);
    pyr_sort_column column = {order->physical, order->descending, order->nulls_first,
                              order->never_null};
    if (bound == UINT64_MAX || !pyr_sort_first_prefixes(&column, vector, rows, NULL, prefixes)) {
        return false;
    }
    uint64_t wanted = 0;
    for (int32_t i = 0; i < rows; ++i) {
        wanted |= prefixes[i] <= bound;
    }
    return wanted == 0;
}
