/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line of healerctl: one table of verbs, one of options, and what they say together. Pure:
 * prints nothing, ends nothing; what is wrong comes back as a sentence.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/model/workload-scope.h"

typedef enum CtlVerbId {
        CTL_VERB_STATUS,
        CTL_VERB_SHOW,
        CTL_VERB_MONITOR,
        CTL_VERB_EVENTS,
        CTL_VERB_HISTORY,
        CTL_VERB_EXPLAIN,
        CTL_VERB_JOBS,
        CTL_VERB_CANCEL,
        CTL_VERB_METRICS,
        CTL_VERB_REPAIR,
        CTL_VERB_SCRUB,
        CTL_VERB_VERIFY,
        CTL_VERB_USERS,
        CTL_VERB_FAIL_WORKLOADS,
        CTL_VERB_FREEZE_WORKLOADS,
        CTL_VERB_SHUTDOWN,
        CTL_VERB_ACKNOWLEDGE,
        CTL_VERB_AUTOFSCK_GET,
        CTL_VERB_AUTOFSCK_SET,
        CTL_VERB_HOLDS,
        CTL_VERB_UNHOLD,
        CTL_VERB_INHIBIT,
        CTL_VERB_POLICY_CHECK,
        CTL_VERB_POLICY_SHOW,
        CTL_VERB_POLICY_EXPLAIN,
        CTL_VERB_POLICY_SIMULATE,
        CTL_VERB_POLICY_SCHEMA,
        CTL_VERB_RELOAD,
        CTL_VERB_PAUSE,
        CTL_VERB_RESUME,
        CTL_VERB_SILENCE,
        CTL_VERB_SILENCES,
        CTL_VERB_UNSILENCE,
        CTL_VERB_TEST_EVENT,
        CTL_VERB_TAKEOVER,
        CTL_VERB_RELEASE,
        CTL_VERB_HELP,
        CTL_VERB_VERSION,
} CtlVerbId;

/* One bit for each option. */
typedef uint64_t CtlOptionId;
#define CTL_OPTION_JSON (UINT64_C(1) << 0)
#define CTL_OPTION_NO_LEGEND (UINT64_C(1) << 1)
#define CTL_OPTION_DOMAIN (UINT64_C(1) << 2)
#define CTL_OPTION_GROUP (UINT64_C(1) << 3)
#define CTL_OPTION_INODE (UINT64_C(1) << 4)
#define CTL_OPTION_GENERATION (UINT64_C(1) << 5)
#define CTL_OPTION_OVERRIDE_HARMFUL (UINT64_C(1) << 6)
#define CTL_OPTION_REPAIR (UINT64_C(1) << 7)
#define CTL_OPTION_NO_WAIT (UINT64_C(1) << 8)
#define CTL_OPTION_NO_ASK_PASSWORD (UINT64_C(1) << 9)
#define CTL_OPTION_HELP (UINT64_C(1) << 10)
#define CTL_OPTION_VERSION (UINT64_C(1) << 11)
#define CTL_OPTION_DRY_RUN (UINT64_C(1) << 12)
#define CTL_OPTION_SINCE (UINT64_C(1) << 13)
#define CTL_OPTION_FS (UINT64_C(1) << 14)
#define CTL_OPTION_LIMIT (UINT64_C(1) << 15)
#define CTL_OPTION_POLICY (UINT64_C(1) << 16)
#define CTL_OPTION_DIFF (UINT64_C(1) << 17)
#define CTL_OPTION_EXPORT (UINT64_C(1) << 18)
#define CTL_OPTION_ALL (UINT64_C(1) << 19)
#define CTL_OPTION_RATE (UINT64_C(1) << 20)
#define CTL_OPTION_WHO (UINT64_C(1) << 21)
#define CTL_OPTION_ONLY_UNIT (UINT64_C(1) << 22)
#define CTL_OPTION_ONLY_SLICE (UINT64_C(1) << 23)
#define CTL_OPTION_ONLY_CONTAINER (UINT64_C(1) << 24)
#define CTL_OPTION_ONLY_POD (UINT64_C(1) << 25)
#define CTL_OPTION_HOW (UINT64_C(1) << 26)
#define CTL_OPTION_WARN (UINT64_C(1) << 27)
#define CTL_OPTION_TERM (UINT64_C(1) << 28)
#define CTL_OPTION_MAX (UINT64_C(1) << 29)
#define CTL_OPTION_HOLD (UINT64_C(1) << 30)
#define CTL_OPTION_THAW (UINT64_C(1) << 31)
#define CTL_OPTION_CONFIRM_LARGE (UINT64_C(1) << 32)
#define CTL_OPTION_EVEN_IF_UNUSED (UINT64_C(1) << 33)
#define CTL_OPTION_REASON (UINT64_C(1) << 34)
#define CTL_OPTION_WHY (UINT64_C(1) << 35)
#define CTL_OPTION_UNTIL (UINT64_C(1) << 48)
#define CTL_OPTION_KIND (UINT64_C(1) << 49)
#define CTL_OPTION_STRUCTURE (UINT64_C(1) << 50)
#define CTL_OPTION_RULE (UINT64_C(1) << 51)
#define CTL_OPTION_OUTCOME (UINT64_C(1) << 52)
#define CTL_OPTION_TOP (UINT64_C(1) << 53)
#define CTL_OPTION_REPLAY_FILE (UINT64_C(1) << 54)
#define CTL_OPTION_DUMP (UINT64_C(1) << 55)
#define CTL_OPTION_FOR (UINT64_C(1) << 56)
#define CTL_OPTION_SEVERITY (UINT64_C(1) << 57)
#define CTL_OPTION_ROUTE (UINT64_C(1) << 58)

