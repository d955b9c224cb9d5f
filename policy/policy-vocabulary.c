/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tables of the policy language. See the header for what a row means.
 */
#include "policy/policy-vocabulary.h"

#include <string.h>

#include "policy/policy-facts.h"
#include "policy/rule-timing.h"
#include "src/basic/text.h"

static const char *const test_operator_names[] = {
        [OPERATOR_GLOB] = "glob",
        [OPERATOR_UNDER] = "under",
        [OPERATOR_REGEX] = "regex",
        [OPERATOR_AT_LEAST] = "at-least",
        [OPERATOR_AT_MOST] = "at-most",
};
DEFINE_NAMES(test_operator, TestOperator)

#define TEXT_OPERATORS (OPERATOR_BIT(OPERATOR_GLOB) | OPERATOR_BIT(OPERATOR_REGEX))
#define PATH_OPERATORS (TEXT_OPERATORS | OPERATOR_BIT(OPERATOR_UNDER))
#define ORDER_OPERATORS (OPERATOR_BIT(OPERATOR_AT_LEAST) | OPERATOR_BIT(OPERATOR_AT_MOST))

/* Masks of enum values are 64 bits wide. */
_Static_assert(N_EVENT_KINDS <= 64, "event kinds fit a mask");
_Static_assert(N_STRUCTURES <= 64, "structures fit a mask");
_Static_assert(N_EVENT_DOMAINS <= 64, "domains fit a mask");

static const char *event_word(unsigned i) {
        return event_kind_to_name((EventKind) i);
}

static const char *severity_word(unsigned i) {
        return severity_to_name((Severity) i);
}

static const char *domain_word(unsigned i) {
        return event_domain_to_name((EventDomain) i);
}

static const char *structure_word(unsigned i) {
        return structure_to_name((Structure) i);
}

static const char *autofsck_word(unsigned i) {
        return autofsck_to_name((Autofsck) i);
}

static const char *shutdown_reason_word(unsigned i) {
        return shutdown_reason_to_name(UINT32_C(1) << i);
}

static const char *truth_word(unsigned i) {
        return i ? "true" : "false";
}

#define KEY_TEXT(key, getter, text)                                                             \
        { .path = (key), .type = VALUE_TEXT, .operators = TEXT_OPERATORS,                       \
          .get = (getter), .help = (text) }
#define KEY_TRUTH(key, getter, text)                                                            \
        { .path = (key), .type = VALUE_BOOL, .get = (getter), .word = truth_word,               \
          .n_words = 2, .help = (text) }
#define KEY_WORD(key, getter, word_of, n, text)                                                 \
        { .path = (key), .type = VALUE_WORD, .get = (getter), .word = (word_of),                \
          .n_words = (n), .help = (text) }
#define KEY_NUMBER(key, getter, text)                                                           \
        { .path = (key), .type = VALUE_NUMBER, .operators = ORDER_OPERATORS,                    \
          .get = (getter), .help = (text) }
#define KEY_WORKLOAD(key, getter, text)                                                         \
        { .path = (key), .type = VALUE_TEXT, .operators = TEXT_OPERATORS,                       \
          .fact = POLICY_FACT_WORKLOAD, .get = (getter), .help = (text) }

