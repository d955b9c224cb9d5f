/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Command line -> CtlRequest. A new verb or option is one row here; help, checks and "did you mean"
 * follow, and a test asks for the man page and the completions.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/cleanup.h"
#include "src/basic/duration.h"
#include "src/basic/macro.h"
#include "src/basic/number.h"
#include "src/basic/text.h"
#include "src/basic/translate.h"
#include "src/ctl/ctl-options.h"

/* Of a command that is run. */
#define CTL_COMMAND_MAX 1024

#define OPTIONS_JOB (CTL_OPTION_JSON | CTL_OPTION_NO_WAIT | CTL_OPTION_NO_ASK_PASSWORD)
#define OPTIONS_WORKLOADS                                                                                \
        (OPTIONS_JOB | CTL_OPTION_NO_LEGEND | CTL_OPTION_FULL | CTL_OPTION_WHO | CTL_OPTION_INODE |      \
         CTL_OPTION_ONLY_UNIT |                                                                          \
         CTL_OPTION_ONLY_SLICE | CTL_OPTION_ONLY_CONTAINER | CTL_OPTION_ONLY_POD | CTL_OPTION_WARN |      \
         CTL_OPTION_MAX | CTL_OPTION_CONFIRM_LARGE | CTL_OPTION_EVEN_IF_UNUSED | CTL_OPTION_DRY_RUN |     \
         CTL_OPTION_REASON)
#define OPTIONS_HISTORY                                                                                  \
        (CTL_OPTION_JSON | CTL_OPTION_SINCE | CTL_OPTION_UNTIL | CTL_OPTION_LIMIT | CTL_OPTION_KIND |     \
         CTL_OPTION_STRUCTURE | CTL_OPTION_RULE | CTL_OPTION_OUTCOME | CTL_OPTION_NO_ASK_PASSWORD)
#define OPTIONS_OF_ALL                                                                                   \
        (CTL_OPTION_HELP | CTL_OPTION_VERSION | CTL_OPTION_HOST | CTL_OPTION_MACHINE | CTL_OPTION_NO_PAGER)
#define OPTIONS_TARGET (CTL_OPTION_DOMAIN | CTL_OPTION_GROUP | CTL_OPTION_INODE | CTL_OPTION_GENERATION)

/* A word that is further away than this from every word we know is not a slip of the finger. */
#define NEAR_ENOUGH 2

