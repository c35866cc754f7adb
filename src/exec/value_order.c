/* value_order.c - see value_order.h. */
#include "exec/value_order.h"

#define ORDER(TYPE)               \
    do {                          \
        TYPE x;                   \
        TYPE y;                   \
        memcpy(&x, a, sizeof(x)); \
        memcpy(&y, b, sizeof(y)); \
        return (x > y) - (x < y); \
    } while (0)

int pyr_order_values(pyr_physical physical, const void *a, const void *b) {
    float fa;
    float fb;
    double da;
    double db;
    pyr_string sa;
    pyr_string sb;
    switch (physical) {
    case PYR_PHYSICAL_BIT:
    case PYR_PHYSICAL_U8:
        ORDER(uint8_t);
    case PYR_PHYSICAL_I8:
        ORDER(int8_t);
    case PYR_PHYSICAL_I16:
        ORDER(int16_t);
    case PYR_PHYSICAL_U16:
        ORDER(uint16_t);
    case PYR_PHYSICAL_I32:
        ORDER(int32_t);
    case PYR_PHYSICAL_U32:
        ORDER(uint32_t);
    case PYR_PHYSICAL_I64:
        ORDER(int64_t);
    case PYR_PHYSICAL_U64:
        ORDER(uint64_t);
    case PYR_PHYSICAL_I128:
        ORDER(pyr_i128);
    case PYR_PHYSICAL_F32:
        memcpy(&fa, a, sizeof(fa));
        memcpy(&fb, b, sizeof(fb));
        return pyr_order_doubles((double)fa, (double)fb);
    case PYR_PHYSICAL_F64:
        memcpy(&da, a, sizeof(da));
        memcpy(&db, b, sizeof(db));
        return pyr_order_doubles(da, db);
    default: /* STRING: intervals are refused */
        memcpy(&sa, a, sizeof(sa));
        memcpy(&sb, b, sizeof(sb));
        return pyr_order_strings(sa, sb);
    }
}
