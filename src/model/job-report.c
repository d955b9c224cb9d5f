/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each outcome is called and what follows from it: one row each. The sentences say "repair" only where
 * upstream's do; everything else fits a scrub as well.
 */
#include "src/model/job-report.h"

static const char *const outcome_names[] = {
        [OUTCOME_DONE] = "done",
        [OUTCOME_NOT_NEEDED] = "not-needed",
        [OUTCOME_UNVERIFIED] = "unverified",
        [OUTCOME_CONTENT_LOST] = "content-lost",
        [OUTCOME_CROSS_REFERENCE] = "cross-reference",
        [OUTCOME_STILL_CORRUPT] = "still-corrupt",
        [OUTCOME_INCOMPLETE] = "incomplete",
        [OUTCOME_FOUND_CORRUPTION] = "found-corruption",
        [OUTCOME_GONE] = "gone",
        [OUTCOME_READ_ONLY] = "read-only",
        [OUTCOME_SHUT_DOWN] = "shut-down",
        [OUTCOME_BUSY] = "busy",
        [OUTCOME_NO_MEMORY] = "no-memory",
        [OUTCOME_NOT_SUPPORTED] = "not-supported",
        [OUTCOME_NO_PERMISSION] = "no-permission",
        [OUTCOME_CANNOT_REOPEN] = "cannot-reopen",
        [OUTCOME_WRONG_FILESYSTEM] = "wrong-filesystem",
        [OUTCOME_REFUSED_HARMFUL] = "refused-harmful",
        [OUTCOME_REFUSED_UNFINISHED] = "refused-unfinished",
        [OUTCOME_REFUSED] = "refused",
        [OUTCOME_UNMOUNTED] = "unmounted",
        [OUTCOME_TIMED_OUT] = "timed-out",
        [OUTCOME_STUCK] = "stuck",
        [OUTCOME_CRASHED] = "crashed",
        [OUTCOME_CANCELLED] = "cancelled",
        [OUTCOME_WORKER_LOST] = "worker-lost",
        [OUTCOME_FAILED] = "failed",
};
_Static_assert(ELEMENTSOF(outcome_names) == N_OUTCOMES, "every outcome has a word");
DEFINE_NAMES(outcome, Outcome)

typedef enum OutcomeTrait {
        TRAIT_SUCCESS = 1 << 0,
        TRAIT_RETRY = 1 << 1,
        TRAIT_OFFLINE = 1 << 2,
        TRAIT_DEPENDS = 1 << 3,
        TRAIT_UNREACHED = 1 << 4,
        TRAIT_CHANGED = 1 << 5,
} OutcomeTrait;

