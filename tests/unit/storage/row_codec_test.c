/* row_codec_test.c - rows to bytes and back: every type, older schemas, hostile bytes. */
#include "support_codec.h"

#include "storage/row_codec.h"

#include <stdlib.h>
#include <string.h>

/* ---- Rows under test. ---- */

enum { ROWS_MAX = 64 };

typedef struct encoded {
    pyr_text text;
    pyr_row_bytes rows[ROWS_MAX];
    int64_t count;
} encoded;

static pyr_row_layout *layout_of(pyr_field *const *fields, pyr_array *const *missing,
                                 int32_t count) {
    pyr_row_slot slots[8];
    pyr_row_layout *layout = NULL;
    for (int32_t i = 0; i < count; ++i) {
        slots[i] = (pyr_row_slot){fields[i], missing != NULL ? missing[i] : NULL};
    }
    check_ok(pyr_row_layout_create(slots, count, &layout, error));
    return layout;
}

static pyr_row_layout *layout_of_batch(const pyr_batch *batch) {
    return layout_of(batch->schema->fields, NULL, batch->columns_count);
}

/* Appends all rows of the batch. */
static void encode(encoded *to, pyr_row_layout *layout, pyr_batch *batch, const int32_t *columns) {
    pyr_row_encoder *encoder = NULL;
    check_ok(pyr_row_encoder_create(layout, batch, columns, &encoder, error));
    for (int64_t i = 0; i < batch->rows; ++i) {
        size_t before = to->text.length;
        check_ok(pyr_row_encode(encoder, i, &to->text, error));
        to->rows[to->count++].size_bytes = to->text.length - before;
    }
    pyr_row_encoder_destroy(encoder);
}

/* Each row in memory of its own, exactly as long as it is: ASan sees a read behind it. */
static void separate(encoded *to) {
    size_t position = 0;
    for (int64_t i = 0; i < to->count; ++i) {
        uint8_t *copy = malloc(to->rows[i].size_bytes);
        memcpy(copy, to->text.data + position, to->rows[i].size_bytes);
        position += to->rows[i].size_bytes;
        to->rows[i].data = copy;
    }
    assert_int_equal(position, to->text.length);
}

static void encoded_deinit(encoded *rows) {
    for (int64_t i = 0; i < rows->count; ++i) {
        free((void *)(uintptr_t)rows->rows[i].data);
    }
    pyr_text_deinit(&rows->text);
}

static encoded encoded_of(pyr_row_layout *layout, pyr_batch *batch) {
    encoded rows = {0};
    encode(&rows, layout, batch, NULL);
    separate(&rows);
    return rows;
}

static pyr_batch *decoded(pyr_row_layout *layout, const int32_t *slots, int32_t count,
                          const encoded *rows) {
    pyr_row_decoder *decoder = NULL;
    pyr_batch *batch = NULL;
    check_ok(pyr_row_decoder_create(layout, slots, count, &decoder, error));
    check_ok(pyr_row_decode(decoder, rows->rows, rows->count, NULL, NULL, &batch, error));
    check_ok(pyr_batch_validate(batch, PYR_VALIDATE_FULL, error));
    pyr_row_decoder_destroy(decoder);
    return batch;
}

static pyr_status try_decode(pyr_row_layout *layout, int32_t count, const pyr_row_bytes *rows,
                             int64_t rows_count, pyr_error *fault) {
    pyr_row_decoder *decoder = NULL;
    pyr_batch *batch = NULL;
    check_ok(pyr_row_decoder_create(layout, NULL, count, &decoder, error));
    pyr_status status = pyr_row_decode(decoder, rows, rows_count, NULL, NULL, &batch, fault);
    assert_true((status == PYR_OK) == (batch != NULL));
    if (batch != NULL) {
        check_ok(pyr_batch_validate(batch, PYR_VALIDATE_FULL, error));
    }
    pyr_batch_release(batch);
    pyr_row_decoder_destroy(decoder);
    return status;
}

