/* text.c - see text.h. */
#include "base/text.h"

#include "base/cursor.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pyr_text_init(pyr_text *text) {
    memset(text, 0, sizeof(*text));
}

void pyr_text_deinit(pyr_text *text) {
    free(text->data);
    memset(text, 0, sizeof(*text));
}

void pyr_text_clear(pyr_text *text) {
    text->length = 0;
    if (text->data != NULL) {
        text->data[0] = '\0';
    }
}

/* Room for length more bytes and the NUL. */
static bool reserve(pyr_text *text, size_t length) {
    if (text->failed) {
        return false;
    }
    size_t wanted;
    if (__builtin_add_overflow(text->length, length, &wanted) ||
        __builtin_add_overflow(wanted, 1, &wanted)) {
        text->failed = true;
        return false;
    }
    if (wanted <= text->capacity) {
        assert(text->data != NULL);
        return true;
    }
    size_t capacity = text->capacity < 64 ? 64 : text->capacity;
    while (capacity < wanted) {
        capacity = capacity > SIZE_MAX / 2 ? wanted : capacity * 2;
    }
    char *data = realloc(text->data, capacity);
    if (data == NULL) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->capacity = capacity;
    return true;
}

void pyr_text_append(pyr_text *text, const char *bytes, size_t length) {
    if (reserve(text, length)) {
        if (length > 0) {
            memcpy(text->data + text->length, bytes, length);
        }
        text->length += length;
        text->data[text->length] = '\0';
    }
}

void pyr_text_add(pyr_text *text, const char *string) {
    pyr_text_append(text, string, strlen(string));
}

void pyr_text_add_char(pyr_text *text, char c) {
    pyr_text_append(text, &c, 1);
}

void pyr_text_printf(pyr_text *text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) {
        text->failed = true;
        return;
    }
    if (reserve(text, (size_t)length)) {
        va_start(arguments, format);
        vsnprintf(text->data + text->length, (size_t)length + 1, format, arguments);
        va_end(arguments);
        text->length += (size_t)length;
    }
}

/* The length of the well-formed character at bytes, 0 where there is none. */
static size_t character_length(const char *bytes, size_t left) {
    for (size_t n = 1; n <= 4 && n <= left; ++n) {
        if (pyr_utf8_valid((const uint8_t *)bytes, n)) {
            return n;
        }
    }
    return 0;
}

void pyr_text_add_json(pyr_text *text, const char *bytes, size_t length) {
    pyr_text_add_char(text, '"');
    for (size_t i = 0; i < length;) {
        unsigned char c = (unsigned char)bytes[i];
        if (c == '"' || c == '\\') {
            pyr_text_add_char(text, '\\');
            pyr_text_add_char(text, (char)c);
            ++i;
        } else if (c == '\n' || c == '\r' || c == '\t') {
            pyr_text_add(text, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
            ++i;
        } else if (c < 0x20) {
            pyr_text_printf(text, "\\u%04x", c);
            ++i;
        } else {
            size_t n = character_length(bytes + i, length - i);
            if (n == 0) {
                pyr_text_add(text, "\xEF\xBF\xBD");
                ++i;
            } else {
                pyr_text_append(text, bytes + i, n);
                i += n;
            }
        }
    }
    pyr_text_add_char(text, '"');
}

/* A whole number gets ".0", so that it reads as a double; printf's exponent stays as it is. */
static void finish_number(pyr_text *text, const char *digits) {
    pyr_text_add(text, digits);
    if (strpbrk(digits, ".en") == NULL) {
        pyr_text_add(text, ".0");
    }
}

/* Shortest %g form that reads back as the same value, in the C locale's spelling: a decimal comma
 * of the process's locale is put right. */
static void add_number(pyr_text *text, double value, int precision_max, bool single) {
    if (isnan(value)) {
        pyr_text_add(text, "nan");
        return;
    }
    if (isinf(value)) {
        pyr_text_add(text, value < 0 ? "-inf" : "inf");
        return;
    }
    char digits[64];
    int precision = 1;
    double back = value;
    for (; precision <= precision_max; ++precision) {
        snprintf(digits, sizeof(digits), "%.*g", precision, value);
        back = strtod(digits, NULL);
        if (single ? (float)back == (float)value : back == value) {
            break;
        }
    }
    /* DuckDB's border between 123.0 and 1.23e+16 is 16 digits; printf's moves with the precision.
     * Behind a float's own digits come zeros, not those of the double it is. */
    if (fabs(value) >= 1 && fabs(value) < 1e16 && strchr(digits, 'e') != NULL) {
        snprintf(digits, sizeof(digits), "%.0f", back);
    } else if (fabs(value) >= 1e16 && strchr(digits, 'e') == NULL) {
        snprintf(digits, sizeof(digits), "%.*e", precision - 1, value);
    }
    for (char *c = digits; *c != '\0'; ++c) {
        *c = *c == ',' ? '.' : *c;
    }
    finish_number(text, digits);
}

void pyr_text_add_double(pyr_text *text, double value) {
    add_number(text, value, 17, false);
}

void pyr_text_add_float(pyr_text *text, float value) {
    add_number(text, (double)value, 9, true);
}

char *pyr_text_move(pyr_text *text) {
    if (!text->failed && text->data == NULL) {
        pyr_text_append(text, "", 0);
    }
    if (text->failed) {
        return NULL;
    }
    char *data = text->data;
    pyr_text_init(text);
    return data;
}

const char *pyr_text_get(const pyr_text *text) {
    return text->data != NULL ? text->data : "";
}

pyr_status pyr_text_check(const pyr_text *text, pyr_error *error) {
    return text->failed ? pyr_error_memory(error, text->length) : PYR_OK;
}

static char folded(char c, bool any_case) {
    return any_case && c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

size_t pyr_text_edits(const char *a, size_t a_length, const char *b, size_t b_length,
                      bool any_case) {
    /* Row i: from the first i bytes of a to the first j of b. A swap looks two rows back. */
    size_t rows[3][PYR_TEXT_EDITS_BYTES_MAX + 1];
    if (a_length > PYR_TEXT_EDITS_BYTES_MAX || b_length > PYR_TEXT_EDITS_BYTES_MAX) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= b_length; ++j) {
        rows[0][j] = j;
    }
    char a_before = '\0';
    for (size_t i = 1; i <= a_length; ++i) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i - 1) % 3];
        char a_here = folded(a[i - 1], any_case), b_before = '\0';
        row[0] = i;
        for (size_t j = 1; j <= b_length; ++j) {
            char b_here = folded(b[j - 1], any_case);
            size_t best = above[j - 1] + (a_here != b_here);
            best = above[j] + 1 < best ? above[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a_here == b_before && a_before == b_here) {
                size_t swapped = rows[(i - 2) % 3][j - 2] + 1;
                best = swapped < best ? swapped : best;
            }
            row[j] = best;
            b_before = b_here;
        }
        a_before = a_here;
    }
    return rows[a_length % 3][b_length];
}
