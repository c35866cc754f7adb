/* files_test.c - every file operation of a scripted workload fails once, in every way.
 *
 *     files_test [--stride N] [--first N] [--only FAULT] [--one N]
 *
 * For each kind of fault and each n (every stride-th, from first on) the workload runs in a process
 * of its own, on a fresh folder, with the n-th file operation failing:
 *   - a statement that fails says 53100, 58030 or 53200 and has done nothing; once the fault is
 * gone it succeeds, if need be after opening the database again; what follows works;
 *   - "-die": the process ends when a statement has failed: it is done wholly or not at all;
 *   - "-power-": the power goes some operations after one has failed;
 *   - "power-": the process ends before the operation, and the disk holds what was synced: what was
 *     acknowledged is there, the statement that ran wholly or not at all.
 * In the end verify finds nothing, no file is left that nobody names, and the database is written
 * to.
 */
#include "files_work.h"
#include "power.h"
#include "shim.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DIED = 77, HANGS_AFTER_S = 120, N_MAX = 5000, THEN_MAX = 60 };

typedef struct fault_kind {
    const char *name;
    shim_fault fault;
    bool dies;
    bool then_power; /* and some operations after it the power goes */
    power_image image;
} fault_kind;

static const fault_kind kinds[] = {
    {.name = "enospc", .fault = SHIM_ENOSPC},
    {.name = "eio", .fault = SHIM_EIO},
    {.name = "short", .fault = SHIM_SHORT},
    {.name = "enospc-stays", .fault = SHIM_ENOSPC_STAYS},
    {.name = "eio-stays", .fault = SHIM_EIO_STAYS},
    {.name = "eio-die", .fault = SHIM_EIO, .dies = true},
    {.name = "enospc-stays-die", .fault = SHIM_ENOSPC_STAYS, .dies = true},
    {.name = "power-lazy", .fault = SHIM_POWER, .image = POWER_LAZY},
    {.name = "power-names", .fault = SHIM_POWER, .image = POWER_NAMES},
    {.name = "power-torn", .fault = SHIM_POWER, .image = POWER_TORN},
    {.name = "eio-power-lazy", .fault = SHIM_EIO, .then_power = true, .image = POWER_LAZY},
    {.name = "eio-power-torn", .fault = SHIM_EIO, .then_power = true, .image = POWER_TORN},
};
enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

/* Shared with the processes that run the workload. */
typedef struct work_progress {
    int done;     /* steps acknowledged */
    bool running; /* the next one had begun */
    bool struck;
    int64_t count;
    int64_t failed;                             /* statements, of all runs */
    work_contents expected[WORK_STEPS_MAX + 1]; /* after so many steps */
} work_progress;

typedef struct run {
    work_progress *progress;
    const fault_kind *kind;
    int64_t n;
    power_folders at;
} run;

/* ---- The process that runs the workload. ---- */

static void expect_sensible(const fault_db *db, const char *what) {
    static const char *const sensible[] = {"53100", "58030", "53200"};
    for (int i = 0; i < 3; ++i) {
        if (strcmp(db->error.sqlstate, sensible[i]) == 0) {
            return;
        }
    }
    fault_die("%s: %s: %s", what, db->error.sqlstate, db->error.message);
}

static void expect_contents(fault_db *db, const work_contents *expected, const char *what) {
    work_contents found;
    if (work_read(db, &found) != PYR_OK) {
        fault_die("after %s: %s: %s", what, db->error.sqlstate, db->error.message);
    }
    if (!work_equal(&found, expected)) {
        work_print("found", &found);
        work_print("expected", expected);
        fault_die("after %s", what);
    }
}

static void die_if_so(run *self) {
    if (self->kind->dies) {
        self->progress->struck = true;
        _exit(DIED);
    }
}

static void open_db(run *self, fault_db *db) {
    if (fault_open(db, self->at.path, false) == PYR_OK) {
        return;
    }
    expect_sensible(db, "open");
    self->progress->failed += 1;
    die_if_so(self);
    shim_calm();
    if (fault_open(db, self->at.path, false) != PYR_OK) {
        fault_die("open again: %s: %s", db->error.sqlstate, db->error.message);
    }
}

