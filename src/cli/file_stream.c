/* file_stream.c - see file_stream.h. */
#include "cli/file_stream.h"

#include "arrow/ipc/ipc.h"
#include "base/mapping.h"
#include "base/text.h"
#include "sql/statement.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_BYTES 4096

/* ---- What a file is. ---- */

static bool ends_with(const char *text, const char *suffix) {
    size_t length = strlen(text);
    size_t end = strlen(suffix);
    return length >= end && strcasecmp(text + length - end, suffix) == 0;
}

/* The content of compressed text is not looked into: its name says what it is. */
static pyr_file_kind detect_by_name(const char *path) {
    static const char *const json[] = {".json", ".ndjson", ".jsonl"};
    static const char *const packed[] = {"", ".gz", ".zst"};
    for (size_t i = 0; i < 3; ++i) {
        for (size_t k = 0; k < 3; ++k) {
            char suffix[16];
            snprintf(suffix, sizeof(suffix), "%s%s", json[i], packed[k]);
            if (ends_with(path, suffix)) {
                return PYR_FILE_JSON;
            }
        }
    }
    return PYR_FILE_CSV;
}

pyr_file_kind pyr_file_detect(const uint8_t *bytes, size_t size_bytes, const char *path) {
    static const uint8_t gzip[] = {0x1F, 0x8B};
    static const uint8_t zstd[] = {0x28, 0xB5, 0x2F, 0xFD};
    static const uint8_t continuation[] = {0xFF, 0xFF, 0xFF, 0xFF};
    if (pyr_ipc_file_detect(bytes, size_bytes)) {
        return PYR_FILE_ARROW;
    }
    if (size_bytes >= 4 && memcmp(bytes, "PAR1", 4) == 0) {
        return PYR_FILE_PARQUET;
    }
    /* An encapsulated message: continuation, then a length that is no text. */
    if (size_bytes >= 8 && memcmp(bytes, continuation, 4) == 0) {
        return PYR_FILE_ARROW_STREAM;
    }
    if ((size_bytes >= 2 && memcmp(bytes, gzip, 2) == 0) ||
        (size_bytes >= 4 && memcmp(bytes, zstd, 4) == 0)) {
        return detect_by_name(path);
    }
    size_t start = size_bytes >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    while (start < size_bytes && isspace(bytes[start])) {
        ++start;
    }
    if (start < size_bytes && (bytes[start] == '{' || bytes[start] == '[')) {
        return PYR_FILE_JSON;
    }
    return PYR_FILE_CSV;
}

bool pyr_file_kind_parse(const char *name, pyr_file_kind *out) {
    static const struct {
        const char *name;
        pyr_file_kind kind;
    } kinds[] = {{"arrow", PYR_FILE_ARROW},
                 {"parquet", PYR_FILE_PARQUET},
                 {"csv", PYR_FILE_CSV},
                 {"json", PYR_FILE_JSON},
                 {"ndjson", PYR_FILE_JSON}};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); ++i) {
        if (strcasecmp(name, kinds[i].name) == 0) {
            *out = kinds[i].kind;
            return true;
        }
    }
    return false;
}

static pyr_status read_head(const char *path, uint8_t *head, size_t *head_bytes,
                            int64_t *size_bytes, pyr_error *error) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return pyr_error_set_errno(error, errno, "open", path);
    }
    struct stat info;
    pyr_status status = PYR_OK;
    if (fstat(fd, &info) != 0) {
        status = pyr_error_set_errno(error, errno, "stat", path);
    } else if (!S_ISREG(info.st_mode)) {
        status = pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                               "%s: not a regular file (an Arrow stream on stdin is \"-\")", path);
    }
    ssize_t got = status == PYR_OK ? read(fd, head, HEAD_BYTES) : 0;
    if (got < 0) {
        status = pyr_error_set_errno(error, errno, "read", path);
    }
    close(fd);
    *head_bytes = got > 0 ? (size_t)got : 0;
    *size_bytes = status == PYR_OK ? (int64_t)info.st_size : 0;
    return status;
}

/* ---- Arrow files. ---- */

typedef struct arrow_file_stream {
    pyr_stream base;
    pyr_ipc_file *file;
    size_t next;
    pyr_query_ledger *ledger;
} arrow_file_stream;

static pyr_status arrow_file_next(pyr_stream *base, pyr_batch **out, pyr_error *error) {
    arrow_file_stream *self = (arrow_file_stream *)base;
    *out = NULL;
    if (self->next == pyr_ipc_file_batches(self->file)) {
        return PYR_OK;
    }
    /* Bytes from outside: everything is checked before it is stored. */
    PYR_TRY(pyr_ipc_file_batch(self->file, self->next, NULL, 0, PYR_VALIDATE_FULL, self->ledger,
                               NULL, out, error));
    ++self->next;
    pyr_ledger_add_scanned(self->ledger, pyr_batch_size_bytes(*out));
    pyr_ledger_add_referenced(self->ledger, pyr_batch_size_bytes(*out));
    return PYR_OK;
}

