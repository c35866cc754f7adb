/* completion.c - see completion.h. */
#include "cli/completion.h"

#include "base/text.h"
#include "cli/format.h"
#include "cli/shell.h"
#include "sql/statement.h"

#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static const char *const keywords[] = {"ALL",          "ALTER",
                                       "ANALYZE",      "AND",
                                       "AS",           "ASC",
                                       "BEGIN",        "BETWEEN",
                                       "BIGINT",       "BOOLEAN",
                                       "BY",           "CASE",
                                       "CAST",         "CHECKPOINT",
                                       "COMMIT",       "COPY",
                                       "COUNT",        "CREATE",
                                       "CROSS",        "CURRENT_DATE",
                                       "DATE",         "DECIMAL",
                                       "DELETE",       "DESC",
                                       "DESCRIBE",     "DISTINCT",
                                       "DOUBLE",       "DROP",
                                       "ELSE",         "END",
                                       "EXCEPT",       "EXECUTE",
                                       "EXISTS",       "EXPLAIN",
                                       "EXTERNAL",     "FALSE",
                                       "FORMAT",       "FROM",
                                       "FULL",         "GROUP",
                                       "HAVING",       "IN",
                                       "INNER",        "INSERT",
                                       "INTEGER",      "INTERSECT",
                                       "INTERVAL",     "INTO",
                                       "IS",           "JOIN",
                                       "LEFT",         "LIKE",
                                       "LIMIT",        "LOCATION",
                                       "NOT",          "NULL",
                                       "OFFSET",       "ON",
                                       "OR",           "ORDER",
                                       "OUTER",        "OVER",
                                       "PARTITION",    "PREPARE",
                                       "PRIMARY KEY",  "QUALIFY",
                                       "RIGHT",        "ROLLBACK",
                                       "SELECT",       "SET",
                                       "SHOW",         "STORED AS",
                                       "SUM",          "TABLE",
                                       "TABLES",       "THEN",
                                       "TIMESTAMP",    "TO",
                                       "TRUE",         "UNION",
                                       "UPDATE",       "USING",
                                       "VACUUM",       "VALUES",
                                       "VARCHAR",      "WHEN",
                                       "WHERE",        "WINDOW",
                                       "WITH",         "read_arrow",
                                       "read_csv",     "read_json",
                                       "read_parquet", "read_safetensors",
                                       "read_zarr",    "tensor_diff",
                                       "tensor_stats", "tensor_values",
                                       "zarr_chunks",  NULL};

typedef struct search {
    const char *word; /* what is to be completed */
    size_t length;
    const char *owner; /* before the dot; NULL: no dot */
    size_t owner_length;
    bool owner_found;
    pyr_completions *out;
} search;

