/* json_reader.c - see json_reader.h. Every read is held against the end of the text. */
#include "formats/safetensors/json_reader.h"

#include "base/cursor.h"

#include <assert.h>
#include <string.h>

pyr_status pyr_json_open(json_reader *reader, const uint8_t *text, size_t size_bytes,
                         const char *name, size_t origin_bytes, pyr_arena *arena,
                         pyr_error *error) {
    uint8_t *own = pyr_arena_alloc(arena, size_bytes);
    if (own == NULL) {
        return pyr_arena_error(arena, error);
    }
    if (size_bytes > 0) {
        memcpy(own, text, size_bytes);
    }
    *reader = (json_reader){.text = own,
                            .own = own,
                            .size_bytes = size_bytes,
                            .name = name,
                            .origin_bytes = origin_bytes,
                            .error = error};
    if (!pyr_utf8_valid(own, size_bytes)) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "%s: the JSON is not UTF-8", name);
    }
    return PYR_OK;
}

static pyr_status fault(const json_reader *reader, pyr_status code, const char *what) {
    return pyr_error_set(reader->error, code, "%s: byte %zu: %s", reader->name,
                         reader->origin_bytes + reader->at, what);
}
pyr_status pyr_json_corrupt(const json_reader *reader, const char *what) {
    return fault(reader, PYR_ERROR_CORRUPT, what);
}

uint8_t pyr_json_peek(json_reader *reader) {
    while (reader->at < reader->size_bytes) {
        uint8_t c = reader->text[reader->at];
        if (c != ' ' && c != '\n' && c != '\t' && c != '\r') {
            return c;
        }
        ++reader->at;
    }
    return 0;
}
static bool take(json_reader *reader, char c) {
    if (pyr_json_peek(reader) != (uint8_t)c) {
        return false;
    }
    ++reader->at;
    return true;
}

/* ---- Objects and arrays. ---- */

pyr_status pyr_json_begin(json_reader *reader, char bracket) {
    if (!take(reader, bracket)) {
        return pyr_json_corrupt(reader,
                                bracket == '{' ? "expected an object" : "expected an array");
    }
    return PYR_OK;
}
/* A comma between two, none before the first and none before the end. */
static pyr_status next(json_reader *reader, bool *first, char end, bool *more) {
    *more = true;
    if (*first) {
        *first = false;
        *more = !take(reader, end);
        return PYR_OK;
    }
    if (take(reader, ',')) {
        return PYR_OK;
    }
    *more = false;
    if (!take(reader, end)) {
        return pyr_json_corrupt(reader, end == '}' ? "expected ',' or '}'" : "expected ',' or ']'");
    }
    return PYR_OK;
}
pyr_status pyr_json_next_item(json_reader *reader, bool *first, bool *more) {
    return next(reader, first, ']', more);
}
/* Over a key, which stays as it is written. */
static pyr_status pass_string(json_reader *reader);
static pyr_status colon(json_reader *reader) {
    return take(reader, ':') ? PYR_OK : pyr_json_corrupt(reader, "expected ':'");
}
pyr_status pyr_json_next_key(json_reader *reader, bool *first, json_text *key, bool *more) {
    PYR_TRY(next(reader, first, '}', more));
    if (*more) {
        PYR_TRY(pyr_json_read_string(reader, key));
        PYR_TRY(colon(reader));
    }
    return PYR_OK;
}

pyr_status pyr_json_match_key(json_reader *reader, bool *first, const char *wanted, bool *found,
                              bool *more) {
    *found = false;
    PYR_TRY(next(reader, first, '}', more));
    if (!*more) {
        return PYR_OK;
    }
    (void)pyr_json_peek(reader);
    size_t start = reader->at, length = strlen(wanted);
    PYR_TRY(pass_string(reader));
    *found =
        reader->at - start == length + 2 && memcmp(reader->text + start + 1, wanted, length) == 0;
    return colon(reader);
}

/* ---- Strings. ---- */

