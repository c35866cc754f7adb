/* row_bitmap_test.c - sets of rows against a plain array of booleans, and hostile bytes. */
#include "support_codec.h"

#include "base/crc32c.h"
#include "storage/row_bitmap.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = 65536 * 4 + 1000 };

/* ---- Models: one bool a row, in shapes that make every kind of container. ---- */

static bool *model_create(void) {
    bool *model = calloc(ROWS, sizeof(*model));
    assert_non_null(model);
    return model;
}

static bool *model_of(int shape, uint32_t seed) {
    bool *model = model_create();
    for (int64_t row = 0; row < ROWS;) {
        int64_t length = 1;
        bool set = false;
        switch (shape) {
        case 0: /* empty */
            return model;
        case 1: /* sparse: arrays */
            set = next_random(&seed) % 500 == 0;
            break;
        case 2: /* half: bitmaps */
            set = next_random(&seed) % 2 == 0;
            break;
        case 3: /* long runs, across containers too */
            set = next_random(&seed) % 2 == 0;
            length = 1 + next_random(&seed) % 40000;
            break;
        case 4: /* all */
            set = true;
            break;
        case 5: /* a kind a container */
            set = row / 65536 == 1 ? next_random(&seed) % 3 == 0 : next_random(&seed) % 900 == 0;
            length = row / 65536 == 3 ? 1 + next_random(&seed) % 3000 : 1;
            break;
        default: /* the ends of containers alone */
            set = row % 65536 == 0 || row % 65536 == 65535;
            break;
        }
        for (int64_t i = 0; i < length && row < ROWS; ++i) {
            model[row++] = set;
        }
    }
    return model;
}
enum { SHAPES = 7 };

static pyr_row_bitmap *bitmap_of(const bool *model, bool shuffled) {
    pyr_row_bitmap_builder *builder = NULL;
    pyr_row_bitmap *bitmap = NULL;
    int64_t *rows = malloc(ROWS * sizeof(*rows));
    int64_t count = 0;
    uint32_t seed = 5;
    for (int64_t row = 0; row < ROWS; ++row) {
        if (model[row]) {
            rows[count++] = row;
        }
    }
    for (int64_t i = count - 1; shuffled && i > 0; --i) {
        int64_t k = next_random(&seed) % (uint32_t)(i + 1);
        int64_t other = rows[i];
        rows[i] = rows[k];
        rows[k] = other;
    }
    check_ok(pyr_row_bitmap_builder_create(NULL, &builder, error));
    check_ok(pyr_row_bitmap_builder_rows(builder, rows, count, error));
    check_ok(pyr_row_bitmap_builder_finish(builder, &bitmap, error));
    pyr_row_bitmap_builder_destroy(builder);
    free(rows);
    return bitmap;
}

static void assert_is(const pyr_row_bitmap *bitmap, const bool *model) {
    int64_t count = 0;
    for (int64_t row = 0; row < ROWS; ++row) {
        count += model[row];
        if (pyr_row_bitmap_contains(bitmap, row) != model[row]) {
            fail_msg("row %lld", (long long)row);
        }
    }
    assert_int_equal(pyr_row_bitmap_cardinality(bitmap), count);
    assert_false(pyr_row_bitmap_contains(bitmap, -1));
    assert_false(pyr_row_bitmap_contains(bitmap, ROWS + 70000));
}

static pyr_buffer *copy_of(const pyr_row_bitmap *bitmap) {
    pyr_buffer *bytes = pyr_row_bitmap_serialize(bitmap), *copy = NULL;
    check_ok(pyr_buffer_create(bytes->size_bytes, NULL, &copy, error));
    memcpy(pyr_buffer_mutable(copy), bytes->data, bytes->size_bytes);
    pyr_buffer_release(bytes);
    return copy;
}

/* ---- Tests. ---- */

static void sets_hold_what_was_added_in_any_order(void **state) {
    (void)state;
    for (int shape = 0; shape < SHAPES; ++shape) {
        bool *model = model_of(shape, 7);
        pyr_row_bitmap *sorted = bitmap_of(model, false), *shuffled = bitmap_of(model, true);
        assert_is(sorted, model);
        assert_true(pyr_row_bitmap_equal(sorted, shuffled));
        pyr_row_bitmap_release(sorted);
        pyr_row_bitmap_release(shuffled);
        free(model);
    }
}

