/* errors.h - how an error looks on stderr: "error: SQLSTATE: message", then, for SQL text, the line
 * with a caret under the place. */
#ifndef PYR_CLI_ERRORS_H
#define PYR_CLI_ERRORS_H

#include "base/text.h"

/* Where a statement stands: error positions count from statement_offset in text. */
typedef struct pyr_sql_place {
    const char *text; /* NULL: the error is not about SQL text */
    size_t length;
    size_t statement_offset;
} pyr_sql_place;

/* Appends the lines. columns: a longer SQL line is cut around the caret; at least 20. */
void pyr_error_print(const pyr_error *error, const pyr_sql_place *place, size_t columns,
                     pyr_text *out);
/* The same to stderr, in one write. place NULL: none. */
void pyr_error_report(const pyr_error *error, const pyr_sql_place *place);

/* Wrong usage: "error: 22023: message", exit code 2. */
int pyr_usage_error(const char *format, ...) PYR_PRINTF(1, 2);

/* Exit codes of interface.md, "The program". */
enum { PYR_EXIT_OK = 0, PYR_EXIT_FAILED = 1, PYR_EXIT_USAGE = 2 };

#endif
