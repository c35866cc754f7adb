/* safetensors_test.c - Safetensors files held to the corpus (verdicts and hashes by the reference
 * implementation), the rules one by one, sharded models, memory of hostile headers, writing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cursor.h"
#include "base/mapping.h"
#include "base/text.h"
#include "formats/safetensors/safetensors.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static pyr_error fault; /* of the last call that failed */

static uint64_t fnv1a(const uint8_t *bytes, int64_t size_bytes) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (int64_t i = 0; i < size_bytes; ++i) {
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}
/* A file of that JSON and `data_bytes` bytes 0, 1, 2, ... */
static pyr_buffer *file_of(const char *json, size_t length, size_t data_bytes) {
    pyr_buffer *buffer;
    assert_int_equal(pyr_buffer_create(8 + length + data_bytes, NULL, &buffer, NULL), PYR_OK);
    uint8_t *to = pyr_buffer_mutable(buffer);
    for (size_t i = 0; i < 8; ++i) {
        to[i] = (uint8_t)((uint64_t)length >> (i * 8));
    }
    memcpy(to + 8, json, length);
    for (size_t i = 0; i < data_bytes; ++i) {
        to[8 + length + i] = (uint8_t)i;
    }
    return buffer;
}
static pyr_safetensors *opened(const char *json, size_t data_bytes) {
    pyr_buffer *buffer = file_of(json, strlen(json), data_bytes);
    pyr_safetensors *file;
    if (pyr_safetensors_open(buffer, "x.safetensors", NULL, &file, &fault) != PYR_OK) {
        fail_msg("%s: %s", json, fault.message);
    }
    pyr_buffer_release(buffer);
    return file;
}
static void assert_refused(const char *json, size_t data_bytes, pyr_status code,
                           const char *message) {
    pyr_buffer *buffer = file_of(json, strlen(json), data_bytes);
    pyr_safetensors *file = (pyr_safetensors *)1;
    pyr_status status = pyr_safetensors_open(buffer, "x.safetensors", NULL, &file, &fault);
    if (status != code || strstr(fault.message, message) == NULL) {
        fail_msg("%s: %s: %s", json, pyr_status_name(status), fault.message);
    }
    assert_null(file);
    assert_true(strncmp(fault.message, "x.safetensors: ", 15) == 0);
    pyr_buffer_release(buffer);
}

/* ---- The corpus. ---- */

static const pyr_safetensors_tensor *find(const pyr_safetensors *file, const char *name) {
    int64_t index = pyr_safetensors_find(file, name, strlen(name));
    return index < 0 ? NULL : pyr_safetensors_get(file, index);
}
static void check_tensor(const pyr_safetensors *file, json_t *want) {
    const char *name = json_string_value(json_object_get(want, "name"));
    const pyr_safetensors_tensor *tensor = find(file, name);
    json_t *shape = json_object_get(want, "shape");
    char hash[17];
    assert_non_null(tensor);
    assert_string_equal(tensor->view.name, name);
    assert_string_equal(pyr_tensor_type_name(tensor->view.type),
                        json_string_value(json_object_get(want, "dtype")));
    assert_int_equal(tensor->view.rank, json_array_size(shape));
    for (int32_t i = 0; i < tensor->view.rank; ++i) {
        assert_int_equal(tensor->view.shape[i],
                         json_integer_value(json_array_get(shape, (size_t)i)));
    }
    assert_int_equal(tensor->view.size_bytes, json_integer_value(json_object_get(want, "bytes")));
    assert_ptr_equal(tensor->view.data,
                     pyr_safetensors_bytes(file, 0)->data + tensor->offset_bytes);
    (void)snprintf(hash, sizeof hash, "%016llx",
                   (unsigned long long)fnv1a(tensor->view.data, tensor->view.size_bytes));
    assert_string_equal(hash, json_string_value(json_object_get(want, "fnv1a64")));
}
static void the_corpus_has_the_references_verdicts(void **unused) {
    (void)unused;
    const char *corpora = getenv("PYRALOG_CORPORA");
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/safetensors/expected.json", corpora ? corpora : ".");
    json_t *expected = json_load_file(path, 0, NULL);
    if (expected == NULL) {
        print_message("skipped: no corpus at %s\n", path);
        skip();
    }
    const char *name;
    json_t *want;
    int files = 0;
    json_object_foreach(json_object_get(expected, "files"), name, want) {
        pyr_buffer *bytes;
        pyr_safetensors *file;
        (void)snprintf(path, sizeof path, "%s/safetensors/%s", corpora, name);
        assert_int_equal(pyr_mapping_open(path, &bytes, NULL), PYR_OK);
        pyr_status status = pyr_safetensors_open(bytes, name, NULL, &file, &fault);
        bool ok = strcmp(json_string_value(json_object_get(want, "verdict")), "ok") == 0;
        if ((status == PYR_OK) != ok) {
            fail_msg("%s: %s", name, status == PYR_OK ? "is taken" : fault.message);
        }
        if (ok) {
            json_t *tensors = json_object_get(want, "tensors");
            assert_int_equal(pyr_safetensors_count(file), json_array_size(tensors));
            for (size_t i = 0; i < json_array_size(tensors); ++i) {
                check_tensor(file, json_array_get(tensors, i));
            }
            assert_true(pyr_safetensors_detect(bytes->data, 16, (int64_t)bytes->size_bytes));
            pyr_safetensors_release(file);
        }
        pyr_buffer_release(bytes);
        ++files;
    }
    assert_true(files >= 24);
    json_decref(expected);
}

