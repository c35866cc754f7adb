/* fault_db.c - see fault_db.h. */
#include "fault_db.h"

#include "base/file.h"
#include "session/session.h"

#include <dlfcn.h>
#include <errno.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SQL_BYTES_MAX = 64 << 10 };

void fault_die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
    _exit(FAULT_BROKEN);
}

/* ---- Opening, running. ---- */

pyr_status fault_open(fault_db *self, const char *path, bool readonly) {
    const char *const options[] = {"threads=2", readonly ? "readonly=true" : NULL, NULL};
    *self = (fault_db){.path = path};
    pyr_status status = pyr_open(path, options, &self->db, &self->error);
    if (status == PYR_OK) {
        status = pyr_connect(self->db, &self->connection, &self->error);
    }
    if (status != PYR_OK) {
        pyr_close(self->db);
        self->db = NULL;
    }
    return status;
}

void fault_must_open(fault_db *self, const char *path, bool readonly) {
    if (fault_open(self, path, readonly) != PYR_OK) {
        fault_die("open: %s: %s", self->error.sqlstate, self->error.message);
    }
}

pyr_status fault_connect(fault_db *self, const fault_db *other) {
    *self = (fault_db){.path = other->path, .db = other->db};
    return pyr_connect(self->db, &self->connection, &self->error);
}

void fault_disconnect(fault_db *self) {
    pyr_disconnect(self->connection);
    self->connection = NULL;
}

void fault_close(fault_db *self) {
    fault_disconnect(self);
    pyr_close(self->db);
    self->db = NULL;
}

pyr_status fault_run_text(fault_db *self, const char *sql) {
    return pyr_execute(self->connection, sql, NULL, &self->rows_changed, &self->error);
}

static char *print(const char *format, va_list arguments) {
    char *sql = malloc(SQL_BYTES_MAX);
    if (sql == NULL || vsnprintf(sql, SQL_BYTES_MAX, format, arguments) >= SQL_BYTES_MAX) {
        fault_die("a statement is too long: %s", format);
    }
    return sql;
}

pyr_status fault_run(fault_db *self, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *sql = print(format, arguments);
    va_end(arguments);
    pyr_status status = fault_run_text(self, sql);
    free(sql);
    return status;
}

void fault_must(fault_db *self, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *sql = print(format, arguments);
    va_end(arguments);
    if (fault_run_text(self, sql) != PYR_OK) {
        fault_die("%.200s: %s: %s", sql, self->error.sqlstate, self->error.message);
    }
    free(sql);
}

/* ---- Reading. ---- */

static void visit_batch(const struct ArrowArray *array, fault_visit visit, void *context) {
    const int64_t *columns[FAULT_COLUMNS_MAX];
    int64_t values[FAULT_COLUMNS_MAX];
    for (int64_t i = 0; i < array->n_children; ++i) {
        const struct ArrowArray *child = array->children[i];
        columns[i] = (const int64_t *)child->buffers[1] + child->offset + array->offset;
    }
    for (int64_t row = 0; row < array->length; ++row) {
        for (int64_t i = 0; i < array->n_children; ++i) {
            values[i] = columns[i][row];
        }
        visit(context, values);
    }
}

static pyr_status stream_failed(fault_db *self, struct ArrowArrayStream *stream, int code) {
    const char *message = stream->get_last_error(stream);
    self->error = (pyr_error){.code = code == ENOMEM ? PYR_ERROR_MEMORY : PYR_ERROR_IO};
    (void)snprintf(self->error.message, sizeof(self->error.message), "%s",
                   message != NULL ? message : strerror(code));
    /* The message begins with the SQLSTATE, where there was memory for one. */
    (void)snprintf(self->error.sqlstate, sizeof(self->error.sqlstate), "%.5s",
                   message != NULL && strlen(message) > 6 && message[5] == ':' ? message
                   : code == ENOMEM                                            ? "53200"
                                                                               : "XX000");
    return self->error.code;
}

