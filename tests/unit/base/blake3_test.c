/* blake3_test.c - BLAKE3 against its definition written as a recursion over the scalar compression
 * function, against known answers, and every ISA of this CPU against the scalar one. */
#include "base/blake3_internal.h"
#include "base/mapping.h"
#include "support_base.h"

#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define CHUNK PYR_BLAKE3_CHUNK_BYTES
#define SUBTREE ((size_t)PYR_BLAKE3_SUBTREE_CHUNKS * CHUNK)

/* The key and context that the published vectors use, so that ours can be compared with them. */
static const uint8_t vector_key[] = "whats the Elvish word for friend";
static const char vector_context[] = "BLAKE3 2019-12-27 16:29:52 test vectors context";

enum { MODE_HASH, MODE_KEYED, MODE_DERIVE, MODES };

static void init_mode(pyr_blake3 *hasher, int mode) {
    if (mode == MODE_HASH) {
        pyr_blake3_init(hasher);
    } else if (mode == MODE_KEYED) {
        pyr_blake3_init_keyed(hasher, vector_key);
    } else {
        pyr_blake3_init_derive_key(hasher, vector_context, strlen(vector_context));
    }
}

static uint64_t random_state = 88172645463325252u;

static uint64_t next_random(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* The vectors' input. The period of 251 makes every chunk and every block another one. */
static uint8_t *make_input(size_t size_bytes) {
    uint8_t *bytes = malloc(size_bytes + 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < size_bytes; ++i) {
        bytes[i] = (uint8_t)(i % 251);
    }
    return bytes;
}

static void assert_hex(const uint8_t *bytes, const char *hex) {
    size_t count = strlen(hex) / 2;
    char text[2 * 256 + 1];
    assert_true(count <= 256);
    for (size_t i = 0; i < count; ++i) {
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    }
    assert_string_equal(text, hex);
}

/* ---- The definition: a node is a chunk, or the parent of a left subtree that is the largest power
 * of two of chunks leaving at least one byte to the right (sections 2.1, 2.4 and 2.5). ---- */

static void define_chunk(const uint8_t *input, size_t size_bytes, uint64_t index,
                         const pyr_blake3 *mode, uint32_t root, uint32_t out[16]) {
    uint32_t value[8];
    uint32_t flags = PYR_BLAKE3_CHUNK_START;
    memcpy(value, mode->key, sizeof(value));
    for (;;) {
        uint8_t block[64] = {0};
        uint32_t block_bytes = size_bytes < 64 ? (uint32_t)size_bytes : 64;
        if (block_bytes > 0) {
            memcpy(block, input, block_bytes);
        }
        bool last = size_bytes <= 64;
        flags |= mode->flags | (last ? PYR_BLAKE3_CHUNK_END | root : 0);
        pyr_blake3_compress_scalar(value, block, block_bytes, index, flags, out);
        if (last) {
            return;
        }
        memcpy(value, out, sizeof(value));
        input += 64;
        size_bytes -= 64;
        flags = 0;
    }
}

static void define_node(const uint8_t *input, size_t size_bytes, uint64_t index,
                        const pyr_blake3 *mode, uint32_t root, uint32_t out[16]) {
    if (size_bytes <= CHUNK) {
        define_chunk(input, size_bytes, index, mode, root, out);
        return;
    }
    size_t left = CHUNK;
    while (2 * left < size_bytes) {
        left *= 2;
    }
    uint8_t children[64];
    define_node(input, left, index, mode, 0, out);
    pyr_blake3_store_value(children, out);
    define_node(input + left, size_bytes - left, index + left / CHUNK, mode, 0, out);
    pyr_blake3_store_value(children + 32, out);
    pyr_blake3_compress_scalar(mode->key, children, 64, 0, mode->flags | PYR_BLAKE3_PARENT | root,
                               out);
}

static void define(const uint8_t *input, size_t size_bytes, const pyr_blake3 *mode,
                   uint8_t out[64]) {
    uint32_t words[16];
    define_node(input, size_bytes, 0, mode, PYR_BLAKE3_ROOT, words);
    pyr_blake3_store_value(out, words);
    pyr_blake3_store_value(out + 32, words + 8);
}

static void assert_output(const pyr_blake3 *hasher, const uint8_t expected[64], size_t size_bytes) {
    uint8_t got[64];
    pyr_blake3_finalize(hasher, got, sizeof(got));
    if (memcmp(got, expected, sizeof(got)) != 0) {
        fail_msg("%s: %zu bytes, flags %u: not the hash as defined", hasher->isa->name, size_bytes,
                 hasher->flags);
    }
}

static void assert_as_defined(const pyr_blake3 *hasher, const uint8_t *input, size_t size_bytes) {
    uint8_t expected[64];
    define(input, size_bytes, hasher, expected);
    assert_output(hasher, expected, size_bytes);
}

/* ---- Known answers. ---- */

static void the_published_answers_come_out(void **state) {
    (void)state;
    static const struct {
        int mode;
        size_t size_bytes;
        const char *hex;
    } known[] = {
        {MODE_HASH, 0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"},
        {MODE_HASH, 64, "4eed7141ea4a5cd4b788606bd23f46e212af9cacebacdc7d1f4c6dc7f2511b98"},
        {MODE_HASH, 1025, "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444"},
        {MODE_HASH, 31744, "62b6960e1a44bcc1eb1a611a8d6235b6b4b78f32e7abc4fb4c6cdcce94895c47"},
        {MODE_KEYED, 1025, "357dc55de0c7e382c900fd6e320acc04146be01db6a8ce7210b7189bd664ea69"},
        {MODE_DERIVE, 1025, "effaa245f065fbf82ac186839a249707c3bddf6d3fdda22d1b95a3c970379bcb"},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); ++i) {
        uint8_t *input = make_input(known[i].size_bytes);
        uint8_t out[PYR_BLAKE3_OUT_BYTES];
        pyr_blake3 hasher;
        init_mode(&hasher, known[i].mode);
        pyr_blake3_update(&hasher, input, known[i].size_bytes);
        pyr_blake3_finalize(&hasher, out, sizeof(out));
        assert_hex(out, known[i].hex);
        if (known[i].mode == MODE_HASH) {
            pyr_blake3_hash(input, known[i].size_bytes, out);
            assert_hex(out, known[i].hex);
        }
        free(input);
    }
}

static void check_case(const json_t *one, const pyr_blake3_isa *isa) {
    static const char *const names[MODES] = {"hash", "keyed_hash", "derive_key"};
    size_t size_bytes = (size_t)json_integer_value(json_object_get(one, "input_len"));
    uint8_t *input = make_input(size_bytes);
    for (int mode = 0; mode < MODES; ++mode) {
        const char *hex = json_string_value(json_object_get(one, names[mode]));
        assert_non_null(hex);
        uint8_t out[256];
        pyr_blake3 hasher;
        init_mode(&hasher, mode);
        pyr_blake3_set_isa(&hasher, isa);
        pyr_blake3_update(&hasher, input, size_bytes);
        assert_true(strlen(hex) / 2 <= sizeof(out));
        pyr_blake3_finalize(&hasher, out, strlen(hex) / 2);
        assert_hex(out, hex);
    }
    free(input);
}

static void every_isa_gives_the_published_vectors(void **state) {
    (void)state;
    const char *folder = getenv("PYRALOG_CORPORA");
    char path[4096];
    snprintf(path, sizeof(path), "%s/blake3/test_vectors.json", folder != NULL ? folder : ".");
    if (folder == NULL || access(path, R_OK) != 0) {
        fprintf(stderr, "SKIPPED: no %s: set PYRALOG_CORPORA\n", path);
        skip();
    }
    json_error_t fault;
    json_t *root = json_load_file(path, 0, &fault);
    assert_non_null(root);
    const json_t *cases = json_object_get(root, "cases");
    assert_true(json_array_size(cases) >= 35);
    const pyr_blake3_isa *const *isas;
    size_t isas_count = pyr_blake3_isas(&isas);
    for (size_t i = 0; i < isas_count; ++i) {
        for (size_t j = 0; j < json_array_size(cases); ++j) {
            check_case(json_array_get(cases, j), isas[i]);
        }
    }
    json_decref(root);
}

/* ---- ISAs against the scalar one. ---- */

static void fill_random(void *out, size_t size_bytes) {
    uint8_t *bytes = out;
    for (size_t i = 0; i < size_bytes; ++i) {
        bytes[i] = (uint8_t)(next_random() >> 24);
    }
}

static void every_isa_compresses_as_the_scalar_one(void **state) {
    (void)state;
    const pyr_blake3_isa *const *isas;
    size_t isas_count = pyr_blake3_isas(&isas);
    for (int round = 0; round < 500; ++round) {
        uint32_t value[16];
        uint8_t block[65];
        uint32_t expected[16];
        uint32_t got[16];
        fill_random(value, sizeof(value));
        fill_random(block, sizeof(block));
        uint64_t counter = next_random();
        uint32_t flags = (uint32_t)next_random() & 127;
        uint32_t block_bytes = (uint32_t)(next_random() % 65);
        pyr_blake3_compress_scalar(value, block + 1, block_bytes, counter, flags, expected);
        for (size_t i = 0; i < isas_count; ++i) {
            isas[i]->compress(value, block + 1, block_bytes, counter, flags, got);
            assert_memory_equal(got, expected, sizeof(got));
            memcpy(got, value, sizeof(got));
            isas[i]->compress(got, block + 1, block_bytes, counter, flags, got);
            assert_memory_equal(got, expected, sizeof(got));
        }
    }
}

/* The input lies at the very end of its allocation, so that ASan sees a byte read too many. */
static void check_kernel(const pyr_blake3_kernel *kernel, size_t blocks,
                         const pyr_blake3_lane_mode *mode) {
    size_t size_bytes = kernel->lanes * blocks * 64;
    uint8_t *whole = malloc(size_bytes + 3);
    uint8_t *got = malloc((size_t)kernel->lanes * 32);
    assert_true(whole != NULL && got != NULL);
    uint8_t *input = whole + 3;
    fill_random(input, size_bytes);
    kernel->hash(input, blocks, mode, got);
    for (unsigned lane = 0; lane < kernel->lanes; ++lane) {
        uint32_t words[16];
        uint8_t expected[32];
        memcpy(words, mode->key, 32);
        for (size_t b = 0; b < blocks; ++b) {
            uint32_t flags = mode->flags | (b == 0 ? mode->flags_first : 0) |
                             (b + 1 == blocks ? mode->flags_last : 0);
            pyr_blake3_compress_scalar(words, input + (lane * blocks + b) * 64, 64,
                                       mode->counter + (uint64_t)lane * mode->counter_step, flags,
                                       words);
        }
        pyr_blake3_store_value(expected, words);
        assert_memory_equal(got + (size_t)lane * 32, expected, sizeof(expected));
    }
    if (blocks == 1) {
        kernel->hash(input, blocks, mode, input);
        assert_memory_equal(input, got, (size_t)kernel->lanes * 32);
    }
    free(whole);
    free(got);
}

static void every_kernel_hashes_its_lanes_as_the_scalar_one(void **state) {
    (void)state;
    /* Around 2^32 the counters of one call differ in their high words too. */
    static const uint64_t counters[] = {0, 1, 0xFFFFFFF9u, 0xFFFFFFFFu, 0x123456789ABCDu};
    const pyr_blake3_isa *const *isas;
    size_t isas_count = pyr_blake3_isas(&isas);
    uint32_t key[8];
    fill_random(key, sizeof(key));
    for (size_t i = 0; i < isas_count; ++i) {
        for (unsigned k = 0; k < isas[i]->kernels_count; ++k) {
            for (size_t c = 0; c < sizeof(counters) / sizeof(*counters); ++c) {
                pyr_blake3_lane_mode chunk = {key, counters[c], 1, 16, 1, 2};
                pyr_blake3_lane_mode parent = {key, counters[c], 0, 36, 0, 0};
                check_kernel(&isas[i]->kernels[k], 1, &parent);
                check_kernel(&isas[i]->kernels[k], 2, &chunk);
                check_kernel(&isas[i]->kernels[k], 16, &chunk);
            }
        }
    }
}

static void the_best_isa_is_the_last_one_and_the_first_is_scalar(void **state) {
    (void)state;
    const pyr_blake3_isa *const *isas;
    size_t count = pyr_blake3_isas(&isas);
    pyr_blake3 hasher;
    pyr_blake3_init(&hasher);
    assert_ptr_equal(hasher.isa, isas[count - 1]);
    assert_string_equal(isas[0]->name, "scalar");
    assert_int_equal(isas[0]->kernels_count, 0);
    assert_ptr_equal(isas[0]->compress, pyr_blake3_compress_scalar);
    fprintf(stderr, "ISAs here: up to %s\n", hasher.isa->name);
}

/* This program again, as `blake3_test isa`, which prints the ISA chosen. */
static void the_environment_forces_the_scalar_code(void **state) {
    (void)state;
    char self[4096] = {0};
    char command[4200];
    char name[32] = {0};
    assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
    snprintf(command, sizeof(command), "PYRALOG_FORCE_SCALAR=1 '%s' isa", self);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_non_null(fgets(name, sizeof(name), pipe));
    assert_int_equal(pclose(pipe), 0);
    assert_string_equal(name, "scalar");
}

/* ---- Lengths and pieces. ---- */

/* Around borders of blocks, chunks, groups of lanes, and subtrees of every height. */
static size_t border_lengths(size_t out[], size_t capacity) {
    static const size_t chunks[] = {1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 24, 28, 31, 32, 33};
    static const size_t more_chunks[] = {64, 127, 128, 255, 256, 257};
    static const int around[] = {-65, -64, -63, -1, 0, 1, 63, 64, 65};
    size_t count = 0;
    for (size_t i = 0; i <= 130; ++i) {
        out[count++] = i;
    }
    for (size_t i = 0; i < sizeof(chunks) / sizeof(*chunks); ++i) {
        for (size_t j = 0; j < sizeof(around) / sizeof(*around); ++j) {
            out[count++] = chunks[i] * CHUNK + (size_t)(ptrdiff_t)around[j];
        }
    }
    for (size_t i = 0; i < sizeof(more_chunks) / sizeof(*more_chunks); ++i) {
        for (int j = -1; j <= 1; ++j) {
            out[count++] = more_chunks[i] * CHUNK + (size_t)(ptrdiff_t)j;
        }
    }
    assert_true(count <= capacity);
    return count;
}

static void every_isa_gives_the_hash_as_defined_at_every_border(void **state) {
    (void)state;
    size_t lengths[400];
    size_t lengths_count = border_lengths(lengths, 400);
    const pyr_blake3_isa *const *isas;
    size_t isas_count = pyr_blake3_isas(&isas);
    for (size_t i = 0; i < lengths_count; ++i) {
        size_t misaligned = i % 7;
        uint8_t *bytes = make_input(lengths[i] + misaligned);
        pyr_blake3 hasher;
        uint8_t expected[64];
        init_mode(&hasher, (int)(i % MODES));
        define(bytes + misaligned, lengths[i], &hasher, expected);
        for (size_t j = 0; j < isas_count; ++j) {
            init_mode(&hasher, (int)(i % MODES));
            pyr_blake3_set_isa(&hasher, isas[j]);
            pyr_blake3_update(&hasher, bytes + misaligned, lengths[i]);
            assert_output(&hasher, expected, lengths[i]);
        }
        free(bytes);
    }
}

static void the_pieces_of_the_input_do_not_matter(void **state) {
    (void)state;
    const size_t size_max = 600 * CHUNK;
    uint8_t *bytes = make_input(size_max);
    const pyr_blake3_isa *const *isas;
    size_t isas_count = pyr_blake3_isas(&isas);
    for (int round = 0; round < 40; ++round) {
        pyr_blake3 hasher;
        size_t at = 0;
        size_t piece_max = (size_t)1 << (next_random() % 19);
        size_t size_bytes = next_random() % (piece_max * 50 < size_max ? piece_max * 50 : size_max);
        init_mode(&hasher, round % MODES);
        pyr_blake3_set_isa(&hasher, isas[next_random() % isas_count]);
        while (at < size_bytes) {
            size_t piece = next_random() % (piece_max + 1);
            /* Whole chunks often: they are where the ways part. */
            piece = next_random() % 3 == 0 && piece > CHUNK ? piece / CHUNK * CHUNK : piece;
            piece = piece < size_bytes - at ? piece : size_bytes - at;
            pyr_blake3_update(&hasher, bytes + at, piece);
            at += piece;
        }
        assert_as_defined(&hasher, bytes, size_bytes);
    }
    free(bytes);
}

static void finalizing_changes_nothing(void **state) {
    (void)state;
    uint8_t *bytes = make_input(40 * CHUNK);
    pyr_blake3 hasher;
    pyr_blake3_init(&hasher);
    pyr_blake3_update(&hasher, NULL, 0);
    for (size_t at = 0; at < 40 * CHUNK; at += 512) {
        assert_as_defined(&hasher, bytes, at);
        pyr_blake3_update(&hasher, bytes + at, 512);
    }
    assert_as_defined(&hasher, bytes, 40 * CHUNK);
    free(bytes);
}

static void output_can_be_had_from_any_offset(void **state) {
    (void)state;
    uint8_t whole[1000];
    uint8_t part[1000];
    pyr_blake3 hasher;
    pyr_blake3_init(&hasher);
    pyr_blake3_update(&hasher, "pyralog", 7);
    pyr_blake3_finalize(&hasher, whole, sizeof(whole));
    for (int round = 0; round < 200; ++round) {
        size_t offset = next_random() % sizeof(whole);
        size_t count = next_random() % (sizeof(whole) - offset + 1);
        memset(part, 0xEE, sizeof(part));
        pyr_blake3_finalize_at(&hasher, offset, part, count);
        assert_memory_equal(part, whole + offset, count);
        assert_true(count == sizeof(part) || part[count] == 0xEE);
    }
    /* Block 2^32: the counter's high word counts. */
    pyr_blake3_finalize_at(&hasher, (uint64_t)64 << 32, part, 64);
    assert_memory_not_equal(part, whole, 64);
}

/* ---- Many threads. ---- */

static void check_parallel(const uint8_t *bytes, size_t size_bytes, size_t head_bytes,
                           pyr_thread_pool *pool, const uint8_t expected[32]) {
    uint8_t got[32];
    pyr_blake3 hasher;
    pyr_cancel_flag cancel;
    pyr_error error;
    pyr_cancel_flag_init(&cancel);
    pyr_blake3_init(&hasher);
    pyr_blake3_update(&hasher, bytes, head_bytes);
    assert_int_equal(pyr_blake3_update_parallel(&hasher, bytes + head_bytes,
                                                size_bytes - head_bytes, pool, &cancel, &error),
                     PYR_OK);
    pyr_blake3_finalize(&hasher, got, sizeof(got));
    assert_memory_equal(got, expected, sizeof(got));
}

static void many_threads_give_the_hash_of_one(void **state) {
    (void)state;
    static const size_t sizes[] = {0,
                                   1,
                                   CHUNK,
                                   SUBTREE - 1,
                                   SUBTREE,
                                   SUBTREE + 1,
                                   2 * SUBTREE,
                                   3 * SUBTREE - 1,
                                   3 * SUBTREE,
                                   5 * SUBTREE,
                                   8 * SUBTREE + 777};
    static const size_t heads[] = {0, 1, CHUNK, 3 * CHUNK, SUBTREE - 1, SUBTREE, SUBTREE + CHUNK};
    uint8_t *bytes = make_input(9 * SUBTREE);
    pyr_thread_pool *pool = NULL;
    assert_int_equal(pyr_thread_pool_create(3, 64, &pool, NULL), PYR_OK);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); ++i) {
        uint8_t expected[32];
        uint8_t got[32];
        pyr_blake3_hash(bytes, sizes[i], expected);
        assert_int_equal(pyr_blake3_hash_parallel(bytes, sizes[i], NULL, NULL, got, NULL), PYR_OK);
        assert_memory_equal(got, expected, sizeof(got));
        for (size_t j = 0; j < sizeof(heads) / sizeof(*heads); ++j) {
            if (heads[j] <= sizes[i]) {
                check_parallel(bytes, sizes[i], heads[j], pool, expected);
            }
        }
    }
    pyr_thread_pool_destroy(pool);
    free(bytes);
}

