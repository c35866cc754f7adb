/* ledger_json.h - a ledger report as one JSON line (interface.md, "The ledger") and as text. */
#ifndef PYR_SESSION_LEDGER_JSON_H
#define PYR_SESSION_LEDGER_JSON_H

#include "base/ledger.h"
#include "base/text.h"

/* The integer keys in the order of interface.md; "copies" stands before key
 * PYR_LEDGER_KEYS_BEFORE_COPIES. */
#define PYR_LEDGER_KEYS 9
#define PYR_LEDGER_KEYS_BEFORE_COPIES 7
const char *pyr_ledger_key_name(size_t key);
int64_t pyr_ledger_key_value(const pyr_ledger_report *report, size_t key);

void pyr_ledger_report_json(const pyr_ledger_report *report, pyr_text *out);
/* "bytes_mapped: 1000\n" and so on, one line a key, the copies with their reasons. */
void pyr_ledger_report_lines(const pyr_ledger_report *report, pyr_text *out);

#endif