/* ---- The rules. ---- */

#define U8_1(name) "\"" name "\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}"
#define INFO(dtype, shape, offsets) \
    "{\"a\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

static void every_dtype_has_its_extent(void **unused) {
    (void)unused;
    /* Eight values of each, so that all come out in whole bytes. */
    for (pyr_tensor_type type = 0; type < PYR_TENSOR_TYPES; ++type) {
        char json[128];
        int32_t size = pyr_tensor_type_bits(type);
        (void)snprintf(json, sizeof json, INFO("%s", "[2,4]", "[0,%d]"), pyr_tensor_type_name(type),
                       size);
        pyr_safetensors *file = opened(json, (size_t)size);
        assert_int_equal(pyr_safetensors_get(file, 0)->view.type, type);
        assert_int_equal(pyr_safetensors_parameters(file), 8);
        assert_int_equal(pyr_safetensors_main_type(file), type);
        pyr_safetensors_release(file);
        (void)snprintf(json, sizeof json, INFO("%s", "[2,4]", "[0,%d]"), pyr_tensor_type_name(type),
                       size + 1);
        assert_refused(json, (size_t)size + 1, PYR_ERROR_CORRUPT, "tensor \"a\": data_offsets");
    }
    assert_refused(INFO("F4", "[3]", "[0,2]"), 2, PYR_ERROR_CORRUPT, "whole bytes");
    assert_refused(INFO("C128", "[1]", "[0,16]"), 16, PYR_ERROR_CORRUPT, "unknown dtype \"C128\"");
    assert_refused(INFO("f32", "[1]", "[0,4]"), 4, PYR_ERROR_CORRUPT, "unknown dtype");
}

static void tensors_are_found_and_come_by_offset(void **unused) {
    (void)unused;
    pyr_safetensors *file =
        opened("{\"__metadata__\":{\"format\":\"pt\",\"a\\nb\":\"\"},"
               "\"b\":{\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[1,9]},"
               "\"empty\":{\"shape\":[3,0],\"data_offsets\":[9,9],\"dtype\":\"F16\"},"
               "\"\\u00e9\\ud83d\\ude00\":{\"data_offsets\":[9,11],\"dtype\":\"BF16\",\"shape\":[],"
               "\"more\":[{}]},"
               "\"\":{\"dtype\":\"BOOL\",\"shape\":[1,1],\"data_offsets\":[0,1]}} \n\t",
               11);
    static const char *const names[] = {"", "b", "empty", "\xc3\xa9\xf0\x9f\x98\x80"};
    static const int64_t offsets[] = {0, 1, 9, 9}, sizes[] = {1, 8, 0, 2}, counts[] = {1, 2, 0, 1};
    assert_int_equal(pyr_safetensors_count(file), 4);
    int64_t data_at = (int64_t)pyr_safetensors_bytes(file, 0)->size_bytes - 11;
    for (int64_t i = 0; i < 4; ++i) {
        const pyr_safetensors_tensor *tensor = pyr_safetensors_get(file, i);
        assert_string_equal(tensor->view.name, names[i]);
        assert_int_equal(pyr_safetensors_find(file, names[i], strlen(names[i])), i);
        assert_int_equal(tensor->offset_bytes, data_at + offsets[i]);
        assert_int_equal(tensor->view.size_bytes, sizes[i]);
        assert_int_equal(tensor->view.count, counts[i]);
        assert_int_equal(tensor->shard, 0);
    }
    assert_int_equal(pyr_safetensors_get(file, 2)->view.rank, 2);
    assert_int_equal(pyr_safetensors_get(file, 2)->view.shape[0], 3);
    assert_int_equal(pyr_safetensors_get(file, 3)->view.rank, 0);
    assert_int_equal(pyr_safetensors_find(file, "c", 1), -1);
    assert_int_equal(pyr_safetensors_find(file, "b\0", 2), -1);
    assert_int_equal(pyr_safetensors_find(file, "empt", 4), -1);
    assert_int_equal(pyr_safetensors_find(file, "bx", 1), 1);
    assert_int_equal(pyr_safetensors_metadata_count(file), 2);
    assert_string_equal(pyr_safetensors_metadata_get(file, 0)->key, "format");
    assert_string_equal(pyr_safetensors_metadata_get(file, 0)->value, "pt");
    assert_string_equal(pyr_safetensors_metadata_get(file, 1)->key, "a\nb");
    assert_int_equal(pyr_safetensors_parameters(file), 4);
    assert_int_equal(pyr_safetensors_data_bytes(file), 11);
    assert_int_equal(pyr_safetensors_main_type(file), PYR_TENSOR_I32);
    assert_int_equal(pyr_safetensors_shards(file), 1);
    assert_string_equal(pyr_safetensors_shard_name(file, 0), "x.safetensors");
    pyr_safetensors_release(pyr_safetensors_retain(file));
    pyr_safetensors_release(file);
}