/* The step has failed: nothing of it is there, and it can be done after all. */
static void run_again(run *self, fault_db *db, int step) {
    const char *name = work_name(step);
    expect_sensible(db, name);
    self->progress->failed += 1;
    die_if_so(self);
    shim_calm();
    expect_contents(db, &self->progress->expected[step], "a failure");
    if (work_run(db, step) == PYR_OK) {
        return;
    }
    (void)fprintf(stderr, "%s: again: %s: %s\n", name, db->error.sqlstate, db->error.message);
    fault_close(db);
    open_db(self, db);
    expect_contents(db, &self->progress->expected[step], "a failure, opened again");
    if (work_run(db, step) != PYR_OK) {
        fault_die("%s: opened again: %s: %s", name, db->error.sqlstate, db->error.message);
    }
}

static void run_step(run *self, fault_db *db, int step) {
    self->progress->running = true;
    if (work_run(db, step) != PYR_OK) {
        run_again(self, db, step);
    }
    self->progress->done = step + 1;
    self->progress->running = false;
    /* To read may fail where the fault stays: a file is mapped when it is read first. */
    work_contents found;
    if (work_read(db, &found) != PYR_OK) {
        expect_sensible(db, "reading");
        shim_calm();
    }
    expect_contents(db, &self->progress->expected[step + 1], work_name(step));
}

_Noreturn static void work_process(run *self) {
    fault_db db;
    bool power = self->kind->fault == SHIM_POWER || self->kind->then_power;
    (void)alarm(HANGS_AFTER_S);
    shim_begin(self->at.disk, power ? self->at.shadow : NULL, self->kind->fault, self->n);
    if (self->kind->then_power) {
        shim_power_at(self->n + 1 + (int64_t)(fault_mix((uint64_t)self->n) % THEN_MAX));
    }
    open_db(self, &db);
    for (int step = 0; step < work_steps(); ++step) {
        run_step(self, &db, step);
    }
    fault_close(&db);
    open_db(self, &db);
    fault_close(&db);
    self->progress->struck = shim_has_struck();
    self->progress->count = shim_count();
    _exit(0);
}

/* ---- The process that looks at what is left. ---- */

static void expect_one_of(run *self, fault_db *db) {
    const work_progress *progress = self->progress;
    work_contents found;
    if (work_read(db, &found) != PYR_OK) {
        fault_die("reading what is left: %s: %s", db->error.sqlstate, db->error.message);
    }
    if (!work_equal(&found, &progress->expected[progress->done]) &&
        !(progress->running && work_equal(&found, &progress->expected[progress->done + 1]))) {
        work_print("found", &found);
        work_print("acknowledged", &progress->expected[progress->done]);
        if (progress->running) {
            work_print("or", &progress->expected[progress->done + 1]);
        }
        fault_die("what was acknowledged is not there, of %d steps", progress->done);
    }
}

_Noreturn static void look_process(run *self, const char *path) {
    fault_db db;
    (void)alarm(HANGS_AFTER_S);
    if (fault_open(&db, path, false) != PYR_OK) {
        fault_die("opening what is left: %s: %s", db.error.sqlstate, db.error.message);
    }
    expect_one_of(self, &db);
    if (!fault_verify(&db)) {
        _exit(FAULT_BROKEN);
    }
    fault_must(&db, "CREATE TABLE probe (id BIGINT)");
    fault_must(&db, "INSERT INTO probe VALUES (1), (2)");
    fault_close(&db);
    if (fault_open(&db, path, true) != PYR_OK) {
        fault_die("reading what is left: %s: %s", db.error.sqlstate, db.error.message);
    }
    expect_one_of(self, &db);
    if (fault_value(&db, "SELECT count(*) FROM probe") != 2 || !fault_files_are_named(&db)) {
        _exit(FAULT_BROKEN);
    }
    fault_close(&db);
    _exit(0);
}

