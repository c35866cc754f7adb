/* token_list.c - see token_list.h. */
#include "sql/token_list.h"

#include <stdlib.h>
#include <strings.h>

static pyr_status reserve(pyr_token **tokens, size_t *capacity, size_t count, pyr_error *error) {
    if (count < *capacity) {
        return PYR_OK;
    }
    size_t wanted = *capacity > 0 ? 2 * *capacity : 64;
    pyr_token *grown = realloc(*tokens, wanted * sizeof(*grown));
    if (grown == NULL) {
        return pyr_error_memory(error, wanted * sizeof(*grown));
    }
    *tokens = grown;
    *capacity = wanted;
    return PYR_OK;
}

pyr_status pyr_token_list_read(const char *text, size_t length, pyr_token_list *out,
                               pyr_error *error) {
    pyr_token *tokens = NULL;
    size_t capacity = 0;
    size_t count = 0;
    pyr_lexer lexer = pyr_lexer_over(text, length);
    pyr_token token = {.kind = PYR_TOKEN_END, .text = text};
    memset(out, 0, sizeof(*out));
    do {
        pyr_status status = reserve(&tokens, &capacity, count, error);
        if (status != PYR_OK) {
            free(tokens);
            return status;
        }
        out->numbered = out->numbered || (count > 0 && token.kind == PYR_TOKEN_INTEGER &&
                                          tokens[count - 1].kind == PYR_TOKEN_QUESTION);
        tokens[count++] = token;
        token = pyr_lexer_next(&lexer);
    } while (count == 1 || tokens[count - 1].kind != PYR_TOKEN_END);
    out->tokens = tokens + 1;
    out->count = count - 2;
    out->memory = tokens;
    return PYR_OK;
}

void pyr_token_list_deinit(pyr_token_list *list) {
    free(list->memory);
    memset(list, 0, sizeof(*list));
}

bool pyr_token_list_mentions(const pyr_token_list *list, const char *name) {
    size_t size = strlen(name);
    for (size_t at = 0; at < list->count; ++at) {
        const pyr_token *token = &list->tokens[at];
        bool whole = token->kind == PYR_TOKEN_WORD;
        bool within = pyr_token_is_string(token) || token->kind == PYR_TOKEN_QUOTED_NAME ||
                      token->kind == PYR_TOKEN_ERROR;
        for (size_t i = 0; i + size <= token->length && (whole || within); ++i) {
            if (strncasecmp(token->text + i, name, size) == 0 &&
                (within || token->length == size)) {
                return true;
            }
        }
    }
    return false;
}
