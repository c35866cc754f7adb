/* codecs_corpora_test.c - chunks that other implementations of Zarr wrote: arrays that the corpus
 * has both plain and encoded, or whose cells are known, decode to what they are. */
#include "support_codecs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_BYTES_MAX = 1 << 20 };

/* The chunk's bytes into out; skips the test visibly without the corpus. */
static size_t read_chunk(const char *name, uint8_t *out) {
    char path[4096];
    const char *folder = getenv("PYRALOG_CORPORA");
    if (folder == NULL) {
        print_message("skipped: PYRALOG_CORPORA is not set\n");
        skip();
    }
    snprintf(path, sizeof path, "%s/zarr/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        print_message("skipped: PYRALOG_CORPORA has no zarr/%s\n", name);
        skip();
    }
    size_t size_bytes = fread(out, 1, CHUNK_BYTES_MAX, file);
    fclose(file);
    return size_bytes;
}

/* Decodes the chunk into out, which has room for CHUNK_BYTES_MAX. */
static size_t decode_chunk(const char *name, pyr_codec codec, uint8_t *out) {
    static uint8_t stored[CHUNK_BYTES_MAX];
    pyr_error error;
    size_t size_bytes = read_chunk(name, stored), written;
    check_ok(pyr_codec_decode(&codec, guarded(SPAN_INPUT, stored, size_bytes), size_bytes, out,
                              CHUNK_BYTES_MAX, &written, &error));
    return written;
}

static void encoded_arrays_are_the_plain_one(void **state) {
    (void)state;
    static const struct {
        const char *name;
        pyr_codec codec;
    } chunks[] = {
        {"zarrs/v2/array_zstd_C.zarr/0.0", {PYR_CODEC_ZSTD, 0, false}},
        {"zarrs/v2/array_blosc_C.zarr/0.0", {PYR_CODEC_BLOSC, 0, false}}, /* zstd, bit shuffle */
        {"zarrs/v2/array_bz2_C.zarr/0.0", {PYR_CODEC_BZ2, 0, false}},
        {"zarrs/v3_zarr_python/array_gzip.zarr/c/0/0", {PYR_CODEC_GZIP, 0, false}},
        {"zarrs/v3_zarr_python/array_zlib.zarr/c/0/0", {PYR_CODEC_ZLIB, 0, false}},
        {"zarrs/v3_zarr_python/array_bz2.zarr/c/0/0", {PYR_CODEC_BZ2, 0, false}},
        {"zarrs/v3_zarr_python/array_adler32.zarr/c/0/0", {PYR_CODEC_ADLER32, 0, true}},
    };
    static uint8_t plain[CHUNK_BYTES_MAX], out[CHUNK_BYTES_MAX];
    size_t plain_bytes = read_chunk("zarrs/v2/array_none_C.zarr/0.0", plain);
    assert_int_equal(plain_bytes, 5 * 5 * 4);
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; ++i) {
        assert_int_equal(decode_chunk(chunks[i].name, chunks[i].codec, out), plain_bytes);
        assert_memory_equal(out, plain, plain_bytes);
    }
}

static void two_checksums_give_one_array(void **state) {
    (void)state;
    static uint8_t out[2][CHUNK_BYTES_MAX];
    static const pyr_codec codecs[] = {{PYR_CODEC_FLETCHER32, 0, false},
                                       {PYR_CODEC_ADLER32, 0, true}};
    size_t size_bytes = 50 * 50 * 2;
    assert_int_equal(
        decode_chunk("zarrs/zarr_python_compat/fletcher32.zarr/0.0", codecs[0], out[0]),
        size_bytes);
    assert_int_equal(decode_chunk("zarrs/zarr_python_compat/adler32.zarr/0.0", codecs[1], out[1]),
                     size_bytes);
    assert_memory_equal(out[0], out[1], size_bytes);
}

/* A cell of zarr-java's sample is 256 z + 16 y + x; the chunk is 2 by 4 by 8. */
static void blosc_of_another_writer_decodes(void **state) {
    (void)state;
    static uint8_t ints[CHUNK_BYTES_MAX], doubles[CHUNK_BYTES_MAX];
    pyr_codec blosc = {PYR_CODEC_BLOSC, 0, false};
    assert_int_equal(decode_chunk("zarr-java/v2_sample/subgroup/array/0.0.0", blosc, ints), 64 * 4);
    assert_int_equal(decode_chunk("zarr-java/v2_sample/double/0.0.0", blosc, doubles), 64 * 8);
    for (int32_t i = 0; i < 64; ++i) {
        int32_t cell = i / 32 * 256 + i / 8 % 4 * 16 + i % 8, whole;
        double fraction;
        memcpy(&whole, ints + i * 4, sizeof whole);
        memcpy(&fraction, doubles + i * 8, sizeof fraction);
        assert_int_equal(whole, cell);
        assert_true(fraction == cell);
    }
}

static void a_chunk_of_cities_has_a_thousand(void **state) {
    (void)state;
    static uint8_t chunk[CHUNK_BYTES_MAX];
    pyr_error error;
    pyr_buffer *offsets, *data;
    int64_t count;
    size_t size_bytes = read_chunk("zarrs/zarr_python_compat/cities_v2.zarr/0", chunk);
    check_ok(pyr_codec_vlen(guarded(SPAN_INPUT, chunk, size_bytes), size_bytes, 1000, NULL, &count,
                            &offsets, &data, &error));
    assert_int_equal(count, 1000);
    assert_int_equal(offsets->size_bytes, 1001 * 4);
    assert_int_equal(data->size_bytes + 4 + 1000 * 4, size_bytes);
    pyr_buffer_release(offsets);
    pyr_buffer_release(data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoded_arrays_are_the_plain_one),
        cmocka_unit_test(two_checksums_give_one_array),
        cmocka_unit_test(blosc_of_another_writer_decodes),
        cmocka_unit_test(a_chunk_of_cities_has_a_thousand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