static void headers_that_the_format_forbids(void **unused) {
    (void)unused;
    static const struct {
        const char *json;
        size_t data_bytes;
        const char *message;
    } cases[] = {
        {"", 0, "byte 8: expected an object"},
        {"[]", 0, "byte 8: expected an object"},
        {"{", 0, "byte 9: expected a string"},
        {"{} x", 0, "byte 11: expected the end"},
        {"{}{}", 0, "expected the end"},
        {"{\"a\"}", 0, "expected ':'"},
        {"{\"a\":1}", 0, "expected an object"},
        {"{\"a\":[\"U8\",[1],[0,1]]}", 1, "expected an object"},
        {"{" U8_1("a") ",}", 1, "expected a string"},
        {"{" U8_1("a") " " U8_1("b") "}", 1, "expected ',' or '}'"},
        {"{" U8_1("a") "," U8_1("a") "}", 1, "begins at byte 0 of the data, where byte 1 is next"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},"
         "\"\\u0061\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}",
         0, "tensor \"a\" is there twice"},
        {"{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1,
         "\"dtype\" is there twice"},
        {"{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}", 1, "it has no \"shape\""},
        {"{\"a\":{\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "it has no \"dtype\""},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1, "it has no \"data_offsets\""},
        {"{\"a\":{}}", 0, "it has no"},
        {"{\"__metadata__\":{\"a\":1}}", 0, "expected a string"},
        {"{\"__metadata__\":{\"a\":\"1\",\"a\":\"1\"}}", 0, "metadata \"a\" is there twice"},
        {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "__metadata__ is there twice"},
        {"{\"__metadata__\":nul}", 0, "expected a value"},
        {INFO("U8", "[1.0]", "[0,1]"), 1, "expected a whole number"},
        {INFO("U8", "[1e0]", "[0,1]"), 1, "expected a whole number"},
        {INFO("U8", "[-1]", "[0,0]"), 0, "expected a whole number"},
        {INFO("U8", "[01]", "[0,1]"), 1, "begins with 0"},
        {INFO("U8", "[\"1\"]", "[0,1]"), 1, "expected a whole number"},
        {INFO("U8", "[1,]", "[0,1]"), 1, "expected a whole number"},
        {INFO("U8", "[1]", "[0,1,2]"), 1, "two numbers"},
        {INFO("U8", "[1]", "[0]"), 1, "two numbers"},
        {INFO("U8", "[1]", "[1,0]"), 1, "its end is before its begin"},
        {INFO("U8", "[2]", "[0,2]"), 1, "ends behind the end of the file"},
        {INFO("U8", "[1]", "[1,2]"), 2, "a hole"},
        {INFO("U8", "[1]", "[0,1]"), 2, "2 bytes of data, of which the tensors are 1"},
        {INFO("U8", "[9223372036854775807,2,0]", "[0,0]"), 0, "too many values"},
        {INFO("U16", "[9223372036854775807]", "[0,0]"), 0, "whole bytes, or are too many"},
        {"{\"c\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
         "\"b\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[1,1]}}",
         2, "they overlap"},
        {"{\"a\xff\":{}}", 0, "not UTF-8"},
        {"{\"a\\ud800\":{}}", 0, "surrogate"},
        {"{\"a\\udc00\":{}}", 0, "surrogate"},
        {"{\"a\\ud800\\u0041\":{}}", 0, "surrogate"},
        {"{\"a\\x\":{}}", 0, "unknown escape"},
        {"{\"a\\u00g0\":{}}", 0, "four hexadecimal digits"},
        {"{\"a\\u00", 0, "four hexadecimal digits"},
        {"{\"a\tb\":{}}", 0, "control character"},
        {"{\"a", 0, "without an end"},
        {"\xef\xbb\xbf{}", 0, "expected an object"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        assert_refused(cases[i].json, cases[i].data_bytes, PYR_ERROR_CORRUPT, cases[i].message);
    }
    assert_refused(INFO("U8", "[9223372036854775808,0]", "[0,0]"), 0, PYR_ERROR_LIMIT, "2^63 - 1");
    assert_refused("{\"a\\u0000\":{}}", 0, PYR_ERROR_NOT_SUPPORTED, "zero character");
}
static void unknown_keys_are_checked_and_passed_over(void **unused) {
    (void)unused;
#define WITH(value) \
    "{\"a\":{\"x\":" value ",\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}"
    static const char *const good[] = {
        WITH("1"),          WITH("-0.5e+7"),
        WITH("0"),          WITH("1E9"),
        WITH("null"),       WITH("true"),
        WITH("\"\\\"\""),   WITH("[]"),
        WITH("{}"),         WITH("[[],{\"a\":[1,2,{\"b\":{}}]},\"]\"]"),
        WITH(" [ 1 , 2 ] ")};
    for (size_t i = 0; i < sizeof good / sizeof *good; ++i) {
        pyr_safetensors_release(opened(good[i], 1));
    }
    static const char *const bad[] = {
        WITH("01"),  WITH("+1"),   WITH(".5"),      WITH("1."),         WITH("1e"),
        WITH("-"),   WITH("tru"),  WITH("nulll"),   WITH("[1,]"),       WITH("[1}"),
        WITH("{1}"), WITH("[,1]"), WITH("{\"a\"}"), WITH("{\"a\":1,}"), WITH("{\"a\":}"),
        WITH("\"a"), WITH(""),     WITH("]"),       WITH("[1 2]"),      WITH("NaN")};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        assert_refused(bad[i], 1, PYR_ERROR_CORRUPT, "byte ");
    }
    char json[1024], *to = json;
    for (int depth = 63; depth <= 66; ++depth) {
        to = json + sprintf(json, "{\"a\":{\"x\":");
        memset(to, '[', (size_t)depth);
        memset(to + depth, ']', (size_t)depth);
        (void)strcpy(to + depth * 2, ",\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}");
        if (depth <= 64) {
            pyr_safetensors_release(opened(json, 1));
        } else {
            assert_refused(json, 1, PYR_ERROR_LIMIT, "too deep");
        }
    }
    to = json + sprintf(json, "{\"a\":{\"dtype\":\"U8\",\"shape\":[1");
    for (int i = 0; i < 64; ++i) {
        to += sprintf(to, ",1");
    }
    (void)strcpy(to, "],\"data_offsets\":[0,1]}}");
    assert_refused(json, 1, PYR_ERROR_LIMIT, "64 dimensions");
}
static void lengths_that_do_not_fit_the_file(void **unused) {
    (void)unused;
    static const uint8_t too_long[16] = {0xff, 0xe0, 0xf5, 0x05, 0, 0, 0, 0, '{', '}'};
    static const uint8_t beyond[10] = {3, 0, 0, 0, 0, 0, 0, 0, '{', '}'};
    static const uint8_t huge[10] = {2, 0, 0, 0, 0, 0, 0, 0x80, '{', '}'};
    pyr_buffer *buffer;
    pyr_safetensors *file;
    static const struct {
        const uint8_t *bytes;
        size_t size;
        pyr_status code;
    } cases[] = {{too_long, 16, PYR_ERROR_CORRUPT},
                 {beyond, 10, PYR_ERROR_CORRUPT},
                 {huge, 10, PYR_ERROR_LIMIT},
                 {beyond, 7, PYR_ERROR_CORRUPT},
                 {NULL, 0, PYR_ERROR_CORRUPT}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        assert_int_equal(pyr_buffer_wrap(cases[i].bytes, cases[i].size, NULL, NULL, &buffer, NULL),
                         PYR_OK);
        assert_int_equal(pyr_safetensors_open(buffer, "x", NULL, &file, &fault), cases[i].code);
        assert_null(file);
        pyr_buffer_release(buffer);
    }
}
/* Another process writes to the file: a name of a megabyte whose last character is a letter, then
 * none. What is opened has names that were checked. */
