/* slt_reason.c - what a statement is, and what went wrong with it, in words that many files share,
 * so that they can be counted. */
#include "slt.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The next word of SQL text, upper case, comments skipped; empty at the end. */
static const char *next_word(const char *text, char *word, size_t size) {
    for (;;) {
        text += strspn(text, " \t\r\n(");
        if (strncmp(text, "--", 2) == 0) {
            text += strcspn(text, "\n");
        } else if (strncmp(text, "/*", 2) == 0) {
            const char *end = strstr(text, "*/");
            text = end != NULL ? end + 2 : text + strlen(text);
        } else {
            break;
        }
    }
    size_t length = 0;
    for (; isalnum((unsigned char)*text) || *text == '_'; ++text) {
        if (length + 1 < size) {
            word[length++] = (char)toupper((unsigned char)*text);
        }
    }
    word[length] = '\0';
    return text;
}

static bool is_one_of(const char *word, const char *const *list) {
    for (size_t i = 0; list[i] != NULL; ++i) {
        if (strcmp(word, list[i]) == 0) {
            return true;
        }
    }
    return false;
}

void slt_statement_kind(const char *sql, char *out, size_t out_size) {
    static const char *const two_words[] = {"CREATE", "DROP", "ALTER",   "PRAGMA", "SET",
                                            "RESET",  "CALL", "COMMENT", NULL};
    static const char *const fillers[] = {"OR",        "REPLACE", "TEMP",       "TEMPORARY",
                                          "LOCAL",     "GLOBAL",  "PERSISTENT", "UNIQUE",
                                          "RECURSIVE", "SESSION", "ON",         NULL};
    char first[32];
    char second[48] = "";
    const char *rest = next_word(sql, first, sizeof(first));
    if (is_one_of(first, two_words)) {
        do {
            rest = next_word(rest, second, sizeof(second));
        } while (is_one_of(second, fillers));
    }
    bool lower = strcmp(first, "PRAGMA") == 0 || strcmp(first, "SET") == 0 ||
                 strcmp(first, "RESET") == 0 || strcmp(first, "CALL") == 0;
    for (char *c = second; lower && *c != '\0'; ++c) {
        *c = (char)tolower((unsigned char)*c);
    }
    snprintf(out, out_size, "%s%s%s", first[0] != '\0' ? first : "?", second[0] != '\0' ? " " : "",
             second);
}

/* message with quoted names as "..", numbers as N, and only its first sentence's worth. */
static void mask(const char *message, char *out, size_t out_size) {
    size_t length = 0;
    while (*message != '\0' && length + 5 < out_size) {
        const char *closing =
            *message == '"' || *message == '\'' ? strchr(message + 1, *message) : NULL;
        if (closing != NULL) {
            length += (size_t)snprintf(out + length, out_size - length, "\"..\"");
            message = closing + 1;
        } else if (isdigit((unsigned char)*message)) {
            out[length++] = 'N';
            message += strspn(message, "0123456789");
        } else {
            out[length++] = *message++;
        }
    }
    while (length > 0 && (out[length - 1] & 0x80) != 0) {
        --length; /* a character cut in two */
    }
    out[length] = '\0';
}

void slt_reason_of_error(const char *sql, const pyr_error *error, char *out, size_t out_size) {
    char kind[64];
    char message[80];
    slt_statement_kind(sql, kind, sizeof(kind));
    mask(error->message, message, sizeof(message));
    snprintf(out, out_size, "%s %s: %s", error->sqlstate, kind, message);
}

bool slt_is_unsupported(const pyr_error *error) {
    return strstr(error->message, "not supported by this version") != NULL ||
           (strcmp(error->sqlstate, "42704") == 0 &&
            strncmp(error->message, "unknown setting", 15) == 0);
}

bool slt_is_about_duckdb(const char *sql) {
    static const char *const names[] = {"asof_loop_join_threshold",
                                        "checkpoint_threshold",
                                        "disable_checkpoint_on_shutdown",
                                        "disable_optimizer",
                                        "disable_parquet_prefetching",
                                        "disabled_optimizers",
                                        "enable_optimizer",
                                        "enable_progress_bar",
                                        "force_compression",
                                        "geometry_minimum_shredding_size",
                                        "immediate_transaction_mode",
                                        "late_materialization_max_rows",
                                        "merge_join_threshold",
                                        "nested_loop_join_threshold",
                                        "parquet_metadata_cache",
                                        "pivot_filter_threshold",
                                        "prefer_range_joins",
                                        "prefetch_all_parquet_files",
                                        "storage_compatibility_version",
                                        "wal_autocheckpoint",
                                        "enable_profiling",
                                        "disable_profiling",
                                        "profiling_output",
                                        "profile_output",
                                        "profiling_mode"};
    char kind[64];
    slt_statement_kind(sql, kind, sizeof(kind));
    const char *name = strchr(kind, ' ');
    if (name == NULL || (strncmp(kind, "PRAGMA", 6) != 0 && strncmp(kind, "SET", 3) != 0 &&
                         strncmp(kind, "RESET", 5) != 0)) {
        return false;
    }
    ++name;
    if (strncmp(name, "debug_", 6) == 0 ||
        (strncmp(kind, "PRAGMA", 6) == 0 && strstr(name, "verif") != NULL)) {
        return true;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}
