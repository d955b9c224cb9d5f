/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of units and containers are matched whole; nothing in them is a separator.
 */
#include "src/model/workload-scope.h"

#include <fnmatch.h>
#include <string.h>

#include "src/basic/macro.h"
#include "src/basic/text.h"

static const char *const workload_who_names[] = {
        [WHO_FILE_USERS] = "file-users",
        [WHO_FS_USERS] = "fs-users",
        [WHO_VOLUME_USERS] = "volume-users",
};
DEFINE_NAMES(workload_who, WorkloadWho)

static const char *const workload_how_names[] = {
        [HOW_STOP] = "stop",
        [HOW_FAIL] = "fail",
        [HOW_FREEZE] = "freeze",
};
DEFINE_NAMES(workload_how, WorkloadHow)

static const char *const workload_key_names[] = {
        [WORKLOAD_KEY_UNIT] = "unit",
        [WORKLOAD_KEY_SLICE] = "slice",
        [WORKLOAD_KEY_CONTAINER] = "container",
        [WORKLOAD_KEY_POD] = "pod",
};
DEFINE_NAMES(workload_key, WorkloadKey)

static const char *const workload_fate_names[] = {
        [FATE_SPARED] = "spared",
        [FATE_STOPPED] = "stopped",
        [FATE_FAILED] = "failed",
        [FATE_KILLED] = "killed",
        [FATE_FROZEN] = "frozen",
        [FATE_THAWED] = "thawed",
        [FATE_GONE] = "gone",
        [FATE_LEFT] = "left",
        [FATE_BACK] = "back",
};
DEFINE_NAMES(workload_fate, WorkloadFate)

/* How units begin that are somebody's session; systemd makes them. */
static const char *const session_prefixes[] = { "session-", "user@" };

WorkloadScope workload_scope_default(WorkloadHow how) {
        return (WorkloadScope) {
                .who = WHO_FS_USERS,
                .how = (uint8_t) how,
                .max = WORKLOADS_MAX_DEFAULT,
                .term_usec = how == HOW_STOP ? WORKLOAD_TERM_DEFAULT_USEC : 0,
        };
}

int workload_scope_add_only(WorkloadScope *scope, WorkloadKey key, const char *pattern) {
        char *only = scope->only[key];
        size_t length = strlen(only), more = strlen(pattern);

        if (more == 0 || strpbrk(pattern, "\n/"))
                return -EINVAL;
        if (length + (length > 0) + more >= WORKLOAD_ONLY_SIZE)
                return -ENOBUFS;

        if (length > 0)
                only[length++] = '\n';
        memcpy(only + length, pattern, more + 1);
        return 0;
}

bool workload_pattern_is_exact(const char *pattern) {
        return !text_equal(pattern, WORKLOAD_ANY) && !strpbrk(pattern, "*?[\\");
}

int workload_scope_each_only(const WorkloadScope *scope, WorkloadKey key, WorkloadPattern call, void *userdata) {
        for (const char *line = scope->only[key]; *line;) {
                char pattern[WORKLOAD_ONLY_SIZE];
                size_t length = strcspn(line, "\n");
                int r;

                memcpy(pattern, line, length);
                pattern[length] = 0;
                r = call(pattern, userdata);
                if (r < 0)
                        return r;
                line += length + (line[length] == '\n');
        }
        return 0;
}

/* -1 ends the search: found. */
static int is_fitting(const char *pattern, void *userdata) {
        return text_equal(pattern, WORKLOAD_ANY) || fnmatch(pattern, userdata, FNM_NOESCAPE) == 0 ? -1 : 0;
}

bool workload_scope_fits(const WorkloadScope *scope, WorkloadKey key, const char *value) {
        char copy[UNIT_NAME_SIZE];

        if (!scope->only[key][0])
                return true;
        return value[0] && text_copy(copy, sizeof(copy), value) >= 0 &&
               workload_scope_each_only(scope, key, is_fitting, copy) < 0;
}

static int is_naming_session(const char *pattern, void *userdata) {
        const char *unit = userdata;

        for (size_t i = 0; i < ELEMENTSOF(session_prefixes); i++)
                if (text_starts_with(pattern, session_prefixes[i]) && text_starts_with(unit, session_prefixes[i]))
                        return fnmatch(pattern, unit, FNM_NOESCAPE) == 0 ? -1 : 0;
        return 0;
}

bool workload_scope_names_session(const WorkloadScope *scope, const char *unit) {
        char copy[UNIT_NAME_SIZE];

        return text_copy(copy, sizeof(copy), unit) >= 0 &&
               workload_scope_each_only(scope, WORKLOAD_KEY_UNIT, is_naming_session, copy) < 0;
}

bool workload_scope_same_users(const WorkloadScope *a, const WorkloadScope *b) {
        for (size_t i = 0; i < N_WORKLOAD_KEYS; i++)
                if (!text_equal(a->only[i], b->only[i]))
                        return false;
        return a->who == b->who && a->even_if_unused == b->even_if_unused;
}

bool workload_scope_is_valid(const WorkloadScope *scope) {
        for (size_t i = 0; i < N_WORKLOAD_KEYS; i++)
                if (!memchr(scope->only[i], 0, WORKLOAD_ONLY_SIZE) || strchr(scope->only[i], '/'))
                        return false;
        return scope->is_large_confirmed <= 1 && scope->even_if_unused <= 1 &&
               scope->who < N_WORKLOAD_WHOS && scope->how < N_WORKLOAD_HOWS && scope->max >= 1 &&
               scope->max <= WORKLOADS_MAX_LIMIT && scope->warn_usec <= WORKLOAD_WARN_MAX_USEC &&
               scope->term_usec <= WORKLOAD_TERM_MAX_USEC && scope->thaw_usec <= WORKLOAD_THAW_MAX_USEC &&
               (scope->how == HOW_FREEZE) == (scope->thaw_usec > 0);
}
