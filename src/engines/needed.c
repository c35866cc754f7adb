/* needed.c - see needed.h. */
#include "engines/needed.h"

#include "base/text.h"
#include "sql/lexer.h"
#include "sql/statement.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { DEPTH_MAX = 200 };

/* A name that was met. */
typedef struct mention {
    char *name;
    bool code; /* outside of strings */
} mention;

typedef struct search {
    const pyr_snapshot *snapshot;
    const pyr_entries *objects;
    bool *seen; /* of each object */
    mention *mentions;
    size_t mentions_count, mentions_capacity;
    bool strings_name_tables; /* query_table('t') */
    int depth;
    pyr_needed *out;
    pyr_error *error;
} search;

/* ---- Lists that DuckDB gives of what there is. ---- */

static bool lists_objects(const char *name) {
    static const char *const names[] = {
        "information_schema", "pg_catalog",        "sqlite_master", "sqlite_schema",
        "pragma_table_info",  "pragma_show",       "table_info",    "show_tables",
        "sqlite_temp_master", "sqlite_temp_schema"};
    static const char *const functions[] = {
        "duckdb_views",   "duckdb_tables",      "duckdb_columns", "duckdb_functions",
        "duckdb_types",   "duckdb_sequences",   "duckdb_schemas", "duckdb_constraints",
        "duckdb_indexes", "duckdb_dependencies"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        if (strcasecmp(name, names[i]) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); ++i) {
        if (strcasecmp(name, functions[i]) == 0) {
            return true;
        }
    }
    return strncasecmp(name, "pg_", 3) == 0;
}

/* ---- The search. ---- */

static pyr_status visit_text(search *self, const char *sql, size_t length);

static pyr_status add_mention(search *self, const char *name, bool code) {
    if (self->mentions_count == self->mentions_capacity) {
        size_t capacity = self->mentions_capacity > 0 ? self->mentions_capacity * 2 : 32;
        mention *grown = realloc(self->mentions, capacity * sizeof(*grown));
        if (grown == NULL) {
            return pyr_error_memory(self->error, capacity * sizeof(*grown));
        }
        self->mentions = grown;
        self->mentions_capacity = capacity;
    }
    char *copy = strdup(name);
    if (copy == NULL) {
        return pyr_error_memory(self->error, strlen(name));
    }
    self->mentions[self->mentions_count++] = (mention){copy, code};
    return PYR_OK;
}

/* Depth first: what an object's definition needs stands before it. */
static pyr_status visit_object(search *self, size_t index) {
    pyr_entry *object = pyr_entries_at(self->objects, index);
    if (self->seen[index] || object->kind == PYR_ENTRY_COMMENT || object->kind == PYR_ENTRY_INDEX) {
        return PYR_OK;
    }
    if (self->depth == DEPTH_MAX) {
        return pyr_error_set_sql(self->error, PYR_ERROR_LIMIT, "54001", -1,
                                 "views and macros are nested more than %d deep", DEPTH_MAX);
    }
    self->seen[index] = true;
    ++self->depth;
    if (object->kind != PYR_ENTRY_SEQUENCE) {
        PYR_TRY(visit_text(self, object->definition, strlen(object->definition)));
    }
    --self->depth;
    self->out->objects[self->out->objects_count++] = object;
    return PYR_OK;
}

static pyr_status visit_name(search *self, const char *name, bool code) {
    self->out->listing = self->out->listing || (code && lists_objects(name));
    self->strings_name_tables =
        self->strings_name_tables ||
        (code && (strcasecmp(name, "query_table") == 0 || strcasecmp(name, "query") == 0));
    PYR_TRY(add_mention(self, name, code));
    size_t first = 0;
    size_t count = pyr_entries_named(self->objects, name, &first);
    for (size_t i = 0; i < count; ++i) {
        PYR_TRY(visit_object(self, first + i));
    }
    return PYR_OK;
}

static bool is_word_byte(char c) {
    return isalnum((unsigned char)c) || c == '_' || c == '$' || ((unsigned char)c & 0x80) != 0;
}

/* The words of a string, each of which may be a name; and the whole of it. */
static pyr_status visit_string(search *self, const char *text, size_t length) {
    size_t at = 0;
    while (at < length) {
        size_t end = at;
        while (end < length && is_word_byte(text[end])) {
            ++end;
        }
        if (end > at && end - at <= PYR_NAME_BYTES_MAX) {
            char name[PYR_NAME_BYTES_MAX + 1];
            memcpy(name, text + at, end - at);
            name[end - at] = '\0';
            PYR_TRY(visit_name(self, name, false));
        }
        at = end > at ? end : end + 1;
    }
    return PYR_OK;
}

