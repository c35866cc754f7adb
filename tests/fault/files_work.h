/* files_work.h - a small scripted workload, a step after the other, and what the tables hold after
 * each: for tests that make one operation of it fail.
 */
#ifndef PYR_FAULT_FILES_WORK_H
#define PYR_FAULT_FILES_WORK_H

#include "fault_db.h"

enum { WORK_STEPS_MAX = 32, WORK_TABLES = 3 };

/* What tables hold: whether each is there, its rows, and a sum over them. */
typedef struct work_contents {
    int64_t rows[WORK_TABLES]; /* -1: there is no such table */
    uint64_t sums[WORK_TABLES];
} work_contents;

int work_steps(void);
const char *work_name(int step);
/* One step. Where it fails no transaction is left open. */
pyr_status work_run(fault_db *db, int step);
/* PYR_OK, or why the tables cannot be read. */
pyr_status work_read(fault_db *db, work_contents *out);
/* What the tables hold before each step and after the last, of a database that is made at path by a
 * process of its own where nothing fails. expected: work_steps() + 1, in shared memory. */
void work_learn(const char *path, work_contents *expected);
bool work_equal(const work_contents *a, const work_contents *b);
void work_print(const char *what, const work_contents *contents);

#endif
