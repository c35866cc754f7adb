/* duckdb_error.c - DuckDB's errors as ours. Every instance has errors_as_json set, so an error is
 * one JSON object of strings (exception_type, exception_message, error_subtype, position, ...), at
 * times behind a prefix ("Parser Error: {...}"). */
#include "engines/duckdb/duckdb_internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void add_code_point(pyr_text *out, unsigned code) {
    if (code < 0x80) {
        pyr_text_add_char(out, (char)code);
    } else if (code < 0x800) {
        pyr_text_add_char(out, (char)(0xC0 | (code >> 6)));
        pyr_text_add_char(out, (char)(0x80 | (code & 0x3F)));
    } else {
        pyr_text_add_char(out, (char)(0xE0 | (code >> 12)));
        pyr_text_add_char(out, (char)(0x80 | ((code >> 6) & 0x3F)));
        pyr_text_add_char(out, (char)(0x80 | (code & 0x3F)));
    }
}

/* At the character after the opening quote; returns the one after the closing quote, or NULL. */
static const char *read_string(const char *at, pyr_text *out) {
    for (; *at != '"'; ++at) {
        if (*at == '\0') {
            return NULL;
        }
        if (*at != '\\') {
            pyr_text_add_char(out, *at);
            continue;
        }
        ++at;
        unsigned code = 0;
        switch (*at) {
        case '\0':
            return NULL;
        case 'n':
            pyr_text_add_char(out, '\n');
            break;
        case 't':
            pyr_text_add_char(out, '\t');
            break;
        case 'r':
            pyr_text_add_char(out, '\r');
            break;
        case 'u':
            for (int i = 1; i <= 4; ++i) {
                int digit = hex_value(at[i]);
                if (digit < 0) {
                    return NULL;
                }
                code = code * 16 + (unsigned)digit;
            }
            add_code_point(out, code);
            at += 4;
            break;
        default:
            pyr_text_add_char(out, *at);
        }
    }
    return at + 1;
}

static const char *skip_space(const char *at) {
    while (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r') {
        ++at;
    }
    return at;
}

bool pyr_duckdb_error_member(const char *message, const char *name, pyr_text *out) {
    const char *at = message != NULL ? strstr(message, "{\"exception_type\"") : NULL;
    if (at == NULL) {
        return false;
    }
    pyr_text key;
    pyr_text_init(&key);
    bool found = false;
    ++at;
    while (at != NULL && !found) {
        at = skip_space(at);
        if (*at != '"') {
            break;
        }
        pyr_text_clear(&key);
        at = read_string(at + 1, &key);
        if (at == NULL) {
            break;
        }
        at = skip_space(at);
        if (*at != ':') {
            break;
        }
        at = skip_space(at + 1);
        if (*at != '"') {
            break;
        }
        pyr_text_clear(out);
        at = read_string(at + 1, out);
        found = at != NULL && strcmp(pyr_text_get(&key), name) == 0;
        if (at != NULL) {
            at = skip_space(at);
            at = *at == ',' ? at + 1 : at;
        }
    }
    out->failed = out->failed || key.failed; /* the name sought may have been that one */
    pyr_text_deinit(&key);
    if (!found) {
        pyr_text_clear(out);
    }
    return found && !out->failed;
}

typedef struct error_class {
    const char *type; /* exception_type, or exception_type/error_subtype, or .../type */
    const char *part; /* in the message, or NULL */
    pyr_status code;
    const char *sqlstate;
} error_class;

