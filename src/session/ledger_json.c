/* ledger_json.c - one table of the ledger's keys serves both forms. */
#include "session/ledger_json.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

typedef struct ledger_key {
    const char *name;
    size_t offset; /* of an int64_t in pyr_ledger_report */
} ledger_key;

static const ledger_key keys[PYR_LEDGER_KEYS] = {
    {"bytes_mapped", offsetof(pyr_ledger_report, bytes_mapped)},
    {"bytes_scanned", offsetof(pyr_ledger_report, bytes_scanned)},
    {"bytes_referenced", offsetof(pyr_ledger_report, bytes_referenced)},
    {"bytes_copied", offsetof(pyr_ledger_report, bytes_copied)},
    {"bytes_decoded", offsetof(pyr_ledger_report, bytes_decoded)},
    {"bytes_encoded", offsetof(pyr_ledger_report, bytes_encoded)},
    {"bytes_sent", offsetof(pyr_ledger_report, bytes_sent)},
    {"batches_skipped", offsetof(pyr_ledger_report, batches_skipped)},
    {"peak_memory_bytes", offsetof(pyr_ledger_report, peak_memory_bytes)},
};

const char *pyr_ledger_key_name(size_t key) {
    return keys[key].name;
}

int64_t pyr_ledger_key_value(const pyr_ledger_report *report, size_t key) {
    int64_t value;
    memcpy(&value, (const char *)report + keys[key].offset, sizeof(value));
    return value;
}

static void add_copies_json(const pyr_ledger_report *report, pyr_text *out) {
    pyr_text_add(out, ",\"copies\":[");
    for (int32_t i = 0; i < report->copies_count; ++i) {
        pyr_text_add(out, i > 0 ? ",{\"reason\":" : "{\"reason\":");
        pyr_text_add_json(out, report->copies[i].reason, strlen(report->copies[i].reason));
        pyr_text_printf(out, ",\"bytes\":%" PRId64 "}", report->copies[i].bytes);
    }
    pyr_text_add_char(out, ']');
}

void pyr_ledger_report_json(const pyr_ledger_report *report, pyr_text *out) {
    pyr_text_add(out, "{\"engine\":");
    pyr_text_add_json(out, report->engine, strlen(report->engine));
    pyr_text_printf(out, ",\"rows\":%" PRId64 ",\"elapsed_ms\":%.3f", report->rows,
                    report->elapsed_ms);
    for (size_t i = 0; i < PYR_LEDGER_KEYS; ++i) {
        if (i == PYR_LEDGER_KEYS_BEFORE_COPIES) {
            add_copies_json(report, out);
        }
        pyr_text_printf(out, ",\"%s\":%" PRId64, keys[i].name, pyr_ledger_key_value(report, i));
    }
    pyr_text_add_char(out, '}');
}

void pyr_ledger_report_lines(const pyr_ledger_report *report, pyr_text *out) {
    pyr_text_printf(out, "rows: %" PRId64 "\nelapsed_ms: %.3f\n", report->rows, report->elapsed_ms);
    for (size_t i = 0; i < PYR_LEDGER_KEYS; ++i) {
        for (int32_t j = 0; i == PYR_LEDGER_KEYS_BEFORE_COPIES && j < report->copies_count; ++j) {
            pyr_text_printf(out, "  copied %" PRId64 ": %s\n", report->copies[j].bytes,
                            report->copies[j].reason);
        }
        pyr_text_printf(out, "%s: %" PRId64 "\n", keys[i].name, pyr_ledger_key_value(report, i));
    }
}
