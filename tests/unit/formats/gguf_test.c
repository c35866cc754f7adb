/* gguf_test.c - GGUF headers: a file that the gguf Python package wrote, and the rules one by one
 * on files made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mapping.h"
#include "base/text.h"
#include "formats/gguf/gguf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pyr_error fault;

static uint64_t fnv1a(const uint8_t *bytes, int64_t size_bytes) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (int64_t i = 0; i < size_bytes; ++i) {
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}
static pyr_gguf *open_written(const char *name) {
    const char *source = getenv("PYRALOG_SOURCE");
    char path[4096];
    pyr_buffer *bytes;
    pyr_gguf *file;
    (void)snprintf(path, sizeof path, "%s/fuzz/corpus/formats_gguf/%s", source ? source : ".",
                   name);
    assert_int_equal(pyr_mapping_open(path, &bytes, NULL), PYR_OK);
    assert_true(pyr_gguf_detect(bytes->data, 8));
    if (pyr_gguf_open(bytes, name, NULL, &file, &fault) != PYR_OK) {
        fail_msg("%s", fault.message);
    }
    pyr_buffer_release(bytes);
    return file;
}
static void a_file_of_the_python_package(void **unused) {
    (void)unused;
    /* Written by the PyPI package gguf; what its GGUFReader says: places, sizes, FNV-1a-64 of
     * bytes. */
    static const struct {
        const char *name, *type;
        int32_t rank;
        int64_t shape[2], offset, size;
        uint64_t hash;
    } wanted[] = {{"w", "F32", 2, {2, 3}, 640, 24, UINT64_C(0xae84d8b16310b1a8)},
                  {"half", "F16", 1, {5}, 672, 10, UINT64_C(0x183b8f6578e4e49f)},
                  {"bytes", "I8", 1, {7}, 704, 7, UINT64_C(0x841bdba5e4298608)},
                  {"blocks", "Q8_0", 2, {2, 64}, 736, 136, UINT64_C(0xb84baf941ad66585)}};
    static const struct {
        const char *key, *type, *value;
        int64_t count;
    } entries[] = {{"general.architecture", "string", "llama", 1},
                   {"t.u8", "uint8", "200", 1},
                   {"t.i8", "int8", "-5", 1},
                   {"t.u16", "uint16", "65535", 1},
                   {"t.i16", "int16", "-300", 1},
                   {"t.u32", "uint32", "4000000000", 1},
                   {"t.i32", "int32", "-7", 1},
                   {"t.u64", "uint64", "9223372036854775809", 1},
                   {"t.i64", "int64", "-4611686018427387904", 1},
                   {"t.f32", "float32", "0.5", 1},
                   {"t.f64", "float64", "-1.25e+300", 1},
                   {"t.yes", "bool", "true", 1},
                   {"t.no", "bool", "false", 1},
                   {"t.text", "string",
                    "gr\xc3\xbc\xc3\x9f"
                    "e",
                    1},
                   {"t.words", "array of string", NULL, 3},
                   {"t.numbers", "array of int32", NULL, 3}};
    pyr_gguf *file = open_written("gguf_py");
    assert_int_equal(pyr_gguf_version(file), 3);
    assert_int_equal(pyr_gguf_alignment(file), 32);
    assert_int_equal(pyr_gguf_count(file), 4);
    for (int64_t i = 0; i < 4; ++i) {
        const pyr_gguf_tensor *tensor = pyr_gguf_get(file, i);
        assert_string_equal(tensor->view.name, wanted[i].name);
        assert_string_equal(tensor->type, wanted[i].type);
        assert_int_equal(tensor->quantized, i == 3);
        assert_int_equal(tensor->view.rank, wanted[i].rank);
        assert_memory_equal(tensor->view.shape, wanted[i].shape, (size_t)wanted[i].rank * 8);
        assert_int_equal(tensor->offset_bytes, wanted[i].offset);
        assert_int_equal(tensor->view.size_bytes, wanted[i].size);
        assert_true(fnv1a(tensor->view.data, tensor->view.size_bytes) == wanted[i].hash);
    }
    assert_int_equal(pyr_gguf_get(file, 0)->view.type, PYR_TENSOR_F32);
    assert_int_equal(pyr_gguf_get(file, 1)->view.type, PYR_TENSOR_F16);
    assert_int_equal(pyr_gguf_parameters(file), 6 + 5 + 7 + 128);
    assert_int_equal(pyr_gguf_data_bytes(file), 24 + 10 + 7 + 136);
    assert_int_equal(pyr_gguf_metadata_count(file), 16);
    for (int64_t i = 0; i < 16; ++i) {
        const pyr_gguf_metadata *entry = pyr_gguf_metadata_get(file, i);
        assert_string_equal(entry->key, entries[i].key);
        assert_string_equal(entry->type, entries[i].type);
        assert_int_equal(entry->count, entries[i].count);
        if (entries[i].value == NULL) {
            assert_null(entry->value);
        } else {
            assert_string_equal(entry->value, entries[i].value);
        }
    }
    pyr_gguf_close(file);
    file = open_written("gguf_py_64");
    assert_int_equal(pyr_gguf_alignment(file), 64);
    for (int64_t i = 0; i < 4; ++i) {
        const pyr_gguf_tensor *tensor = pyr_gguf_get(file, i);
        assert_int_equal(tensor->offset_bytes % 64, 0);
        assert_true(fnv1a(tensor->view.data, tensor->view.size_bytes) == wanted[i].hash);
    }
    pyr_gguf_close(file);
}