static const CtlVerb verbs[] = {
        { CTL_VERB_STATUS, { "status" }, "[FS]", 0, 1, CTL_OPTION_JSON | CTL_OPTION_NO_LEGEND | CTL_OPTION_FULL,
          N_("what is watched and how it is") },
        { CTL_VERB_SHOW, { "show" }, "FS", 1, 1, CTL_OPTION_JSON, N_("everything about one file system") },
        { CTL_VERB_MONITOR, { "monitor" }, "", 0, 0, CTL_OPTION_JSON,
          N_("print events, decisions and actions as they happen") },
        { CTL_VERB_EVENTS, { "events" }, "", 0, 0,
          OPTIONS_HISTORY | CTL_OPTION_FS | CTL_OPTION_EXPORT | CTL_OPTION_TOP | CTL_OPTION_NO_LEGEND,
          N_("print what happened, out of the history") },
        { CTL_VERB_HISTORY, { "history" }, "[FS]", 0, 1,
          OPTIONS_HISTORY | CTL_OPTION_DUMP | CTL_OPTION_REPLAY_FILE, N_("each event with what was decided and done") },
        { CTL_VERB_EXPLAIN, { "explain" }, "EVENT", 1, 1,
          CTL_OPTION_JSON | CTL_OPTION_FS | CTL_OPTION_NO_ASK_PASSWORD,
          N_("what would be done about it now, and why") },
        { CTL_VERB_JOBS, { "jobs" }, "", 0, 0, CTL_OPTION_JSON | CTL_OPTION_NO_LEGEND | CTL_OPTION_FULL,
          N_("what is being done, and how far it is") },
        { CTL_VERB_CANCEL, { "cancel" }, "JOB", 1, 1, CTL_OPTION_NO_ASK_PASSWORD, N_("end a job") },
        { CTL_VERB_METRICS, { "metrics" }, "", 0, 0, CTL_OPTION_OUTPUT,
          N_("print everything that counts, for Prometheus") },
        { CTL_VERB_REPAIR, { "repair" }, "FS STRUCTURE", 2, 2,
          OPTIONS_JOB | OPTIONS_TARGET | CTL_OPTION_OVERRIDE_HARMFUL,
          N_("repair one metadata structure online") },
        { CTL_VERB_SCRUB, { "scrub" }, "FS", 1, 1, OPTIONS_JOB | CTL_OPTION_REPAIR,
          N_("check a whole file system online") },
        { CTL_VERB_VERIFY, { "verify" }, "FS", 1, 1, OPTIONS_JOB | CTL_OPTION_ALL | CTL_OPTION_RATE,
          N_("read its devices and say what cannot be read") },
        { CTL_VERB_USERS, { "users" }, "FS", 1, 1,
          CTL_OPTION_JSON | CTL_OPTION_NO_LEGEND | CTL_OPTION_FULL | CTL_OPTION_INODE | CTL_OPTION_NO_ASK_PASSWORD,
          N_("who uses it, and who would be spared") },
        { CTL_VERB_FAIL_WORKLOADS, { "fail-workloads" }, "FS", 1, 1,
          OPTIONS_WORKLOADS | CTL_OPTION_HOW | CTL_OPTION_TERM | CTL_OPTION_HOLD, N_("end the programs that use it") },
        { CTL_VERB_FREEZE_WORKLOADS, { "freeze-workloads" }, "FS", 1, 1, OPTIONS_WORKLOADS | CTL_OPTION_THAW,
          N_("let them stand still for a while") },
        { CTL_VERB_SHUTDOWN, { "shutdown" }, "FS", 1, 1, OPTIONS_JOB | CTL_OPTION_REASON,
          N_("shut a file system down") },
        { CTL_VERB_ACKNOWLEDGE, { "acknowledge" }, "FS CODE [TARGET]", 2, 3,
          CTL_OPTION_REASON | CTL_OPTION_ALL | CTL_OPTION_NO_ASK_PASSWORD, N_("clear a condition that was seen to") },
        { CTL_VERB_AUTOFSCK_GET, { "autofsck", "get" }, "FS", 1, 1, CTL_OPTION_JSON,
          N_("what may be done by itself") },
        { CTL_VERB_AUTOFSCK_SET, { "autofsck", "set" }, "FS VALUE", 2, 2,
          CTL_OPTION_REASON | CTL_OPTION_NO_ASK_PASSWORD, N_("decide what may be done by itself") },
        { CTL_VERB_HOLDS, { "holds" }, "", 0, 0, CTL_OPTION_JSON | CTL_OPTION_NO_LEGEND | CTL_OPTION_FULL,
          N_("units that are kept from being started") },
        { CTL_VERB_UNHOLD, { "unhold" }, "UNIT", 1, 1, CTL_OPTION_NO_ASK_PASSWORD,
          N_("let a unit be started again") },
        { CTL_VERB_INHIBIT, { "inhibit" }, "-- COMMAND", 1, CTL_COMMAND_MAX,
          CTL_OPTION_WHO | CTL_OPTION_WHY | CTL_OPTION_NO_ASK_PASSWORD,
          N_("delay that programs are ended") },
        { CTL_VERB_POLICY_CHECK, { "policy", "check" }, "[FILE]", 0, 1, CTL_OPTION_JSON,
          N_("check policy files without the daemon") },
        { CTL_VERB_POLICY_SHOW, { "policy", "show" }, "[FILE]", 0, 1, 0,
          N_("print the merged policy and where it is from") },
        { CTL_VERB_POLICY_EXPLAIN, { "policy", "explain" }, "EVENT", 1, 1,
          CTL_OPTION_JSON | CTL_OPTION_POLICY | CTL_OPTION_NO_ASK_PASSWORD,
          N_("what would be done about it, and why") },
        { CTL_VERB_POLICY_SIMULATE, { "policy", "simulate" }, "FILE", 1, 1,
          CTL_OPTION_JSON | CTL_OPTION_POLICY | CTL_OPTION_DIFF,
          N_("what would be done about many events") },
        { CTL_VERB_POLICY_SCHEMA, { "policy", "schema" }, "", 0, 0, 0,
          N_("print a JSON schema of policy files") },
        { CTL_VERB_RELOAD, { "reload" }, "", 0, 0, CTL_OPTION_NO_ASK_PASSWORD,
          N_("make the daemon load the policy again") },
        { CTL_VERB_PAUSE, { "pause" }, "[FS]", 0, 1,
          CTL_OPTION_FOR | CTL_OPTION_REASON | CTL_OPTION_NO_ASK_PASSWORD, N_("do nothing by itself for a while") },
        { CTL_VERB_RESUME, { "resume" }, "[FS]", 0, 1, CTL_OPTION_NO_ASK_PASSWORD,
          N_("act again after a pause or the brake") },
        { CTL_VERB_SILENCE, { "silence" }, "[FS]", 0, 1,
          CTL_OPTION_ALL | CTL_OPTION_KIND | CTL_OPTION_SEVERITY | CTL_OPTION_RULE | CTL_OPTION_ROUTE |
                  CTL_OPTION_FOR | CTL_OPTION_REASON | CTL_OPTION_JSON | CTL_OPTION_NO_ASK_PASSWORD,
          N_("tell nobody of it for a while") },
        { CTL_VERB_SILENCES, { "silences" }, "", 0, 0, CTL_OPTION_JSON | CTL_OPTION_NO_LEGEND,
          N_("what nobody is told of") },
        { CTL_VERB_UNSILENCE, { "unsilence" }, "ID", 1, 1, CTL_OPTION_NO_ASK_PASSWORD, N_("tell of it again") },
        { CTL_VERB_TEST_EVENT, { "test-event" }, "FS KIND [STRUCTURE]", 2, 3,
          CTL_OPTION_DOMAIN | CTL_OPTION_GROUP | CTL_OPTION_INODE | CTL_OPTION_JSON | CTL_OPTION_NO_ASK_PASSWORD,
          N_("try out what is decided and told") },
        { CTL_VERB_TAKEOVER, { "takeover" }, "", 0, 0, CTL_OPTION_DRY_RUN,
          N_("let healerd watch instead of xfs_healer") },
        { CTL_VERB_RELEASE, { "release" }, "", 0, 0, CTL_OPTION_DRY_RUN,
          N_("stop healerd and let xfs_healer watch again") },
        { CTL_VERB_HELP, { "help" }, NULL, 0, 2, 0, NULL },
        { CTL_VERB_VERSION, { "version" }, NULL, 0, 0, 0, NULL },
};