/* ---- The parent. ---- */

/* What is left, as the disk has it, can be looked at. */
static bool is_well(run *self, int status) {
    const char *path = self->at.path;
    if (fault_ended(status, SHIM_POWER_EXIT)) {
        self->progress->struck = true;
        power_restore(self->at.shadow, self->at.disk, self->at.image, self->kind->image,
                      (uint64_t)self->n);
        path = self->at.image_path;
    } else if (!fault_ended(status, 0) && !fault_ended(status, DIED)) {
        (void)fprintf(stderr, "the workload ended with status %d\n", status);
        return false;
    }
    pid_t child = fork();
    if (child == 0) {
        look_process(self, path);
    }
    status = fault_wait(child);
    return fault_ended(status, 0);
}

/* false: something is wrong. *more: the n-th operation came. */
static bool run_one(work_progress *progress, const fault_kind *kind, int64_t n, bool *more) {
    run self = {.progress = progress, .kind = kind, .n = n};
    progress->done = 0;
    progress->running = false;
    progress->struck = false;
    power_folders_make(&self.at, "files");
    pid_t child = fork();
    if (child == 0) {
        work_process(&self);
    }
    bool well = is_well(&self, fault_wait(child));
    *more = progress->struck || !well;
    if (!well) {
        (void)fprintf(stderr, "%s at operation %lld, during step %d (%s): %s is not well\n",
                      kind->name, (long long)n, progress->done,
                      progress->done < work_steps() ? work_name(progress->done) : "close",
                      self.at.folder);
    }
    power_folders_free(&self.at, well);
    return well;
}

static bool run_kind(work_progress *progress, const fault_kind *kind, int64_t first,
                     int64_t stride) {
    int bad = 0;
    int64_t runs = 0;
    bool more = true;
    progress->failed = 0;
    for (int64_t n = first; more && n < N_MAX && bad < 5; n += stride) {
        bad += !run_one(progress, kind, n, &more);
        runs += 1;
    }
    bool reached = more && bad < 5;
    printf("%s: %lld runs, %lld statements failed, %d runs were not well%s\n", kind->name,
           (long long)runs, (long long)progress->failed, bad,
           reached ? ", and operations behind the last one were not tried: N_MAX is too low" : "");
    (void)fflush(stdout);
    return bad == 0 && !reached;
}

static void learn(work_progress *progress) {
    char *path = fault_folder("files");
    work_learn(path, progress->expected);
    fault_remove(path);
    free(path);
}

int main(int argc, char **argv) {
    static const struct option names[] = {{"stride", required_argument, NULL, 's'},
                                          {"first", required_argument, NULL, 'f'},
                                          {"only", required_argument, NULL, 'o'},
                                          {"one", required_argument, NULL, 'n'},
                                          {NULL, 0, NULL, 0}};
    int64_t stride = 1;
    int64_t first = 1;
    const char *only = NULL;
    int64_t one = 0;
    int choice;
    while ((choice = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (choice == 's') {
            stride = atoll(optarg);
        } else if (choice == 'f') {
            first = atoll(optarg);
        } else if (choice == 'o') {
            only = optarg;
        } else if (choice == 'n') {
            one = atoll(optarg);
        } else {
            return 2;
        }
    }
    work_progress *progress =
        mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (progress == MAP_FAILED || stride < 1) {
        fault_die("mmap: %s", strerror(errno));
    }
    fault_load_engine();
    learn(progress);
    bool well = true;
    for (int i = 0; i < KINDS; ++i) {
        if (only != NULL && strcmp(kinds[i].name, only) != 0) {
            continue;
        }
        bool more;
        well &= one > 0 ? run_one(progress, &kinds[i], one, &more)
                        /* Kinds begin at different places, so that a stride meets more of them. */
                        : run_kind(progress, &kinds[i], first + i * stride / KINDS, stride);
    }
    return well ? 0 : 1;
}
