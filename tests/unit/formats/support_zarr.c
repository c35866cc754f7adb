/* support_zarr.c - see support_zarr.h. */
#include "support_zarr.h"

#include "base/mapping.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/* ---- A store in memory. ---- */

typedef struct memory_entry {
    char *key;
    pyr_buffer *bytes;
} memory_entry;
typedef struct memory_keys {
    pyr_zarr_store base;
    memory_entry *entries;
    size_t count;
} memory_keys;

static pyr_status memory_get(pyr_zarr_store *base, const char *key, pyr_query_ledger *ledger,
                             pyr_budget *budget, pyr_buffer **out, pyr_error *error) {
    memory_keys *store = (memory_keys *)base;
    (void)ledger;
    (void)budget;
    (void)error;
    for (size_t i = 0; i < store->count; ++i) {
        if (strcmp(store->entries[i].key, key) == 0) {
            *out = pyr_buffer_retain(store->entries[i].bytes);
        }
    }
    return PYR_OK;
}

static pyr_status memory_locate(pyr_zarr_store *base, const char *key, pyr_zarr_stored *out,
                                pyr_error *error) {
    pyr_buffer *bytes = NULL;
    pyr_status status = memory_get(base, key, NULL, NULL, &bytes, error);
    out->present = bytes != NULL;
    if (bytes != NULL) {
        out->location = strdup(key);
        out->size_bytes = (int64_t)bytes->size_bytes;
    }
    pyr_buffer_release(bytes);
    return status;
}

static pyr_status memory_list(pyr_zarr_store *base, const char *prefix, pyr_zarr_visit visit,
                              void *context, pyr_error *error) {
    memory_keys *store = (memory_keys *)base;
    char seen[4096] = "|";
    size_t skip = *prefix != '\0' ? strlen(prefix) + 1 : 0;
    for (size_t i = 0; i < store->count; ++i) {
        const char *key = store->entries[i].key;
        if (skip != 0 && (strncmp(key, prefix, skip - 1) != 0 || key[skip - 1] != '/')) {
            continue;
        }
        char name[256], quoted[260];
        size_t length = strcspn(key + skip, "/");
        snprintf(name, sizeof(name), "%.*s", (int)length, key + skip);
        snprintf(quoted, sizeof(quoted), "|%s|", name);
        if (strstr(seen, quoted) != NULL) {
            continue;
        }
        strncat(seen, quoted + 1, sizeof(seen) - strlen(seen) - 1);
        PYR_TRY(visit(context, name, key[skip + length] == '/', error));
    }
    return PYR_OK;
}

static void memory_destroy(pyr_zarr_store *base) {
    memory_keys *store = (memory_keys *)base;
    for (size_t i = 0; i < store->count; ++i) {
        free(store->entries[i].key);
        pyr_buffer_release(store->entries[i].bytes);
    }
    free(store->entries);
    free(store);
}

pyr_zarr_store *memory_store(void) {
    static const pyr_zarr_store_ops ops = {memory_get, memory_locate, memory_list, memory_destroy};
    memory_keys *store = calloc(1, sizeof(*store));
    assert_non_null(store);
    check_ok(pyr_zarr_store_init(&store->base, &ops, "memory", error));
    return &store->base;
}

static pyr_buffer *copy_of(const void *bytes, size_t size) {
    pyr_buffer *out = NULL;
    check_ok(pyr_buffer_create(size, NULL, &out, error));
    if (size > 0) {
        memcpy(pyr_buffer_mutable(out), bytes, size);
    }
    return out;
}

static void put_buffer(pyr_zarr_store *base, const char *key, pyr_buffer *bytes) {
    memory_keys *store = (memory_keys *)base;
    for (size_t i = 0; i < store->count; ++i) {
        if (strcmp(store->entries[i].key, key) == 0) {
            pyr_buffer_release(store->entries[i].bytes);
            store->entries[i].bytes = bytes;
            return;
        }
    }
    store->entries = realloc(store->entries, (store->count + 1) * sizeof(*store->entries));
    assert_non_null(store->entries);
    store->entries[store->count++] = (memory_entry){strdup(key), bytes};
}

void store_put(pyr_zarr_store *store, const char *key, const void *bytes, size_t size_bytes) {
    put_buffer(store, key, copy_of(bytes, size_bytes));
}

void store_put_text(pyr_zarr_store *store, const char *key, const char *text) {
    store_put(store, key, text, strlen(text));
}

static struct sigaction mapping_action;