/* ---- Files made here. ---- */

static void add_u32(pyr_text *out, uint32_t value) {
    for (int i = 0; i < 4; ++i) {
        pyr_text_add_char(out, (char)(value >> (i * 8)));
    }
}
static void add_u64(pyr_text *out, uint64_t value) {
    add_u32(out, (uint32_t)value);
    add_u32(out, (uint32_t)(value >> 32));
}
static void add_string(pyr_text *out, const char *text) {
    add_u64(out, strlen(text));
    pyr_text_add(out, text);
}
static void begin(pyr_text *out, uint32_t version, uint64_t tensors, uint64_t metadata) {
    pyr_text_init(out);
    pyr_text_add(out, "GGUF");
    add_u32(out, version);
    add_u64(out, tensors);
    add_u64(out, metadata);
}
static void add_tensor(pyr_text *out, const char *name, uint64_t length, uint32_t type,
                       uint64_t offset) {
    add_string(out, name);
    add_u32(out, 1);
    add_u64(out, length);
    add_u32(out, type);
    add_u64(out, offset);
}
/* Frees the text. data: zeros from the next multiple of 32 on. */
static void assert_opens(pyr_text *text, size_t data, pyr_status code, const char *message) {
    pyr_buffer *bytes;
    pyr_gguf *file;
    while (data > 0 && text->length % 32 != 0) {
        pyr_text_add_char(text, '\0');
    }
    for (size_t i = 0; i < data; ++i) {
        pyr_text_add_char(text, '\0');
    }
    assert_int_equal(pyr_buffer_create(text->length, NULL, &bytes, NULL), PYR_OK);
    memcpy(pyr_buffer_mutable(bytes), text->data, text->length);
    pyr_status status = pyr_gguf_open(bytes, "x.gguf", NULL, &file, &fault);
    if (status != code || (code != PYR_OK && strstr(fault.message, message) == NULL)) {
        fail_msg("wanted \"%s\": %s: %s", message, pyr_status_name(status),
                 status == PYR_OK ? "" : fault.message);
    }
    pyr_gguf_close(file);
    pyr_buffer_release(bytes);
    pyr_text_deinit(text);
}
static void headers_that_the_format_forbids(void **unused) {
    (void)unused;
    pyr_text t;
    begin(&t, 3, 0, 0);
    assert_opens(&t, 0, PYR_OK, "");
    begin(&t, 2, 1, 0);
    add_tensor(&t, "a", 8, 0, 0);
    assert_opens(&t, 32, PYR_OK, "");
    begin(&t, 1, 0, 0);
    assert_opens(&t, 0, PYR_ERROR_NOT_SUPPORTED, "not 2 or 3");
    begin(&t, 0, 0, 0);
    assert_opens(&t, 0, PYR_ERROR_NOT_SUPPORTED, "not 2 or 3");
    begin(&t, 0x03000000, 0, 0);
    assert_opens(&t, 0, PYR_ERROR_NOT_SUPPORTED, "big-endian");
    begin(&t, 3, UINT64_MAX, 0);
    assert_opens(&t, 0, PYR_ERROR_CORRUPT, "behind the end");
    begin(&t, 3, 0, UINT64_MAX / 2);
    assert_opens(&t, 0, PYR_ERROR_CORRUPT, "behind the end");
    begin(&t, 3, 1, 0);
    add_tensor(&t, "a", 8, 0, 0);
    assert_opens(&t, 31, PYR_ERROR_CORRUPT, "ends behind the end");
    begin(&t, 3, 1, 0);
    add_tensor(&t, "a", 8, 0, 32);
    assert_opens(&t, 64, PYR_ERROR_CORRUPT, "begins at byte 32 of the data, where byte 0 is next");
    begin(&t, 3, 2, 0);
    add_tensor(&t, "a", 8, 24, 0);
    add_tensor(&t, "b", 8, 24, 8);
    assert_opens(&t, 64, PYR_ERROR_CORRUPT, "where byte 32 is next");
    begin(&t, 3, 2, 0);
    add_tensor(&t, "a", 0, 24, 0);
    add_tensor(&t, "a", 0, 24, 0);
    assert_opens(&t, 0, PYR_ERROR_CORRUPT, "the same name as the one before");
    begin(&t, 3, 3, 0);
    add_tensor(&t, "a", 0, 24, 0);
    add_tensor(&t, "b", 0, 24, 0);
    add_tensor(&t, "a", 0, 24, 0);
    assert_opens(&t, 0, PYR_ERROR_CORRUPT, "\"a\": it is there twice");
    begin(&t, 3, 1, 0);
    add_tensor(&t, "a", 33, 8, 0);
    assert_opens(&t, 64, PYR_ERROR_CORRUPT, "whole blocks");
    begin(&t, 3, 1, 0);
    add_tensor(&t, "a", 32, 4, 0);
    assert_opens(&t, 64, PYR_ERROR_NOT_SUPPORTED, "type 4 is unknown");
    begin(&t, 3, 1, 0);
    add_tensor(&t, "a", INT64_MAX, 27, 0);
    assert_opens(&t, 64, PYR_ERROR_CORRUPT, "too many bytes");
    begin(&t, 3, 1, 0);
    add_tensor(&t, "a", UINT64_MAX, 0, 0);
    assert_opens(&t, 64, PYR_ERROR_CORRUPT, "beyond 2^63 - 1");
    begin(&t, 3, 1, 0);
    add_string(&t, "a");
    add_u32(&t, 5);
    assert_opens(&t, 64, PYR_ERROR_CORRUPT, "more than 4 dimensions");
    begin(&t, 3, 1, 0);
    add_tensor(&t, "a\xff", 1, 0, 0);
    assert_opens(&t, 64, PYR_ERROR_CORRUPT, "not UTF-8");
    pyr_text_init(&t);
    pyr_text_add(&t, "GGUF");
    assert_opens(&t, 0, PYR_ERROR_CORRUPT, "not a GGUF file");
}
static void metadata_that_the_format_forbids(void **unused) {
    (void)unused;
    pyr_text t;
    begin(&t, 3, 0, 2);
    for (int i = 0; i < 2; ++i) {
        add_string(&t, "k");
        add_u32(&t, 4);
        add_u32(&t, 1);
    }
    assert_opens(&t, 0, PYR_ERROR_CORRUPT, "twice");
    begin(&t, 3, 0, 1);
    add_string(&t, "key");
    add_u32(&t, 13);
    assert_opens(&t, 32, PYR_ERROR_CORRUPT, "unknown type of metadata");
    begin(&t, 3, 0, 1);
    add_string(&t, "key");
    add_u32(&t, 8);
    add_u64(&t, UINT64_MAX);
    assert_opens(&t, 32, PYR_ERROR_CORRUPT, "behind the end");
    for (uint32_t item = 0; item < 13; ++item) {
        begin(&t, 3, 0, 1);
        add_string(&t, "key");
        add_u32(&t, 9);
        add_u32(&t, item);
        add_u64(&t, UINT64_MAX / 4);
        assert_opens(&t, 32, PYR_ERROR_CORRUPT, "");
    }
    for (int depth = 4; depth <= 5; ++depth) {
        begin(&t, 3, 0, 1);
        add_string(&t, "key");
        add_u32(&t, 9);
        for (int i = 1; i < depth; ++i) {
            add_u32(&t, 9);
            add_u64(&t, 1);
        }
        add_u32(&t, 0);
        add_u64(&t, 0);
        assert_opens(&t, 0, depth == 4 ? PYR_OK : PYR_ERROR_LIMIT, "too deep");
    }
    static const uint32_t alignments[] = {0, 3, 48};
    for (size_t i = 0; i < 3; ++i) {
        begin(&t, 3, 0, 1);
        add_string(&t, "general.alignment");
        add_u32(&t, 4);
        add_u32(&t, alignments[i]);
        assert_opens(&t, 0, PYR_ERROR_CORRUPT, "power of two");
    }
}
static void a_budget_is_held(void **unused) {
    (void)unused;
    pyr_text t;
    pyr_buffer *bytes;
    pyr_gguf *file;
    begin(&t, 3, 0, 100000);
    for (uint32_t i = 0; i < 100000; ++i) {
        char key[16];
        (void)snprintf(key, sizeof key, "%x", i);
        add_string(&t, key);
        add_u32(&t, 0);
        pyr_text_add_char(&t, '\1');
    }
    assert_int_equal(pyr_buffer_wrap(t.data, t.length, NULL, NULL, &bytes, NULL), PYR_OK);
    pyr_budget *budget = pyr_budget_create(0);
    assert_int_equal(pyr_gguf_open(bytes, "x", budget, &file, &fault), PYR_OK);
    assert_true(pyr_budget_peak(budget) < t.length * 8);
    pyr_gguf_close(file);
    pyr_budget_release(budget);
    budget = pyr_budget_create(t.length);
    assert_int_equal(pyr_gguf_open(bytes, "x", budget, &file, &fault), PYR_ERROR_MEMORY);
    assert_int_equal(pyr_budget_used(budget), 0);
    pyr_budget_release(budget);
    pyr_buffer_release(bytes);
    pyr_text_deinit(&t);
}

