/* cache.h - models that are open: each is mapped once in a process, however many ask for it, and
 * together they keep no more pages in memory than they may.
 *
 * A mapping's pages come by reading and, left alone, stay. Above the budget pages of models go back
 * to the system, those of the model that was opened longest ago first, until three quarters of the
 * budget are left: dropped from this process (madvise) and offered to the page cache
 * (posix_fadvise). Whoever reads them then gets them from the file again. Nobody waits for it and
 * nobody's pointer becomes invalid. Pinned models stay.
 *
 * A file that cannot be mapped, such as one of a network file system, was read into memory: such a
 * model is not kept open for others, its bytes are no pages of the budget, and it cannot be pinned.
 *
 * What it costs: a look at the process's resident file pages (one read of a small file) when a
 * model is opened and every PYR_MODEL_CACHE_LOOK_MS by a thread of its own, which is there while
 * there is a budget; only where that is above the budget the mappings themselves are measured.
 *
 * Threads: any number. Lock order: the cache's lock is a leaf but for the system's calls.
 */
#ifndef PYR_MODELS_CACHE_H
#define PYR_MODELS_CACHE_H

#include "models/model_file.h"

#define PYR_MODEL_CACHE_LOOK_MS 20
/* So many are kept open; of more, the one that was opened longest ago is forgotten (whoever has it
 * keeps it, but its pages are not counted any more). Pinned ones are not. */
#define PYR_MODEL_CACHE_MAX 1024
/* Memory of what is kept of their headers, some megabytes for the largest models that there are. A
 * header that does not find room, with no other one there, is its opener's alone. */
#define PYR_MODEL_CACHE_HEADERS_BYTES ((size_t)256 << 20)

typedef struct pyr_model_cache pyr_model_cache;
PYR_MUST_CHECK pyr_status pyr_model_cache_create(pyr_model_cache **out, pyr_error *error);
/* What was opened outlives it. Unpins all. NULL allowed. */
void pyr_model_cache_destroy(pyr_model_cache *cache);
/* Bytes of pages that open models keep; 0: as many as come. Of the whole process: the last one who
 * sets it counts. PYR_ERROR_LIMIT with the figures where pinned models are above it. */
PYR_MUST_CHECK pyr_status pyr_model_cache_set_budget(pyr_model_cache *cache, size_t budget_bytes,
                                                     pyr_error *error);

/* Opens what path names as pyr_model_open does, or gives what is open and has the same files: the
 * caller releases *out. budget (NULL allowed): of a header that is too large to be kept. */
PYR_MUST_CHECK pyr_status pyr_model_cache_open(pyr_model_cache *cache, const char *path,
                                               const pyr_model_access *access, pyr_budget *budget,
                                               pyr_safetensors **out, pyr_error *error);

typedef struct pyr_model_pinned {
    int64_t size_bytes; /* of the model: in memory now */
    bool locked;        /* the system may not take them (mlock); else they were only brought */
} pyr_model_pinned;
/* Brings every page into memory and keeps it until unpin, the cache's end, or its files change:
 * whoever opens it then gets the new ones, which nobody has pinned. Again: nothing more.
 * PYR_ERROR_LIMIT 53200 with the figures above the budget (without one: above half of the
 * machine's memory); NOT_SUPPORTED 0A000 for files that were read instead of mapped; BUSY 55006
 * where others opened or changed it meanwhile. CANCELLED. */
PYR_MUST_CHECK pyr_status pyr_model_cache_pin(pyr_model_cache *cache, const char *path,
                                              pyr_cancel_flag *cancel, pyr_model_pinned *out,
                                              pyr_error *error);
/* Whether it was pinned; path: the canonical one of its first file. */
bool pyr_model_cache_unpin(pyr_model_cache *cache, const char *path);

/* How much of what is open is in memory now: measured. */
typedef struct pyr_model_cache_figures {
    size_t open_count, pinned_count;
    int64_t mapped_bytes, resident_bytes, pinned_bytes, budget_bytes;
} pyr_model_cache_figures;
void pyr_model_cache_measure(pyr_model_cache *cache, pyr_model_cache_figures *out);
/* Looks now, as the thread does. */
void pyr_model_cache_trim(pyr_model_cache *cache);

#endif
