/* tensors_bench.c - our side of bench/tensors/run.py where it is the C API of tensors: a program of
 * a user's kind, linked to the shared library alone. Each command prints one JSON line.
 *
 *     tensors_bench open PATH TIMES         every tensor of a model: open, get each, close
 *     tensors_bench sum PATH TIMES          the same, and every byte read: sums of 64-bit words
 *     tensors_bench find PATH NAME TIMES    open, find one tensor, read a byte of it, close
 *
 * These are done in a database of its own each time, whose opening is outside of the clock
 * (anew_us), and then again and again in one, which maps a model once (again_us): medians.
 *
 *     tensors_bench serve MEMORY SECONDS BYTES PATH...
 *
 * Tensors of many models are read at random for SECONDS, and until BYTES were read, ten times as
 * long at most; prints the most memory that was resident (VmHWM), MEMORY ("8GB") being
 * model_memory.
 */
#include "pyralog.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct session {
    pyr_database *db;
    pyr_connection *connection;
} session;

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int complain(const pyr_error *error) {
    fprintf(stderr, "tensors_bench: %s: %s\n", error->sqlstate, error->message);
    return 1;
}

static pyr_status session_open(session *self, pyr_error *error) {
    self->connection = NULL;
    pyr_status status = pyr_open(":memory:", NULL, &self->db, error);
    return status == PYR_OK ? pyr_connect(self->db, &self->connection, error) : status;
}

static void session_close(session *self) {
    pyr_disconnect(self->connection);
    pyr_close(self->db);
}

/* ---- open, find. ---- */

typedef struct work {
    const char *path;
    const char *name; /* of the one tensor; NULL: all */
    bool sums;
} work;

/* What one opening gave, so that it is known to have given something. */
typedef struct opened {
    int64_t tensors;
    int64_t size_bytes;
    uint64_t touched;
} opened;

/* Of words of 64 bits, modulo 2^64; bytes after the last whole one are left out. */
static uint64_t sum_words(const uint8_t *bytes, int64_t size_bytes) {
    uint64_t sum = 0;
    for (int64_t i = 0; i + 8 <= size_bytes; i += 8) {
        uint64_t word;
        memcpy(&word, bytes + i, sizeof word);
        sum += word;
    }
    return sum;
}

static pyr_status open_once(session *self, const work *what, opened *out, pyr_error *error) {
    pyr_tensors *tensors;
    pyr_status status = pyr_tensors_open(self->connection, what->path, &tensors, error);
    if (status != PYR_OK) {
        return status;
    }
    *out = (opened){pyr_tensors_count(tensors), 0, 0};
    for (int64_t i = 0; i < out->tensors; ++i) {
        pyr_tensor tensor;
        pyr_tensors_get(tensors, i, &tensor);
        out->size_bytes += tensor.size_bytes;
        out->touched += what->sums ? sum_words(tensor.data, tensor.size_bytes)
                                   : (uint64_t)(uintptr_t)tensor.data;
    }
    status = what->sums ? pyr_tensors_check(tensors, error) : PYR_OK;
    pyr_tensors_close(tensors);
    return status;
}

static pyr_status find_once(session *self, const work *what, opened *out, pyr_error *error) {
    pyr_tensors *tensors;
    pyr_status status = pyr_tensors_open(self->connection, what->path, &tensors, error);
    if (status != PYR_OK) {
        return status;
    }
    pyr_tensor tensor;
    status = pyr_tensors_find(tensors, what->name, &tensor, error);
    if (status == PYR_OK && tensor.size_bytes > 0) {
        *out = (opened){1, tensor.size_bytes, ((const uint8_t *)tensor.data)[0]};
    }
    pyr_tensors_close(tensors);
    return status;
}

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static pyr_status timed(session *self, const work *what, opened *found, double *us,
                        pyr_error *error) {
    int64_t begin = now_ns();
    pyr_status status = what->name == NULL ? open_once(self, what, found, error)
                                           : find_once(self, what, found, error);
    *us = (double)(now_ns() - begin) / 1e3;
    return status;
}

static pyr_status many_anew(const work *what, size_t times, opened *found, double *us,
                            pyr_error *error) {
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < times; ++i) {
        session self;
        status = session_open(&self, error);
        if (status == PYR_OK) {
            status = timed(&self, what, found, &us[i], error);
        }
        session_close(&self);
    }
    return status;
}

static pyr_status many_again(const work *what, size_t times, opened *found, double *us,
                             pyr_error *error) {
    session self;
    pyr_tensors *held = NULL;
    pyr_status status = session_open(&self, error);
    if (status == PYR_OK) { /* the first opening, which is not counted */
        status = pyr_tensors_open(self.connection, what->path, &held, error);
    }
    for (size_t i = 0; status == PYR_OK && i < times; ++i) {
        status = timed(&self, what, found, &us[i], error);
    }
    pyr_tensors_close(held);
    session_close(&self);
    return status;
}

