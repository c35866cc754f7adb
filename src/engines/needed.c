/* needed.c - see needed.h. */
#include "engines/needed.h"

#include "base/text.h"
#include "sql/statement.h"
#include "sql/token_list.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { DEPTH_MAX = 200 };

/* What a text asks DuckDB for lists of. */
typedef enum listing_kind {
    LISTS_NOTHING,
    LISTS_TYPES, /* types, sequences and schemas, which need no tables and views */
    LISTS_ALL
} listing_kind;

/* A name that was met. */
typedef struct mention {
    char *name;
    bool code; /* outside of strings */
} mention;

typedef struct search {
    const pyr_snapshot *snapshot;
    const pyr_entries *objects;
    bool *seen;      /* of each object */
    bool *used;      /* of each: see pyr_needed */
    size_t *indexes; /* of each of out->objects */
    mention *mentions;
    size_t mentions_count, mentions_capacity;
    bool strings_name_tables; /* query_table('t') */
    bool computes_sequences;  /* nextval('s' || 1): any may be meant */
    bool computes_tables;     /* query_table('t' || 1) */
    listing_kind listing;
    int depth;
    pyr_needed *out;
    pyr_error *error;
} search;

/* ---- Lists that DuckDB gives of what there is. ---- */

static bool is_one_of(const char *name, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        if (strcasecmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* By what DuckDB's views and functions of these names read. */
static listing_kind listing_of(const char *name) {
    static const char *const types[] = {"duckdb_types", "duckdb_sequences", "duckdb_schemas",
                                        "pg_type",      "pg_enum",          "pg_namespace",
                                        "pg_sequence",  "pg_sequences"};
    static const char *const all[] = {"information_schema",
                                      "sqlite_master",
                                      "sqlite_schema",
                                      "sqlite_temp_master",
                                      "sqlite_temp_schema",
                                      "pragma_table_info",
                                      "pragma_show",
                                      "table_info",
                                      "show_tables",
                                      "duckdb_views",
                                      "duckdb_tables",
                                      "duckdb_columns",
                                      "duckdb_functions",
                                      "duckdb_constraints",
                                      "duckdb_indexes",
                                      "duckdb_dependencies",
                                      "pg_attrdef",
                                      "pg_attribute",
                                      "pg_class",
                                      "pg_constraint",
                                      "pg_depend",
                                      "pg_description",
                                      "pg_index",
                                      "pg_indexes",
                                      "pg_proc",
                                      "pg_tables",
                                      "pg_views",
                                      "pg_get_viewdef",
                                      "pg_get_constraintdef"};
    if (is_one_of(name, types, sizeof(types) / sizeof(types[0]))) {
        return LISTS_TYPES;
    }
    return is_one_of(name, all, sizeof(all) / sizeof(all[0])) ? LISTS_ALL : LISTS_NOTHING;
}

/* ---- The search. ---- */

/* Where a name stands. */
typedef struct place {
    bool code; /* outside of strings */
    bool used; /* in the statement itself, or in what it uses */
    bool call; /* a bracket follows */
} place;

static pyr_status visit_text(search *self, const char *sql, size_t length, bool used);

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

/* Depth first: what an object's definition needs stands before it. One that turns out to be used
 * is visited again, for what it uses. */
static pyr_status visit_object(search *self, size_t index, bool used) {
    pyr_entry *object = pyr_entries_at(self->objects, index);
    bool again = self->seen[index];
    if ((again && (!used || self->used[index])) || object->kind == PYR_ENTRY_COMMENT ||
        object->kind == PYR_ENTRY_INDEX) {
        return PYR_OK;
    }
    if (self->depth == DEPTH_MAX) {
        return pyr_error_set_sql(self->error, PYR_ERROR_LIMIT, "54001", -1,
                                 "views and macros are nested more than %d deep", DEPTH_MAX);
    }
    self->seen[index] = true;
    self->used[index] = used;
    ++self->depth;
    if (object->kind != PYR_ENTRY_SEQUENCE) {
        PYR_TRY(visit_text(self, object->definition, strlen(object->definition), used));
    }
    --self->depth;
    if (!again) {
        self->indexes[self->out->objects_count] = index;
        self->out->objects[self->out->objects_count++] = object;
    }
    return PYR_OK;
}

/* A macro is used where it is called. */
static bool is_use(const pyr_entry *object, const place *at) {
    bool macro = object->kind == PYR_ENTRY_MACRO || object->kind == PYR_ENTRY_TABLE_MACRO;
    return at->used && at->code && (at->call || !macro);
}

static pyr_status visit_name(search *self, const char *name, const place *at) {
    bool code = at->code;
    listing_kind listed = code ? listing_of(name) : LISTS_NOTHING;
    self->listing = listed > self->listing ? listed : self->listing;
    self->strings_name_tables =
        self->strings_name_tables ||
        (code && (strcasecmp(name, "query_table") == 0 || strcasecmp(name, "query") == 0));
    PYR_TRY(add_mention(self, name, code));
    size_t first = 0;
    size_t count = pyr_entries_named(self->objects, name, &first);
    for (size_t i = 0; i < count; ++i) {
        PYR_TRY(
            visit_object(self, first + i, is_use(pyr_entries_at(self->objects, first + i), at)));
    }
    return PYR_OK;
}

static bool is_word_byte(char c) {
    return isalnum((unsigned char)c) || c == '_' || c == '$' || ((unsigned char)c & 0x80) != 0;
}

static pyr_status visit_part(search *self, const char *text, size_t length) {
    char name[PYR_NAME_BYTES_MAX + 1];
    if (length == 0 || length > PYR_NAME_BYTES_MAX) {
        return PYR_OK;
    }
    memcpy(name, text, length);
    name[length] = '\0';
    return visit_name(self, name, &(place){.code = false});
}

/* What stands from a quote to the next of its kind; two of them are one of the name's. */
static pyr_status visit_quoted(search *self, const char *text, size_t length) {
    char name[PYR_NAME_BYTES_MAX + 1];
    size_t size = 0;
    for (size_t at = 1; at < length && size < sizeof(name); ++at) {
        if (text[at] == text[0] && (at + 1 == length || text[++at] != text[0])) {
            return visit_part(self, name, size);
        }
        name[size++] = text[at];
    }
    return PYR_OK;
}

/* The words of a string and all that stands in quotes, the string itself first: each may be a name.
 */
static pyr_status visit_string(search *self, const char *text, size_t length) {
    size_t at = 0;
    while (at < length) {
        size_t end = at;
        while (end < length && is_word_byte(text[end])) {
            ++end;
        }
        PYR_TRY(visit_part(self, text + at, end - at));
        if (end < length && (text[end] == '"' || text[end] == '\'')) {
            PYR_TRY(visit_quoted(self, text + end, length - end));
        }
        at = end + 1;
    }
    return PYR_OK;
}

/* $tag$ ... $tag$ */
static pyr_status visit_dollar_string(search *self, const char *text, size_t length) {
    size_t tag = (size_t)((const char *)memchr(text + 1, '$', length - 1) - text) + 1;
    PYR_TRY(visit_part(self, text + tag, length - 2 * tag));
    return visit_string(self, text + tag, length - 2 * tag);
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

/* f('s'): the name is in the text. */
static bool has_plain_argument(const pyr_token *function) {
    return pyr_token_is_char(&function[1], '(') && function[2].kind == PYR_TOKEN_STRING &&
           pyr_token_is_char(&function[3], ')');
}

static void note_computed_name(search *self, const pyr_token *token) {
    static const char *const sequences[] = {"nextval", "currval"};
    static const char *const tables[] = {"query", "query_table"};
    for (int i = 0; i < 2; ++i) {
        bool plain = has_plain_argument(token);
        self->computes_sequences =
            self->computes_sequences || (pyr_token_names(token, sequences[i]) && !plain);
        self->computes_tables =
            self->computes_tables || (pyr_token_names(token, tables[i]) && !plain);
    }
}

static pyr_status visit_token(search *self, const pyr_token *token, bool used) {
    char name[PYR_NAME_BYTES_MAX + 1];
    if (pyr_token_is_identifier(token)) {
        const place at = {.code = true, .used = used, .call = pyr_token_is_char(token + 1, '(')};
        if (at.call) {
            note_computed_name(self, token);
        }
        return take_name(token, name) ? visit_name(self, name, &at) : PYR_OK;
    }
    if (token->kind == PYR_TOKEN_DOLLAR_STRING) {
        return visit_dollar_string(self, token->text, token->length);
    }
    return pyr_token_is_string(token) ? visit_string(self, token->text, token->length) : PYR_OK;
}

static pyr_status visit_text(search *self, const char *sql, size_t length, bool used) {
    pyr_token_list list;
    PYR_TRY(pyr_token_list_read(sql, length, &list, self->error));
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < list.count; ++i) {
        status = visit_token(self, &list.tokens[i], used);
    }
    pyr_token_list_deinit(&list);
    return status;
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
            PYR_TRY(visit_object(self, i, false));
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
            bool used = out->used[i];
            memmove(&out->used[schemas + 1], &out->used[schemas], (i - schemas) * sizeof(bool));
            out->used[schemas] = used;
        }
        schemas += object->kind == PYR_ENTRY_SCHEMA;
    }
}

