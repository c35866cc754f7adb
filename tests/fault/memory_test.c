/* memory_test.c - every allocation of ours fails once, in every statement of the scripted workload
 * on a database on disk: the statement says 53200 and has done nothing, or succeeds without it.
 *
 *     memory_test [--stride N] [--first N] [--step N] [--trace]
 *
 * Of each step the first allocation fails, then, as the step has done nothing and can be run again,
 * the second, and so on until none is left to fail. A step that succeeds all the same cannot be run
 * again: a later process, on a fresh database, goes on there. Under ASan these processes find what
 * leaks. The linker puts __wrap_malloc and the others in place of malloc in our own code;
 * DuckDB and RocksDB have theirs.
 */
#include "files_work.h"

#include <errno.h>
#include <execinfo.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DONE = 0, MORE = 78, HANGS_AFTER_S = 600, ALLOCATIONS_MAX = 200000 };

/* ---- The allocator. ---- */

static atomic_long countdown; /* 0: off; 1: the next allocation fails */
static bool traced;

static bool fails_now(void) {
    bool fails = atomic_load(&countdown) > 0 && atomic_fetch_sub(&countdown, 1) == 1;
    if (fails && traced) {
        void *callers[24];
        backtrace_symbols_fd(callers, backtrace(callers, 24), STDERR_FILENO);
    }
    return fails;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *pointer, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t length);
int __real_vasprintf(char **out, const char *format, va_list arguments);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *pointer, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t length);
int __wrap_vasprintf(char **out, const char *format, va_list arguments);
int __wrap_asprintf(char **out, const char *format, ...);