static bool is_encoded_kind(int kind) {
    return kind == PYR_TYPE_DICTIONARY || kind == PYR_TYPE_RUN_END_ENCODED ||
           kind >= SAMPLE_ENCODED_INSIDE;
}

static pyr_batch *sample_batch(int kind, int64_t rows, unsigned seed, bool nulls) {
    pyr_array *columns[3] = {sample_array(PYR_TYPE_INT64, rows, seed + 1, nulls),
                             sample_array(kind, rows, seed, nulls),
                             sample_array(PYR_TYPE_UTF8, rows, seed + 2, nulls)};
    return batch_of(columns, 3);
}

/* ---- Every type. ---- */

static void rows_of_every_type_come_back_equal(void **state) {
    (void)state;
    for (int kind = 0; kind < SAMPLES_COUNT; ++kind) {
        for (int nulls = 0; nulls < 2; ++nulls) {
            pyr_batch *batch = sample_batch(kind, 40, (unsigned)kind * 7 + 1, nulls == 1);
            pyr_row_layout *layout = layout_of_batch(batch);
            encoded rows = encoded_of(layout, batch);
            pyr_batch *again = decoded(layout, NULL, 3, &rows);
            assert_int_equal(again->rows, batch->rows);
            for (int32_t i = 0; i < 3; ++i) {
                if (i == 1 && is_encoded_kind(kind)) {
                    assert_rows_equal(batch->columns[i], 0, again->columns[i], 0, batch->rows);
                } else if (!pyr_array_equal(batch->columns[i], again->columns[i])) {
                    fail_msg("%s: column %d differs", sample_name(kind), i);
                }
            }
            pyr_batch_release(again);
            encoded_deinit(&rows);
            pyr_row_layout_release(layout);
            pyr_batch_release(batch);
        }
    }
}

static void rows_of_slices_are_those_of_the_slice(void **state) {
    (void)state;
    for (int kind = 0; kind < SAMPLES_COUNT; ++kind) {
        pyr_batch *batch = sample_batch(kind, 40, (unsigned)kind + 3, true), *slice = NULL;
        check_ok(pyr_batch_slice(batch, 11, 17, &slice, error));
        pyr_row_layout *layout = layout_of_batch(batch);
        encoded rows = encoded_of(layout, slice);
        pyr_batch *again = decoded(layout, NULL, 3, &rows);
        for (int32_t i = 0; i < 3; ++i) {
            assert_rows_equal(slice->columns[i], 0, again->columns[i], 0, slice->rows);
        }
        pyr_batch_release(again);
        encoded_deinit(&rows);
        pyr_row_layout_release(layout);
        pyr_batch_release(slice);
        pyr_batch_release(batch);
    }
}

/* Lists of structs and structs of lists, whose values lie apart from each other in the children
 * after a gather with nulls. */
static void gathered_lists_are_written_from_where_they_lie(void **state) {
    (void)state;
    static const int32_t indices[] = {9, -1, 3, 3, 0, -1, 7, 8, 1};
    static const int kinds[] = {PYR_TYPE_LIST_VIEW, PYR_TYPE_LARGE_LIST_VIEW, SAMPLE_NESTED,
                                PYR_TYPE_FIXED_SIZE_LIST, PYR_TYPE_DENSE_UNION};
    for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); ++k) {
        pyr_array *source = sample_array(kinds[k], 10, 5, true), *column = NULL;
        check_ok(pyr_array_take(source, indices, 9, PYR_COPY_GATHER, NULL, NULL, &column, error));
        pyr_batch *batch = batch_of(&column, 1);
        pyr_row_layout *layout = layout_of_batch(batch);
        encoded rows = encoded_of(layout, batch);
        pyr_batch *again = decoded(layout, NULL, 1, &rows);
        assert_true(pyr_array_equal(batch->columns[0], again->columns[0]));
        pyr_batch_release(again);
        encoded_deinit(&rows);
        pyr_row_layout_release(layout);
        pyr_batch_release(batch);
        pyr_array_release(source);
    }
}

