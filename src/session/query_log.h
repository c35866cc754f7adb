/* query_log.h - the last statements of a database with their ledgers, for pyralog.queries. Kept in
 * memory; thread-safe; its lock is a leaf.
 */
#ifndef PYR_SESSION_QUERY_LOG_H
#define PYR_SESSION_QUERY_LOG_H

#include "base/ledger.h"

#define PYR_QUERY_LOG_ENTRIES 1000
#define PYR_QUERY_LOG_SQL_BYTES                                       \
    4096 /* of each text; longer ones are cut at a character's border \
          */

typedef struct pyr_query_log pyr_query_log;

PYR_MUST_CHECK pyr_status pyr_query_log_create(pyr_query_log **out, pyr_error *error);
void pyr_query_log_destroy(pyr_query_log *log); /* NULL allowed */

/* Notes a statement that begins; the oldest one is forgotten for it. ledger is looked at until
 * pyr_query_log_detach. user NULL: nobody was named. Gives its id, 0 where memory is out: a
 * statement does not fail for its log, and the calls below take 0. */
uint64_t pyr_query_log_begin(pyr_query_log *log, const char *sql, size_t length, const char *user,
                             const pyr_query_ledger *ledger);
/* The statement has ended so; a later call changes nothing. */
void pyr_query_log_end(pyr_query_log *log, uint64_t id, pyr_status outcome);
/* Keeps the ledger's figures as they are now; ledger may go. */
void pyr_query_log_detach(pyr_query_log *log, uint64_t id);

/* It was no statement of its own after all. */
void pyr_query_log_forget(pyr_query_log *log, uint64_t id);

typedef struct pyr_query_log_entry {
    uint64_t id;
    const char *sql;
    const char *user;   /* or NULL */
    const char *state;  /* "running", "finished", "failed", "cancelled" */
    int64_t started_us; /* since 1970-01-01 UTC */
    pyr_ledger_report report;
} pyr_query_log_entry;
/* Every statement, the oldest first. The log is locked meanwhile: visit must not run statements. */
PYR_MUST_CHECK pyr_status pyr_query_log_visit(pyr_query_log *log,
                                              pyr_status (*visit)(void *context,
                                                                  const pyr_query_log_entry *entry,
                                                                  pyr_error *error),
                                              void *context, pyr_error *error);

#endif