/* 64 MiB and a bit: more than is handed out at once. Zeros of a mapping, marked here and there; the
 * answer is that of the Python package blake3 1.0.11. */
static void a_span_of_several_waves_has_the_hash_of_another_implementation(void **state) {
    (void)state;
    const size_t step = (size_t)128 << 10;
    const size_t size_bytes = 517 * step + 5;
    uint8_t *bytes = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(bytes != MAP_FAILED);
    for (size_t i = 0; i < size_bytes; i += 3 * step) {
        bytes[i] = (uint8_t)(i / step + 1);
    }
    pyr_thread_pool *pool = NULL;
    assert_int_equal(pyr_thread_pool_create(2, 64, &pool, NULL), PYR_OK);
    uint8_t got[32];
    assert_int_equal(pyr_blake3_hash_parallel(bytes, size_bytes, pool, NULL, got, NULL), PYR_OK);
    assert_hex(got, "956057162db06a0d5575945a3d01f3208197ec54d79a482e0436a737cd51f430");
    pyr_thread_pool_destroy(pool);
    munmap(bytes, size_bytes);
}

static void a_cancelled_hash_says_so_and_gives_zeros(void **state) {
    (void)state;
    static const uint8_t zeros[32];
    uint8_t *bytes = make_input(4 * SUBTREE);
    uint8_t out[32];
    pyr_cancel_flag cancel;
    pyr_error error;
    pyr_cancel_flag_init(&cancel);
    pyr_cancel_flag_raise(&cancel);
    memset(out, 1, sizeof(out));
    assert_int_equal(pyr_blake3_hash_parallel(bytes, 4 * SUBTREE, NULL, &cancel, out, &error),
                     PYR_ERROR_CANCELLED);
    assert_memory_equal(out, zeros, sizeof(out));
    assert_string_equal(error.sqlstate, "57014");
    pyr_cancel_flag_init(&cancel);
    cancel.deadline_ns = 1;
    assert_int_equal(pyr_blake3_hash_parallel(bytes, 4 * SUBTREE, NULL, &cancel, out, &error),
                     PYR_ERROR_TIMEOUT);
    free(bytes);
}