static const MatchKey match_keys[] = {
        KEY_TEXT("fs.type", fact_get_fs_type, "file system type, for example xfs"),
        { .path = "fs.mount", .type = VALUE_PATH, .operators = PATH_OPERATORS,
          .is_settable_by_user = true, .get = fact_get_fs_mount,
          .help = "any mount point of the file system in the first mount namespace" },
        { .path = "fs.label", .type = VALUE_TEXT, .operators = TEXT_OPERATORS,
          .is_settable_by_user = true, .get = fact_get_fs_label, .help = "label of the file system" },
        { .path = "fs.uuid", .type = VALUE_UUID, .operators = TEXT_OPERATORS,
          .is_settable_by_user = true, .get = fact_get_fs_uuid,
          .help = "UUID of the file system; patterns see it in lower case" },
        { .path = "fs.device", .type = VALUE_PATH, .operators = PATH_OPERATORS,
          .get = fact_get_fs_device, .help = "device as it was mounted, for example /dev/sda1" },
        KEY_TRUTH("fs.root", fact_get_fs_root, "holds /, a layer of an overlay that is /, or /usr"),
        KEY_TRUTH("fs.state", fact_get_fs_state, "holds this service's own state"),
        KEY_TRUTH("fs.removable", fact_get_fs_removable,
                    "removable, on USB, MMC or Thunderbolt, or mounted by a user"),
        { .path = "fs.autofsck", .type = VALUE_WORD, .fact = POLICY_FACT_AUTOFSCK,
          .get = fact_get_fs_autofsck, .word = autofsck_word, .n_words = AUTOFSCK_REPAIR + 1,
          .help = "the file system's own property: how far automatic checking may go" },

        KEY_WORD("event", fact_get_event, event_word, N_EVENT_KINDS, "what happened"),
        { .path = "severity", .type = VALUE_WORD, .operators = ORDER_OPERATORS,
          .get = fact_get_severity, .word = severity_word, .n_words = SEVERITY_INFO + 1,
          .is_descending = true, .help = "how bad it is" },
        KEY_WORD("domain", fact_get_domain, domain_word, N_EVENT_DOMAINS, "where it happened"),
        KEY_WORD("structure", fact_get_structure, structure_word, N_STRUCTURES, "damaged metadata structure"),
        KEY_NUMBER("group", fact_get_group, "number of the allocation or realtime group"),
        { .path = "errno", .type = VALUE_ERRNO, .get = fact_get_errno,
          .help = "error of a failed read or write, for example EIO" },
        KEY_NUMBER("count", fact_get_count, "reports merged into the event, or how many were lost"),

        { .path = "shutdown-reason", .type = VALUE_WORD, .is_set = true,
          .get = fact_get_shutdown_reason, .word = shutdown_reason_word, .n_words = N_SHUTDOWN_REASONS,
          .help = "why the file system shut down; there can be several" },
        KEY_TEXT("location", fact_get_location, "place in the kernel's code that found the problem, function:line"),

        { .path = "file.path", .type = VALUE_PATH, .operators = PATH_OPERATORS,
          .is_settable_by_user = true, .fact = POLICY_FACT_PATH, .get = fact_get_file_path,
          .help = "path of the file, through any mount point of the whole file system" },
        { .path = "file.owner", .type = VALUE_ACCOUNT, .operators = TEXT_OPERATORS | ORDER_OPERATORS,
          .is_settable_by_user = true, .fact = POLICY_FACT_OWNER, .get = fact_get_file_owner,
          .help = "user who owns the file, by name or number" },
        { .path = "file.group", .type = VALUE_ACCOUNT, .operators = TEXT_OPERATORS | ORDER_OPERATORS,
          .is_settable_by_user = true, .fact = POLICY_FACT_OWNER, .get = fact_get_file_group,
          .help = "group of the file, by name or number" },
        { .path = "file.project", .type = VALUE_NUMBER, .operators = ORDER_OPERATORS,
          .is_settable_by_user = true, .fact = POLICY_FACT_PROJECT, .get = fact_get_file_project,
          .help = "project number of the file; 0 if it has none" },
        KEY_WORKLOAD("workload.unit", fact_get_workload_unit,
                       "a systemd unit that uses the file, or the file system"),
        KEY_WORKLOAD("workload.slice", fact_get_workload_slice, "a systemd slice of those"),
        { .path = "workload.cgroup", .type = VALUE_PATH, .operators = PATH_OPERATORS,
          .fact = POLICY_FACT_WORKLOAD, .get = fact_get_workload_cgroup, .help = "a control group of those" },
        { .path = "workload.user", .type = VALUE_ACCOUNT, .operators = TEXT_OPERATORS | ORDER_OPERATORS,
          .fact = POLICY_FACT_WORKLOAD, .get = fact_get_workload_user,
          .help = "a user whose processes use it, by name or number" },
        KEY_WORKLOAD("workload.container", fact_get_workload_container, "a container that uses it"),
        KEY_WORKLOAD("workload.pod", fact_get_workload_pod, "a Kubernetes pod that uses it, by its UID"),
        { .path = "time", .type = VALUE_WINDOW, .get = fact_get_time,
          .help = "a window of the policy that is open when the event is decided" },
};
_Static_assert(ELEMENTSOF(match_keys) <= MATCH_KEYS_MAX, "every key has a place in a MatchContext");

