/* ledger_json.c - one table of the ledger's keys serves both forms. */
#include "session/ledger_json.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

typedef struct ledger_key {
    const char *name;
    size_t offset; /* of an int64_t in pyr_ledger_report */
} ledger_key;

static const ledger_key keys_before[] = {
    {"bytes_mapped", offsetof(pyr_ledger_report, bytes_mapped)},
    {"bytes_scanned", offsetof(pyr_ledger_report, bytes_scanned)},
    {"bytes_referenced", offsetof(pyr_ledger_report, bytes_referenced)},
    {"bytes_copied", offsetof(pyr_ledger_report, bytes_copied)},
    {"bytes_decoded", offsetof(pyr_ledger_report, bytes_decoded)},
    {"bytes_encoded", offsetof(pyr_ledger_report, bytes_encoded)},
    {"bytes_sent", offsetof(pyr_ledger_report, bytes_sent)},
};

static const ledger_key keys_after[] = {
    {"batches_skipped", offsetof(pyr_ledger_report, batches_skipped)},
    {"peak_memory_bytes", offsetof(pyr_ledger_report, peak_memory_bytes)},
};

static int64_t value_of(const pyr_ledger_report *report, const ledger_key *key) {
    int64_t value;
    memcpy(&value, (const char *)report + key->offset, sizeof(value));
    return value;
}

void pyr_ledger_report_json(const pyr_ledger_report *report, pyr_text *out) {
    pyr_text_add(out, "{\"engine\":");
    pyr_text_add_json(out, report->engine, strlen(report->engine));
    pyr_text_printf(out, ",\"rows\":%" PRId64 ",\"elapsed_ms\":%.3f", report->rows,
                    report->elapsed_ms);
    for (size_t i = 0; i < sizeof(keys_before) / sizeof(keys_before[0]); ++i) {
        pyr_text_printf(out, ",\"%s\":%" PRId64, keys_before[i].name,
                        value_of(report, &keys_before[i]));
    }
    pyr_text_add(out, ",\"copies\":[");
    for (int32_t i = 0; i < report->copies_count; ++i) {
        pyr_text_add(out, i > 0 ? ",{\"reason\":" : "{\"reason\":");
        pyr_text_add_json(out, report->copies[i].reason, strlen(report->copies[i].reason));
        pyr_text_printf(out, ",\"bytes\":%" PRId64 "}", report->copies[i].bytes);
    }
    pyr_text_add_char(out, ']');
    for (size_t i = 0; i < sizeof(keys_after) / sizeof(keys_after[0]); ++i) {
        pyr_text_printf(out, ",\"%s\":%" PRId64, keys_after[i].name,
                        value_of(report, &keys_after[i]));
    }
    pyr_text_add_char(out, '}');
}

void pyr_ledger_report_lines(const pyr_ledger_report *report, pyr_text *out) {
    pyr_text_printf(out, "rows: %" PRId64 "\nelapsed_ms: %.3f\n", report->rows, report->elapsed_ms);
    for (size_t i = 0; i < sizeof(keys_before) / sizeof(keys_before[0]); ++i) {
        pyr_text_printf(out, "%s: %" PRId64 "\n", keys_before[i].name,
                        value_of(report, &keys_before[i]));
    }
    for (int32_t i = 0; i < report->copies_count; ++i) {
        pyr_text_printf(out, "  copied %" PRId64 ": %s\n", report->copies[i].bytes,
                        report->copies[i].reason);
    }
    for (size_t i = 0; i < sizeof(keys_after) / sizeof(keys_after[0]); ++i) {
        pyr_text_printf(out, "%s: %" PRId64 "\n", keys_after[i].name,
                        value_of(report, &keys_after[i]));
    }
}