/* A child that is a slice itself: its offset and its own children's are different things. */
static void children_that_are_slices_are_read_from_their_offset(void **state) {
    (void)state;
    pyr_array *structs = sample_array(PYR_TYPE_STRUCT, 60, 6, true);
    pyr_array *slice = slice_of(structs, 7, 50), *list = NULL;
    pyr_field *field = NULL;
    static const int32_t offsets[] = {0, 20, 20, 50};
    pyr_buffer *buffers[2] = {NULL, bytes_buffer(offsets, sizeof(offsets))};
    check_ok(pyr_field_create_nested("l", PYR_TYPE_LIST, 0, &structs->field, 1, &field, error));
    check_ok(pyr_array_create(field, 3, 0, 0, buffers, 2, &slice, 1, NULL, &list, error));
    assert_true(pyr_array_null_count(slice) > 0);
    pyr_batch *batch = batch_of(&list, 1);
    pyr_row_layout *layout = layout_of_batch(batch);
    encoded rows = encoded_of(layout, batch);
    pyr_batch *again = decoded(layout, NULL, 1, &rows);
    assert_true(pyr_array_equal(batch->columns[0], again->columns[0]));
    pyr_batch_release(again);
    encoded_deinit(&rows);
    pyr_row_layout_release(layout);
    pyr_batch_release(batch);
    pyr_field_release(field);
    pyr_buffer_release(buffers[1]);
    pyr_array_release(slice);
    pyr_array_release(structs);
}

static void encoded_types_come_back_plain(void **state) {
    (void)state;
    pyr_field *field = sample_field(SAMPLE_ENCODED_INSIDE, "x"), *plain = NULL;
    check_ok(pyr_row_plain_field(field, &plain, error));
    pyr_text text;
    pyr_text_init(&text);
    pyr_field_type_print(plain, &text);
    assert_string_equal(pyr_text_get(&text), "struct<d: utf8, r: utf8>");
    assert_string_equal(plain->name, "x");
    pyr_text_deinit(&text);
    pyr_field_release(plain);
    pyr_field_release(field);

    field = sample_field(PYR_TYPE_DICTIONARY, "e");
    field->nullable = false; /* not shared yet */
    check_ok(pyr_row_plain_field(field, &plain, error));
    assert_int_equal(plain->type, PYR_TYPE_UTF8);
    assert_false(plain->nullable);
    pyr_field_release(plain);
    pyr_field_release(field);

    field = sample_field(SAMPLE_NESTED, "y");
    check_ok(pyr_row_plain_field(field, &plain, error));
    assert_ptr_equal(plain, field);
    pyr_field_release(plain);
    pyr_field_release(field);
}

static void no_rows_and_no_columns_are_fine(void **state) {
    (void)state;
    for (int kind = 0; kind < SAMPLES_COUNT; ++kind) {
        pyr_batch *batch = sample_batch(kind, 0, 1, true);
        pyr_row_layout *layout = layout_of_batch(batch);
        encoded none = {0};
        pyr_batch *again = decoded(layout, NULL, 3, &none);
        assert_int_equal(again->rows, 0);
        pyr_batch_release(again);
        pyr_row_layout_release(layout);
        pyr_batch_release(batch);
    }
    pyr_row_layout *empty = layout_of(NULL, NULL, 0);
    static const uint8_t row[] = {1, 0};
    pyr_error fault;
    assert_int_equal(try_decode(empty, 0, &(pyr_row_bytes){row, 2}, 1, &fault), PYR_OK);
    assert_int_equal(try_decode(empty, 0, &(pyr_row_bytes){row, 1}, 1, &fault), PYR_ERROR_CORRUPT);
    pyr_row_layout_release(empty);
}

/* ---- The bytes. ---- */

