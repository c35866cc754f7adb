/* slt_pool.c - each file in a process of its own, so that a crash, a leak or a hang is a failure of
 * that file only.
 *
 * The parent starts no thread and opens no database, so a child may use everything after fork(). A
 * child leaves through exit(): LeakSanitizer, where it is built in, looks then. The parent waits on
 * the read end of a pipe whose write end only the child holds: it hangs up when the child is gone,
 * however it went. */
#include "slt.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS_MAX 64

typedef struct worker {
    pid_t pid; /* 0: idle */
    int pipe_fd;
    slt_job *job;
    int64_t deadline_ms;
    bool killed;
    char scratch[512];
    char log[560]; /* the child's stderr */
} worker;

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static _Noreturn void die(const char *what) {
    fprintf(stderr, "sqllogictest: %s: %s\n", what, strerror(errno));
    exit(2);
}

static _Noreturn void run_child(worker *self, slt_outcome *shared) {
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* nobody would end a child that hangs */
    int log = open(self->log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int nothing = open("/dev/null", O_RDWR);
    if (log < 0 || nothing < 0 || dup2(log, STDERR_FILENO) < 0 || dup2(nothing, STDIN_FILENO) < 0 ||
        dup2(nothing, STDOUT_FILENO) < 0) {
        die(self->log);
    }
    self->job->options.scratch = self->scratch;
    slt_run_file(&self->job->options, shared);
    exit(0);
}

static void start(worker *self, slt_job *job, slt_outcome *shared, unsigned timeout_s) {
    int ends[2];
    pyr_error error = {0};
    memset(shared, 0, sizeof(*shared));
    self->job = job;
    self->killed = false;
    if (pyr_folder_remove(self->scratch, &error) != PYR_OK ||
        pyr_folder_create(self->scratch, &error) != PYR_OK) {
        fprintf(stderr, "sqllogictest: %s\n", error.message);
        exit(2);
    }
    if (pipe2(ends, O_CLOEXEC) != 0) {
        die("pipe");
    }
    self->pid = fork();
    if (self->pid < 0) {
        die("fork");
    }
    if (self->pid == 0) {
        close(ends[0]);
        run_child(self, shared);
    }
    close(ends[1]);
    self->pipe_fd = ends[0];
    self->deadline_ms = now_ms() + (int64_t)timeout_s * 1000;
}

/* What the child wrote to stderr: of a sanitizer's report the line that says what, else all. */
static void add_log(const worker *self, char *out, size_t out_size) {
    pyr_error error;
    char *text = NULL;
    size_t size = 0;
    if (pyr_file_read_all(self->log, (size_t)64 << 20, &text, &size, &error) != PYR_OK) {
        return;
    }
    const char *from = strstr(text, "ERROR: ");
    from = from != NULL ? from : strstr(text, "runtime error: ");
    from = from != NULL ? from : strstr(text, "Assertion");
    from = from != NULL ? from : text;
    size_t length = strlen(out);
    snprintf(out + length, out_size - length, "%s%.800s", size > 0 ? ": " : "", from);
    for (char *c = out; *c != '\0'; ++c) {
        *c = *c == '\n' ? ' ' : *c;
    }
    free(text);
}

static void note_death(const worker *self, int status, slt_outcome *outcome) {
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && outcome->finished) {
        return;
    }
    outcome->state = SLT_FAILED;
    outcome->line = outcome->at_line;
    if (self->killed) {
        snprintf(outcome->reason, sizeof(outcome->reason), "hang: killed after its time");
    } else if (WIFSIGNALED(status)) {
        snprintf(outcome->reason, sizeof(outcome->reason), "crash: %s",
                 strsignal(WTERMSIG(status)));
    } else if (outcome->finished) {
        snprintf(outcome->reason, sizeof(outcome->reason), "leak: exit status %d at the end",
                 WEXITSTATUS(status));
    } else {
        snprintf(outcome->reason, sizeof(outcome->reason), "crash: exit status %d",
                 WEXITSTATUS(status));
    }
    snprintf(outcome->message, sizeof(outcome->message), "%s", outcome->reason);
    add_log(self, outcome->message, sizeof(outcome->message));
}

static void finish(worker *self, const slt_outcome *shared, void (*done)(const slt_job *job)) {
    int status = 0;
    while (waitpid(self->pid, &status, 0) < 0) {
        if (errno != EINTR) {
            die("waitpid");
        }
    }
    close(self->pipe_fd);
    self->pid = 0;
    self->job->outcome = *shared;
    note_death(self, status, &self->job->outcome);
    pyr_error error;
    if (pyr_folder_remove(self->scratch, &error) != PYR_OK) {
        fprintf(stderr, "sqllogictest: %s\n", error.message);
    }
    done(self->job);
}

/* Until one hangs up or the next deadline. */
static void wait_for_any(worker *workers, unsigned count, const slt_outcome *shared,
                         void (*done)(const slt_job *job)) {
    struct pollfd fds[WORKERS_MAX];
    int64_t now = now_ms();
    int64_t wait = INT32_MAX;
    for (unsigned i = 0; i < count; ++i) {
        fds[i] = (struct pollfd){.fd = workers[i].pid != 0 ? workers[i].pipe_fd : -1};
        if (workers[i].pid != 0 && !workers[i].killed) {
            int64_t left = workers[i].deadline_ms - now;
            wait = left < wait ? left : wait;
        }
    }
    if (poll(fds, count, wait < 0 ? 0 : (int)wait) < 0 && errno != EINTR) {
        die("poll");
    }
    now = now_ms();
    for (unsigned i = 0; i < count; ++i) {
        worker *self = &workers[i];
        if (self->pid != 0 && (fds[i].revents & (POLLHUP | POLLERR)) != 0) {
            finish(self, &shared[i], done);
        } else if (self->pid != 0 && !self->killed && now >= self->deadline_ms) {
            self->killed = true;
            kill(self->pid, SIGKILL);
        }
    }
}

void slt_pool_run(slt_job *jobs, size_t count, unsigned workers_count, unsigned timeout_s,
                  const char *scratch, void (*done)(const slt_job *job)) {
    static worker workers[WORKERS_MAX];
    workers_count = workers_count > WORKERS_MAX ? WORKERS_MAX : workers_count;
    slt_outcome *shared = mmap(NULL, sizeof(*shared) * WORKERS_MAX, PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        die("mmap");
    }
    for (unsigned i = 0; i < workers_count; ++i) {
        snprintf(workers[i].scratch, sizeof(workers[i].scratch), "%s/%u", scratch, i);
        snprintf(workers[i].log, sizeof(workers[i].log), "%s/%u.log", scratch, i);
    }
    size_t next = 0;
    size_t running = 0;
    size_t ended = 0;
    while (ended < count) {
        running = 0;
        for (unsigned i = 0; i < workers_count; ++i) {
            if (workers[i].pid == 0 && next < count) {
                start(&workers[i], &jobs[next++], &shared[i], timeout_s);
            }
            running += workers[i].pid != 0;
        }
        wait_for_any(workers, workers_count, shared, done);
        size_t left = 0;
        for (unsigned i = 0; i < workers_count; ++i) {
            left += workers[i].pid != 0;
        }
        ended += running - left;
    }
    munmap(shared, sizeof(*shared) * WORKERS_MAX);
}
