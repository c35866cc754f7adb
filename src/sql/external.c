/* external.c - ALTER EXTERNAL TABLE; CREATE and DROP stand with those of tables in create.c. */
#include "sql/sql_internal.h"

pyr_status pyr_parse_alter_external(pyr_parser *parser, pyr_parsed *out) {
    out->kind = PYR_PARSED_REFRESH_EXTERNAL_TABLE;
    out->external = true;
    PYR_TRY(pyr_parser_expect(parser, "EXTERNAL"));
    PYR_TRY(pyr_parser_expect(parser, "TABLE"));
    PYR_TRY(pyr_parser_qualified_name(parser, &out->table));
    return pyr_parser_expect(parser, "REFRESH");
}
