/* split.c - finding the statements of a text. */
#include "sql/lexer.h"
#include "sql/statement.h"

bool pyr_sql_split(const char *text, size_t length, size_t *position, pyr_span *statement,
                   bool *complete, bool *open) {
    pyr_lexer lexer = {text, length, *position};
    size_t start = 0;
    size_t end = 0;
    bool found = false;
    if (complete != NULL) {
        *complete = false;
    }
    if (open != NULL) {
        *open = false;
    }
    for (;;) {
        pyr_token token = pyr_lexer_next(&lexer);
        if (token.kind == PYR_TOKEN_SEMICOLON && !found) {
            continue;
        }
        if (token.kind == PYR_TOKEN_SEMICOLON || token.kind == PYR_TOKEN_END) {
            if (complete != NULL) {
                *complete = token.kind == PYR_TOKEN_SEMICOLON;
            }
            break;
        }
        /* What else is wrong with a token is said by pyr_sql_parse. */
        if (token.kind == PYR_TOKEN_ERROR && token.open && open != NULL) {
            *open = true;
        }
        start = found ? start : token.offset;
        end = token.offset + token.length;
        found = true;
    }
    *position = lexer.position;
    *statement = (pyr_span){text + start, end - start, start};
    return found;
}
