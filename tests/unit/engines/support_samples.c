/* The samples of every Arrow type that the tests of src/arrow use, and more of them. */
#include "support_samples.h"

#include "unit/arrow/support_arrays.c"

pyr_array *sample_of_field(pyr_field *field, int64_t rows, unsigned seed, bool nulls) {
    return array_of_field(field, rows, seed, nulls);
}

pyr_field *sample_nested_without_map(const char *name) {
    pyr_field *inner =
        struct_of("item", plain("u", PYR_TYPE_UTF8_VIEW),
                  one_child("v", PYR_TYPE_LIST_VIEW, 0, plain("item", PYR_TYPE_UINT8)));
    pyr_field *children[5] = {
        one_child("list", PYR_TYPE_LIST, 0, inner),
        one_child("fixed", PYR_TYPE_FIXED_SIZE_LIST, 2, plain("item", PYR_TYPE_BOOL)),
        union_field("union", PYR_TYPE_DENSE_UNION),
        one_child("large", PYR_TYPE_LARGE_LIST, 0, union_field("item", PYR_TYPE_SPARSE_UNION)),
        one_child("few", PYR_TYPE_FIXED_SIZE_LIST, 2,
                  struct_of("item", plain("h", PYR_TYPE_FLOAT16), plain("d", PYR_TYPE_DATE64))),
    };
    return nested(name, PYR_TYPE_STRUCT, 0, children, 5);
}