static void overlapping_ranges_are_their_union(void **state) {
    (void)state;
    bool *model = model_create();
    uint32_t seed = 3;
    pyr_row_bitmap_builder *builder = NULL;
    pyr_row_bitmap *bitmap = NULL;
    check_ok(pyr_row_bitmap_builder_create(NULL, &builder, error));
    for (int i = 0; i < 40; ++i) {
        int64_t from = next_random(&seed) % ROWS;
        int64_t length = i % 3 == 0 ? 90000 : next_random(&seed) % 700;
        int64_t to = from + length < ROWS ? from + length : ROWS;
        check_ok(pyr_row_bitmap_builder_range(builder, from, to, error));
        memset(model + from, true, (size_t)(to - from));
    }
    check_ok(pyr_row_bitmap_builder_finish(builder, &bitmap, error));
    assert_is(bitmap, model);
    pyr_row_bitmap_release(bitmap);
    /* Empty again. */
    check_ok(pyr_row_bitmap_builder_finish(builder, &bitmap, error));
    assert_int_equal(pyr_row_bitmap_cardinality(bitmap), 0);
    pyr_row_bitmap_release(bitmap);
    pyr_row_bitmap_builder_destroy(builder);
    free(model);
}

static void many_scattered_rows_are_joined_on_the_way(void **state) {
    (void)state;
    pyr_row_bitmap_builder *builder = NULL;
    pyr_row_bitmap *bitmap = NULL;
    int64_t count = 300000; /* several times what is collected before it is joined */
    check_ok(pyr_row_bitmap_builder_create(NULL, &builder, error));
    for (int64_t i = 0; i < count; ++i) {
        int64_t row = i * 7919 % count * 3; /* 7919 has no factor in common with count */
        check_ok(pyr_row_bitmap_builder_range(builder, row, row + 1, error));
    }
    check_ok(pyr_row_bitmap_builder_finish(builder, &bitmap, error));
    assert_int_equal(pyr_row_bitmap_cardinality(bitmap), count);
    assert_int_equal(pyr_row_bitmap_count_range(bitmap, 0, count * 3), count);
    for (int64_t row = 0; row < count * 3; row += 101) {
        assert_int_equal(pyr_row_bitmap_contains(bitmap, row), row % 3 == 0);
    }
    pyr_row_bitmap_release(bitmap);
    pyr_row_bitmap_builder_destroy(builder);
}

static void rows_reach_up_to_the_limit_and_no_further(void **state) {
    (void)state;
    pyr_row_bitmap_builder *builder = NULL;
    pyr_row_bitmap *bitmap = NULL;
    pyr_error fault;
    int64_t last = PYR_ROW_BITMAP_ROWS_MAX - 1, start, length;
    check_ok(pyr_row_bitmap_builder_create(NULL, &builder, error));
    check_ok(pyr_row_bitmap_builder_rows(builder, &last, 1, error));
    check_ok(pyr_row_bitmap_builder_finish(builder, &bitmap, error));
    assert_true(pyr_row_bitmap_contains(bitmap, last));
    assert_false(pyr_row_bitmap_contains(bitmap, last - 65536));
    pyr_row_bitmap_kept kept;
    pyr_row_bitmap_kept_init(&kept, bitmap, 5, PYR_ROW_BITMAP_ROWS_MAX);
    assert_true(pyr_row_bitmap_kept_next(&kept, &start, &length));
    assert_int_equal(start, 5);
    assert_int_equal(length, last - 5);
    assert_false(pyr_row_bitmap_kept_next(&kept, &start, &length));
    pyr_row_bitmap_release(bitmap);

    int64_t outside[] = {-1, PYR_ROW_BITMAP_ROWS_MAX, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < 4; ++i) {
        assert_int_equal(pyr_row_bitmap_builder_rows(builder, &outside[i], 1, &fault),
                         PYR_ERROR_INVALID_ARGUMENT);
    }
    pyr_row_bitmap_builder_destroy(builder);
}

