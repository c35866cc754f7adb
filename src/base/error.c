/* error.c - see error.h. Messages are one line: control characters become spaces. */
#include "base/error.h"

#undef pyr_error_set /* wrapped for the analyzer */
#undef pyr_error_set_sql
#undef pyr_error_set_errno
#undef pyr_error_context
#undef pyr_error_memory

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct status_info {
    const char *name;
    char sqlstate[6];
} status_info;

static const status_info infos[] = {
    [PYR_OK] = {"ok", "00000"},
    [PYR_ERROR_INVALID_ARGUMENT] = {"invalid argument", "22023"},
    [PYR_ERROR_SQL] = {"sql", "42000"},
    [PYR_ERROR_NOT_FOUND] = {"not found", "02000"},
    [PYR_ERROR_ALREADY_EXISTS] = {"already exists", "42710"},
    [PYR_ERROR_CORRUPT] = {"corrupt", "XX001"},
    [PYR_ERROR_IO] = {"io", "58030"},
    [PYR_ERROR_MEMORY] = {"memory", "53200"},
    [PYR_ERROR_DISK_FULL] = {"disk full", "53100"},
    [PYR_ERROR_LIMIT] = {"limit", "54000"},
    [PYR_ERROR_CANCELLED] = {"cancelled", "57014"},
    [PYR_ERROR_TIMEOUT] = {"timeout", "57014"},
    [PYR_ERROR_BUSY] = {"busy", "55006"},
    [PYR_ERROR_NOT_SUPPORTED] = {"not supported", "0A000"},
    [PYR_ERROR_PERMISSION] = {"permission", "42501"},
    [PYR_ERROR_UNAUTHENTICATED] = {"unauthenticated", "28000"},
    [PYR_ERROR_CONFLICT] = {"conflict", "40001"},
    [PYR_ERROR_CONSTRAINT] = {"constraint", "23000"},
    [PYR_ERROR_NO_ROWS] = {"no rows", "P0002"},
    [PYR_ERROR_MANY_ROWS] = {"many rows", "P0003"},
    [PYR_ERROR_INTERNAL] = {"internal", "XX000"},
};

#define INFOS_COUNT (sizeof(infos) / sizeof(infos[0]))

static const status_info *info_of(pyr_status status) {
    size_t index = (size_t)status;
    return &infos[index < INFOS_COUNT ? index : (size_t)PYR_ERROR_INTERNAL];
}

const char *pyr_status_name(pyr_status status) {
    return info_of(status)->name;
}

/* A message that was cut must not end inside a character: back to the last lead byte whose sequence
 * is whole. */
static void trim_utf8(char *text) {
    size_t length = strlen(text);
    size_t start = length;
    while (start > 0 && length - start < 4 && ((unsigned char)text[start - 1] & 0xC0) == 0x80) {
        --start;
    }
    if (start == 0 || (unsigned char)text[start - 1] < 0xC0) {
        return;
    }
    unsigned char lead = (unsigned char)text[start - 1];
    size_t wanted = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (length - (start - 1) < wanted) {
        text[start - 1] = '\0';
    }
}

static void clean(char *text) {
    for (char *c = text; *c != '\0'; ++c) {
        if ((unsigned char)*c < 0x20 || *c == 0x7F) {
            *c = ' ';
        }
    }
    trim_utf8(text);
}

static void fill(pyr_error *error, pyr_status code, const char *sqlstate, int32_t position,
                 const char *format, va_list arguments) {
    if (error == NULL) {
        return;
    }
    /* Through a buffer of its own: an argument may be error->message itself. */
    char message[sizeof(error->message)];
    vsnprintf(message, sizeof(message), format, arguments);
    clean(message);
    error->code = code;
    error->position = position;
    snprintf(error->sqlstate, sizeof(error->sqlstate), "%s", sqlstate);
    memcpy(error->message, message, sizeof(message));
}

pyr_status pyr_error_set(pyr_error *error, pyr_status code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fill(error, code, info_of(code)->sqlstate, -1, format, arguments);
    va_end(arguments);
    return code;
}

pyr_status pyr_error_set_sql(pyr_error *error, pyr_status code, const char *sqlstate,
                             int32_t position, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fill(error, code, sqlstate, position, format, arguments);
    va_end(arguments);
    return code;
}

pyr_status pyr_error_set_errno(pyr_error *error, int errno_value, const char *call,
                               const char *thing) {
    pyr_status code;
    switch (errno_value) {
    case ENOENT:
        code = PYR_ERROR_NOT_FOUND;
        break;
    case ENOSPC:
    case EDQUOT:
        code = PYR_ERROR_DISK_FULL;
        break;
    case ENOMEM:
        code = PYR_ERROR_MEMORY;
        break;
    case EACCES:
    case EPERM:
        code = PYR_ERROR_PERMISSION;
        break;
    case EEXIST:
        code = PYR_ERROR_ALREADY_EXISTS;
        break;
    default:
        code = PYR_ERROR_IO;
        break;
    }
    char text[128];
    return pyr_error_set(error, code, "%s: %s: %s", thing, call,
                         strerror_r(errno_value, text, sizeof(text)));
}

pyr_status pyr_error_context(pyr_error *error, pyr_status code, const char *format, ...) {
    if (error == NULL) {
        return code;
    }
    char prefix[sizeof(error->message)];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(prefix, sizeof(prefix), format, arguments);
    va_end(arguments);
    char message[2 * sizeof(error->message) + 2];
    snprintf(message, sizeof(message), "%s: %s", prefix, error->message);
    message[sizeof(error->message) - 1] = '\0';
    clean(message);
    memcpy(error->message, message, sizeof(error->message));
    error->code = code;
    return code;
}

pyr_status pyr_error_memory(pyr_error *error, size_t size_bytes) {
    return pyr_error_set(error, PYR_ERROR_MEMORY, "out of memory (%zu bytes asked for)",
                         size_bytes);
}

void pyr_error_clear(pyr_error *error) {
    if (error != NULL) {
        memset(error, 0, sizeof(*error));
        error->position = -1;
    }
}
