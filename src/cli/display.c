/* display.c - see display.h. */
#include "cli/display.h"

#include <langinfo.h>
#include <locale.h>
#include <string.h>
#include <wchar.h>

void pyr_display_init(void) {
    setlocale(LC_CTYPE, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0) {
        setlocale(LC_CTYPE, "C.UTF-8");
    }
}

/* The code point at text and its bytes; 0 bytes where it is ill-formed. */
static size_t decode(const unsigned char *text, size_t length, uint32_t *code) {
    unsigned char lead = text[0];
    if (lead < 0x80) {
        *code = lead;
        return 1;
    }
    size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || length < size) {
        return 0;
    }
    uint32_t value = lead & (0xFFu >> (size + 1));
    for (size_t i = 1; i < size; ++i) {
        if ((text[i] & 0xC0) != 0x80) {
            return 0;
        }
        value = value << 6 | (text[i] & 0x3Fu);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (value < least[size] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
        return 0;
    }
    *code = value;
    return size;
}

size_t pyr_display_next(const char *text, size_t length, int *columns) {
    uint32_t code = 0;
    size_t size = decode((const unsigned char *)text, length, &code);
    if (size == 0) {
        *columns = 1;
        return 1;
    }
    int width = code < 0x80 ? 1 : wcwidth((wchar_t)code);
    *columns = width < 0 ? 1 : width; /* unknown to the C library: most likely one */
    return size;
}

size_t pyr_display_columns(const char *text, size_t length) {
    size_t total = 0;
    for (size_t i = 0; i < length;) {
        int columns;
        i += pyr_display_next(text + i, length - i, &columns);
        total += (size_t)columns;
    }
    return total;
}

static void escape_control(uint32_t code, pyr_text *out) {
    switch (code) {
    case '\n':
        pyr_text_add(out, "\\n");
        break;
    case '\t':
        pyr_text_add(out, "\\t");
        break;
    case '\r':
        pyr_text_add(out, "\\r");
        break;
    default:
        pyr_text_printf(out, "\\x%02X", (unsigned)code);
        break;
    }
}

void pyr_display_escape(const char *text, size_t length, bool keep_lines, pyr_text *out) {
    size_t plain = 0; /* start of what is not yet appended */
    for (size_t i = 0; i < length;) {
        unsigned char byte = (unsigned char)text[i];
        if (byte >= 0x20 && byte < 0x7F) {
            ++i;
            continue;
        }
        uint32_t code = 0;
        size_t size = decode((const unsigned char *)text + i, length - i, &code);
        bool control = size > 0 && (code < 0x20 || (code >= 0x7F && code < 0xA0));
        if (control && keep_lines && (code == '\n' || code == '\t')) {
            control = false;
        }
        if (size > 0 && !control) {
            i += size;
            continue;
        }
        pyr_text_append(out, text + plain, i - plain);
        if (size == 0) {
            pyr_text_add(out, "\xEF\xBF\xBD");
            size = 1;
        } else {
            escape_control(code, out);
        }
        i += size;
        plain = i;
    }
    pyr_text_append(out, text + plain, length - plain);
}

static void pad(pyr_text *out, size_t columns) {
    for (size_t i = 0; i < columns; ++i) {
        pyr_text_add_char(out, ' ');
    }
}

void pyr_display_fit(const char *text, size_t length, size_t columns, bool right, pyr_text *out) {
    size_t used = pyr_display_columns(text, length);
    if (used <= columns) {
        pad(out, right ? columns - used : 0);
        pyr_text_append(out, text, length);
        pad(out, right ? 0 : columns - used);
        return;
    }
    if (columns == 0) {
        return;
    }
    size_t end = 0;
    size_t kept = 0;
    while (end < length) {
        int wide;
        size_t size = pyr_display_next(text + end, length - end, &wide);
        if (kept + (size_t)wide > columns - 1) {
            break;
        }
        end += size;
        kept += (size_t)wide;
    }
    pyr_text_append(out, text, end);
    pyr_text_add(out, "\xE2\x80\xA6");
    pad(out, columns - kept - 1);
}
