/* eval_text.c - functions of text. */
#include "exec/eval_internal.h"

/* Lengths: of Arrow's offsets without a look at the bytes. */
static pyr_status run_length(pyr_eval *eval, pyr_eval_node *node, pyr_eval_rows *rows,
                             pyr_error *error) {
    bool done = false;
    PYR_TRY(pyr_eval_arguments(eval, node, rows, &done, error));
    if (done) {
        return PYR_OK;
    }
    const pyr_vector *v = pyr_eval_argument(node, 0);
    bool bytes = node->expression->op == PYR_OP_STRLEN;
    int64_t *out = node->buffer.data;
    const uint64_t *validity = v->constant ? NULL : v->validity;
    if (bytes && v->offsets != NULL) {
        const int32_t *offsets = v->offsets;
        for (int32_t i = 0; i < rows->rows; ++i) {
            out[i] = offsets[i + 1] - offsets[i];
        }
    } else {
        const uint16_t *list = NULL;
        int32_t count = v->constant ? 1 : pyr_eval_pick(eval, rows, validity, &list);
        for (int32_t k = 0; k < count; ++k) {
            int32_t row = list != NULL ? list[k] : k;
            pyr_string s = pyr_vector_string(v, row);
            out[row] =
                bytes ? (int64_t)s.length : eval->kernels->utf8_length(s.bytes, (int64_t)s.length);
        }
    }
    pyr_eval_set_out(node, v->constant, validity);
    return PYR_OK;
}

pyr_status pyr_eval_choose_text(pyr_eval *eval, pyr_eval_node *node, pyr_error *error) {
    (void)eval;
    pyr_op op = node->expression->op;
    if ((op == PYR_OP_STRLEN || op == PYR_OP_LENGTH) &&
        node->arguments[0]->physical == PYR_PHYSICAL_STRING && node->physical == PYR_PHYSICAL_I64) {
        node->run = run_length;
        return PYR_OK;
    }
    return pyr_eval_not_supported(node, "that function of text", error);
}

pyr_status pyr_eval_choose_regexp(pyr_eval *eval, pyr_eval_node *node, pyr_error *error) {
    (void)eval;
    return pyr_eval_not_supported(node, "a regular expression", error);
}
