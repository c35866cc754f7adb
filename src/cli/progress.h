/* progress.h - one line on a terminal's stderr while work above two seconds runs: percent, rate and
 * time left as far as they are known. Never on a pipe. A thread of its own draws it.
 */
#ifndef PYR_CLI_PROGRESS_H
#define PYR_CLI_PROGRESS_H

#include "base/text.h"

#define PYR_PROGRESS_AFTER_MS 2000

typedef struct pyr_progress_sample {
    double fraction; /* 0..1, or negative where nobody knows */
    int64_t bytes;   /* worked on so far; 0: unknown */
    int64_t rows;    /* 0: unknown */
} pyr_progress_sample;

typedef struct pyr_progress pyr_progress;

/* sample is called from the drawing thread until pyr_progress_stop. *out is NULL, and that is no
 * failure, where stderr is no terminal or there is no thread to be had. */
void pyr_progress_start(void (*sample)(void *context, pyr_progress_sample *out), void *context,
                        pyr_progress **out);
/* Ends and clears the line; NULL allowed. */
void pyr_progress_stop(pyr_progress *self);

/* What the line says after elapsed_ms, without control characters. */
void pyr_progress_print(const pyr_progress_sample *sample, int64_t elapsed_ms, size_t columns,
                        pyr_text *out);
/* "12.3 MB", "999 B": decimal units. */
void pyr_print_bytes(double bytes, pyr_text *out);

#endif
