/* graveyard.c - files of segments that the catalog does not name any more. Readers in this process
 * hold what they read; readers in other processes may be about to map it, so while there are any
 * the files stay for a while.
 */
#include "catalog/graveyard.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

#define KEPT_NS (INT64_C(15) * 60 * 1000000000)

typedef struct grave {
    pyr_segment *segment; /* retained */
    int64_t since_ns;
} grave;

struct pyr_graveyard {
    size_t count, capacity;
    grave *graves; /* oldest first */
};

static bool reserve(pyr_graveyard *self, size_t count) {
    if (count <= self->capacity) {
        return true;
    }
    size_t capacity = count < 2 * self->capacity ? 2 * self->capacity : count;
    grave *grown = realloc(self->graves, capacity * sizeof(*grown));
    if (grown != NULL) {
        self->graves = grown;
        self->capacity = capacity;
    }
    return grown != NULL;
}

/* The first count go now. */
static void remove_first(pyr_graveyard *self, size_t count) {
    if (count == 0) {
        return;
    }
    for (size_t i = 0; i < count; ++i) {
        pyr_segment_remove_on_release(self->graves[i].segment);
        pyr_segment_release(self->graves[i].segment);
    }
    self->count -= count;
    memmove(self->graves, self->graves + count, self->count * sizeof(*self->graves));
}

static void remove_due(pyr_catalog *catalog, pyr_graveyard *self) {
    size_t due = self->count;
    if (due > 0 && pyr_folder_has_readers(catalog)) {
        int64_t now = pyr_clock_monotonic_ns();
        for (due = 0; due < self->count && now - self->graves[due].since_ns > KEPT_NS; ++due) {
        }
    }
    remove_first(self, due);
}

pyr_status pyr_graveyard_create(pyr_catalog *catalog, pyr_error *error) {
    catalog->graveyard = calloc(1, sizeof(*catalog->graveyard));
    return catalog->graveyard != NULL ? PYR_OK
                                      : pyr_error_memory(error, sizeof(*catalog->graveyard));
}

void pyr_graveyard_destroy(pyr_catalog *catalog) {
    pyr_graveyard *self = catalog->graveyard;
    if (self == NULL) {
        return;
    }
    remove_due(catalog, self);
    for (size_t i = 0; i < self->count; ++i) {
        pyr_segment_release(self->graves[i].segment); /* the next open removes their files */
    }
    free(self->graves);
    free(self);
    catalog->graveyard = NULL;
}

void pyr_graveyard_bury(pyr_catalog *catalog, pyr_segment *const *segments, size_t count) {
    pyr_graveyard *self = catalog->graveyard;
    bool room = reserve(self, self->count + count);
    for (size_t i = 0; i < count; ++i) {
        if (room) {
            self->graves[self->count++] =
                (grave){pyr_segment_retain(segments[i]), pyr_clock_monotonic_ns()};
        } else { /* without memory for a list: at once */
            pyr_segment_remove_on_release(segments[i]);
        }
    }
    remove_due(catalog, self);
}