/* Headers that are whole but for a count, before a megabyte of one byte. */
static void a_count_that_is_wrong_takes_no_memory(void **unused) {
    (void)unused;
    enum { TAIL_BYTES = 1 << 20 };
    for (int i = 0; i < 4; ++i) {
        pyr_text t;
        pyr_buffer *bytes;
        pyr_gguf *file;
        bool tensors = i % 2 == 0;
        begin(&t, 3, tensors ? TAIL_BYTES / 24 : 0, tensors ? 0 : TAIL_BYTES / 13);
        if (tensors) {
            add_tensor(&t, "a", 8, 0, 0);
        } else {
            add_string(&t, "key");
            add_u32(&t, 0);
            pyr_text_add_char(&t, '\1');
        }
        for (int j = 0; j < TAIL_BYTES; ++j) {
            pyr_text_add_char(&t, i < 2 ? '\0' : '\1');
        }
        assert_int_equal(pyr_buffer_wrap(t.data, t.length, NULL, NULL, &bytes, NULL), PYR_OK);
        pyr_budget *budget = pyr_budget_create(64 << 10);
        assert_int_equal(pyr_gguf_open(bytes, "x", budget, &file, &fault), PYR_ERROR_CORRUPT);
        assert_null(file);
        pyr_budget_release(budget);
        pyr_buffer_release(bytes);
        pyr_text_deinit(&t);
    }
}
/* A page that could not be brought reads as zeros, which are no header. */
static void a_fault_of_the_mapping_is_told_as_such(void **unused) {
    (void)unused;
    char path[] = "/tmp/pyralog-gguf-XXXXXX";
    pyr_buffer *bytes;
    pyr_gguf *file;
    int fd = mkstemp(path);
    assert_true(fd >= 0 && unlink(path) == 0 && ftruncate(fd, 64) == 0);
    assert_int_equal(pyr_mapping_open_fd(fd, "cut.gguf", &bytes, NULL), PYR_OK);
    assert_int_equal(pyr_gguf_open(bytes, "cut.gguf", NULL, &file, &fault), PYR_ERROR_CORRUPT);
    pyr_mapping_set_faulted(bytes->mapping);
    assert_int_equal(pyr_gguf_open(bytes, "cut.gguf", NULL, &file, &fault), PYR_ERROR_IO);
    assert_non_null(strstr(fault.message, "cut.gguf: the file was cut"));
    pyr_buffer_release(bytes);
    close(fd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_of_the_python_package),
        cmocka_unit_test(headers_that_the_format_forbids),
        cmocka_unit_test(metadata_that_the_format_forbids),
        cmocka_unit_test(a_budget_is_held),
        cmocka_unit_test(a_count_that_is_wrong_takes_no_memory),
        cmocka_unit_test(a_fault_of_the_mapping_is_told_as_such),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