/* Most words differ in their first letter, and a policy of thousands of rules asks for some hundred thousand of them.
 */
static inline bool is_word(const char *known, const char *word) {
        return known[0] == word[0] && strcmp(known, word) == 0;
}

size_t match_key_count(void) {
        return ELEMENTSOF(match_keys);
}

const MatchKey *match_key_at(size_t index) {
        return &match_keys[index];
}

size_t match_key_index(const MatchKey *key) {
        return (size_t) (key - match_keys);
}

const MatchKey *match_key_find(const char *path) {
        for (size_t i = 0; i < ELEMENTSOF(match_keys); i++)
                if (is_word(match_keys[i].path, path))
                        return &match_keys[i];

        return NULL;
}

bool match_key_is_group(const char *path) {
        size_t length = strlen(path);

        for (size_t i = 0; i < ELEMENTSOF(match_keys); i++)
                if (strncmp(match_keys[i].path, path, length) == 0 && match_keys[i].path[length] == '.')
                        return true;

        return false;
}

uint64_t match_key_word_mask(const MatchKey *key, const char *word) {
        uint64_t mask = 0;

        for (unsigned i = 0; i < key->n_words; i++)
                if (key->word(i) && is_word(key->word(i), word))
                        mask |= UINT64_C(1) << i;

        return mask;
}

const char *value_type_to_text(ValueType type) {
        switch (type) {
        case VALUE_TEXT:
                return "a text";
        case VALUE_PATH:
                return "an absolute path";
        case VALUE_UUID:
                return "a UUID";
        case VALUE_WORD:
                return "a word";
        case VALUE_NUMBER:
                return "a number";
        case VALUE_ERRNO:
                return "the name of an error, such as EIO";
        case VALUE_BOOL:
                return "true or false";
        case VALUE_WINDOW:
                return "the name of a window";
        case VALUE_ACCOUNT:
                return "a name or a number";
        }

        return NULL;
}

static const ActionWord action_words[N_ACTION_KINDS] = {
        [ACTION_LOG] = { ACTION_LOG, true, AUTOFSCK_LEVEL_REPORT,
                         "write a line about it to the journal" },
        [ACTION_NOTIFY] = { ACTION_NOTIFY, true, AUTOFSCK_LEVEL_REPORT, "tell somebody" },
        [ACTION_CONDITION] = { ACTION_CONDITION, true, AUTOFSCK_LEVEL_REPORT,
                               "raise a condition that stays until it is cleared" },
        [ACTION_SURVEY] = { ACTION_SURVEY, false, AUTOFSCK_LEVEL_REPORT,
                            "ask the kernel what it knows to be sick" },
        [ACTION_REPAIR] = { ACTION_REPAIR, false, AUTOFSCK_LEVEL_REPAIR,
                            "repair the damaged structure online" },
        [ACTION_SCRUB] = { ACTION_SCRUB, false, AUTOFSCK_LEVEL_CHECK,
                           "check the whole file system, or repair it" },
        [ACTION_VERIFY_MEDIA] = { ACTION_VERIFY_MEDIA, false, AUTOFSCK_LEVEL_REPORT,
                                  "read the device and report what cannot be read" },
        [ACTION_FAIL_WORKLOAD] = { ACTION_FAIL_WORKLOAD, false, AUTOFSCK_LEVEL_REPORT,
                                   "stop the units and containers that use the file system" },
        [ACTION_FREEZE] = { ACTION_FREEZE, false, AUTOFSCK_LEVEL_REPORT,
                            "have the units and containers that use the file system stand still for a while" },
        [ACTION_SHUTDOWN] = { ACTION_SHUTDOWN, false, AUTOFSCK_LEVEL_REPORT,
                              "shut the file system down: everything that uses it fails at once" },
        [ACTION_RECYCLE] = { ACTION_RECYCLE, false, AUTOFSCK_LEVEL_REPORT,
                             "unmount and mount the file system again" },
        [ACTION_START_UNIT] = { ACTION_START_UNIT, false, AUTOFSCK_LEVEL_REPORT, "start a systemd unit" },
};

const ActionWord *action_word_of(ActionKind kind) {
        return &action_words[kind];
}

