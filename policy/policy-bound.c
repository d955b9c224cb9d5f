/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reasons to deny, each with its words.
 */
#include "policy/policy-bound.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "src/basic/text.h"
#include "src/model/workload-plan.h"

const ProtectSource *protection_find(Protection *protection, const Policy *policy, MatchContext *context,
                                     ActionKind kind) {
        if (!protection->is_evaluated) {
                for (size_t i = 0; i < policy->n_protects; i++) {
                        const ProtectSource *protect = &policy->protects[i];

                        /* Unknown protects: better to refuse once too often. */
                        if (condition_match(&protect->match, context, NULL) == VERDICT_NO)
                                continue;
                        for (unsigned action = 0; action < N_ACTION_KINDS; action++)
                                if (!protection->by[action] && (protect->denied & (UINT32_C(1) << action)))
                                        protection->by[action] = protect;
                }
                protection->is_evaluated = true;
        }

        return protection->by[kind];
}

AutofsckLevel policy_autofsck_level(const FilesystemFacts *filesystem) {
        static const AutofsckLevel levels[] = {
                [AUTOFSCK_UNSET] = AUTOFSCK_LEVEL_REPORT,
                [AUTOFSCK_NONE] = AUTOFSCK_LEVEL_REPORT,
                [AUTOFSCK_CHECK] = AUTOFSCK_LEVEL_CHECK,
                [AUTOFSCK_OPTIMIZE] = AUTOFSCK_LEVEL_CHECK,
                [AUTOFSCK_REPAIR] = AUTOFSCK_LEVEL_REPAIR,
        };
        bool is_unset;

        if (!filesystem || filesystem->autofsck_state == FACT_UNKNOWN)
                return AUTOFSCK_LEVEL_REPORT;

        is_unset = filesystem->autofsck_state == FACT_ABSENT || filesystem->autofsck == AUTOFSCK_UNSET;
        if (is_unset)
                return filesystem->has_rmapbt || filesystem->has_parent_pointers ? AUTOFSCK_LEVEL_CHECK
                                                                                  : AUTOFSCK_LEVEL_REPORT;

        /* A value from elsewhere that we do not know allows nothing. */
        return (size_t) filesystem->autofsck < ELEMENTSOF(levels) ? levels[filesystem->autofsck]
                                                                  : AUTOFSCK_LEVEL_REPORT;
}

char *autofsck_text(const FilesystemFacts *filesystem, char buffer[static AUTOFSCK_TEXT_SIZE]) {
        const char *word = "unknown";

        if (filesystem && filesystem->autofsck_state == FACT_ABSENT)
                word = autofsck_to_name(AUTOFSCK_UNSET);
        else if (filesystem && filesystem->autofsck_state == FACT_KNOWN)
                word = autofsck_to_name(filesystem->autofsck) ?: "unknown";

        (void) snprintf(buffer, AUTOFSCK_TEXT_SIZE, "autofsck: %s", word);
        return buffer;
}

static void deny(ActionRequest *request, const char *format, ...) _printf_(2, 3);

static void deny(ActionRequest *request, const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        /* The longest of them fits: a name of RULE_ID_SIZE, or a match key. */
        (void) vsnprintf(request->denied_by, sizeof(request->denied_by), format, arguments);
        va_end(arguments);
}

/* Labels, UUIDs and mount points are chosen by whoever brings a disk; what may be such a disk is left alone. */
static bool is_guarded(const PolicyRule *rule, const FilesystemFacts *filesystem, ActionKind kind) {
        return rule && rule->is_guarded && action_kind_is_destructive(kind) &&
               filesystem->is_removable != TRISTATE_NO;
}

static bool names_damage(const HealthEvent *event) {
        return (event->kind == EVENT_SICK || event->kind == EVENT_CORRUPT) && event->structure != STRUCTURE_NONE &&
               event->structure != STRUCTURE_UNRECOGNISED;
}

/* What takes the file system from everybody, or everybody from it. */
static bool takes_away(ActionKind kind) {
        return kind == ACTION_FAIL_WORKLOAD || kind == ACTION_FREEZE || kind == ACTION_SHUTDOWN ||
               kind == ACTION_RECYCLE;
}

/* The machine stands on these; the worker refuses it once more. NULL: it is none of them. */
static const char *ground_of(const FilesystemFacts *filesystem) {
        if (filesystem->is_root != TRISTATE_NO)
                return filesystem->is_root == TRISTATE_YES ? "holds the system" : "perhaps holds the system";
        if (filesystem->is_state != TRISTATE_NO)
                return filesystem->is_state == TRISTATE_YES ? "holds healerd's own state"
                                                            : "perhaps holds healerd's own state";
        return NULL;
}

/* NULL: there may be some. */
static const char *has_no_users(const FilesystemFacts *filesystem, const HealthEvent *event,
                                const WorkloadScope *scope) {
        char pod[WORKLOAD_POD_SIZE];

        if (scope->who == WHO_FILE_USERS)
                return event->inode == 0 ? "the event names no file" : NULL;
        if (scope->who != WHO_VOLUME_USERS)
                return NULL;
        if (filesystem->are_mounts_unknown)
                return "where it is mounted is unknown";
        for (size_t i = 0; i < filesystem->n_mounts; i++)
                if (workload_pod_of_volume(filesystem->mounts[i], pod))
                        return NULL;
        return "it is not mounted in the volumes folder of a pod";
}

/* Returns whether it is denied. */
static bool bound_by_users(const EventFacts *facts, ActionRequest *request) {
        const char *why = takes_away(request->kind) ? ground_of(facts->filesystem) : NULL;

        if (!why && request->workloads)
                why = has_no_users(facts->filesystem, facts->event, request->workloads);
        if (why)
                deny(request, "%s", why);
        return why;
}

static void bound_by_autofsck(const FilesystemFacts *filesystem, ActionRequest *request, bool *ret_is_lowered) {
        AutofsckLevel allowed = policy_autofsck_level(filesystem);
        char text[AUTOFSCK_TEXT_SIZE];

        if (action_word_of(request->kind)->level > allowed)
                deny(request, "%s", autofsck_text(filesystem, text));
        else if (request->kind == ACTION_SCRUB && request->scrub_repair == SCRUB_REPAIR_IF_ALLOWED &&
                 allowed < AUTOFSCK_LEVEL_REPAIR) {
                request->scrub_repair = SCRUB_REPAIR_NEVER;
                *ret_is_lowered = true;
        }
}

void bound_request(const Policy *policy, const PolicyRule *rule, MatchContext *context, Protection *protection,
                   ActionRequest *request, bool *ret_is_lowered) {
        const FilesystemFacts *filesystem = context->facts->filesystem;
        const ProtectSource *protect;

        *ret_is_lowered = false;
        if (action_word_of(request->kind)->is_telling)
                return;

        protect = protection_find(protection, policy, context, request->kind);
        if (protect)
                deny(request, "protect: %s", protect->id);
        else if (!filesystem)
                deny(request, "the event belongs to no file system");
        else if (is_guarded(rule, filesystem, request->kind))
                deny(request, "%s: selected by %s, which whoever brings a disk chooses",
                     filesystem->is_removable == TRISTATE_YES ? "removable" : "perhaps removable",
                     rule->guard->key->path);
        else if (request->kind == ACTION_REPAIR && !names_damage(context->facts->event))
                deny(request, "the event names no damaged structure");
        else if (bound_by_users(context->facts, request))
                return;
        else if (rule && rule->source.ignores_autofsck)
                request->ignore_autofsck = true;
        else
                bound_by_autofsck(filesystem, request, ret_is_lowered);
}