static const CtlOption options[] = {
        { CTL_OPTION_JSON, "json", 0, NULL, N_("print JSON for programs") },
        { CTL_OPTION_NO_LEGEND, "no-legend", 0, NULL, N_("leave out headings and totals") },
        { CTL_OPTION_SINCE, "since", 0, "TIME", N_("not older than TIME, or than so long ago: 2h") },
        { CTL_OPTION_UNTIL, "until", 0, "TIME", N_("not younger than TIME") },
        { CTL_OPTION_KIND, "kind", 0, "WORD", N_("of this kind: sick, shutdown; data-lost") },
        { CTL_OPTION_STRUCTURE, "structure", 0, "WORD", N_("events about this structure") },
        { CTL_OPTION_RULE, "rule", 0, "ID", N_("what this rule decided on, or tells") },
        { CTL_OPTION_OUTCOME, "outcome", 0, "WORD", N_("events that ended so: done, still-corrupt") },
        { CTL_OPTION_TOP, "top", 0, "WORD", N_("count them: by location, structure, rule") },
        { CTL_OPTION_DUMP, "dump", 0, NULL, N_("print all entries as JSON lines") },
        { CTL_OPTION_REPLAY_FILE, "replay-file", 0, "FILE", N_("write a stream for policy simulate") },
        { CTL_OPTION_FS, "fs", 0, "FS", N_("of this file system only") },
        { CTL_OPTION_LIMIT, "limit", 0, "N", N_("the newest N entries; 1000 if not given") },
        { CTL_OPTION_EXPORT, "export", 0, NULL, N_("print a stream for policy simulate") },
        { CTL_OPTION_OUTPUT, "output", 0, "FILE", N_("write it for node_exporter's textfile collector") },
        { CTL_OPTION_DOMAIN, "domain", 0, "WORD", N_("where the structure is: fs, ag, rtgroup, inode") },
        { CTL_OPTION_GROUP, "group", 0, "N", N_("the allocation group or realtime group") },
        { CTL_OPTION_INODE, "inode", 0, "N", N_("the inode") },
        { CTL_OPTION_GENERATION, "generation", 0, "N", N_("the generation of that inode") },
        { CTL_OPTION_OVERRIDE_HARMFUL, "override-harmful", 0, "NAME", N_("repair although it can crash this kernel") },
        { CTL_OPTION_POLICY, "policy", 0, "FILE", N_("this policy, not that of the machine") },
        { CTL_OPTION_DIFF, "diff", 0, "FILE", N_("what another policy decides differently") },
        { CTL_OPTION_REPAIR, "repair", 0, NULL, N_("repair what the scan finds") },
        { CTL_OPTION_ALL, "all", 0, NULL, N_("free space as well; whatever the target") },
        { CTL_OPTION_RATE, "rate", 0, "BYTES", N_("read no more than this in a second: 50M") },
        { CTL_OPTION_WHO, "who", 0, "WORD", N_("fs-users, file-users, volume-users; who delays") },
        { CTL_OPTION_ONLY_UNIT, "only-unit", 0, "NAME", N_("of these only units called so; again: or so") },
        { CTL_OPTION_ONLY_SLICE, "only-slice", 0, "NAME", N_("only what is in this slice") },
        { CTL_OPTION_ONLY_CONTAINER, "only-container", 0, "NAME", N_("only this container; any") },
        { CTL_OPTION_ONLY_POD, "only-pod", 0, "UID", N_("only this pod; any") },
        { CTL_OPTION_HOW, "how", 0, "WORD", N_("stop, or fail: it ends failed") },
        { CTL_OPTION_WARN, "warn", 0, "TIME", N_("announce it so long before") },
        { CTL_OPTION_TERM, "term", 0, "TIME", N_("grace before it is killed") },
        { CTL_OPTION_THAW, "thaw", 0, "TIME", N_("how long it stands still") },
        { CTL_OPTION_HOLD, "hold", 0, "TIME", N_("keep it from being started; until-clear") },
        { CTL_OPTION_MAX, "max", 0, "N", N_("more than so many: nobody; 3 if not given") },
        { CTL_OPTION_CONFIRM_LARGE, "confirm-large", 0, NULL, N_("more than that all the same") },
        { CTL_OPTION_EVEN_IF_UNUSED, "even-if-unused", 0, NULL, N_("also named units that do not use it") },
        { CTL_OPTION_REASON, "reason", 0, "TEXT", N_("why, for the journal") },
        { CTL_OPTION_FOR, "for", 0, "TIME", N_("how long: 2h") },
        { CTL_OPTION_SEVERITY, "severity", 0, "WORD", N_("of what is no worse than this only") },
        { CTL_OPTION_ROUTE, "route", 0, "NAME", N_("over this route only") },
        { CTL_OPTION_WHY, "why", 0, "TEXT", N_("why it is to be delayed") },
        { CTL_OPTION_NO_WAIT, "no-wait", 0, NULL, N_("do not wait for the end of the job") },
        { CTL_OPTION_NO_ASK_PASSWORD, "no-ask-password", 0, NULL, N_("never ask for a password") },
        { CTL_OPTION_DRY_RUN, "dry-run", 0, NULL, N_("only say what would be done") },
        { CTL_OPTION_FULL, "full", 'l', NULL, N_("do not shorten columns") },
        { CTL_OPTION_NO_PAGER, "no-pager", 0, NULL, N_("do not page long output") },
        { CTL_OPTION_HOST, "host", 'H', "HOST", N_("ask healerd of [USER@]HOST, over ssh") },
        { CTL_OPTION_MACHINE, "machine", 'M', "NAME", N_("ask healerd of a local container") },
        { CTL_OPTION_HELP, "help", 'h', NULL, N_("show this help") },
        { CTL_OPTION_VERSION, "version", 'V', NULL, N_("show the version") },
};

