/* builder.h - arrays from single values: for literals, system tables, tests and decoders. Not for
 * hot loops. One builder, one thread. After a failure only deinit/destroy may follow.
 */
#ifndef PYR_ARROW_BUILDER_H
#define PYR_ARROW_BUILDER_H

#include "arrow/array.h"

typedef struct pyr_builder pyr_builder;

/* For any type but DICTIONARY and RUN_END_ENCODED (PYR_ERROR_NOT_SUPPORTED). Retains field. */
PYR_MUST_CHECK pyr_status pyr_builder_create(pyr_field *field, pyr_budget *budget,
                                             pyr_builder **out, pyr_error *error);
void pyr_builder_destroy(pyr_builder *builder); /* NULL allowed */
int64_t pyr_builder_length(const pyr_builder *builder);

PYR_MUST_CHECK pyr_status pyr_builder_null(pyr_builder *builder, pyr_error *error);
/* BOOL, integers, dates, times, timestamps, durations, year-month intervals; decimals, unscaled. A
 * value that does not fit the width or the precision is PYR_ERROR_SQL 22003. */
PYR_MUST_CHECK pyr_status pyr_builder_int64(pyr_builder *builder, int64_t value, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_builder_uint64(pyr_builder *builder, uint64_t value,
                                             pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_builder_double(pyr_builder *builder, double value, pyr_error *error);
/* UTF8 (checked: PYR_ERROR_SQL 22021) and BINARY kinds, views too; FIXED_SIZE_BINARY and any other
 * fixed-width type by its bytes (size_bytes must be the width): decimals, day-time, month-day-nano.
 */
PYR_MUST_CHECK pyr_status pyr_builder_bytes(pyr_builder *builder, const void *bytes,
                                            size_t size_bytes, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_builder_string(pyr_builder *builder, const char *text,
                                             pyr_error *error);
/* Nested: append to the children first, then close one parent value with this. LIST kinds and MAP:
 * takes what was appended to the child since the last close. STRUCT, FIXED_SIZE_LIST: one value
 * (list_size values) must have been appended to each child. Unions: pyr_builder_union_close. */
pyr_builder *pyr_builder_child(pyr_builder *builder, int32_t index);
PYR_MUST_CHECK pyr_status pyr_builder_close(pyr_builder *builder, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_builder_union_close(pyr_builder *builder, int32_t child,
                                                  pyr_error *error);
/* The array so far; the builder is empty and usable again. */
PYR_MUST_CHECK pyr_status pyr_builder_finish(pyr_builder *builder, pyr_array **out,
                                             pyr_error *error);

/* One value as text the way DuckDB prints it: 1.5, true, 2024-01-31, 2024-01-31 12:00:00.5,
 * {'a': 1}, [1, 2], \x00 for BLOB bytes that do not print, NULL. Doubles read back as the same
 * double. Every type. */
struct pyr_text;
void pyr_array_print_value(const pyr_array *array, int64_t index, struct pyr_text *text);
/* One value as JSON (interface.md, "The program"): decimals and integers numbers, NaN and
 * infinities null, BLOBs base64, structs objects, maps arrays of {"key","value"}, dates and times
 * strings. */
void pyr_array_print_json(const pyr_array *array, int64_t index, struct pyr_text *text);

#endif