/* Of parameters whose type is one of WorkloadScope's. */
#define SCOPE(field) offsetof(WorkloadScope, field)

static const ActionParameter action_parameters[] = {
        { ACTION_NOTIFY, "severity", PARAMETER_SEVERITY, false, offsetof(ActionRequest, severity), 0, 0,
          "how urgent it is; default: the event's own severity" },
        { ACTION_NOTIFY, "route", PARAMETER_ROUTE, false, offsetof(ActionRequest, route), 0, 0,
          "where the message goes besides journal and bus, one of \"routes\"" },

        { ACTION_CONDITION, "name", PARAMETER_NAME, false, offsetof(ActionRequest, name), 0, 0,
          "what it is called; default: as the rule" },
        { ACTION_CONDITION, "severity", PARAMETER_SEVERITY, false, offsetof(ActionRequest, severity), 0, 0,
          "how bad it is; default: the event's own severity" },
        { ACTION_CONDITION, "message", PARAMETER_SENTENCE, false, offsetof(ActionRequest, message), 0,
          CONDITION_MESSAGE_MAX, "one sentence for people" },

        { ACTION_REPAIR, "timeout", PARAMETER_DURATION, false, offsetof(ActionRequest, timeout_usec),
          USEC_PER_SEC, 7 * USEC_PER_DAY, "how long one try may take" },
        { ACTION_REPAIR, "retries", PARAMETER_COUNT, false, offsetof(ActionRequest, n_retries), 0, 100,
          "extra tries when the kernel is busy or short of memory; default 3" },
        { ACTION_REPAIR, "backoff", PARAMETER_DURATION_RANGE, false, offsetof(ActionRequest, backoff_min_usec),
          USEC_PER_SEC, USEC_PER_DAY, "pause before the next try, first..longest; default 5s..1min" },

        { ACTION_SCRUB, "repair", PARAMETER_SCRUB_REPAIR, false, offsetof(ActionRequest, scrub_repair), 0, 0,
          "never: only check; if-allowed: repair where autofsck says so" },
        { ACTION_SCRUB, "timeout", PARAMETER_DURATION, false, offsetof(ActionRequest, timeout_usec),
          USEC_PER_MINUTE, 30 * USEC_PER_DAY, "how long it may take" },
        { ACTION_SCRUB, "in", PARAMETER_WINDOW, false, offsetof(ActionRequest, window), 0, 0,
          "window of time to wait for" },
        { ACTION_SCRUB, "expires", PARAMETER_DURATION, false, offsetof(ActionRequest, expires_usec),
          USEC_PER_MINUTE, TIMING_MAX_USEC, "how long to wait for the window; default 30d" },

        { ACTION_VERIFY_MEDIA, "space", PARAMETER_VERIFY_SPACE, false, offsetof(ActionRequest, verify_space), 0,
          0, "used: what is in use; all: free space as well; default used" },
        { ACTION_VERIFY_MEDIA, "rate", PARAMETER_BYTES, false, offsetof(ActionRequest, rate_bytes),
          VERIFY_RATE_MIN_BYTES, UINT64_C(1) << 40, "bytes in a second at most, such as 50M; default: no limit" },
        { ACTION_VERIFY_MEDIA, "timeout", PARAMETER_DURATION, false, offsetof(ActionRequest, timeout_usec),
          USEC_PER_MINUTE, 90 * USEC_PER_DAY, "how long it may take; default 7d" },
        { ACTION_VERIFY_MEDIA, "in", PARAMETER_WINDOW, false, offsetof(ActionRequest, window), 0, 0,
          "window of time to wait for" },
        { ACTION_VERIFY_MEDIA, "expires", PARAMETER_DURATION, false, offsetof(ActionRequest, expires_usec),
          USEC_PER_MINUTE, TIMING_MAX_USEC, "how long to wait for the window; default 30d" },

        { ACTION_START_UNIT, "unit", PARAMETER_UNIT, true, offsetof(ActionRequest, unit), 0, 0,
          "template of the unit, NAME@.service; the instance is the number of the job" },
        { ACTION_START_UNIT, "timeout", PARAMETER_DURATION, false, offsetof(ActionRequest, timeout_usec),
          USEC_PER_SEC, 30 * USEC_PER_DAY, "how long it may run before it is stopped; default 1h" },

        { ACTION_FAIL_WORKLOAD, "who", PARAMETER_WHO, true, SCOPE(who), 0, 0,
          "users of what: of the file, of the file system, or the pod whose volume it is" },
        { ACTION_FAIL_WORKLOAD, "only", PARAMETER_ONLY, false, SCOPE(only), 0, 0,
          "those of them whose unit, slice, container or pod is named" },
        { ACTION_FAIL_WORKLOAD, "how", PARAMETER_HOW, false, SCOPE(how), 0, 0,
          "stop: as systemctl stop; fail: killed, so that Restart= and OnFailure= see it; default stop" },
        { ACTION_FAIL_WORKLOAD, "warn", PARAMETER_SCOPE_DURATION, false, SCOPE(warn_usec), 0,
          WORKLOAD_WARN_MAX_USEC, "how long before it is announced; default 0s" },
        { ACTION_FAIL_WORKLOAD, "term", PARAMETER_SCOPE_DURATION, false, SCOPE(term_usec), 0,
          WORKLOAD_TERM_MAX_USEC, "how long after it was asked to end it is killed; default 30s, with how: fail 0s" },
        { ACTION_FAIL_WORKLOAD, "max", PARAMETER_SCOPE_COUNT, false, SCOPE(max), 1, WORKLOADS_MAX_LIMIT,
          "if there are more, nothing is done to any; default 3" },
        { ACTION_FAIL_WORKLOAD, "confirm", PARAMETER_CONFIRM, false, SCOPE(is_large_confirmed), 0, 0,
          "large: more than max are meant as well" },
        { ACTION_FAIL_WORKLOAD, "hold", PARAMETER_HOLD, false, SCOPE(hold_usec), USEC_PER_SEC, TIMING_MAX_USEC,
          "how long units cannot be started again, or until-clear" },
        { ACTION_FAIL_WORKLOAD, "even-if-unused", PARAMETER_TRUTH, false, SCOPE(even_if_unused), 0, 0,
          "true: also units named exactly that were not found using it" },

        { ACTION_FREEZE, "who", PARAMETER_WHO, true, SCOPE(who), 0, 0,
          "users of what: of the file, of the file system, or the pod whose volume it is" },
        { ACTION_FREEZE, "thaw", PARAMETER_SCOPE_DURATION, true, SCOPE(thaw_usec), USEC_PER_SEC,
          WORKLOAD_THAW_MAX_USEC, "how long they stand still" },
        { ACTION_FREEZE, "only", PARAMETER_ONLY, false, SCOPE(only), 0, 0,
          "those of them whose unit, slice, container or pod is named" },
        { ACTION_FREEZE, "warn", PARAMETER_SCOPE_DURATION, false, SCOPE(warn_usec), 0, WORKLOAD_WARN_MAX_USEC,
          "how long before it is announced; default 0s" },
        { ACTION_FREEZE, "max", PARAMETER_SCOPE_COUNT, false, SCOPE(max), 1, WORKLOADS_MAX_LIMIT,
          "if there are more, nothing is done to any; default 3" },
        { ACTION_FREEZE, "confirm", PARAMETER_CONFIRM, false, SCOPE(is_large_confirmed), 0, 0,
          "large: more than max are meant as well" },

        { ACTION_SHUTDOWN, "timeout", PARAMETER_DURATION, false, offsetof(ActionRequest, timeout_usec),
          USEC_PER_SEC, USEC_PER_HOUR, "how long it may take" },

        { ACTION_RECYCLE, "timeout", PARAMETER_DURATION, false, offsetof(ActionRequest, timeout_usec),
          USEC_PER_MINUTE, USEC_PER_DAY, "how long it may take; default 30min" },
};
_Static_assert(offsetof(ActionRequest, backoff_max_usec) ==
                       offsetof(ActionRequest, backoff_min_usec) + sizeof(uint64_t),
               "a range is stored as two values in a row");