/* These work on files or units of this machine, or run a command here. */
static bool is_local(CtlVerbId id) {
        static const CtlVerbId local[] = {
                CTL_VERB_INHIBIT, CTL_VERB_POLICY_CHECK, CTL_VERB_POLICY_SHOW, CTL_VERB_POLICY_EXPLAIN,
                CTL_VERB_POLICY_SIMULATE, CTL_VERB_POLICY_SCHEMA, CTL_VERB_TAKEOVER, CTL_VERB_RELEASE,
        };

        for (size_t i = 0; i < ELEMENTSOF(local); i++)
                if (local[i] == id)
                        return true;
        return false;
}

const CtlVerb *ctl_verbs(size_t *ret_n) {
        *ret_n = ELEMENTSOF(verbs);
        return verbs;
}

const CtlOption *ctl_options(size_t *ret_n) {
        *ret_n = ELEMENTSOF(options);
        return options;
}

char *ctl_verb_name(const CtlVerb *verb, char buffer[static 32]) {
        (void) snprintf(buffer, 32, "%s%s%s", verb->words[0], verb->words[1] ? " " : "",
                        verb->words[1] ? verb->words[1] : "");
        return buffer;
}

/* Words from the command line may hold anything; they go to a terminal. Returns @buffer. */
#define WORD_SIZE 320
static const char *show_word(const char *word, char buffer[static WORD_SIZE]) {
        buffer[0] = '\0';
        (void) text_append_escaped(buffer, WORD_SIZE, word, strlen(word));
        return buffer;
}

