/* utf8.c - well-formedness by the Unicode standard's table 3-7. ASCII goes by words of 8 bytes. */
#include "base/cursor.h"

#include <string.h>

static bool continuation(uint8_t byte) {
    return (byte & 0xC0) == 0x80;
}

bool pyr_utf8_valid(const uint8_t *text, size_t size_bytes) {
    size_t i = 0;
    while (i < size_bytes) {
        if (size_bytes - i >= 8) {
            uint64_t word;
            memcpy(&word, text + i, sizeof(word));
            if ((word & UINT64_C(0x8080808080808080)) == 0) {
                i += 8;
                continue;
            }
        }
        uint8_t lead = text[i];
        size_t left = size_bytes - i;
        if (lead < 0x80) {
            i += 1;
        } else if (lead >= 0xC2 && lead <= 0xDF) {
            if (left < 2 || !continuation(text[i + 1])) {
                return false;
            }
            i += 2;
        } else if ((lead & 0xF0) == 0xE0) {
            if (left < 3 || !continuation(text[i + 1]) || !continuation(text[i + 2]) ||
                (lead == 0xE0 && text[i + 1] < 0xA0) || (lead == 0xED && text[i + 1] > 0x9F)) {
                return false;
            }
            i += 3;
        } else if (lead >= 0xF0 && lead <= 0xF4) {
            if (left < 4 || !continuation(text[i + 1]) || !continuation(text[i + 2]) ||
                !continuation(text[i + 3]) || (lead == 0xF0 && text[i + 1] < 0x90) ||
                (lead == 0xF4 && text[i + 1] > 0x8F)) {
                return false;
            }
            i += 4;
        } else {
            return false;
        }
    }
    return true;
}

bool pyr_utf8_is_ascii(const uint8_t *text, size_t size_bytes) {
    uint64_t any = 0;
    if (size_bytes < 8) {
        for (size_t i = 0; i < size_bytes; ++i) {
            any |= text[i];
        }
        return any < 0x80;
    }
    uint64_t word;
    for (size_t i = 0; i + 8 < size_bytes; i += 8) {
        memcpy(&word, text + i, sizeof(word));
        any |= word;
    }
    memcpy(&word, text + size_bytes - 8, sizeof(word)); /* it may overlap the one before */
    return ((any | word) & UINT64_C(0x8080808080808080)) == 0;
}
