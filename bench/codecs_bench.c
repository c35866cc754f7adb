/* codecs_bench.c - decodes the chunk in FILE again and again for about a second and prints one JSON
 * line with the best rate by this thread's CPU time, in bytes decoded; bench/tensors/run.py runs it
 * beside a peer. What was decoded must be what the file DECODED holds.
 *
 *     codecs_bench CODEC ELEMENT_BYTES FILE DECODED
 */
#include "base/clock.h"
#include "formats/codecs/codecs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t thread_cpu_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static uint8_t *read_file(const char *path, size_t *size_bytes) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return NULL;
    }
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    uint8_t *bytes = size > 0 ? malloc((size_t)size) : NULL;
    *size_bytes = bytes != NULL ? fread(bytes, 1, (size_t)size, file) : 0;
    fclose(file);
    return bytes;
}

typedef struct chunk {
    uint8_t *encoded, *expected, *out;
    size_t encoded_bytes, expected_bytes;
} chunk;

static pyr_status run(const pyr_codec *codec, chunk *self, pyr_error *error) {
    double best = 0;
    int64_t end_ns = pyr_clock_monotonic_ns() + 1000000000;
    for (int i = 0; i < 3 || pyr_clock_monotonic_ns() < end_ns; ++i) {
        size_t written;
        int64_t begin = thread_cpu_ns();
        PYR_TRY(pyr_codec_decode(codec, self->encoded, self->encoded_bytes, self->out,
                                 self->expected_bytes, &written, error));
        double rate = (double)written / (double)(thread_cpu_ns() - begin);
        best = rate > best ? rate : best;
        if (written != self->expected_bytes || memcmp(self->out, self->expected, written) != 0) {
            return pyr_error_set(error, PYR_ERROR_CORRUPT, "the decoded bytes are wrong");
        }
    }
    printf("{\"gbs\": %.4f}\n", best);
    return PYR_OK;
}

int main(int argc, char **argv) {
    pyr_error error;
    pyr_codec codec = {PYR_CODEC_GZIP, 0, false};
    if (argc != 5 || !pyr_codec_find(argv[1], &codec.kind)) {
        fprintf(stderr, "usage: codecs_bench CODEC ELEMENT_BYTES FILE DECODED\n");
        return 2;
    }
    chunk self = {0};
    codec.element_bytes = atoi(argv[2]);
    self.encoded = read_file(argv[3], &self.encoded_bytes);
    self.expected = read_file(argv[4], &self.expected_bytes);
    self.out = malloc(self.expected_bytes + 1);
    pyr_status status = PYR_ERROR_IO;
    if (self.encoded == NULL || self.expected == NULL || self.out == NULL) {
        fprintf(stderr, "codecs_bench: %s, %s: cannot be read\n", argv[3], argv[4]);
    } else {
        memset(self.out, 0, self.expected_bytes);
        status = run(&codec, &self, &error);
        if (status != PYR_OK) {
            fprintf(stderr, "codecs_bench: %s\n", error.message);
        }
    }
    free(self.out);
    free(self.expected);
    free(self.encoded);
    return status == PYR_OK ? 0 : 1;
}
