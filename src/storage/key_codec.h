/* key_codec.h - key columns of a row as bytes whose memcmp order is the order of SQL.
 *
 * For keys of the LSM and for sort keys. Ascending, NULLS LAST, text by its bytes (DuckDB's binary
 * collation), NaN equal to itself and above everything, -0.0 equal to 0.0. A shorter key that is a
 * prefix of a longer one is a prefix in columns too, never by accident. The bytes: ENCODINGS.md,
 * "Keys".
 *
 * Types: bool, integers, floats, decimals, dates, times, timestamps, durations, year-month
 * intervals, text, bytes, fixed_size_binary; dictionaries and runs of them as their values.
 * UHUGEINT and TIME WITH TIME ZONE, which Arrow stores as opaque bytes, sort as the numbers and
 * times they are; UUIDs as unsigned bytes, HUGEINT as its decimal. Other intervals (DuckDB compares
 * them by a normal form) and nested types are refused.
 *
 * A codec is immutable and may be shared by threads.
 */
#ifndef PYR_STORAGE_KEY_CODEC_H
#define PYR_STORAGE_KEY_CODEC_H

#include "arrow/batch.h"
#include "arrow/builder.h"
#include "base/text.h"

#define PYR_KEY_COLUMNS_MAX 1024

typedef enum pyr_key_nulls {
    PYR_KEY_NULLS_REFUSED, /* a primary key: a null is 23502; no byte is spent on them */
    PYR_KEY_NULLS_LAST     /* a sort key: a byte a column says which */
} pyr_key_nulls;

typedef struct pyr_key_codec pyr_key_codec;
/* NOT_SUPPORTED names the column whose type has no order here; LIMIT above PYR_KEY_COLUMNS_MAX. The
 * format depends on nulls, so it belongs to what is stored of a table, not to a field's
 * nullability. Retains the fields. */
PYR_MUST_CHECK pyr_status pyr_key_codec_create(pyr_field *const *fields, int32_t count,
                                               pyr_key_nulls nulls, pyr_key_codec **out,
                                               pyr_error *error);
pyr_key_codec *pyr_key_codec_retain(pyr_key_codec *codec); /* NULL allowed */
void pyr_key_codec_release(pyr_key_codec *codec);          /* NULL allowed */

/* Appends the key of row (of the batch's columns, not of its selection) to out. columns: for each
 * key column the batch's; the first `count` of them are encoded: all, or a prefix that begins the
 * key of every row with these values. INVALID_ARGUMENT where a column is not of the codec's type.
 * After a failure out holds what it held before. */
PYR_MUST_CHECK pyr_status pyr_key_encode(const pyr_key_codec *codec, const pyr_batch *batch,
                                         const int32_t *columns, int32_t count, int64_t row,
                                         pyr_text *out, pyr_error *error);

/* Makes bytes the smallest string above every key that begins with them: the end of a range scan.
 * false, and bytes empty, where there is none: the scan ends with the last key. */
bool pyr_key_prefix_end(pyr_text *bytes);

/* The fields that decoding gives: those of the codec with dictionaries and runs made plain.
 * Borrowed. */
pyr_field *pyr_key_codec_field(const pyr_key_codec *codec, int32_t column);
/* Appends a key's values to builders, one a column, of the fields above. Everything comes back
 * as it was but the sign of -0.0 and the payload of NaN. PYR_ERROR_CORRUPT for whatever encoding
 * does not write: a key has one form. Then some builders may have the row and others not. */
PYR_MUST_CHECK pyr_status pyr_key_decode(const pyr_key_codec *codec, const uint8_t *key,
                                         size_t size_bytes, pyr_builder *const *builders,
                                         pyr_error *error);

#endif
