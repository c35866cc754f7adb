/* insert_test.c - an INSERT whose source gives its rows once, while others write to its table. */
#include "support_session.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef PYRALOG_HAVE_DUCKDB

/* A pipe in the file system that gives the same rows to each that opens it. Before the first one
 * gets them another connection runs a statement: the INSERT has its snapshot by then. */
typedef struct feeder {
    pthread_t thread;
    char path[256];
    const char *rows;
    pyr_connection *other;
    const char *meanwhile;
    atomic_bool stop;
    char failure[1200]; /* cmocka's checks belong to the main thread */
} feeder;

static void note(feeder *self, const char *what, const char *message) {
    if (self->failure[0] == '\0') {
        snprintf(self->failure, sizeof(self->failure), "%s: %s", what, message);
    }
}

static bool feed(feeder *self, bool first) {
    int fd = open(self->path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        note(self, "open", strerror(errno));
        return false;
    }
    bool goes_on = !atomic_load(&self->stop);
    if (goes_on && (unlink(self->path) != 0 || mkfifo(self->path, 0600) != 0)) {
        note(self, "mkfifo", strerror(errno)); /* another one for whoever opens it next */
    }
    pyr_error error;
    if (goes_on && first &&
        pyr_execute(self->other, self->meanwhile, NULL, NULL, &error) != PYR_OK) {
        note(self, self->meanwhile, error.message);
    }
    size_t length = strlen(self->rows);
    if (goes_on && write(fd, self->rows, length) != (ssize_t)length) {
        note(self, "write", strerror(errno));
    }
    close(fd);
    return goes_on;
}

static void *feed_all(void *context) {
    feeder *self = context;
    for (bool first = true; feed(self, first); first = false) {
    }
    return NULL;
}

/* Runs insert, where %s is the pipe's path, and meanwhile beside it. */
static void insert_beside(fixture *f, const char *insert, const char *rows, const char *meanwhile,
                          const char *sqlstate) {
    char *folder = make_folder();
    feeder self = {.rows = rows, .meanwhile = meanwhile};
    snprintf(self.path, sizeof(self.path), "%s/rows.csv", folder);
    assert_int_equal(mkfifo(self.path, 0600), 0);
    assert_int_equal(pyr_connect(f->db, &self.other, &f->error), PYR_OK);
    assert_int_equal(pthread_create(&self.thread, NULL, feed_all, &self), 0);
    run_with_fails(f, insert, self.path, sqlstate);
    atomic_store(&self.stop, true);
    int fd = open(self.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* wakes it */
    assert_true(fd >= 0);
    assert_int_equal(pthread_join(self.thread, NULL), 0);
    close(fd);
    assert_string_equal(self.failure, "");
    pyr_disconnect(self.other);
    remove_folder(folder);
}

static void what_reads_a_pipe_is_not_run_again(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (k INTEGER PRIMARY KEY, v INTEGER)");
    run(f, "INSERT INTO t VALUES (1, 1)");
    insert_beside(f,
                  "INSERT INTO t SELECT * FROM read_csv('%s') ON CONFLICT (k) DO UPDATE SET v = "
                  "t.v + excluded.v",
                  "k,v\n1,10\n2,20\n", "INSERT OR REPLACE INTO t VALUES (1, 100)", "40001");
    expect(f, "SELECT * FROM t", "1|100\n");
}

static void a_table_altered_meanwhile_is_a_conflict(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a INTEGER)");
    insert_beside(f, "INSERT INTO t BY NAME SELECT * FROM read_csv('%s')", "a\n1\n2\n",
                  "ALTER TABLE t ADD COLUMN b INTEGER", "40001");
    expect(f, "SELECT * FROM t", "");
}

#endif

int main(void) {
#ifdef PYRALOG_HAVE_DUCKDB
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_reads_a_pipe_is_not_run_again, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_table_altered_meanwhile_is_a_conflict, fixture_setup,
                                        fixture_teardown),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
#else
    return 0;
#endif
}