static void bytes_are_those_of_the_documentation(void **state) {
    (void)state;
    static const uint8_t expected[] = {0x01, 0x05, 0x1d, 0x07, 0x00, 0x00, 0x00, 0x02, 0x68,
                                       0x69, 0x03, 0x05, 0x01, 0x01, 0x61, 0x62, 0x01};
    pyr_field *fields[5] = {sample_field(PYR_TYPE_INT32, "a"), sample_field(PYR_TYPE_FLOAT64, "b"),
                            sample_field(PYR_TYPE_UTF8, "c"), sample_field(PYR_TYPE_LIST, "d"),
                            sample_field(PYR_TYPE_BOOL, "e")};
    pyr_array *columns[5] = {0};
    for (int32_t i = 0; i < 5; ++i) {
        pyr_builder *builder = NULL;
        check_ok(pyr_builder_create(fields[i], NULL, &builder, error));
        switch (i) {
        case 0:
            check_ok(pyr_builder_int64(builder, 7, error));
            break;
        case 1:
            check_ok(pyr_builder_null(builder, error));
            break;
        case 2:
            check_ok(pyr_builder_string(builder, "hi", error));
            break;
        case 3:
            check_ok(pyr_builder_string(pyr_builder_child(builder, 0), "a", error));
            check_ok(pyr_builder_null(pyr_builder_child(builder, 0), error));
            check_ok(pyr_builder_string(pyr_builder_child(builder, 0), "b", error));
            check_ok(pyr_builder_close(builder, error));
            break;
        default:
            check_ok(pyr_builder_int64(builder, 1, error));
            break;
        }
        check_ok(pyr_builder_finish(builder, &columns[i], error));
        pyr_builder_destroy(builder);
    }
    pyr_batch *batch = batch_of(columns, 5);
    pyr_row_layout *layout = layout_of_batch(batch);
    encoded rows = encoded_of(layout, batch);
    assert_int_equal(rows.rows[0].size_bytes, sizeof(expected));
    assert_memory_equal(rows.rows[0].data, expected, sizeof(expected));
    encoded_deinit(&rows);
    pyr_row_layout_release(layout);
    pyr_batch_release(batch);
    for (int32_t i = 0; i < 5; ++i) {
        pyr_field_release(fields[i]);
    }
}

/* ---- Older schemas. ---- */

static void assert_prints(const pyr_array *array, int64_t row, const char *expected) {
    char *text = value_text(array, row);
    assert_string_equal(text, expected);
    free(text);
}

static void rows_of_older_schemas_read_with_the_newer_one(void **state) {
    (void)state;
    pyr_field *fields[4] = {sample_field(PYR_TYPE_INT32, "a"), sample_field(PYR_TYPE_UTF8, "b"),
                            sample_field(PYR_TYPE_STRUCT, "c"), sample_field(PYR_TYPE_UTF8, "d")};
    int32_t two[2] = {7, 8};
    pyr_array *columns[2] = {int32_array(two, 2), sample_array(PYR_TYPE_UTF8, 2, 4, false)};
    pyr_batch *old_batch = batch_of(columns, 2);
    pyr_row_layout *old_layout = layout_of(fields, NULL, 2);

    /* ADD COLUMN c and d, the second with a default; then DROP COLUMN a. */
    pyr_builder *builder = NULL;
    pyr_array *missing[4] = {0};
    check_ok(pyr_builder_create(fields[3], NULL, &builder, error));
    check_ok(pyr_builder_string(builder, "new", error));
    check_ok(pyr_builder_finish(builder, &missing[3], error));
    pyr_builder_destroy(builder);
    pyr_row_layout *layout = layout_of(fields, missing, 4);
    pyr_array *later[3] = {sample_array(PYR_TYPE_UTF8, 3, 9, false),
                           sample_array(PYR_TYPE_STRUCT, 3, 10, false),
                           sample_array(PYR_TYPE_UTF8, 3, 11, true)};
    pyr_batch *batch = batch_of(later, 3);
    static const int32_t without_a[4] = {-1, 0, 1, 2};

    /* And rows of the time between: with c, without d. */
    pyr_row_layout *between = layout_of(fields, NULL, 3);
    static const int32_t without_a_and_b[3] = {-1, -1, 1};

    encoded rows = {0};
    encode(&rows, old_layout, old_batch, NULL);
    encode(&rows, layout, batch, without_a);
    encode(&rows, between, batch, without_a_and_b);
    separate(&rows);
    static const int32_t slots[3] = {1, 2, 3};
    pyr_batch *all = decoded(layout, slots, 3, &rows);
    assert_int_equal(all->rows, 8);
    assert_rows_equal(batch->columns[1], 0, all->columns[1], 5, 3);
    assert_prints(all->columns[2], 5, "new");
    assert_prints(all->columns[0], 5, "NULL");
    assert_rows_equal(old_batch->columns[1], 0, all->columns[0], 0, 2);
    assert_rows_equal(batch->columns[0], 0, all->columns[0], 2, 3);
    assert_prints(all->columns[1], 0, "NULL");
    assert_rows_equal(batch->columns[1], 0, all->columns[1], 2, 3);
    assert_prints(all->columns[2], 0, "new");
    assert_prints(all->columns[2], 1, "new");
    assert_rows_equal(batch->columns[2], 0, all->columns[2], 2, 3); /* a null stays one */
    pyr_batch_release(all);

    /* An older process meets a newer row. */
    pyr_error fault;
    assert_int_equal(try_decode(old_layout, 2, &rows.rows[4], 1, &fault), PYR_ERROR_CORRUPT);

    encoded_deinit(&rows);
    pyr_array_release(missing[3]);
    pyr_row_layout_release(layout);
    pyr_row_layout_release(between);
    pyr_row_layout_release(old_layout);
    pyr_batch_release(batch);
    pyr_batch_release(old_batch);
    for (int32_t i = 0; i < 4; ++i) {
        pyr_field_release(fields[i]);
    }
}