static pyr_status expect_bigints(fault_db *self, struct ArrowArrayStream *stream, const char *sql) {
    struct ArrowSchema schema;
    int code = stream->get_schema(stream, &schema);
    if (code != 0) {
        return stream_failed(self, stream, code);
    }
    for (int64_t i = 0; i < schema.n_children; ++i) {
        if (i == FAULT_COLUMNS_MAX || strcmp(schema.children[i]->format, "l") != 0) {
            fault_die("%s: a column is no BIGINT but %s", sql, schema.children[i]->format);
        }
    }
    schema.release(&schema);
    return PYR_OK;
}

static pyr_status read_stream(fault_db *self, struct ArrowArrayStream *stream, fault_visit visit,
                              void *context) {
    for (;;) {
        struct ArrowArray array;
        int code = stream->get_next(stream, &array);
        if (code != 0) {
            return stream_failed(self, stream, code);
        }
        if (array.release == NULL) {
            return PYR_OK;
        }
        visit_batch(&array, visit, context);
        array.release(&array);
    }
}

pyr_status fault_rows(fault_db *self, const char *sql, fault_visit visit, void *context) {
    struct ArrowArrayStream stream;
    pyr_status status = pyr_query(self->connection, sql, NULL, &stream, &self->error);
    if (status != PYR_OK) {
        return status;
    }
    status = expect_bigints(self, &stream, sql);
    if (status == PYR_OK) {
        status = read_stream(self, &stream, visit, context);
    }
    stream.release(&stream);
    return status;
}

typedef struct one_value {
    int64_t value;
    int64_t rows;
} one_value;

static void keep_value(void *context, const int64_t *values) {
    one_value *self = context;
    self->value = values[0];
    self->rows += 1;
}

int64_t fault_value(fault_db *self, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *sql = print(format, arguments);
    va_end(arguments);
    one_value found = {0, 0};
    if (fault_rows(self, sql, keep_value, &found) != PYR_OK) {
        fault_die("%.200s: %s: %s", sql, self->error.sqlstate, self->error.message);
    }
    if (found.rows != 1) {
        fault_die("%.200s: %lld rows", sql, (long long)found.rows);
    }
    free(sql);
    return found.value;
}

typedef struct named_table {
    const char *name;
    bool found;
} named_table;

static pyr_status see_table(void *context, const char *schema_name, const char *name,
                            pyr_schema *schema, int64_t rows, int64_t size_bytes,
                            pyr_error *error) {
    named_table *self = context;
    (void)schema;
    (void)rows;
    (void)size_bytes;
    (void)error;
    self->found |= strcmp(schema_name, "main") == 0 && strcmp(name, self->name) == 0;
    return PYR_OK;
}

bool fault_has_table(fault_db *self, const char *name) {
    named_table wanted = {name, false};
    if (pyr_session_tables(self->connection, see_table, &wanted, &self->error) != PYR_OK) {
        fault_die("tables: %s", self->error.message);
    }
    return wanted.found;
}

/* ---- Verifying. ---- */

static void count_bad(void *context, const char *table, const char *segment, const char *message) {
    if (message != NULL) {
        *(int *)context += 1;
        (void)fprintf(stderr, "verify: table %s: %s: %s\n", table, segment, message);
    }
}

bool fault_verify(fault_db *self) {
    int bad = 0;
    if (pyr_session_verify(self->db, count_bad, &bad, &self->error) != PYR_OK) {
        (void)fprintf(stderr, "verify: %s: %s\n", self->error.sqlstate, self->error.message);
        return false;
    }
    return bad == 0;
}

typedef struct names {
    char **names;
    size_t count;
    size_t capacity;
} names;

static void add_name(names *self, const char *name, size_t length) {
    if (self->count == self->capacity) {
        self->capacity = 2 * self->capacity + 64;
        self->names = realloc(self->names, self->capacity * sizeof(*self->names));
    }
    if (self->names == NULL || (self->names[self->count] = strndup(name, length)) == NULL) {
        fault_die("out of memory");
    }
    self->count += 1;
}

