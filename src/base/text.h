/* text.h - a growable string. After an allocation failure it stays as it was, `failed` is set and
 * later appends do nothing: check once at the end. Always NUL-terminated once something was added.
 */
#ifndef PYR_BASE_TEXT_H
#define PYR_BASE_TEXT_H

#include "base/error.h"

typedef struct pyr_text {
    char *data; /* NULL while empty */
    size_t length;
    size_t capacity;
    bool failed;
} pyr_text;

void pyr_text_init(pyr_text *text);
void pyr_text_deinit(pyr_text *text);
void pyr_text_clear(pyr_text *text); /* keeps the memory */
void pyr_text_append(pyr_text *text, const char *bytes, size_t length);
void pyr_text_add(pyr_text *text, const char *string);
void pyr_text_add_char(pyr_text *text, char c);
void pyr_text_printf(pyr_text *text, const char *format, ...) PYR_PRINTF(2, 3);
/* A JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void pyr_text_add_json(pyr_text *text, const char *bytes, size_t length);
/* A double that reads back as the same double, the shortest such form, as DuckDB prints it
 * ("1.0", "1e+20", "nan", "inf"). */
void pyr_text_add_double(pyr_text *text, double value);
void pyr_text_add_float(pyr_text *text, float value);
/* The string ("" when empty); the caller frees it. NULL when failed or out of memory. */
char *pyr_text_move(pyr_text *text);
const char *pyr_text_get(const pyr_text *text); /* "" when empty */
/* PYR_ERROR_MEMORY where an append failed. */
PYR_MUST_CHECK pyr_status pyr_text_check(const pyr_text *text, pyr_error *error);

/* For "did you mean": the fewest insertions, deletions, replacements and swaps of neighbours that
 * make one string of the other, in bytes; any_case: without the case of ASCII letters. SIZE_MAX
 * where one is longer than names are (PYR_TEXT_EDITS_BYTES_MAX). Costs the product of the lengths.
 */
#define PYR_TEXT_EDITS_BYTES_MAX 160
size_t pyr_text_edits(const char *a, size_t a_length, const char *b, size_t b_length,
                      bool any_case);

#endif
