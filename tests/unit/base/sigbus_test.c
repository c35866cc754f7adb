/* sigbus_test.c - faults in mappings: several threads at once, and what is not ours goes to whoever
 * was there before. Each case runs in a process of its own: cmocka catches signals in this one. */
#include "base/file.h"
#include "base/mapping.h"
#include "support_base.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FILE_BYTES = 1 << 20, CUT_BYTES = 1 << 18, THREADS = 6, ROUNDS = 20 };

/* A file full of ones; gone with its descriptor. */
static int make_file(void) {
    char path[] = "/tmp/pyralog-sigbus-XXXXXX";
    int fd = mkstemp(path);
    uint8_t *ones = malloc(FILE_BYTES);
    if (fd < 0 || unlink(path) != 0 || ones == NULL) {
        abort();
    }
    memset(ones, 1, FILE_BYTES);
    if (write(fd, ones, FILE_BYTES) != FILE_BYTES) {
        abort();
    }
    free(ones);
    return fd;
}

/* The sum of the first byte of every page: as many as there are bytes that are not zero. The
 * handler that maps zeros over a page is no race with those who read it, but looks like one to
 * TSan. */
__attribute__((no_sanitize("thread"))) static int read_pages(const uint8_t *data) {
    int sum = 0;
    for (size_t i = 0; i < FILE_BYTES; i += 4096) {
        sum += ((volatile const uint8_t *)data)[i];
    }
    return sum;
}

/* ---- Threads. ---- */

/* Maps a file that is cut and one that is not, reads both, and must be told the truth of each. */
static void *map_and_read(void *argument) {
    (void)argument;
    for (int i = 0; i < ROUNDS; ++i) {
        int cut_fd = make_file();
        int whole_fd = make_file();
        pyr_buffer *cut = NULL;
        pyr_buffer *whole = NULL;
        bool right = pyr_mapping_open_fd(whole_fd, "whole", &whole, NULL) == PYR_OK &&
                     pyr_mapping_open_fd(cut_fd, "cut", &cut, NULL) == PYR_OK &&
                     ftruncate(cut_fd, CUT_BYTES) == 0;
        right = right && read_pages(cut->data) == CUT_BYTES / 4096;
        right = right && read_pages(whole->data) == FILE_BYTES / 4096;
        right = right && pyr_mapping_check(cut->mapping, NULL) == PYR_ERROR_IO;
        right = right && pyr_mapping_check(whole->mapping, NULL) == PYR_OK;
        pyr_buffer_release(cut);
        pyr_buffer_release(whole);
        close(cut_fd);
        close(whole_fd);
        if (!right) {
            return NULL;
        }
    }
    return (void *)1;
}

static int threads_mode(void) {
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; ++i) {
        if (pthread_create(&threads[i], NULL, map_and_read, NULL) != 0) {
            return 2;
        }
    }
    int result = 0;
    for (int i = 0; i < THREADS; ++i) {
        void *right = NULL;
        pthread_join(threads[i], &right);
        result = right != NULL ? result : 3;
    }
    return result;
}

/* Every thread of several faults in the same mapping, on the same pages. */
static void *read_shared(void *argument) {
    const pyr_buffer *buffer = argument;
    return read_pages(buffer->data) == CUT_BYTES / 4096 ? (void *)1 : NULL;
}

static int shared_mode(void) {
    int fd = make_file();
    pyr_buffer *buffer = NULL;
    if (pyr_mapping_open_fd(fd, "shared", &buffer, NULL) != PYR_OK ||
        ftruncate(fd, CUT_BYTES) != 0) {
        return 2;
    }
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; ++i) {
        pthread_create(&threads[i], NULL, read_shared, buffer);
    }
    int result = 0;
    for (int i = 0; i < THREADS; ++i) {
        void *right = NULL;
        pthread_join(threads[i], &right);
        result = right != NULL ? result : 3;
    }
    result = pyr_mapping_check(buffer->mapping, NULL) == PYR_ERROR_IO ? result : 4;
    pyr_buffer_release(buffer);
    close(fd);
    return result;
}

/* ---- Handlers that were there before. ---- */

static sigjmp_buf place;
static volatile sig_atomic_t information_given;