static bool is_mentioned(const search *self, const char *name) {
    for (size_t i = 0; i < self->mentions_count; ++i) {
        const mention *here = &self->mentions[i];
        if (self->computes_tables ||
            ((here->code || self->strings_name_tables) && strcasecmp(here->name, name) == 0)) {
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
    bool listing = self->listing == LISTS_ALL;
    for (size_t i = 0; (schemas || listing) && i < pyr_snapshot_tables(self->snapshot); ++i) {
        pyr_table *table = pyr_snapshot_table(self->snapshot, i);
        bool in_main = strcasecmp(table->schema_name, "main") == 0;
        if (in_main && !main_too && !listing) {
            continue;
        }
        bool mentioned = is_mentioned(self, table->name);
        if (mentioned && !has_schema(out, table->schema_name)) {
            continue; /* of a schema that the statement does not look in */
        }
        if (mentioned && (!in_main || main_too)) {
            out->tables[out->tables_count++] = table;
        } else if (!mentioned && listing &&
                   pyr_snapshot_has_schema(self->snapshot, table->schema_name)) {
            out->stubs[out->stubs_count++] = table;
        }
    }
}

static pyr_status find(search *self, const char *schema_name, const char *sql, size_t length,
                       const pyr_entry *also) {
    PYR_TRY(visit_text(self, sql, length, true));
    for (size_t i = 0; also != NULL && i < pyr_entries_count(self->objects); ++i) {
        if (pyr_entries_at(self->objects, i) == also) {
            PYR_TRY(visit_object(self, i, true));
        }
    }
    for (size_t i = 0; i < pyr_entries_count(self->objects); ++i) {
        bool sequence = pyr_entries_at(self->objects, i)->kind == PYR_ENTRY_SEQUENCE;
        if (self->computes_tables || (self->computes_sequences && sequence)) {
            PYR_TRY(visit_object(self, i, false));
        }
    }
    listing_kind listed = self->listing;
    size_t mentioned = self->mentions_count;
    for (size_t i = 0; listed != LISTS_NOTHING && i < pyr_entries_count(self->objects); ++i) {
        /* The kinds are in the order of what needs what. */
        if (listed == LISTS_ALL || pyr_entries_at(self->objects, i)->kind <= PYR_ENTRY_SEQUENCE) {
            PYR_TRY(visit_object(self, i, false));
        }
    }
    self->listing = listed; /* what those list is none of the statement's */
    self->out->listing = listed != LISTS_NOTHING;
    /* Views that are only listed mention no table that the statement reads. */
    while (self->mentions_count > mentioned) {
        free(self->mentions[--self->mentions_count].name);
    }
    PYR_TRY(visit_schemas(self, schema_name));
    for (size_t i = 0; i < self->out->objects_count; ++i) {
        self->out->used[i] = self->used[self->indexes[i]];
    }
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
    self.used = calloc(objects + 1, sizeof(*self.used));
    self.indexes = calloc(objects + 1, sizeof(*self.indexes));
    out->used = calloc(objects + 1, sizeof(*out->used));
    out->objects = calloc(objects + 1, sizeof(pyr_entry *));
    out->tables = calloc(tables + 1, sizeof(pyr_table *));
    out->stubs = calloc(tables + 1, sizeof(pyr_table *));
    pyr_status status = PYR_OK;
    if (self.seen == NULL || self.used == NULL || self.indexes == NULL || out->used == NULL ||
        out->objects == NULL || out->tables == NULL || out->stubs == NULL) {
        status = pyr_error_memory(error, (objects + tables) * sizeof(void *));
    } else {
        status = find(&self, schema_name, sql, length, also);
    }
    for (size_t i = 0; i < self.mentions_count; ++i) {
        free(self.mentions[i].name);
    }
    free(self.mentions);
    free(self.seen);
    free(self.used);
    free(self.indexes);
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
    free(needed->used);
    free(needed->tables);
    free(needed->stubs);
    memset(needed, 0, sizeof(*needed));
}

bool pyr_needed_is_empty(const pyr_needed *needed) {
    return needed->objects_count == 0 && needed->tables_count == 0 && needed->stubs_count == 0;
}