static void union_and_intersection_agree_with_the_models(void **state) {
    (void)state;
    for (int a = 0; a < SHAPES; ++a) {
        for (int b = 0; b < SHAPES; ++b) {
            bool *left = model_of(a, 11), *right = model_of(b, 99);
            pyr_row_bitmap *x = bitmap_of(left, false), *y = bitmap_of(right, false), *both = NULL;
            bool meet = false;
            for (int64_t row = 0; row < ROWS; ++row) {
                meet |= left[row] && right[row];
                left[row] |= right[row];
            }
            assert_int_equal(pyr_row_bitmap_intersects(x, y), meet);
            assert_int_equal(pyr_row_bitmap_intersects(y, x), meet);
            check_ok(pyr_row_bitmap_union(x, y, NULL, &both, error));
            pyr_row_bitmap *fresh = bitmap_of(left, false);
            assert_true(pyr_row_bitmap_equal(both, fresh));
            pyr_row_bitmap_release(fresh);
            pyr_row_bitmap_release(both);
            pyr_row_bitmap_release(x);
            pyr_row_bitmap_release(y);
            free(left);
            free(right);
        }
    }
}

/* Complements share no row whatever their form, and do as soon as one row is added. */
static void disjoint_sets_do_not_intersect_until_they_share_a_row(void **state) {
    (void)state;
    for (int shape = 1; shape < SHAPES; ++shape) {
        bool *model = model_of(shape, 21), *rest = model_create();
        int64_t shared = -1;
        for (int64_t row = 0; row < ROWS; ++row) {
            rest[row] = !model[row];
            shared = model[row] ? row : shared;
        }
        pyr_row_bitmap *a = bitmap_of(model, false), *b = bitmap_of(rest, false);
        assert_false(pyr_row_bitmap_intersects(a, b));
        pyr_row_bitmap_release(b);
        rest[shared] = true;
        b = bitmap_of(rest, false);
        assert_true(pyr_row_bitmap_intersects(a, b));
        assert_true(pyr_row_bitmap_intersects(b, a));
        pyr_row_bitmap_release(a);
        pyr_row_bitmap_release(b);
        free(model);
        free(rest);
    }
}

static void union_with_nothing_shares_the_other(void **state) {
    (void)state;
    bool *model = model_of(1, 1);
    pyr_row_bitmap *bitmap = bitmap_of(model, false), *out = NULL;
    check_ok(pyr_row_bitmap_union(bitmap, NULL, NULL, &out, error));
    assert_ptr_equal(out, bitmap);
    pyr_row_bitmap_release(out);
    check_ok(pyr_row_bitmap_union(NULL, bitmap, NULL, &out, error));
    assert_ptr_equal(out, bitmap);
    pyr_row_bitmap_release(out);
    check_ok(pyr_row_bitmap_union(NULL, NULL, NULL, &out, error));
    assert_int_equal(pyr_row_bitmap_cardinality(out), 0);
    assert_true(pyr_row_bitmap_equal(out, NULL));
    pyr_row_bitmap_release(out);
    pyr_row_bitmap_release(bitmap);
    free(model);
}

/* The range [from, to) by runs, by selection vector and by count, against the model. */
static void check_kept(const pyr_row_bitmap *bitmap, const bool *model, int64_t from, int64_t to) {
    int32_t *rows = malloc(sizeof(*rows) * (size_t)(to - from + 1));
    rows[to - from] = 12345; /* behind the room that may be used */
    int64_t count = pyr_row_bitmap_kept_rows(bitmap, from, to, rows);
    assert_int_equal(rows[to - from], 12345);
    pyr_row_bitmap_kept kept;
    pyr_row_bitmap_kept_init(&kept, bitmap, from, to);
    int64_t start = 0, length = 0, run_end = -1, seen = 0;
    for (int64_t row = from; row < to; ++row) {
        if (model != NULL && model[row]) {
            continue;
        }
        if (row >= start + length || seen == 0) {
            assert_true(pyr_row_bitmap_kept_next(&kept, &start, &length));
            assert_int_equal(start, row);
            assert_true(length > 0 && start > run_end); /* maximal: never adjacent */
            run_end = start + length;
        }
        assert_int_equal(rows[seen], row - from);
        ++seen;
    }
    assert_true(run_end <= to);
    assert_false(pyr_row_bitmap_kept_next(&kept, &start, &length));
    assert_int_equal(count, seen);
    assert_int_equal(pyr_row_bitmap_count_range(bitmap, from, to), to - from - seen);
    free(rows);
}

