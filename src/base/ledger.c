/* ledger.c - see ledger.h. Counters are independent: relaxed order is enough. */
#include "base/ledger.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

static const char *const reason_names[] = {
    [PYR_COPY_GATHER] = "gather",
    [PYR_COPY_CONCAT] = "concat",
    [PYR_COPY_APPEND] = "append to segment",
    [PYR_COPY_RESULT] = "engine result",
    [PYR_COPY_CONVERT] = "type conversion",
    [PYR_COPY_ALIGN] = "alignment",
    [PYR_COPY_RECEIVE] = "network receive",
    [PYR_COPY_BYTE_SWAP] = "byte swap",
    [PYR_COPY_GROUP_TABLE] = "group table",
    [PYR_COPY_SORT] = "sort",
    [PYR_COPY_PARAMETERS] = "parameters",
    [PYR_COPY_NO_MAPPING] = "read without mapping",
    [PYR_COPY_DECODE_ROWS] = "row decoding",
    [PYR_COPY_ROW_CACHE] = "row cache",
    [PYR_COPY_SPOOL] = "spool",
};

_Static_assert(sizeof(reason_names) / sizeof(reason_names[0]) == PYR_COPY_REASONS_COUNT,
               "every reason has a name");
_Static_assert((int)PYR_COPY_REASONS_COUNT <= PYR_LEDGER_REASONS_MAX,
               "the public report has room for every reason");

const char *pyr_copy_reason_name(pyr_copy_reason reason) {
    return reason_names[reason];
}

void pyr_ledger_init(pyr_query_ledger *ledger) {
    memset(ledger, 0, sizeof(*ledger));
    ledger->started_ns = pyr_clock_monotonic_ns();
}

void pyr_ledger_finish(pyr_query_ledger *ledger) {
    atomic_store_explicit(&ledger->finished_ns, pyr_clock_monotonic_ns(), memory_order_relaxed);
}

static void add(_Atomic int64_t *counter, int64_t amount) {
    atomic_fetch_add_explicit(counter, amount, memory_order_relaxed);
}

void pyr_ledger_copy(pyr_query_ledger *ledger, pyr_copy_reason reason, void *to, const void *from,
                     size_t size_bytes) {
    if (size_bytes > 0) {
        memcpy(to, from, size_bytes);
        pyr_ledger_add_copy(ledger, reason, (int64_t)size_bytes);
    }
}

void pyr_ledger_add_copy(pyr_query_ledger *ledger, pyr_copy_reason reason, int64_t size_bytes) {
    if (ledger != NULL) {
        add(&ledger->copied[reason], size_bytes);
    }
}

#define COUNTER(function, counter, amount)                    \
    void function(pyr_query_ledger *ledger, int64_t amount) { \
        if (ledger != NULL) {                                 \
            add(&ledger->counter, amount);                    \
        }                                                     \
    }

COUNTER(pyr_ledger_add_mapped, bytes_mapped, size_bytes)
COUNTER(pyr_ledger_add_scanned, bytes_scanned, size_bytes)
COUNTER(pyr_ledger_add_referenced, bytes_referenced, size_bytes)
COUNTER(pyr_ledger_add_decoded, bytes_decoded, size_bytes)
COUNTER(pyr_ledger_add_encoded, bytes_encoded, size_bytes)
COUNTER(pyr_ledger_add_sent, bytes_sent, size_bytes)
COUNTER(pyr_ledger_add_skipped, batches_skipped, batches)
COUNTER(pyr_ledger_add_rows, rows, rows)

void pyr_ledger_plan_batches(pyr_query_ledger *ledger, int64_t batches) {
    if (ledger != NULL) {
        atomic_fetch_add_explicit(&ledger->batches_planned, batches, memory_order_relaxed);
    }
}

void pyr_ledger_finish_batch(pyr_query_ledger *ledger) {
    if (ledger != NULL) {
        atomic_fetch_add_explicit(&ledger->batches_done, 1, memory_order_relaxed);
    }
}

double pyr_ledger_progress(const pyr_query_ledger *ledger) {
    int64_t planned = atomic_load_explicit(&ledger->batches_planned, memory_order_relaxed);
    int64_t done = atomic_load_explicit(&ledger->batches_done, memory_order_relaxed);
    return planned > 0 ? (double)(done < planned ? done : planned) / (double)planned : -1;
}

void pyr_ledger_note_memory(pyr_query_ledger *ledger, int64_t used_bytes) {
    if (ledger == NULL) {
        return;
    }
    int64_t peak = atomic_load_explicit(&ledger->peak_memory_bytes, memory_order_relaxed);
    while (used_bytes > peak &&
           !atomic_compare_exchange_weak_explicit(&ledger->peak_memory_bytes, &peak, used_bytes,
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
}

static int64_t get(const _Atomic int64_t *counter) {
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void pyr_ledger_report_fill(const pyr_query_ledger *ledger, pyr_ledger_report *report) {
    memset(report, 0, sizeof(*report));
    snprintf(report->engine, sizeof(report->engine), "%s", ledger->engine);
    int64_t end = get(&ledger->finished_ns);
    end = end != 0 ? end : pyr_clock_monotonic_ns();
    report->elapsed_ms = (double)(end - ledger->started_ns) / 1e6;
    report->rows = get(&ledger->rows);
    report->bytes_mapped = get(&ledger->bytes_mapped);
    report->bytes_scanned = get(&ledger->bytes_scanned);
    report->bytes_referenced = get(&ledger->bytes_referenced);
    report->bytes_decoded = get(&ledger->bytes_decoded);
    report->bytes_encoded = get(&ledger->bytes_encoded);
    report->bytes_sent = get(&ledger->bytes_sent);
    report->batches_skipped = get(&ledger->batches_skipped);
    report->peak_memory_bytes = get(&ledger->peak_memory_bytes);
    for (int i = 0; i < PYR_COPY_REASONS_COUNT; ++i) {
        int64_t bytes = get(&ledger->copied[i]);
        if (bytes != 0) {
            report->bytes_copied += bytes;
            report->copies[report->copies_count++] =
                (pyr_ledger_copy_entry){reason_names[i], bytes};
        }
    }
}
