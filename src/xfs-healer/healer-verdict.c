/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The values of the property, the ends of the program and the outcomes of repairs, one row each.
 */

#include "src/xfs-healer/healer-verdict.h"

#include "src/basic/macro.h"

/* ExecCondition=: 1 to 254 skip a unit, 255 lets it fail. Source: systemd.service(5). */
#define EXIT_SKIP 1
#define EXIT_TROUBLE 255

/* What the kernel could not do for want of something is tried so often at most. */
#define TRIES_MAX 5
#define RETRY_FIRST_USEC USEC_PER_SEC
#define RETRY_LAST_USEC USEC_PER_MINUTE

static const HealerVerdict disabled = { HEALER_DISABLED, "Disabling daemon per autofsck directive." };
static const HealerVerdict reporting = { HEALER_REPORTS, "Only logging errors per autofsck directive." };
static const HealerVerdict repairing = { HEALER_REPAIRS, "Automatically repairing per autofsck directive." };

static HealerVerdict judge_property(const FilesystemFacts *facts) {
        /* What cannot be read, or holds another word, is as good as not set. */
        Autofsck autofsck = facts->autofsck_state == FACT_KNOWN ? facts->autofsck : AUTOFSCK_UNSET;

        switch (autofsck) {
        case AUTOFSCK_NONE:
                return disabled;
        case AUTOFSCK_CHECK:
        case AUTOFSCK_OPTIMIZE:
                return reporting;
        case AUTOFSCK_REPAIR:
                return repairing;
        case AUTOFSCK_UNSET:
                break;
        }

        /* Without back references there is little to be told. */
        return facts->has_rmapbt || facts->has_parent_pointers ? reporting : disabled;
}

HealerVerdict healer_judge(const HealerOptions *options, const FilesystemFacts *facts) {
        HealerVerdict verdict;

        if (options->repairs)
                return (HealerVerdict) { HEALER_REPAIRS, NULL };
        if (options->ignores_autofsck)
                return (HealerVerdict) { HEALER_REPORTS, NULL };

        verdict = judge_property(facts);
        if (verdict.mode == HEALER_REPORTS && options->is_quiet)
                verdict.sentence = NULL;
        return verdict;
}

int healer_exit_status(HealerTask task, HealerEnd end, bool is_asked_by_unit) {
        if (end == HEALER_WELL)
                return 0;
        if (task != HEALER_SAY_SUPPORTED || end == HEALER_UNSUPPORTED)
                return EXIT_SKIP;
        return is_asked_by_unit && end != HEALER_FAILED ? EXIT_SKIP : EXIT_TROUBLE;
}

bool healer_outcome_wants_scan(Outcome outcome) {
        return outcome == OUTCOME_STILL_CORRUPT || outcome == OUTCOME_INCOMPLETE || outcome == OUTCOME_FAILED;
}

uint64_t healer_retry_usec(Outcome outcome, unsigned n_tries) {
        uint64_t pause_usec = RETRY_FIRST_USEC;

        if (!outcome_may_retry(outcome))
                return USEC_INFINITY;
        /* A mount comes back when it comes back. */
        if (n_tries >= TRIES_MAX && outcome != OUTCOME_CANNOT_REOPEN)
                return USEC_INFINITY;

        for (unsigned i = 1; i < n_tries && pause_usec < RETRY_LAST_USEC; i++)
                pause_usec *= 2;
        return min_of(pause_usec, RETRY_LAST_USEC);
}