/* A slot that a row does not have gives a valid array of every type. */
static void every_type_can_be_missing(void **state) {
    (void)state;
    for (int kind = 0; kind < SAMPLES_COUNT; ++kind) {
        pyr_batch *batch = sample_batch(kind, 6, 2, false);
        pyr_row_layout *layout = layout_of_batch(batch);
        static const int32_t columns[3] = {0, -1, 2};
        encoded rows = {0};
        encode(&rows, layout, batch, columns);
        separate(&rows);
        pyr_batch *again = decoded(layout, NULL, 3, &rows);
        for (int64_t i = 0; i < 6; ++i) {
            assert_prints(again->columns[1], i, "NULL");
        }
        assert_true(pyr_array_equal(batch->columns[2], again->columns[2]));
        pyr_batch_release(again);
        encoded_deinit(&rows);
        pyr_row_layout_release(layout);
        pyr_batch_release(batch);
    }
}

static void columns_decode_alone_as_they_do_together(void **state) {
    (void)state;
    for (int kind = 0; kind < SAMPLES_COUNT; ++kind) {
        pyr_batch *batch = sample_batch(kind, 30, 77, true);
        pyr_row_layout *layout = layout_of_batch(batch);
        encoded rows = encoded_of(layout, batch);
        pyr_batch *all = decoded(layout, NULL, 3, &rows);
        for (int32_t i = 0; i < 3; ++i) {
            pyr_batch *one = decoded(layout, &i, 1, &rows);
            assert_true(pyr_array_equal(all->columns[i], one->columns[0]));
            pyr_batch_release(one);
        }
        pyr_batch_release(all);
        encoded_deinit(&rows);
        pyr_row_layout_release(layout);
        pyr_batch_release(batch);
    }
}

/* ---- Hostile bytes. ---- */

static void cut_and_lengthened_rows_are_refused(void **state) {
    (void)state;
    for (int kind = 0; kind < SAMPLES_COUNT; ++kind) {
        pyr_batch *batch = sample_batch(kind, 8, 123, true);
        pyr_row_layout *layout = layout_of_batch(batch);
        encoded rows = encoded_of(layout, batch);
        pyr_error fault;
        for (int64_t i = 0; i < rows.count; ++i) {
            size_t size = rows.rows[i].size_bytes;
            for (size_t cut = 0; cut < size; ++cut) {
                uint8_t *copy = malloc(cut + 1);
                memcpy(copy, rows.rows[i].data, cut);
                uint8_t *exact = realloc(copy, cut > 0 ? cut : 1);
                if (try_decode(layout, 3, &(pyr_row_bytes){exact, cut}, 1, &fault) !=
                    PYR_ERROR_CORRUPT) {
                    fail_msg("%s: %zu of %zu bytes", sample_name(kind), cut, size);
                }
                free(exact);
            }
            uint8_t *longer = calloc(1, size + 1);
            memcpy(longer, rows.rows[i].data, size);
            assert_int_equal(try_decode(layout, 3, &(pyr_row_bytes){longer, size + 1}, 1, &fault),
                             PYR_ERROR_CORRUPT);
            free(longer);
        }
        encoded_deinit(&rows);
        pyr_row_layout_release(layout);
        pyr_batch_release(batch);
    }
}