/* A page that cannot be read before the handler opens it tells when the hash gets there; then the
 * statement is cancelled. A second such page, two subtrees on, must never be read. */
static pyr_cancel_flag fault_cancel;
static uint8_t *fault_page;
static volatile sig_atomic_t faults;

static void open_page_and_cancel(int signal_number, siginfo_t *info, void *context) {
    (void)signal_number, (void)context;
    uint8_t *page = (uint8_t *)info->si_addr - (uintptr_t)info->si_addr % 4096;
    if (page != fault_page && faults == 0) {
        _exit(99); /* not ours: a real fault */
    }
    ++faults;
    mprotect(page, 4096, PROT_READ);
    pyr_cancel_flag_raise(&fault_cancel);
}

static void a_hash_cancelled_on_its_way_stops_within_a_subtree(void **state) {
    (void)state;
    const size_t size_bytes = 4 * SUBTREE;
    uint8_t *bytes =
        mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(bytes != MAP_FAILED);
    fault_page = bytes + SUBTREE;
    assert_int_equal(mprotect(fault_page, 4096, PROT_NONE), 0);
    assert_int_equal(mprotect(bytes + 3 * SUBTREE, 4096, PROT_NONE), 0);
    struct sigaction ours = {.sa_sigaction = open_page_and_cancel, .sa_flags = SA_SIGINFO};
    struct sigaction before;
    assert_int_equal(sigaction(SIGSEGV, &ours, &before), 0);
    pyr_cancel_flag_init(&fault_cancel);
    faults = 0;
    uint8_t out[32];
    pyr_status status = pyr_blake3_hash_parallel(bytes, size_bytes, NULL, &fault_cancel, out, NULL);
    sigaction(SIGSEGV, &before, NULL);
    assert_int_equal(status, PYR_ERROR_CANCELLED);
    assert_int_equal(faults, 1);
    munmap(bytes, size_bytes);
}