int note_mapping_action(void **state) {
    static const uint8_t byte = 1;
    (void)state;
    pyr_zarr_store *store = memory_store();
    close(store_put_mapped(store, "0", &byte, 1)); /* the first mapping puts the handler there */
    pyr_zarr_store_release(store);
    return sigaction(SIGBUS, NULL, &mapping_action);
}

int store_put_mapped(pyr_zarr_store *store, const char *key, const void *bytes, size_t size_bytes) {
    pyr_buffer *mapped = NULL;
    int fd = memfd_create(key, MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size_bytes), size_bytes);
    check_ok(pyr_mapping_open_fd(fd, key, &mapped, error));
    assert_true(pyr_mapping_is_mapped(mapped->mapping));
    put_buffer(store, key, mapped);
    return fd;
}

void cut_mapped(int fd, size_t size_bytes) {
    assert_int_equal(sigaction(SIGBUS, &mapping_action, NULL), 0);
    assert_int_equal(ftruncate(fd, (off_t)size_bytes), 0);
}

/* ---- Files. ---- */

char *corpus_path(const char *path) {
    const char *folder = getenv("PYRALOG_CORPORA");
    struct stat info;
    char *out = NULL;
    if (folder == NULL) {
        fprintf(stderr, "SKIPPED: PYRALOG_CORPORA is not set: no conformance data\n");
        return NULL;
    }
    assert_true(asprintf(&out, "%s/zarr/%s", folder, path) > 0);
    if (stat(out, &info) != 0) {
        fprintf(stderr, "SKIPPED: %s is not there: no conformance data\n", out);
        free(out);
        return NULL;
    }
    return out;
}

pyr_zarr_store *open_store(const char *path) {
    struct stat info;
    pyr_zarr_store *store = NULL;
    assert_int_equal(stat(path, &info), 0);
    if (S_ISDIR(info.st_mode)) {
        check_ok(pyr_zarr_store_open_folder(path, NULL, &store, error));
    } else {
        pyr_buffer *bytes = NULL;
        check_ok(pyr_mapping_open(path, &bytes, error));
        check_ok(pyr_zarr_store_open_zip(bytes, path, NULL, &store, error));
        pyr_buffer_release(bytes);
    }
    return store;
}

pyr_zarr *open_zarr(pyr_zarr_store *store, const char *path, pyr_zarr_format format) {
    pyr_zarr *zarr = NULL;
    check_ok(pyr_zarr_open(store, path, format, NULL, &zarr, error));
    pyr_zarr_store_release(store);
    return zarr;
}

/* ---- Zip files (APPNOTE.TXT 4.3). ---- */

static void put(uint8_t **data, size_t *size, const void *bytes, size_t count) {
    *data = realloc(*data, *size + count + 1);
    assert_non_null(*data);
    if (count > 0) {
        memcpy(*data + *size, bytes, count);
    }
    *size += count;
}

static void put_number(uint8_t **data, size_t *size, uint64_t value, size_t count) {
    put(data, size, &value, count);
}

static size_t deflate_raw(const void *bytes, size_t size, uint8_t **out) {
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t room = deflateBound(&stream, (uLong)size);
    *out = malloc(room + 1);
    assert_non_null(*out);
    stream.next_in = (Bytef *)(uintptr_t)bytes;
    stream.avail_in = (uInt)size;
    stream.next_out = *out;
    stream.avail_out = (uInt)room;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t made = stream.total_out;
    deflateEnd(&stream);
    return made;
}

