/* encoder_internal.h - the encoder's state, shared by encoder.c and dictionaries_write.c. */
#ifndef PYR_ARROW_IPC_ENCODER_INTERNAL_H
#define PYR_ARROW_IPC_ENCODER_INTERNAL_H

#include "arrow/ipc/ipc_internal.h"

/* By ordinal (the dictionary's id). */
typedef struct pyr_ipc_sent {
    const pyr_field *field; /* borrowed from the schema */
    int32_t end;            /* the first ordinal not nested in this one */
    pyr_array *array;       /* what the reader has, NULL before the first message */
    pyr_array *wanted;      /* of the batch at hand; retained */
    bool replaced;          /* for the batch at hand: the reader's array was thrown away */
} pyr_ipc_sent;

struct pyr_ipc_encoder {
    pyr_schema *schema;
    pyr_ipc_write_options options;
    pyr_ipc_codec codec;
    pyr_ipc_sent *sent;
    int32_t sent_count;
    pyr_batch *batch; /* whose dictionaries are being sent, retained; NULL: none */
    int32_t next;     /* ordinals from here on are done for that batch */
};

pyr_ipc_body pyr_ipc_encoder_body(pyr_ipc_encoder *encoder, pyr_query_ledger *ledger);
typedef struct pyr_ipc_dictionary_header {
    int64_t id;
    bool is_delta;
} pyr_ipc_dictionary_header;
/* Closes body and writes the message around it; the spans move to *out. */
PYR_MUST_CHECK pyr_status pyr_ipc_encoder_finish(pyr_ipc_body *body, pyr_ipc_message_type type,
                                                 int64_t rows,
                                                 const pyr_ipc_dictionary_header *dictionary,
                                                 const pyr_metadata *metadata, pyr_ipc_message *out,
                                                 pyr_error *error);

/* dictionaries_write.c */
PYR_MUST_CHECK pyr_status pyr_ipc_sent_create(pyr_ipc_encoder *encoder, pyr_error *error);
void pyr_ipc_sent_destroy(pyr_ipc_encoder *encoder);
void pyr_ipc_sent_forget_batch(pyr_ipc_encoder *encoder);

#endif
