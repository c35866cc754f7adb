/* storage_row_bitmap_fuzz.c - serialized sets of rows: what parses is used, joined with itself cut
 * in two, and built again from its rows to the same bytes. The CRC is made right first, else no
 * input would get past it; the first byte says whether. */
#include "base/crc32c.h"
#include "fuzz.h"
#include "storage/row_bitmap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS ((int64_t)1 << 19)

/* The set again, from the gaps between its kept rows. */
static pyr_row_bitmap *rebuild(const pyr_row_bitmap *bitmap, int64_t from, int64_t to) {
    pyr_error error;
    pyr_row_bitmap_builder *builder;
    pyr_row_bitmap *out;
    pyr_row_bitmap_kept kept;
    int64_t start, length, position = from;
    MUST(pyr_row_bitmap_builder_create(NULL, &builder, &error) == PYR_OK);
    pyr_row_bitmap_kept_init(&kept, bitmap, from, to);
    while (pyr_row_bitmap_kept_next(&kept, &start, &length)) {
        MUST(start >= position && length > 0 && start + length <= to);
        MUST(!pyr_row_bitmap_contains(bitmap, start) &&
             !pyr_row_bitmap_contains(bitmap, start + length - 1));
        MUST(pyr_row_bitmap_builder_range(builder, position, start, &error) == PYR_OK);
        position = start + length;
    }
    MUST(pyr_row_bitmap_builder_range(builder, position, to, &error) == PYR_OK);
    MUST(pyr_row_bitmap_builder_finish(builder, &out, &error) == PYR_OK);
    pyr_row_bitmap_builder_destroy(builder);
    return out;
}

static void use(pyr_row_bitmap *bitmap) {
    pyr_error error;
    pyr_row_bitmap *joined;
    int64_t middle = ROWS / 3;
    int64_t cardinality = pyr_row_bitmap_cardinality(bitmap);
    pyr_row_bitmap *low = rebuild(bitmap, 0, middle), *high = rebuild(bitmap, middle, ROWS);
    MUST(pyr_row_bitmap_cardinality(low) == pyr_row_bitmap_count_range(bitmap, 0, middle));
    MUST(pyr_row_bitmap_cardinality(high) == cardinality - pyr_row_bitmap_cardinality(low));
    MUST(!pyr_row_bitmap_intersects(low, high));
    MUST(pyr_row_bitmap_intersects(bitmap, low) == (pyr_row_bitmap_cardinality(low) > 0));
    MUST(pyr_row_bitmap_union(low, high, NULL, &joined, &error) == PYR_OK);
    MUST(pyr_row_bitmap_equal(bitmap, joined));
    static int32_t rows[4096];
    int64_t kept = pyr_row_bitmap_kept_rows(bitmap, middle - 2000, middle + 2000, rows);
    MUST(kept == 4000 - pyr_row_bitmap_count_range(bitmap, middle - 2000, middle + 2000));
    pyr_row_bitmap_release(low);
    pyr_row_bitmap_release(high);
    pyr_row_bitmap_release(joined);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    pyr_error error;
    pyr_buffer *bytes;
    pyr_row_bitmap *bitmap;
    if (size == 0) {
        return 0;
    }
    bool mend = data[0] != 0;
    MUST(pyr_buffer_create(size - 1, NULL, &bytes, &error) == PYR_OK);
    if (size > 1) {
        memcpy(pyr_buffer_mutable(bytes), data + 1, size - 1);
    }
    if (mend && size - 1 >= 24) {
        uint32_t crc = pyr_crc32c(0, bytes->data + 12, bytes->size_bytes - 12);
        memcpy(pyr_buffer_mutable(bytes) + 8, &crc, sizeof(crc));
    }
    if (pyr_row_bitmap_parse(bytes, ROWS, &bitmap, &error) == PYR_OK) {
        use(bitmap);
        pyr_row_bitmap_release(bitmap);
    } else {
        MUST(error.code == PYR_ERROR_CORRUPT && error.message[0] != '\0');
    }
    pyr_buffer_release(bytes);
    return 0;
}