void zip_add(zip_writer *zip, const char *name, const void *bytes, size_t size_bytes, int method) {
    uint8_t *packed = NULL;
    const void *stored = bytes;
    size_t stored_size = size_bytes, at = zip->size, length = strlen(name);
    uint32_t crc = (uint32_t)crc32(crc32(0, NULL, 0), bytes, (uInt)size_bytes);
    if (method == 8) {
        stored_size = deflate_raw(bytes, size_bytes, &packed);
        stored = packed;
    }
    bool large = zip->zip64;
    put_number(&zip->data, &zip->size, 0x04034b50, 4);
    put_number(&zip->data, &zip->size, 20, 2);
    put_number(&zip->data, &zip->size, 0, 2);
    put_number(&zip->data, &zip->size, (uint64_t)method, 2);
    put_number(&zip->data, &zip->size, 0, 4);
    put_number(&zip->data, &zip->size, crc, 4);
    put_number(&zip->data, &zip->size, stored_size, 4);
    put_number(&zip->data, &zip->size, size_bytes, 4);
    put_number(&zip->data, &zip->size, length, 2);
    put_number(&zip->data, &zip->size, 5, 2); /* an extra field that no reader knows */
    put(&zip->data, &zip->size, name, length);
    put(&zip->data, &zip->size, "\x99\x99\x01\x00z", 5);
    put(&zip->data, &zip->size, stored, stored_size);

    uint8_t **to = &zip->directory;
    size_t *size = &zip->directory_size;
    put_number(to, size, 0x02014b50, 4);
    put_number(to, size, 20, 2);
    put_number(to, size, 20, 2);
    put_number(to, size, 0, 2);
    put_number(to, size, (uint64_t)method, 2);
    put_number(to, size, 0, 4);
    put_number(to, size, crc, 4);
    put_number(to, size, large ? UINT32_MAX : stored_size, 4);
    put_number(to, size, large ? UINT32_MAX : size_bytes, 4);
    put_number(to, size, length, 2);
    put_number(to, size, large ? 28 : 0, 2);
    put_number(to, size, 0, 2);
    put_number(to, size, 0, 2);
    put_number(to, size, 0, 2);
    put_number(to, size, 0, 4);
    put_number(to, size, large ? UINT32_MAX : at, 4);
    put(to, size, name, length);
    if (large) {
        put_number(to, size, 1, 2);
        put_number(to, size, 24, 2);
        put_number(to, size, size_bytes, 8);
        put_number(to, size, stored_size, 8);
        put_number(to, size, at, 8);
    }
    ++zip->members;
    free(packed);
}

void zip_add_text(zip_writer *zip, const char *name, const char *text, int method) {
    zip_add(zip, name, text, strlen(text), method);
}

pyr_buffer *zip_finish(zip_writer *zip, const char *comment) {
    size_t at = zip->size;
    uint8_t **to = &zip->data;
    size_t *size = &zip->size, count = (size_t)zip->members;
    put(to, size, zip->directory, zip->directory_size);
    if (zip->zip64) {
        size_t end_at = zip->size;
        put_number(to, size, 0x06064b50, 4);
        put_number(to, size, 44, 8);
        put_number(to, size, 45 | 45 << 16, 4);
        put_number(to, size, 0, 8);
        put_number(to, size, count, 8);
        put_number(to, size, count, 8);
        put_number(to, size, zip->directory_size, 8);
        put_number(to, size, at, 8);
        put_number(to, size, 0x07064b50, 4);
        put_number(to, size, 0, 4);
        put_number(to, size, end_at, 8);
        put_number(to, size, 1, 4);
    }
    put_number(to, size, 0x06054b50, 4);
    put_number(to, size, 0, 4);
    put_number(to, size, zip->zip64 ? UINT16_MAX : count, 2);
    put_number(to, size, zip->zip64 ? UINT16_MAX : count, 2);
    put_number(to, size, zip->zip64 ? UINT32_MAX : zip->directory_size, 4);
    put_number(to, size, zip->zip64 ? UINT32_MAX : at, 4);
    put_number(to, size, strlen(comment), 2);
    put(to, size, comment, strlen(comment));
    pyr_buffer *out = copy_of(zip->data, zip->size);
    free(zip->data);
    free(zip->directory);
    memset(zip, 0, sizeof(*zip));
    return out;
}

pyr_zarr_store *zip_store_of(pyr_buffer *bytes) {
    pyr_zarr_store *store = NULL;
    check_ok(pyr_zarr_store_open_zip(bytes, "test.zip", NULL, &store, error));
    pyr_buffer_release(bytes);
    return store;
}

/* ---- Values. ---- */

pyr_zarr_array *find_array(const pyr_zarr *zarr, const char *path) {
    for (int64_t i = 0; i < pyr_zarr_arrays_count(zarr); ++i) {
        pyr_zarr_array *array = pyr_zarr_get_array(zarr, i);
        if (strcmp(pyr_zarr_array_info(array)->path, path) == 0) {
            return array;
        }
    }
    return NULL;
}

pyr_zarr_chunk read_all(pyr_zarr_array *array) {
    static const int64_t start[PYR_ZARR_RANK_MAX] = {0};
    pyr_zarr_chunk all;
    check_ok(pyr_zarr_read_region(array, start, pyr_zarr_array_info(array)->shape, NULL, NULL, &all,
                                  error));
    return all;
}

void assert_int32_values(pyr_zarr_array *array, const int32_t *expected, int64_t count) {
    pyr_zarr_chunk all = read_all(array);
    assert_int_equal(all.count, count);
    assert_int_equal(all.bytes->size_bytes, (size_t)count * sizeof(int32_t));
    if (count > 0) {
        assert_memory_equal(all.bytes->data, expected, (size_t)count * sizeof(int32_t));
    }
    pyr_zarr_chunk_deinit(&all);
}

