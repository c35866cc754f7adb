/* interrupts.h - Ctrl-C. SIGINT is blocked in every thread and taken by one thread of ours with
 * sigwait, so that cancelling may take locks and no system call is interrupted unless an action
 * does it.
 *
 * While work runs, an interrupt cancels it: the action is called at once and again every 50 ms
 * until the work has ended (a cancel that came before the statement had begun is not lost). When
 * nothing runs, a program that is not interactive leaves with 130, the interactive shell goes on
 * (its line editor reads Ctrl-C as a key). A second interrupt ends a program that is not
 * interactive at once.
 */
#ifndef PYR_CLI_INTERRUPTS_H
#define PYR_CLI_INTERRUPTS_H

#include "base/error.h"

typedef struct pyr_interrupts pyr_interrupts;

/* Blocks SIGINT in the calling thread: call it before any other thread is made. */
PYR_MUST_CHECK pyr_status pyr_interrupts_create(bool interactive, pyr_interrupts **out,
                                                pyr_error *error);
void pyr_interrupts_destroy(pyr_interrupts *self); /* NULL allowed */

/* Work begins. action is called from another thread, never after pyr_interrupts_end. NULL:
 * nothing. */
void pyr_interrupts_begin(pyr_interrupts *self, void (*action)(void *context), void *context);
/* true when it was interrupted. */
bool pyr_interrupts_end(pyr_interrupts *self);

#endif
