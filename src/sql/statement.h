/* statement.h - splitting SQL text, and our parse of it.
 *
 * Every Pyralog statement is parsed completely. A query (SELECT, WITH, FROM, VALUES, TABLE, ...) is
 * parsed as far as the native engine goes: where it uses anything else `select` is NULL and the
 * text goes on to another engine. Parsing never guesses. Everything returned lives in the arena
 * given and points into the text given, which must outlive it; immutable afterwards.
 */
#ifndef PYR_SQL_STATEMENT_H
#define PYR_SQL_STATEMENT_H

#include "arrow/type.h"
#include "base/arena.h"
#include "catalog/entry.h"

/* A piece of the statement's text. offset counts bytes from the start of the text given to parse.
 */
typedef struct pyr_span {
    const char *text;
    size_t length;
    size_t offset;
} pyr_span;

/* Finds the next statement in text from *position on: skips white space, comments and empty
 * statements, honours strings ('', E'', $tag$), quoted names and nested comments. false at the end.
 * *complete is false when the text ended inside it, without ';' (what an interactive reader asks
 * about; an open quote or comment also has *open true). *statement is without the ';'. */
bool pyr_sql_split(const char *text, size_t length, size_t *position, pyr_span *statement,
                   bool *complete, bool *open);

typedef struct pyr_name {
    char *schema_name; /* NULL where not given */
    char *name;        /* unquoted, as written */
    size_t offset;     /* of the name in the text, for carets */
} pyr_name;

typedef struct pyr_column_definition {
    char *name;
    size_t offset;
    /* Normalized text of the type ("BIGINT", "DECIMAL(10,2)") and the Arrow field, released with
     * pyr_parsed_deinit. Both NULL where a generated column's type is its expression's; the field
     * alone where the type is one that was created: sql_type is its name as written then. */
    char *sql_type;
    pyr_field *field;
    bool not_null, primary_key, unique; /* of a key of this column alone; the primary key's too */
    pyr_span default_value;             /* text NULL where none */
    pyr_span generated;                 /* GENERATED ALWAYS AS (expression); text NULL where none */
} pyr_column_definition;

/* A key or CHECK, whether it stands behind a column or by itself, in the statement's order. */
typedef enum pyr_constraint_kind {
    PYR_CONSTRAINT_PRIMARY_KEY,
    PYR_CONSTRAINT_UNIQUE,
    PYR_CONSTRAINT_CHECK
} pyr_constraint_kind;
typedef struct pyr_table_constraint {
    pyr_constraint_kind kind;
    char *name; /* of CONSTRAINT name; NULL where none */
    size_t columns_count;
    size_t *columns; /* indices into the statement's columns; PRIMARY KEY, UNIQUE */
    pyr_span check;  /* CHECK */
    size_t offset;
} pyr_table_constraint;

typedef struct pyr_option_value {
    char *name;  /* lower case */
    char *value; /* strings unquoted, numbers and words as written; NULL for a bare option */
    bool nested; /* written in brackets: (a, b), [1, 2], {a: 1}; balanced SQL text */
    size_t offset;
} pyr_option_value;

/* column = value of SET, or one value of MERGE's INSERT. Names are as written and not looked up, so
 * two assignments may name one column. */
typedef struct pyr_assignment {
    char *column;   /* NULL: by place (MERGE's INSERT without a list of columns) */
    size_t offset;  /* of the column's name */
    pyr_span value; /* an expression; for DEFAULT alone that word */
    bool is_default;
} pyr_assignment;
typedef struct pyr_assignments {
    size_t count;
    pyr_assignment *items;
} pyr_assignments;

/* What an INSERT does with a row whose key is there. */
typedef enum pyr_conflict_action {
    PYR_CONFLICT_ERROR,
    PYR_CONFLICT_NOTHING, /* ON CONFLICT DO NOTHING, OR IGNORE */
    PYR_CONFLICT_UPDATE,  /* ON CONFLICT DO UPDATE SET: assignments, where */
    PYR_CONFLICT_REPLACE  /* OR REPLACE */
} pyr_conflict_action;
typedef struct pyr_conflict {
    pyr_conflict_action action;
    size_t offset;
    size_t columns_count;
    char **columns;     /* ON CONFLICT (a, b); none: any key */
    pyr_span condition; /* ON CONFLICT (a) WHERE condition; text NULL where none */
} pyr_conflict;

