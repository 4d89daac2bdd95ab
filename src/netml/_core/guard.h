/* Reading mapped files that may shrink: a SIGBUS inside `netml_run_guarded` ends that call instead of the process.
 *
 * The handler is in place only while somebody reads a mapping; a SIGBUS that is not ours goes to whoever was there before.
 * What the guarded function has written through pointers stays as it was at the fault; nothing of it is undone.
 */
#ifndef NETML_GUARD_H
#define NETML_GUARD_H
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>

enum { NETML_BUS = -1 };

static __thread sigjmp_buf *netml_guard = NULL;
static struct sigaction netml_previous_action;
static int netml_n_guarded = 0; /* readers; changed with the GIL held */

static void netml_on_bus_error(int number, siginfo_t *details, void *context) {
    (void)number;
    (void)details;
    (void)context;
    if (netml_guard != NULL) siglongjmp(*netml_guard, 1);
    /* Not ours: back to the previous action; the instruction that failed does so once more. */
    sigaction(SIGBUS, &netml_previous_action, NULL);
}

static inline void netml_begin_guard(void) {
    struct sigaction action;
    if (netml_n_guarded++ > 0) return;
    action.sa_sigaction = netml_on_bus_error;
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK; /* NODEFER: the signal mask need not be saved */
    sigaction(SIGBUS, &action, &netml_previous_action);
}

static inline void netml_end_guard(void) {
    if (--netml_n_guarded == 0) sigaction(SIGBUS, &netml_previous_action, NULL);
}

static inline int netml_run_guarded(int (*run)(void *), void *request) {
    sigjmp_buf here;
    int status = NETML_BUS;
    netml_guard = &here;
    if (sigsetjmp(here, 0) == 0) status = run(request);
    netml_guard = NULL;
    return status;
}
#endif