/* A quoted name without its quotes. */
static bool take_name(const pyr_token *token, char *out) {
    bool quoted = token->kind == PYR_TOKEN_QUOTED_NAME;
    size_t end = token->length - (quoted ? 1 : 0);
    size_t length = 0;
    for (size_t i = quoted ? 1 : 0; i < end; ++i) {
        if (length == PYR_NAME_BYTES_MAX) {
            return false;
        }
        out[length++] = token->text[i];
        i += quoted && token->text[i] == '"' ? 1 : 0;
    }
    out[length] = '\0';
    return true;
}

static pyr_status visit_text(search *self, const char *sql, size_t length) {
    pyr_lexer lexer = pyr_lexer_over(sql, length);
    pyr_token token = pyr_lexer_next(&lexer);
    for (; token.kind != PYR_TOKEN_END; token = pyr_lexer_next(&lexer)) {
        char name[PYR_NAME_BYTES_MAX + 1];
        if (token.kind == PYR_TOKEN_WORD || token.kind == PYR_TOKEN_QUOTED_NAME) {
            PYR_TRY(take_name(&token, name) ? visit_name(self, name, true) : PYR_OK);
        } else if (pyr_token_is_string(&token)) {
            PYR_TRY(visit_string(self, token.text, token.length));
        }
    }
    return PYR_OK;
}

/* ---- What follows from it. ---- */

/* The schema of each object that is needed is needed, too. */
static pyr_status visit_schemas(search *self, const char *schema_name) {
    for (size_t i = 0; i < pyr_entries_count(self->objects); ++i) {
        const pyr_entry *object = pyr_entries_at(self->objects, i);
        bool named = schema_name != NULL && strcasecmp(object->name, schema_name) == 0;
        bool used = false;
        for (size_t j = 0; !used && j < self->out->objects_count; ++j) {
            used = strcasecmp(self->out->objects[j]->schema_name, object->name) == 0;
        }
        if (object->kind == PYR_ENTRY_SCHEMA && (named || used)) {
            PYR_TRY(visit_object(self, i));
        }
    }
    return PYR_OK;
}

static int compare_kinds(const void *a, const void *b) {
    const pyr_entry *x = *(pyr_entry *const *)a;
    const pyr_entry *y = *(pyr_entry *const *)b;
    return (y->kind == PYR_ENTRY_SCHEMA) - (x->kind == PYR_ENTRY_SCHEMA);
}

/* Schemas to the front; the order of the rest stays. */
static void schemas_first(pyr_needed *out) {
    size_t schemas = 0;
    for (size_t i = 0; i < out->objects_count; ++i) {
        pyr_entry *object = out->objects[i];
        if (compare_kinds(&object, &out->objects[schemas]) < 0) {
            memmove(&out->objects[schemas + 1], &out->objects[schemas],
                    (i - schemas) * sizeof(pyr_entry *));
            out->objects[schemas] = object;
        }
        schemas += object->kind == PYR_ENTRY_SCHEMA;
    }
}