static void arrow_file_destroy(pyr_stream *base) {
    arrow_file_stream *self = (arrow_file_stream *)base;
    pyr_ipc_file_release(self->file);
    pyr_schema_release(self->base.schema);
    free(self);
}

static const pyr_stream_ops arrow_file_ops = {arrow_file_next, arrow_file_destroy};

static pyr_status open_arrow_file(pyr_buffer *bytes, const char *path, pyr_query_ledger *ledger,
                                  pyr_stream **out, pyr_error *error) {
    pyr_ipc_limits limits = pyr_ipc_limits_default();
    arrow_file_stream *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    pyr_status status = pyr_ipc_file_open(bytes, path, &limits, &self->file, error);
    if (status != PYR_OK) {
        free(self);
        return status;
    }
    self->base.ops = &arrow_file_ops;
    self->base.schema = pyr_schema_retain(pyr_ipc_file_schema(self->file));
    self->ledger = ledger;
    *out = &self->base;
    return PYR_OK;
}

static pyr_status open_arrow(const char *path, bool file, pyr_file_stream *out, pyr_error *error) {
    pyr_buffer *bytes = NULL;
    PYR_TRY(pyr_mapping_open(path, &bytes, error));
    if (bytes->mapping != NULL && !pyr_mapping_is_mapped(bytes->mapping)) {
        pyr_ledger_add_copy(&out->ledger, PYR_COPY_NO_MAPPING, (int64_t)bytes->size_bytes);
    } else {
        pyr_ledger_add_mapped(&out->ledger, (int64_t)bytes->size_bytes);
    }
    pyr_ipc_limits limits = pyr_ipc_limits_default();
    pyr_status status = file ? open_arrow_file(bytes, path, &out->ledger, &out->stream, error)
                             : pyr_ipc_stream_open(bytes, path, &limits, PYR_VALIDATE_FULL,
                                                   &out->ledger, NULL, &out->stream, error);
    pyr_buffer_release(bytes);
    return status;
}

/* ---- Through SQL. ---- */

static pyr_status open_by_query(pyr_connection *connection, const char *path, pyr_file_kind kind,
                                pyr_file_stream *out, pyr_error *error) {
    const char *function = kind == PYR_FILE_PARQUET ? "read_parquet"
                           : kind == PYR_FILE_JSON  ? "read_json"
                                                    : "read_csv";
    pyr_text sql;
    pyr_text_init(&sql);
    pyr_text_printf(&sql, "SELECT * FROM %s(", function);
    pyr_sql_quote_string(path, &sql);
    pyr_text_add_char(&sql, ')');
    pyr_status status = pyr_text_check(&sql, error);
    if (status == PYR_OK) {
        status = pyr_session_run(connection, pyr_text_get(&sql), sql.length, NULL, 0, &out->result,
                                 error);
    }
    pyr_text_deinit(&sql);
    if (status != PYR_OK) {
        if (error != NULL) {
            error->position = -1; /* in a text nobody wrote */
        }
        return pyr_error_context(error, status, "%s", path);
    }
    out->has_result = true;
    out->stream = out->result.stream; /* stays the result's */
    return PYR_OK;
}

/* ---- The interface. ---- */

pyr_status pyr_file_stream_open(pyr_connection *connection, const char *path,
                                const pyr_file_kind *kind, pyr_file_stream *out, pyr_error *error) {
    memset(out, 0, sizeof(*out));
    pyr_ledger_init(&out->ledger);
    if (strcmp(path, "-") == 0) {
        if (kind != NULL && *kind != PYR_FILE_ARROW) {
            return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                                 "stdin takes an Arrow stream only: name a file instead");
        }
        pyr_ipc_limits limits = pyr_ipc_limits_default();
        return pyr_ipc_stream_open_fd(STDIN_FILENO, "stdin", &limits, PYR_VALIDATE_FULL,
                                      &out->ledger, NULL, &out->stream, error);
    }
    uint8_t head[HEAD_BYTES];
    size_t head_bytes = 0;
    PYR_TRY(read_head(path, head, &head_bytes, &out->size_bytes, error));
    pyr_file_kind found = pyr_file_detect(head, head_bytes, path);
    if (kind != NULL && *kind == PYR_FILE_ARROW) {
        found = found == PYR_FILE_ARROW ? PYR_FILE_ARROW : PYR_FILE_ARROW_STREAM;
    } else if (kind != NULL) {
        found = *kind;
    }
    if (found == PYR_FILE_ARROW || found == PYR_FILE_ARROW_STREAM) {
        return open_arrow(path, found == PYR_FILE_ARROW, out, error);
    }
    return open_by_query(connection, path, found, out, error);
}

void pyr_file_stream_close(pyr_file_stream *self) {
    if (self->has_result) {
        pyr_result_deinit(&self->result);
    } else {
        pyr_stream_destroy(self->stream);
    }
    self->stream = NULL;
    self->has_result = false;
}
