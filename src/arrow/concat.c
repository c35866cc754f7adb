/* concat.c - arrays of one type after each other; see array.h and gather.c. */
#include "arrow/arrow_internal.h"

#include <assert.h>

pyr_status pyr_array_concat(pyr_array *const *arrays, size_t count, pyr_query_ledger *ledger,
                            pyr_budget *budget, pyr_array **out, pyr_error *error) {
    *out = NULL;
    assert(count > 0);
    if (count == 1) {
        *out = pyr_array_retain(arrays[0]);
        return PYR_OK;
    }
    pyr_piece *pieces = calloc(count, sizeof(*pieces));
    if (pieces == NULL) {
        return pyr_error_memory(error, count * sizeof(*pieces));
    }
    for (size_t i = 0; i < count; ++i) {
        assert(pyr_field_type_equal(arrays[i]->field, arrays[0]->field));
        pieces[i] = (pyr_piece){arrays[i], 0, arrays[i]->length};
    }
    pyr_gather gather = {PYR_COPY_CONCAT, ledger, budget};
    pyr_status status = pyr_gather_pieces(&gather, arrays[0]->field, pieces, count, out, error);
    free(pieces);
    return status;
}