/* Whatever a flipped bit makes of a row: refused, or an array that is valid all the way down
 * (try_decode holds it to that). */
static void flipped_bits_give_an_error_or_a_valid_batch(void **state) {
    (void)state;
    int64_t refused = 0, taken = 0;
    for (int kind = 0; kind < SAMPLES_COUNT; ++kind) {
        pyr_batch *batch = sample_batch(kind, 4, 55, true);
        pyr_row_layout *layout = layout_of_batch(batch);
        encoded rows = encoded_of(layout, batch);
        pyr_error fault;
        for (int64_t i = 0; i < rows.count; ++i) {
            uint8_t *bytes = (uint8_t *)(uintptr_t)rows.rows[i].data;
            for (size_t bit = 0; bit < rows.rows[i].size_bytes * 8; ++bit) {
                bytes[bit / 8] = (uint8_t)(bytes[bit / 8] ^ (1u << (bit % 8)));
                pyr_status status = try_decode(layout, 3, rows.rows, rows.count, &fault);
                assert_true(status == PYR_OK || status == PYR_ERROR_CORRUPT);
                refused += status != PYR_OK;
                taken += status == PYR_OK;
                bytes[bit / 8] = (uint8_t)(bytes[bit / 8] ^ (1u << (bit % 8)));
            }
        }
        encoded_deinit(&rows);
        pyr_row_layout_release(layout);
        pyr_batch_release(batch);
    }
    assert_true(refused > 100 && taken > 100);
}

static void refuses_row(int kind, const uint8_t *bytes, size_t size, const char *message) {
    pyr_field *field = sample_field(kind, "x");
    pyr_row_layout *layout = layout_of(&field, NULL, 1);
    pyr_error fault;
    assert_int_equal(try_decode(layout, 1, &(pyr_row_bytes){bytes, size}, 1, &fault),
                     PYR_ERROR_CORRUPT);
    if (strstr(fault.message, message) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", fault.message, message);
    }
    pyr_row_layout_release(layout);
    pyr_field_release(field);
}
#define REFUSES(kind, message, ...)                         \
    do {                                                    \
        static const uint8_t bytes_[] = {__VA_ARGS__};      \
        refuses_row(kind, bytes_, sizeof(bytes_), message); \
    } while (0)

static void malformed_rows_are_refused_by_name(void **state) {
    (void)state;
    REFUSES(PYR_TYPE_INT8, "version 2", 2, 1, 1, 5);
    REFUSES(PYR_TYPE_INT8, "how many of 1 columns", 1, 2, 3, 5, 5);
    REFUSES(PYR_TYPE_INT8, "how many of 1 columns", 1, 0x81, 0x00, 1, 5); /* not the shortest */
    REFUSES(PYR_TYPE_INT8, "bitmap", 1, 1, 3, 5);                         /* a bit too many */
    REFUSES(PYR_TYPE_NULL, "of type null", 1, 1, 1);
    REFUSES(PYR_TYPE_BOOL, "truth value", 1, 1, 1, 2);
    REFUSES(PYR_TYPE_UTF8, "within a text", 1, 1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
            0xff, 0x01, 'a');
    REFUSES(PYR_TYPE_UTF8, "UTF-8", 1, 1, 1, 1, 0x80);
    REFUSES(PYR_TYPE_UTF8_VIEW, "UTF-8", 1, 1, 1, 1, 0x80);
    /* Two texts that are one character only together. */
    REFUSES(PYR_TYPE_LIST, "UTF-8", 1, 1, 1, 2, 3, 1, 1, 0xc3, 0xa9);
    REFUSES(PYR_TYPE_LIST_VIEW, "within a list", 1, 1, 1, 0xff, 0xff, 0xff, 0xff, 0x7f, 0);
    REFUSES(PYR_TYPE_LIST, "within a value", 1, 1, 1, 1, 2); /* a bit in the padding */
    REFUSES(PYR_TYPE_MAP, "key of a map", 1, 1, 1, 1, 1, 0, 0);
    REFUSES(PYR_TYPE_MAP, "key of a map", 1, 1, 1, 1, 0);
    REFUSES(PYR_TYPE_DENSE_UNION, "type code", 1, 1, 1, 1);
    REFUSES(PYR_TYPE_SPARSE_UNION, "type code", 1, 1, 1, 0x85);
}

