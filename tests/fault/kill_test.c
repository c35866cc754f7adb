/* kill_test.c - kill -9 at a random instant under threads that write, again and again on the same
 * database, and after each time: every acknowledged row is there once, what was not acknowledged is
 * there wholly or not at all, verify finds nothing, no file is left that nobody names.
 *
 *     kill_test [--rounds N] [--seed N] [--keep]
 *
 * The seed repeats what is written and for how long, not how threads interleave. This
 * process opens nothing itself: it forks one that writes and one that looks.
 */
#include "kill_model.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { OPERATIONS_MAX = 150, LATER_US = 5000, START_US = 25000, ROUNDS_OF_A_DATABASE = 12 };

typedef struct kill_options {
    int rounds;
    uint64_t seed;
    bool keep;
} kill_options;

/* Ends only when the model's stop is set. */
_Noreturn static void writer_process(kill_model *model, const char *path, uint64_t seed) {
    fault_db db;
    fault_must_open(&db, path, false);
    kill_make_tables(&db);
    kill_write(model, &db, seed);
    fault_close(&db);
    _exit(0);
}

static void sleep_us(int64_t us) {
    struct timespec left = {us / 1000000, us % 1000000 * 1000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

/* Returns when the writers have done so many operations, and a while later; or have died. */
static void wait_for_writers(int told, fault_random *random) {
    char bytes[1];
    int64_t count = 1 + fault_below(random, OPERATIONS_MAX);
    while (count > 0) {
        ssize_t got = read(told, bytes, 1);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            return;
        }
        count -= got > 0;
    }
    sleep_us(fault_below(random, LATER_US));
}

/* The process killed while it opens the database, or while it writes. Every eighth round ends by
 * itself, so that a clean close is seen, too. */
static bool write_for_a_while(kill_model *model, const char *path, fault_random *random) {
    int ends[2];
    uint64_t seed = fault_next(random);
    if (pipe2(ends, O_NONBLOCK) != 0 || fcntl(ends[0], F_SETFL, 0) != 0) {
        fault_die("pipe: %s", strerror(errno));
    }
    atomic_store(&model->stop, false);
    model->told = ends[1];
    pid_t child = fork();
    if (child == 0) {
        writer_process(model, path, seed);
    }
    (void)close(ends[1]);
    if (fault_below(random, 6) == 0) {
        sleep_us(fault_below(random, START_US));
    } else {
        wait_for_writers(ends[0], random);
    }
    if (fault_below(random, 8) != 0) {
        (void)kill(child, SIGKILL);
    } else {
        atomic_store(&model->stop, true);
    }
    int status = fault_wait(child);
    (void)close(ends[0]);
    bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    if (!killed && !fault_ended(status, 0)) {
        (void)fprintf(stderr, "the writers ended with status %d\n", status);
        return false;
    }
    return true;
}

/* One of four looks is killed, too: recovery may be cut short anywhere. It changes no rows, and the
 * model is not its own. */
static void recover_and_die(const char *path, fault_random *random) {
    pid_t child = fork();
    if (child == 0) {
        fault_db db;
        fault_must_open(&db, path, false);
        fault_close(&db);
        _exit(0);
    }
    sleep_us(fault_below(random, START_US));
    (void)kill(child, SIGKILL);
    (void)fault_wait(child);
}

static bool look(kill_model *model, const char *path) {
    pid_t child = fork();
    if (child == 0) {
        _exit(kill_look(model, path) ? 0 : FAULT_BROKEN);
    }
    return fault_ended(fault_wait(child), 0);
}

static bool round_is_well(kill_model *model, const char *path, fault_random *random) {
    if (!write_for_a_while(model, path, random)) {
        return false;
    }
    if (fault_below(random, 4) == 0) {
        recover_and_die(path, random);
    }
    return look(model, path);
}

static void report(const kill_model *model, int rounds) {
    int64_t done = 0;
    int64_t conflicts = 0;
    for (int i = 0; i < OWNERS; ++i) {
        done += model->owners[i].done;
        conflicts += model->owners[i].conflicts;
    }
    printf("%d rounds: %lld operations acknowledged, %lld in doubt (%lld had landed), %lld "
           "conflicts\n",
           rounds, (long long)done, (long long)model->in_doubt, (long long)model->landed,
           (long long)conflicts);
}

/* false: a round was not well; its database stays. */
static bool run_rounds(kill_model *model, const kill_options *options) {
    fault_random random = {options->seed};
    char *path = NULL;
    bool well = true;
    int round = 0;
    for (; round < options->rounds && well; ++round) {
        if (path == NULL) {
            path = fault_folder("kill");
            kill_model_clear(model);
        }
        well = round_is_well(model, path, &random);
        if (!well) {
            (void)fprintf(stderr, "round %d of seed %llu: %s is not well\n", round,
                          (unsigned long long)options->seed, path);
        } else if (round % ROUNDS_OF_A_DATABASE == ROUNDS_OF_A_DATABASE - 1 ||
                   kill_model_is_full(model) || round + 1 == options->rounds) {
            if (!options->keep) {
                fault_remove(path);
            }
            free(path);
            path = NULL;
        }
    }
    free(path);
    report(model, round);
    return well;
}

static kill_options parse(int argc, char **argv) {
    static const struct option names[] = {{"rounds", required_argument, NULL, 'r'},
                                          {"seed", required_argument, NULL, 's'},
                                          {"keep", no_argument, NULL, 'k'},
                                          {NULL, 0, NULL, 0}};
    kill_options out = {.rounds = 50, .seed = (uint64_t)time(NULL)};
    int choice;
    while ((choice = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (choice == 'r') {
            out.rounds = atoi(optarg);
        } else if (choice == 's') {
            out.seed = strtoull(optarg, NULL, 10);
        } else if (choice == 'k') {
            out.keep = true;
        } else {
            exit(2);
        }
    }
    return out;
}

int main(int argc, char **argv) {
    kill_options options = parse(argc, argv);
    printf("seed %llu\n", (unsigned long long)options.seed);
    (void)fflush(stdout);
    kill_model *model =
        mmap(NULL, sizeof(*model), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (model == MAP_FAILED) {
        fault_die("mmap: %s", strerror(errno));
    }
    fault_load_engine();
    return run_rounds(model, &options) ? 0 : 1;
}
