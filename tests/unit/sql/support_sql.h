/* support_sql.h - what the tests of this folder share: parse a text, print what came out. */
#ifndef PYR_TESTS_SUPPORT_SQL_H
#define PYR_TESTS_SUPPORT_SQL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "sql/select.h"
#include "sql/statement.h"

typedef struct parsed_text {
    pyr_arena arena;
    pyr_parsed *parsed;
    pyr_error error;
    pyr_status status;
} parsed_text;

parsed_text parse_sql(const char *sql);
void parsed_free(parsed_text *text);

#define assert_span(span, expected)                                \
    do {                                                           \
        assert_int_equal((span).length, strlen(expected));         \
        assert_memory_equal((span).text, expected, (span).length); \
    } while (0)

#endif