/* WHEN ... THEN ... of MERGE, in the statement's order: the first whose condition holds acts. */
typedef enum pyr_merge_when {
    PYR_MERGE_MATCHED,
    PYR_MERGE_NOT_MATCHED,          /* BY TARGET: a row of the source alone */
    PYR_MERGE_NOT_MATCHED_BY_SOURCE /* a row of the table alone */
} pyr_merge_when;
typedef enum pyr_merge_act {
    PYR_MERGE_UPDATE,
    PYR_MERGE_DELETE,
    PYR_MERGE_INSERT,
    PYR_MERGE_NOTHING,
    PYR_MERGE_FAIL /* ERROR */
} pyr_merge_act;
typedef enum pyr_merge_values {
    PYR_MERGE_VALUES_LIST,       /* those of `values` */
    PYR_MERGE_VALUES_BY_PLACE,   /* the source's columns in order: INSERT, UPDATE SET * */
    PYR_MERGE_VALUES_BY_NAME,    /* the source's columns of the same names */
    PYR_MERGE_VALUES_OF_DEFAULTS /* INSERT DEFAULT VALUES */
} pyr_merge_values;
typedef struct pyr_merge_clause {
    pyr_merge_when when;
    pyr_merge_act act;
    pyr_merge_values from;
    size_t offset;
    pyr_span condition;     /* AND condition; text NULL where none */
    pyr_assignments values; /* UPDATE, INSERT */
    pyr_span message;       /* ERROR's expression; text NULL where none */
} pyr_merge_clause;
typedef struct pyr_merge {
    pyr_span source; /* USING: one table, query, ..., with its alias */
    pyr_span on;     /* the condition; text NULL where columns are given */
    size_t columns_count;
    char **columns; /* USING (a, b) */
    size_t clauses_count;
    pyr_merge_clause *clauses;
} pyr_merge;

typedef enum pyr_parsed_kind {
    PYR_PARSED_QUERY,
    PYR_PARSED_CREATE_TABLE, /* AS too */
    PYR_PARSED_CREATE_EXTERNAL_TABLE,
    PYR_PARSED_REFRESH_EXTERNAL_TABLE, /* ALTER EXTERNAL TABLE t REFRESH */
    PYR_PARSED_DROP_TABLE,
    PYR_PARSED_CREATE_OBJECT, /* a schema, type, sequence, macro, view */
    PYR_PARSED_DROP_OBJECT,
    PYR_PARSED_ALTER_TABLE, /* and ALTER VIEW: object_kind PYR_ENTRY_VIEW */
    PYR_PARSED_COMMENT,
    PYR_PARSED_USE,
    PYR_PARSED_INSERT,
    PYR_PARSED_DELETE,
    PYR_PARSED_UPDATE,
    PYR_PARSED_TRUNCATE, /* a DELETE of every row */
    PYR_PARSED_MERGE,
    PYR_PARSED_COPY_FROM,
    PYR_PARSED_COPY_TO,
    PYR_PARSED_SHOW_TABLES,
    PYR_PARSED_SHOW_CREATE_TABLE,
    PYR_PARSED_DESCRIBE, /* a table, or a query */
    PYR_PARSED_EXPLAIN,
    PYR_PARSED_SET,
    PYR_PARSED_RESET,
    PYR_PARSED_SHOW_SETTING, /* SHOW name, SHOW ALL */
    PYR_PARSED_PREPARE,
    PYR_PARSED_EXECUTE,
    PYR_PARSED_DEALLOCATE,
    PYR_PARSED_BEGIN,
    PYR_PARSED_COMMIT,
    PYR_PARSED_ROLLBACK,
    PYR_PARSED_CHECKPOINT,
    PYR_PARSED_VACUUM,
    PYR_PARSED_BACKUP, /* TO path */
    PYR_PARSED_UNKNOWN /* a statement we do not handle: keyword names it ("ATTACH") */
} pyr_parsed_kind;

/* What ALTER TABLE does. name is the column; value a new name; definition an expression. */
typedef enum pyr_alter {
    PYR_ALTER_ADD_COLUMN,  /* columns[0]; if_not_exists */
    PYR_ALTER_DROP_COLUMN, /* if_not_exists: nothing to do where it is not there */
    PYR_ALTER_RENAME_COLUMN,
    PYR_ALTER_RENAME_TABLE,
    PYR_ALTER_SET_DEFAULT,
    PYR_ALTER_DROP_DEFAULT,
    PYR_ALTER_SET_NOT_NULL,
    PYR_ALTER_DROP_NOT_NULL,
    PYR_ALTER_SET_TYPE, /* columns[0] has the type; definition: USING */
    PYR_ALTER_SET_OPTIONS,
    PYR_ALTER_RESET_OPTIONS,
    PYR_ALTER_ADD_KEY,        /* constraints[0]: kind and name; names: its columns */
    PYR_ALTER_DROP_CONSTRAINT /* if_not_exists: as for a column */
} pyr_alter;

struct pyr_select; /* sql/select.h */

