/* power_test.c - the power goes at a random file operation under threads that write: the database,
 * as the disk has it (power.h), keeps what the kill test demands.
 *
 *     power_test [--rounds N] [--seed N]
 */
#include "kill_model.h"
#include "power.h"
#include "shim.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* The first operations make the database. */
enum { OPERATIONS_MAX = 900, START_OPERATIONS = 120, HANGS_AFTER_S = 120 };

/* Ends with SHIM_POWER_EXIT. */
_Noreturn static void writer_process(kill_model *model, const power_folders *self, int64_t n,
                                     uint64_t seed) {
    fault_db db;
    (void)alarm(HANGS_AFTER_S);
    shim_begin(self->disk, self->shadow, SHIM_POWER, n);
    fault_must_open(&db, self->path, false);
    kill_make_tables(&db);
    kill_write(model, &db, seed);
    _exit(FAULT_BROKEN); /* the writers ended by themselves */
}

static bool ended(pid_t child, int code) {
    int status = fault_wait(child);
    if (!fault_ended(status, code)) {
        (void)fprintf(stderr, "a process ended with status %d\n", status);
        return false;
    }
    return true;
}

static bool round_is_well(kill_model *model, const power_folders *self, fault_random *random) {
    int64_t n =
        1 + fault_below(random, fault_below(random, 6) == 0 ? START_OPERATIONS : OPERATIONS_MAX);
    power_image image = (power_image)fault_below(random, POWER_IMAGES);
    uint64_t seed = fault_next(random);
    pid_t child = fork();
    if (child == 0) {
        writer_process(model, self, n, seed);
    }
    if (!ended(child, SHIM_POWER_EXIT)) {
        return false;
    }
    power_restore(self->shadow, self->disk, self->image, image, seed);
    child = fork();
    if (child == 0) {
        _exit(kill_look(model, self->image_path) ? 0 : FAULT_BROKEN);
    }
    bool well = ended(child, 0);
    if (!well) {
        (void)fprintf(stderr, "operation %lld, image %d\n", (long long)n, (int)image);
    }
    return well;
}

static bool run_rounds(kill_model *model, int rounds, uint64_t seed) {
    fault_random random = {seed};
    bool well = true;
    int round = 0;
    for (; round < rounds && well; ++round) {
        power_folders self;
        power_folders_make(&self, "power");
        kill_model_clear(model);
        model->told = -1;
        well = round_is_well(model, &self, &random);
        if (!well) {
            (void)fprintf(stderr, "round %d of seed %llu: %s is not well\n", round,
                          (unsigned long long)seed, self.folder);
        }
        power_folders_free(&self, well);
    }
    int64_t done = 0;
    for (int i = 0; i < OWNERS; ++i) {
        done += model->owners[i].done;
    }
    printf("%d rounds: %lld operations acknowledged, %lld in doubt (%lld had landed)\n", round,
           (long long)done, (long long)model->in_doubt, (long long)model->landed);
    return well;
}

int main(int argc, char **argv) {
    static const struct option names[] = {{"rounds", required_argument, NULL, 'r'},
                                          {"seed", required_argument, NULL, 's'},
                                          {NULL, 0, NULL, 0}};
    int rounds = 20;
    uint64_t seed = (uint64_t)time(NULL);
    int choice;
    while ((choice = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (choice == 'r') {
            rounds = atoi(optarg);
        } else if (choice == 's') {
            seed = strtoull(optarg, NULL, 10);
        } else {
            return 2;
        }
    }
    printf("seed %llu\n", (unsigned long long)seed);
    (void)fflush(stdout);
    kill_model *model =
        mmap(NULL, sizeof(*model), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (model == MAP_FAILED) {
        fault_die("mmap: %s", strerror(errno));
    }
    fault_load_engine();
    return run_rounds(model, rounds, seed) ? 0 : 1;
}