static int open_many(const work *what, size_t times) {
    pyr_error error;
    opened found = {0, 0, 0};
    double *us = calloc(times, sizeof *us);
    if (us == NULL) {
        fprintf(stderr, "tensors_bench: out of memory\n");
        return 1;
    }
    pyr_status status = many_anew(what, times, &found, us, &error);
    qsort(us, times, sizeof *us, compare_doubles);
    double anew = us[times / 2];
    if (status == PYR_OK) {
        status = many_again(what, times, &found, us, &error);
    }
    qsort(us, times, sizeof *us, compare_doubles);
    if (status == PYR_OK) {
        printf("{\"anew_us\": %.2f, \"again_us\": %.2f, \"tensors\": %" PRId64
               ", \"bytes\": %" PRId64 ", \"sum\": %" PRIu64 "}\n",
               anew, us[times / 2], found.tensors, found.size_bytes, found.touched);
    }
    free(us);
    return status == PYR_OK ? 0 : complain(&error);
}

/* ---- serve. ---- */

/* The most memory that was resident since the process began: no moment between samples is missed.
 */
static int64_t most_resident_bytes(void) {
    FILE *file = fopen("/proc/self/status", "r");
    char line[128];
    long kilobytes = 0;
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "VmHWM: %ld", &kilobytes) == 1) {
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return (int64_t)kilobytes * 1024;
}

static uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* A byte of every page, which is what makes pages resident. */
static uint64_t read_tensor(const pyr_tensor *tensor) {
    uint64_t sum = 0;
    const uint8_t *bytes = tensor->data;
    for (int64_t i = 0; i < tensor->size_bytes; i += 4096) {
        sum += bytes[i];
    }
    return sum;
}

typedef struct served {
    int64_t reads, bytes;
    uint64_t sum;
} served;

/* One tensor of one model. */
static pyr_status serve_one(const pyr_tensors *tensors, uint64_t *random, served *out,
                            pyr_error *error) {
    pyr_tensor tensor;
    uint64_t count = (uint64_t)pyr_tensors_count(tensors);
    pyr_tensors_get(tensors, count > 0 ? (int64_t)(next_random(random) % count) : 0, &tensor);
    if (tensor.name != NULL) {
        out->sum += read_tensor(&tensor);
        out->bytes += tensor.size_bytes;
    }
    ++out->reads;
    return pyr_tensors_check(tensors, error);
}

/* All models stay open, as a server of models has them: what was read would stay resident. */
static pyr_status serve_all(session *self, double seconds, int64_t wanted_bytes, char **paths,
                            pyr_tensors **models, int count, served *out, pyr_error *error) {
    uint64_t random = 42;
    pyr_status status = PYR_OK;
    for (int i = 0; status == PYR_OK && i < count; ++i) {
        status = pyr_tensors_open(self->connection, paths[i], &models[i], error);
    }
    int64_t begin = now_ns(), least_ns = (int64_t)(seconds * 1e9);
    while (status == PYR_OK &&
           now_ns() - begin < (out->bytes < wanted_bytes ? 10 * least_ns : least_ns)) {
        status = serve_one(models[next_random(&random) % (uint64_t)count], &random, out, error);
    }
    return status;
}

static int serve(const char *memory, double seconds, int64_t wanted_bytes, char **paths,
                 int count) {
    pyr_error error;
    session self;
    served done = {0, 0, 0};
    char sql[128];
    pyr_tensors **models = calloc((size_t)count, sizeof *models);
    if (models == NULL) {
        fprintf(stderr, "tensors_bench: out of memory\n");
        return 1;
    }
    snprintf(sql, sizeof sql, "SET model_memory = '%s'", memory);
    pyr_status status = session_open(&self, &error);
    if (status == PYR_OK) {
        status = pyr_execute(self.connection, sql, NULL, NULL, &error);
    }
    if (status == PYR_OK) {
        status = serve_all(&self, seconds, wanted_bytes, paths, models, count, &done, &error);
    }
    if (status == PYR_OK) {
        printf("{\"reads\": %" PRId64 ", \"bytes\": %" PRId64 ", \"most_resident_bytes\": %" PRId64
               ", \"sum\": %" PRIu64 "}\n",
               done.reads, done.bytes, most_resident_bytes(), done.sum);
    }
    for (int i = 0; i < count; ++i) {
        pyr_tensors_close(models[i]);
    }
    free(models);
    session_close(&self);
    return status == PYR_OK ? 0 : complain(&error);
}

int main(int argc, char **argv) {
    if (argc == 4 && strcmp(argv[1], "open") == 0 && atoi(argv[3]) > 0) {
        return open_many(&(work){argv[2], NULL, false}, (size_t)atoi(argv[3]));
    }
    if (argc == 4 && strcmp(argv[1], "sum") == 0 && atoi(argv[3]) > 0) {
        return open_many(&(work){argv[2], NULL, true}, (size_t)atoi(argv[3]));
    }
    if (argc == 5 && strcmp(argv[1], "find") == 0 && atoi(argv[4]) > 0) {
        return open_many(&(work){argv[2], argv[3], false}, (size_t)atoi(argv[4]));
    }
    if (argc >= 6 && strcmp(argv[1], "serve") == 0) {
        return serve(argv[2], atof(argv[3]), atoll(argv[4]), argv + 5, argc - 5);
    }
    fprintf(stderr, "usage: tensors_bench open PATH TIMES | sum PATH TIMES | find PATH NAME TIMES "
                    "| serve MEMORY SECONDS BYTES PATH...\n");
    return 2;
}