static const struct {
        unsigned traits;
        const char *sentence;
} outcomes[] = {
        [OUTCOME_DONE] = { TRAIT_SUCCESS | TRAIT_CHANGED, "Repairs successful." },
        [OUTCOME_NOT_NEEDED] = { TRAIT_SUCCESS, "No modification needed." },
        /* The kernel said that it repaired; what is missing shows in JobReport.was_verified. */
        [OUTCOME_UNVERIFIED] =
                { TRAIT_SUCCESS | TRAIT_RETRY | TRAIT_CHANGED,
                  "Repairs successful, but they could not be checked again." },
        [OUTCOME_CONTENT_LOST] =
                { TRAIT_SUCCESS | TRAIT_CHANGED, "Repairs successful, but what it held is lost." },
        [OUTCOME_CROSS_REFERENCE] =
                { TRAIT_DEPENDS, "Seems correct but cross-referencing failed; offline repair recommended." },
        [OUTCOME_STILL_CORRUPT] =
                { TRAIT_OFFLINE | TRAIT_DEPENDS, "Repair unsuccessful; offline repair required." },
        [OUTCOME_INCOMPLETE] =
                { TRAIT_RETRY | TRAIT_DEPENDS,
                  "Could not be completed; another sick structure may be the reason." },
        [OUTCOME_FOUND_CORRUPTION] = { 0, "Damage found." },
        [OUTCOME_GONE] = { TRAIT_UNREACHED, "Not done: it does not exist any more." },
        [OUTCOME_READ_ONLY] = { 0, "Not done: mounted read-only." },
        [OUTCOME_SHUT_DOWN] = { 0, "Not done: the file system is shut down." },
        [OUTCOME_BUSY] = { TRAIT_RETRY, "Not done: busy." },
        [OUTCOME_NO_MEMORY] = { TRAIT_RETRY, "Not done: not enough memory." },
        [OUTCOME_NOT_SUPPORTED] = { 0, "Not done: this kernel or file system cannot do it online." },
        [OUTCOME_NO_PERMISSION] = { 0, "Not done: permission denied." },
        [OUTCOME_CANNOT_REOPEN] = { TRAIT_RETRY, "Not done: no mount of the file system could be opened." },
        [OUTCOME_WRONG_FILESYSTEM] = { 0, "Not done: another file system is mounted there now." },
        [OUTCOME_REFUSED_HARMFUL] =
                { TRAIT_OFFLINE | TRAIT_UNREACHED, "Refused: it would crash this kernel; offline repair required." },
        [OUTCOME_REFUSED_UNFINISHED] = { 0, "Refused: the same repair never ended before." },
        [OUTCOME_REFUSED] = { 0, "Refused." },
        [OUTCOME_UNMOUNTED] = { 0, "Ended: the file system was unmounted." },
        [OUTCOME_TIMED_OUT] = { 0, "Ended at its deadline." },
        [OUTCOME_STUCK] = { 0, "Hangs in the kernel and cannot be ended." },
        [OUTCOME_CRASHED] =
                { TRAIT_OFFLINE, "The kernel crashed meanwhile; restart and repair offline." },
        [OUTCOME_CANCELLED] = { 0, "Cancelled." },
        [OUTCOME_WORKER_LOST] = { TRAIT_RETRY, "The worker went away; whether the job ended is not known." },
        [OUTCOME_FAILED] = { TRAIT_DEPENDS, "Failed." },
};
_Static_assert(ELEMENTSOF(outcomes) == N_OUTCOMES, "every outcome has a row");

static bool outcome_has(Outcome outcome, OutcomeTrait trait) {
        return (size_t) outcome < ELEMENTSOF(outcomes) && (outcomes[outcome].traits & (unsigned) trait) != 0;
}

bool outcome_is_success(Outcome outcome) {
        return outcome_has(outcome, TRAIT_SUCCESS);
}

bool outcome_may_retry(Outcome outcome) {
        return outcome_has(outcome, TRAIT_RETRY);
}

bool outcome_has_changed(Outcome outcome) {
        return outcome_has(outcome, TRAIT_CHANGED);
}

bool outcome_may_depend(Outcome outcome) {
        return outcome_has(outcome, TRAIT_DEPENDS);
}

bool outcome_may_be_unreached(Outcome outcome) {
        return outcome_has(outcome, TRAIT_UNREACHED);
}

bool outcome_needs_offline_repair(Outcome outcome) {
        return outcome_has(outcome, TRAIT_OFFLINE);
}

const char *outcome_to_sentence(Outcome outcome) {
        return (size_t) outcome < ELEMENTSOF(outcomes) ? outcomes[outcome].sentence : "Unknown outcome.";
}

/* Of those that are done, and of those that have done their work and found something. */
static const struct {
        const char *done, *found;
} sentences_of_actions[N_ACTION_KINDS] = {
        [ACTION_SURVEY] = { "Survey done.", NULL },
        [ACTION_SCRUB] = { "Full scan done, nothing is damaged.", NULL },
        [ACTION_VERIFY_MEDIA] = { "Everything could be read.", "Not everything could be read." },
        [ACTION_FAIL_WORKLOAD] = { "Who used it was ended.", NULL },
        [ACTION_FREEZE] = { "Who used it was frozen.", NULL },
        [ACTION_SHUTDOWN] = { "Shut down.", NULL },
        [ACTION_RECYCLE] = { "Mounted again, and who used it runs again.", NULL },
        [ACTION_START_UNIT] = { "Unit ended well.", NULL },
};

const char *outcome_to_sentence_of(Outcome outcome, ActionKind action) {
        const char *sentence = NULL;

        if ((size_t) action < N_ACTION_KINDS && outcome == OUTCOME_DONE)
                sentence = sentences_of_actions[action].done;
        else if ((size_t) action < N_ACTION_KINDS && outcome == OUTCOME_FOUND_CORRUPTION)
                sentence = sentences_of_actions[action].found;
        return sentence ? sentence : outcome_to_sentence(outcome);
}