static void kept_rows_are_those_not_in_the_set(void **state) {
    (void)state;
    for (int shape = 0; shape < SHAPES; ++shape) {
        bool *model = model_of(shape, 31);
        pyr_row_bitmap *bitmap = bitmap_of(model, false);
        check_kept(bitmap, model, 0, ROWS);
        check_kept(bitmap, model, 7, 7);
        uint32_t seed = 17;
        for (int i = 0; i < 300; ++i) {
            int64_t from = next_random(&seed) % ROWS;
            int64_t length = next_random(&seed) % (i % 10 == 0 ? 150000 : 2048);
            check_kept(bitmap, model, from, from + length < ROWS ? from + length : ROWS);
        }
        pyr_row_bitmap_release(bitmap);
        free(model);
    }
    check_kept(NULL, NULL, 10, 2000);
}

static void parsing_gives_the_set_back_without_copying_it(void **state) {
    (void)state;
    for (int shape = 0; shape < SHAPES; ++shape) {
        bool *model = model_of(shape, 41);
        pyr_row_bitmap *bitmap = bitmap_of(model, false), *parsed = NULL;
        pyr_buffer *bytes = copy_of(bitmap);
        check_ok(pyr_row_bitmap_parse(bytes, ROWS, &parsed, error));
        assert_true(pyr_row_bitmap_equal(bitmap, parsed));
        pyr_buffer *again = pyr_row_bitmap_serialize(parsed);
        assert_ptr_equal(again, bytes);
        pyr_buffer_release(again);
        pyr_buffer_release(bytes);
        assert_is(parsed, model); /* keeps the bytes */
        pyr_row_bitmap_release(parsed);
        pyr_row_bitmap_release(bitmap);
        free(model);
    }
}

static void bytes_are_those_of_the_documentation(void **state) {
    (void)state;
    static const uint8_t expected[] = {
        0x50, 0x59, 0x52, 0x52, 0x4f, 0x57, 0x53, 0x31, 0x18, 0x6c, 0xf1, 0xe7, 0x02, 0x00,
        0x00, 0x00, 0x09, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03,
        0x07, 0x00, 0x01, 0x00, 0x01, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00,
        0x00, 0x00, 0x04, 0x00, 0x06, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00};
    int64_t rows[] = {1, 4, 5, 6, 7, 8, 9, 10, 65536};
    pyr_row_bitmap_builder *builder = NULL;
    pyr_row_bitmap *bitmap = NULL;
    check_ok(pyr_row_bitmap_builder_create(NULL, &builder, error));
    check_ok(pyr_row_bitmap_builder_rows(builder, rows, 9, error));
    check_ok(pyr_row_bitmap_builder_finish(builder, &bitmap, error));
    pyr_buffer *bytes = pyr_row_bitmap_serialize(bitmap);
    assert_int_equal(bytes->size_bytes, sizeof(expected));
    assert_memory_equal(bytes->data, expected, sizeof(expected));
    pyr_buffer_release(bytes);
    pyr_row_bitmap_release(bitmap);
    pyr_row_bitmap_builder_destroy(builder);
}

static void sets_may_lie_at_any_address(void **state) {
    (void)state;
    bool *model = model_of(5, 43);
    pyr_row_bitmap *bitmap = bitmap_of(model, false), *parsed = NULL;
    pyr_buffer *bytes = pyr_row_bitmap_serialize(bitmap), *shifted = NULL, *slice = NULL;
    check_ok(pyr_buffer_create(bytes->size_bytes + 3, NULL, &shifted, error));
    memcpy(pyr_buffer_mutable(shifted) + 3, bytes->data, bytes->size_bytes);
    check_ok(pyr_buffer_slice(shifted, 3, bytes->size_bytes, &slice, error));
    check_ok(pyr_row_bitmap_parse(slice, ROWS, &parsed, error));
    assert_is(parsed, model);
    check_kept(parsed, model, 60000, 140000);
    pyr_row_bitmap_release(parsed);
    pyr_row_bitmap_release(bitmap);
    pyr_buffer_release(slice);
    pyr_buffer_release(shifted);
    pyr_buffer_release(bytes);
    free(model);
}