static void a_mapping_cut_while_hashed_is_found_by_its_check(void **state) {
    (void)state;
    char path[] = "/tmp/pyralog-blake3-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)(4 * SUBTREE)), 0);
    pyr_buffer *buffer = NULL;
    pyr_error error;
    assert_int_equal(pyr_mapping_open(path, &buffer, &error), PYR_OK);
    unlink(path);
    uint8_t out[32];
    pyr_thread_pool *pool = NULL;
    assert_int_equal(pyr_thread_pool_create(2, 64, &pool, NULL), PYR_OK);
    assert_int_equal(pyr_blake3_hash_parallel(buffer->data, 4 * SUBTREE, pool, NULL, out, &error),
                     PYR_OK);
    assert_int_equal(pyr_mapping_check(buffer->mapping, &error), PYR_OK);
    if (pyr_mapping_is_mapped(buffer->mapping)) {
        assert_int_equal(ftruncate(fd, 4096), 0);
        assert_int_equal(
            pyr_blake3_hash_parallel(buffer->data, 4 * SUBTREE, pool, NULL, out, &error), PYR_OK);
        assert_int_equal(pyr_mapping_check(buffer->mapping, &error), PYR_ERROR_IO);
    }
    pyr_thread_pool_destroy(pool);
    pyr_buffer_release(buffer);
    close(fd);
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "isa") == 0) {
        fputs(pyr_blake3_isa_best()->name, stdout);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_answers_come_out),
        cmocka_unit_test(every_isa_gives_the_published_vectors),
        cmocka_unit_test(every_isa_compresses_as_the_scalar_one),
        cmocka_unit_test(every_kernel_hashes_its_lanes_as_the_scalar_one),
        cmocka_unit_test(the_best_isa_is_the_last_one_and_the_first_is_scalar),
        cmocka_unit_test(the_environment_forces_the_scalar_code),
        cmocka_unit_test(every_isa_gives_the_hash_as_defined_at_every_border),
        cmocka_unit_test(the_pieces_of_the_input_do_not_matter),
        cmocka_unit_test(finalizing_changes_nothing),
        cmocka_unit_test(output_can_be_had_from_any_offset),
        cmocka_unit_test(many_threads_give_the_hash_of_one),
        cmocka_unit_test(a_span_of_several_waves_has_the_hash_of_another_implementation),
        cmocka_unit_test(a_cancelled_hash_says_so_and_gives_zeros),
        cmocka_unit_test(a_hash_cancelled_on_its_way_stops_within_a_subtree),
        cmocka_unit_test(a_mapping_cut_while_hashed_is_found_by_its_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
