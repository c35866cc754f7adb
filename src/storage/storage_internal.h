/* storage_internal.h - zone maps as text: written by the segment writer, read by segments. */
#ifndef PYR_STORAGE_STORAGE_INTERNAL_H
#define PYR_STORAGE_STORAGE_INTERNAL_H

#include "base/text.h"
#include "storage/segment.h"

#define PYR_SEGMENT_CRC_KEY "pyralog.crc32c"
#define PYR_SEGMENT_ZONES_KEY "pyralog.zones"

/* The zone map of a dense array. Types without an order we use give known with null_count alone. */
void pyr_zone_compute(pyr_array *array, pyr_zone *out);
/* Appends one column's zone, and reads the column-th of a whole map. The format is in the README.
 */
void pyr_zone_print(const pyr_zone *zone, const pyr_field *field, pyr_text *out);
/* false where the text is not well-formed: *out is unknown then. */
bool pyr_zone_parse(const char *text, size_t length, int32_t column, pyr_zone *out);

#endif
