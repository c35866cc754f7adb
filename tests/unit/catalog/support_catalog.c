/* support_catalog.c - see support_catalog.h. */
#include "support_catalog.h"

#include "../storage/support_storage.c" /* one folder's support is not another's target */

#include "catalog/catalog_internal.h"
#include "catalog/history.h"
#include "catalog/maintenance.h"

#include <dirent.h>
#include <sys/wait.h>

int set_up(void **state) {
    fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    f->folder = folder_create();
    f->path = strdup(below(f->folder, "db"));
    *state = f;
    return 0;
}

int tear_down(void **state) {
    fixture *f = *state;
    folder_remove(f->folder);
    free((char *)f->path);
    free(f);
    return 0;
}

/* ---- Tables. ---- */

pyr_catalog *open_catalog(const char *path) {
    pyr_catalog *catalog;
    check_ok(pyr_catalog_open(path, false, &catalog, error));
    atomic_store(&catalog->hot_bytes_max, 0);
    pyr_maintenance_disable(catalog);
    catalog->history->disabled = true;
    return catalog;
}

pyr_catalog *open_readonly(const char *path) {
    pyr_catalog *catalog;
    check_ok(pyr_catalog_open(path, true, &catalog, error));
    return catalog;
}

pyr_schema *two_columns(void) {
    pyr_field *plain[2];
    pyr_field *fields[2];
    pyr_schema *schema;
    check_ok(pyr_field_create("a", PYR_TYPE_INT64, &plain[0], error));
    check_ok(pyr_field_create("b", PYR_TYPE_UTF8, &plain[1], error));
    check_ok(pyr_field_with(plain[0], NULL, false, NULL, &fields[0], error));
    check_ok(pyr_field_with(plain[1], NULL, true, NULL, &fields[1], error));
    check_ok(pyr_schema_create(fields, 2, NULL, &schema, error));
    for (int i = 0; i < 2; ++i) {
        pyr_field_release(plain[i]);
        pyr_field_release(fields[i]);
    }
    return schema;
}

void create_table_with(pyr_catalog *catalog, const char *name, const pyr_table_option *options,
                       size_t count) {
    pyr_schema *schema = two_columns();
    pyr_table_definition definition = {
        .name = name, .schema = schema, .options = options, .options_count = count};
    check_ok(pyr_catalog_create_table(catalog, &definition, PYR_CREATE_NEW, NULL, error));
    pyr_schema_release(schema);
}

void create_table(pyr_catalog *catalog, const char *name) {
    create_table_with(catalog, name, NULL, 0);
}

pyr_batch *rows_batch(int64_t first, int64_t rows) {
    pyr_array *columns[] = {numbers(first, rows, 0), long_strings(rows, 12)};
    return rows_batch_of(columns, 2);
}

pyr_appender *open_appender(pyr_catalog *catalog, const char *name) {
    pyr_schema *schema = two_columns();
    pyr_appender *appender;
    check_ok(pyr_appender_create(catalog, NULL, name, schema, NULL, NULL, &appender, error));
    pyr_schema_release(schema);
    return appender;
}

void append(pyr_appender *appender, int64_t first, int64_t rows) {
    pyr_batch *batch = rows_batch(first, rows);
    check_ok(pyr_appender_batch(appender, batch, error));
    pyr_batch_release(batch);
}

void append_rows(pyr_catalog *catalog, const char *name, int64_t first, int64_t rows) {
    pyr_appender *appender = open_appender(catalog, name);
    append(appender, first, rows);
    check_ok(pyr_appender_commit(appender, NULL, error));
    pyr_appender_destroy(appender);
}

pyr_snapshot *snapshot_of(pyr_catalog *catalog) {
    pyr_snapshot *snapshot;
    check_ok(pyr_catalog_snapshot(catalog, &snapshot, error));
    return snapshot;
}