static bool is_name_byte(char c) {
    return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

static bool begins_with(const char *text, const char *prefix, size_t length) {
    return strncasecmp(text, prefix, length) == 0;
}

static bool equals(const char *text, const char *word, size_t length) {
    return strlen(text) == length && strncasecmp(text, word, length) == 0;
}

/* Names that need quotes are offered with them, where that still continues what was typed. */
static void offer_name(search *self, const char *name) {
    pyr_text quoted;
    pyr_text_init(&quoted);
    pyr_sql_quote_name(name, &quoted);
    if (begins_with(pyr_text_get(&quoted), self->word, self->length)) {
        pyr_completions_add(self->out, pyr_text_get(&quoted), quoted.length);
    }
    pyr_text_deinit(&quoted);
}

static pyr_status offer_table(void *context, const char *schema_name, const char *name,
                              pyr_schema *schema, int64_t rows, int64_t size_bytes,
                              pyr_error *error) {
    search *self = context;
    (void)rows;
    (void)size_bytes;
    (void)error;
    bool columns = self->owner == NULL || equals(name, self->owner, self->owner_length);
    bool table = self->owner == NULL || equals(schema_name, self->owner, self->owner_length);
    self->owner_found = self->owner_found || columns || table;
    if (table) {
        offer_name(self, name);
    }
    for (int32_t i = 0; columns && i < schema->fields_count; ++i) {
        offer_name(self, schema->fields[i]->name);
    }
    return PYR_OK;
}

/* All columns: the word before the dot is an alias that we do not resolve. */
static pyr_status offer_columns(void *context, const char *schema_name, const char *name,
                                pyr_schema *schema, int64_t rows, int64_t size_bytes,
                                pyr_error *error) {
    search *self = context;
    (void)schema_name;
    (void)name;
    (void)rows;
    (void)size_bytes;
    (void)error;
    for (int32_t i = 0; i < schema->fields_count; ++i) {
        offer_name(self, schema->fields[i]->name);
    }
    return PYR_OK;
}

/* Keywords in the case of what was typed. */
static void offer_keywords(search *self) {
    bool lower = self->length > 0 && islower((unsigned char)self->word[0]);
    for (size_t i = 0; keywords[i] != NULL; ++i) {
        if (!begins_with(keywords[i], self->word, self->length)) {
            continue;
        }
        char word[32];
        size_t length = strlen(keywords[i]);
        for (size_t k = 0; k <= length && k < sizeof(word); ++k) {
            word[k] = lower ? (char)tolower((unsigned char)keywords[i][k]) : keywords[i][k];
        }
        pyr_completions_add(self->out, word, length);
    }
}

static void offer_all(search *self, const char *const *names) {
    for (; *names != NULL; ++names) {
        if (begins_with(*names, self->word, self->length)) {
            pyr_completions_add(self->out, *names, strlen(*names));
        }
    }
}

/* ---- Files. ---- */

static bool is_folder(const char *folder, const struct dirent *entry) {
    if (entry->d_type != DT_LNK && entry->d_type != DT_UNKNOWN) {
        return entry->d_type == DT_DIR;
    }
    pyr_text path;
    pyr_text_init(&path);
    pyr_text_add(&path, folder);
    pyr_text_add_char(&path, '/');
    pyr_text_add(&path, entry->d_name);
    struct stat info;
    bool result = stat(pyr_text_get(&path), &info) == 0 && S_ISDIR(info.st_mode);
    pyr_text_deinit(&path);
    return result;
}

/* Names that would end the word they stand in are not offered. */
static bool stays_in_word(const char *name, bool quoted) {
    return strpbrk(name, quoted ? "'" : "'\" ;") == NULL;
}

/* Files whose path begins with word, as it is written: relative to here where it is relative. */
static void offer_paths(search *self, const char *word, size_t length, bool quoted) {
    const char *slash = memrchr(word, '/', length);
    size_t before = slash != NULL ? (size_t)(slash - word) + 1 : 0; /* bytes of the folder's name */
    char *folder = before > 0 ? strndup(word, before) : strdup(".");
    DIR *list = folder != NULL ? opendir(folder) : NULL;
    for (const struct dirent *entry; list != NULL && (entry = readdir(list)) != NULL;) {
        const char *name = entry->d_name;
        bool hidden = name[0] == '.' && length == before;
        if (hidden || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
            strncmp(name, word + before, length - before) != 0 || !stays_in_word(name, quoted)) {
            continue;
        }
        pyr_text path;
        pyr_text_init(&path);
        pyr_text_append(&path, word, before);
        pyr_text_add(&path, name);
        pyr_text_add(&path, is_folder(folder, entry) ? "/" : "");
        pyr_completions_add(self->out, pyr_text_get(&path), path.length);
        pyr_text_deinit(&path);
    }
    if (list != NULL) {
        closedir(list);
    }
    free(folder);
    self->out->prefix_bytes = length;
    self->out->paths = true;
    self->out->quoted = quoted;
}

/* Where the string begins that is open at the cursor; NULL: none is. */
static const char *open_string(const char *line, size_t cursor) {
    const char *open = NULL;
    char quote = '\0';
    for (size_t i = 0; i < cursor; ++i) {
        if (quote != '\0') {
            quote = line[i] == quote ? '\0' : quote;
        } else if (line[i] == '\'' || line[i] == '"') {
            quote = line[i];
            open = line + i + 1;
        }
    }
    return quote == '\'' ? open : NULL;
}

/* ---- Dot commands. ---- */

/* true: the line is a dot command, and what it may hold was offered. */
static bool complete_dot_command(search *self, const char *line, size_t cursor) {
    size_t start = strspn(line, " \t");
    if (start >= cursor || line[start] != '.') {
        return false;
    }
    size_t end = start + strcspn(line + start, " \t");
    if (end >= cursor) {
        self->word = line + start;
        self->length = cursor - start;
        offer_all(self, pyr_dot_command_names());
    } else if (begins_with(line + start, ".mode", end - start)) {
        for (int i = 0; i < PYR_FORMATS_COUNT; ++i) {
            const char *const names[] = {pyr_format_name((pyr_format_kind)i), NULL};
            offer_all(self, names);
        }
    } else if (begins_with(line + start, ".timer", end - start) ||
               begins_with(line + start, ".ledger", end - start)) {
        static const char *const switches[] = {"on", "off", NULL};
        offer_all(self, switches);
    } else if (begins_with(line + start, ".read", end - start) ||
               begins_with(line + start, ".output", end - start)) {
        size_t word = end + strspn(line + end, " \t");
        word = word < cursor ? word : cursor;
        offer_paths(self, line + word, cursor - word, false);
        return true;
    } else {
        return false; /* a table's name */
    }
    self->out->prefix_bytes = self->length;
    return true;
}

void pyr_complete_sql(void *context, const char *line, size_t cursor, pyr_completions *out) {
    size_t start = cursor;
    while (start > 0 && is_name_byte(line[start - 1])) {
        --start;
    }
    if (start > 0 && line[start - 1] == '"') {
        --start;
    }
    search self = {.word = line + start, .length = cursor - start, .out = out};
    const char *string = open_string(line, cursor);
    if (string != NULL) {
        offer_paths(&self, string, (size_t)(line + cursor - string), true);
        return;
    }
    if (complete_dot_command(&self, line, cursor)) {
        return;
    }
    out->prefix_bytes = self.length;
    if (start > 0 && line[start - 1] == '.') {
        size_t owner = start - 1;
        while (owner > 0 && is_name_byte(line[owner - 1])) {
            --owner;
        }
        self.owner = line + owner;
        self.owner_length = start - 1 - owner;
    }
    pyr_connection *connection = context;
    if (pyr_session_tables(connection, offer_table, &self, NULL) != PYR_OK) {
        return; /* nobody asked for an error while typing */
    }
    if (self.owner != NULL && !self.owner_found &&
        pyr_session_tables(connection, offer_columns, &self, NULL) != PYR_OK) {
        return;
    }
    if (self.owner == NULL && self.length > 0) {
        offer_keywords(&self);
    }
}