typedef struct pyr_parsed {
    pyr_parsed_kind kind;
    pyr_span text;            /* the whole statement */
    int32_t parameters_count; /* the highest $n, or the number of ?; both in one statement is an
                                 error */

    pyr_name table; /* CREATE, DROP, INSERT, DELETE, UPDATE, TRUNCATE, MERGE, COPY t, DESCRIBE t,
                       SHOW CREATE TABLE t, TABLE t */
    pyr_name of;    /* CREATE TABLE t CLONE of, CREATE INDEX i ON of; name NULL where not given */
    char *alias;    /* INSERT, DELETE, UPDATE, TRUNCATE, MERGE: the name the table has inside; NULL
                       where none */
    pyr_span with;  /* INSERT, DELETE, UPDATE, MERGE: WITH a AS (...), ...; text NULL where none */
    bool or_replace, if_not_exists, if_exists, temporary, external, cascade;
    bool unique; /* CREATE UNIQUE INDEX */
    pyr_alter alter;
    pyr_entry_kind object_kind; /* CREATE, DROP of one; its name is table */
    /* COMMENT: on what; PYR_ENTRY_COMMENT for a table, or for its column called name. */
    pyr_entry_kind target_kind;
    pyr_span definition; /* CREATE of an object: what stands behind its name; of a sequence value
                            is its definition */
    size_t columns_count;
    pyr_column_definition *columns; /* CREATE TABLE */
    size_t constraints_count;
    pyr_table_constraint *constraints; /* CREATE TABLE: all but NOT NULL and DEFAULT */
    size_t partitions_count;
    pyr_column_definition *partitions; /* PARTITIONED BY; field NULL where only a name is given */
    size_t names_count;
    char **names; /* INSERT (a, b), COPY t (a, b), CREATE TABLE t (a, b) AS, ALTER t ADD UNIQUE (a)
                   */
    size_t options_count;
    pyr_option_value *options; /* WITH (...), COPY (...) */
    pyr_span query;      /* CREATE AS, INSERT's source (VALUES too), COPY (query), DESCRIBE query */
    bool default_values; /* INSERT ... DEFAULT VALUES */
    bool by_name;        /* INSERT ... BY NAME */
    pyr_conflict conflict; /* INSERT */
    pyr_merge merge;       /* MERGE */
    pyr_span returning;    /* INSERT, DELETE, UPDATE, MERGE: a list of columns; text NULL: none */
    /* DELETE and UPDATE, made for a query over the same texts. Each is balanced and ends before the
     * next clause, but only a parser of expressions can say that it is one: put where and values
     * into brackets ("(1 x)" is an error where "1 x" would be a column with a name), and count the
     * columns that come out ("(*)" gives many). */
    pyr_span from;  /* DELETE's USING, UPDATE's FROM: the list of tables; text NULL where none */
    pyr_span where; /* the condition; text NULL where every row is meant */
    pyr_assignments assignments; /* UPDATE, ON CONFLICT DO UPDATE */
    char *path;                  /* COPY, CREATE EXTERNAL LOCATION; unquoted */
    char *stored_as;             /* upper case */
    char *name;                  /* SET, RESET, SHOW: the setting, lower case; PREPARE, EXECUTE */
    char *value;                 /* SET: the value, strings unquoted; NULL for DEFAULT */
    bool analyze, json;          /* EXPLAIN */
    struct pyr_parsed *inner;    /* EXPLAIN's and PREPARE's statement */
    size_t arguments_count;
    pyr_span *arguments; /* EXECUTE name(a, b): expression texts */
    bool read_only;      /* BEGIN READ ONLY; options may hold as_of_version or as_of_timestamp */
    char *keyword; /* UNKNOWN: its first word in upper case, two for CREATE, ALTER, DROP ("CREATE
                      VIEW") */
    const struct pyr_select *select; /* QUERY that our parser understood wholly, else NULL */
    char *not_covered; /* QUERY with select NULL: the construct that stopped us, e.g. "JOIN" */
} pyr_parsed;

/* One statement (as split). PYR_ERROR_SQL 42601 with a position for what is ours and wrong; 42704
 * for an unknown type. Deep nesting is bounded (PYR_ERROR_LIMIT). */
PYR_MUST_CHECK pyr_status pyr_sql_parse(const char *text, size_t length, pyr_arena *arena,
                                        pyr_parsed **out, pyr_error *error);
/* Releases the fields the parse holds; the rest goes with the arena. NULL allowed. */
void pyr_parsed_deinit(pyr_parsed *parsed);

/* Metadata of a field whose Arrow type does not tell its SQL type: "HUGEINT", on a
 * decimal128(38, 0), is the one value. */
#define PYR_SQL_TYPE_KEY "pyralog.sql_type"

/* A SQL type name ("DECIMAL(10,2)[]", "STRUCT(a INT, b STRING)", "MAP(INT, TEXT)", "TIMESTAMP WITH
 * TIME ZONE") -> the Arrow field that DuckDB exports for it, and back. *sql_type: normalized, in
 * the arena. */
PYR_MUST_CHECK pyr_status pyr_sql_type_parse(const char *text, size_t length, const char *name,
                                             pyr_arena *arena, pyr_field **field, char **sql_type,
                                             pyr_error *error);
/* The SQL name of an Arrow type, for DESCRIBE: "BIGINT", "VARCHAR", "STRUCT(a INTEGER)". */
struct pyr_text;
void pyr_sql_type_print(const pyr_field *field, struct pyr_text *text);
/* Appends name, quoted where it must be. */
void pyr_sql_quote_name(const char *name, struct pyr_text *text);
void pyr_sql_quote_string(const char *value, struct pyr_text *text);

#endif
