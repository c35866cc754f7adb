/* completion.c - see completion.h. */
#include "cli/completion.h"

#include "base/text.h"
#include "cli/format.h"
#include "cli/shell.h"
#include "sql/statement.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const char *const keywords[] = {
    "ALL",       "ALTER",        "ANALYZE", "AND",       "AS",       "ASC",          "BEGIN",
    "BETWEEN",   "BIGINT",       "BOOLEAN", "BY",        "CASE",     "CAST",         "CHECKPOINT",
    "COMMIT",    "COPY",         "COUNT",   "CREATE",    "CROSS",    "CURRENT_DATE", "DATE",
    "DECIMAL",   "DELETE",       "DESC",    "DESCRIBE",  "DISTINCT", "DOUBLE",       "DROP",
    "ELSE",      "END",          "EXCEPT",  "EXECUTE",   "EXISTS",   "EXPLAIN",      "EXTERNAL",
    "FALSE",     "FORMAT",       "FROM",    "FULL",      "GROUP",    "HAVING",       "IN",
    "INNER",     "INSERT",       "INTEGER", "INTERSECT", "INTERVAL", "INTO",         "IS",
    "JOIN",      "LEFT",         "LIKE",    "LIMIT",     "LOCATION", "NOT",          "NULL",
    "OFFSET",    "ON",           "OR",      "ORDER",     "OUTER",    "OVER",         "PARTITION",
    "PREPARE",   "PRIMARY KEY",  "QUALIFY", "RIGHT",     "ROLLBACK", "SELECT",       "SET",
    "SHOW",      "STORED AS",    "SUM",     "TABLE",     "TABLES",   "THEN",         "TIMESTAMP",
    "TO",        "TRUE",         "UNION",   "UPDATE",    "USING",    "VACUUM",       "VALUES",
    "VARCHAR",   "WHEN",         "WHERE",   "WINDOW",    "WITH",     "read_arrow",   "read_csv",
    "read_json", "read_parquet", NULL};

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