static bool is_mentioned(const search *self, const char *name) {
    for (size_t i = 0; i < self->mentions_count; ++i) {
        const mention *here = &self->mentions[i];
        if ((here->code || self->strings_name_tables) && strcasecmp(here->name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether a table's schema will be there: main, or one of those that are needed. */
static bool has_schema(const pyr_needed *out, const char *name) {
    bool found = strcasecmp(name, "main") == 0;
    for (size_t i = 0; !found && i < out->objects_count; ++i) {
        const pyr_entry *object = out->objects[i];
        found = object->kind == PYR_ENTRY_SCHEMA && strcasecmp(object->name, name) == 0;
    }
    return found;
}

/* A mentioned table of main is found when DuckDB asks for it: behind all schemas that it looks in,
 * so that after USE of another one main's have to stand there, too. */
static void sort_tables(search *self, bool main_too) {
    pyr_needed *out = self->out;
    bool schemas = out->objects_count > 0 && out->objects[0]->kind == PYR_ENTRY_SCHEMA;
    for (size_t i = 0; (schemas || out->listing) && i < pyr_snapshot_tables(self->snapshot); ++i) {
        pyr_table *table = pyr_snapshot_table(self->snapshot, i);
        bool in_main = strcasecmp(table->schema_name, "main") == 0;
        if (in_main && !main_too && !out->listing) {
            continue;
        }
        bool mentioned = is_mentioned(self, table->name);
        if (mentioned && !has_schema(out, table->schema_name)) {
            continue; /* of a schema that the statement does not look in */
        }
        if (mentioned && (!in_main || main_too)) {
            out->tables[out->tables_count++] = table;
        } else if (!mentioned && out->listing &&
                   pyr_snapshot_has_schema(self->snapshot, table->schema_name)) {
            out->stubs[out->stubs_count++] = table;
        }
    }
}

static pyr_status find(search *self, const char *schema_name, const char *sql, size_t length,
                       const pyr_entry *also) {
    PYR_TRY(visit_text(self, sql, length));
    for (size_t i = 0; also != NULL && i < pyr_entries_count(self->objects); ++i) {
        if (pyr_entries_at(self->objects, i) == also) {
            PYR_TRY(visit_object(self, i));
        }
    }
    bool listing = self->out->listing;
    size_t mentioned = self->mentions_count;
    for (size_t i = 0; listing && i < pyr_entries_count(self->objects); ++i) {
        PYR_TRY(visit_object(self, i));
    }
    /* Views that are only listed mention no table that the statement reads. */
    while (self->mentions_count > mentioned) {
        free(self->mentions[--self->mentions_count].name);
    }
    PYR_TRY(visit_schemas(self, schema_name));
    schemas_first(self->out);
    sort_tables(self, schema_name != NULL);
    return PYR_OK;
}

pyr_status pyr_needed_find(const pyr_snapshot *snapshot, const char *schema_name, const char *sql,
                           size_t length, pyr_entry *also, pyr_needed *out, pyr_error *error) {
    memset(out, 0, sizeof(*out));
    if (snapshot == NULL || (pyr_entries_count(pyr_snapshot_entries(snapshot)) == 0 &&
                             pyr_snapshot_tables(snapshot) == 0)) {
        return PYR_OK;
    }
    search self = {.snapshot = snapshot,
                   .objects = pyr_snapshot_entries(snapshot),
                   .out = out,
                   .error = error};
    size_t objects = pyr_entries_count(self.objects);
    size_t tables = pyr_snapshot_tables(snapshot);
    self.seen = calloc(objects + 1, sizeof(*self.seen));
    out->objects = calloc(objects + 1, sizeof(pyr_entry *));
    out->tables = calloc(tables + 1, sizeof(pyr_table *));
    out->stubs = calloc(tables + 1, sizeof(pyr_table *));
    pyr_status status = PYR_OK;
    if (self.seen == NULL || out->objects == NULL || out->tables == NULL || out->stubs == NULL) {
        status = pyr_error_memory(error, (objects + tables) * sizeof(void *));
    } else {
        status = find(&self, schema_name, sql, length, also);
    }
    for (size_t i = 0; i < self.mentions_count; ++i) {
        free(self.mentions[i].name);
    }
    free(self.mentions);
    free(self.seen);
    if (status != PYR_OK) {
        pyr_needed_deinit(out);
    }
    return status;
}

static void print_name(const pyr_entry *object, pyr_text *out) {
    pyr_sql_quote_name(object->schema_name, out);
    if (object->kind != PYR_ENTRY_SCHEMA && strcmp(object->detail, "SCHEMA") != 0) {
        pyr_text_add_char(out, '.');
        pyr_sql_quote_name(object->name, out);
    }
}

static void print_comment(const pyr_entry *object, pyr_text *out) {
    const char *column = strncmp(object->detail, "COLUMN ", 7) == 0 ? object->detail + 7 : NULL;
    pyr_text_printf(out, "COMMENT ON %s ", column != NULL ? "COLUMN" : object->detail);
    print_name(object, out);
    if (column != NULL) {
        pyr_text_add_char(out, '.');
        pyr_sql_quote_name(column, out);
    }
    pyr_text_add(out, " IS ");
    pyr_sql_quote_string(object->definition, out);
}

void pyr_entry_print(const pyr_entry *object, pyr_text *out, size_t *definition_at) {
    static const char *const words[] = {"",      "SCHEMA", "TYPE", "SEQUENCE", "MACRO",
                                        "MACRO", "VIEW",   "",     "INDEX"};
    if (definition_at != NULL) {
        *definition_at = 0;
    }
    if (object->kind == PYR_ENTRY_COMMENT) {
        print_comment(object, out);
        return;
    }
    pyr_text_printf(out, "CREATE %s ", words[object->kind]);
    print_name(object, out);
    pyr_text_add_char(out, ' ');
    if (definition_at != NULL) {
        *definition_at = out->length;
    }
    pyr_text_add(out, object->definition);
}

void pyr_needed_deinit(pyr_needed *needed) {
    free(needed->objects);
    free(needed->tables);
    free(needed->stubs);
    memset(needed, 0, sizeof(*needed));
}

bool pyr_needed_is_empty(const pyr_needed *needed) {
    return needed->objects_count == 0 && needed->tables_count == 0 && needed->stubs_count == 0;
}
