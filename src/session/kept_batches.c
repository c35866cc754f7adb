/* kept_batches.c - see rows.h. */
#include "session/rows.h"

#include <stdlib.h>

pyr_status pyr_kept_batches_add(pyr_kept_batches *list, pyr_batch *batch, pyr_error *error) {
    if (list->count == list->capacity) {
        size_t wanted = list->capacity > 0 ? list->capacity * 2 : 8;
        pyr_batch **grown = realloc(list->items, wanted * sizeof(*grown));
        if (grown == NULL) {
            return pyr_error_memory(error, wanted * sizeof(*grown));
        }
        list->items = grown;
        list->capacity = wanted;
    }
    list->items[list->count++] = pyr_batch_retain(batch);
    return PYR_OK;
}

void pyr_kept_batches_clear(pyr_kept_batches *list) {
    for (size_t i = 0; i < list->count; ++i) {
        pyr_batch_release(list->items[i]);
    }
    list->count = 0;
}

void pyr_kept_batches_deinit(pyr_kept_batches *list) {
    pyr_kept_batches_clear(list);
    free(list->items);
    *list = (pyr_kept_batches){0};
}
