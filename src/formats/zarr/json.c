/* json.c - metadata documents. Duplicate keys are refused, depth is jansson's limit. */
#include "formats/zarr/zarr_internal.h"

#include "base/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of a bare word of Python's at text, or of an integer of more than 18 digits; 0: neither. */
static size_t odd_word(const char *text, size_t left) {
    static const char *const words[] = {"NaN", "Infinity", "-Infinity"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); ++i) {
        size_t length = strlen(words[i]);
        if (left >= length && memcmp(text, words[i], length) == 0) {
            return length;
        }
    }
    size_t at = text[0] == '-', digits = 0;
    while (at < left && isdigit((unsigned char)text[at])) {
        ++at;
        ++digits;
    }
    bool fraction = at < left && (text[at] == '.' || text[at] == 'e' || text[at] == 'E');
    return digits > 18 && !fraction ? at : 0;
}

static bool starts_number(const char *data, size_t at) {
    return at == 0 || !(isalnum((unsigned char)data[at - 1]) || data[at - 1] == '.' ||
                        data[at - 1] == '-' || data[at - 1] == '+' || data[at - 1] == '_');
}

/* The document with such words in quotes. */
static void quote_odd_words(const char *data, size_t size, pyr_text *out) {
    bool in_string = false;
    for (size_t at = 0; at < size;) {
        size_t word = !in_string && starts_number(data, at) ? odd_word(data + at, size - at) : 0;
        if (word > 0) {
            pyr_text_add_char(out, '"');
            pyr_text_append(out, data + at, word);
            pyr_text_add_char(out, '"');
            at += word;
            continue;
        }
        size_t step = in_string && data[at] == '\\' && at + 1 < size ? 2 : 1;
        if (data[at] == '"') {
            in_string = !in_string;
        }
        pyr_text_append(out, data + at, step);
        at += step;
    }
}

pyr_status pyr_zarr_json_load(const pyr_buffer *bytes, const char *name, json_t **out,
                              pyr_error *error) {
    json_error_t problem;
    *out = NULL;
    if (bytes->size_bytes > PYR_ZARR_METADATA_BYTES_MAX) {
        return pyr_error_set(error, PYR_ERROR_LIMIT,
                             "%s: %zu bytes of metadata, at most %u are read", name,
                             bytes->size_bytes, PYR_ZARR_METADATA_BYTES_MAX);
    }
    const char *data = bytes->data != NULL ? (const char *)bytes->data : "";
    *out = json_loadb(data, bytes->size_bytes, JSON_REJECT_DUPLICATES, &problem);
    if (*out != NULL) {
        return PYR_OK;
    }
    pyr_text text;
    json_error_t second;
    pyr_text_init(&text);
    quote_odd_words(data, bytes->size_bytes, &text);
    pyr_status status = pyr_text_check(&text, error);
    if (status == PYR_OK) {
        *out = json_loadb(pyr_text_get(&text), text.length, JSON_REJECT_DUPLICATES, &second);
        if (*out == NULL) {
            status = pyr_error_set(error, PYR_ERROR_CORRUPT, "%s: line %d: %s", name, problem.line,
                                   problem.text);
        }
    }
    pyr_text_deinit(&text);
    return status;
}

const char *pyr_zarr_json_string(const json_t *object, const char *key) {
    return json_string_value(json_object_get(object, key));
}

const char *pyr_zarr_json_text(const json_t *value, pyr_arena *arena) {
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    const char *copy = text != NULL ? pyr_arena_strdup(arena, text) : NULL;
    free(text);
    return copy;
}

static int digit64(char c) {
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool pyr_zarr_base64_decode(const char *text, uint8_t *out, size_t capacity, size_t *size_bytes) {
    uint32_t bits = 0;
    int have = 0;
    size_t count = 0;
    for (; *text != '\0' && *text != '='; ++text) {
        int digit = digit64(*text);
        if (digit < 0) {
            return false;
        }
        bits = (bits << 6 | (uint32_t)digit) & 0xffffff;
        have += 6;
        if (have >= 8) {
            have -= 8;
            if (count == capacity) {
                return false;
            }
            out[count++] = (uint8_t)(bits >> have);
        }
    }
    *size_bytes = count;
    return strspn(text, "=") == strlen(text);
}
