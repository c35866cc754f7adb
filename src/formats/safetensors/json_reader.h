/* json_reader.h - JSON read in one pass, without a tree: what a header of 100 MB asks for stays
 * near the size of the header.
 *
 * Strict (RFC 8259, UTF-8 checked before), and stricter: no zero characters. The text may lie in a
 * mapping that another process writes to, so that it is copied before anything of it is looked at;
 * strings are decoded where they stand in the copy. What was read is not JSON any more.
 */
#ifndef PYR_FORMATS_SAFETENSORS_JSON_READER_H
#define PYR_FORMATS_SAFETENSORS_JSON_READER_H

#include "base/arena.h"

#define JSON_DEPTH_MAX 64

typedef struct json_reader {
    const uint8_t *text;
    uint8_t *own; /* the same; NULL: of somebody else, only to be passed over (formats detected) */
    size_t size_bytes, at;
    const char *name;    /* of the file, for messages */
    size_t origin_bytes; /* where in the file the text begins */
    pyr_error *error;    /* of every function here */
} json_reader;

/* In the reader's copy; ends with a zero byte. */
typedef struct json_text {
    const char *bytes;
    size_t length;
} json_text;

/* CORRUPT where the text is not UTF-8; MEMORY. The copy lies in the arena. */
PYR_MUST_CHECK pyr_status pyr_json_open(json_reader *reader, const uint8_t *text, size_t size_bytes,
                                        const char *name, size_t origin_bytes, pyr_arena *arena,
                                        pyr_error *error);
/* CORRUPT with the place: "w.safetensors: byte 17: " and what. */
pyr_status pyr_json_corrupt(const json_reader *reader, const char *what);

/* The next character that is no white space, 0 at the end. */
uint8_t pyr_json_peek(json_reader *reader);
/* Members of an object, items of an array: begins at the bracket; *more false when the end is
 * passed. first: true before the first call, which sets it. */
PYR_MUST_CHECK pyr_status pyr_json_begin(json_reader *reader, char bracket);
PYR_MUST_CHECK pyr_status pyr_json_next_key(json_reader *reader, bool *first, json_text *key,
                                            bool *more);
/* The same for a key that stays as it is: whether it is written as `wanted`. */
PYR_MUST_CHECK pyr_status pyr_json_match_key(json_reader *reader, bool *first, const char *wanted,
                                             bool *found, bool *more);
PYR_MUST_CHECK pyr_status pyr_json_next_item(json_reader *reader, bool *first, bool *more);
/* Not called json_string: that is a function of jansson, which others here are linked to. */
PYR_MUST_CHECK pyr_status pyr_json_read_string(json_reader *reader, json_text *out);
/* A whole number from 0 on, of digits alone. LIMIT beyond INT64_MAX. */
PYR_MUST_CHECK pyr_status pyr_json_size(json_reader *reader, int64_t *out);
/* Any number, as it is written; behind a key. */
PYR_MUST_CHECK pyr_status pyr_json_number(json_reader *reader, json_text *out);
/* Any value, checked. LIMIT where it is deeper than JSON_DEPTH_MAX. */
PYR_MUST_CHECK pyr_status pyr_json_skip(json_reader *reader);
/* Members of the object that comes next; the reader stays where it is. */
PYR_MUST_CHECK pyr_status pyr_json_count_members(json_reader *reader, int64_t *out);
/* Nothing but white space is left. */
PYR_MUST_CHECK pyr_status pyr_json_end(json_reader *reader);

#endif