static bool is_near(const char *word, const char *nearest, size_t distance) {
        return nearest && distance <= NEAR_ENOUGH && distance < strlen(word);
}

static int unknown_option(char *text, const char *given) {
        const char *word = given + strspn(given, "-"), *nearest = NULL;
        size_t distance = SIZE_MAX;
        char shown[WORD_SIZE];
        _cleanup_(free_at) char *name = strndup(word, strcspn(word, "="));

        for (size_t i = 0; name && i < ELEMENTSOF(options); i++) {
                size_t d = text_distance(name, options[i].name);

                if (d < distance) {
                        distance = d;
                        nearest = options[i].name;
                }
        }
        (void) show_word(given, shown);
        if (is_near(name ?: "", nearest, distance))
                (void) snprintf(text, CTL_USAGE_TEXT_SIZE, _("unknown option \"%s\"; did you mean \"--%s\"?"), shown,
                                nearest);
        else
                (void) snprintf(text, CTL_USAGE_TEXT_SIZE,
                                _("unknown option \"%s\"; \"healerctl --help\" lists them"), shown);
        return -EINVAL;
}

static int unknown_verb(char *text, const char *first, const char *second) {
        const char *nearest = NULL, *word = first;
        size_t distance = SIZE_MAX;
        bool is_first_known = false;
        char shown[WORD_SIZE];

        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                is_first_known = is_first_known || (verbs[i].words[1] && text_equal(verbs[i].words[0], first));
        if (is_first_known)
                word = second ? second : "";

        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                const char *known = verbs[i].words[is_first_known];
                size_t d;

                if (!known || !verbs[i].arguments || (is_first_known && !text_equal(verbs[i].words[0], first)))
                        continue;
                d = text_distance(word, known);
                if (d < distance) {
                        distance = d;
                        nearest = known;
                }
        }

        if (is_first_known && !second) {
                (void) snprintf(text, CTL_USAGE_TEXT_SIZE, _("\"%s\" needs one more word, such as \"%s %s\""),
                                first, first, nearest);
                return -EINVAL;
        }

        (void) show_word(word, shown);
        if (is_near(word, nearest, distance))
                (void) snprintf(text, CTL_USAGE_TEXT_SIZE, _("unknown command \"%s\"; did you mean \"%s\"?"), shown,
                                nearest);
        else
                (void) snprintf(text, CTL_USAGE_TEXT_SIZE,
                                _("unknown command \"%s\"; \"healerctl --help\" lists them"), shown);
        return -EINVAL;
}

static const CtlVerb *find_verb(char **words, int n_words, int *ret_n_used) {
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                int n_needed = verbs[i].words[1] ? 2 : 1;

                if (n_words < n_needed || !text_equal(words[0], verbs[i].words[0]))
                        continue;
                if (n_needed == 2 && !text_equal(words[1], verbs[i].words[1]))
                        continue;

                *ret_n_used = n_needed;
                return verbs + i;
        }

        return NULL;
}

static int take_number(const CtlOption *option, const char *value, uint64_t max, uint64_t *ret_number, char *text) {
        char shown[WORD_SIZE];
        int r;

        r = number_parse_u64(value, 0, max, ret_number);
        if (r == 0)
                return 0;

        (void) snprintf(text, CTL_USAGE_TEXT_SIZE, _("--%s needs a number from 0 to %llu, not \"%s\""), option->name,
                        (unsigned long long) max, show_word(value, shown));
        return -EINVAL;
}

