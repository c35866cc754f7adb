/* eval_text_case.c - upper and lower case by Unicode's simple mapping, as DuckDB does it: character
 * by character through utf8proc. ASCII has a loop of its own. */
#include "exec/eval_internal.h"

#include "base/cursor.h"

#include <utf8proc.h>

/* Bytes of a character and its code; a byte that begins none is one character by itself. */
static uint64_t read_character(const uint8_t *bytes, uint64_t length, int32_t *code) {
    utf8proc_int32_t c = -1;
    utf8proc_ssize_t size = utf8proc_iterate(bytes, (utf8proc_ssize_t)length, &c);
    *code = size > 0 ? c : -1;
    return size > 0 ? (uint64_t)size : 1;
}

uint64_t pyr_text_case(pyr_string text, bool upper, uint8_t *out) {
    if (pyr_utf8_is_ascii(text.bytes, text.length)) {
        uint8_t first = upper ? 'a' : 'A';
        for (uint64_t i = 0; i < text.length; ++i) {
            uint8_t c = text.bytes[i];
            out[i] = c ^ (uint8_t)((uint8_t)(c - first) < 26 ? 0x20 : 0);
        }
        return text.length;
    }
    uint64_t to = 0;
    for (uint64_t i = 0; i < text.length;) {
        int32_t code = 0;
        uint64_t size = read_character(text.bytes + i, text.length - i, &code);
        if (code < 0) {
            out[to++] = text.bytes[i];
        } else {
            code = upper ? utf8proc_toupper(code) : utf8proc_tolower(code);
            to += (uint64_t)utf8proc_encode_char(code, out + to);
        }
        i += size;
    }
    return to;
}
uint64_t pyr_text_case_bytes(pyr_string text) {
    /* A mapping makes 2 bytes 3 at most. */
    return text.length + text.length / 2 + 4;
}

bool pyr_eval_lower(pyr_eval *eval, pyr_string text, pyr_string *out) {
    uint8_t *bytes = pyr_eval_text(eval, pyr_text_case_bytes(text));
    if (bytes == NULL) {
        return false;
    }
    out->length = pyr_text_case(text, false, bytes);
    out->bytes = bytes;
    return true;
}
bool pyr_eval_lower_kept(pyr_eval *eval, pyr_string *text) {
    uint8_t *bytes = pyr_arena_alloc(&eval->arena, pyr_text_case_bytes(*text));
    if (bytes == NULL) {
        return false;
    }
    text->length = pyr_text_case(*text, false, bytes);
    text->bytes = bytes;
    return true;
}