/* Of parsing bytes whose CRC has been made right again. */
static pyr_status parse_mended(pyr_buffer *bytes, int64_t rows) {
    pyr_row_bitmap *parsed = NULL;
    pyr_error fault;
    uint32_t crc = pyr_crc32c(0, bytes->data + 12, bytes->size_bytes - 12);
    memcpy(pyr_buffer_mutable(bytes) + 8, &crc, sizeof(crc));
    pyr_status status = pyr_row_bitmap_parse(bytes, rows, &parsed, &fault);
    assert_true((status == PYR_OK) == (parsed != NULL));
    pyr_row_bitmap_release(parsed);
    return status;
}

static void every_flipped_bit_is_found(void **state) {
    (void)state;
    pyr_row_bitmap_builder *builder = NULL;
    pyr_row_bitmap *bitmap = NULL, *parsed = NULL;
    pyr_error fault;
    check_ok(pyr_row_bitmap_builder_create(NULL, &builder, error));
    check_ok(pyr_row_bitmap_builder_range(builder, 3, 4, error));
    check_ok(pyr_row_bitmap_builder_range(builder, 9, 10, error));
    check_ok(pyr_row_bitmap_builder_range(builder, 70000, 80000, error));
    check_ok(pyr_row_bitmap_builder_finish(builder, &bitmap, error));
    pyr_buffer *bytes = copy_of(bitmap);
    for (size_t bit = 0; bit < bytes->size_bytes * 8; ++bit) {
        uint8_t *data = pyr_buffer_mutable(bytes);
        data[bit / 8] = (uint8_t)(data[bit / 8] ^ (1u << (bit % 8)));
        assert_int_equal(pyr_row_bitmap_parse(bytes, ROWS, &parsed, &fault), PYR_ERROR_CORRUPT);
        assert_null(parsed);
        data[bit / 8] = (uint8_t)(data[bit / 8] ^ (1u << (bit % 8)));
    }
    for (size_t size = 0; size < bytes->size_bytes; ++size) {
        pyr_buffer *cut = NULL;
        check_ok(pyr_buffer_slice(bytes, 0, size, &cut, error));
        assert_int_equal(pyr_row_bitmap_parse(cut, ROWS, &parsed, &fault), PYR_ERROR_CORRUPT);
        pyr_buffer_release(cut);
    }
    pyr_buffer_release(bytes);
    pyr_row_bitmap_release(bitmap);
    pyr_row_bitmap_builder_destroy(builder);
}

/* One wrong byte at a place, with a right CRC. */
static void refuses(const pyr_row_bitmap *bitmap, size_t place, uint8_t value) {
    pyr_buffer *bytes = copy_of(bitmap);
    assert_int_not_equal(bytes->data[place], value);
    pyr_buffer_mutable(bytes)[place] = value;
    assert_int_equal(parse_mended(bytes, ROWS), PYR_ERROR_CORRUPT);
    pyr_buffer_release(bytes);
}