/* The first line that fits counts. */
static const error_class classes[] = {
    {"Parser", NULL, PYR_ERROR_SQL, "42601"},
    {"Syntax", "Invalid escape string", PYR_ERROR_SQL, "22025"},
    {"Syntax", NULL, PYR_ERROR_SQL, "42601"},
    {"Catalog", "Table with name", PYR_ERROR_NOT_FOUND, "42P01"},
    {"Catalog", "Function with name", PYR_ERROR_SQL, "42883"},
    {"Catalog", "Macro Function", PYR_ERROR_SQL, "42883"},
    {"Catalog", "Type with name", PYR_ERROR_SQL, "42704"},
    {"Catalog", "Schema with name", PYR_ERROR_NOT_FOUND, "3F000"},
    {"Catalog", "unrecognized configuration", PYR_ERROR_SQL, "42704"},
    {"Catalog", NULL, PYR_ERROR_SQL, "42704"},
    {"Binder", "not found in FROM clause", PYR_ERROR_SQL, "42703"},
    {"Binder", "FROM clause is missing", PYR_ERROR_SQL, "42703"},
    {"Binder", "does not have a column named", PYR_ERROR_SQL, "42703"},
    {"Binder", "FROM clause is missing", PYR_ERROR_SQL, "42703"},
    {"Binder", "before it is defined", PYR_ERROR_SQL, "42703"},
    {"Binder", "Referenced table", PYR_ERROR_NOT_FOUND, "42P01"},
    {"Binder", "No function matches", PYR_ERROR_SQL, "42883"},
    {"Binder", "Ambiguous reference", PYR_ERROR_SQL, "42702"},
    {"Binder", "GROUP BY", PYR_ERROR_SQL, "42803"},
    {"Binder", "cannot contain aggregates", PYR_ERROR_SQL, "42803"},
    {"Binder", "aggregate function calls cannot be nested", PYR_ERROR_SQL, "42803"},
    {"Binder", "side of join", PYR_ERROR_SQL, "42703"},
    {"Binder", "Could not find key", PYR_ERROR_SQL, "42703"},
    {"Binder", "same number of result columns", PYR_ERROR_SQL, "42601"},
    {"Binder", "ORDER term out of range", PYR_ERROR_SQL, "42P10"},
    {"Binder", "columns - expected 1", PYR_ERROR_SQL, "42601"},
    {"Binder", "Catalog \"", PYR_ERROR_NOT_FOUND, "3F000"},
    {"Binder", "explicit cast is required", PYR_ERROR_SQL, "42804"},
    {"Binder", "explicit type cast", PYR_ERROR_SQL, "42804"},
    {"Binder", "LIMIT/OFFSET cannot be negative", PYR_ERROR_SQL, "2201W"},
    {"Binder", NULL, PYR_ERROR_SQL, "42000"},
    {"Conversion", "field value out of range", PYR_ERROR_SQL, "22008"},
    {"Conversion", "field format", PYR_ERROR_SQL, "22007"},
    {"Conversion", "Unimplemented type for cast", PYR_ERROR_SQL, "42846"},
    {"Conversion", "out of range", PYR_ERROR_SQL, "22003"},
    {"Conversion", "Could not cast value", PYR_ERROR_SQL, "22003"},
    {"Conversion", "Failed to cast decimal value", PYR_ERROR_SQL, "22003"},
    {"Conversion", "overflow", PYR_ERROR_SQL, "22003"},
    {"Conversion", NULL, PYR_ERROR_SQL, "22018"},
    {"Out of Range", NULL, PYR_ERROR_SQL, "22003"},
    {"Decimal", NULL, PYR_ERROR_SQL, "22003"},
    {"Divide by Zero", NULL, PYR_ERROR_SQL, "22012"},
    {"Mismatch Type", NULL, PYR_ERROR_SQL, "42804"},
    {"Constraint", NULL, PYR_ERROR_CONSTRAINT, "23000"},
    {"Out of Memory", NULL, PYR_ERROR_MEMORY, "53200"},
    {"IO", "No files found", PYR_ERROR_NOT_FOUND, "58P01"},
    {"IO", "No such file", PYR_ERROR_NOT_FOUND, "58P01"},
    {"IO", "No space left", PYR_ERROR_DISK_FULL, "53100"},
    {"IO", "Permission denied", PYR_ERROR_PERMISSION, "42501"},
    {"IO", NULL, PYR_ERROR_IO, "58030"},
    {"HTTP", NULL, PYR_ERROR_IO, "58030"},
    {"Permission", NULL, PYR_ERROR_PERMISSION, "42501"},
    {"INTERRUPT", NULL, PYR_ERROR_CANCELLED, "57014"},
    {"Not implemented", "explicit cast is required", PYR_ERROR_SQL, "42804"},
    {"Not implemented", NULL, PYR_ERROR_NOT_SUPPORTED, "0A000"},
    {"Missing Extension", NULL, PYR_ERROR_NOT_SUPPORTED, "0A000"},
    {"Autoload", NULL, PYR_ERROR_NOT_SUPPORTED, "0A000"},
    {"Parameter Not Resolved", NULL, PYR_ERROR_SQL, "42P18"},
    {"Parameter Not Allowed", NULL, PYR_ERROR_SQL, "42P02"},
    {"Invalid Input", "parameters, but none were supplied", PYR_ERROR_SQL, "42P02"},
    {"Invalid Input", "Values were not provided", PYR_ERROR_SQL, "42P02"},
    {"Invalid Input", "subquery used as an expression", PYR_ERROR_SQL, "21000"},
    {"Invalid Input", "configuration has been locked", PYR_ERROR_PERMISSION, "42501"},
    {"Invalid Input", "Could not parse string", PYR_ERROR_SQL, "22007"},
    {"Invalid Input", NULL, PYR_ERROR_SQL, "22023"},
    {"Object Size", NULL, PYR_ERROR_LIMIT, "54000"},
    {"Sequence", NULL, PYR_ERROR_SQL, "55000"},
    {"FATAL", NULL, PYR_ERROR_INTERNAL, "XX000"},
    {"INTERNAL", NULL, PYR_ERROR_INTERNAL, "XX000"}};

