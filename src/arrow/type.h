/* type.h - Arrow types, fields and schemas: immutable, reference-counted trees.
 *
 * A field carries name, type and children; where only a type is meant (an array's type) the name is
 * ignored. Fields and schemas may be shared between threads once built.
 * Source of the type rules: Arrow Columnar Format 1.5, "Data Types" and Schema.fbs.
 */
#ifndef PYR_ARROW_TYPE_H
#define PYR_ARROW_TYPE_H

#include "base/error.h"

#include <stdatomic.h>

#define PYR_TYPE_DEPTH_MAX 64      /* nesting of types, schema root not counted */
#define PYR_TYPE_FIELDS_MAX 100000 /* fields of one schema, all levels together */

typedef enum pyr_type_id {
    PYR_TYPE_NULL,
    PYR_TYPE_BOOL,
    PYR_TYPE_INT8,
    PYR_TYPE_INT16,
    PYR_TYPE_INT32,
    PYR_TYPE_INT64,
    PYR_TYPE_UINT8,
    PYR_TYPE_UINT16,
    PYR_TYPE_UINT32,
    PYR_TYPE_UINT64,
    PYR_TYPE_FLOAT16,
    PYR_TYPE_FLOAT32,
    PYR_TYPE_FLOAT64,
    PYR_TYPE_UTF8,
    PYR_TYPE_LARGE_UTF8,
    PYR_TYPE_UTF8_VIEW,
    PYR_TYPE_BINARY,
    PYR_TYPE_LARGE_BINARY,
    PYR_TYPE_BINARY_VIEW,
    PYR_TYPE_FIXED_SIZE_BINARY, /* byte_width */
    PYR_TYPE_DATE32,            /* days */
    PYR_TYPE_DATE64,            /* milliseconds */
    PYR_TYPE_TIME32,            /* unit: s, ms */
    PYR_TYPE_TIME64,            /* unit: us, ns */
    PYR_TYPE_TIMESTAMP,         /* unit, timezone */
    PYR_TYPE_DURATION,          /* unit */
    PYR_TYPE_INTERVAL_YEAR_MONTH,
    PYR_TYPE_INTERVAL_DAY_TIME,
    PYR_TYPE_INTERVAL_MONTH_DAY_NANO,
    PYR_TYPE_DECIMAL32, /* precision, scale */
    PYR_TYPE_DECIMAL64,
    PYR_TYPE_DECIMAL128,
    PYR_TYPE_DECIMAL256,
    PYR_TYPE_LIST, /* one child */
    PYR_TYPE_LARGE_LIST,
    PYR_TYPE_LIST_VIEW,
    PYR_TYPE_LARGE_LIST_VIEW,
    PYR_TYPE_FIXED_SIZE_LIST, /* list_size, one child */
    PYR_TYPE_STRUCT,
    PYR_TYPE_MAP,          /* one child: struct<key, value>; keys_sorted */
    PYR_TYPE_SPARSE_UNION, /* type_codes: one per child */
    PYR_TYPE_DENSE_UNION,
    PYR_TYPE_DICTIONARY,      /* index_type, dictionary (the value field), ordered */
    PYR_TYPE_RUN_END_ENCODED, /* two children: run_ends (int16/32/64), values */
    PYR_TYPES_COUNT
} pyr_type_id;

typedef enum pyr_time_unit {
    PYR_UNIT_SECOND,
    PYR_UNIT_MILLISECOND,
    PYR_UNIT_MICROSECOND,
    PYR_UNIT_NANOSECOND
} pyr_time_unit;

/* Key-value pairs; lengths because the C Data Interface allows NULs in them. NULL where empty. */
typedef struct pyr_metadata pyr_metadata;
PYR_MUST_CHECK pyr_status pyr_metadata_create(pyr_metadata **out, pyr_error *error);
/* Only before it is shared. A key may stand twice, as in Arrow. */
PYR_MUST_CHECK pyr_status pyr_metadata_add(pyr_metadata *metadata, const char *key,
                                           size_t key_length, const char *value,
                                           size_t value_length, pyr_error *error);
pyr_metadata *pyr_metadata_retain(pyr_metadata *metadata); /* NULL allowed */
void pyr_metadata_release(pyr_metadata *metadata);         /* NULL allowed */
size_t pyr_metadata_count(const pyr_metadata *metadata);   /* NULL: 0 */
void pyr_metadata_get(const pyr_metadata *metadata, size_t index, const char **key,
                      size_t *key_length, const char **value, size_t *value_length);
/* The first value of a key, NUL-terminated, or NULL. value_length may be NULL. */
const char *pyr_metadata_find(const pyr_metadata *metadata, const char *key, size_t *value_length);
bool pyr_metadata_equal(const pyr_metadata *a, const pyr_metadata *b); /* order matters */

typedef struct pyr_field pyr_field;
struct pyr_field {
    atomic_size_t references;
    char *name; /* never NULL */
    pyr_type_id type;
    bool nullable;
    pyr_time_unit unit;
    char *timezone; /* NULL where none; only TIMESTAMP */
    int32_t precision, scale;
    int32_t byte_width;      /* FIXED_SIZE_BINARY */
    int32_t list_size;       /* FIXED_SIZE_LIST */
    bool keys_sorted;        /* MAP */
    int8_t *type_codes;      /* unions: children_count of them, distinct, 0..127 */
    pyr_type_id index_type;  /* DICTIONARY: an integer type */
    bool dictionary_ordered; /* DICTIONARY */
    pyr_field *dictionary;   /* DICTIONARY: the values' field, retained */
    int32_t children_count;
    pyr_field **children;   /* retained */
    pyr_metadata *metadata; /* may be NULL */
};