static int take_size(const CtlOption *option, const char *value, uint64_t *ret_bytes, char *text) {
        char shown[WORD_SIZE];

        if (number_parse_bytes(value, ret_bytes) == 0 && *ret_bytes > 0)
                return 0;

        (void) snprintf(text, CTL_USAGE_TEXT_SIZE, _("--%s needs a number of bytes such as 50M, not \"%s\""),
                        option->name, show_word(value, shown));
        return -EINVAL;
}

/* "20s"; @word: stands for UINT64_MAX, NULL: none does. */
static int take_duration(const CtlOption *option, const char *value, const char *word, uint64_t *ret_usec, char *text) {
        char shown[WORD_SIZE];

        if (word && text_equal(value, word)) {
                *ret_usec = UINT64_MAX;
                return 0;
        }
        if (duration_parse(value, ret_usec) >= 0)
                return 0;

        (void) show_word(value, shown);
        if (word)
                (void) snprintf(text, CTL_USAGE_TEXT_SIZE, _("--%s needs a time such as 20s or %s, not \"%s\""),
                                option->name, word, shown);
        else
                (void) snprintf(text, CTL_USAGE_TEXT_SIZE, _("--%s needs a time such as 20s, not \"%s\""),
                                option->name, shown);
        return -EINVAL;
}

static int take_only(CtlRequest *request, WorkloadKey key, const CtlOption *option, const char *value, char *text) {
        if (request->n_only[key] >= CTL_ONLY_MAX) {
                (void) snprintf(text, CTL_USAGE_TEXT_SIZE, _("--%s is given more than %d times"), option->name,
                                CTL_ONLY_MAX);
                return -EINVAL;
        }
        request->only[key][request->n_only[key]++] = value;
        return 0;
}

/* Those of the commands about the users of a file system. */
static int take_workload_option(CtlRequest *request, const CtlOption *option, const char *value, char *text) {
        uint64_t number = 0;
        int r = 0;

        switch (option->id) {
        case CTL_OPTION_WHO:
                request->who = value;
                break;
        case CTL_OPTION_HOW:
                request->how = value;
                break;
        case CTL_OPTION_WHY:
                request->why = value;
                break;
        case CTL_OPTION_REASON:
                request->reason = value;
                break;
        case CTL_OPTION_FOR:
                return take_duration(option, value, NULL, &request->for_usec, text);
        case CTL_OPTION_SEVERITY:
                request->severity = value;
                break;
        case CTL_OPTION_ROUTE:
                request->route = value;
                break;
        case CTL_OPTION_ONLY_UNIT:
                return take_only(request, WORKLOAD_KEY_UNIT, option, value, text);
        case CTL_OPTION_ONLY_SLICE:
                return take_only(request, WORKLOAD_KEY_SLICE, option, value, text);
        case CTL_OPTION_ONLY_CONTAINER:
                return take_only(request, WORKLOAD_KEY_CONTAINER, option, value, text);
        case CTL_OPTION_ONLY_POD:
                return take_only(request, WORKLOAD_KEY_POD, option, value, text);
        case CTL_OPTION_WARN:
                return take_duration(option, value, NULL, &request->warn_usec, text);
        case CTL_OPTION_TERM:
                return take_duration(option, value, NULL, &request->term_usec, text);
        case CTL_OPTION_THAW:
                return take_duration(option, value, NULL, &request->thaw_usec, text);
        case CTL_OPTION_HOLD:
                return take_duration(option, value, "until-clear", &request->hold_usec, text);
        case CTL_OPTION_MAX:
                r = take_number(option, value, WORKLOADS_MAX_LIMIT, &number, text);
                request->max = (uint32_t) number;
                break;
        default:
                break;
        }
        return r;
}