static void another_form_of_the_same_set_is_refused(void **state) {
    (void)state;
    bool *model = model_create();
    model[1] = model[4] = model[9] = true;
    for (int64_t row = 65536 + 100; row < 65536 + 200; ++row) {
        model[row] = true;
    }
    for (int64_t row = 131072; row < 196608; row += 2) {
        model[row] = true;
    }
    pyr_row_bitmap *bitmap = bitmap_of(model, false);
    pyr_buffer *bytes = copy_of(bitmap);
    assert_int_equal(parse_mended(bytes, ROWS), PYR_OK); /* the test's own CRC is right */
    /* 24 of header, 3 entries of 8; then the array (1, 4, 9, padding), one run, 8 KiB. */
    assert_int_equal(bytes->size_bytes, 24 + 3 * 8 + 8 + 8 + 8192);
    pyr_buffer_release(bytes);
    size_t entries = 24, array = 48, runs = 56, words = 64;
    refuses(bitmap, 16, 0x7f);        /* the cardinality */
    refuses(bitmap, entries, 1);      /* the same rows twice */
    refuses(bitmap, entries + 3, 2);  /* an array called a bitmap */
    refuses(bitmap, entries + 3, 9);  /* no kind */
    refuses(bitmap, entries + 4, 3);  /* one row more */
    refuses(bitmap, entries + 6, 1);  /* runs of an array */
    refuses(bitmap, array + 2, 1);    /* 1, 1, 9 */
    refuses(bitmap, array + 2, 10);   /* 1, 10, 9 */
    refuses(bitmap, array + 6, 1);    /* padding */
    refuses(bitmap, runs + 2, 98);    /* 99 rows of 100 */
    refuses(bitmap, runs + 4, 1);     /* padding */
    refuses(bitmap, words, 0x15);     /* a bit less */
    refuses(bitmap, words + 9, 0x57); /* a bit more */
    bytes = copy_of(bitmap);
    uint16_t first = 65500; /* the run's 100 rows end behind the container */
    memcpy(pyr_buffer_mutable(bytes) + runs, &first, sizeof(first));
    assert_int_equal(parse_mended(bytes, ROWS), PYR_ERROR_CORRUPT);
    pyr_buffer_release(bytes);
    bytes = copy_of(bitmap);
    assert_int_equal(parse_mended(bytes, 196607), PYR_OK);
    assert_int_equal(parse_mended(bytes, 196606), PYR_ERROR_CORRUPT); /* a row behind the segment */
    pyr_buffer_release(bytes);
    pyr_row_bitmap_release(bitmap);

    /* Three rows in a row are shorter as one run: the array of them is refused. */
    memset(model, 0, ROWS);
    model[1] = model[3] = model[9] = true;
    bitmap = bitmap_of(model, false);
    bytes = copy_of(bitmap);
    uint16_t follow[3] = {1, 2, 3};
    memcpy(pyr_buffer_mutable(bytes) + 32, follow, sizeof(follow));
    assert_int_equal(parse_mended(bytes, ROWS), PYR_ERROR_CORRUPT);
    pyr_buffer_release(bytes);
    pyr_row_bitmap_release(bitmap);
    free(model);
}

static void a_set_that_passes_the_budget_is_refused(void **state) {
    (void)state;
    pyr_budget *budget = pyr_budget_create(1024);
    pyr_row_bitmap_builder *builder = NULL;
    pyr_row_bitmap *bitmap = NULL;
    pyr_error fault;
    check_ok(pyr_row_bitmap_builder_create(budget, &builder, error));
    for (int64_t row = 0; row < 2000; row += 2) {
        check_ok(pyr_row_bitmap_builder_rows(builder, &row, 1, error));
    }
    assert_int_equal(pyr_row_bitmap_builder_finish(builder, &bitmap, &fault), PYR_ERROR_MEMORY);
    assert_null(bitmap);
    pyr_row_bitmap_builder_destroy(builder);
    assert_int_equal(pyr_budget_used(budget), 0);
    pyr_budget_release(budget);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_hold_what_was_added_in_any_order),
        cmocka_unit_test(overlapping_ranges_are_their_union),
        cmocka_unit_test(many_scattered_rows_are_joined_on_the_way),
        cmocka_unit_test(rows_reach_up_to_the_limit_and_no_further),
        cmocka_unit_test(union_and_intersection_agree_with_the_models),
        cmocka_unit_test(disjoint_sets_do_not_intersect_until_they_share_a_row),
        cmocka_unit_test(union_with_nothing_shares_the_other),
        cmocka_unit_test(kept_rows_are_those_not_in_the_set),
        cmocka_unit_test(parsing_gives_the_set_back_without_copying_it),
        cmocka_unit_test(bytes_are_those_of_the_documentation),
        cmocka_unit_test(sets_may_lie_at_any_address),
        cmocka_unit_test(every_flipped_bit_is_found),
        cmocka_unit_test(another_form_of_the_same_set_is_refused),
        cmocka_unit_test(a_set_that_passes_the_budget_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
