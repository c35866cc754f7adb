/* support_codecs.c - reads codecs.cases; guarded spans. */
#include "support_codecs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void check_ok_(pyr_status status, const pyr_error *error, const char *file, int line) {
    if (status != PYR_OK) {
        fail_msg("%s:%d: status %d: %s", file, line, status, error->message);
    }
}

static uint8_t noise(size_t index) {
    uint32_t hash = (uint32_t)index * 2654435761u;
    hash ^= hash >> 15;
    hash *= 2246822519u;
    hash ^= hash >> 13;
    return (uint8_t)(hash >> 24);
}

static void fill(int pattern, uint8_t *out, size_t size_bytes) {
    for (size_t i = 0; i < size_bytes; ++i) {
        out[i] = pattern == 1 ? noise(i) : (uint8_t)(i % 4 == 0 ? noise(i) & 7 : i >> 8);
    }
}

static uint8_t *read_bytes(FILE *file, size_t size_bytes) {
    uint8_t *bytes = malloc(size_bytes + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, size_bytes, file), size_bytes);
    return bytes;
}

static void read_case(FILE *file, const char *line, codec_case *out) {
    int at_start, pattern;
    memset(out, 0, sizeof *out);
    assert_int_equal(sscanf(line, "%23s %47s %d %d %d %zu %zu", out->name, out->variant,
                            &out->element, &at_start, &pattern, &out->plain_bytes,
                            &out->size_bytes),
                     7);
    out->at_start = at_start != 0;
    if (pattern < 0) {
        out->plain = read_bytes(file, out->plain_bytes);
    } else {
        out->plain = malloc(out->plain_bytes + 1);
        assert_non_null(out->plain);
        fill(pattern, out->plain, out->plain_bytes);
    }
    out->bytes = read_bytes(file, out->size_bytes);
    assert_int_equal(fgetc(file), '\n');
}

int codec_cases_setup(void **state) {
    static codec_cases cases;
    char path[4096], line[160];
    const char *source = getenv("PYRALOG_SOURCE");
    snprintf(path, sizeof path, "%s/tests/unit/formats/codecs.cases",
             source != NULL ? source : ".");
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        print_error("%s: not there; PYRALOG_SOURCE is the source tree\n", path);
        return -1;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        codec_case *grown = realloc(cases.items, (cases.count + 1) * sizeof *grown);
        assert_non_null(grown);
        cases.items = grown;
        read_case(file, line, &cases.items[cases.count++]);
    }
    fclose(file);
    *state = &cases;
    return cases.count > 400 ? 0 : -1;
}

int codec_cases_teardown(void **state) {
    codec_cases *cases = *state;
    for (size_t i = 0; i < cases->count; ++i) {
        free(cases->items[i].plain);
        free(cases->items[i].bytes);
    }
    free(cases->items);
    return 0;
}

bool codec_decodes_bytes(const codec_case *item) {
    pyr_codec_kind kind;
    return pyr_codec_find(item->name, &kind);
}

pyr_codec codec_of(const codec_case *item) {
    pyr_codec codec = {PYR_CODEC_GZIP, item->element, item->at_start};
    assert_true(pyr_codec_find(item->name, &codec.kind));
    return codec;
}

uint8_t *guarded(int which, const void *from, size_t size_bytes) {
    static uint8_t *ends[SPANS];
    if (ends[which] == NULL) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        uint8_t *area = mmap(NULL, SPAN_BYTES_MAX + page, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_true(area != MAP_FAILED);
        ends[which] = area + SPAN_BYTES_MAX;
        assert_int_equal(mprotect(ends[which], page, PROT_NONE), 0);
    }
    assert_true(size_bytes <= SPAN_BYTES_MAX);
    uint8_t *span = ends[which] - size_bytes;
    if (from != NULL) {
        memcpy(span, from, size_bytes);
    }
    return span;
}
