/* error.h - setting and passing on errors.
 *
 * pyr_status and pyr_error themselves are public (pyralog.h). The message is set where the fault is
 * found; pyr_error_context adds a prefix where a layer is crossed ("segment 000017.arrow: ...").
 */
#ifndef PYR_BASE_ERROR_H
#define PYR_BASE_ERROR_H

#include "pyralog.h"

#define PYR_PRINTF(text_index, first) __attribute__((format(printf, text_index, first)))

/* Returns from the calling function on failure. For functions that own nothing at that point. */
#define PYR_TRY(expression)                        \
    do {                                           \
        pyr_status pyr_try_status_ = (expression); \
        if (pyr_try_status_ != PYR_OK) {           \
            return pyr_try_status_;                \
        }                                          \
    } while (0)

/* Fills *error (NULL allowed) and returns code. The SQLSTATE is code's default (IO: 58030, MEMORY:
 * 53200, DISK_FULL: 53100, CANCELLED: 57014, TIMEOUT: 57014, CORRUPT: XX001, LIMIT: 54000, BUSY:
 * 55006, NOT_SUPPORTED: 0A000, PERMISSION: 42501, UNAUTHENTICATED: 28000, CONFLICT: 40001,
 * CONSTRAINT: 23000, NOT_FOUND: 02000, ALREADY_EXISTS: 42710, INVALID_ARGUMENT: 22023, SQL: 42000,
 * NO_ROWS: P0002, MANY_ROWS: P0003, INTERNAL: XX000); position is -1. Control characters and
 * line breaks in the message become spaces; it is cut at a UTF-8 border. */
pyr_status pyr_error_set(pyr_error *error, pyr_status code, const char *format, ...)
    PYR_PRINTF(3, 4);

/* The same with a SQLSTATE (five characters) and a byte position in the SQL text, or -1. */
pyr_status pyr_error_set_sql(pyr_error *error, pyr_status code, const char *sqlstate,
                             int32_t position, const char *format, ...) PYR_PRINTF(5, 6);

/* From errno after the named call on the named thing: "PATH: open: No such file or directory".
 * ENOENT gives NOT_FOUND, ENOSPC and EDQUOT DISK_FULL, ENOMEM MEMORY, EACCES and EPERM PERMISSION,
 * EEXIST ALREADY_EXISTS, everything else IO. */
pyr_status pyr_error_set_errno(pyr_error *error, int errno_value, const char *call,
                               const char *thing);

/* Puts "prefix: " in front of the message that is there; returns error's code (code where error is
 * NULL), so that `return pyr_error_context(error, status, "...")` reads well. */
pyr_status pyr_error_context(pyr_error *error, pyr_status code, const char *format, ...)
    PYR_PRINTF(3, 4);

/* Out of memory, with the size asked for. */
pyr_status pyr_error_memory(pyr_error *error, size_t size_bytes);

/* For clang's analyzer, which sees one file at a time: these never give PYR_OK. Without it every
 * out-parameter of a failed call looks as if it might be used. One basic block, because the
 * analyzer looks into calls nested deeper than five only where they are that small. */
#ifdef __clang_analyzer__
static inline pyr_status pyr_error_never_ok(pyr_status status) {
    __builtin_assume(status != PYR_OK);
    return status;
}
#define pyr_error_set(...) pyr_error_never_ok(pyr_error_set(__VA_ARGS__))
#define pyr_error_set_sql(...) pyr_error_never_ok(pyr_error_set_sql(__VA_ARGS__))
#define pyr_error_set_errno(...) pyr_error_never_ok(pyr_error_set_errno(__VA_ARGS__))
#define pyr_error_context(...) pyr_error_never_ok(pyr_error_context(__VA_ARGS__))
#define pyr_error_memory(...) pyr_error_never_ok(pyr_error_memory(__VA_ARGS__))
#endif

void pyr_error_clear(pyr_error *error);
const char *pyr_status_name(pyr_status status); /* "corrupt"; static */

#endif