static const error_class *classify(const char *type, const char *message) {
    static const error_class other = {"", NULL, PYR_ERROR_SQL, "42000"};
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); ++i) {
        if (strcmp(classes[i].type, type) == 0 &&
            (classes[i].part == NULL || strstr(message, classes[i].part) != NULL)) {
            return &classes[i];
        }
    }
    return &other;
}

/* "Cannot access file "/etc/passwd" - file system operations are disabled by configuration": says
 * nothing that a user of a server can act on. */
static pyr_status set_permission(const char *message, int32_t position, pyr_error *error) {
    const char *open = strchr(message, '"');
    const char *close = open != NULL ? strchr(open + 1, '"') : NULL;
    if (close == NULL || strstr(message, "file system operations are disabled") == NULL) {
        return pyr_error_set_sql(error, PYR_ERROR_PERMISSION, "42501", position, "%s", message);
    }
    return pyr_error_set_sql(error, PYR_ERROR_PERMISSION, "42501", position,
                             "\"%.*s\": this session may use files only below the folders that "
                             "the server was given with --allow-path",
                             (int)(close - open - 1), open + 1);
}

/* Cuts DuckDB's drawing of the place ("\n\nLINE 1: SELECT ...\n     ^") and advice about settings
 * that a session cannot change. */
static void trim_message(char *message) {
    static const char *const tails[] = {"\n\nLINE ", "\n\nUse \"SET ", "\nPossible solutions:"};
    for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); ++i) {
        char *tail = strstr(message, tails[i]);
        if (tail != NULL) {
            *tail = '\0';
        }
    }
    size_t length = strlen(message);
    while (length > 0 && isspace((unsigned char)message[length - 1])) {
        message[--length] = '\0';
    }
}

/* "Catalog Error: text" of an error that did not come as JSON. */
static void split_plain(const char *text, pyr_text *type, pyr_text *message) {
    const char *colon = strstr(text, " Error: ");
    if (colon == NULL || colon - text > 40) {
        pyr_text_add(message, text);
        return;
    }
    pyr_text_append(type, text, (size_t)(colon - text));
    pyr_text_add(message, colon + strlen(" Error: "));
}

pyr_status pyr_duckdb_error_set(pyr_duckdb_instance *instance, const char *text, pyr_error *error) {
    text = text != NULL && *text != '\0' ? text : "DuckDB failed without a message";
    pyr_text type, message, number;
    pyr_text_init(&type);
    pyr_text_init(&message);
    pyr_text_init(&number);
    int32_t position = -1;
    if (pyr_duckdb_error_member(text, "exception_type", &type)) {
        pyr_duckdb_error_member(text, "exception_message", &message);
        if (pyr_duckdb_error_member(text, "position", &number)) {
            position = (int32_t)strtol(pyr_text_get(&number), NULL, 10);
        }
    } else {
        split_plain(text, &type, &message);
    }
    const char *inner = strstr(pyr_text_get(&message), "{\"exception_type\"");
    if (inner != NULL) {
        /* "Attempting to execute an unsuccessful ... result: Error: {...}": the cause counts. */
        pyr_status cause = pyr_duckdb_error_set(instance, inner, error);
        pyr_text_deinit(&type);
        pyr_text_deinit(&message);
        pyr_text_deinit(&number);
        return cause;
    }
    if (message.length > 0) {
        trim_message(message.data);
    }
    char *guess = strstr(pyr_text_get(&message), "!\nDid you mean");
    if (guess != NULL && strstr(pyr_text_get(&message), "Table with name") != NULL) {
        *guess = '\0'; /* from its own catalog, which has none of the user's tables */
    }
    const error_class *class = classify(pyr_text_get(&type), pyr_text_get(&message));
    pyr_status status = class->code;
    if (type.failed || message.failed) { /* half of it would be another error */
        status = pyr_error_memory(error, strlen(text));
    } else if (status == PYR_ERROR_PERMISSION) {
        set_permission(pyr_text_get(&message), position, error);
    } else if (status == PYR_ERROR_INTERNAL) {
        if (instance != NULL) {
            atomic_store(&instance->broken, true);
        }
        pyr_error_set(error, status, "DuckDB: %s", pyr_text_get(&message));
    } else {
        pyr_error_set_sql(error, status, class->sqlstate, position, "%s", pyr_text_get(&message));
    }
    pyr_text_deinit(&type);
    pyr_text_deinit(&message);
    pyr_text_deinit(&number);
    return status;
}

pyr_status pyr_duckdb_error_take(const pyr_duckdb_api *api, dd_error data, pyr_error *error) {
    pyr_status status = PYR_OK;
    if (data != NULL && api->error_data_has_error(data)) {
        status = pyr_duckdb_error_set(NULL, api->error_data_message(data), error);
    }
    if (data != NULL) {
        api->destroy_error_data(&data);
    }
    return status;
}
