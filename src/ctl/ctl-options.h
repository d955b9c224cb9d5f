/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line of healerctl: one table of verbs, one of options, and what they say together. Pure:
 * prints nothing, ends nothing; what is wrong comes back as a sentence.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum CtlVerbId {
        CTL_VERB_STATUS,
        CTL_VERB_MONITOR,
        CTL_VERB_EVENTS,
        CTL_VERB_REPAIR,
        CTL_VERB_SCRUB,
        CTL_VERB_VERIFY,
        CTL_VERB_USERS,
        CTL_VERB_POLICY_CHECK,
        CTL_VERB_POLICY_SHOW,
        CTL_VERB_POLICY_EXPLAIN,
        CTL_VERB_POLICY_SIMULATE,
        CTL_VERB_POLICY_SCHEMA,
        CTL_VERB_RELOAD,
        CTL_VERB_RESUME,
        CTL_VERB_TAKEOVER,
        CTL_VERB_RELEASE,
        CTL_VERB_HELP,
        CTL_VERB_VERSION,
} CtlVerbId;

typedef enum CtlOptionId {
        CTL_OPTION_JSON = 1 << 0,
        CTL_OPTION_NO_LEGEND = 1 << 1,
        CTL_OPTION_DOMAIN = 1 << 2,
        CTL_OPTION_GROUP = 1 << 3,
        CTL_OPTION_INODE = 1 << 4,
        CTL_OPTION_GENERATION = 1 << 5,
        CTL_OPTION_OVERRIDE_HARMFUL = 1 << 6,
        CTL_OPTION_REPAIR = 1 << 7,
        CTL_OPTION_NO_WAIT = 1 << 8,
        CTL_OPTION_NO_ASK_PASSWORD = 1 << 9,
        CTL_OPTION_HELP = 1 << 10,
        CTL_OPTION_VERSION = 1 << 11,
        CTL_OPTION_DRY_RUN = 1 << 12,
        CTL_OPTION_SINCE = 1 << 13,
        CTL_OPTION_FS = 1 << 14,
        CTL_OPTION_LIMIT = 1 << 15,
        CTL_OPTION_POLICY = 1 << 16,
        CTL_OPTION_DIFF = 1 << 17,
        CTL_OPTION_EXPORT = 1 << 18,
        CTL_OPTION_ALL = 1 << 19,
        CTL_OPTION_RATE = 1 << 20,
} CtlOptionId;

typedef struct CtlVerb {
        CtlVerbId id;
        const char *words[2];           /* "policy", "check"; the second NULL for verbs of one word */
        const char *arguments;          /* as the help shows them; NULL: not a command to type */
        int n_min, n_max;
        unsigned options;               /* bits of CtlOptionId that it takes, --help and --version aside */
        const char *help;
} CtlVerb;

typedef struct CtlOption {
        CtlOptionId id;
        const char *name;               /* without the dashes */
        char letter;                    /* 0: none */
        const char *argument;           /* word for the help; NULL: takes none */
        const char *help;
} CtlOption;

/* What was asked for; texts are borrowed from the command line. */
typedef struct CtlRequest {
        const CtlVerb *verb;
        unsigned options;               /* bits of CtlOptionId that were given */
        const char *arguments[2];
        int n_arguments;
        uint32_t group;
        uint64_t inode;
        uint32_t generation;
        const char *domain;
        const char *since;
        const char *filesystem;
        uint32_t limit;
        const char *override_harmful;
        uint64_t rate_bytes;            /* in a second; 0: no limit */
        const char *policy;
        const char *diff;
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
