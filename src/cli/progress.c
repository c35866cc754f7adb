/* progress.c - see progress.h. */
#include "cli/progress.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define REDRAW_MS 200
#define BAR_COLUMNS 24

struct pyr_progress {
    void (*sample)(void *context, pyr_progress_sample *out);
    void *context;
    int64_t started_ns;
    pthread_t thread;
    pthread_mutex_t lock; /* guards stop */
    pthread_cond_t wake;
    bool stop;
};

void pyr_print_bytes(double bytes, pyr_text *out) {
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    size_t unit = 0;
    while (bytes >= 999.95 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        bytes /= 1000;
        ++unit;
    }
    pyr_text_printf(out, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
}

static void print_duration(double seconds, pyr_text *out) {
    if (seconds >= 360000) {
        seconds = 359999;
    }
    int whole = (int)seconds;
    if (whole >= 3600) {
        pyr_text_printf(out, "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60);
    } else {
        pyr_text_printf(out, "%d:%02d", whole / 60, whole % 60);
    }
}

static void print_bar(double fraction, pyr_text *out) {
    int filled = (int)(fraction * BAR_COLUMNS);
    pyr_text_add_char(out, '[');
    for (int i = 0; i < BAR_COLUMNS; ++i) {
        pyr_text_add_char(out, i < filled ? '#' : '.');
    }
    pyr_text_add(out, "] ");
}

void pyr_progress_print(const pyr_progress_sample *sample, int64_t elapsed_ms, size_t columns,
                        pyr_text *out) {
    double seconds = (double)elapsed_ms / 1000;
    double fraction = sample->fraction > 1 ? 1 : sample->fraction;
    size_t before = out->length;
    if (fraction >= 0) {
        if (columns > 70) {
            print_bar(fraction, out);
        }
        pyr_text_printf(out, "%3d%%", (int)(fraction * 100));
    } else {
        pyr_text_add(out, "running ");
        print_duration(seconds, out);
    }
    if (sample->rows > 0) {
        pyr_text_printf(out, ", %lld rows", (long long)sample->rows);
    }
    if (sample->bytes > 0 && seconds > 0) {
        pyr_text_add(out, ", ");
        pyr_print_bytes((double)sample->bytes / seconds, out);
        pyr_text_add(out, "/s");
    } else if (sample->rows > 0 && seconds > 0) {
        pyr_text_printf(out, ", %.0f rows/s", (double)sample->rows / seconds);
    }
    if (fraction > 0.001) {
        pyr_text_add(out, ", ");
        print_duration(seconds / fraction - seconds, out);
        pyr_text_add(out, " left");
    }
    if (out->length - before > columns) {
        out->length = before + columns; /* ASCII: a byte is a column */
        out->data[out->length] = '\0';
    }
}

static void draw(pyr_progress *self) {
    pyr_progress_sample sample = {.fraction = -1};
    self->sample(self->context, &sample);
    struct winsize size;
    size_t columns = 80;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 10) {
        columns = size.ws_col;
    }
    pyr_text line;
    pyr_text_init(&line);
    pyr_text_add(&line, "\r\x1B[K");
    pyr_progress_print(&sample, (pyr_clock_monotonic_ns() - self->started_ns) / 1000000,
                       columns - 1, &line);
    ssize_t written = write(STDERR_FILENO, pyr_text_get(&line), line.length);
    (void)written; /* a terminal that is gone is found out by the result's own output */
    pyr_text_deinit(&line);
}

static void *run(void *argument) {
    pyr_progress *self = argument;
    int64_t next_ns = self->started_ns + (int64_t)PYR_PROGRESS_AFTER_MS * 1000000;
    bool drawn = false;
    pthread_mutex_lock(&self->lock);
    while (!self->stop) {
        struct timespec until = {.tv_sec = next_ns / 1000000000, .tv_nsec = next_ns % 1000000000};
        pthread_cond_timedwait(&self->wake, &self->lock, &until);
        if (!self->stop && pyr_clock_monotonic_ns() >= next_ns) {
            draw(self);
            drawn = true;
            next_ns += (int64_t)REDRAW_MS * 1000000;
        }
    }
    pthread_mutex_unlock(&self->lock);
    if (drawn) {
        ssize_t written = write(STDERR_FILENO, "\r\x1B[K", 4);
        (void)written;
    }
    return NULL;
}

void pyr_progress_start(void (*sample)(void *context, pyr_progress_sample *out), void *context,
                        pyr_progress **out) {
    *out = NULL;
    const char *terminal = getenv("TERM");
    if (isatty(STDERR_FILENO) != 1 || terminal == NULL || strcmp(terminal, "dumb") == 0) {
        return;
    }
    pyr_progress *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return;
    }
    self->sample = sample;
    self->context = context;
    self->started_ns = pyr_clock_monotonic_ns();
    pthread_mutex_init(&self->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&self->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    if (pthread_create(&self->thread, NULL, run, self) != 0) {
        pthread_cond_destroy(&self->wake);
        pthread_mutex_destroy(&self->lock);
        free(self);
        return;
    }
    *out = self;
}

void pyr_progress_stop(pyr_progress *self) {
    if (self == NULL) {
        return;
    }
    pthread_mutex_lock(&self->lock);
    self->stop = true;
    pthread_cond_signal(&self->wake);
    pthread_mutex_unlock(&self->lock);
    pthread_join(self->thread, NULL);
    pthread_cond_destroy(&self->wake);
    pthread_mutex_destroy(&self->lock);
    free(self);
}
