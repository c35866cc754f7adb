/* batch_list.c - see rows.h. */
#include "session/rows.h"

#include <stdlib.h>

pyr_status pyr_batch_list_add(pyr_batch_list *list, pyr_batch *batch, pyr_error *error) {
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

void pyr_batch_list_clear(pyr_batch_list *list) {
    for (size_t i = 0; i < list->count; ++i) {
        pyr_batch_release(list->items[i]);
    }
    list->count = 0;
}

void pyr_batch_list_deinit(pyr_batch_list *list) {
    pyr_batch_list_clear(list);
    free(list->items);
    *list = (pyr_batch_list){0};
}