/* A nullable field of a type without parameters. name is copied. */
PYR_MUST_CHECK pyr_status pyr_field_create(const char *name, pyr_type_id type, pyr_field **out,
                                           pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_field_create_decimal(const char *name, pyr_type_id type,
                                                   int32_t precision, int32_t scale,
                                                   pyr_field **out, pyr_error *error);
/* TIME32, TIME64, TIMESTAMP, DURATION. timezone NULL for none. */
PYR_MUST_CHECK pyr_status pyr_field_create_time(const char *name, pyr_type_id type,
                                                pyr_time_unit unit, const char *timezone,
                                                pyr_field **out, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_field_create_fixed_size_binary(const char *name, int32_t byte_width,
                                                             pyr_field **out, pyr_error *error);
/* LIST kinds, STRUCT, MAP (child: a struct of two), RUN_END_ENCODED. Retains the children.
 * parameter: list_size or keys_sorted, else 0. */
PYR_MUST_CHECK pyr_status pyr_field_create_nested(const char *name, pyr_type_id type,
                                                  int32_t parameter, pyr_field *const *children,
                                                  int32_t children_count, pyr_field **out,
                                                  pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_field_create_union(const char *name, pyr_type_id type,
                                                 const int8_t *type_codes,
                                                 pyr_field *const *children, int32_t children_count,
                                                 pyr_field **out, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_field_create_dictionary(const char *name, pyr_type_id index_type,
                                                      bool ordered, pyr_field *values,
                                                      pyr_field **out, pyr_error *error);
/* A copy that shares children, with what differs. name NULL: keeps; metadata is replaced as given.
 */
PYR_MUST_CHECK pyr_status pyr_field_with(const pyr_field *field, const char *name, bool nullable,
                                         pyr_metadata *metadata, pyr_field **out, pyr_error *error);
pyr_field *pyr_field_retain(pyr_field *field); /* NULL allowed */
void pyr_field_release(pyr_field *field);      /* NULL allowed */

/* Parameters in range (precision within the width, unit fits the type, children counts, type codes
 * distinct, depth). PYR_ERROR_CORRUPT with the field's name, PYR_ERROR_LIMIT for the depth. */
PYR_MUST_CHECK pyr_status pyr_field_validate(const pyr_field *field, pyr_error *error);
/* Same type all the way down; names of the children of structs and unions and nullability of all
 * children count. The top's own name and nullability, metadata, and the names of list items, map
 * entries, keys, values and run ends ("item", "element", "l": producers differ) do not. */
bool pyr_field_type_equal(const pyr_field *a, const pyr_field *b);
/* Everything, metadata too. */
bool pyr_field_equal(const pyr_field *a, const pyr_field *b);
/* As a reader writes it: "int64", "timestamp[us, UTC]", "list<item: utf8>", "decimal128(10, 2)". */
struct pyr_text;
void pyr_field_type_print(const pyr_field *field, struct pyr_text *text);

typedef struct pyr_schema {
    atomic_size_t references;
    int32_t fields_count;
    pyr_field **fields; /* retained */
    pyr_metadata *metadata;
} pyr_schema;

/* Retains the fields and the metadata (NULL allowed). */
PYR_MUST_CHECK pyr_status pyr_schema_create(pyr_field *const *fields, int32_t fields_count,
                                            pyr_metadata *metadata, pyr_schema **out,
                                            pyr_error *error);
pyr_schema *pyr_schema_retain(pyr_schema *schema); /* NULL allowed */
void pyr_schema_release(pyr_schema *schema);       /* NULL allowed */
bool pyr_schema_equal(const pyr_schema *a, const pyr_schema *b);
/* Index of the first field of that name, or -1; ignore_case compares ASCII letters without case. */
int32_t pyr_schema_find(const pyr_schema *schema, const char *name, bool ignore_case);
/* The columns named by indices (in range: the caller checked). */
PYR_MUST_CHECK pyr_status pyr_schema_project(const pyr_schema *schema, const int32_t *indices,
                                             int32_t count, pyr_schema **out, pyr_error *error);

/* Facts about types. */
const char *pyr_type_name(pyr_type_id type);        /* "int64"; static */
int32_t pyr_type_bit_width(const pyr_field *field); /* fixed-width types; 0 for all others */
bool pyr_type_is_integer(pyr_type_id type);
bool pyr_type_is_signed(pyr_type_id type);
/* What stands at each place of an array's buffers ("Columnar Format", "Buffer Listing for Each
 * Layout"), validity first where the layout has one. */
typedef enum pyr_buffer_kind {
    PYR_BUFFER_VALIDITY,
    PYR_BUFFER_DATA,           /* fixed-width values, bits for BOOL */
    PYR_BUFFER_OFFSETS32,      /* length + 1 */
    PYR_BUFFER_OFFSETS64,      /* length + 1 */
    PYR_BUFFER_BYTES,          /* what the offsets point into */
    PYR_BUFFER_TYPE_CODES,     /* unions, int8 */
    PYR_BUFFER_UNION_OFFSETS,  /* dense unions, int32 */
    PYR_BUFFER_VIEWS,          /* 16 bytes each; any number of BYTES buffers follow */
    PYR_BUFFER_LIST_OFFSETS32, /* list views: length of them */
    PYR_BUFFER_LIST_OFFSETS64,
    PYR_BUFFER_SIZES32,
    PYR_BUFFER_SIZES64
} pyr_buffer_kind;
typedef struct pyr_layout {
    int32_t buffers_count; /* fixed ones, without the variadic buffers of views */
    pyr_buffer_kind buffers[3];
    bool variadic;
} pyr_layout;
pyr_layout pyr_type_layout(pyr_type_id type);

#endif