static void names_are_checked_as_they_are_kept(void **unused) {
    (void)unused;
    enum { NAME_BYTES = 1 << 20, ROUNDS = 200 };
    static const char head[] = "{\"", rest[] = "\":{\"dtype\":\"U8\",\"shape\":[0],"
                                               "\"data_offsets\":[0,0]}}";
    size_t length = sizeof head - 1 + NAME_BYTES + sizeof rest - 1;
    uint8_t *shared =
        mmap(NULL, 8 + length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    for (size_t i = 0; i < 8; ++i) {
        shared[i] = (uint8_t)((uint64_t)length >> (i * 8));
    }
    memcpy(shared + 8, head, sizeof head - 1);
    memset(shared + 8 + sizeof head - 1, 'n', NAME_BYTES);
    memcpy(shared + 8 + length - (sizeof rest - 1), rest, sizeof rest - 1);
    volatile uint8_t *last = shared + 8 + length - sizeof rest;
    assert_int_equal(*last, 'n');
    pid_t writer = fork();
    assert_true(writer >= 0);
    if (writer == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    }
    for (uint32_t i = 0; writer == 0; ++i) {
        *last = i % 2 == 0 ? 'n' : 0xff;
        for (volatile uint32_t wait = 0; wait < (i * 7919) % 65536; ++wait) {
        }
    }
    int64_t broken = 0;
    for (int i = 0; i < ROUNDS; ++i) {
        pyr_buffer *bytes;
        pyr_safetensors *file;
        assert_int_equal(pyr_buffer_wrap(shared, 8 + length, NULL, NULL, &bytes, NULL), PYR_OK);
        if (pyr_safetensors_open(bytes, "x.safetensors", NULL, &file, &fault) == PYR_OK) {
            const char *name = pyr_safetensors_get(file, 0)->view.name;
            broken += !pyr_utf8_valid((const uint8_t *)name, strlen(name));
        }
        pyr_safetensors_release(file);
        pyr_buffer_release(bytes);
    }
    (void)kill(writer, SIGKILL);
    assert_int_equal(waitpid(writer, NULL, 0), writer);
    munmap(shared, 8 + length);
    assert_int_equal(broken, 0);
}
/* A page that could not be brought reads as zeros, which are no header. */
static void a_fault_of_the_mapping_is_told_as_such(void **unused) {
    (void)unused;
    char path[] = "/tmp/pyralog-safetensors-XXXXXX";
    pyr_buffer *bytes;
    pyr_safetensors *file;
    int fd = mkstemp(path);
    assert_true(fd >= 0 && unlink(path) == 0 && ftruncate(fd, 64) == 0);
    assert_int_equal(pyr_mapping_open_fd(fd, "cut.safetensors", &bytes, NULL), PYR_OK);
    assert_int_equal(pyr_safetensors_open(bytes, "cut.safetensors", NULL, &file, &fault),
                     PYR_ERROR_CORRUPT);
    pyr_mapping_set_faulted(bytes->mapping);
    assert_int_equal(pyr_safetensors_open(bytes, "cut.safetensors", NULL, &file, &fault),
                     PYR_ERROR_IO);
    assert_non_null(strstr(fault.message, "cut.safetensors: the file was cut"));
    pyr_buffer_release(bytes);
    close(fd);
}
static void files_are_known_by_their_content(void **unused) {
    (void)unused;
    const uint8_t plain[16] = {60, 0, 0, 0, 0, 0, 0, 0, '{', '"', 'a'};
    assert_true(pyr_safetensors_detect(plain, 16, 1000));
    assert_false(pyr_safetensors_detect(plain, 16, 60));
    assert_false(pyr_safetensors_detect(plain, 9, 1000));
    const uint8_t other[16] = {60, 0, 0, 0, 0, 0, 0, 0, '{', 'a'};
    assert_false(pyr_safetensors_detect(other, 16, 1000));
    const uint8_t empty[16] = {8, 0, 0, 0, 0, 0, 0, 0, '{', '}', ' ', ' ', ' ', ' ', ' ', ' '};
    assert_true(pyr_safetensors_detect(empty, 16, 16));
    const uint8_t arrow[16] = "ARROW1\0\0\xff\xff\xff\xff\x10\0\0\0";
    assert_false(pyr_safetensors_detect(arrow, 16, 1000));
    const uint8_t long_one[16] = {0, 0, 0, 0x10, 0, 0, 0, 0, '{', '"'};
    assert_false(pyr_safetensors_detect(long_one, 16, INT64_MAX));
}

/* ---- Size. ---- */

static void a_thousand_tensors_in_little_memory(void **unused) {
    (void)unused;
    pyr_text json;
    pyr_text_init(&json);
    pyr_text_add_char(&json, '{');
    for (int i = 0; i < 1000; ++i) {
        /* Backwards, so that they are sorted. */
        pyr_text_printf(&json,
                        "%s\"model.layers.%d.weight\":{\"dtype\":\"F32\",\"shape\":[1,1],"
                        "\"data_offsets\":[%d,%d]}",
                        i > 0 ? "," : "", i, (999 - i) * 4, (1000 - i) * 4);
    }
    pyr_text_add_char(&json, '}');
    pyr_buffer *buffer = file_of(json.data, json.length, 4000);
    pyr_budget *budget = pyr_budget_create(0);
    pyr_safetensors *file;
    assert_int_equal(pyr_safetensors_open(buffer, "x", budget, &file, &fault), PYR_OK);
    assert_true(pyr_budget_used(budget) < json.length * 4);
    assert_int_equal(pyr_safetensors_count(file), 1000);
    for (int i = 0; i < 1000; ++i) {
        char name[64];
        (void)snprintf(name, sizeof name, "model.layers.%d.weight", i);
        assert_int_equal(pyr_safetensors_find(file, name, strlen(name)), 999 - i);
    }
    pyr_safetensors_release(file);
    assert_int_equal(pyr_budget_used(budget), 0);
    pyr_budget_release(budget);
    pyr_buffer_release(buffer);
    pyr_text_deinit(&json);
}

/* repeated: what makes the most of few bytes; %d is a number. */
static void assert_memory_bounded(const char *before, const char *repeated, const char *after,
                                  pyr_status code) {
    pyr_text json;
    pyr_text_init(&json);
    pyr_text_add(&json, before);
    for (int i = 0; json.length < 2000000; ++i) {
        pyr_text_add(&json, i > 0 ? "," : "");
        pyr_text_printf(&json, "\"%x\"%s", i, repeated);
    }
    pyr_text_add(&json, after);
    pyr_buffer *buffer = file_of(json.data, json.length, 0);
    pyr_budget *budget = pyr_budget_create(0);
    pyr_safetensors *file;
    assert_int_equal(pyr_safetensors_open(buffer, "x", budget, &file, &fault), code);
    if (pyr_budget_peak(budget) > json.length * 8) {
        fail_msg("%zu bytes for a header of %zu", pyr_budget_peak(budget), json.length);
    }
    pyr_safetensors_release(file);
    /* And a limit is held. */
    pyr_budget_release(budget);
    budget = pyr_budget_create(json.length * 3 / 2);
    pyr_status status = pyr_safetensors_open(buffer, "x", budget, &file, &fault);
    assert_true(status == PYR_ERROR_MEMORY || (code != PYR_OK && status == code));
    assert_int_equal(pyr_budget_used(budget), 0);
    pyr_budget_release(budget);
    pyr_buffer_release(buffer);
    pyr_text_deinit(&json);
}
static void hostile_headers_take_a_few_times_their_bytes(void **unused) {
    (void)unused;
    assert_memory_bounded("{", ":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}", "}",
                          PYR_OK);
    assert_memory_bounded(
        "{",
        ":{\"dtype\":\"U8\",\"shape\":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,"
        "0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0],\"data_offsets\":[0,0]"
        "}",
        "}", PYR_OK);
    assert_memory_bounded("{\"__metadata__\":{", ":\"\"", "}}", PYR_OK);
    assert_memory_bounded("{\"a\":{\"x\":{", ":{}", "}}}", PYR_ERROR_CORRUPT);
    assert_memory_bounded("{\"{{{{{{{{{{{{{{{{\":{\"x\":[", ",{},{},{},{},{}", "]}}",
                          PYR_ERROR_CORRUPT);
}

/* ---- Sharded models. ---- */

typedef struct shelf {
    const char *const *files; /* name, JSON, ... NULL */
    int opened;
} shelf;
static pyr_status open_shelf(void *context, const char *file, pyr_buffer **out, pyr_error *error) {
    shelf *self = context;
    *out = NULL;
    for (const char *const *at = self->files; *at != NULL; at += 2) {
        if (strcmp(at[0], file) == 0) {
            ++self->opened;
            /* As many bytes as the last tensor ends at: the number behind the last comma. */
            size_t data = strtoul(strrchr(at[1], ',') + 1, NULL, 10);
            *out = file_of(at[1], strlen(at[1]), data);
            return PYR_OK;
        }
    }
    return pyr_error_set(error, PYR_ERROR_NOT_FOUND, "%s: no such file", file);
}
static pyr_status open_index(shelf *files, const char *json, pyr_safetensors **out) {
    pyr_safetensors_opener opener = {open_shelf, files};
    return pyr_safetensors_open_index((const uint8_t *)json, strlen(json), "i.json", &opener, NULL,
                                      out, &fault);
}
static const char *const two_files[] = {
    "m-1.safetensors",
    "{" U8_1("a") ",\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}",
    "m-2.safetensors", "{\"c\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", NULL};

static void a_model_in_shards_is_one(void **unused) {
    (void)unused;
    shelf files = {two_files, 0};
    pyr_safetensors *file;
    const char *json =
        "{\"metadata\":{\"total_size\" : 11 ,\"x\":\"y\",\"z\":[1],\"n\":-1.50},\"other\":[],"
        "\"weight_map\":{\"c\":\"m-2.safetensors\",\"b\":\"m-1.safetensors\","
        "\"a\":\"m-1.safetensors\"}}";
    assert_true(pyr_safetensors_index_detect((const uint8_t *)json, strlen(json)));
    assert_int_equal(open_index(&files, json, &file), PYR_OK);
    assert_int_equal(files.opened, 2);
    assert_int_equal(pyr_safetensors_shards(file), 2);
    assert_string_equal(pyr_safetensors_shard_name(file, 0), "m-1.safetensors");
    assert_int_equal(pyr_safetensors_count(file), 3);
    assert_int_equal(pyr_safetensors_find(file, "a", 1), 0);
    assert_int_equal(pyr_safetensors_find(file, "c", 1), 2);
    const pyr_safetensors_tensor *c = pyr_safetensors_get(file, 2);
    assert_int_equal(c->shard, 1);
    pyr_buffer *bytes = pyr_safetensors_bytes(file, 1);
    assert_ptr_equal(c->view.data, bytes->data + c->offset_bytes);
    assert_int_equal(c->offset_bytes, (int64_t)bytes->size_bytes - 8);
    assert_int_equal(pyr_safetensors_parameters(file), 5);
    assert_int_equal(pyr_safetensors_data_bytes(file), 11);
    assert_int_equal(pyr_safetensors_main_type(file), PYR_TENSOR_F32);
    assert_int_equal(pyr_safetensors_metadata_count(file), 3);
    assert_string_equal(pyr_safetensors_metadata_get(file, 0)->key, "total_size");
    assert_string_equal(pyr_safetensors_metadata_get(file, 0)->value, "11");
    assert_string_equal(pyr_safetensors_metadata_get(file, 1)->value, "y");
    assert_string_equal(pyr_safetensors_metadata_get(file, 2)->value, "-1.50");
    pyr_safetensors_release(file);
}
static void an_index_and_its_files_must_agree(void **unused) {
    (void)unused;
#define MAP(entries) "{\"weight_map\":{" entries "}}"
    static const struct {
        const char *json;
        pyr_status code;
        const char *message;
    } cases[] = {
        {MAP("\"a\":\"m-1.safetensors\",\"b\":\"m-1.safetensors\",\"d\":\"m-1.safetensors\""),
         PYR_ERROR_CORRUPT, "tensor \"d\" is not in m-1.safetensors"},
        {MAP("\"a\":\"m-1.safetensors\""), PYR_ERROR_CORRUPT,
         "a tensor \"b\" that weight_map has not"},
        {MAP("\"a\":\"m-1.safetensors\",\"b\":\"m-2.safetensors\",\"c\":\"m-2.safetensors\""),
         PYR_ERROR_CORRUPT, "tensor \"b\" lies in m-1.safetensors, weight_map says m-2"},
        {MAP("\"a\":\"m-1.safetensors\",\"a\":\"m-1.safetensors\""), PYR_ERROR_CORRUPT,
         "the tensor \"a\" twice"},
        {MAP("\"a\":\"m-3.safetensors\""), PYR_ERROR_NOT_FOUND, "i.json: m-3.safetensors: no such"},
        {MAP("\"a\":\"../m-1.safetensors\""), PYR_ERROR_CORRUPT, "not one beside the index"},
        {MAP("\"a\":\"/etc/passwd\""), PYR_ERROR_CORRUPT, "not one beside the index"},
        {MAP("\"a\":\"..\""), PYR_ERROR_CORRUPT, "not one beside the index"},
        {MAP("\"a\":\"\""), PYR_ERROR_CORRUPT, "not one beside the index"},
        {MAP("\"a\":1"), PYR_ERROR_CORRUPT, "expected a string"},
        {"{\"weight_map\":{},\"weight_map\":{}}", PYR_ERROR_CORRUPT, "twice"},
        {"{\"metadata\":{}}", PYR_ERROR_CORRUPT, "no weight_map"},
        {"{\"weight_map\":{}} x", PYR_ERROR_CORRUPT, "expected the end"},
        {"{\"weight_map\":[]}", PYR_ERROR_CORRUPT, "expected an object"},
        {"[]", PYR_ERROR_CORRUPT, "expected an object"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        shelf files = {two_files, 0};
        pyr_safetensors *file = (pyr_safetensors *)1;
        pyr_status status = open_index(&files, cases[i].json, &file);
        if (status != cases[i].code || strstr(fault.message, cases[i].message) == NULL) {
            fail_msg("%s: %s: %s", cases[i].json, pyr_status_name(status), fault.message);
        }
        assert_true(strncmp(fault.message, "i.json: ", 8) == 0);
        assert_null(file);
    }
    static const char *const twice[] = {"1", "{" U8_1("a") "}", "2", "{" U8_1("a") "}", NULL};
    shelf files = {twice, 0};
    pyr_safetensors *file;
    assert_int_equal(open_index(&files, MAP("\"a\":\"1\",\"b\":\"2\""), &file), PYR_ERROR_CORRUPT);
    static const char *const broken[] = {"1", "{\"a\":{},", NULL};
    files = (shelf){broken, 0};
    assert_int_equal(open_index(&files, MAP("\"a\":\"1\""), &file), PYR_ERROR_CORRUPT);
    assert_non_null(strstr(fault.message, "i.json: 1: "));
    files = (shelf){two_files, 0};
    assert_int_equal(open_index(&files, MAP(""), &file), PYR_OK);
    assert_int_equal(pyr_safetensors_count(file), 0);
    assert_int_equal(pyr_safetensors_shards(file), 0);
    pyr_safetensors_release(file);
    assert_false(pyr_safetensors_index_detect((const uint8_t *)"{\"a\":1}", 7));
    assert_false(pyr_safetensors_index_detect((const uint8_t *)"{\"weight_map\":1}", 16));
    assert_false(pyr_safetensors_index_detect((const uint8_t *)"{\"a\":\"wei", 9));
    assert_true(pyr_safetensors_index_detect((const uint8_t *)" {\"weight_map\" : {\"a", 20));
}

/* ---- Writing. ---- */

static void what_is_written_is_read(void **unused) {
    (void)unused;
    static const float values[6] = {1, 2, 3, 4, 5, 6};
    const pyr_tensor_view tensors[] = {
        {"w \"1\"\n", PYR_TENSOR_F32, 2, (int64_t[]){2, 3}, 6, (const uint8_t *)values, 24},
        {"none", PYR_TENSOR_F6_E2M3, 1, (int64_t[]){0}, 0, NULL, 0},
        {"one", PYR_TENSOR_I64, 0, NULL, 1, (const uint8_t *)values, 8}};
    const pyr_safetensors_metadata metadata[] = {{"format", "pt"}, {"\xc3\xa9", ""}};
    pyr_buffer *head, *whole;
    assert_int_equal(pyr_safetensors_write_header(tensors, 3, metadata, 2, &head, &fault), PYR_OK);
    assert_int_equal(head->size_bytes % 64, 0);
    assert_int_equal(pyr_buffer_create(head->size_bytes + 32, NULL, &whole, NULL), PYR_OK);
    memcpy(pyr_buffer_mutable(whole), head->data, head->size_bytes);
    memcpy(pyr_buffer_mutable(whole) + head->size_bytes, values, 24);
    pyr_safetensors *file;
    assert_int_equal(pyr_safetensors_open(whole, "w", NULL, &file, &fault), PYR_OK);
    assert_int_equal(pyr_safetensors_count(file), 3);
    const pyr_safetensors_tensor *w = find(file, "w \"1\"\n");
    assert_non_null(w);
    assert_memory_equal(w->view.data, values, 24);
    assert_int_equal(find(file, "none")->view.type, PYR_TENSOR_F6_E2M3);
    assert_int_equal(find(file, "one")->view.rank, 0);
    assert_string_equal(pyr_safetensors_metadata_get(file, 1)->key, "\xc3\xa9");
    pyr_safetensors_release(file);
    pyr_buffer_release(whole);
    pyr_buffer_release(head);

    /* By the format's own words: an empty file is two brackets and spaces. */
    assert_int_equal(pyr_safetensors_write_header(NULL, 0, NULL, 0, &head, &fault), PYR_OK);
    assert_int_equal(head->size_bytes, 64);
    assert_memory_equal(head->data, "\x38\0\0\0\0\0\0\0{}      ", 16);
    pyr_buffer_release(head);
}
static void what_cannot_be_written(void **unused) {
    (void)unused;
    const pyr_tensor_view good = {"a", PYR_TENSOR_U8, 1, (int64_t[]){1}, 1, (const uint8_t *)"", 1};
    pyr_tensor_view two[] = {good, good};
    pyr_buffer *head = (pyr_buffer *)1;
    assert_int_equal(pyr_safetensors_write_header(two, 2, NULL, 0, &head, &fault),
                     PYR_ERROR_INVALID_ARGUMENT);
    assert_null(head);
    two[1].name = "__metadata__";
    assert_int_equal(pyr_safetensors_write_header(two, 2, NULL, 0, &head, &fault),
                     PYR_ERROR_INVALID_ARGUMENT);
    two[1].name = "\xff";
    assert_int_equal(pyr_safetensors_write_header(two, 2, NULL, 0, &head, &fault),
                     PYR_ERROR_INVALID_ARGUMENT);
    two[1].name = "b";
    two[1].size_bytes = 2;
    assert_int_equal(pyr_safetensors_write_header(two, 2, NULL, 0, &head, &fault),
                     PYR_ERROR_INVALID_ARGUMENT);
    two[0] = two[1] = (pyr_tensor_view){"a",       PYR_TENSOR_U8, 1,        (int64_t[]){INT64_MAX},
                                        INT64_MAX, NULL,          INT64_MAX};
    two[1].name = "b";
    assert_int_equal(pyr_safetensors_write_header(two, 2, NULL, 0, &head, &fault), PYR_ERROR_LIMIT);
    const pyr_safetensors_metadata twice[] = {{"k", "1"}, {"k", "2"}}, bad[] = {{"k", "\xff"}};
    assert_int_equal(pyr_safetensors_write_header(&good, 1, twice, 2, &head, &fault),
                     PYR_ERROR_INVALID_ARGUMENT);
    assert_int_equal(pyr_safetensors_write_header(&good, 1, bad, 1, &head, &fault),
                     PYR_ERROR_INVALID_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_corpus_has_the_references_verdicts),
        cmocka_unit_test(every_dtype_has_its_extent),
        cmocka_unit_test(tensors_are_found_and_come_by_offset),
        cmocka_unit_test(headers_that_the_format_forbids),
        cmocka_unit_test(unknown_keys_are_checked_and_passed_over),
        cmocka_unit_test(lengths_that_do_not_fit_the_file),
        cmocka_unit_test(names_are_checked_as_they_are_kept),
        cmocka_unit_test(a_fault_of_the_mapping_is_told_as_such),
        cmocka_unit_test(files_are_known_by_their_content),
        cmocka_unit_test(a_thousand_tensors_in_little_memory),
        cmocka_unit_test(hostile_headers_take_a_few_times_their_bytes),
        cmocka_unit_test(a_model_in_shards_is_one),
        cmocka_unit_test(an_index_and_its_files_must_agree),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(what_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