pyr_array *array_values(pyr_zarr_array *array, bool decode_cf) {
    pyr_zarr_chunk all = read_all(array);
    pyr_array *values = NULL;
    check_ok(
        pyr_zarr_chunk_values(array, &all, 0, all.count, decode_cf, NULL, NULL, &values, error));
    check_ok(pyr_array_validate(values, PYR_VALIDATE_FULL, error));
    pyr_zarr_chunk_deinit(&all);
    return values;
}

void assert_row(const pyr_array *array, int64_t row, const char *expected) {
    pyr_text text;
    pyr_text_init(&text);
    pyr_array_print_value(array, row, &text);
    assert_string_equal(pyr_text_get(&text), expected);
    pyr_text_deinit(&text);
}

/* ---- SHA-256 (FIPS 180-4). ---- */

#define TURN(x, bits) ((x) >> (bits) | (x) << (32 - (bits)))

/* The first 32 bits of the fractions of the roots of the first primes: computed, not listed. */
static void constants(uint32_t k[64], uint32_t start[8]) {
    int found = 0;
    for (uint32_t n = 2; found < 64; ++n) {
        bool prime = true;
        for (uint32_t d = 2; d * d <= n; ++d) {
            prime = prime && n % d != 0;
        }
        if (!prime) {
            continue;
        }
        /* floor(cbrt(n) * 2^32) by bisection in 128 bits; likewise the square root. */
        unsigned __int128 low = 0, high = (unsigned __int128)1 << 36;
        while (high - low > 1) {
            unsigned __int128 middle = (low + high) / 2;
            bool below = middle * middle * middle <= (unsigned __int128)n << 96;
            *(below ? &low : &high) = middle;
        }
        k[found] = (uint32_t)low;
        if (found < 8) {
            low = 0;
            high = (unsigned __int128)1 << 36;
            while (high - low > 1) {
                unsigned __int128 middle = (low + high) / 2;
                *(middle * middle <= (unsigned __int128)n << 64 ? &low : &high) = middle;
            }
            start[found] = (uint32_t)low;
        }
        ++found;
    }
}

/* Without checks: arrays of the corpus have 80 MB. The values a to h stay where they are, and take
 * turns in what they are called. */
__attribute__((no_sanitize("address", "undefined"))) static void
compress_block(const uint32_t *k, uint32_t *state, const uint8_t *block) {
    uint32_t w[64], v[8];
    for (int i = 0; i < 16; ++i) {
        uint32_t word;
        memcpy(&word, block + i * 4, sizeof(word));
        w[i] = __builtin_bswap32(word);
    }
    for (int i = 16; i < 64; ++i) {
        uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + (TURN(a, 7) ^ TURN(a, 18) ^ a >> 3) + w[i - 7] +
               (TURN(b, 17) ^ TURN(b, 19) ^ b >> 10);
    }
    memcpy(v, state, sizeof(v));
    for (unsigned i = 0; i < 64; ++i) {
        uint32_t a = v[(0 - i) & 7], b = v[(1 - i) & 7], c = v[(2 - i) & 7];
        uint32_t e = v[(4 - i) & 7], f = v[(5 - i) & 7], g = v[(6 - i) & 7];
        uint32_t first = v[(7 - i) & 7] + (TURN(e, 6) ^ TURN(e, 11) ^ TURN(e, 25)) +
                         ((e & f) ^ (~e & g)) + k[i] + w[i];
        v[(3 - i) & 7] += first;
        v[(7 - i) & 7] =
            first + (TURN(a, 2) ^ TURN(a, 13) ^ TURN(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    }
    for (int i = 0; i < 8; ++i) {
        state[i] += v[i];
    }
}

void sha256_hex(const void *bytes, size_t size_bytes, char out[65]) {
    uint32_t k[64], state[8];
    const uint8_t *at = bytes;
    size_t left = size_bytes;
    uint8_t tail[128] = {0};
    constants(k, state);
    for (; left >= 64; left -= 64, at += 64) {
        compress_block(k, state, at);
    }
    if (left > 0) {
        memcpy(tail, at, left);
    }
    tail[left] = 0x80;
    size_t blocks = left < 56 ? 1 : 2;
    for (int i = 0; i < 8; ++i) {
        tail[blocks * 64 - 1 - (size_t)i] = (uint8_t)((uint64_t)size_bytes * 8 >> (i * 8));
    }
    for (size_t i = 0; i < blocks; ++i) {
        compress_block(k, state, tail + i * 64);
    }
    for (int i = 0; i < 8; ++i) {
        snprintf(out + i * 8, 9, "%08x", state[i]);
    }
}