/* Columns that are only passed over are held to the same. */
static void malformed_values_are_refused_on_the_way_to_others(void **state) {
    (void)state;
    static const struct {
        int kind;
        uint8_t bytes[16];
        size_t size;
    } cases[] = {
        {PYR_TYPE_DENSE_UNION, {1, 2, 3, 1, 0}, 5},        /* a type code of no child */
        {PYR_TYPE_NULL, {1, 2, 3, 0}, 4},                  /* a value of type null */
        {PYR_TYPE_LIST, {1, 2, 3, 0xff, 0x7f, 0, 0}, 7},   /* more items than bits */
        {PYR_TYPE_LIST, {1, 2, 3, 1, 2, 0}, 6},            /* a bit in the padding */
        {PYR_TYPE_UTF8, {1, 2, 3, 9, 'a', 'b'}, 6},        /* longer than the row */
        {PYR_TYPE_FIXED_SIZE_LIST, {1, 2, 3, 7, 1, 2}, 6}, /* three int16 of which one is there */
        {PYR_TYPE_INT64, {1, 2, 3, 1, 2, 3, 4, 5, 6, 7}, 10},
    };
    static const int32_t second = 1;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); ++i) {
        pyr_field *fields[2] = {sample_field(cases[i].kind, "x"), sample_field(PYR_TYPE_BOOL, "y")};
        pyr_row_layout *layout = layout_of(fields, NULL, 2);
        pyr_row_decoder *decoder = NULL;
        pyr_batch *batch = NULL;
        pyr_error fault;
        pyr_row_bytes row = {cases[i].bytes, cases[i].size};
        check_ok(pyr_row_decoder_create(layout, &second, 1, &decoder, error));
        assert_int_equal(pyr_row_decode(decoder, &row, 1, NULL, NULL, &batch, &fault),
                         PYR_ERROR_CORRUPT);
        assert_non_null(strstr(fault.message, "column \"x\""));
        pyr_row_decoder_destroy(decoder);
        pyr_row_layout_release(layout);
        pyr_field_release(fields[0]);
        pyr_field_release(fields[1]);
    }
}

/* ---- Accounting and refusals. ---- */

static void decoding_counts_the_bytes_it_writes(void **state) {
    (void)state;
    pyr_array *columns[2] = {sample_array(PYR_TYPE_INT64, 50, 1, false),
                             sample_array(PYR_TYPE_UTF8, 50, 2, true)};
    int64_t text_bytes =
        columns[1]->buffers[2] != NULL ? (int64_t)columns[1]->buffers[2]->size_bytes : 0;
    pyr_batch *batch = batch_of(columns, 2);
    pyr_row_layout *layout = layout_of_batch(batch);
    encoded rows = encoded_of(layout, batch);
    pyr_row_decoder *decoder = NULL;
    pyr_batch *again = NULL;
    pyr_query_ledger ledger;
    pyr_budget *budget = pyr_budget_create(1 << 20);
    pyr_ledger_init(&ledger);
    check_ok(pyr_row_decoder_create(layout, NULL, 2, &decoder, error));
    check_ok(pyr_row_decode(decoder, rows.rows, rows.count, &ledger, budget, &again, error));
    /* int64; bitmap of 50 bits, 51 offsets, bytes. */
    assert_int_equal(ledger.copied[PYR_COPY_DECODE_ROWS], 50 * 8 + 7 + 51 * 4 + text_bytes);
    assert_string_equal(pyr_copy_reason_name(PYR_COPY_DECODE_ROWS), "row decoding");
    assert_true(pyr_budget_used(budget) > 0);
    pyr_batch_release(again);
    assert_int_equal(pyr_budget_used(budget), 0);
    pyr_budget_release(budget);
    pyr_row_decoder_destroy(decoder);
    encoded_deinit(&rows);
    pyr_row_layout_release(layout);
    pyr_batch_release(batch);
}

