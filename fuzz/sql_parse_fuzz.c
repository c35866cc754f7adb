/* sql_parse_fuzz.c - any text: splitting ends, parsing neither crashes nor leaks, and what it gives
 * stays within the text. */
#include "base/text.h"
#include "fuzz.h"
#include "sql/select.h"
#include "sql/statement.h"

#include <stdlib.h>

#define BUDGET_BYTES ((size_t)256 << 20)

static void check_span(const pyr_span *span, const char *text, size_t length) {
    /* DESCRIBE 'x' makes a query of its own: its text lies outside. */
    bool inside = span->text >= text && span->text <= text + length;
    if (span->text != NULL && inside &&
        (span->offset > length || span->length > length - span->offset ||
         span->text != text + span->offset)) {
        abort();
    }
}

static void parse_one(const char *text, size_t length, size_t budget_bytes) {
    pyr_budget *budget = pyr_budget_create(budget_bytes);
    if (budget == NULL) {
        return;
    }
    pyr_arena arena;
    pyr_arena_init(&arena, budget);
    pyr_parsed *parsed = NULL;
    pyr_error error;
    pyr_status status = pyr_sql_parse(text, length, &arena, &parsed, &error);
    if ((status == PYR_OK) != (parsed != NULL)) {
        abort();
    }
    if (parsed != NULL) {
        check_span(&parsed->text, text, length);
        check_span(&parsed->query, text, length);
        check_span(&parsed->from, text, length);
        check_span(&parsed->where, text, length);
        for (size_t i = 0; i < parsed->assignments.count; ++i) {
            check_span(&parsed->assignments.items[i].value, text, length);
        }
        if (parsed->kind == PYR_PARSED_QUERY &&
            (parsed->select == NULL) == (parsed->not_covered == NULL)) {
            abort();
        }
        for (size_t i = 0; i < parsed->columns_count && budget_bytes == BUDGET_BYTES; ++i) {
            if (parsed->columns[i].field == NULL) {
                continue; /* a type that somebody created, or that an expression has */
            }
            /* A printed type reads back as the same type. */
            pyr_text printed;
            pyr_text_init(&printed);
            pyr_sql_type_print(parsed->columns[i].field, &printed);
            pyr_field *again = NULL;
            if (!printed.failed &&
                (pyr_sql_type_parse(printed.data, printed.length, parsed->columns[i].name, &arena,
                                    &again, NULL, NULL) != PYR_OK ||
                 !pyr_field_type_equal(again, parsed->columns[i].field)) &&
                pyr_budget_used(budget) < ((size_t)128 << 20)) {
                abort();
            }
            pyr_field_release(again);
            pyr_text_deinit(&printed);
        }
    } else if (error.position > (int32_t)length) {
        abort();
    }
    pyr_parsed_deinit(parsed);
    pyr_arena_deinit(&arena);
    pyr_budget_release(budget);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *text = (const char *)data;
    parse_one(text, size, BUDGET_BYTES);
    /* Memory ends somewhere on the way. */
    parse_one(text, size, 1 + size * 7919 % 32768);
    size_t position = 0;
    pyr_span statement;
    bool complete = false;
    bool open = false;
    while (pyr_sql_split(text, size, &position, &statement, &complete, &open)) {
        check_span(&statement, text, size);
        parse_one(statement.text, statement.length, BUDGET_BYTES);
    }
    return 0;
}