static bool hex4(const json_reader *reader, size_t at, uint32_t *out) {
    *out = 0;
    if (at > reader->size_bytes || reader->size_bytes - at < 4) {
        return false;
    }
    for (size_t i = 0; i < 4; ++i) {
        uint8_t c = reader->text[at + i];
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)c - '0'
                         : c >= 'a' && c <= 'f' ? (uint32_t)c - 'a' + 10
                         : c >= 'A' && c <= 'F' ? (uint32_t)c - 'A' + 10
                                                : 16;
        if (digit == 16) {
            return false;
        }
        *out = *out * 16 + digit;
    }
    return true;
}
/* The character of \uXXXX, or of two that are a surrogate pair; the reader is behind the 'u'. */
static pyr_status unicode(json_reader *reader, uint32_t *out) {
    uint32_t low = 0;
    if (!hex4(reader, reader->at, out)) {
        return pyr_json_corrupt(reader, "expected four hexadecimal digits");
    }
    if (*out == 0) {
        return fault(reader, PYR_ERROR_NOT_SUPPORTED, "a zero character in a string");
    }
    bool high = *out >= 0xD800 && *out < 0xDC00;
    /* Behind four digits that are there, so `at` + 4 is no more than the end. */
    reader->at += 4;
    if (high && reader->size_bytes - reader->at >= 6 && reader->text[reader->at] == '\\' &&
        reader->text[reader->at + 1] == 'u' && hex4(reader, reader->at + 2, &low) &&
        low >= 0xDC00 && low < 0xE000) {
        *out = 0x10000 + ((*out - 0xD800) << 10) + (low - 0xDC00);
        reader->at += 6;
        return PYR_OK;
    }
    if (*out >= 0xD800 && *out < 0xE000) {
        return pyr_json_corrupt(reader, "half of a surrogate pair");
    }
    return PYR_OK;
}
static size_t utf8_of(uint32_t character, char out[4]) {
    if (character < 0x80) {
        out[0] = (char)character;
        return 1;
    }
    size_t length = character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    static const uint8_t leads[5] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = length - 1; i > 0; --i) {
        out[i] = (char)(0x80 | (character & 0x3F));
        character >>= 6;
    }
    out[0] = (char)(leads[length] | character);
    return length;
}
/* One escape, the reader is behind the backslash. */
static pyr_status escape(json_reader *reader, char out[4], size_t *length) {
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    uint8_t c = reader->at < reader->size_bytes ? reader->text[reader->at] : 0;
    const char *known = c == 0 ? NULL : strchr(from, c);
    if (known != NULL) {
        ++reader->at;
        out[0] = to[known - from];
        *length = 1;
        return PYR_OK;
    }
    if (c != 'u') {
        return pyr_json_corrupt(reader, "an unknown escape");
    }
    uint32_t character = 0;
    ++reader->at;
    PYR_TRY(unicode(reader, &character));
    *length = utf8_of(character, out);
    return PYR_OK;
}
/* The length of what stands for itself: up to a quotation mark, a backslash or a control character.
 */
static size_t plain_run(const uint8_t *text, size_t left) {
    const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones << 7;
    size_t count = 0;
    for (; left - count >= 8; count += 8) {
        uint64_t word = pyr_load_u64(text + count);
        uint64_t quote = word ^ (ones * '"'), slash = word ^ (ones * '\\');
        /* A byte that is zero, or below 0x20, borrows from its highest bit. */
        uint64_t found =
            ((quote - ones) & ~quote) | ((slash - ones) & ~slash) | ((word - ones * 0x20) & ~word);
        if ((found & highs) != 0) {
            break;
        }
    }
    while (count < left && text[count] != '"' && text[count] != '\\' && text[count] >= 0x20) {
        ++count;
    }
    return count;
}
/* Over a string. decode: its characters are put where its first one stands; they are no more bytes
 * than were read by then, and end before the quotation mark. */
static pyr_status string_over(json_reader *reader, bool decode, json_text *out) {
    if (!take(reader, '"')) {
        return pyr_json_corrupt(reader, "expected a string");
    }
    size_t start = reader->at, to = start;
    for (;;) {
        size_t left = reader->size_bytes - reader->at;
        size_t count = plain_run(reader->text + reader->at, left);
        if (decode && to != reader->at) {
            memmove(reader->own + to, reader->own + reader->at, count);
        }
        to += count;
        reader->at += count;
        uint8_t c = count < left ? reader->text[reader->at] : 0;
        if (c != '"' && c != '\\') {
            return pyr_json_corrupt(reader,
                                    "a string without an end, or a control character in it");
        }
        ++reader->at;
        if (c == '"') {
            *out = (json_text){(const char *)reader->text + start, to - start};
            return PYR_OK;
        }
        char escaped[4];
        size_t length = 0;
        PYR_TRY(escape(reader, escaped, &length));
        if (decode) {
            memcpy(reader->own + to, escaped, length);
        }
        to += length;
    }
}
static pyr_status pass_string(json_reader *reader) {
    json_text nobody;
    return string_over(reader, false, &nobody);
}
pyr_status pyr_json_read_string(json_reader *reader, json_text *out) {
    assert(reader->own != NULL);
    *out = (json_text){"", 0};
    PYR_TRY(string_over(reader, true, out));
    /* The quotation mark at the latest. */
    reader->own[(size_t)((const uint8_t *)out->bytes - reader->text) + out->length] = '\0';
    return PYR_OK;
}

/* ---- Numbers. ---- */

