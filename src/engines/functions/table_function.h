/* table_function.h - the table functions of our own, for every engine: read_safetensors('x') in a
 * FROM is a table over source segments (storage/segment.h), as read_arrow('x') is one over files.
 *
 * The list of functions is fixed; a function is constant data. Opening one looks at files, so paths
 * are checked before the file system is asked about them. What is opened is immutable and holds
 * nothing of the statement that opened it but its budget; one whose batches are long work looks at
 * the statement's cancel flag, and so is that statement's alone.
 */
#ifndef PYR_ENGINES_FUNCTIONS_TABLE_FUNCTION_H
#define PYR_ENGINES_FUNCTIONS_TABLE_FUNCTION_H

#include "engines/engine.h"

#define PYR_FUNCTION_PARAMETERS_MAX 4
#define PYR_FUNCTION_COLUMNS_MAX 16

typedef enum pyr_argument_type { PYR_ARGUMENT_TEXT, PYR_ARGUMENT_BOOL } pyr_argument_type;

/* A column of a made table: a plain type, or PYR_TYPE_LIST for BIGINT[]. */
typedef struct pyr_made_column {
    const char *name;
    pyr_type_id type;
} pyr_made_column;
PYR_MUST_CHECK pyr_status pyr_made_schema(const pyr_made_column *columns, int32_t count,
                                          pyr_schema **out, pyr_error *error);

typedef struct pyr_function_parameter {
    const char *name;
    pyr_argument_type type;
    bool optional;
    bool named; /* given as name := value alone; then it is optional */
} pyr_function_parameter;

typedef struct pyr_function_value {
    bool given;
    bool boolean;
    const char *text;
    int32_t position; /* in the statement; -1 where it is not known */
} pyr_function_value;

/* What the functions of one statement gave: each way that is tried to plan it asks anew, and all
 * are to read the same. Zeroed is empty. One thread. */
typedef struct pyr_opened_tables {
    size_t count, capacity;
    struct pyr_opened_table {
        const struct pyr_table_function *function;
        char *key; /* of the values */
        pyr_table *table;
    } * items;
} pyr_opened_tables;
void pyr_opened_tables_deinit(pyr_opened_tables *opened); /* empty again */

/* Everything is borrowed for the call. */
typedef struct pyr_function_call {
    pyr_function_value values[PYR_FUNCTION_PARAMETERS_MAX]; /* one a parameter */
    const pyr_file_access *files;
    const pyr_model_resolver *models; /* NULL: there is no model */
    pyr_opened_tables *opened;        /* NULL: nothing is kept */
    pyr_thread_pool *pool;            /* for what is large; outlives what is opened; NULL: none */
    pyr_query_ledger *ledger;
    pyr_budget *budget;      /* retained by what outlives the call */
    pyr_cancel_flag *cancel; /* asked by what is opened, too, which it outlives; NULL: none */
} pyr_function_call;

typedef struct pyr_table_function {
    const char *name; /* in lower case */
    int32_t parameters_count;
    pyr_function_parameter parameters[PYR_FUNCTION_PARAMETERS_MAX];
    /* Where they are the same for all files; a BLOB comes last, and the first column is then its
     * name, a text. NULL: the files say them. */
    const pyr_made_column *columns;
    int32_t columns_count;
    /* Errors of a value have its position. */
    pyr_status (*open)(const pyr_function_call *call, pyr_table **out, pyr_error *error);
} pyr_table_function;

size_t pyr_table_functions(void);
const pyr_table_function *pyr_table_function_at(size_t index);
/* By name without case; NULL where it is none of ours. */
const pyr_table_function *pyr_table_function_find(const char *name);
/* Puts a value by its place (name NULL) or by name into call. false: there is no such parameter, it
 * has one already, or it may only be given by name. *parameter: which. */
bool pyr_table_function_place(const pyr_table_function *function, const pyr_function_call *call,
                              size_t place, const char *name, int32_t *parameter);
/* Opens it, or takes what was opened for the same values. A parameter that is missing is
 * PYR_ERROR_SQL 42883. An error without a position gets the first value's. */
PYR_MUST_CHECK pyr_status pyr_table_function_open(const pyr_table_function *function,
                                                  const pyr_function_call *call, pyr_table **out,
                                                  pyr_error *error);

/* The function that reads a file, a folder or the first file of a pattern, by what is in it:
 * FROM 'x'. *out NULL: none of ours does. PERMISSION; NOT_FOUND 58030 where nothing is there and
 * the name says that it was meant for us. */
PYR_MUST_CHECK pyr_status pyr_table_function_of_file(const char *path, const pyr_file_access *files,
                                                     const pyr_table_function **out,
                                                     pyr_error *error);
/* Whether the path is one of another machine: "s3://...". */
bool pyr_path_is_remote(const char *path);
/* Whether the name alone says that it is for us, so that a file that is not there is our error. */
bool pyr_path_is_ours(const char *path);
/* What a file's columns are qualified with: its name without folders and suffix; malloc'ed. */
char *pyr_file_table_name(const char *path);

#endif