/* Those of questions to the history. */
static int take_history_option(CtlRequest *request, const CtlOption *option, const char *value, char *text) {
        const struct {
                CtlOptionId id;
                const char **value;
        } texts[] = {
                { CTL_OPTION_SINCE, &request->since },
                { CTL_OPTION_UNTIL, &request->until },
                { CTL_OPTION_FS, &request->filesystem },
                { CTL_OPTION_KIND, &request->kind },
                { CTL_OPTION_STRUCTURE, &request->structure },
                { CTL_OPTION_RULE, &request->rule },
                { CTL_OPTION_OUTCOME, &request->outcome },
                { CTL_OPTION_TOP, &request->top },
                { CTL_OPTION_REPLAY_FILE, &request->replay_file },
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                if (texts[i].id == option->id) {
                        *texts[i].value = value;
                        return 0;
                }
        return take_workload_option(request, option, value, text);
}

static int take_option(CtlRequest *request, const CtlOption *option, const char *value, char *text) {
        uint64_t number = 0;
        int r = 0;

        request->options |= option->id;
        switch (option->id) {
        case CTL_OPTION_GROUP:
                r = take_number(option, value, UINT32_MAX, &number, text);
                request->group = (uint32_t) number;
                break;
        case CTL_OPTION_INODE:
                r = take_number(option, value, UINT64_MAX, &request->inode, text);
                break;
        case CTL_OPTION_GENERATION:
                r = take_number(option, value, UINT32_MAX, &number, text);
                request->generation = (uint32_t) number;
                break;
        case CTL_OPTION_LIMIT:
                r = take_number(option, value, CTL_LIMIT_MAX, &number, text);
                request->limit = (uint32_t) number;
                break;
        case CTL_OPTION_DOMAIN:
                request->domain = value;
                break;
        case CTL_OPTION_OVERRIDE_HARMFUL:
                request->override_harmful = value;
                break;
        case CTL_OPTION_RATE:
                r = take_size(option, value, &request->rate_bytes, text);
                break;
        case CTL_OPTION_POLICY:
                request->policy = value;
                break;
        case CTL_OPTION_DIFF:
                request->diff = value;
                break;
        case CTL_OPTION_HOST:
                request->host = value;
                break;
        case CTL_OPTION_MACHINE:
                request->machine = value;
                break;
        case CTL_OPTION_OUTPUT:
                request->output = value;
                break;
        default:
                return take_history_option(request, option, value, text);
        }

        return r;
}

/* getopt_long() gives the row number, so that two options may never be mixed up by their letters. */
#define OPTION_BASE 256

/* What getopt_long() gave is an option's row or its letter. */
static const CtlOption *option_of(int c) {
        for (size_t i = 0; i < ELEMENTSOF(options); i++)
                if (c == OPTION_BASE + (int) i || (options[i].letter && c == options[i].letter))
                        return options + i;
        return NULL;
}

static int parse_options(int argc, char **argv, CtlRequest *request, char *text) {
        struct option table[ELEMENTSOF(options) + 1] = {};

        for (size_t i = 0; i < ELEMENTSOF(options); i++)
                table[i] = (struct option) {
                        .name = options[i].name,
                        .has_arg = options[i].argument ? required_argument : no_argument,
                        .val = OPTION_BASE + (int) i,
                };

        opterr = 0;
        optind = 0;     /* glibc: start anew, also in a test that parses many command lines */
        for (;;) {
                int c, at = optind > 0 ? optind : 1;
                const CtlOption *option;

                c = getopt_long(argc, argv, ":hVlH:M:", table, NULL);
                if (c < 0)
                        return 0;
                option = option_of(c == ':' ? optopt : c);
                if (c == ':' && option) {
                        (void) snprintf(text, CTL_USAGE_TEXT_SIZE, _("--%s needs a value"), option->name);
                        return -EINVAL;
                }
                if (c == '?' && optopt >= OPTION_BASE) {
                        (void) snprintf(text, CTL_USAGE_TEXT_SIZE, _("--%s takes no value"),
                                        options[optopt - OPTION_BASE].name);
                        return -EINVAL;
                }
                if (c == '?')
                        /* A cluster of letters such as -xh leaves optind at the cluster itself. */
                        return unknown_option(text, argv[optopt && optind == at ? optind : optind - 1]);

                if (option && take_option(request, option, optarg, text) < 0)
                        return -EINVAL;
        }
}

static const char *option_name(CtlOptionId id) {
        for (size_t i = 0; i < ELEMENTSOF(options); i++)
                if (options[i].id == id)
                        return options[i].name;
        return "";
}

static int check_pairs(uint64_t given, char *text) {
        static const CtlOptionId pairs[][2] = {
                { CTL_OPTION_EXPORT, CTL_OPTION_JSON },  { CTL_OPTION_EXPORT, CTL_OPTION_TOP },
                { CTL_OPTION_GROUP, CTL_OPTION_INODE },  { CTL_OPTION_DUMP, CTL_OPTION_REPLAY_FILE },
                { CTL_OPTION_DUMP, CTL_OPTION_LIMIT },   { CTL_OPTION_REPLAY_FILE, CTL_OPTION_JSON },
                { CTL_OPTION_HOST, CTL_OPTION_MACHINE },
        };

        for (size_t i = 0; i < ELEMENTSOF(pairs); i++)
                if ((given & pairs[i][0]) && (given & pairs[i][1])) {
                        (void) snprintf(text, CTL_USAGE_TEXT_SIZE, _("--%s and --%s exclude each other"),
                                        option_name(pairs[i][0]), option_name(pairs[i][1]));
                        return -EINVAL;
                }
        return 0;
}

/* An option that a verb has no use for is a mistake: silently ignoring --repair would be worse. */
static int check_options(const CtlRequest *request, char *text) {
        uint64_t extra = request->options & ~(request->verb->options | OPTIONS_OF_ALL);
        char name[32];

        if (is_local(request->verb->id) && (request->host || request->machine)) {
                (void) snprintf(text, CTL_USAGE_TEXT_SIZE,
                                _("\"%s\" works on files, units or programs of this machine; "
                                  "run it there, without --%s"),
                                ctl_verb_name(request->verb, name), request->host ? "host" : "machine");
                return -EINVAL;
        }

        for (size_t i = 0; i < ELEMENTSOF(options); i++)
                if (extra & options[i].id) {
                        (void) snprintf(text, CTL_USAGE_TEXT_SIZE, _("\"%s\" does not take --%s"),
                                        ctl_verb_name(request->verb, name), options[i].name);
                        return -EINVAL;
                }

        /* An inode's number is used again for another file; its generation is not. Where nothing is changed the number
         * is enough. */
        if ((request->verb->options & CTL_OPTION_GENERATION) &&
            !(request->options & CTL_OPTION_GENERATION) != !(request->options & CTL_OPTION_INODE)) {
                (void) snprintf(text, CTL_USAGE_TEXT_SIZE,
                                _("--inode and --generation belong together; "
                                  "events show both: \"ino 133 gen 0x5\""));
                return -EINVAL;
        }
        return check_pairs(request->options, text);
}

static int check_arguments(const CtlRequest *request, int n_given, const char *first_extra, char *text) {
        const CtlVerb *verb = request->verb;
        char name[32], shown[WORD_SIZE];

        if (n_given < verb->n_min) {
                (void) snprintf(text, CTL_USAGE_TEXT_SIZE, _("\"%s\" needs %s"), ctl_verb_name(verb, name),
                                verb->arguments);
                return -EINVAL;
        }
        if (n_given > verb->n_max) {
                (void) snprintf(text, CTL_USAGE_TEXT_SIZE, _("one argument too many: \"%s\""),
                                show_word(first_extra, shown));
                return -EINVAL;
        }
        return 0;
}

int ctl_request_parse(int argc, char **argv, CtlRequest *ret_request, char reterr_text[static CTL_USAGE_TEXT_SIZE]) {
        CtlRequest request = {};
        int n_words, n_used = 0, n_given;
        char **words;

        reterr_text[0] = '\0';
        if (parse_options(argc, argv, &request, reterr_text) < 0)
                return -EINVAL;

        words = argv + optind;
        n_words = argc - optind;
        if (request.options & (CTL_OPTION_HELP | CTL_OPTION_VERSION)) {
                const char *word = request.options & CTL_OPTION_HELP ? "help" : "version";

                request.verb = find_verb((char *[]) { (char *) word }, 1, &n_used);
                *ret_request = request;
                return 0;
        }

        request.verb = n_words > 0 ? find_verb(words, n_words, &n_used) : verbs;
        if (!request.verb)
                return unknown_verb(reterr_text, words[0], n_words > 1 ? words[1] : NULL);

        n_given = n_words - n_used;
        if (check_options(&request, reterr_text) < 0 ||
            check_arguments(&request, n_given, n_given > request.verb->n_max ? words[n_used + request.verb->n_max] : "",
                            reterr_text) < 0)
                return -EINVAL;

        request.command = words + n_used;
        for (int i = 0; i < n_given && i < (int) ELEMENTSOF(request.arguments); i++)
                request.arguments[i] = words[n_used + i];
        request.n_arguments = n_given;
        *ret_request = request;
        return 0;
}