/* Every budget from nothing to enough: an error or the batch, never a leak (ASan). */
static void a_budget_may_end_anywhere(void **state) {
    (void)state;
    pyr_batch *batch = sample_batch(SAMPLE_NESTED, 20, 8, true);
    pyr_row_layout *layout = layout_of_batch(batch);
    encoded rows = encoded_of(layout, batch);
    bool enough = false;
    for (size_t limit = 1; !enough; limit += 64 + limit / 16) {
        pyr_row_decoder *decoder = NULL;
        pyr_batch *again = NULL;
        pyr_error fault;
        pyr_budget *budget = pyr_budget_create(limit);
        check_ok(pyr_row_decoder_create(layout, NULL, 3, &decoder, error));
        pyr_status status =
            pyr_row_decode(decoder, rows.rows, rows.count, NULL, budget, &again, &fault);
        assert_true(status == PYR_OK || status == PYR_ERROR_MEMORY);
        enough = status == PYR_OK;
        pyr_batch_release(again);
        pyr_row_decoder_destroy(decoder);
        assert_int_equal(pyr_budget_used(budget), 0);
        pyr_budget_release(budget);
    }
    encoded_deinit(&rows);
    pyr_row_layout_release(layout);
    pyr_batch_release(batch);
}

static void columns_of_another_type_are_refused_by_name(void **state) {
    (void)state;
    pyr_field *field = sample_field(PYR_TYPE_INT32, "amount");
    pyr_row_layout *layout = layout_of(&field, NULL, 1);
    pyr_array *column = sample_array(PYR_TYPE_INT64, 2, 1, false);
    pyr_batch *batch = batch_of(&column, 1);
    pyr_row_encoder *encoder = NULL;
    pyr_error fault;
    assert_int_equal(pyr_row_encoder_create(layout, batch, NULL, &encoder, &fault),
                     PYR_ERROR_INVALID_ARGUMENT);
    assert_null(encoder);
    assert_string_equal(fault.message, "column \"amount\": is int64, the table has int32");
    pyr_batch_release(batch);
    pyr_row_layout_release(layout);
    pyr_field_release(field);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_every_type_come_back_equal),
        cmocka_unit_test(rows_of_slices_are_those_of_the_slice),
        cmocka_unit_test(gathered_lists_are_written_from_where_they_lie),
        cmocka_unit_test(children_that_are_slices_are_read_from_their_offset),
        cmocka_unit_test(encoded_types_come_back_plain),
        cmocka_unit_test(no_rows_and_no_columns_are_fine),
        cmocka_unit_test(bytes_are_those_of_the_documentation),
        cmocka_unit_test(rows_of_older_schemas_read_with_the_newer_one),
        cmocka_unit_test(every_type_can_be_missing),
        cmocka_unit_test(columns_decode_alone_as_they_do_together),
        cmocka_unit_test(cut_and_lengthened_rows_are_refused),
        cmocka_unit_test(flipped_bits_give_an_error_or_a_valid_batch),
        cmocka_unit_test(malformed_rows_are_refused_by_name),
        cmocka_unit_test(malformed_values_are_refused_on_the_way_to_others),
        cmocka_unit_test(decoding_counts_the_bytes_it_writes),
        cmocka_unit_test(a_budget_may_end_anywhere),
        cmocka_unit_test(columns_of_another_type_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