size_t action_parameter_count(void) {
        return ELEMENTSOF(action_parameters);
}

const ActionParameter *action_parameter_at(size_t index) {
        return &action_parameters[index];
}

const ActionParameter *action_parameter_find(ActionKind action, const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(action_parameters); i++)
                if (action_parameters[i].action == action && is_word(action_parameters[i].name, name))
                        return &action_parameters[i];

        return NULL;
}

static const PolicyKey policy_keys[] = {
        { KEY_OF_FILE, "version", KEY_ANYWHERE, "version of the language, always the first key: 1" },
        { KEY_OF_FILE, "mode", KEY_ANYWHERE, "enforce, or observe: decide and record, do nothing" },
        { KEY_OF_FILE, "baseline", KEY_MAIN_ONLY, "autofsck or off: what happens when no rule takes an event" },
        { KEY_OF_FILE, "protect", KEY_ANYWHERE, "what is never done, whoever asks" },
        { KEY_OF_FILE, "rules", KEY_ANYWHERE, "what to do about which events" },
        { KEY_OF_FILE, "disable", KEY_DROP_IN_ONLY, "rules of earlier files that shall not be used" },
        { KEY_OF_FILE, "limits", KEY_ANYWHERE, "how many actions in how much time" },
        { KEY_OF_FILE, "windows", KEY_ANYWHERE, "named windows of time, for \"time\"" },
        { KEY_OF_FILE, "brake", KEY_ANYWHERE, "when many file systems fail at once" },
        { KEY_OF_FILE, "routes", KEY_ANYWHERE, "where notifications go, by name, for \"notify\"" },
        { KEY_OF_FILE, "patrol", KEY_ANYWHERE, "whether damage is looked for that nobody has met yet" },
        { KEY_OF_FILE, "schedules", KEY_ANYWHERE, "what is done to which file systems when, by the calendar" },
        { KEY_OF_FILE, "permit", KEY_ANYWHERE, "unit that is asked before each destructive action" },

        { KEY_OF_RULE, "id", KEY_ANYWHERE, "name of the rule, unique" },
        { KEY_OF_RULE, "match", KEY_ANYWHERE, "which events; without it all of them" },
        { KEY_OF_RULE, "on-unknown", KEY_ANYWHERE, "skip or match, if a fact is missing" },
        { KEY_OF_RULE, "do", KEY_ANYWHERE, "list of actions, in order" },
        { KEY_OF_RULE, "priority", KEY_ANYWHERE, "larger is looked at first; -1000 to 1000, default 0" },
        { KEY_OF_RULE, "continue", KEY_ANYWHERE, "true: later rules are looked at as well" },
        { KEY_OF_RULE, "ignore-autofsck", KEY_ANYWHERE, "true: the autofsck property does not bound this rule" },
        { KEY_OF_RULE, "stop-on-failure", KEY_ANYWHERE, "true: a failed action ends the list" },
        { KEY_OF_RULE, "mode", KEY_ANYWHERE, "enforce or observe, for this rule alone" },
        { KEY_OF_RULE, "when", KEY_ANYWHERE, "how often in how much time" },
        { KEY_OF_RULE, "cooldown", KEY_ANYWHERE, "how long the rule rests after it acted" },
        { KEY_OF_RULE, "escalate", KEY_ANYWHERE, "steps, the next one if the one before failed" },
        { KEY_OF_RULE, "again", KEY_ANYWHERE, "how soon the same damage counts as a failure" },
        { KEY_OF_RULE, "limits", KEY_ANYWHERE, "how many actions of this rule in how much time" },
        { KEY_OF_RULE, "for", KEY_ANYWHERE, "how long it has to last" },
        { KEY_OF_RULE, "gather", KEY_ANYWHERE, "one action for many events" },

        { KEY_OF_PROTECT, "id", KEY_ANYWHERE, "name of the protection, unique" },
        { KEY_OF_PROTECT, "match", KEY_ANYWHERE, "what is protected; {} is everything" },
        { KEY_OF_PROTECT, "deny", KEY_ANYWHERE, "all, or a list of actions; telling is never denied" },

        { KEY_OF_ROUTE, "unit", KEY_ANYWHERE, "template of the unit that is started for a message" },
        { KEY_OF_ROUTE, "group", KEY_ANYWHERE,
          "what comes within this time of the first is one message; default 30s" },
        { KEY_OF_ROUTE, "resend", KEY_ANYWHERE,
          "how often it is told again while a condition is open; 0s: never; default 4h" },

        { KEY_OF_WHEN, "count", KEY_ANYWHERE, "how often" },
        { KEY_OF_WHEN, "within", KEY_ANYWHERE, "in how much time, up to now" },
        { KEY_OF_WHEN, "per", KEY_ANYWHERE,
          "what is counted apart: fs, group, inode, structure, location, or a list of them; default fs" },
        { KEY_OF_WHEN, "distinct", KEY_ANYWHERE, "count different ones: structure, group or inode" },
        { KEY_OF_WHEN, "weight", KEY_ANYWHERE, "reports, or events, which stand for several; default reports" },

        { KEY_OF_COOLDOWN, "for", KEY_ANYWHERE, "how long, from the end of the last action" },
        { KEY_OF_COOLDOWN, "per", KEY_ANYWHERE, "what rests apart, as in \"when\"; default fs" },
        { KEY_OF_COOLDOWN, "then", KEY_ANYWHERE, "stop, or next: later rules are looked at meanwhile" },

        { KEY_OF_GATHER, "quiet", KEY_ANYWHERE, "how long without another one" },
        { KEY_OF_GATHER, "max", KEY_ANYWHERE, "at the latest this long after the first one" },
        { KEY_OF_GATHER, "per", KEY_ANYWHERE, "what is gathered apart, as in \"when\"; default fs" },

        { KEY_OF_LIMITS, "actions", KEY_ANYWHERE, "actions of all rules and the baseline, \"30 per 1h\"" },
        { KEY_OF_LIMITS, "parallel-repairs", KEY_ANYWHERE, "repairs at the same time; others wait" },
        { KEY_OF_LIMITS, "parallel-scrubs", KEY_ANYWHERE, "scans at the same time; others wait" },
        { KEY_OF_LIMITS, "workloads", KEY_ANYWHERE, "units and containers that are failed, \"3 per 1h\"" },

        { KEY_OF_BRAKE, "filesystems", KEY_ANYWHERE, "how many different ones have to fail" },
        { KEY_OF_BRAKE, "within", KEY_ANYWHERE, "in how much time" },
        { KEY_OF_BRAKE, "calm", KEY_ANYWHERE, "nothing is done before none has failed for so long" },

        { KEY_OF_PATROL, "mode", KEY_ANYWHERE,
          "off, at-mount: once for each mount, or continuous: again and again" },
        { KEY_OF_PATROL, "share", KEY_ANYWHERE, "of the time, \"2%\": how long it looks, and rests in between" },
        { KEY_OF_PATROL, "removable", KEY_ANYWHERE, "true: also on removable disks" },
        { KEY_OF_PATROL, "rotating", KEY_ANYWHERE, "true: also on rotating disks" },

        { KEY_OF_SCHEDULE, "id", KEY_ANYWHERE, "name of the schedule, unique" },
        { KEY_OF_SCHEDULE, "match", KEY_ANYWHERE, "which file systems, by \"fs\"; without it all of them" },
        { KEY_OF_SCHEDULE, "at", KEY_ANYWHERE, "when, such as 'Sun *-*-1..7 03:00', or a list of such" },
        { KEY_OF_SCHEDULE, "spread", KEY_ANYWHERE,
          "up to how much later, another time for each machine and file system; default 1h" },
        { KEY_OF_SCHEDULE, "missed", KEY_ANYWHERE,
          "run: what was due while the machine was off is made up for; or skip; default run" },
        { KEY_OF_SCHEDULE, "do", KEY_ANYWHERE, "what: scrub" },

        { KEY_OF_RULE_LIMITS, "actions", KEY_ANYWHERE, "actions of this rule, \"5 per 1d\"" },
        { KEY_OF_RULE_LIMITS, "workloads", KEY_ANYWHERE,
          "units and containers that this rule fails, \"3 per 1h\"" },

        { KEY_OF_PERMIT, "unit", KEY_ANYWHERE, "template of the unit that is asked" },
        { KEY_OF_PERMIT, "timeout", KEY_ANYWHERE, "how long it may take to answer; default 10s" },
};

size_t policy_key_count(void) {
        return ELEMENTSOF(policy_keys);
}

const PolicyKey *policy_key_at(size_t index) {
        return &policy_keys[index];
}

const PolicyKey *policy_key_find(KeyPlace place, const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(policy_keys); i++)
                if (policy_keys[i].place == place && is_word(policy_keys[i].name, name))
                        return &policy_keys[i];

        return NULL;
}