static int64_t count_segment(pyr_segment *segment, int64_t *sum) {
    size_t count;
    int64_t rows = 0;
    check_ok(pyr_segment_batches(segment, NULL, &count, error));
    for (size_t i = 0; i < count; ++i) {
        pyr_batch *batch = read_batch(segment, i);
        for (int64_t row = 0; row < batch->rows; ++row) {
            *sum += pyr_array_int64(batch->columns[0], row);
        }
        rows += batch->rows;
        pyr_batch_release(batch);
    }
    return rows;
}

int64_t count_rows(const pyr_snapshot *snapshot, const char *name, int64_t *sum) {
    const pyr_table *table = pyr_snapshot_find(snapshot, NULL, name);
    int64_t total = 0;
    int64_t rows = 0;
    if (table == NULL) {
        return -1;
    }
    for (size_t i = 0; i < table->segments_count; ++i) {
        rows += count_segment(table->segments[i], &total);
    }
    assert_int_equal(rows, table->rows);
    if (sum != NULL) {
        *sum = total;
    }
    return rows;
}

int64_t rows_now(pyr_catalog *catalog, const char *name) {
    pyr_snapshot *snapshot = snapshot_of(catalog);
    int64_t rows = count_rows(snapshot, name, NULL);
    pyr_snapshot_release(snapshot);
    return rows;
}

/* ---- Files. ---- */

static int count_in(const char *path) {
    int found = 0;
    DIR *folder = opendir(path);
    struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        const char *dot = strrchr(entry->d_name, '.');
        if (entry->d_name[0] == '.') {
            continue;
        }
        if (dot != NULL && strcmp(dot, ".arrow") == 0) {
            ++found;
        } else if (entry->d_type == DT_DIR) {
            char *child = NULL;
            assert_true(asprintf(&child, "%s/%s", path, entry->d_name) > 0);
            found += count_in(child);
            free(child);
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return found;
}

int count_files(const char *path) {
    return count_in(below(path, "segments"));
}

/* ---- Other processes. ---- */

other start_other(const char *role, const char *path) {
    int input[2];
    int output[2];
    assert_int_equal(pipe2(input, O_CLOEXEC), 0);
    assert_int_equal(pipe2(output, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)dup2(input[0], 0);
        (void)dup2(output[1], 1);
        execl("/proc/self/exe", "other", role, path, (char *)NULL);
        _exit(127);
    }
    close(input[0]);
    close(output[1]);
    char word[6] = {0};
    if (read(output[0], word, 5) != 5 || strcmp(word, "ready") != 0) {
        fail_msg("the other process (%s) did not come so far", role);
    }
    return (other){pid, input[1], output[0]};
}

static int wait_for(other *process) {
    int code = -1;
    close(process->input);
    assert_int_equal(waitpid(process->pid, &code, 0), process->pid);
    close(process->output);
    return code;
}

void end_other(other *process) {
    int code = wait_for(process);
    assert_true(WIFEXITED(code) && WEXITSTATUS(code) == 0);
}

void kill_other(other *process) {
    assert_int_equal(kill(process->pid, SIGKILL), 0);
    int code = wait_for(process);
    assert_true(WIFSIGNALED(code) && WTERMSIG(code) == SIGKILL);
}

static void say_ready_and_wait(void) {
    char end;
    if (write(1, "ready", 5) != 5 || read(0, &end, 1) != 0) {
        _exit(3);
    }
}

int play_role(int argc, char **argv) {
    if (argc != 3 || strncmp(argv[1], "--", 2) != 0) {
        return -1;
    }
    pyr_catalog *catalog = open_catalog(argv[2]);
    if (strcmp(argv[1], "--append") == 0) {
        append_rows(catalog, "t", 0, 10);
        if (write(1, "ready", 5) != 5) {
            _exit(3);
        }
        _exit(0);
    }
    say_ready_and_wait();
    pyr_catalog_close(catalog);
    return 0;
}
