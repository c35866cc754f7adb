/* storage_key_codec_fuzz.c - stored keys: a byte a column chooses the types, the rest is a key.
 * What decodes is valid and encodes to the same bytes: a key has one form. */
#include "base/cursor.h"
#include "fuzz.h"
#include "storage/key_codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 4 };

static void set_opaque(pyr_field **field, const char *what) {
    pyr_error error;
    pyr_metadata *metadata;
    pyr_field *plain = *field;
    char text[100];
    (void)snprintf(text, sizeof(text), "{\"type_name\":\"%s\",\"vendor_name\":\"DuckDB\"}", what);
    MUST(pyr_metadata_create(&metadata, &error) == PYR_OK);
    MUST(pyr_metadata_add(metadata, "ARROW:extension:name", 20, "arrow.opaque", 12, &error) ==
         PYR_OK);
    MUST(pyr_metadata_add(metadata, "ARROW:extension:metadata", 24, text, strlen(text), &error) ==
         PYR_OK);
    MUST(pyr_field_with(plain, NULL, true, metadata, field, &error) == PYR_OK);
    pyr_metadata_release(metadata);
    pyr_field_release(plain);
}

static pyr_field *field_of(uint8_t byte) {
    pyr_error error;
    pyr_field *field = NULL;
    pyr_type_id type = (pyr_type_id)(byte % PYR_TYPE_LIST);
    switch (type) {
    case PYR_TYPE_FIXED_SIZE_BINARY: {
        static const int32_t widths[] = {0, 3, 16, 16, 8, 8};
        uint32_t pick = byte / PYR_TYPE_LIST % 6;
        MUST(pyr_field_create_fixed_size_binary("b", widths[pick], &field, &error) == PYR_OK);
        if (pick % 2 == 1 && pick > 1) {
            set_opaque(&field, pick == 3 ? "uhugeint" : "time_tz");
        }
        return field;
    }
    case PYR_TYPE_TIME32:
    case PYR_TYPE_TIME64:
    case PYR_TYPE_TIMESTAMP:
    case PYR_TYPE_DURATION:
        MUST(pyr_field_create_time("t", type,
                                   type == PYR_TYPE_TIME32 ? PYR_UNIT_SECOND : PYR_UNIT_NANOSECOND,
                                   NULL, &field, &error) == PYR_OK);
        return field;
    case PYR_TYPE_DECIMAL32:
    case PYR_TYPE_DECIMAL64:
    case PYR_TYPE_DECIMAL128:
    case PYR_TYPE_DECIMAL256:
        MUST(pyr_field_create_decimal("d", type, 9, 2, &field, &error) == PYR_OK);
        return field;
    case PYR_TYPE_INTERVAL_DAY_TIME:
    case PYR_TYPE_INTERVAL_MONTH_DAY_NANO:
        type = PYR_TYPE_UTF8;
        break;
    default:
        break;
    }
    MUST(pyr_field_create("f", type, &field, &error) == PYR_OK);
    return field;
}

static void check_same(const pyr_key_codec *codec, pyr_builder **builders, int32_t count,
                       const uint8_t *key, size_t size) {
    static const int32_t straight[COLUMNS_MAX] = {0, 1, 2, 3};
    pyr_error error;
    pyr_field *fields[COLUMNS_MAX];
    pyr_array *columns[COLUMNS_MAX];
    pyr_schema *schema;
    pyr_batch *batch;
    pyr_text text;
    for (int32_t i = 0; i < count; ++i) {
        fields[i] = pyr_key_codec_field(codec, i);
        MUST(pyr_builder_finish(builders[i], &columns[i], &error) == PYR_OK);
        MUST(pyr_array_validate(columns[i], PYR_VALIDATE_FULL, &error) == PYR_OK);
    }
    MUST(pyr_schema_create(fields, count, NULL, &schema, &error) == PYR_OK);
    MUST(pyr_batch_create(schema, 1, columns, count, NULL, &batch, &error) == PYR_OK);
    pyr_text_init(&text);
    MUST(pyr_key_encode(codec, batch, straight, count, 0, &text, &error) == PYR_OK);
    MUST(text.length == size && (size == 0 || memcmp(text.data, key, size) == 0));
    pyr_text_deinit(&text);
    pyr_batch_release(batch);
    pyr_schema_release(schema);
    for (int32_t i = 0; i < count; ++i) {
        pyr_array_release(columns[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    pyr_cursor input = pyr_cursor_over(data, size);
    pyr_error error;
    pyr_field *fields[COLUMNS_MAX];
    pyr_builder *builders[COLUMNS_MAX];
    pyr_key_codec *codec;
    uint8_t head = 0, byte = 0;
    (void)pyr_cursor_u8(&input, &head);
    int32_t count = 1 + head % COLUMNS_MAX;
    for (int32_t i = 0; i < count; ++i) {
        (void)pyr_cursor_u8(&input, &byte);
        fields[i] = field_of(byte);
    }
    MUST(pyr_key_codec_create(fields, count,
                              head & 0x80 ? PYR_KEY_NULLS_REFUSED : PYR_KEY_NULLS_LAST, &codec,
                              &error) == PYR_OK);
    for (int32_t i = 0; i < count; ++i) {
        MUST(pyr_builder_create(fields[i], NULL, &builders[i], &error) == PYR_OK);
        pyr_field_release(fields[i]);
    }
    const uint8_t *key = data + input.position;
    if (pyr_key_decode(codec, key, pyr_cursor_left(&input), builders, &error) == PYR_OK) {
        check_same(codec, builders, count, key, pyr_cursor_left(&input));
    } else {
        MUST(error.code == PYR_ERROR_CORRUPT);
    }
    for (int32_t i = 0; i < count; ++i) {
        pyr_builder_destroy(builders[i]);
    }
    pyr_key_codec_release(codec);
    return 0;
}
