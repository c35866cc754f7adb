/* history.c - see history.h. */
#include "catalog/history.h"

#include <string.h>

static bool is_over(const pyr_history *history, int64_t now_us) {
    return history->count > PYR_HISTORY_VERSIONS_MAX ||
           history->retired_bytes > PYR_HISTORY_BYTES_MAX ||
           now_us - history->entries[0].snapshot->committed_us > PYR_HISTORY_AGE_US_MAX;
}

void pyr_history_push(pyr_history *history, pyr_snapshot *before, int64_t retired_bytes,
                      bool forget, int64_t now_us, pyr_snapshot **gone, size_t *gone_count) {
    history->entries[history->count++] = (pyr_history_entry){before, retired_bytes};
    history->retired_bytes += retired_bytes;
    size_t going = 0;
    forget = forget || history->disabled;
    while (history->count > 0 && (forget || is_over(history, now_us))) {
        gone[going++] = history->entries[0].snapshot;
        history->retired_bytes -= history->entries[0].retired_bytes;
        --history->count;
        memmove(history->entries, history->entries + 1,
                history->count * sizeof(history->entries[0]));
    }
    *gone_count = going;
}

pyr_snapshot *pyr_history_find_version(const pyr_history *history, uint64_t version) {
    for (size_t i = 0; i < history->count; ++i) {
        if (history->entries[i].snapshot->version == version) {
            return history->entries[i].snapshot;
        }
    }
    return NULL;
}

pyr_snapshot *pyr_history_find_time(const pyr_history *history, int64_t committed_us) {
    pyr_snapshot *found = NULL;
    for (size_t i = 0; i < history->count; ++i) {
        if (history->entries[i].snapshot->committed_us <= committed_us) {
            found = history->entries[i].snapshot;
        }
    }
    return found;
}

void pyr_history_deinit(pyr_history *history) {
    for (size_t i = 0; i < history->count; ++i) {
        pyr_snapshot_release(history->entries[i].snapshot);
    }
    history->count = 0;
}