static void on_signal_with_information(int number, siginfo_t *info, void *context) {
    (void)number;
    information_given = info != NULL && context != NULL && info->si_addr != NULL;
    siglongjmp(place, 1);
}

static void on_signal(int number) {
    information_given = number == SIGBUS;
    siglongjmp(place, 1);
}

/* A program with a handler of its own opens a database; then a mapping of its own faults. */
static int chain_mode(bool with_information) {
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    if (with_information) {
        action.sa_sigaction = on_signal_with_information;
        action.sa_flags = SA_SIGINFO;
    } else {
        action.sa_handler = on_signal;
    }
    sigaction(SIGBUS, &action, NULL);
    int fd = make_file();
    pyr_buffer *ours = NULL;
    if (pyr_mapping_open_fd(fd, "ours", &ours, NULL) != PYR_OK) { /* installs our handler */
        return 2;
    }
    int foreign_fd = make_file();
    const uint8_t *foreign = mmap(NULL, FILE_BYTES, PROT_READ, MAP_SHARED, foreign_fd, 0);
    if (foreign == MAP_FAILED || ftruncate(foreign_fd, 0) != 0 || ftruncate(fd, CUT_BYTES) != 0) {
        return 2;
    }
    for (int i = 0; i < 2; ++i) { /* and again: the chain holds */
        information_given = 0;
        if (sigsetjmp(place, 1) == 0) {
            (void)read_pages(foreign);
            return 3; /* it went to nobody */
        }
        if (!information_given) {
            return 4;
        }
        if (read_pages(ours->data) != CUT_BYTES / 4096 ||
            pyr_mapping_check(ours->mapping, NULL) != PYR_ERROR_IO) {
            return 5;
        }
    }
    pyr_buffer_release(ours);
    return 0;
}

/* ---- Signals that were sent. ---- */

static int sent_mode(bool ignored) {
    signal(SIGBUS, ignored ? SIG_IGN : SIG_DFL);
    int fd = make_file();
    pyr_buffer *ours = NULL;
    if (pyr_mapping_open_fd(fd, "ours", &ours, NULL) != PYR_OK) {
        return 2;
    }
    raise(SIGBUS);
    if (!ignored) {
        return 7; /* it was swallowed */
    }
    /* A fault of ours is still caught. */
    if (ftruncate(fd, CUT_BYTES) != 0 || read_pages(ours->data) != CUT_BYTES / 4096) {
        return 3;
    }
    pyr_buffer_release(ours);
    return 0;
}

/* ---- The cases. ---- */

static int run_mode(const char *mode) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        execl("/proc/self/exe", "sigbus_test", mode, (char *)NULL);
        _exit(99);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void threads_are_told_of_their_own_faults_and_of_no_others(void **state) {
    (void)state;
    assert_int_equal(run_mode("threads"), 0);
}

static void threads_that_fault_on_one_page_all_go_on(void **state) {
    (void)state;
    assert_int_equal(run_mode("shared"), 0);
}

static void a_foreign_fault_goes_to_the_handler_that_was_there_before(void **state) {
    (void)state;
    assert_int_equal(run_mode("chain"), 0);
    assert_int_equal(run_mode("chain-plain"), 0);
}

static void a_signal_that_was_sent_does_what_it_did_before(void **state) {
    (void)state;
    assert_int_equal(run_mode("sent"), -SIGBUS);
    assert_int_equal(run_mode("sent-ignored"), 0);
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "threads") == 0) {
        return threads_mode();
    }
    if (argc == 2 && strcmp(argv[1], "shared") == 0) {
        return shared_mode();
    }
    if (argc == 2 && strncmp(argv[1], "chain", 5) == 0) {
        return chain_mode(strcmp(argv[1], "chain") == 0);
    }
    if (argc == 2 && strncmp(argv[1], "sent", 4) == 0) {
        return sent_mode(strcmp(argv[1], "sent-ignored") == 0);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_are_told_of_their_own_faults_and_of_no_others),
        cmocka_unit_test(threads_that_fault_on_one_page_all_go_on),
        cmocka_unit_test(a_foreign_fault_goes_to_the_handler_that_was_there_before),
        cmocka_unit_test(a_signal_that_was_sent_does_what_it_did_before),
    };
    return cmocka_run_group_tests_name("sigbus", tests, NULL, NULL);
}