static bool digit_at(const json_reader *reader) {
    return reader->at < reader->size_bytes && reader->text[reader->at] >= '0' &&
           reader->text[reader->at] <= '9';
}
static bool digits(json_reader *reader) {
    if (!digit_at(reader)) {
        return false;
    }
    while (digit_at(reader)) {
        ++reader->at;
    }
    return true;
}
static bool here(json_reader *reader, char c) {
    if (reader->at == reader->size_bytes || reader->text[reader->at] != (uint8_t)c) {
        return false;
    }
    ++reader->at;
    return true;
}
static pyr_status pass_number(json_reader *reader) {
    (void)pyr_json_peek(reader);
    (void)here(reader, '-');
    if (!here(reader, '0') && !digits(reader)) {
        return pyr_json_corrupt(reader, "expected a value");
    }
    if (here(reader, '.') && !digits(reader)) {
        return pyr_json_corrupt(reader, "expected a digit");
    }
    if (here(reader, 'e') || here(reader, 'E')) {
        (void)(here(reader, '+') || here(reader, '-'));
        if (!digits(reader)) {
            return pyr_json_corrupt(reader, "expected a digit");
        }
    }
    return PYR_OK;
}
pyr_status pyr_json_number(json_reader *reader, json_text *out) {
    (void)pyr_json_peek(reader);
    size_t start = reader->at;
    *out = (json_text){"", 0};
    PYR_TRY(pass_number(reader));
    size_t length = reader->at - start;
    /* What follows is still to be read: the zero byte finds room where the number is moved over
     * what stands before it, which was read. */
    assert(reader->own != NULL && start > 0);
    memmove(reader->own + start - 1, reader->own + start, length);
    reader->own[reader->at - 1] = '\0';
    *out = (json_text){(const char *)reader->text + start - 1, length};
    return PYR_OK;
}
pyr_status pyr_json_size(json_reader *reader, int64_t *out) {
    (void)pyr_json_peek(reader);
    const uint8_t *text = reader->text + reader->at;
    size_t left = reader->size_bytes - reader->at, count = 0;
    uint64_t value = 0;
    *out = 0;
    /* Nineteen digits are below 2^64. */
    for (; count < left && text[count] >= '0' && text[count] <= '9'; ++count) {
        if (count == 19) {
            return fault(reader, PYR_ERROR_LIMIT, "a number beyond 2^63 - 1");
        }
        value = value * 10 + (uint64_t)(text[count] - '0');
    }
    uint8_t c = count < left ? text[count] : 0;
    if (count == 0 || c == '.' || c == 'e' || c == 'E') {
        return pyr_json_corrupt(reader, "expected a whole number from 0 on");
    }
    if (count > 1 && text[0] == '0') {
        return pyr_json_corrupt(reader, "a number that begins with 0");
    }
    if (value > INT64_MAX) {
        return fault(reader, PYR_ERROR_LIMIT, "a number beyond 2^63 - 1");
    }
    reader->at += count;
    *out = (int64_t)value;
    return PYR_OK;
}

/* ---- Any value. ---- */

static bool word(json_reader *reader, const char *text) {
    size_t length = strlen(text);
    if (reader->size_bytes - reader->at < length ||
        memcmp(reader->text + reader->at, text, length) != 0) {
        return false;
    }
    reader->at += length;
    return true;
}
static pyr_status pass_leaf(json_reader *reader) {
    uint8_t c = pyr_json_peek(reader);
    if (c == '"') {
        return pass_string(reader);
    }
    if (word(reader, "true") || word(reader, "false") || word(reader, "null")) {
        return PYR_OK;
    }
    return pass_number(reader);
}
/* Where inside of brackets a value begins: behind the bracket or a comma, and a key. *more false:
 * behind the bracket that ends them. */
static pyr_status enter_next(json_reader *reader, bool *first, bool object, bool *more) {
    PYR_TRY(next(reader, first, object ? '}' : ']', more));
    if (*more && object) {
        PYR_TRY(pass_string(reader));
        PYR_TRY(colon(reader));
    }
    return PYR_OK;
}
pyr_status pyr_json_skip(json_reader *reader) {
    bool objects[JSON_DEPTH_MAX], first = false, more = false;
    int depth = 0;
    do {
        uint8_t c = pyr_json_peek(reader);
        first = c == '{' || c == '[';
        if (!first) {
            PYR_TRY(pass_leaf(reader));
        } else if (depth == JSON_DEPTH_MAX) {
            return fault(reader, PYR_ERROR_LIMIT, "values lie in each other too deep");
        } else {
            objects[depth++] = c == '{';
            ++reader->at;
        }
        /* Out of all that end here. */
        for (more = false; depth > 0 && !more; depth -= more ? 0 : 1) {
            PYR_TRY(enter_next(reader, &first, objects[depth - 1], &more));
        }
    } while (more);
    return PYR_OK;
}
pyr_status pyr_json_count_members(json_reader *reader, int64_t *out) {
    size_t start = reader->at;
    bool first = true, more = false;
    *out = 0;
    PYR_TRY(pyr_json_begin(reader, '{'));
    PYR_TRY(enter_next(reader, &first, true, &more));
    while (more) {
        ++*out;
        PYR_TRY(pyr_json_skip(reader));
        PYR_TRY(enter_next(reader, &first, true, &more));
    }
    reader->at = start;
    return PYR_OK;
}
pyr_status pyr_json_end(json_reader *reader) {
    (void)pyr_json_peek(reader);
    return reader->at == reader->size_bytes
               ? PYR_OK
               : pyr_json_corrupt(reader, "expected the end of the JSON");
}