#define CTL_OPTION_HOST (UINT64_C(1) << 59)
#define CTL_OPTION_MACHINE (UINT64_C(1) << 60)
#define CTL_OPTION_NO_PAGER (UINT64_C(1) << 61)
#define CTL_OPTION_FULL (UINT64_C(1) << 62)
#define CTL_OPTION_OUTPUT (UINT64_C(1) << 63)

typedef struct CtlVerb {
        CtlVerbId id;
        const char *words[2];           /* "policy", "check"; the second NULL for verbs of one word */
        const char *arguments;          /* as the help shows them; NULL: not a command to type */
        int n_min, n_max;
        uint64_t options;               /* bits of CtlOptionId that it takes beside those that all take */
        const char *help;
} CtlVerb;

typedef struct CtlOption {
        CtlOptionId id;
        const char *name;               /* without the dashes */
        char letter;                    /* 0: none */
        const char *argument;           /* word for the help; NULL: takes none */
        const char *help;
} CtlOption;

/* Of each --only-... */
#define CTL_ONLY_MAX 16

/* What was asked for; texts are borrowed from the command line. */
typedef struct CtlRequest {
        const CtlVerb *verb;
        uint64_t options;               /* bits of CtlOptionId that were given */
        const char *arguments[3];
        int n_arguments;
        uint32_t group;
        uint64_t inode;
        uint32_t generation;
        const char *domain;
        const char *since, *until;
        const char *kind, *structure, *rule, *outcome;
        const char *top, *replay_file;
        const char *host, *machine;     /* whose healerd is asked; both NULL: this machine's */
        const char *filesystem;
        uint32_t limit;
        const char *override_harmful;
        uint64_t rate_bytes;            /* in a second; 0: no limit */
        const char *policy;
        const char *diff;
        const char *output;
        const char *who, *how, *why, *reason;
        const char *only[N_WORKLOAD_KEYS][CTL_ONLY_MAX];
        size_t n_only[N_WORKLOAD_KEYS];
        uint64_t warn_usec, term_usec, thaw_usec;
        uint64_t hold_usec;             /* UINT64_MAX: until clear */
        uint32_t max;
        const char *severity, *route;
        uint64_t for_usec;              /* 0: not said */
        char **command;                 /* CTL_VERB_INHIBIT: what is run; ends with NULL */
} CtlRequest;

#define CTL_USAGE_TEXT_SIZE 512
/* More entries of the history healerd does not give at once. */
#define CTL_LIMIT_MAX 10000

const CtlVerb *ctl_verbs(size_t *ret_n);
const CtlOption *ctl_options(size_t *ret_n);
/* "policy check" in @buffer; returns it. */
char *ctl_verb_name(const CtlVerb *verb, char buffer[static 32]);

/**
 * ctl_request_parse() - what does the command line ask for?
 * @argv:       reordered by getopt_long(); borrowed
 * @reterr_text: one sentence that says what is wrong, for standard error
 *
 * Without a verb it is `status`. Returns: 0, or -EINVAL.
 */
int ctl_request_parse(int argc, char **argv, CtlRequest *ret_request, char reterr_text[static CTL_USAGE_TEXT_SIZE]);