void *__wrap_malloc(size_t size) {
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *pointer, size_t size) {
    return fails_now() ? NULL : __real_realloc(pointer, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    return fails_now() ? NULL : __real_aligned_alloc(alignment, size);
}

char *__wrap_strdup(const char *text) {
    return fails_now() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t length) {
    return fails_now() ? NULL : __real_strndup(text, length);
}

int __wrap_vasprintf(char **out, const char *format, va_list arguments) {
    return fails_now() ? -1 : __real_vasprintf(out, format, arguments);
}

int __wrap_asprintf(char **out, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = __wrap_vasprintf(out, format, arguments);
    va_end(arguments);
    return length;
}

/* ---- The workload. ---- */

/* Shared with the processes. Step -1 is to open, work_steps() to close and read all. */
typedef struct allocations {
    long next[WORK_STEPS_MAX + 2]; /* that fails, of each step; 0: none is left */
    int64_t failed, tolerated;
    int step;
    work_contents expected[WORK_STEPS_MAX + 1];
} allocations;

static void arm(const allocations *shared, int step) {
    atomic_store(&countdown, shared->next[step + 1]);
}

/* Whether the allocation came; none fails from here on. */
static bool disarm(void) {
    return atomic_exchange(&countdown, 0) == 0;
}

static void expect_memory(const fault_db *db, const allocations *shared, int step,
                          const char *name) {
    if (traced) {
        printf("%s: allocation %ld: %s\n", name, shared->next[step + 1], db->error.message);
    }
    if (strcmp(db->error.sqlstate, "53200") != 0) {
        fault_die("%s: allocation %ld: %s: %s", name, shared->next[step + 1], db->error.sqlstate,
                  db->error.message);
    }
}

static void expect_contents(fault_db *db, const allocations *shared, int step, int after,
                            const char *name) {
    work_contents found;
    if (work_read(db, &found) != PYR_OK) {
        fault_die("%s: allocation %ld: %s: %s", name, shared->next[step + 1], db->error.sqlstate,
                  db->error.message);
    }
    if (!work_equal(&found, &shared->expected[after])) {
        work_print("found", &found);
        work_print("expected", &shared->expected[after]);
        fault_die("%s: allocation %ld", name, shared->next[step + 1]);
    }
}

/* After each run of a step: struck and failed: again; struck and done: later; not struck: no more.
 */
static void note(allocations *shared, int step, bool struck, long stride) {
    long *next = &shared->next[step + 1];
    *next = struck ? *next + stride : 0;
    if (*next > ALLOCATIONS_MAX) {
        fault_die("step %d allocates without end", step);
    }
}

static void run_step(fault_db *db, allocations *shared, int step, long stride) {
    const char *name = work_name(step);
    for (;;) {
        arm(shared, step);
        pyr_status status = work_run(db, step);
        bool struck = disarm() && shared->next[step + 1] > 0;
        if (status == PYR_OK) {
            expect_contents(db, shared, step, step + 1, name);
            shared->tolerated += struck;
            note(shared, step, struck, stride);
            return;
        }
        if (!struck) {
            fault_die("%s: %s: %s", name, db->error.sqlstate, db->error.message);
        }
        expect_memory(db, shared, step, name);
        expect_contents(db, shared, step, step, name);
        shared->failed += 1;
        note(shared, step, true, stride);
    }
}

static void open_db(fault_db *db, const char *path, allocations *shared, long stride) {
    for (;;) {
        arm(shared, -1);
        pyr_status status = fault_open(db, path, false);
        bool struck = disarm() && shared->next[0] > 0;
        if (status == PYR_OK) {
            shared->tolerated += struck;
            note(shared, -1, struck, stride);
            return;
        }
        expect_memory(db, shared, -1, "open");
        shared->failed += 1;
        note(shared, -1, true, stride);
    }
}

/* What reads the tables: every allocation of it, in one go. */
static void read_all(fault_db *db, allocations *shared, long stride) {
    int step = work_steps();
    for (;;) {
        work_contents found;
        arm(shared, step);
        pyr_status status = work_read(db, &found);
        bool struck = disarm() && shared->next[step + 1] > 0;
        if (status != PYR_OK) {
            expect_memory(db, shared, step, "reading");
            shared->failed += 1;
        } else if (!work_equal(&found, &shared->expected[step])) {
            fault_die("reading: allocation %ld: other rows", shared->next[step + 1]);
        }
        note(shared, step, struck, stride);
        if (!struck) {
            return;
        }
    }
}

static bool is_all_done(const allocations *shared) {
    for (int i = 0; i < work_steps() + 2; ++i) {
        if (shared->next[i] > 0) {
            return false;
        }
    }
    return true;
}

static void look_at_rest(fault_db *db, const char *path, const allocations *shared) {
    fault_must_open(db, path, true);
    expect_contents(db, shared, work_steps(), work_steps(), "opened again");
    if (!fault_verify(db) || !fault_files_are_named(db)) {
        _exit(FAULT_BROKEN);
    }
    fault_close(db);
}

/* Ends by exit, so that what leaks is found. */
static int work_process(const char *path, allocations *shared, long stride) {
    fault_db db;
    (void)alarm(HANGS_AFTER_S);
    open_db(&db, path, shared, stride);
    for (int step = 0; step < work_steps(); ++step) {
        shared->step = step;
        run_step(&db, shared, step, stride);
    }
    shared->step = work_steps();
    read_all(&db, shared, stride);
    fault_close(&db);
    /* What an allocation's failure left behind goes at the latest when it is opened again. */
    fault_must_open(&db, path, false);
    fault_close(&db);
    look_at_rest(&db, path, shared);
    return is_all_done(shared) ? DONE : MORE;
}

static int run_process(allocations *shared, long stride) {
    char *path = fault_folder("memory");
    pid_t child = fork();
    if (child == 0) {
        exit(work_process(path, shared, stride));
    }
    int status = fault_wait(child);
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 256 + status;
    if (code == DONE || code == MORE) {
        fault_remove(path);
    } else {
        int step = shared->step;
        (void)fprintf(stderr, "a process ended with %d in step %d, allocation %ld: %s\n", code,
                      step, shared->next[step + 1], path);
    }
    free(path);
    return code;
}

int main(int argc, char **argv) {
    static const struct option names[] = {{"stride", required_argument, NULL, 's'},
                                          {"first", required_argument, NULL, 'f'},
                                          {"step", required_argument, NULL, 't'},
                                          {"trace", no_argument, NULL, 'v'},
                                          {NULL, 0, NULL, 0}};
    long stride = 1;
    long first = 1;
    int only = -2;
    int choice;
    while ((choice = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (choice == 's') {
            stride = atol(optarg);
        } else if (choice == 'f') {
            first = atol(optarg);
        } else if (choice == 't') {
            only = atoi(optarg);
        } else if (choice == 'v') {
            traced = true;
        } else {
            return 2;
        }
    }
    allocations *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED || stride < 1) {
        fault_die("mmap: %s", strerror(errno));
    }
    fault_load_engine();
    char *path = fault_folder("memory");
    work_learn(path, shared->expected);
    fault_remove(path);
    free(path);
    for (int i = 0; i < work_steps() + 2; ++i) {
        /* Steps begin at different places, so that a stride meets more of them. */
        shared->next[i] = only == -2 || only == i - 1 ? first + i % stride : 0;
    }
    int code = MORE;
    int processes = 0;
    while (code == MORE) {
        code = run_process(shared, stride);
        processes += 1;
    }
    printf("%lld allocations failed their statement, %lld did not, in %d processes\n",
           (long long)shared->failed, (long long)shared->tolerated, processes);
    return code == DONE ? 0 : 1;
}