static int compare_names(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static void sort_names(names *self) {
    if (self->count > 0) { /* of no memory at all qsort may not be asked */
        qsort(self->names, self->count, sizeof(char *), compare_names);
    }
}

static void names_free(names *self) {
    for (size_t i = 0; i < self->count; ++i) {
        free(self->names[i]);
    }
    free(self->names);
}

/* The files that the catalog names. */
static void read_named(fault_db *self, names *out) {
    struct ArrowArrayStream stream;
    struct ArrowArray array;
    if (pyr_query(self->connection, "SELECT file FROM pyralog.segments WHERE state = 'sealed'",
                  NULL, &stream, &self->error) != PYR_OK) {
        fault_die("pyralog.segments: %s", self->error.message);
    }
    while (stream.get_next(&stream, &array) == 0 && array.release != NULL) {
        const struct ArrowArray *file = array.children[0];
        const int32_t *offsets = (const int32_t *)file->buffers[1] + file->offset;
        for (int64_t i = 0; i < file->length; ++i) {
            add_name(out, (const char *)file->buffers[2] + offsets[i],
                     (size_t)(offsets[i + 1] - offsets[i]));
        }
        array.release(&array);
    }
    stream.release(&stream);
}

/* nftw has no context. One thread of a test looks at files. */
static names *walked;

static int walk(const char *path, const struct stat *info, int kind, struct FTW *place) {
    (void)info;
    (void)place;
    if (kind == FTW_F) {
        add_name(walked, path, strlen(path));
    }
    return 0;
}

static void read_files(const char *path, const char *folder, names *out) {
    char *below = fault_join(path, folder);
    walked = out;
    if (nftw(below, walk, 16, FTW_PHYS) != 0 && errno != ENOENT) {
        fault_die("%s: %s", below, strerror(errno));
    }
    free(below);
}

bool fault_files_are_named(fault_db *self) {
    names named = {0};
    names there = {0};
    bool well = true;
    read_named(self, &named);
    read_files(self->path, "segments", &there);
    sort_names(&named);
    sort_names(&there);
    for (size_t i = 0, j = 0; i < named.count || j < there.count;) {
        int order = i == named.count   ? 1
                    : j == there.count ? -1
                                       : strcmp(named.names[i], there.names[j]);
        if (order != 0) {
            (void)fprintf(stderr, "%s %s\n", order < 0 ? "missing:" : "nobody names",
                          order < 0 ? named.names[i] : there.names[j]);
            well = false;
        }
        i += order <= 0;
        j += order >= 0;
    }
    size_t segments = there.count;
    read_files(self->path, "tmp", &there);
    if (there.count != segments) {
        (void)fprintf(stderr, "tmp is not empty: %s\n", there.names[segments]);
        well = false;
    }
    names_free(&named);
    names_free(&there);
    return well;
}

/* ---- Random numbers. ---- */

uint64_t fault_mix(uint64_t value) {
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9U;
    value = (value ^ value >> 27) * 0x94d049bb133111ebU;
    return value ^ value >> 31;
}

uint64_t fault_next(fault_random *random) {
    random->state += 0x9e3779b97f4a7c15U;
    return fault_mix(random->state);
}

int64_t fault_below(fault_random *random, int64_t below) {
    return (int64_t)(fault_next(random) % (uint64_t)below);
}

/* ---- Processes, folders. ---- */

int fault_wait(pid_t child) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            fault_die("waitpid: %s", strerror(errno));
        }
    }
    return status;
}

bool fault_ended(int status, int code) {
    return WIFEXITED(status) && WEXITSTATUS(status) == code;
}

char *fault_join(const char *folder, const char *name) {
    char *path = NULL;
    if (asprintf(&path, "%s/%s", folder, name) < 0) {
        fault_die("out of memory");
    }
    return path;
}

char *fault_folder(const char *name) {
    const char *base = getenv("TMPDIR");
    char *path = NULL;
    if (asprintf(&path, "%s/pyralog-%s-XXXXXX", base != NULL ? base : "/tmp", name) < 0 ||
        mkdtemp(path) == NULL) {
        fault_die("no temporary folder: %s", strerror(errno));
    }
    return path;
}

void fault_remove(const char *path) {
    pyr_error error;
    if (pyr_folder_remove(path, &error) != PYR_OK) {
        fault_die("%s", error.message);
    }
}

void fault_load_engine(void) {
#ifdef PYRALOG_DUCKDB_LIBRARY
    if (dlopen(PYRALOG_DUCKDB_LIBRARY, RTLD_NOW | RTLD_LOCAL) == NULL) {
        fault_die("%s", dlerror());
    }
#endif
}
